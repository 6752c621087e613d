/* eport_space.c: classes of local ports for one RSS key, redirection table and port range. */
#include "flow/eport_space.h"

#include <errno.h>
#include <stdlib.h>

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

static uint16_t value_of(const struct eport_space *s, bool ip6, uint16_t port)
{
	return (uint16_t)(eport_dport_hash(s->rss, ip6, port) & s->reta_mask);
}

/* Port bits from the lowest on: a pivot's port is made of bits that became pivots, a kernel vector of its own bit and
 * such ones. So its own bit leads, and no other vector nor any class's first port has it: the reduced echelon form. */
static void eliminate(const struct eport_space *s, bool ip6, struct basis *b)
{
	for (unsigned bit = 0; bit < PORT_BITS; bit++) {
		uint16_t port = (uint16_t)(1u << bit), v = value_of(s, ip6, port);

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
static void map_ports(struct eport_map *m, const struct basis *b)
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
				m->x_port[0][v] ^= column[bit];
				m->x_port[1][v] ^= column[8 + bit];
			}
	for (uint32_t x = 0; x < 65536; x++) {
		uint16_t port = eport_from_x(m, (uint16_t)x);

		if (port < 256)
			m->port_x[0][port] = (uint16_t)x;
		if ((port & 0xff) == 0)
			m->port_x[1][port >> 8] = (uint16_t)x;
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

static void map_classes(const struct eport_space *s, bool ip6, struct eport_map *m, const struct basis *b)
{
	for (uint32_t c = 0; c < 1u << m->class_bits; c++)
		m->class_of[value_of(s, ip6, eport_from_x(m, (uint16_t)(c << m->rank_bits)))] = (uint16_t)c;
	for (uint32_t v = 0; v <= s->reta_mask; v++)
		m->syndrome_of[v] = syndrome(b, (uint16_t)v, s->reta_bits);
}

static void least_class(struct eport_map *m)
{
	m->class_ports_min = UINT16_MAX;
	for (uint32_t c = 0; c < 1u << m->class_bits; c++)
		if (m->class_ports[c] < m->class_ports_min)
			m->class_ports_min = m->class_ports[c];
}

static void map_range(const struct eport_space *s, struct eport_map *m)
{
	for (uint32_t port = s->lo; port <= s->hi; port++) {
		uint16_t x = eport_x(m, (uint16_t)port);

		m->auto_x[x / 64] |= (uint64_t)1 << x % 64;
		m->class_ports[x >> m->rank_bits]++;
	}
	least_class(m);
}

static void map_make(const struct eport_space *s, bool ip6, struct eport_map *m)
{
	struct basis b = { .n_pivots = 0 };

	eliminate(s, ip6, &b);
	m->class_bits = (uint8_t)b.n_pivots;
	m->rank_bits = (uint8_t)b.n_kernel;
	m->rank_mask = (uint16_t)((1u << b.n_kernel) - 1);
	map_ports(m, &b);
	map_classes(s, ip6, m, &b);
	map_range(s, m);
}

struct eport_space *eport_space_new(const struct rss *rss, uint16_t lo, uint16_t hi)
{
	struct eport_space *s;

	if (lo > hi || lo == 0) /* port 0 is nobody's (RFC 9293 3.9.1, BSD bind()) */
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->rss = rss;
	s->lo = lo;
	s->hi = hi;
	for (uint32_t port = lo; port <= hi; port++)
		s->auto_port[port / 64] |= (uint64_t)1 << port % 64;
	s->odd = (rss->reta_size & (rss->reta_size - 1)) != 0;
	s->reta_inverse = UINT64_MAX / rss->reta_size + 1;
	if (s->odd)
		return s;
	s->reta_bits = (uint8_t)__builtin_ctz(rss->reta_size);
	s->reta_mask = (uint16_t)(rss->reta_size - 1);
	map_make(s, false, &s->map[0]);
	map_make(s, true, &s->map[1]);
	return s;
}

void eport_space_free(struct eport_space *s) { free(s); }

static void map_reserve(struct eport_map *m, uint16_t port)
{
	uint16_t x = eport_x(m, port);

	m->auto_x[x / 64] &= ~((uint64_t)1 << x % 64);
	m->class_ports[x >> m->rank_bits]--;
}

void eport_space_reserve(struct eport_space *s, uint16_t lo, uint16_t hi)
{
	for (uint32_t port = lo; port <= hi; port++) {
		if (!eport_is_auto(s, (uint16_t)port))
			continue;
		s->auto_port[port / 64] &= ~((uint64_t)1 << port % 64);
		if (s->odd)
			continue;
		map_reserve(&s->map[0], (uint16_t)port);
		map_reserve(&s->map[1], (uint16_t)port);
	}
	if (s->odd)
		return;
	least_class(&s->map[0]);
	least_class(&s->map[1]);
}

const uint64_t *eport_space_auto(const struct eport_space *s) { return s->auto_port; }

uint32_t eport_rank_from(const struct eport_map *m, uint32_t class_x, uint32_t port)
{
	uint32_t rank = 0, all = 1u << m->rank_bits;

	for (uint32_t step = all; step != 0; step >>= 1)
		if (rank + step <= all && eport_from_x(m, (uint16_t)(class_x + rank + step - 1)) < port)
			rank += step;
	return rank;
}
