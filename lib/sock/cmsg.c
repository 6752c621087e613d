/* cmsg.c: ancillary data of datagrams (cmsg(3), ip(7)). */
#include <string.h>
#include <time.h>

/* after <time.h> */
#include <linux/errqueue.h>
#include <linux/udp.h>

#include "sock/datagram.h"
#include "sock/name.h"

#define NS_IN_S 1000000000ull

/* ---- in ---- */

static int int_of(const struct cmsghdr *c, bool byte, int *v)
{
	size_t len = c->cmsg_len - CMSG_LEN(0);
	uint8_t b;

	if (byte && len == sizeof(b)) {
		memcpy(&b, CMSG_DATA(c), sizeof(b));
		*v = b;
		return 0;
	}
	if (len != sizeof(*v))
		return -EINVAL;
	memcpy(v, CMSG_DATA(c), sizeof(*v));
	return 0;
}

static int pktinfo_read(const struct cmsghdr *c, struct udp_ctl *ctl)
{
	struct in_pktinfo info;

	if (c->cmsg_len != CMSG_LEN(sizeof(info)))
		return -EINVAL;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	if (info.ipi_ifindex > 0)
		ctl->iface = (uint8_t)RTE_MIN(info.ipi_ifindex - 1, NET_IFACE_ANY - 1);
	ctl->src_be = info.ipi_spec_dst.s_addr;
	return flow_addr_is6(ctl->src_be) ? -EINVAL : 0; /* 0.x.y.z is no address of ours, but may be a number of one */
}

static int ip_read(const struct cmsghdr *c, struct udp_ctl *ctl)
{
	int rc;

	switch (c->cmsg_type) {
	case IP_PKTINFO:
		return pktinfo_read(c, ctl);
	case IP_TTL:
		rc = int_of(c, false, &ctl->ttl);
		return rc == 0 && (ctl->ttl < 1 || ctl->ttl > 255) ? -EINVAL : rc;
	case IP_TOS:
		rc = int_of(c, true, &ctl->tos);
		return rc == 0 && (ctl->tos < 0 || ctl->tos > 255) ? -EINVAL : rc;
	default:
		return -EINVAL;
	}
}

/* RFC 3542 6.1. The source may be a mapped address, of IPv4. */
static int pktinfo6_read(const struct sock_env *env, const struct cmsghdr *c, struct udp_ctl *ctl)
{
	struct in6_pktinfo info;
	struct ip6_addr src;

	if (c->cmsg_len != CMSG_LEN(sizeof(info)))
		return -EINVAL;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	memcpy(&src, &info.ipi6_addr, sizeof(src));
	if (info.ipi6_ifindex > 0)
		ctl->iface = (uint8_t)RTE_MIN(info.ipi6_ifindex - 1, NET_IFACE_ANY - 1u);
	if (ip6_addr_is_none(&src))
		return 0;
	if (ip6_addr_is_mapped(&src))
		ctl->src_be = flow_addr_is6(ip6_addr_ip4(&src)) ? 0 : ip6_addr_ip4(&src);
	else
		ctl->src_be = net_local6(&env->s->net, &src, info.ipi6_ifindex);
	return ctl->src_be != 0 ? 0 : -EINVAL;
}

/* A hop limit or traffic class; -1 is the socket's (RFC 3542 6.3, 6.5). */
static int ip6_read(const struct sock_env *env, const struct cmsghdr *c, struct udp_ctl *ctl)
{
	int v, rc;

	if (c->cmsg_type == IPV6_PKTINFO)
		return pktinfo6_read(env, c, ctl);
	if (c->cmsg_type != IPV6_HOPLIMIT && c->cmsg_type != IPV6_TCLASS)
		return -EINVAL;
	rc = int_of(c, false, &v);
	if (rc < 0 || v < -1 || v > 255)
		return -EINVAL;
	if (c->cmsg_type == IPV6_HOPLIMIT)
		ctl->ttl = v;
	else
		ctl->tos = v;
	return 0;
}

static int segment_read(const struct cmsghdr *c, struct udp_ctl *ctl)
{
	if (c->cmsg_type != UDP_SEGMENT || c->cmsg_len != CMSG_LEN(sizeof(ctl->segment)))
		return -EINVAL;
	memcpy(&ctl->segment, CMSG_DATA(c), sizeof(ctl->segment));
	return 0;
}

int sock_cmsg_read(const struct sock_env *env, const struct conn *sock, const struct msghdr *msg, struct udp_ctl *ctl)
{
	struct msghdr in = *msg;
	int rc = 0;

	*ctl = (struct udp_ctl){.iface = NET_IFACE_ANY, .ttl = -1, .tos = -1};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&in); c != NULL && rc == 0; c = CMSG_NXTHDR(&in, c)) {
		size_t left = in.msg_controllen - (size_t)((const uint8_t *)c - (const uint8_t *)in.msg_control);

		if (c->cmsg_len < sizeof(*c) || c->cmsg_len > left)
			return -EINVAL;
		if (c->cmsg_level == IPPROTO_IP)
			rc = ip_read(c, ctl);
		else if (c->cmsg_level == IPPROTO_IPV6 && sock->more & CONN_MORE_IP6)
			rc = ip6_read(env, c, ctl);
		else if (c->cmsg_level == IPPROTO_UDP)
			rc = segment_read(c, ctl);
		else if (c->cmsg_level == SOL_SOCKET)
			rc = -EINVAL; /* marks and send times have no meaning here; other levels are others' business, as on Linux */
	}
	return rc;
}

/* ---- out ---- */

/* Where the next one goes. */
struct writer {
	uint8_t *at;
	size_t left;
	int flags;
};

static void put(struct writer *w, int level, int type, const void *data, size_t len)
{
	size_t need = CMSG_LEN(len);
	struct cmsghdr c = {.cmsg_level = level, .cmsg_type = type};

	if (w->left < sizeof(c)) {
		w->flags |= MSG_CTRUNC;
		return;
	}
	if (need > w->left) {
		w->flags |= MSG_CTRUNC;
		need = w->left;
	}
	c.cmsg_len = need;
	memcpy(w->at, &c, sizeof(c));
	memcpy(w->at + CMSG_LEN(0), data, need - CMSG_LEN(0));
	need = RTE_MIN(CMSG_SPACE(len), w->left);
	w->at += need;
	w->left -= need;
}

/* The wall clock of that time: the stack's starts anywhere. */
static uint64_t arrival_wall_ns(const struct sock_env *env, uint64_t arrival_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_IN_S + (uint64_t)now.tv_nsec - (env->s->clock.now_ns - arrival_ns);
}

static void put_stamp(struct writer *w, const struct sock_env *env, const struct udp_pcb *p, const struct udp_meta *meta)
{
	uint64_t ns = arrival_wall_ns(env, meta->arrival_ns);
	const struct timeval tv = {.tv_sec = (time_t)(ns / NS_IN_S), .tv_usec = (suseconds_t)(ns % NS_IN_S / 1000)};
	const struct timespec ts = {.tv_sec = (time_t)(ns / NS_IN_S), .tv_nsec = (long)(ns % NS_IN_S)};

	if (p->opts & UDP_OPT_STAMP_NS)
		put(w, SOL_SOCKET, SCM_TIMESTAMPNS, &ts, sizeof(ts));
	else
		put(w, SOL_SOCKET, SCM_TIMESTAMP, &tv, sizeof(tv));
}

static void put_pktinfo(struct writer *w, const struct sock_env *env, const struct udp_meta *meta)
{
	const struct net *net = &env->s->net;
	rte_be32_t to_be = ip6_addr_ip4(&meta->to.addr);
	struct in_pktinfo info = {.ipi_ifindex = meta->iface + 1, .ipi_addr.s_addr = to_be, .ipi_spec_dst.s_addr = to_be};
	int err;

	/* Where an answer would come from: not from a group. */
	if (net_is_group(net, to_be))
		info.ipi_spec_dst.s_addr = net_source_to_group(net, meta->iface, to_be, &err);
	put(w, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

/* Also of IPv4 that an AF_INET6 socket received, in its own terms. */
static void put_ip6(struct writer *w, const struct udp_pcb *p, const struct udp_meta *meta)
{
	const int hops = meta->ttl, tclass = meta->tos;
	struct in6_pktinfo info = {.ipi6_ifindex = meta->iface + 1u};

	memcpy(&info.ipi6_addr, &meta->to.addr, sizeof(info.ipi6_addr));
	if (p->opts & UDP_OPT_PKTINFO6)
		put(w, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	if (ip6_addr_is_mapped(&meta->to.addr)) /* the others are IP_TTL's and IP_TOS's */
		return;
	if (p->opts & UDP_OPT_RECVHOPS6)
		put(w, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof(hops));
	if (p->opts & UDP_OPT_RECVTC6)
		put(w, IPPROTO_IPV6, IPV6_TCLASS, &tclass, sizeof(tclass));
}

static struct writer writer_of(const struct msghdr *msg)
{
	return (struct writer){.at = msg->msg_control, .left = msg->msg_control != NULL ? msg->msg_controllen : 0};
}

static void writer_end(const struct writer *w, struct msghdr *msg)
{
	msg->msg_controllen = msg->msg_control != NULL ? (size_t)(w->at - (uint8_t *)msg->msg_control) : 0;
	msg->msg_flags |= w->flags;
}

void sock_cmsg_write(const struct sock_env *env, const struct udp_pcb *p, const struct udp_meta *meta, struct msghdr *msg)
{
	const int ttl = meta->ttl;
	struct writer w = writer_of(msg);
	union sock_name to;

	if (p->opts & (UDP_OPT_STAMP | UDP_OPT_STAMP_NS))
		put_stamp(&w, env, p, meta);
	if (p->opts & UDP_OPT_OVERFLOW && meta->dropped != 0)
		put(&w, SOL_SOCKET, SO_RXQ_OVFL, &meta->dropped, sizeof(meta->dropped));
	put_ip6(&w, p, meta);
	if (!ip6_addr_is_mapped(&meta->to.addr)) { /* options of IP are about IPv4 */
		writer_end(&w, msg);
		return;
	}
	if (p->opts & UDP_OPT_PKTINFO)
		put_pktinfo(&w, env, meta);
	if (p->opts & UDP_OPT_RECVTTL)
		put(&w, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	if (p->opts & UDP_OPT_RECVTOS)
		put(&w, IPPROTO_IP, IP_TOS, &meta->tos, sizeof(meta->tos));
	if (p->opts & UDP_OPT_ORIGDST) {
		to.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = ip6_addr_ip4(&meta->to.addr),
					     .sin_port = meta->to.port_be};
		put(&w, IPPROTO_IP, IP_ORIGDSTADDR, &to.in, sizeof(to.in));
	}
	writer_end(&w, msg);
}

void sock_cmsg_error(const struct udp_pcb *p, const struct udp_error *e, struct msghdr *msg)
{
	bool ip6 = p->c.more & CONN_MORE_IP6;
	struct {
		struct sock_extended_err ee;
		union sock_name offender;
	} out = {
		.ee = {.ee_errno = (uint32_t)e->err, .ee_origin = e->origin, .ee_type = e->type, .ee_code = e->code, .ee_info = e->info},
	};
	struct writer w = writer_of(msg);

	if (e->has_offender)
		sock_name_of(&p->c, &e->offender, &out.offender);
	if (p->opts & UDP_OPT_RECVERR)
		put(&w, ip6 ? IPPROTO_IPV6 : IPPROTO_IP, ip6 ? IPV6_RECVERR : IP_RECVERR, &out,
		    sizeof(out.ee) + (ip6 ? sizeof(out.offender.in6) : sizeof(out.offender.in)));
	writer_end(&w, msg);
}
