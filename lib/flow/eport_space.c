/* eport_space.c: classes of local ports for one RSS key, redirection table and port range. */
#include "flow/eport_space.h"

#include <stdlib.h>

#include "base/log.h"
#include "flow/eport.h"

#define PORT_BITS 16

/* What elimination over the 16 port bits leaves. */
struct basis {
	uint16_t pivot[PORT_BITS];      /* by leading bit: a value of L with that leading bit, 0 none */
	uint16_t pivot_port[PORT_BITS]; /* the port with that value */
	uint16_t kernel[PORT_BITS];     /* ports whose L is 0 */
	unsigned n_pivots, n_kernel;
};

static unsigned lead(uint16_t v) { return 31u - (unsigned)__builtin_clz(v); }

static uint16_t value_of(const struct eport_space *s, uint16_t port)
{
	return (uint16_t)(rss_hash4_dport(s->rss, rte_cpu_to_be_16(port)) & s->reta_mask);
}

static void eliminate(const struct eport_space *s, struct basis *b)
{
	for (unsigned bit = 0; bit < PORT_BITS; bit++) {
		uint16_t port = (uint16_t)(1u << bit), v = value_of(s, port);

		while (v != 0 && b->pivot[lead(v)] != 0) {
			unsigned l = lead(v);

			v ^= b->pivot[l];
			port ^= b->pivot_port[l];
		}
		if (v != 0) {
			b->pivot[lead(v)] = v;
			b->pivot_port[lead(v)] = port;
			b->n_pivots++;
		} else {
			b->kernel[b->n_kernel++] = port;
		}
	}
}

/* x -> port from the basis (kernel vectors below, pivots above), and its inverse, which is linear too. */
static void map_ports(struct eport_space *s, const struct basis *b)
{
	uint16_t column[PORT_BITS], n = 0;

	for (unsigned i = 0; i < b->n_kernel; i++)
		column[n++] = b->kernel[i];
	for (unsigned l = 0; l < PORT_BITS; l++)
		if (b->pivot[l] != 0)
			column[n++] = b->pivot_port[l];
	for (unsigned v = 0; v < 256; v++)
		for (unsigned bit = 0; bit < 8; bit++)
			if (v >> bit & 1) {
				s->x_port[0][v] ^= column[bit];
				s->x_port[1][v] ^= column[8 + bit];
			}
	for (uint32_t x = 0; x < 65536; x++) {
		uint16_t port = eport_from_x(s, (uint16_t)x);

		if (port < 256)
			s->port_x[0][port] = (uint16_t)x;
		if ((port & 0xff) == 0)
			s->port_x[1][port >> 8] = (uint16_t)x;
	}
}

/* What is left of v after taking out the pivots, its bits without those that pivots lead. */
static uint16_t syndrome(const struct basis *b, uint16_t v, unsigned bits)
{
	uint16_t s = 0, n = 0;

	for (unsigned l = bits; l-- > 0;)
		if ((v >> l & 1) && b->pivot[l] != 0)
			v ^= b->pivot[l];
	for (unsigned l = 0; l < bits; l++)
		if (b->pivot[l] == 0)
			s |= (uint16_t)((v >> l & 1) << n++);
	return s;
}

static void map_classes(struct eport_space *s, const struct basis *b)
{
	for (uint32_t c = 0; c < 1u << s->class_bits; c++)
		s->class_of[value_of(s, eport_from_x(s, (uint16_t)(c << s->rank_bits)))] = (uint16_t)c;
	for (uint32_t v = 0; v <= s->reta_mask; v++)
		s->syndrome_of[v] = syndrome(b, (uint16_t)v, s->reta_bits);
}

static void map_range(struct eport_space *s)
{
	for (uint32_t port = s->lo; port <= s->hi; port++) {
		uint16_t x = eport_x(s, (uint16_t)port);

		s->in_range[x / 64] |= (uint64_t)1 << x % 64;
		s->class_ports[x >> s->rank_bits]++;
	}
	s->class_ports_min = UINT16_MAX;
	for (uint32_t c = 0; c < 1u << s->class_bits; c++)
		if (s->class_ports[c] < s->class_ports_min)
			s->class_ports_min = s->class_ports[c];
}

struct eport_space *eport_space_new(const struct rss *rss, uint16_t lo, uint16_t hi)
{
	struct eport_space *s;
	struct basis b = { .n_pivots = 0 };

	if (rss->reta_size == 0 || (rss->reta_size & (rss->reta_size - 1)) != 0) {
		LOG_ERR("ephemeral ports need a redirection table whose size is a power of two, not %u",
			rss->reta_size);
		return NULL;
	}
	if (lo > hi || lo == 0) /* port 0 is nobody's (RFC 9293 3.9.1, BSD bind()) */
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->rss = rss;
	s->lo = lo;
	s->hi = hi;
	s->reta_bits = (uint8_t)__builtin_ctz(rss->reta_size);
	s->reta_mask = (uint16_t)(rss->reta_size - 1);
	eliminate(s, &b);
	s->class_bits = (uint8_t)b.n_pivots;
	s->rank_bits = (uint8_t)b.n_kernel;
	s->rank_mask = (uint16_t)((1u << b.n_kernel) - 1);
	map_ports(s, &b);
	map_classes(s, &b);
	map_range(s);
	return s;
}

void eport_space_free(struct eport_space *s) { free(s); }
