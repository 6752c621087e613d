/* rss.c: tables for the Toeplitz hash (Microsoft's RSS specification): bit n of the tuple, counted from its first byte's top
 * bit, contributes the 32 key bits that start at key bit n. A table per tuple byte holds the sums of its eight bits. */
#include "pkt/rss.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/assert.h"

static_assert(RSS_KEY_MAX >= RSS_KEY6_MIN, "key_window() reads zeros behind a short key");

static uint32_t key_window(const uint8_t *key, unsigned bit)
{
	const uint8_t *p = key + bit / 8;
	unsigned shift = bit % 8;
	uint64_t w = (uint64_t)p[0] << 32 | (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8;

	if (shift != 0)
		w |= p[4];
	return (uint32_t)(w >> (8 - shift));
}

static void fill_byte(uint32_t table[256], const uint8_t *key, unsigned byte)
{
	table[0] = 0;
	for (unsigned bit = 0; bit < 8; bit++) {
		uint32_t w = key_window(key, byte * 8 + 7 - bit);

		for (unsigned low = 0; low < 1u << bit; low++)
			table[1u << bit | low] = table[low] ^ w;
	}
}

int rss_init(struct rss *r, const uint8_t *key, uint16_t key_len, const uint16_t *reta, uint16_t reta_size,
	     uint16_t n_queues)
{
	if (key_len < RSS_KEY4_MIN || key_len > RSS_KEY_MAX || reta_size == 0 || reta_size > RSS_RETA_MAX ||
	    n_queues == 0 || n_queues > PORT_QUEUES_MAX)
		return -EINVAL;
	for (unsigned i = 0; reta != NULL && i < reta_size; i++) {
		if (reta[i] >= n_queues)
			return -EINVAL;
	}
	memset(r, 0, sizeof(*r));
	memcpy(r->key, key, key_len);
	r->key_len = key_len;
	r->reta_size = reta_size;
	r->n_queues = n_queues;
	for (unsigned i = 0; i < reta_size; i++)
		r->reta[i] = reta != NULL ? reta[i] : (uint16_t)(i % n_queues);
	for (unsigned i = 0; i < RSS_TUPLE6_BYTES; i++)
		fill_byte(r->byte[i], r->key, i);
	return 0;
}
