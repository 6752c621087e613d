/* mail.c: what other stacks tell TCP. */
#include "tcp/tcp.h"

void tcp_mail(struct tcp *t, uint16_t from, enum mail_kind kind, const void *body)
{
	(void)t;
	(void)from;
	(void)kind;
	(void)body;
}
