#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <zlib.h>

#include "mem.h"

#define SEND_MS 10000		/* a peer that reads nothing is given up */
#define CHUNK 4096

bool wire_gzip(struct buf *b)
{
	z_stream z = { 0 };
	struct buf out = BUF_INIT;
	uLong cap;
	int r;

	if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	cap = deflateBound(&z, (uLong)b->n);
	out.p = sim_alloc(cap + 1);
	out.cap = cap + 1;
	z.next_in = (Bytef *)b->p;
	z.avail_in = (uInt)b->n;
	z.next_out = (Bytef *)out.p;
	z.avail_out = (uInt)cap;
	r = deflate(&z, Z_FINISH);
	out.n = z.total_out;
	deflateEnd(&z);
	if (r != Z_STREAM_END) {
		buf_release(&out);
		return false;
	}
	buf_release(b);
	*b = out;
	return true;
}

bool wire_is_raw(enum fault_action a)
{
	return a >= FAULT_LONG_LENGTH;
}

static void head(struct buf *b, int status, const char *more, size_t length)
{
	buf_printf(b, "HTTP/1.1 %d Sim\r\nContent-Type: application/json; "
		   "charset=utf-8\r\nConnection: close\r\n%s", status, more);
	if (length)
		buf_printf(b, "Content-Length: %zu\r\n", length);
	buf_str(b, "\r\n");
}

/* The first n bytes in chunks; the empty one that ends them by `end`. */
static void chunks(struct buf *b, const struct buf *body, size_t n, bool end)
{
	for (size_t at = 0; at < n; at += CHUNK) {
		size_t k = n - at < CHUNK ? n - at : CHUNK;

		buf_printf(b, "%zx\r\n", k);
		buf_add(b, body->p + at, k);
		buf_str(b, "\r\n");
	}
	if (end)
		buf_str(b, "0\r\n\r\n");
}

static void compose(struct buf *b, struct served *v)
{
	static const char chunked[] = "Transfer-Encoding: chunked\r\n";
	static const char gzip[] = "Content-Encoding: gzip\r\n";
	static const char noise[] = "\x1f\x8b\x08this is no gzip stream";
	struct buf *body = &v->reply.body;
	int status = v->reply.status;

	switch ((int)v->fault.action) {
	case FAULT_LONG_LENGTH:
		head(b, status, "", body->n + 1000);
		buf_add(b, body->p, body->n);
		break;
	case FAULT_SHORT_LENGTH:
		head(b, status, "", body->n / 2 + 1);
		buf_add(b, body->p, body->n);
		break;
	case FAULT_CHUNKED:
		head(b, status, chunked, 0);
		chunks(b, body, body->n, true);
		break;
	case FAULT_CHUNKED_CUT:
		head(b, status, chunked, 0);
		chunks(b, body, body->n / 2, false);
		break;
	case FAULT_CHUNKED_BAD:
		head(b, status, chunked, 0);
		chunks(b, body, body->n / 2, false);
		buf_str(b, "zz\r\nno size\r\n");
		break;
	case FAULT_GZIP_CUT:
		wire_gzip(body);
		head(b, status, gzip, body->n / 2 + 1);
		buf_add(b, body->p, body->n / 2 + 1);
		break;
	case FAULT_GZIP_GARBAGE:
		head(b, status, gzip, sizeof(noise) - 1);
		buf_add(b, noise, sizeof(noise) - 1);
		break;
	default:	/* FAULT_NO_HTTP */
		buf_str(b, "SSH-2.0-OpenSSH_9.2\r\n");
	}
}

void wire_send(int fd, struct served *v)
{
	struct pollfd p = { fd, POLLOUT, 0 };
	struct buf b = BUF_INIT;
	size_t at = 0;

	compose(&b, v);
	while (at < b.n) {
		ssize_t n = send(fd, b.p + at, b.n - at, MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			break;
		else if (poll(&p, 1, SEND_MS) == 0)
			break;
	}
	buf_release(&b);
}
