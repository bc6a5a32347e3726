#include "files.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "mem.h"
#include "sample.h"
#include "server.h"
#include "timefmt.h"

#define STATIC_MAX (64u << 20)

size_t files_static_size(const char *path)
{
	const char *at = strstr(path, "size=");
	unsigned long n = at ? strtoul(at + 5, NULL, 10) : 0;

	return n <= STATIC_MAX ? n : STATIC_MAX;
}

static void note(struct files *f, const char *method, const char *path,
		 const char *range, bool auth, int status)
{
	struct files_entry *e;

	f->requests++;
	f->with_auth += auth;
	if (f->log_n == FILES_LOG_MAX) {
		free(f->log[0].method);
		free(f->log[0].path);
		free(f->log[0].range);
		memmove(f->log, f->log + 1,
			(FILES_LOG_MAX - 1) * sizeof(*f->log));
		f->log_n--;
	}
	f->log = sim_grow(f->log, f->log_n, &f->log_cap, sizeof(*f->log));
	e = &f->log[f->log_n++];
	e->method = sim_strdup(method);
	e->path = sim_strdup(path);
	e->range = range ? sim_strdup(range) : NULL;
	e->auth = auth;
	e->status = status;
}

struct body {
	char *data;
	size_t n;
	char type[100];
	char etag[60];
	size_t from;		/* of a range */
	size_t to;		/* one past it */
	bool cut;
};

static void take(struct body *b, const void *data, size_t n, const char *type,
		 const char *tag)
{
	b->data = sim_alloc(n + 1);
	if (n)
		memcpy(b->data, data, n);
	b->n = n;
	snprintf(b->type, sizeof(b->type), "%s", type);
	snprintf(b->etag, sizeof(b->etag), "\"%s\"", tag);
}

static void thumb_of(const struct blob *from, const char *size,
		     struct body *b)
{
	int most = !strcmp(size, "small") ? 36 :
		   !strcmp(size, "large") ? 512 : 3000;
	int h = from->height < most ? from->height : most;
	int w = from->height ? from->width * h / from->height : 0;
	struct sample s = sample_png(from->id, w > 0 && w < 4000 ? w : 1,
				     h > 0 ? h : 1);
	char tag[ID_CAP + 10];

	snprintf(tag, sizeof(tag), "%s-%.8s", from->id, size);
	take(b, s.data, s.n, "image/png", tag);
	free(s.data);
}

static int find(struct files *f, const char *target, struct body *b)
{
	struct state *st = f->sim->state;
	const char *thumb;
	struct blob *from;
	int status;

	if (f->fail_left) {
		f->fail_left -= f->fail_left > 0;
		return f->fail_status;
	}
	if (!strncmp(target, "/static/", 8)) {
		size_t n = strcspn(target + 8, "?");
		char *name = sim_strndup(target + 8, n);
		struct sample s = sample_make(target + 8, sample_type(name),
					      files_static_size(target));

		take(b, s.data, s.n, sample_type(name), "static");
		free(s.data);
		free(name);
		return 200;
	}
	from = blob_by_path(st->files, target, state_now_ms(st), &status,
			    &thumb);
	if (status != 200)
		return status;
	if (!from || from->failed)
		return 404;
	if (*thumb)
		thumb_of(from, thumb, b);
	else
		take(b, from->data, from->n, from->type, from->id);
	return 200;
}

/* One range of bytes; anything else is served whole. */
static int range(const char *text, struct body *b)
{
	char *end;
	unsigned long long from, to;

	if (!text || strncmp(text, "bytes=", 6) != 0 || strchr(text, ','))
		return 200;
	text += 6;
	from = strtoull(text, &end, 10);
	if (*end != '-')
		return 200;
	if (end == text) {	/* the last so many */
		to = strtoull(end + 1, NULL, 10);
		from = to < b->n ? b->n - to : 0;
		to = b->n;
	} else {
		to = end[1] ? strtoull(end + 1, NULL, 10) + 1 : b->n;
	}
	if (from >= b->n || to <= from)
		return 416;
	b->from = (size_t)from;
	b->to = to < b->n ? (size_t)to : b->n;
	return 206;
}

static ssize_t read_cut(void *cls, uint64_t pos, char *to, size_t max)
{
	const struct body *b = cls;
	size_t end = b->n / 2;
	size_t n = end - (size_t)pos;

	if (pos >= end)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = n < max ? n : max;
	memcpy(to, b->data + pos, n);
	return (ssize_t)n;
}

static void free_body(void *cls)
{
	struct body *b = cls;

	free(b->data);
	free(b);
}

static struct MHD_Response *response(struct files *f, struct body *b,
				     int status)
{
	struct MHD_Response *h;
	char text[80];

	if (b->cut && b->n)
		return MHD_create_response_from_callback(b->n, 4096, read_cut,
							 b, free_body);
	if (status == 206)
		h = MHD_create_response_from_buffer(b->to - b->from,
						    b->data + b->from,
						    MHD_RESPMEM_MUST_COPY);
	else
		h = MHD_create_response_from_buffer(status == 200 ? b->n : 0,
						    b->data,
						    MHD_RESPMEM_MUST_COPY);
	if (status == 206) {
		snprintf(text, sizeof(text), "bytes %zu-%zu/%zu", b->from,
			 b->to - 1, b->n);
		MHD_add_response_header(h, "Content-Range", text);
	}
	if (status < 300 && !f->no_ranges) {
		MHD_add_response_header(h, "Accept-Ranges", "bytes");
		MHD_add_response_header(h, "ETag", b->etag);
	}
	if (status < 300)
		MHD_add_response_header(h, "Content-Type", b->type);
	free_body(b);
	return h;
}

struct fetch {
	char *target;
	bool started;
};

static void reset(struct fetch *q)
{
	free(q->target);
	q->target = NULL;
	q->started = false;
}

/* As in server.c: what is fetched lives with its connection. */
static void on_connection(void *cls, struct MHD_Connection *con,
			  void **socket_ctx,
			  enum MHD_ConnectionNotificationCode toe)
{
	(void)cls;
	(void)con;
	if (toe == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_ctx = sim_alloc(sizeof(struct fetch));
		return;
	}
	reset(*socket_ctx);
	free(*socket_ctx);
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *con)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
		con, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct fetch *q = i->socket_context;

	(void)cls;
	reset(q);
	q->target = sim_strdup(uri);
	return q;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *con,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *data_n, void **con_cls)
{
	struct files *f = cls;
	struct fetch *q = *con_cls;
	const char *want = MHD_lookup_connection_value(con, MHD_HEADER_KIND,
						       "Range");
	bool auth = MHD_lookup_connection_value(con, MHD_HEADER_KIND,
						"Authorization") != NULL;
	struct MHD_Response *h;
	enum MHD_Result ret;
	struct body *b;
	int status = 405, latency;

	(void)url;
	(void)version;
	(void)data;
	*data_n = 0;
	if (!q->started) {
		q->started = true;
		return MHD_YES;
	}
	b = sim_alloc(sizeof(*b));
	pthread_mutex_lock(&f->sim->mu);
	latency = f->latency_ms;
	pthread_mutex_unlock(&f->sim->mu);
	time_sleep_ms(latency);
	pthread_mutex_lock(&f->sim->mu);
	if (!strcmp(method, "GET") || !strcmp(method, "HEAD"))
		status = find(f, q->target, b);
	if (status == 200 && !f->no_ranges)
		status = range(want, b);
	if (status == 200 && f->cut_left) {
		f->cut_left -= f->cut_left > 0;
		b->cut = true;
	}
	note(f, method, q->target, want, auth, status);
	h = response(f, b, status);
	pthread_mutex_unlock(&f->sim->mu);
	ret = MHD_queue_response(con, (unsigned)status, h);
	MHD_destroy_response(h);
	return ret;
}

int files_start(struct files *f, struct sim *s, const char *addr,
		unsigned port)
{
	struct attachments *t = s->state->files;
	int fd = server_listen(addr, port, &port);

	if (fd < 0)
		return fd;
	f->sim = s;
	snprintf(t->host, sizeof(t->host), "%s",
		 strcmp(addr, "0.0.0.0") ? addr : "127.0.0.1");
	t->port = port;
	f->daemon = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION |
			MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
			MHD_USE_ITC,
		0, NULL, NULL, on_request, f, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, f,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, f,
		MHD_OPTION_END);
	return f->daemon ? 0 : -EIO;
}

void files_stop(struct files *f)
{
	if (f->daemon)
		MHD_stop_daemon(f->daemon);
	files_reset(f);
	free(f->log);
	f->log = NULL;
}

void files_reset(struct files *f)
{
	for (size_t i = 0; i < f->log_n; i++) {
		free(f->log[i].method);
		free(f->log[i].path);
		free(f->log[i].range);
	}
	f->log_n = 0;
	f->requests = f->with_auth = 0;
}

void files_write(const struct files *f, struct buf *b)
{
	const struct attachments *t = f->sim->state->files;

	buf_printf(b, "{\"url\":\"http://%s:%u\",\"port\":%u,\"requests\":%llu"
		   ",\"with_authorization\":%llu,\"entries\":[", t->host,
		   t->port, t->port, (unsigned long long)f->requests,
		   (unsigned long long)f->with_auth);
	for (size_t i = 0; i < f->log_n; i++) {
		const struct files_entry *e = &f->log[i];

		buf_printf(b, "%s{\"method\":", i ? "," : "");
		buf_json_str(b, e->method, strlen(e->method));
		buf_str(b, ",\"path\":");
		buf_json_str(b, e->path, strlen(e->path));
		if (e->range) {
			buf_str(b, ",\"range\":");
			buf_json_str(b, e->range, strlen(e->range));
		}
		buf_printf(b, ",\"status\":%d,\"auth\":%s}", e->status,
			   e->auth ? "true" : "false");
	}
	buf_str(b, "]}");
}

static void set_long(const json_t *o, const char *key, long *to)
{
	const json_t *v = json_object_get(o, key);

	*to = call_number(v, *to);
}

void files_set(struct files *f, const json_t *o)
{
	struct attachments *t = f->sim->state->files;
	const json_t *v;
	long n;

	n = (long)t->ttl_ms;
	set_long(o, "ttl_ms", &n);
	t->ttl_ms = n;
	n = (long)t->late_ms;
	set_long(o, "late_ms", &n);
	t->late_ms = n;
	n = t->expired_status;
	set_long(o, "expired_status", &n);
	t->expired_status = (int)n;
	set_long(o, "partial", &t->partial);
	n = f->latency_ms;
	set_long(o, "latency_ms", &n);
	f->latency_ms = (int)n;
	n = f->fail_status;
	set_long(o, "fail_status", &n);
	if (json_object_get(o, "fail_status"))
		f->fail_left = 1;
	f->fail_status = (int)n;
	set_long(o, "fail_count", &f->fail_left);
	set_long(o, "cut_count", &f->cut_left);
	v = json_object_get(o, "ranges");
	if (json_is_boolean(v))
		f->no_ranges = !json_is_true(v);
	v = json_object_get(o, "thumbnails");
	if (json_is_boolean(v))
		t->thumbnails = json_is_true(v);
	v = json_object_get(o, "foreign");
	if (json_is_string(v))
		t->foreign_fails = !strcmp(json_string_value(v), "fail");
}
