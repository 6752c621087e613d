/* mmsg.c: several messages in one call: sendmmsg(), recvmmsg(). */
#include <limits.h>
#include <string.h>

#include "sock/sock.h"

#define NS_IN_S 1000000000ull

int sock_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	unsigned done;

	if (msgs == NULL && n > 0)
		return -EFAULT;
	n = RTE_MIN(n, (unsigned)IOV_MAX);
	for (done = 0; done < n; done++) {
		ssize_t rc = sock_sendmsg(fd, &msgs[done].msg_hdr, flags);

		if (rc < 0)
			return done > 0 ? (int)done : (int)rc; /* the error is the next call's, if it lasts */
		msgs[done].msg_len = (unsigned)rc;
	}
	return (int)done;
}

/* As Linux has it, the time is looked at after each message: one that waits for ever is not ended by it. */
int sock_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, const struct timespec *timeout)
{
	uint64_t ns, start_ns = sock_cur != NULL ? sock_cur->s->clock.now_ns : 0;
	int wait_one = flags & MSG_WAITFORONE, rc = sock_timespec_ns(timeout, &ns);
	unsigned done = 0;

	if (rc < 0)
		return rc;
	if (msgs == NULL && n > 0)
		return -EFAULT;
	flags &= ~MSG_WAITFORONE;
	n = RTE_MIN(n, (unsigned)IOV_MAX);
	while (done < n) {
		ssize_t got = sock_recvmsg(fd, &msgs[done].msg_hdr, flags);

		if (got < 0)
			return done > 0 ? (int)done : (int)got;
		msgs[done++].msg_len = (unsigned)got;
		if (wait_one)
			flags |= MSG_DONTWAIT;
		if (ns != SOCK_FOREVER && sock_cur != NULL && sock_cur->s->clock.now_ns - start_ns >= ns)
			break;
	}
	return (int)done;
}
