/* congestion.h: the choices that settings give TCP and its congestion control, by number. */
#ifndef CONFIG_CONGESTION_H
#define CONFIG_CONGESTION_H

/* As in pcb.xflags, see TX_CC_SHIFT. */
enum tcp_cc_id { TCP_CC_CUBIC, TCP_CC_RENO, TCP_CC_BBR, TCP_CC_DCTCP, TCP_CC_IDS };
#define TCP_CC_NAMES {"cubic", "reno", "bbr", "dctcp"}

/* What is not to be done though it could be, for measuring and tests: sysctls of Linux's with the value 0. */
#define TCP_NO_TIMESTAMPS   (1u << 0)
#define TCP_NO_SACK         (1u << 1)
#define TCP_NO_WINDOW_SCALE (1u << 2)
#define TCP_NO_IDLE_RESTART (1u << 3) /* tcp_slow_start_after_idle */

/* Explicit congestion notification, as Linux's tcp_ecn. */
enum tcp_ecn_mode { TCP_ECN_OFF, TCP_ECN_ON, TCP_ECN_ANSWER /* when the peer asks */, TCP_ECN_MODES };

#endif
