/* serve_stream.c: the services without a protocol: echo (RFC 862), discard (863), chargen (864), echo over UDP. */
#include <string.h>

#include "serve.h"
#include "spate/socket.h"

#define READS_MAX 16      /* per connection and turn: others get their turn too */
#define DATAGRAMS_MAX 64
#define LINE 74u          /* RFC 864: 72 characters of the 95 printable ones, CR, LF; each line begins one later */
#define LINES 95u
#define CHARGEN_TURN (1u << 18)

bool serve_echo(struct serve *s, struct sconn *c)
{
	if (!serve_push(s, c))
		return false;
	for (int i = 0; i < READS_MAX && !serve_stuck(s, c); i++) {
		int n = serve_read(s, c);

		if (n <= 0)
			return n == 0;
		memcpy(s->out, s->in, (size_t)n);
		s->out_len = (uint32_t)n;
		s->in_len = 0;
		s->stats.requests++;
		if (!serve_push(s, c))
			return false;
		if (n < (int)SERVE_BUF)
			break;
	}
	return true;
}

bool serve_discard(struct serve *s, struct sconn *c)
{
	int n = 1;

	for (int i = 0; i < READS_MAX && n > 0; i++)
		n = serve_read(s, c);
	s->in_len = 0;
	return n >= 0;
}

/* Fills out with the stream from position at on. */
static void chargen_fill(char *out, uint32_t len, uint64_t at)
{
	for (uint32_t i = 0; i < len; i++) {
		uint32_t pos = (uint32_t)((at + i) % (LINE * LINES)), line = pos / LINE, col = pos % LINE;

		out[i] = col == 72 ? '\r' : col == 73 ? '\n' : (char)(' ' + (line + col) % LINES);
	}
}

bool serve_chargen(struct serve *s, struct sconn *c)
{
	uint32_t sent = 0;

	if (serve_read(s, c) < 0)
		return false;
	s->in_len = 0;
	for (;;) {
		if (!serve_push(s, c))
			return false;
		if (s->out_len > 0 || sent >= CHARGEN_TURN)
			return true;
		s->out_len = SERVE_BUF;
		chargen_fill(s->out, s->out_len, c->body_at);
		c->body_at += s->out_len;
		sent += s->out_len;
	}
}

void serve_udp_echo(struct serve *s, int fd)
{
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		struct sockaddr_in6 from;
		socklen_t from_len = sizeof(from);
		ssize_t n = spate_recvfrom(fd, s->in, sizeof(s->in), 0, (struct sockaddr *)&from, &from_len);

		if (n < 0)
			return;
		s->stats.datagrams++;
		s->stats.bytes_in += (uint64_t)n;
		n = spate_sendto(fd, s->in, (size_t)n, 0, (struct sockaddr *)&from, from_len);
		if (n < 0)
			s->stats.failures++;
		else
			s->stats.bytes_out += (uint64_t)n;
	}
}
