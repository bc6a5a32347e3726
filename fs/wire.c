#include "wire.h"

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>
#include <unistd.h>

/* Of the thread that is about to answer INIT. */
static _Thread_local bool is_init_next;

void wire_want_parallel(void)
{
	is_init_next = true;
}

static ssize_t wire_read(int fd, void *buf, size_t n, void *userdata)
{
	(void)userdata;
	return read(fd, buf, n);
}

static ssize_t wire_write(int fd, struct iovec *iov, int count, void *userdata)
{
	const size_t least = offsetof(struct fuse_init_out, flags) +
			     sizeof(uint32_t);

	(void)userdata;
	if (is_init_next && count == 2 && iov[1].iov_len >= least) {
		struct fuse_init_out *out = iov[1].iov_base;

		out->flags |= FUSE_PARALLEL_DIROPS;
	}
	is_init_next = false;
	return writev(fd, iov, count);
}

int wire_attach(struct fuse_session *se)
{
	static const struct fuse_custom_io io = { .writev = wire_write,
						  .read = wire_read };

	return fuse_session_custom_io(se, &io, fuse_session_fd(se));
}
