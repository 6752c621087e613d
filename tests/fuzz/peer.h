/* peer.h: the sequence target's other side: what it sends. */
#ifndef FUZZ_PEER_H
#define FUZZ_PEER_H

#include "fuzz.h"

void peer_segment(struct fuzz *f);   /* for a socket, or anybody */
void peer_handshake(struct fuzz *f); /* the right answer to the last SYN or SYN-ACK, or nearly so */
void peer_icmp(struct fuzz *f);      /* an error about a segment or datagram of ours */
void peer_datagram(struct fuzz *f);
void peer_neighbour(struct fuzz *f); /* NDP of every kind */

#endif
