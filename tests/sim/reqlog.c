#include "reqlog.h"

#include <stdlib.h>
#include <string.h>

#include "ids.h"
#include "mem.h"
#include "timefmt.h"

#define SECOND 1000000000
#define BODIES_MAX (256u << 20)	/* bytes of bodies kept in all */

struct entry {
	uint64_t seq;
	int64_t ns;
	int64_t took_ns;
	char *method;
	char *target;
	char *body;
	size_t body_n;
	char base[ID_CAP];
	char user[ID_CAP];
	enum kind kind;
	int status;		/* 0: not answered yet */
	bool auth;
	const char *fault;	/* static; NULL: none */
};

/* Arrivals of the last second, and the most there ever were. */
struct pace {
	char of[ID_CAP];	/* a base, a user; "": all together */
	int64_t *at;
	size_t head;
	size_t n;
	size_t cap;
	size_t most;
	uint64_t calls;
	uint64_t refused;
};

struct reqlog {
	FILE *file;
	int64_t start_ns;
	struct entry *ring;
	uint64_t next;		/* seq of the next one, from 1 */
	uint64_t oldest_body;
	size_t bodies;
	uint64_t base_seq;	/* seq before the last reset */
	uint64_t by_kind[KIND_COUNT_];
	uint64_t by_status[600];
	struct pace **paces;
	size_t paces_n;
	size_t paces_cap;
};

struct reqlog *reqlog_new(FILE *file)
{
	struct reqlog *l = sim_alloc(sizeof(*l));

	l->file = file;
	l->start_ns = time_mono_ns();
	l->ring = sim_alloc(REQLOG_ENTRIES * sizeof(*l->ring));
	l->next = l->oldest_body = 1;
	return l;
}

static struct entry *at(struct reqlog *l, uint64_t seq)
{
	return &l->ring[seq % REQLOG_ENTRIES];
}

static void drop_body(struct reqlog *l, struct entry *e)
{
	l->bodies -= e->body_n;
	free(e->body);
	e->body = NULL;
	e->body_n = 0;
}

static void clear(struct reqlog *l, struct entry *e)
{
	drop_body(l, e);
	free(e->method);
	free(e->target);
	memset(e, 0, sizeof(*e));
}

void reqlog_reset(struct reqlog *l)
{
	for (size_t i = 0; i < REQLOG_ENTRIES; i++)
		if (l->ring[i].seq)
			clear(l, &l->ring[i]);
	for (size_t i = 0; i < l->paces_n; i++) {
		free(l->paces[i]->at);
		free(l->paces[i]);
	}
	l->paces_n = 0;
	l->base_seq = l->next - 1;
	memset(l->by_kind, 0, sizeof(l->by_kind));
	memset(l->by_status, 0, sizeof(l->by_status));
}

void reqlog_free(struct reqlog *l)
{
	if (!l)
		return;
	reqlog_reset(l);
	if (l->file)
		fclose(l->file);
	free(l->paces);
	free(l->ring);
	free(l);
}

static struct pace *pace_of(struct reqlog *l, const char *of)
{
	struct pace *p;

	for (size_t i = 0; i < l->paces_n; i++)
		if (!strcmp(l->paces[i]->of, of))
			return l->paces[i];
	p = sim_alloc(sizeof(*p));
	memcpy(p->of, of, strnlen(of, ID_CAP - 1));
	l->paces = sim_grow(l->paces, l->paces_n, &l->paces_cap,
			    sizeof(struct pace *));
	l->paces[l->paces_n++] = p;
	return p;
}

static void pace_note(struct pace *p, int64_t ns)
{
	while (p->n && p->at[p->head] <= ns - SECOND) {
		p->head++;
		p->n--;
	}
	if (p->head + p->n == p->cap) {
		if (p->n)
			memmove(p->at, p->at + p->head,
				p->n * sizeof(*p->at));
		p->head = 0;
		p->at = sim_grow(p->at, p->n, &p->cap, sizeof(*p->at));
	}
	p->at[p->head + p->n++] = ns;
	if (p->n > p->most)
		p->most = p->n;
	p->calls++;
}

uint64_t reqlog_arrive(struct reqlog *l, const struct call *c,
		       const char *user)
{
	struct entry *e = at(l, l->next);

	clear(l, e);
	e->seq = l->next++;
	e->ns = c->arrival_ns;
	e->method = sim_strdup(c->method);
	e->target = sim_strdup(c->target);
	e->kind = c->kind;
	e->auth = c->authorization != NULL;
	memcpy(e->base, c->base_id, ID_CAP);
	memcpy(e->user, user, strnlen(user, ID_CAP - 1));
	e->body_n = c->body_n < REQLOG_BODY_MAX ? c->body_n : REQLOG_BODY_MAX;
	if (e->body_n)
		e->body = sim_strndup(c->body, e->body_n);
	l->bodies += e->body_n;
	while (l->bodies > BODIES_MAX && l->oldest_body < e->seq)
		drop_body(l, at(l, l->oldest_body++));
	l->by_kind[e->kind]++;
	pace_note(pace_of(l, ""), e->ns);
	if (*e->base)
		pace_note(pace_of(l, e->base), e->ns);
	if (*e->user)
		pace_note(pace_of(l, e->user), e->ns);
	return e->seq;
}

static void body_text(struct buf *b, const struct entry *e)
{
	json_t *s = json_stringn(e->body ? e->body : "", e->body_n);

	if (s)
		buf_json(b, s);
	else
		buf_str(b, "null");	/* not UTF-8 */
	json_decref(s);
}

static void write_entry(const struct reqlog *l, const struct entry *e,
			bool body, struct buf *b)
{
	buf_printf(b, "{\"seq\":%llu,\"ms\":%lld.%03lld,\"took_ms\":%lld.%03lld"
		   ",\"kind\":\"%s\",\"base\":\"%s\","
		   "\"user\":\"%s\",\"status\":%d,\"auth\":%s,\"method\":",
		   (unsigned long long)e->seq,
		   (long long)((e->ns - l->start_ns) / 1000000),
		   (long long)((e->ns - l->start_ns) / 1000 % 1000),
		   (long long)(e->took_ns / 1000000),
		   (long long)(e->took_ns / 1000 % 1000),
		   kind_name(e->kind), e->base, e->user, e->status,
		   e->auth ? "true" : "false");
	buf_json_str(b, e->method, strlen(e->method));
	buf_str(b, ",\"path\":");
	buf_json_str(b, e->target, strlen(e->target));
	if (e->fault)
		buf_printf(b, ",\"fault\":\"%s\"", e->fault);
	if (body) {
		buf_str(b, ",\"body\":");
		body_text(b, e);
	}
	buf_chr(b, '}');
}

void reqlog_done(struct reqlog *l, uint64_t seq, int status,
		 const char *fault, int64_t now_ns)
{
	struct entry *e = at(l, seq);

	if (e->seq != seq)
		return;	/* the ring has gone round, or was reset */
	e->status = status;
	e->took_ns = now_ns - e->ns;
	e->fault = fault;
	if (status > 0 && status < 600)
		l->by_status[status]++;
	if (status == 429) {
		pace_of(l, "")->refused++;
		if (*e->base)
			pace_of(l, e->base)->refused++;
		if (*e->user)
			pace_of(l, e->user)->refused++;
	}
	if (l->file) {
		struct buf b = BUF_INIT;

		write_entry(l, e, true, &b);
		buf_chr(&b, '\n');
		fwrite(b.p, 1, b.n, l->file);
		fflush(l->file);
		buf_release(&b);
	}
}

void reqlog_write(struct reqlog *l, uint64_t since, bool body, struct buf *b)
{
	uint64_t i = since + 1;
	const char *sep = "";

	if (l->next > REQLOG_ENTRIES && i < l->next - REQLOG_ENTRIES)
		i = l->next - REQLOG_ENTRIES;
	if (i <= l->base_seq)
		i = l->base_seq + 1;
	buf_str(b, "{\"entries\":[");
	for (; i < l->next; i++) {
		struct entry *e = at(l, i);

		if (e->seq != i)
			continue;
		buf_str(b, sep);
		write_entry(l, e, body, b);
		sep = ",";
	}
	buf_printf(b, "],\"last\":%llu}", (unsigned long long)(l->next - 1));
}

static void write_paces(const struct reqlog *l, const char *prefix,
			struct buf *b)
{
	const char *sep = "";

	for (size_t i = 0; i < l->paces_n; i++) {
		const struct pace *p = l->paces[i];

		if (strncmp(p->of, prefix, 3) != 0)
			continue;
		buf_printf(b, "%s\"%s\":{\"calls\":%llu,\"rate_limited\":%llu,"
			   "\"max_per_second\":%zu}", sep, p->of,
			   (unsigned long long)p->calls,
			   (unsigned long long)p->refused, p->most);
		sep = ",";
	}
}

void reqlog_counters(struct reqlog *l, struct buf *b)
{
	struct pace *all = pace_of(l, "");
	const char *sep = "";

	buf_printf(b, "{\"total\":%llu,\"rate_limited\":%llu,"
		   "\"max_per_second\":%zu,\"by_kind\":{",
		   (unsigned long long)all->calls,
		   (unsigned long long)all->refused, all->most);
	for (int i = 0; i < KIND_COUNT_; i++) {
		buf_printf(b, "%s\"%s\":%llu", sep, kind_name((enum kind)i),
			   (unsigned long long)l->by_kind[i]);
		sep = ",";
	}
	buf_str(b, "},\"by_status\":{");
	sep = "";
	for (int i = 0; i < 600; i++) {
		if (!l->by_status[i])
			continue;
		buf_printf(b, "%s\"%d\":%llu", sep, i,
			   (unsigned long long)l->by_status[i]);
		sep = ",";
	}
	buf_str(b, "},\"by_base\":{");
	write_paces(l, "app", b);
	buf_str(b, "},\"by_user\":{");
	write_paces(l, "usr", b);
	buf_str(b, "}}");
}
