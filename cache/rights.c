/* What a token or a role turned out not to permit. A refused write makes its
 * base read-only for a while: what is unsent there waits, new saves fail before
 * anything is sent, and after RIGHTS_AGAIN_MS, a refresh or a new token it is
 * asked again by the first change that waits. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_NEEDS "the scope data.records:write on the token and the role " \
		    "of an editor in the base"

/* Of the whole base, or of one table, field or record alone? The types of
 * airtable-api.md 5.3; what speaks of a field or a table names it. */
static bool is_base_wide(const struct cache *c, enum op_kind kind,
			 const struct atfs_error *err)
{
	/* deleting is a right of its own: the file comes back, as a refusal */
	if (kind == OP_DELETE)
		return false;
	if (err->cls != ERROR_ACCESS || strstr(err->text, " in field ") ||
	    strstr(err->text, " in table "))
		return false;
	if (!strstr(err->type, "MODEL_NOT_FOUND"))
		return strcmp(err->type, "INVALID_PERMISSIONS") == 0;
	/* or the record is gone: an update was preceded by a look at it */
	return kind == OP_CREATE || !c->conf.no_conflict_check;
}

static void tell(struct base *b, struct after *a)
{
	after_dir(a, 0);
	after_dir(a, b->no);
}

bool rights_refused_locked(struct cache *c, struct base *b, enum op_kind kind,
			   const struct atfs_error *err, struct after *a)
{
	if (!is_base_wide(c, kind, err))
		return false;
	if (b->write_off_ms == 0) {
		log_warn("base '%s' is read-only for now: %s; writing needs "
			 WRITE_NEEDS, b->name, err->text);
		errlog_add(c, b->name, err->err, "", 0, 0, err->text,
			   "writing needs " WRITE_NEEDS "; what is unsent "
			   "waits, and it is asked again by itself");
	}
	if (!rights_write_off_until(c, b))
		tell(b, a);
	b->write_off_ms = clock_wall_ms(c->clock) + RIGHTS_AGAIN_MS;
	memcpy(b->write_off, err->text, sizeof(b->write_off));
	/* the role, or the table, may be another by now */
	fetch_want_bases_locked(c, API_REFRESH);
	return true;
}

int64_t rights_write_off_until(const struct cache *c, const struct base *b)
{
	return b->write_off_ms > clock_wall_ms(c->clock) ? b->write_off_ms : 0;
}

void rights_worked_locked(struct base *b, struct after *a)
{
	if (b->write_off_ms == 0)
		return;
	b->write_off_ms = 0;
	log_info("base '%s' can be written again", b->name);
	tell(b, a);
}

void rights_ask_again_locked(struct cache *c, uint32_t base)
{
	size_t i;

	for (i = 0; i < c->bases_n; i++) {
		struct base *b = c->bases[i];

		/* not 0: it is still to be seen whether it works */
		if (b && b->write_off_ms && (!base || b->no == base))
			b->write_off_ms = 1;
	}
	c->bases_touched_at_ms = 0;
	flush_kick(c);
}

/* ---- for status ---- */

struct off_ctx {
	void (*fn)(void *ctx, const struct rights_off *off);
	void *ctx;
};

static void off(const struct off_ctx *o, const char *path, const char *what,
		const char *needs, const char *why, int64_t again_ms)
{
	o->fn(o->ctx, &(struct rights_off){ path, what, needs, why,
					    again_ms });
}

void rights_each_off_locked(struct cache *c,
			    void (*fn)(void *ctx, const struct rights_off *off),
			    void *ctx)
{
	struct off_ctx o = { fn, ctx };
	char path[2 * NAME_BUF];
	size_t i;

	if (c->bases_error.cls == ERROR_ACCESS)
		off(&o, "", "list of bases", "the scope schema.bases:read",
		    c->bases_error.text, 0);
	for (i = 0; i < c->bases_n; i++) {
		struct base *b = c->bases[i];

		if (!b || !b->listed)
			continue;
		if (rights_write_off_until(c, b))
			off(&o, b->name, "writing", WRITE_NEEDS, b->write_off,
			    b->write_off_ms);
		if (b->last_err == -EACCES && !c->api_status.token_refused)
			off(&o, b->name, "tables and fields",
			    "the scope schema.bases:read, and the base among "
			    "those of the token", b->last_text, 0);
	}
	for (i = 0; i < c->tables_n; i++) {
		struct table *t = c->tables[i];

		if (!t || !t->listed || t->last_err != -EACCES ||
		    c->api_status.token_refused)
			continue;
		snprintf(path, sizeof(path), "%s/%s", t->base->name, t->name);
		off(&o, path, "reading", "the scope data.records:read, and the "
		    "base among those of the token", t->last_text, 0);
	}
}
