/* cksum.c: the Internet checksum over chains of mbufs. */
#include "wire/cksum.h"

/* Swapping the bytes of every word swaps those of the sum (RFC 1071 section 2 (B)): how a piece that starts at an odd
 * place is added. */
static uint64_t swapped(uint64_t sum)
{
	return rte_bswap16(cksum_fold(sum));
}

uint64_t cksum_mbuf(uint64_t sum, const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	bool odd = false;

	for (; m != NULL && off >= m->data_len; m = m->next)
		off -= m->data_len;
	for (; m != NULL && len > 0; m = m->next, off = 0) {
		uint32_t n = m->data_len - off < len ? m->data_len - off : len;
		uint64_t part = cksum_bytes(0, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), n);

		sum = cksum_add64(sum, odd ? swapped(part) : part);
		odd ^= n & 1;
		len -= n;
	}
	return sum;
}
