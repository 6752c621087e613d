/* state_segments_test.c: RFC 9293 3.10.7: a segment arrives. See state.h for what a row says. */
#include "state.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* the end of a row that says nothing is 0 */

#define KEEP {SAME, SAME, SAME, SAME}
#define NONE {0}
#define URG TCPF_URG
#define SYN_RECEIVED (IN_(SYN_RCVD) | IN_(HALF_OPEN))
#define RUN(rules) segments_run(rules, RTE_DIM(rules))

void segments_closed(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.1: all but RST is answered by RST: ACK", IN_(CLOSED), {ACK, 0, 0, 77}, {RST, 77}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: ACK with text", IN_(CLOSED), {ACK | PSH, 0, 100, 77}, {RST, 77}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: SYN+ACK", IN_(CLOSED), {SYN | ACK, 0, 0, -9}, {RST, -9}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: FIN+ACK", IN_(CLOSED), {FIN | ACK, 0, 0, 5}, {RST, 5}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: no ACK: number 0, ACK of all: SYN", IN_(CLOSED), {SYN, 0, 0, 0}, {RST | ACK, -1, 1}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: SYN with text", IN_(CLOSED), {SYN, 0, 10, 0}, {RST | ACK, -1, 11}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: FIN", IN_(CLOSED), {FIN, 0, 10, 0}, {RST | ACK, -1, 11}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: SYN+FIN", IN_(CLOSED), {SYN | FIN, 0, 0, 0}, {RST | ACK, -1, 2}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: FIN+URG+PSH", IN_(CLOSED), {FIN | URG | PSH, 7, 0, 0}, {RST | ACK, -1, 8}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: no flags", IN_(CLOSED), {0, 3, 10, 0}, {RST | ACK, -1, 13}, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: RST is discarded", IN_(CLOSED), {RST, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: RST+ACK", IN_(CLOSED), {RST | ACK, 0, 0, 9}, NONE, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: RST+SYN", IN_(CLOSED), {RST | SYN, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_NO_SOCKET},
		{"3.10.7.1: RST with text", IN_(CLOSED), {RST, 0, 50, 0}, NONE, AT_SAME, 0, DROP_TCP_NO_SOCKET},
	};

	(void)state;
	RUN(rules);
}

void segments_listen(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.2 first: RST is ignored", IN_(LISTEN), {RST, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 first: RST+ACK", IN_(LISTEN), {RST | ACK, 0, 0, 3}, NONE, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 first: RST+SYN", IN_(LISTEN), {RST | SYN, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 second: any ACK is bad", IN_(LISTEN), {ACK, 0, 0, 55}, {RST, 55}, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 second: SYN+ACK", IN_(LISTEN), {SYN | ACK, 0, 0, 55}, {RST, 55}, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 second: FIN+ACK", IN_(LISTEN), {FIN | ACK, 0, 0, 55}, {RST, 55}, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 second: ACK with text", IN_(LISTEN), {ACK, 0, 500, -5}, {RST, -5}, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 third: SYN", IN_(LISTEN), {SYN, 0, 0, 0}, {SYN | ACK, -1, 1}, AT_HALF_OPEN, 0, 0, 0, {.wait = 1000}},
		{"3.10.7.2 third: SYN with text, which is sent again", IN_(LISTEN), {SYN, 0, 10, 0}, {SYN | ACK, -1, 1}, AT_HALF_OPEN, 0, 0, 0,
		 {.wait = 1000}},
		{"3.10.7.2 third: SYN+URG+PSH", IN_(LISTEN), {SYN | URG | PSH, 9, 0, 0}, {SYN | ACK, -1, 10}, AT_HALF_OPEN, 0, 0, 0,
		 {.wait = 1000}},
		{"3.10.7.2 third: SYN+FIN, as Linux drops it", IN_(LISTEN), {SYN | FIN, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 fourth: no flags", IN_(LISTEN), {0, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 fourth: text alone", IN_(LISTEN), {PSH, 0, 40, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 fourth: FIN", IN_(LISTEN), {FIN, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE},
		{"3.10.7.2 fourth: URG", IN_(LISTEN), {URG, 0, 1, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE},
	};

	(void)state;
	RUN(rules);
}

void segments_syn_sent(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.3 first: SEG.ACK <= ISS", IN_(SYN_SENT), {ACK, 0, 0, -1}, {RST, -1}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.3 first: SEG.ACK > SND.NXT", IN_(SYN_SENT), {ACK, 0, 0, 1}, {RST, 1}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.3 first: SYN+ACK of another", IN_(SYN_SENT), {SYN | ACK, 0, 0, 500}, {RST, 500}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.3 first: FIN+ACK of another", IN_(SYN_SENT), {FIN | ACK, 0, 0, -40}, {RST, -40}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.3 first: no RST for RST", IN_(SYN_SENT), {RST | ACK, 0, 0, 1}, NONE, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.3 second: RST with our ACK: refused", IN_(SYN_SENT), {RST | ACK, 0, 0, 0}, NONE, AT_CLOSED, ECONNREFUSED},
		{"3.10.7.3 second: RST+SYN+ACK", IN_(SYN_SENT), {RST | SYN | ACK, 0, 0, 0}, NONE, AT_CLOSED, ECONNREFUSED},
		{"3.10.7.3 second: RST without ACK is dropped", IN_(SYN_SENT), {RST, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.3 second: RST+SYN without ACK", IN_(SYN_SENT), {RST | SYN, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.3 fourth: SYN+ACK", IN_(SYN_SENT), {SYN | ACK, 0, 0, 0}, {ACK, 0, 1}, AT_ESTABLISHED},
		{"3.10.7.3 fourth: SYN+ACK with text", IN_(SYN_SENT), {SYN | ACK, 0, 10, 0}, {ACK, 0, 11}, AT_ESTABLISHED},
		{"3.10.7.3 fourth: SYN+FIN+ACK", IN_(SYN_SENT), {SYN | FIN | ACK, 0, 0, 0}, {ACK, 0, 2}, AT_CLOSE_WAIT},
		{"3.10.7.3 fourth: SYN+FIN+ACK with text", IN_(SYN_SENT), {SYN | FIN | ACK, 0, 10, 0}, {ACK, 0, 12}, AT_CLOSE_WAIT},
		{"3.10.7.3 fourth: any number is theirs to choose", IN_(SYN_SENT), {SYN | ACK, -2000000, 0, 0}, {ACK, 0, -1999999},
		 AT_ESTABLISHED},
		{"3.10.7.3 fourth: SYN: crossed", IN_(SYN_SENT), {SYN, 0, 0, 0}, {SYN | ACK, -1, 1}, AT_SYN_RCVD, 0, 0, 0, KEEP},
		{"3.10.7.3 fourth: SYN with text, which is sent again", IN_(SYN_SENT), {SYN, 0, 10, 0}, {SYN | ACK, -1, 1}, AT_SYN_RCVD, 0, 0, 0,
		 KEEP},
		{"3.10.7.3 fifth: neither SYN nor RST: ACK", IN_(SYN_SENT), {ACK, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.3 fifth: FIN+ACK", IN_(SYN_SENT), {FIN | ACK, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.3 fifth: ACK with text", IN_(SYN_SENT), {ACK, 0, 70, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.3 fifth: FIN", IN_(SYN_SENT), {FIN, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.3 fifth: no flags", IN_(SYN_SENT), {0, 0, 9, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.3 fifth: URG", IN_(SYN_SENT), {URG, 0, 9, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
	};

	(void)state;
	RUN(rules);
}

void segments_syn_received(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.4 first: old number", SYN_RECEIVED, {ACK, -1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: old text", SYN_RECEIVED, {ACK, -10, 10, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: beyond the window", SYN_RECEIVED, {ACK, EDGE + 1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: text beyond", SYN_RECEIVED, {ACK, EDGE + 9, 10, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: RST out of the window is dropped", SYN_RECEIVED, {RST, EDGE + 1, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: old RST", SYN_RECEIVED, {RST, -1, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 second: RST, from LISTEN: back to it", IN_(HALF_OPEN), {RST, 0, 0, 0}, NONE, AT_LISTEN},
		{"3.10.7.4 second: RST+ACK, from LISTEN", IN_(HALF_OPEN), {RST | ACK, 0, 0, 0}, NONE, AT_LISTEN},
		{"3.10.7.4 second: RST, active: reset (Linux's error)", IN_(SYN_RCVD), {RST, 0, 0, 0}, NONE, AT_CLOSED, ECONNRESET},
		{"3.10.7.4 second: RST+ACK, active", IN_(SYN_RCVD), {RST | ACK, 0, 0, 0}, NONE, AT_CLOSED, ECONNRESET},
		{"RFC 5961 3.2: RST in the window: challenge", SYN_RECEIVED, {RST, 1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_RST_WINDOW, 0, KEEP},
		{"RFC 5961 3.2: RST right behind the window", IN_(HALF_OPEN), {RST, EDGE, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"RFC 5961 3.2: RST right behind the window, active", IN_(SYN_RCVD), {RST, EDGE, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_RST_WINDOW, 0,
		 KEEP},
		{"RFC 5961 3.2: RST at the far edge", SYN_RECEIVED, {RST, EDGE - 1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_RST_WINDOW, 0, KEEP},
		{"RFC 5961 4.2: SYN in the window: challenge", SYN_RECEIVED, {SYN, 5, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"RFC 5961 4.2: SYN+ACK in the window", SYN_RECEIVED, {SYN | ACK, 5, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4: the SYN again: our SYN-ACK was lost", IN_(HALF_OPEN), {SYN, -1, 0, 0}, {SYN | ACK, -1, 0}, AT_SAME, 0, DROP_TCP_STATE,
		 0, KEEP},
		{"3.10.7.4 fifth: no ACK bit", SYN_RECEIVED, {0, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: FIN without ACK", SYN_RECEIVED, {FIN, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: text without ACK", SYN_RECEIVED, {PSH, 0, 30, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: ACK of what was not sent", SYN_RECEIVED, {ACK, 0, 0, 5}, {RST, 5}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.4 fifth: ACK that is too old", SYN_RECEIVED, {ACK, 0, 0, -1}, {RST, -1}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.4 fifth: such an ACK with text", SYN_RECEIVED, {ACK, 0, 30, 9}, {RST, 9}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.4 fifth: ACK", SYN_RECEIVED, {ACK, 0, 0, 0}, NONE, AT_ESTABLISHED},
		{"3.10.7.4 fifth: crossed: SYN+ACK is one", IN_(SYN_RCVD), {SYN | ACK, -1, 0, 0}, NONE, AT_ESTABLISHED},
		{"3.10.7.4 seventh: ACK with text", SYN_RECEIVED, {ACK, 0, 10, 0}, {ACK, 0, 10}, AT_ESTABLISHED},
		{"3.10.7.4 seventh: ACK, text beyond a gap", SYN_RECEIVED, {ACK, 10, 10, 0}, {ACK, 0, 0}, AT_ESTABLISHED},
		{"3.10.7.4 sixth: ACK with URG", SYN_RECEIVED, {ACK | URG, 0, 0, 0}, NONE, AT_ESTABLISHED},
		{"3.10.7.4 eighth: ACK with FIN", SYN_RECEIVED, {ACK | FIN, 0, 0, 0}, {ACK, 0, 1}, AT_CLOSE_WAIT},
		{"3.10.7.4 eighth: ACK with text and FIN", SYN_RECEIVED, {ACK | FIN, 0, 10, 0}, {ACK, 0, 11}, AT_CLOSE_WAIT},
	};

	(void)state;
	RUN(rules);
}

/* 3.10.7.4, first: table 6 and what follows it. */
void segments_sequence(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.4 first: empty, RCV.NXT", SYNCED, {ACK, 0, 0, UNA}, NONE, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 first: empty, inside the window", SYNCED, {ACK, 100, 0, UNA}, NONE, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 first: empty, last number of the window", SYNCED, {ACK, EDGE - 1, 0, UNA}, NONE, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 first: empty, right behind it (as Linux)", SYNCED, {ACK, EDGE, 0, UNA}, NONE, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 first: empty, beyond", SYNCED, {ACK, EDGE + 1, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: empty, far beyond", SYNCED, {ACK, EDGE + 1000000, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: empty, old: a keepalive", SYNCED, {ACK, -1, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.8.4: a keepalive with a byte of garbage", SYNCED, {ACK, -1, 1, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: empty, very old", SYNCED, {ACK, -1000000, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: half the numbers away", SYNCED, {ACK, INT32_MIN + 10, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: text, all of it old", SYNCED, {ACK, -10, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: text, at the right edge", SYNCED, {ACK, EDGE, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: text, beyond", SYNCED, {ACK, EDGE + 500, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: FIN, old", SYNCED, {ACK | FIN, -1, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: FIN, beyond", SYNCED, {ACK | FIN, EDGE, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: text and FIN, old", SYNCED, {ACK | FIN, -11, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: RST, old, is dropped", SYNCED, {RST, -1, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: RST, beyond, is dropped", SYNCED, {RST, EDGE + 1, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"RFC 5961 3.2: RST right behind the window", SYNCED, {RST, EDGE, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_RST_WINDOW, 0, KEEP},
		{"3.10.7.4 first: RST+ACK, beyond", SYNCED, {RST | ACK, EDGE + 1, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: SYN, old", SYNCED, {SYN, -1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: SYN, beyond", SYNCED, {SYN, EDGE + 1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: no flags, old", SYNCED, {0, -5, 5, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
	};

	(void)state;
	RUN(rules);
}

/* 3.10.7.4, second to fourth: RST and SYN. */
void segments_flags(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.4 second: RST", SYNCED & ~IN_(CLOSE_WAIT), {RST, 0, 0, 0}, NONE, AT_CLOSED, ECONNRESET},
		{"3.10.7.4 second: RST after their FIN (Linux's error)", IN_(CLOSE_WAIT), {RST, 0, 0, 0}, NONE, AT_CLOSED, EPIPE},
		{"3.10.7.4 second: RST+ACK, whatever it acknowledges", SYNCED & ~IN_(CLOSE_WAIT), {RST | ACK, 0, 0, 12345}, NONE, AT_CLOSED,
		 ECONNRESET},
		{"3.10.7.4 second: RST with text", SYNCED & ~IN_(CLOSE_WAIT), {RST | ACK, 0, 20, UNA}, NONE, AT_CLOSED, ECONNRESET},
		{"3.10.7.4 second: RST+FIN", SYNCED & ~IN_(CLOSE_WAIT), {RST | FIN, 0, 0, 0}, NONE, AT_CLOSED, ECONNRESET},
		{"3.10.7.4 second: RST+SYN", SYNCED & ~IN_(CLOSE_WAIT), {RST | SYN, 0, 0, 0}, NONE, AT_CLOSED, ECONNRESET},
		{"RFC 5961 3.2: RST, one off: challenge", SYNCED, {RST, 1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_RST_WINDOW, 0, KEEP},
		{"RFC 5961 3.2: RST+ACK, in the window", SYNCED, {RST | ACK, 1000, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_RST_WINDOW, 0, KEEP},
		{"RFC 5961 3.2: RST, last number of the window", SYNCED, {RST, EDGE - 1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_RST_WINDOW, 0,
		 KEEP},
		{"RFC 5961 4.2: SYN at RCV.NXT: challenge", SYNCED, {SYN, 0, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"RFC 5961 4.2: SYN in the window", SYNCED, {SYN, 5000, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"RFC 5961 4.2: SYN+ACK in the window", SYNCED, {SYN | ACK, 0, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"RFC 5961 4.2: SYN+FIN", SYNCED, {SYN | FIN, 0, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"RFC 5961 4.2: SYN with text", SYNCED, {SYN, 0, 10, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
	};

	(void)state;
	RUN(rules);
}

/* 3.10.7.4, fifth */
void segments_ack(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.4 fifth: no ACK bit: dropped", SYNCED, {0, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: text without ACK", SYNCED, {PSH, 0, 10, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: FIN without ACK", SYNCED, {FIN, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: URG without ACK", SYNCED, {URG, 0, 3, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: SEG.ACK > SND.NXT: ACK", SYNCED, {ACK, 0, 0, 1}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.4 fifth: SEG.ACK far beyond", SYNCED, {ACK, 0, 0, 1 << 30}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.4 fifth: its text is not taken", SYNCED, {ACK, 0, 10, 1}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.4 fifth: nor its FIN", SYNCED, {ACK | FIN, 0, 0, 1}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"RFC 5961 5.2: SEG.ACK older than any window", SYNCED, {ACK, 0, 0, -70000}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"RFC 5961 5.2: with text", SYNCED, {ACK, 0, 10, -70000}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_ACK, 0, KEEP},
		{"3.10.7.4 fifth: an old ACK is ignored", SYNCED, {ACK, 0, 0, -500}, NONE, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 fifth: a duplicate", SYNCED, {ACK, 0, 0, UNA}, NONE, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 fifth: all is acknowledged: the timer stops", IN_(ESTABLISHED) | IN_(CLOSE_WAIT), {ACK, 0, 0, 0}, NONE, AT_SAME},
		{"RFC 6298 5.3: a part is: it starts anew", IN_(ESTABLISHED) | IN_(CLOSE_WAIT), {ACK, 0, 0, -50}, NONE, AT_SAME, 0, 0, 0,
		 {.rtx = 200}},
		{"3.10.7.4 fifth: nothing is in flight", IN_(FIN_WAIT_2), {ACK, 0, 0, 0}, NONE, AT_SAME},
		{"3.10.7.4 fifth: of our FIN, FIN-WAIT-1", IN_(FIN_WAIT_1), {ACK, 0, 0, 0}, NONE, AT_FIN_WAIT_2},
		{"3.10.7.4 fifth: of our FIN, CLOSING", IN_(CLOSING), {ACK, 0, 0, 0}, NONE, AT_TIME_WAIT, .left = {.wait = 60000}},
		{"3.10.7.4 fifth: of our FIN, LAST-ACK", IN_(LAST_ACK), {ACK, 0, 0, 0}, NONE, AT_CLOSED},
		{"3.10.7.4 fifth: of our FIN, beyond a gap, LAST-ACK", IN_(LAST_ACK), {ACK, 100, 0, 0}, NONE, AT_CLOSED},
	};

	(void)state;
	RUN(rules);
}

/* 3.10.7.4, sixth and seventh */
void segments_text(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.4 seventh: in order: the ACK may wait (3.8.6.3)", READING, {ACK, 0, 10, UNA}, NONE, AT_SAME, 0, 0, 10, {SAME, 40, SAME, SAME}},
		{"3.10.7.4 seventh: a full segment: so", READING, {ACK, 0, MSS, UNA}, NONE, AT_SAME, 0, 0, MSS, {SAME, 40, SAME, SAME}},
		{"3.10.7.4 seventh: PSH makes no difference", READING, {ACK | PSH, 0, 10, UNA}, NONE, AT_SAME, 0, 0, 10, {SAME, 40, SAME, SAME}},
		{"3.10.7.4 sixth: URG: its text counts", READING, {ACK | URG, 0, 10, UNA}, NONE, AT_SAME, 0, 0, 10, {SAME, 40, SAME, SAME}},
		{"3.10.7.4 sixth: URG alone", SYNCED, {ACK | URG, 0, 0, UNA}, NONE, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 seventh: an old ACK brings text all the same", READING, {ACK, 0, 10, -500}, NONE, AT_SAME, 0, 0, 10,
		 {SAME, 40, SAME, SAME}},
		{"RFC 5681 4.2: beyond a gap: at once", READING, {ACK, 100, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"RFC 5681 4.2: a byte beyond a gap of one", READING, {ACK, 1, 1, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"RFC 5681 4.2: at the end of the window", READING, {ACK, EDGE - 10, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 first: what is old of it is cut off", READING, {ACK, -5, 10, UNA}, {ACK, 0, 5}, AT_SAME, 0, 0, 5, {SAME, 0, SAME, SAME}},
		{"3.10.7.4 first: all but a byte is old", READING, {ACK, -999, 1000, UNA}, {ACK, 0, 1}, AT_SAME, 0, 0, 1, {SAME, 0, SAME, SAME}},
		{"3.10.7.4 first: what is beyond the window is cut off", READING, {ACK, EDGE - 5, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0,
		 DROP_TCP_RCVBUF, 0, KEEP},
		{"3.10.7.4 seventh: after their FIN there is none", FINNED, {ACK, 0, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 seventh: nor beyond a gap", FINNED, {ACK, 50, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 seventh: nor partly old", FINNED, {ACK, -5, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 seventh: nor urgent", FINNED, {ACK | URG, 0, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 seventh: text with the ACK of all", IN_(ESTABLISHED), {ACK, 0, 10, 0}, NONE, AT_SAME, 0, 0, 10, {.ack = 40}},
		{"3.10.7.4 seventh: text with the ACK of our FIN", IN_(FIN_WAIT_1), {ACK, 0, 10, 0}, NONE, AT_FIN_WAIT_2, 0, 0, 10, {.ack = 40}},
	};

	(void)state;
	RUN(rules);
}

/* 3.10.7.4, eighth */
void segments_fin(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.4 eighth: ESTABLISHED", IN_(ESTABLISHED), {ACK | FIN, 0, 0, UNA}, {ACK, 0, 1}, AT_CLOSE_WAIT, 0, 0, 1, KEEP},
		{"3.10.7.4 eighth: with text", IN_(ESTABLISHED), {ACK | FIN, 0, 10, UNA}, {ACK, 0, 11}, AT_CLOSE_WAIT, 0, 0, 11, KEEP},
		{"3.10.7.4 eighth: with partly old text", IN_(ESTABLISHED), {ACK | FIN, -5, 10, UNA}, {ACK, 0, 6}, AT_CLOSE_WAIT, 0, 0, 6, KEEP},
		{"3.10.7.4 eighth: with old text", IN_(ESTABLISHED), {ACK | FIN, -10, 10, UNA}, {ACK, 0, 1}, AT_CLOSE_WAIT, 0, 0, 1, KEEP},
		{"3.10.7.4 eighth: with the ACK of all", IN_(ESTABLISHED), {ACK | FIN, 0, 0, 0}, {ACK, 0, 1}, AT_CLOSE_WAIT, 0, 0, 1},
		{"3.10.7.4 eighth: FIN-WAIT-1, ours not acknowledged", IN_(FIN_WAIT_1), {ACK | FIN, 0, 0, UNA}, {ACK, 0, 1}, AT_CLOSING, 0, 0, 1,
		 KEEP},
		{"3.10.7.4 eighth: with text", IN_(FIN_WAIT_1), {ACK | FIN, 0, 10, UNA}, {ACK, 0, 11}, AT_CLOSING, 0, 0, 11, KEEP},
		{"3.10.7.4 eighth: FIN-WAIT-1, and ours is acknowledged", IN_(FIN_WAIT_1), {ACK | FIN, 0, 0, 0}, {ACK, 0, 1}, AT_TIME_WAIT,
		 .left = {.wait = 60000}},
		{"3.10.7.4 eighth: so with text", IN_(FIN_WAIT_1), {ACK | FIN, 0, 10, 0}, {ACK, 0, 11}, AT_TIME_WAIT, .left = {.wait = 60000}},
		{"3.10.7.4 eighth: FIN-WAIT-2", IN_(FIN_WAIT_2), {ACK | FIN, 0, 0, 0}, {ACK, 0, 1}, AT_TIME_WAIT, .left = {.wait = 60000}},
		{"3.10.7.4 eighth: FIN-WAIT-2, with text", IN_(FIN_WAIT_2), {ACK | FIN, 0, 10, 0}, {ACK, 0, 11}, AT_TIME_WAIT,
		 .left = {.wait = 60000}},
		{"3.10.7.4 eighth: beyond a gap it waits", READING, {ACK | FIN, 10, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 eighth: with text beyond a gap", READING, {ACK | FIN, 10, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 eighth: cut off with what is beyond the window", READING, {ACK | FIN, EDGE - 10, 11, UNA}, {ACK, 0, 0}, AT_SAME, 0,
		 DROP_TCP_RCVBUF, 0, KEEP},
		{"3.10.7.4 eighth: FIN+URG", IN_(FIN_WAIT_2), {ACK | FIN | URG, 0, 0, 0}, {ACK, 0, 1}, AT_TIME_WAIT, .left = {.wait = 60000}},
		{"3.10.7.4 eighth: a second one: remain", FINNED, {ACK | FIN, 0, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 eighth: a second one, with text", FINNED, {ACK | FIN, 0, 10, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 eighth: a second one, beyond", FINNED, {ACK | FIN, 7, 0, UNA}, {ACK, 0, 0}, AT_SAME, 0, 0, 0, KEEP},
		{"3.10.7.4 eighth: again, with the ACK of ours: that counts", IN_(CLOSE_WAIT), {ACK | FIN, 0, 0, 0}, {ACK, 0, 0}, AT_SAME},
	};

	(void)state;
	RUN(rules);
}

void segments_time_wait(void **state)
{
	static const struct segment_rule rules[] = {
		{"3.10.7.4 eighth: their FIN again: the time starts anew", IN_(TIME_WAIT), {ACK | FIN, -1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ,
		 0, {.wait = 60000}},
		{"3.10.7.4 eighth: again with its text", IN_(TIME_WAIT), {ACK | FIN, -11, 10, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0,
		 {.wait = 60000}},
		{"3.10.7.4 eighth: another FIN is none", IN_(TIME_WAIT), {ACK | FIN, 0, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: old", IN_(TIME_WAIT), {ACK, -1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: old text", IN_(TIME_WAIT), {ACK, -100, 50, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 first: beyond", IN_(TIME_WAIT), {ACK, EDGE + 1, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 seventh: text", IN_(TIME_WAIT), {ACK, 0, 10, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 fifth: an ACK in step", IN_(TIME_WAIT), {ACK, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: FIN without ACK", IN_(TIME_WAIT), {FIN, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: text without ACK", IN_(TIME_WAIT), {0, 100, 10, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fifth: no flags", IN_(TIME_WAIT), {0, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"RFC 1337 F1: RST does not end it", IN_(TIME_WAIT), {RST, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"RFC 1337 F1: RST+ACK", IN_(TIME_WAIT), {RST | ACK, 0, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"RFC 1337 F1: RST in the window", IN_(TIME_WAIT), {RST, 100, 0, 0}, NONE, AT_SAME, 0, DROP_TCP_STATE, 0, KEEP},
		{"3.10.7.4 fourth: an old SYN", IN_(TIME_WAIT), {SYN, -1000, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 fourth: a new SYN, and nobody listens", IN_(TIME_WAIT), {SYN, 1000, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
		{"3.10.7.4 fourth: SYN+ACK", IN_(TIME_WAIT), {SYN | ACK, 1000, 0, 0}, {ACK, 0, 0}, AT_SAME, 0, DROP_TCP_SEQ, 0, KEEP},
	};

	(void)state;
	RUN(rules);
}
