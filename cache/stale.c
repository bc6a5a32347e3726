/* A save may be of a buffer that was read before a change came in from the
 * server; nobody tells which version the editor had read. What can be known:
 *
 *   - Only a whole file as it was shown (all fields, id, time of creation and
 *     the computed part) can be such a view. {"Price": 5}, or a copy without
 *     the computed part, is meant as it stands.
 *   - It is no view of an earlier version if some field holds what only the
 *     newest one says.
 *   - It surely is one if a computed field holds what only the earlier says, or
 *     if nobody has read the record since.
 *   - What was replaced by our own save is not theirs.
 *
 * Of a view of an earlier version, a field that holds what that version held
 * was not touched and theirs stays, if other fields were really edited. If none
 * was, it may as well be a deliberate return to that version: a conflict. A
 * field edited in a view that is surely older has that version as its base. */
#include "save.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"

/* A view older than this is taken for an edit; ours. */
#define STALE_MS (INT64_C(24) * 3600 * 1000)
#define OWN_OPS 50 /* of the record, that are asked for who wrote a field */

struct stale {
	struct cache *c;
	struct live *l;
	const struct save_judging *j;
	const json_t *doc;
	struct recfile_edit *e;
	json_t *waiting;  /* {"fld...": true}: of saves not on their way */
	json_t *own;      /* {"fld...": shown}: our newest word, sent or on its
	                     way */
	json_t *shown;    /* {"Name": value}: of bytes not yet confirmed, which
	                     are what the file shows */
};

/* ---- what nobody has read ---- */

static struct unseen *find_unseen(struct cache *c, struct rec_key key)
{
	size_t i;

	for (i = 0; i < c->unseen_n; i++)
		if (c->unseen[i].key.seq == key.seq &&
		    c->unseen[i].key.table == key.table)
			return &c->unseen[i];
	return NULL;
}

void stale_unseen_locked(struct cache *c, struct rec_key key, int64_t at_ms)
{
	struct unseen *u = find_unseen(c, key);

	if (u)
		return; /* the first one counts */
	u = &c->unseen[c->unseen_next++ % UNSEEN_MAX];
	*u = (struct unseen){ key, at_ms };
	if (c->unseen_n < UNSEEN_MAX)
		c->unseen_n++;
}

void stale_seen_locked(struct cache *c, struct rec_key key)
{
	struct unseen *u = find_unseen(c, key);

	if (u)
		u->key.seq = 0;
}

/* ---- what is ours ---- */

static int note_own(void *ctx, const struct op *o)
{
	json_t *own = ctx, *after;

	if (o->kind == OP_DELETE || (o->state == OP_DONE && o->err))
		return 0;
	after = json_from_text(o->after);
	json_object_update_missing(own, after); /* newest first */
	json_decref(after);
	return 0;
}

static bool is_own(const struct stale *s, const struct schema_field *f,
		   const json_t *now)
{
	json_t *wrote = json_object_get(s->own, f->id.s);

	return wrote && value_means_same(wrote, now);
}

static int load_waiting(struct stale *s)
{
	struct save_waiting w;
	const char *key;
	json_t *v;
	int r = save_waiting_load(s->c, s->l, &w);

	if (r < 0)
		return r;
	json_object_foreach(w.changes, key, v)
		json_object_set_new(s->waiting, key, json_true());
	save_waiting_release(&w);
	return 0;
}

/* ---- is it a view? ---- */

static bool is_whole(const struct stale *s)
{
	const struct schema_table *st = s->j->st;
	bool computed = false;
	size_t i;

	for (i = 0; i < st->fields_n; i++)
		computed |= st->fields[i].computed && !st->fields[i].hidden;
	return s->e->complete && json_object_get(s->doc, "id") &&
	       json_object_get(s->doc, "createdTime") &&
	       (!computed || s->c->conf.hide_computed ||
		json_object_get(s->doc, "computed"));
}

enum match {
	MATCH_NEVER,  /* it was read from the newest one */
	MATCH_NOT,    /* it seems so */
	MATCH_MAY_BE,
	MATCH_SURE,
};

/* Does the save hold, wherever then and now differ, nothing that only now is
 * there? */
static enum match match_field(const struct stale *s,
			      const struct schema_field *f, const json_t *then,
			      const json_t *now)
{
	const json_t *said;

	if (value_equal(then, now))
		return MATCH_MAY_BE;
	if (!f->computed)
		/* not changed means that it says what is there now */
		return json_object_get(s->e->changes, f->id.s) ? MATCH_MAY_BE :
								  MATCH_NOT;
	said = json_object_get(json_object_get(s->doc, "computed"), f->name);
	if (!said)
		return MATCH_MAY_BE;
	if (value_equal(said, then))
		return MATCH_SURE;
	return value_equal(said, now) ? MATCH_NOT : MATCH_MAY_BE;
}

/* Computed values tell for sure; else one field that is as only now speaks
 * against it. */
static enum match match_version(const struct stale *s, const json_t *version)
{
	const struct schema_table *st = s->j->st;
	enum match all = MATCH_MAY_BE;
	size_t i;

	for (i = 0; i < st->fields_n; i++) {
		const struct schema_field *f = &st->fields[i];
		enum match one;
		json_t *then, *now;

		if (f->hidden)
			continue;
		then = render_value(f, json_object_get(version, f->id.s));
		now = render_value(f, json_object_get(s->j->cells, f->id.s));
		one = match_field(s, f, then, now);
		json_decref(then);
		json_decref(now);
		if (one == MATCH_NOT && f->computed)
			return MATCH_NEVER;
		if (one == MATCH_SURE || all == MATCH_MAY_BE)
			all = one;
	}
	return all;
}

/* Does the save say anything else than the version did? */
static bool is_edited(const struct stale *s, const json_t *version)
{
	const struct schema_table *st = s->j->st;
	bool differs = false;
	size_t i;

	for (i = 0; i < st->fields_n && !differs; i++) {
		const struct schema_field *f = &st->fields[i];
		json_t *then, *said;

		if (f->computed || f->hidden)
			continue;
		then = render_value(f, json_object_get(version, f->id.s));
		said = json_object_get(s->e->changes, f->id.s) ?
			       json_incref(json_object_get(s->e->after,
							   f->id.s)) :
			       render_value(f, json_object_get(s->j->cells,
							       f->id.s));
		differs = !value_equal(then, said);
		json_decref(then);
		json_decref(said);
	}
	return differs;
}

/* In how many fields the save says what the version did. */
static size_t agreement(const struct stale *s, const json_t *version)
{
	const struct schema_table *st = s->j->st;
	size_t n = 0, i;

	for (i = 0; i < st->fields_n; i++) {
		const struct schema_field *f = &st->fields[i];
		const char *part = f->computed ? "computed" : "fields";
		json_t *said = json_object_get(json_object_get(s->doc, part),
					       f->name);
		json_t *then = render_value(f, json_object_get(version,
							       f->id.s));

		n += said && value_equal(then, said);
		json_decref(then);
	}
	return n;
}

/* ---- what follows ---- */

/* The changed fields that the server changed since: those that say what the
 * version said go to *kept, the others to *edited, each with its value then. */
static void sort_fields(const struct stale *s, const json_t *version,
			json_t *kept, json_t *edited)
{
	const char *key;
	json_t *v;

	json_object_foreach(s->e->changes, key, v) {
		const struct schema_field *f =
			schema_find_field(s->j->st, key);
		json_t *then, *now, *mine = json_object_get(s->e->after, key);

		if (!f || json_object_get(s->waiting, key) ||
		    (json_object_get(s->shown, f->name) &&
		     value_equal(json_object_get(s->shown, f->name), mine)))
			continue; /* the latter: save.c knows that view */
		then = render_value(f, json_object_get(version, key));
		now = render_value(f, json_object_get(s->j->cells, key));
		if (!value_equal(then, now) && !is_own(s, f, now))
			json_object_set(value_equal(then, mine) ? kept : edited,
					key, then);
		json_decref(then);
		json_decref(now);
	}
}

static void say_kept(const struct stale *s, const json_t *kept)
{
	char path[3 * NAME_BUF], reason[300];
	const char *key;
	json_t *v;

	path_of_locked(s->c, s->l, path, sizeof(path));
	json_object_foreach((json_t *)kept, key, v) {
		const struct schema_field *f =
			schema_find_field(s->j->st, key);

		snprintf(reason, sizeof(reason),
			 "field \"%.100s\" was changed on the server after the "
			 "saved file was read, and not in the file: the "
			 "server's value stays", f ? f->name : key);
		log_info("'%s': %s", path, reason);
		errlog_add(s->c, path, -ESTALE, f ? f->name : key, 0, 0, reason,
			   "if you meant to put the old value back, do so in "
			   "the file as it is now");
	}
}

static void apply(struct stale *s, const json_t *version, enum match match)
{
	json_t *kept = json_object(), *edited = json_object(), *then;
	bool really = is_edited(s, version);
	const char *key;

	sort_fields(s, version, kept, edited);
	json_object_foreach(kept, key, then) {
		if (!really) { /* may be meant so: base, mine and theirs */
			json_object_set(s->e->before, key, then);
			continue;
		}
		json_object_del(s->e->changes, key);
		json_object_del(s->e->before, key);
		json_object_del(s->e->after, key);
	}
	if (really && json_object_size(kept))
		say_kept(s, kept);
	/* what such a field was changed from is known only of a sure view */
	if (match == MATCH_SURE || (really && json_object_size(kept)))
		json_object_foreach(edited, key, then)
			json_object_set(s->e->before, key, then);
	json_decref(kept);
	json_decref(edited);
}

/* Would it make a difference? */
static bool concerns(const struct stale *s, const json_t *version,
		     enum match match)
{
	json_t *kept = json_object(), *edited = json_object();
	bool some;

	sort_fields(s, version, kept, edited);
	some = json_object_size(kept) > 0 ||
	       (match == MATCH_SURE && json_object_size(edited) > 0);
	json_decref(kept);
	json_decref(edited);
	return some;
}

/* The version that was there before what nobody has read came in; NULL if all
 * was read, or the save says otherwise. */
static const json_t *last_seen(const struct stale *s)
{
	const struct unseen *u = find_unseen(s->c, s->l->key);
	const struct save_judging *j = s->j;
	const json_t *version = NULL;
	size_t i;

	for (i = j->versions_from; u && i < j->recent_n; i++)
		if (j->replaced_ms[i - j->versions_from] >= u->at_ms)
			version = j->recent[i];
	return version && match_version(s, version) != MATCH_NEVER ? version :
								     NULL;
}

static void look(struct stale *s)
{
	const struct save_judging *j = s->j;
	int64_t now = clock_wall_ms(s->c->clock);
	const json_t *version = last_seen(s), *best = NULL;
	enum match best_m = MATCH_NOT;
	size_t i, n, best_n = 0;

	if (version) {
		if (concerns(s, version, MATCH_SURE))
			apply(s, version, MATCH_SURE);
		return;
	}
	for (i = j->versions_from; i < j->recent_n; i++) {
		enum match m;

		version = j->recent[i];
		if (now - j->replaced_ms[i - j->versions_from] > STALE_MS)
			break;
		m = match_version(s, version);
		if (m <= MATCH_NOT || !concerns(s, version, m))
			continue;
		n = agreement(s, version);
		if (best && n <= best_n)
			continue;
		best = version;
		best_m = m;
		best_n = n;
	}
	if (best)
		apply(s, best, best_m);
}

int stale_sort_out(struct cache *c, struct live *l,
		   const struct save_judging *j, const char *bytes, size_t n,
		   struct recfile_edit *e)
{
	struct stale s = { .c = c, .l = l, .j = j, .e = e };
	json_t *doc;
	int r = 0;

	if (j->recent_n == j->versions_from ||
	    json_object_size(e->changes) == 0)
		return 0;
	doc = json_loadb(bytes, n, JSON_ALLOW_NUL, NULL);
	s.doc = doc;
	if (is_whole(&s)) {
		s.waiting = json_object();
		s.own = json_object();
		s.shown = save_shown_fields_locked(c, l);
		r = load_waiting(&s);
		if (r == 0)
			r = journal_each_of_record(c->journal, l->record,
						   OWN_OPS, note_own, s.own);
		if (r == 0)
			look(&s);
		json_decref(s.waiting);
		json_decref(s.own);
		json_decref(s.shown);
	}
	json_decref(doc);
	return r;
}
