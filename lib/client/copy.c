/* copy.c: the program's memory. Addresses of sockets are copied by the kernel, which says EFAULT where we would crash;
 * payload is copied as it is, but for what can be told to be wrong. */
#include <limits.h>
#include <string.h>

#include "client/private.h"

#define ADDRESS_BYTES_MAX 128u /* sizeof(struct sockaddr_storage), as the kernel */

static int copy_by_kernel(long nr, void *mine, const void *theirs, size_t len)
{
	struct iovec local = {.iov_base = mine, .iov_len = len};
	struct iovec remote = {.iov_base = (void *)theirs, .iov_len = len};
	long n = KERNEL_6(nr, kernel_getpid(), &local, 1, &remote, 1, 0);

	if (n == (long)len)
		return 0;
	return n == -ENOSYS || n == -EPERM ? 1 : -EFAULT;
}

int copy_from(void *to, const void *from, size_t len)
{
	int rc;

	if (len == 0)
		return 0;
	if (copy_suspect(from, len))
		return -EFAULT;
	rc = copy_by_kernel(SYS_process_vm_readv, to, from, len);
	if (rc == 1) /* forbidden by a filter */
		memcpy(to, from, len);
	return rc < 0 ? rc : 0;
}

int copy_to(void *to, const void *from, size_t len)
{
	int rc;

	if (len == 0)
		return 0;
	if (copy_suspect(to, len))
		return -EFAULT;
	rc = copy_by_kernel(SYS_process_vm_writev, (void *)from, to, len);
	if (rc == 1)
		memcpy(to, from, len);
	return rc < 0 ? rc : 0;
}

int copy_address(struct svc_chan *ch, const struct sockaddr *addr, socklen_t len)
{
	if (len > ADDRESS_BYTES_MAX)
		return -EINVAL;
	ch->addr_len = len;
	ch->addr.ss_family = AF_UNSPEC;
	return copy_from(&ch->addr, addr, len);
}

int copy_name(const struct svc_chan *ch, struct sockaddr *addr, socklen_t *len)
{
	socklen_t room;

	if (copy_suspect(len, sizeof(*len)))
		return -EFAULT;
	room = *len;
	if ((int)room < 0)
		return -EINVAL;
	if (room > ch->addr_len)
		room = ch->addr_len;
	if (copy_suspect(addr, room))
		return -EFAULT;
	if (room > 0)
		memcpy(addr, &ch->addr, room);
	*len = ch->addr_len;
	return 0;
}

int place_check(const struct iovec *iov, size_t n, size_t *total)
{
	size_t sum = 0;

	if (n > IOV_MAX)
		return -EMSGSIZE;
	if (copy_suspect(iov, n * sizeof(*iov)))
		return -EFAULT;
	for (size_t i = 0; i < n; i++) {
		if (iov[i].iov_len > SSIZE_MAX)
			return -EINVAL;
		if (copy_suspect(iov[i].iov_base, iov[i].iov_len))
			return -EFAULT;
		if (iov[i].iov_len > SSIZE_MAX - sum)
			return -EINVAL;
		sum += iov[i].iov_len;
	}
	*total = sum;
	return 0;
}

/* The next piece of at most len bytes; 0: there is no more. */
static size_t place_next(struct place *p, uint8_t **at, size_t len)
{
	size_t here;

	while (p->n > 0 && p->off == p->iov->iov_len) {
		p->iov++;
		p->n--;
		p->off = 0;
	}
	if (p->n == 0)
		return 0;
	here = p->iov->iov_len - p->off;
	here = here < len ? here : len;
	*at = (uint8_t *)p->iov->iov_base + p->off;
	p->off += here;
	return here;
}

size_t place_put(struct place *p, const void *from, size_t len)
{
	size_t done = 0, here;
	uint8_t *at;

	while (done < len && (here = place_next(p, &at, len - done)) > 0) {
		memcpy(at, (const uint8_t *)from + done, here);
		done += here;
	}
	return done;
}

size_t place_get(struct place *p, void *to, size_t len)
{
	size_t done = 0, here;
	uint8_t *at;

	while (done < len && (here = place_next(p, &at, len - done)) > 0) {
		memcpy((uint8_t *)to + done, at, here);
		done += here;
	}
	return done;
}
