/* streams.c: FILEs over sockets of ours. libc's own FILEs call the kernel without names that can be stood in for, so these are of
 * fopencookie()'s kind; fileno() knows them. */
#include "preload/streams.h"

#include <pthread.h>
#include <stdlib.h>

#include "preload/next.h"

struct stream {
	struct stream *next;
	FILE *file;
	int fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stream *streams;

static ssize_t stream_read(void *cookie, char *buf, size_t len) { return read(((struct stream *)cookie)->fd, buf, len); }

/* All of it: 0 of fopencookie()'s means an error. */
static ssize_t stream_write(void *cookie, const char *buf, size_t len)
{
	struct stream *s = cookie;
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(s->fd, buf + done, len - done);

		if (n < 0)
			return (ssize_t)done;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int stream_seek(void *cookie, off64_t *at, int whence)
{
	(void)cookie;
	(void)at;
	(void)whence;
	errno = ESPIPE;
	return -1;
}

static int stream_close(void *cookie)
{
	struct stream *s = cookie, **at;
	int fd = s->fd;

	pthread_mutex_lock(&lock);
	for (at = &streams; *at != NULL && *at != s; at = &(*at)->next)
		;
	if (*at != NULL)
		*at = s->next;
	pthread_mutex_unlock(&lock);
	free(s);
	return close(fd);
}

static FILE *stream_open(int fd, const char *mode)
{
	static const cookie_io_functions_t io = {stream_read, stream_write, stream_seek, stream_close};
	struct stream *s = malloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->fd = fd;
	s->file = fopencookie(s, mode, io);
	if (s->file == NULL) {
		free(s);
		return NULL;
	}
	pthread_mutex_lock(&lock);
	s->next = streams;
	streams = s;
	pthread_mutex_unlock(&lock);
	return s->file;
}

FACE FILE *fdopen(int fd, const char *mode) { return client_owns_socket(fd) ? stream_open(fd, mode) : NEXT(fdopen)(fd, mode); }

FACE int fileno(FILE *file)
{
	int fd = -1;

	if (streams == NULL)
		return NEXT(fileno)(file);
	pthread_mutex_lock(&lock);
	for (struct stream *s = streams; s != NULL; s = s->next)
		if (s->file == file)
			fd = s->fd;
	pthread_mutex_unlock(&lock);
	return fd >= 0 ? fd : NEXT(fileno)(file);
}

/* Each on a descriptor of its own: closing one leaves the number to who else uses it. */
void streams_inherit(void)
{
	FILE *file;

	if (client_owns_socket(STDIN_FILENO) && (file = stream_open(STDIN_FILENO, "r")) != NULL)
		stdin = file;
	if (client_owns_socket(STDOUT_FILENO) && (file = stream_open(STDOUT_FILENO, "w")) != NULL)
		stdout = file;
	if (client_owns_socket(STDERR_FILENO) && (file = stream_open(STDERR_FILENO, "w")) != NULL) {
		setvbuf(file, NULL, _IONBF, 0);
		stderr = file;
	}
}

/* ---- dprintf ---- */

FACE int vdprintf(int fd, const char *format, va_list ap)
{
	char *text;
	int n;

	if (!client_owns_socket(fd))
		return NEXT(vdprintf)(fd, format, ap);
	n = vasprintf(&text, format, ap);
	if (n < 0)
		return -1;
	if (n > 0 && write(fd, text, (size_t)n) != n)
		n = -1;
	free(text);
	return n;
}

FACE int dprintf(int fd, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vdprintf(fd, format, ap);
	va_end(ap);
	return n;
}

FACE int __vdprintf_chk(int fd, int flag, const char *format, va_list ap);
int __vdprintf_chk(int fd, int flag, const char *format, va_list ap)
{
	(void)flag;
	return vdprintf(fd, format, ap);
}

FACE int __dprintf_chk(int fd, int flag, const char *format, ...);
int __dprintf_chk(int fd, int flag, const char *format, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, format);
	n = vdprintf(fd, format, ap);
	va_end(ap);
	return n;
}

extern __typeof__(fileno) fileno_unlocked __attribute__((alias("fileno"), visibility("default")));
