/* congestion.h: the choices that settings give TCP's congestion control, by number. */
#ifndef CONFIG_CONGESTION_H
#define CONFIG_CONGESTION_H

/* As in pcb.xflags, see TX_CC_SHIFT. */
enum tcp_cc_id { TCP_CC_CUBIC, TCP_CC_RENO, TCP_CC_BBR, TCP_CC_DCTCP, TCP_CC_IDS };
#define TCP_CC_NAMES {"cubic", "reno", "bbr", "dctcp"}

/* Explicit congestion notification, as Linux's tcp_ecn. */
enum tcp_ecn_mode { TCP_ECN_OFF, TCP_ECN_ON, TCP_ECN_ANSWER /* when the peer asks */, TCP_ECN_MODES };

#endif
