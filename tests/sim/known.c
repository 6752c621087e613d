/* known.c: see known.h. */
#include "known.h"

const struct known knowns[] = {
	{69, "two ends with closed windows probed each other with new data, and neither heard the other again", "tcp_loss zero_windows"},
	{65, "a Fast Open SYN-ACK announced the buffer as if the SYN's text were not in it", "tcp_fastopen server_window"},
	{67, "without SACK the ACK of a filled hole was a round trip of many seconds", "tcp_loss rtt_of_a_filled_hole"},
	{522, "the same, with timeouts of half a minute", "tcp_loss rtt_of_a_filled_hole"},
	{574, "black holes of IPv6 were never found", "tcp_ip_options black_hole_ip6"},
	{601, "the same, in mid-flow", "tcp_ip_options black_hole_ip6"},
	{2850, "a black hole was not looked for as long as less than a full segment was in flight",
	 "tcp_ip_options black_hole_of_a_part"},
	{7859, "steps down were too small where the peer's MSS, not the path, limits segments",
	 "tcp_ip_options black_hole_of_small_mss"},
};

const unsigned n_knowns = sizeof(knowns) / sizeof(knowns[0]);
