/* limits.h: every bound in spate, and why it is what it is. */
#ifndef SPATE_LIMITS_H
#define SPATE_LIMITS_H

/* ---- bursts and rings ---- */
#define RX_BURST 32          /* packets per rx call: what staged lookups can hide latency behind, and PMDs vectorise for */
#define TX_QUEUE_MAX 1024    /* packets waiting for the driver per core, then they are dropped and counted */
#define TX_RESERVED 512      /* of those, for answers that nobody keeps (SYN-ACK, RST, ARP, ICMP): TCP's data waits before that */
#define TX_BURST 32          /* packets per tx call */
#define TIMER_BURST 256      /* timers per poll; a million deadlines in one tick are spread over many polls */
#define RX_BURSTS_PER_POLL 4 /* a poll handles at most this many bursts before timers and the application get a turn ... */
#define RX_GLANCES_PER_POLL 16 /* ... and looks at so many when most of them is a flood of SYNs */

#define GRO_PAYLOAD_MIN 512  /* bytes: joining shorter segments costs more than handling them */

/* ---- devices ---- */
#define PORT_QUEUES_MAX 128  /* rx queues of one port: what the largest NICs give one function */
#define MTU_MAX 9000         /* jumbo frames as everybody has them */
#define JUMBO_FRAME 9216     /* ... and room for one, with headers, in one piece */
#define RSS_KEY_MAX 52       /* i40e's key, the longest that a PMD asks for */
#define RSS_RETA_MAX 2048    /* entries of the largest redirection table (ice PF) */

#define PORTS_MAX 8          /* devices of one end: two dual-port NICs per NUMA node of a large machine */
#define IFACES_MAX 64        /* network interfaces of one end: the VLANs of a trunk or two; looked up by number, so only a
			      * bound */

/* ---- mail between stacks ---- */
#define MAIL_RING 1024       /* mails under way from one stack to one other: what arrives during a long application turn */
#define MAIL_BATCH 256       /* packets that wait for one other stack beyond the ring, then they are dropped like in a NIC's
			      * queue */
#define MAIL_BURST 32        /* mails per call, as RX_BURST */
#define MAIL_DEBTS_MAX (1u << 20) /* notes that wait for a packet buffer: every connection of a default stack may end meanwhile */
#define MAIL_PER_POLL 512    /* mails handled in one turn: as many as four senders' bursts of four */

/* ---- connections ---- */
#define CONNS_DEFAULT (1u << 20)  /* --max-connections: sockets of one stack */
#define CONNS_MAX (1u << 26)      /* 64 M slots of 192 B are 12 GiB: more than one core can serve */
#define LOCAL_ADDRS_MAX 1024      /* local IPv4 addresses of one stack: 1024 x 64 K ports per destination */
#define BIND_REMOTE_MAX (1u << 20) /* bound ports of the end's other stacks that one stack keeps in mind: as many as its own */
#define PATHS_MAX (1u << 20)      /* remote addresses in use at one time, per stack */

/* ---- neighbours (RFC 1122 2.3.2.2, RFC 4861 10 for the times) ---- */
#define NEIGHS_MAX 65536          /* a /16 of directly attached hosts */
#define NEIGH_QUEUE_MAX 4096      /* packets kept per unresolved neighbour, then the oldest goes: a burst of connects to a host
				   * or behind a gateway that was not asked for yet must not cost its SYNs a second each */
#define NEIGH_WAITING_MAX 8192    /* packets kept for all of them: a quarter of the default packet buffers */
#define NEIGH_PROBES 3            /* requests one second apart, then EHOSTUNREACH (Linux: 3 s) */
#define NEIGH_PROBE_MS 1000
#define NEIGH_REACHABLE_MS 30000  /* confirmed for this long, then probed again while in use */
#define NEIGH_GC_MS 600000        /* unused for this long: forgotten */
#define NEIGH_CONFIRM_WALK 64     /* paths asked whether they heard from a neighbour; more would stall, a probe is cheap */

/* ---- IPv4 and ICMP ---- */
#define NET_ROUTES_MAX 4096       /* looked up per connect(), not per packet: a sorted array, some hundred kilobytes per stack */
#define ROUTE_DEAD_MS 60000       /* a gateway that did not answer is left alone for so long, while there is another */
#define GROUPS_MAX 256            /* multicast groups of one end, of all interfaces: filters of NICs hold about so many */
#define GROUP_MEMBERS_MAX 4096    /* memberships of all sockets of an end: every stack keeps all of them */
#define GROUP_SOURCES_MAX 10      /* sources that one membership names; Linux igmp_max_msf */
#define GROUP_FILTER_MAX 64       /* sources of a group, of all sockets together: beyond that all are asked for (RFC 3376 3.2) */
#define LOCAL_OLD_MAX 256         /* removed addresses whose connections go on: the oldest are forgotten first */
#define FRAG_DATAGRAMS_MAX 1024   /* fragmented datagrams under way per stack, then the oldest goes: a LAN sends them back to
				   * back */
#define FRAG_PIECES_MAX 64        /* fragments of one: 64 KiB over a path with an MTU of 1280 take 53 */
#define FRAG_HELD_MAX 8192        /* packet buffers that they hold ... */
#define FRAG_HELD_SHARE 8         /* ... and at most this part of a stack's: fragments must not stop the rest */
#define FRAG_TIMEOUT_MS 30000     /* from the first fragment; Linux ipfrag_time (RFC 1122 3.3.2 says 60 s, of a slower time) */
#define CHORE_MS 100              /* how often links are looked at, fragments age, and announcements leave: seen by people, not
				   * packets */
#define ANNOUNCE_BURST 32         /* ARP packets per CHORE_MS: a thousand addresses in three seconds, and no storm */
#define NEIGH_RENEW_MAX 256       /* neighbours asked at once after a link came up; the others within NEIGH_REACHABLE_MS */
#define LOOP_MTU 65535            /* IP bytes: what a path and an IPv4 header can say */
#define ICMP_ERRORS_PER_SEC 1000  /* sent by one stack, as Linux icmp_msgs_per_sec (RFC 1812 4.3.2.8) */
#define ICMP_ERRORS_BURST 50      /* Linux icmp_msgs_burst */
#define NET_ID_COUNTERS 1024      /* of identifications of IPv4 datagrams in fragments, a power of two: few hosts share one */
#define NET_ID_STEP_MAX 8         /* they rise by 1 to this: none comes again within 8192 datagrams */
#define PMTU_MIN 552              /* Linux min_pmtu: smaller claims are more likely hostile than true */
#define PMTU_AGE_MS 600000        /* a lowered path MTU is tried again after 10 minutes (RFC 1191 6.3) */

/* ---- IPv6 ---- */
#define IP6_EXT_HEADERS_MAX 8     /* before the upper layer: all kinds there are, in RFC 8200 4.1's order, and one more */
#define IP6_EXT_BYTES_MAX 256     /* of them: must lie in one piece; others see at most 64 bytes in the wild (RFC 9288) */
#define IP6_EXT_OPTIONS_MAX 8     /* in one header, but padding (RFC 8504 5.3, Linux max_hbh_opts_number) */
#define IP6_PREFIXES_MAX 64       /* learned from routers: more would be a mistake, or an attack (RFC 6104) */
#define IP6_ROUTERS_MAX 16        /* default routers likewise */
#define IP6_AUTO_ADDRS_MAX 16     /* addresses of one interface from routers' prefixes (Linux max_addresses) */
#define IP6_PREFIX_KEEP_S 7200    /* a prefix's remaining life is shortened to this at most by one advertisement (RFC 4862
				   * 5.5.3) */
#define NDP_PREFIXES_MAX 8        /* of one advertisement */
#define NDP_DAD_MS 1000           /* one probe, and a second without answer: RFC 4862's defaults */
#define NDP_RS_MAX 3              /* router solicitations, this far apart (RFC 4861 10) */
#define NDP_RS_MS 4000
#define NDP_START_MS 1000         /* hosts that start together do not ask together (RFC 4861 10, MAX_RTR_SOLICITATION_DELAY) */
#define NDP_DELAY_MS 5000         /* a neighbour not known to live is probed so long after it was used (RFC 4861 10) */
#define FRAG6_TIMEOUT_MS 60000    /* RFC 8200 4.5, Linux ip6frag_time */
#define MLD_V1_MS 260000          /* since a router was heard that speaks version 1 (RFC 3810 9.12) */

/* ---- TCP ---- */
#define TCP_MSS_MIN 88            /* smaller announced MSS is raised to this: tinygram floods (Linux tcp_min_snd_mss is 48) */
#define TCP_BASE_MSS 1024         /* what a path with a black hole is likely to take; Linux tcp_base_mss (RFC 4821 7.2) */
#define TCP_MTU_NEAR 16           /* bytes that a larger segment must win to be tried for */
#define TCP_HOLE_RTOS 3           /* losses of the same segment that let suspect one; Linux tcp_retries1 */
#define TCP_MSS_FALLBACK 536      /* RFC 9293 3.7.1 */
#define TCP_MSS_FALLBACK6 1220    /* the same of IPv6: its least MTU, 1280, without headers */
#define TCP_SNDBUF_DEFAULT (1u << 20)
#define TCP_RCVBUF_DEFAULT (1u << 17) /* Linux tcp_rmem[1]; it grows with use ... */
#define TCP_RCVBUF_MAX_DEFAULT (6u << 20) /* ... up to Linux's tcp_rmem[2]: --rcvbuf-max */
#define TCP_TUNE_SEGMENTS 8       /* so many full segments at once, or the first ACKs used up: a transfer worth measuring */
#define TCP_SND_SHARE 2           /* send queues hold at most half of a stack's packet buffers ... */
#define TCP_RCV_SHARE 4           /* ... and receive queues a quarter: the rest keeps packets moving */
#define TCP_BUF_MAX (1u << 26)    /* 64 MiB: 10 Gbit/s at 50 ms */
#define TCP_BUF_MIN 4096
#define TCP_WSCALE_MAX 14         /* RFC 7323 2.3 */
#define TCP_INITIAL_WINDOW 10     /* segments, RFC 6928 */
#define TCP_RTO_INITIAL_US 1000000u /* RFC 6298 2.1 */
#define TCP_RTO_AFTER_SYN_LOSS_US 3000000u /* RFC 6298 5.7: the first RTO of data when the SYN had to be sent again */
#define TCP_RTO_MIN_US 200000u    /* of the variance in an RTO, as Linux; RFC 6298 2.4 says 1 s and lets a host with a fine clock go lower */
#define TCP_RTO_MAX_US 120000000u /* RFC 6298 2.5 allows any maximum of at least 60 s */
#define TCP_SYN_RETRIES 6         /* Linux tcp_syn_retries */
#define TCP_SYN_LINEAR 4          /* Linux tcp_syn_linear_timeouts: first retries at 1 s each */
#define TCP_CONNECT_BSD_MS 75000  /* of the dialect bsd: how long an attempt lasts (tcp(4), TCP_KEEPINIT) */
#define TCP_SOFT_RETRIES 4        /* ... and SYNs sent again before a repeated soft ICMP error ends it */
#define TCP_SYNACK_RETRIES 5
#define TCP_RETRIES 15            /* Linux tcp_retries2: about 924 s at the minimum RTO */
#define TCP_ORPHAN_RETRIES 8      /* closed by the application: give up earlier */
#define TCP_DELACK_US 40000u      /* RFC 9293 3.8.6.3 allows 500 ms; Linux starts at 40 ms */
#define TCP_TIMEWAIT_MS 60000     /* 2 MSL with MSL 30 s, as Linux */
#define TCP_REUSE_MS 1000         /* in TIME-WAIT for so long: may be taken over (Linux tcp_tw_reuse) */
#define TCP_REUSE_OLDEST 32       /* when ports are exhausted, so many of those in TIME-WAIT are looked at, oldest first, ... */
#define TCP_REUSE_GUESSES 64      /* ... then so many random ports: some microseconds for a connect() that would fail */
#define TCP_PORT_TRIES 16         /* ports drawn for one connect(): more are not bound or in use by accepted connections in a
				   * row */
#define TCP_FINWAIT2_MS 60000     /* orphaned FIN-WAIT-2, as Linux tcp_fin_timeout */
#define TCP_KEEP_IDLE_S 7200       /* RFC 9293 3.8.4 */
#define TCP_KEEP_INTVL_S 75
#define TCP_KEEP_PROBES 9
#define TCP_OOO_MAX 16384         /* packets beyond a gap kept per connection: 20 MB of full segments, a lossy 10 Gbit/s over
				   * 15 ms */
#define TCP_OOO_MIN 64            /* of however small ones, when the receive buffer is small ... */
#define TCP_OOO_PACKET_BYTES 512  /* ... else one for so many bytes of receive buffer: they may hold four times as much memory */
#define TCP_OOO_BLOCKS_MAX 256    /* gaps per connection, 6 KB: 1 % random loss in 25 000 segments; bounds what entering one
				   * moves */
#define TCP_SYNRCVD_DIVISOR 4     /* half-open connections allowed: a quarter of max-connections, at least 1024 */
#define TCP_BACKLOG_MAX (1u << 24)
#define TCP_FLIGHT_CHUNK 32       /* records of transmissions in one piece: a cut moves at most so many */
#define TCP_FLIGHT_CHUNKS 128     /* pieces of one connection: 4096 transmissions in flight, 6 MB without TSO and 250 with;
				   * beyond, sending waits for ACKs. An ACK that tells of losses looks at each piece once */
#define TCP_TLP_DELACK_US 200000u /* RFC 8985 7.2 WCDelAckT: what a peer may wait with the ACK of a single segment */
#define TCP_TLP_MIN_US 4000u      /* no probe sooner (Linux: two jiffies): a thread that lost its core for a moment looks like a
				   * lost tail */
#define TCP_REO_PERSIST 16        /* RFC 8985 6.2 step 4: recoveries without D-SACK until the reordering window is small again */
#define TCP_OUT_BURST 16          /* segments that one connection may send before the others get their turn */
#define TCP_COALESCE_MAX 256      /* received payloads up to this are copied behind the last one: bounds mbufs under tinygrams */
#define TCP_EXT_DIVISOR 4         /* connections with more than an initial window on the way: a quarter of max-connections, at
				   * least 1024; more than that do with the algorithms' simple forms */
#define TCP_PACE_SHIFT 10         /* paced data leaves in bursts of 2^-10 s, as Linux (sk_pacing_shift) */
#define TCP_PACE_LATE_NS 10000000u /* a core that others use too gets its turns so late; what was due meanwhile leaves at once */
#define TCP_PACE_QUANTUM_MAX 65536u /* BBR's window has room for three such bursts, up to this size */
#define TCP_MIN_RTT_MS 300000     /* what counts as the least RTT is at most this old (Linux tcp_min_rtt_wlen) */
#define TCP_USER_TIMEOUT_MAX_MS 200000000u /* TCP_USER_TIMEOUT counts up to 2.3 days: ticks can be compared over 2.5 */
#define TCP_UTO_MIN_S 100         /* a peer's user timeout is raised to this (RFC 5482 section 3.1, L_LIMIT; RFC 1122 4.2.3.5)
				   * ... */
#define TCP_UTO_MAX_S 3600        /* ... and cut to this (U_LIMIT): dead peers must not hold memory longer */
#define TCP_TTL_DEFAULT 64        /* RFC 1700 */
#define TCP_ANSWER_MS 512         /* one answer to segments that may be forged (challenge ACK, ACK to what is outside the
				   * window) per connection and so many ms, Linux tcp_invalid_ratelimit 500; a power of two */
#define TCP_FO_QUEUE_MAX 4096     /* TCP_FASTOPEN: more handshakes are not unfinished at a time (Linux: its somaxconn) */
#define TCP_FO_LISTENERS 65536    /* sockets of one stack that asked for it: every port */
#define TCP_FO_FAILED_MS 60000    /* Fast Open requests that end before their handshake keep their place for one to two such
				   * times */
#define TCP_FO_PEERS 4096         /* servers whose cookies one stack remembers ... */
#define TCP_FO_WAYS 4             /* ... of which so many look-ups share a place, a line or two */
#define TCP_FO_LOSS_MS 60000      /* SYNs with data vanish: plain ones for two minutes and longer, doubled with every loss ... */
#define TCP_FO_LOSS_DOUBLINGS 8   /* ... up to four hours */
#define TCP_COOKIE_SHARE 2        /* half-open connections fill at most half their pool before SYNs are answered by cookies,
				   * ... */
#define TCP_COOKIE_FROM 4096      /* ... and are at most so many, as Linux's tcp_max_syn_backlog: each has a path, and repeats
				   * its SYN-ACK */
#define TCP_SYNS_PER_TURN 4       /* while cookies are sent: of the dozens of packets of a busy turn; idle turns are short and
				   * many, and answer all. Others wait for their repetition, ... */
#define TCP_SYN_REPEATS_PER_TURN 16 /* ... of which a turn answers more */
#define TCP_SYN_FLOODED_MS 10     /* a turn in between that had less says nothing */
#define TCP_SYNS_EARNED 2         /* more, for each handshake that is over ... */
#define TCP_SYNS_EARNED_MAX 256   /* ... until so many are left */
#define TCP_SYN_ROWS (1u << 19)   /* what is remembered of requests, to know repetitions: two or three seconds of a 1 Gbit/s flood
				   * in 8 MB, which are used in floods only, ... */
#define TCP_SYN_ROW_BYTES 16      /* ... eight in a row, which are compared at once, ... */
#define TCP_SYN_STEP_MS 900       /* ... with a time in steps shorter than it takes to a repetition (RFC 6298: a second) */
#define TCP_COOKIE_TELL_MS 10000  /* stacks tell the others at most so often that there are cookies: short beside their life */
#define TCP_COOKIE_MINUTES 2      /* a cookie is believed in its minute and the next: SYN-ACK and ACK need less */

/* ---- UDP ---- */
#define UDP_RCVBUF_DEFAULT (1u << 20)
#define UDP_ERRORS_MAX 64         /* errors waiting in one socket with IP_RECVERR: more say nothing new */
#define UDP_MEMBERS_MAX 20        /* groups of one socket, Linux igmp_max_memberships */
#define UDP_QUEUE_MAX 4096        /* datagrams waiting in one socket */

/* ---- ports ---- */
#define EPORT_LO_DEFAULT 1024     /* --port-range: every port that is not well known, for 64 K connections per destination */
#define EPORT_HI_DEFAULT 65535

/* ---- behind packetdrill (lib/packetdrill) ---- */
#define DRILL_CONNS "1024"        /* one script is a handful of sockets */
#define DRILL_MBUFS "8192"        /* a full send queue (TCP_SND_SHARE) of what scripts write at once, 4 MiB */
#define DRILL_FDS_MAX 1024        /* descriptors of the process, as the usual RLIMIT_NOFILE */
#define DRILL_FLAGS_MAX 1024      /* characters of --so_flags */
#define DRILL_ARGS_MAX 256        /* words of packetdrill's command line */
#define DRILL_IN_MAX 64           /* frames towards the stack: packetdrill's one, and answers to what the stack asks of
				   * neighbours */
#define DRILL_PIECE_BYTES 1024    /* received packets are copied in pieces of this, which fit into any mbuf */
#define DRILL_SENT_MAX 4096       /* packets from the stack that packetdrill has not looked at: a window of 4 MiB */
#define DRILL_PATIENCE_MS 200000u  /* virtual time; longer than any retransmission timeout (TCP_RTO_MAX_US) */

#endif
