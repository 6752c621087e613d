/* mail.c: what came from other stacks, brought to the layer that it is for. */
#include "core/mail.h"

#include "core/rx.h"
#include "core/stack.h"
#include "net/group.h"

static void note_handle(struct stack *s, const struct mail_tag *tag, const void *body)
{
	switch ((enum mail_kind)tag->kind) {
	case MAIL_NEIGH:
	case MAIL_ADDR_ADD:
	case MAIL_ADDR_REMOVE:
	case MAIL_ADDR6_ADD:
	case MAIL_ADDR6_REMOVE:
	case MAIL_IP6:
	case MAIL_GATEWAY:
	case MAIL_LINK:
	case MAIL_ROUTE:
	case MAIL_FILTER:
		net_mail(&s->net, (enum mail_kind)tag->kind, body);
		break;
	case MAIL_GROUP:
		net_group_mail(&s->net, tag->from, body);
		break;
	case MAIL_BIND:
	case MAIL_UNBIND:
	case MAIL_CLAIM:
	case MAIL_GRANT:
	case MAIL_DENY:
	case MAIL_RELEASE:
		if (!udp_mail(&s->udp, tag->from, (enum mail_kind)tag->kind, body))
			tcp_mail(&s->tcp, tag->from, (enum mail_kind)tag->kind, body);
		break;
	case MAIL_COOKIES:
		tcp_mail(&s->tcp, tag->from, MAIL_COOKIES, body);
		break;
	case MAIL_PACKET:
	case MAIL_KINDS:
		break;
	}
}

uint32_t mail_poll(struct stack *s)
{
	uint32_t total = 0;

	if (s->mail.office == NULL)
		return 0;
	while (total < MAIL_PER_POLL) {
		struct rte_mbuf *m[MAIL_BURST], *packets[MAIL_BURST];
		uint16_t n = mail_receive(&s->mail, m, MAIL_BURST), n_packets = 0;

		/* Notes first: a packet may need what one says, never the other way round. */
		for (uint16_t i = 0; i < n; i++) {
			if (mail_tag_of(m[i])->kind == MAIL_PACKET) {
				packets[n_packets++] = m[i];
				continue;
			}
			note_handle(s, mail_tag_of(m[i]), mail_body(m[i]));
			rte_pktmbuf_free(m[i]);
		}
		if (n_packets > 0)
			rx_mailed(s, packets, n_packets);
		total += n;
		if (n < MAIL_BURST)
			break;
	}
	return total;
}
