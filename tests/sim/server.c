#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mem.h"
#include "serve.h"
#include "timefmt.h"
#include "wire.h"

#define GZIP_FROM 1024		/* smaller bodies go out plain */
#define DRIP_BYTES 16		/* per pause of a dripping body */

struct request {
	char *target;
	int64_t arrival_ns;
	struct buf body;
	bool started;
	bool too_large;
};

/* A body that is sent in part, or slowly. */
struct odd_body {
	struct server *s;
	struct buf b;
	int ms;
	bool cut;
};

static void reset(struct request *q)
{
	free(q->target);
	buf_release(&q->body);
	memset(q, 0, sizeof(*q));
}

/* A request lives with its connection, one after the other: of a request
 * that is given up half way the library tells no end. */
static void on_connection(void *cls, struct MHD_Connection *con,
			  void **socket_ctx,
			  enum MHD_ConnectionNotificationCode toe)
{
	(void)cls;
	(void)con;
	if (toe == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_ctx = sim_alloc(sizeof(struct request));
		return;
	}
	reset(*socket_ctx);
	free(*socket_ctx);
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *con)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
		con, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *q = i->socket_context;

	(void)cls;
	reset(q);
	q->target = sim_strdup(uri);
	q->arrival_ns = time_mono_ns();
	return q;
}

static void on_completed(void *cls, struct MHD_Connection *con, void **con_cls,
			 enum MHD_RequestTerminationCode toe)
{
	(void)cls;
	(void)con;
	(void)toe;
	if (*con_cls)
		reset(*con_cls);
	*con_cls = NULL;
}

static const char *header(struct MHD_Connection *con, const char *name)
{
	return MHD_lookup_connection_value(con, MHD_HEADER_KIND, name);
}

static ssize_t odd_read(void *cls, uint64_t pos, char *to, size_t max)
{
	struct odd_body *o = cls;
	size_t end = o->cut ? o->b.n / 2 : o->b.n;
	size_t n = end - (size_t)pos;

	if (pos >= end)
		return o->cut ? MHD_CONTENT_READER_END_WITH_ERROR :
				MHD_CONTENT_READER_END_OF_STREAM;
	if (o->ms && !o->cut) {
		server_pause(o->s, o->ms);
		n = n < DRIP_BYTES ? n : DRIP_BYTES;
	}
	n = n < max ? n : max;
	memcpy(to, o->b.p + pos, n);
	return (ssize_t)n;
}

static void odd_free(void *cls)
{
	struct odd_body *o = cls;

	buf_release(&o->b);
	free(o);
}

static struct MHD_Response *odd_response(struct server *s, struct served *v)
{
	struct odd_body *o = sim_alloc(sizeof(*o));

	o->s = s;
	o->b = v->reply.body;
	v->reply.body = (struct buf)BUF_INIT;
	o->ms = v->fault.ms;
	o->cut = v->fault.action == FAULT_CUT;
	return MHD_create_response_from_callback(o->b.n, 4096, odd_read, o,
						 odd_free);
}

static struct MHD_Response *plain_response(struct served *v)
{
	size_t n = v->reply.body.n;

	return MHD_create_response_from_buffer(n, buf_steal(&v->reply.body),
					       MHD_RESPMEM_MUST_FREE);
}

static void add_headers(struct MHD_Response *h, const struct reply *r)
{
	char text[40];

	MHD_add_response_header(h, "Content-Type", r->content_type ?
				r->content_type :
				"application/json; charset=utf-8");
	MHD_add_response_header(h, "Access-Control-Allow-Origin", "*");
	MHD_add_response_header(h, "Vary", "Accept-Encoding");
	MHD_add_response_header(h, "Set-Cookie", "brw=brwSimulator000; path=/;"
				" httponly");
	if (r->location)
		MHD_add_response_header(h, "Location", r->location);
	if (r->retry_after) {
		snprintf(text, sizeof(text), "%d", r->retry_after);
		MHD_add_response_header(h, "Retry-After", text);
	}
}

static enum MHD_Result send_reply(struct server *s, struct MHD_Connection *con,
				  struct served *v)
{
	const char *accept = header(con, "Accept-Encoding");
	size_t plain_n = v->reply.body.n;
	struct MHD_Response *h;
	enum MHD_Result ret;
	bool zip = accept && strstr(accept, "gzip") && plain_n >= GZIP_FROM &&
		   wire_gzip(&v->reply.body);
	char text[40];

	if (v->fault.action == FAULT_CUT || v->fault.action == FAULT_DRIP)
		h = odd_response(s, v);
	else
		h = plain_response(v);
	if (!h)
		return MHD_NO;
	add_headers(h, &v->reply);
	if (zip) {
		snprintf(text, sizeof(text), "%zu", plain_n);
		MHD_add_response_header(h, "Content-Encoding", "gzip");
		MHD_add_response_header(h, "airtable-uncompressed-content-"
					"length", text);
	}
	ret = MHD_queue_response(con, (unsigned)v->reply.status, h);
	MHD_destroy_response(h);
	return ret;
}

static int fd_of(struct MHD_Connection *con)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(con, MHD_CONNECTION_INFO_CONNECTION_FD);

	return i ? i->connect_fd : -1;
}

/* Closes so that the peer sees a reset, not an orderly end. */
static enum MHD_Result drop(struct MHD_Connection *con)
{
	struct linger l = { 1, 0 };

	setsockopt(fd_of(con), SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	return MHD_NO;
}

static enum MHD_Result send_raw(struct MHD_Connection *con, struct served *v)
{
	wire_send(fd_of(con), v);
	return MHD_NO;
}

static enum MHD_Result finish(struct server *s, struct MHD_Connection *con,
			      struct request *q, const char *method)
{
	struct call c = {
		.method = method,
		.target = q->target,
		.authorization = header(con, "Authorization"),
		.content_type = header(con, "Content-Type"),
		.body = q->body.p,
		.body_n = q->body.n,
		.arrival_ns = q->arrival_ns,
	};
	struct served v = { .reply = REPLY_INIT };
	enum MHD_Result ret;

	if (q->too_large)
		reply_error(&v.reply, ERR_TOO_LARGE);
	else
		serve(s, &c, &v);
	serve_done(s, &v);
	if (v.drop)
		ret = drop(con);
	else if (wire_is_raw(v.fault.action))
		ret = send_raw(con, &v);
	else
		ret = send_reply(s, con, &v);
	serve_release(&v);
	call_release(&c);
	return ret;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *con,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *data_n, void **con_cls)
{
	struct request *q = *con_cls;

	(void)url;
	(void)version;
	if (!q->started) {
		q->started = true;
		return MHD_YES;
	}
	if (*data_n) {
		if (q->body.n + *data_n > SERVER_BODY_MAX)
			q->too_large = true;
		else
			buf_add(&q->body, data, *data_n);
		*data_n = 0;
		return MHD_YES;
	}
	return finish(cls, con, q, method);
}

int server_listen(const char *addr, unsigned port, unsigned *chosen)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);
	int fd, on = 1, r;

	sa.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, addr, &sa.sin_addr) != 1)
		return -EINVAL;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, n) || listen(fd, 511) ||
	    getsockname(fd, (struct sockaddr *)&sa, &n)) {
		r = -errno;
		close(fd);
		return r;
	}
	*chosen = ntohs(sa.sin_port);
	return fd;
}

int server_start(struct server *s, const char *addr, unsigned port,
		 unsigned *chosen)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	s->fd = server_listen(addr, port, chosen);
	if (s->fd < 0)
		return s->fd;
	s->daemon = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION |
			MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
			MHD_USE_ITC,
		0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, s->fd,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)131072,
		MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_END);
	return s->daemon ? 0 : -EIO;
}

void server_stop(struct server *s)
{
	pthread_mutex_lock(&s->sim.mu);
	s->stopping = true;
	pthread_cond_broadcast(&s->wake);
	pthread_mutex_unlock(&s->sim.mu);
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	pthread_cond_destroy(&s->wake);
}
