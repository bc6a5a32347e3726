/* P4, P5, P6 as a property: saves of every kind here, edits there, faults, deaths
 * and a lost cache in any order, watched by a model (model.h); and once all is
 * calm, no accepted edit is lost: each is on the server, or in the file of a
 * record that is visibly in conflict or rejected.
 * A failure names its seed; ATFS_SEED=N runs that one alone, ATFS_STEPS=1 tells
 * each step, ATFS_SECONDS=N goes on with fresh seeds for so long. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cache_world.h"
#include "model.h"

#define STEPS 200
#define SEEDS 24
#define GUILTY "refuse me" /* the account takes no such note */

static struct world w;
static struct model m;

/* ---- what is there ---- */

static struct model_rec *any(void)
{
	struct model_rec *r;

	if (m.recs_n == 0)
		return NULL;
	/* rather one of the few that much happens to */
	r = &m.recs[model_below(&m, model_below(&m, 3) ? m.recs_n :
				    m.recs_n < 6       ? m.recs_n : 6)];
	return r->removed ? NULL : r;
}

static struct model_rec *healthy(void)
{
	struct model_rec *r = any();

	return r && !r->refused ? r : NULL;
}

static int look_up(const char *name, struct cache_stat *st)
{
	struct cache_dir d;

	/* makes the tree known again after cache.db was deleted */
	(void)cache_lookup_base(w.c, "Base", &d, NULL);
	(void)cache_lookup_table(w.c, w.base, "Things", &d, NULL);
	return cache_lookup_record(w.c, w.tables[0], name, st, NULL);
}

/* The key, if the file can be reached now. */
static bool reach(struct model_rec *r, struct rec_key *key)
{
	struct cache_stat st = { .key = { 0, 0 } };
	char name[64];
	int n = -ENOENT;

	if (r->here) { /* made, and maybe not heard of yet */
		snprintf(name, sizeof(name), "%s.json", r->file);
		n = look_up(name, &st);
	}
	if (n == -ENOENT && r->id[0]) {
		snprintf(name, sizeof(name), "%s.json", r->id);
		n = look_up(name, &st);
	}
	*key = st.key;
	if (n == 0) {
		r->known = true;
		return true;
	}
	if (n == -ENOENT && r->known && !r->removed_there)
		model_broken(&m, "'%s' is gone", r->file);
	if (n != -EAGAIN && n != -ESTALE && n != -ENOENT)
		model_broken(&m, "'%s': %d", r->file, n);
	return false;
}

static json_t *fields_of(json_t *doc)
{
	json_t *f = json_object_get(doc, "fields");

	return f ? f : doc; /* a bare object of fields */
}

static unsigned value_in(const char *text, unsigned field)
{
	json_t *doc = json_loads(text, 0, NULL);
	unsigned v = model_number(json_object_get(fields_of(doc),
						  model_field_names[field]));

	json_decref(doc);
	return v <= m.values_n ? v : 0;
}

static bool has_field(const char *text, unsigned field)
{
	json_t *doc = json_loads(text, 0, NULL);
	bool has = json_object_get(fields_of(doc), model_field_names[field]);

	json_decref(doc);
	return has;
}

static bool is_stuck(struct rec_key key)
{
	const char *s = world_state(&w, key);

	return strcmp(s, "conflict") == 0 || strcmp(s, "rejected") == 0;
}

/* Not known to be made there. */
static bool is_local(struct rec_key key)
{
	char *told = NULL;
	bool local;

	assert_int_equal(cache_describe_record(w.c, key, &told), 0);
	local = strstr(told, "\"id\": null") != NULL;
	free(told);
	return local;
}

/* ---- saves ---- */

struct save {
	struct model_rec *r;
	struct rec_key key;
	unsigned fields;              /* a bit for each that is changed */
	unsigned values[M_FIELDS];    /* 0 = cleared */
	char *text;                   /* what is written */
};

static unsigned some_fields(const struct model_rec *r)
{
	unsigned fields = 1 + model_below(&m, 15);

	/* a new record's name is that of its file */
	if (!r->id[0] || model_below(&m, 3))
		fields &= ~(1u << M_NAME);
	return fields ? fields : 1u << M_NOTE;
}

/* text: what the program had read; takes it over. */
static void compose(struct save *s, char *text, bool bare, bool stale)
{
	json_t *doc = bare ? json_object() : json_loads(text, 0, NULL);
	unsigned i;

	if (!json_is_object(doc))
		model_broken(&m, "'%s' holds '%s'", s->r->file, text);
	for (i = 0; i < M_FIELDS; i++) {
		if (!(s->fields & 1u << i))
			continue;
		/* what reads as empty cannot be cleared; and in a whole file
		 * that might as well be the value before one of theirs */
		if (i != M_NAME && model_below(&m, 6) == 0 &&
		    (bare || (!stale && !s->r->edited_there)) &&
		    value_in(text, i))
			s->values[i] = 0;
		else
			s->values[i] = model_value(&m, s->r, i, true);
		json_object_set_new(fields_of(doc), model_field_names[i],
				    model_json(i, s->values[i]));
	}
	s->text = json_dumps(doc, JSON_INDENT(2));
	assert_non_null(s->text);
	json_decref(doc);
	free(text);
}

static int in_pieces(struct rec_key key, const char *text)
{
	size_t n = strlen(text), at = 0, piece;
	int r = cache_truncate(w.c, key, 0);

	while (r == 0 && at < n) {
		piece = 1 + model_below(&m, 40);
		if (piece > n - at)
			piece = n - at;
		r = cache_write(w.c, key, text + at, piece, at);
		at += piece;
	}
	return r;
}

/* As editors do it, with a backup or a temporary file or neither. */
static int write_out(struct save *s, unsigned how)
{
	struct rec_key gone;
	struct cache_stat st;
	char name[NAME_BUF], *bytes = NULL;
	size_t n = strlen(s->text), bytes_n;
	int r = cache_record_name(w.c, s->key, name);

	if (r < 0 || how < 2)
		return how == 0 || r < 0 ? world_write(&w, s->key, s->text) :
					   in_pieces(s->key, s->text);
	if (how == 3)
		r = cache_unlink(w.c, w.tables[0], name, NULL);
	else if (how == 4 || how == 5)
		r = cache_detach(w.c, w.tables[0], name, &bytes, &bytes_n,
				 &gone);
	free(bytes);
	if (r < 0)
		return r;
	if (how == 2 || how == 4)
		return cache_replace(w.c, w.tables[0], name, s->text, n, &st);
	r = cache_create(w.c, w.tables[0], name, &st);
	if (r == 0 && st.key.seq != s->key.seq)
		model_broken(&m, "'%s' comes back as another", name);
	return r < 0 ? r : cache_write(w.c, st.key, s->text, n, 0);
}

/* A conflict shows theirs, and what is saved then ends it: mine may be written
 * once more. */
static void conflict_ends(struct model_rec *r)
{
	for (unsigned i = 0; i < M_FIELDS; i++) {
		m.values[model_there(&m, r, i)].shown = true;
		m.values[r->f[i].mine].again = true;
		r->f[i].clears++;
	}
}

static void accepted(struct save *s, const char *view, const char *opened)
{
	unsigned i;

	if (is_stuck(s->key))
		conflict_ends(s->r);
	for (i = 0; i < M_FIELDS; i++) {
		if (!(s->fields & 1u << i))
			continue;
		/* what a bare object leaves out cannot have been read */
		if (!has_field(view, i))
			m.values[model_there(&m, s->r, i)].shown = true;
		if (opened)
			m.values[value_in(opened, i)].shown = true;
		model_saved(&m, s->r, i, s->values[i], value_in(view, i));
	}
	free(s->r->opened);
	s->r->opened = NULL;
}

static bool says_something(const struct save *s)
{
	return s->values[M_NAME] || s->values[M_NOTE] || s->values[M_COUNT] ||
	       s->values[M_EXTRA];
}

/* stale: of what an editor read a while ago. */
static void save(struct model_rec *r, unsigned fields, bool stale)
{
	struct save s = { .r = r, .fields = fields };
	bool bare, queued;
	unsigned how = model_below(&m, 6);
	char *view, *now;
	int n;

	if (!reach(r, &s.key) || (stale && !r->opened))
		return;
	view = world_bytes(&w, s.key);
	bare = !stale && model_below(&m, 3) == 0;
	compose(&s, strdup(stale ? r->opened : view), bare, stale);
	queued = strcmp(world_state(&w, s.key), "clean") != 0;
	accepted(&s, view, stale ? r->opened : NULL);
	n = write_out(&s, how);
	model_tell(&m, "'%s' saved%s%s by %u, was %s: %s: %d", r->file,
		   bare ? ", bare" : "", stale ? ", stale" : "", how,
		   queued ? "unsent" : "clean", s.text, n);
	if (n < 0)
		model_broken(&m, "'%s' cannot be saved: %d", r->file, n);
	if (!reach(r, &s.key))
		model_broken(&m, "'%s' is gone after its save", r->file);
	now = world_bytes(&w, s.key);
	/* (a save without a change shows what is on its way) */
	if (strcmp(now, s.text) != 0 && says_something(&s) &&
	    strcmp(world_state(&w, s.key), "dirty") == 0)
		model_broken(&m, "'%s' reads back '%s', not '%s'", r->file, now,
			     s.text);
	free(now);
	free(view);
	free(s.text);
}

static void edit_here(bool stale)
{
	struct model_rec *r = healthy();

	if (r)
		save(r, some_fields(r), stale);
}

static void open_here(void)
{
	struct model_rec *r = healthy();
	struct rec_key key;

	if (!r || !reach(r, &key) ||
	    strcmp(world_state(&w, key), "clean") != 0)
		return;
	free(r->opened);
	r->opened = world_bytes(&w, key);
	model_tell(&m, "'%s' opened", r->file);
}

/* What cannot be taken: the old content or the bad bytes can be read. */
static void refused_here(void)
{
	static const char *const bad[] = {
		"{\"Count\": \"many\"}", "{\"Note\": 7,", "{\"Nte\": \"x\"}",
		"[1]",
		/* fine for a new one, which may be a copy */
		"{\"id\": \"recAAAAAAAAAAAAAA\", \"fields\": {}}",
		"{\"computed\": {\"Twice\": 1}, \"fields\": {}}",
	};
	struct model_rec *r = healthy();
	struct save s = { .r = r };
	unsigned how = model_below(&m, 6);
	char *view, *now;
	int n;

	if (!r || !reach(r, &s.key))
		return;
	view = world_bytes(&w, s.key);
	s.text = strdup(bad[model_below(&m, r->here ? 4 : 6)]);
	n = write_out(&s, how);
	model_tell(&m, "'%s' gets %s by %u: %d", r->file, s.text, how, n);
	if (!reach(r, &s.key))
		model_broken(&m, "'%s' is gone after a refusal", r->file);
	if (n == 0) { /* a cut object is judged later */
		world_run(&w, 400);
		if (!reach(r, &s.key))
			model_broken(&m, "'%s' is gone after a refusal",
				     r->file);
		if (strcmp(world_state(&w, s.key), "invalid") != 0 &&
		    !is_stuck(s.key))
			model_broken(&m, "'%s': '%s' was taken: %s",
				     r->file, s.text, world_state(&w, s.key));
	}
	now = world_bytes(&w, s.key);
	if (how == 2 || how == 4) {
		if (n >= 0 || strcmp(now, view) != 0)
			model_broken(&m, "'%s': a refused replacement: %d, '%s'",
				     r->file, n, now);
	} else if (strcmp(now, s.text) != 0 && how != 1) {
		model_broken(&m, "'%s' reads '%s' after a refusal", r->file,
			     now);
	} else {
		r->refused = true;
		r->refused_text = strdup(now);
		r->good = strdup(view);
	}
	free(now);
	free(view);
	free(s.text);
}

/* Its bytes are still there; and the mended file is a save like others. */
static void mend_here(struct model_rec *r)
{
	struct rec_key key;
	char *now;

	if (!r || !r->refused || !reach(r, &key))
		return;
	now = world_bytes(&w, key);
	if (strcmp(now, r->refused_text) != 0 && !r->removed_there)
		model_broken(&m, "'%s': refused bytes are '%s' now, not '%s'",
			     r->file, now, r->refused_text);
	free(now);
	r->refused = false;
	free(r->refused_text);
	r->refused_text = NULL;
	free(r->opened);
	r->opened = r->good;
	r->good = NULL;
	if (!strstr(r->opened, "\"id\"")) { /* no whole file */
		free(r->opened);
		r->opened = strdup("{}");
	}
	save(r, 1u << M_NOTE, true);
}

/* The server refuses it, whatever else goes along in its batch. */
static void guilty_here(void)
{
	struct model_rec *r = healthy();
	struct rec_key key;
	int n;

	if (!r || !reach(r, &key))
		return;
	n = world_write(&w, key, "{\"Note\": \"" GUILTY "\"}");
	model_tell(&m, "'%s' is guilty: %d", r->file, n);
	if (n < 0)
		model_broken(&m, "'%s' cannot be saved: %d", r->file, n);
	/* what was in it before is superseded */
	r->f[M_NOTE].edited = false;
	m.values[model_there(&m, r, M_NOTE)].shown = true;
	free(r->opened);
	r->opened = NULL;
}

static void create_here(void)
{
	struct model_rec *r = model_add(&m, true);
	unsigned name = model_value(&m, r, M_NAME, true),
		 note = model_value(&m, r, M_NOTE, true);
	bool by_rename = model_below(&m, 2) == 0;
	char file[64], text[64];
	struct cache_stat st;
	struct cache_dir d;
	int n;

	(void)cache_lookup_base(w.c, "Base", &d, NULL);
	(void)cache_lookup_table(w.c, w.base, "Things", &d, NULL);
	snprintf(r->file, sizeof(r->file), "Rec %u", name);
	snprintf(file, sizeof(file), "%s.json", r->file);
	snprintf(text, sizeof(text), "{\"Note\": \"note %u\"}", note);
	model_saved(&m, r, M_NAME, name, 0);
	model_saved(&m, r, M_NOTE, note, 0);
	n = by_rename ? cache_replace(w.c, w.tables[0], file, text,
				      strlen(text), &st) :
			world_create(&w, file, text, NULL);
	model_tell(&m, "'%s' made with note %u: %d", r->file, note, n);
	if (n == -ESTALE)
		r->removed = true; /* the table is not known at present */
	else if (n < 0)
		model_broken(&m, "'%s' cannot be made: %d", file, n);
	r->known = n == 0;
}

static void rename_here(void)
{
	struct model_rec *r = healthy();
	char from[NAME_BUF], to[64], *view;
	struct rec_key key, now;
	unsigned name;
	int n;

	if (!r || !reach(r, &key) || cache_record_name(w.c, key, from) < 0)
		return;
	view = world_bytes(&w, key);
	name = model_value(&m, r, M_NAME, true);
	snprintf(to, sizeof(to), "Rec %u.json", name);
	if (is_stuck(key))
		conflict_ends(r);
	if (!has_field(view, M_NAME))
		m.values[model_there(&m, r, M_NAME)].shown = true;
	model_saved(&m, r, M_NAME, name, value_in(view, M_NAME));
	n = cache_rename(w.c, w.tables[0], from, to, NULL, &now);
	model_tell(&m, "'%s' is now '%s': %d", from, to, n);
	if (n < 0 || now.seq != key.seq)
		model_broken(&m, "'%s' cannot be renamed: %d", from, n);
	snprintf(r->file, sizeof(r->file), "Rec %u", name);
	free(r->opened);
	r->opened = NULL;
	free(view);
}

/* A name that was removed comes back: as the same record, while its deletion is
 * not on its way. */
static void come_back(struct model_rec *r, const char *file,
		      struct rec_key key)
{
	struct model_rec *new = r;
	struct cache_stat st;
	unsigned note, name = (unsigned)atoi(strrchr(file, ' ') + 1);
	char text[64];
	int n = cache_create(w.c, w.tables[0], file, &st);

	if (n == -ESTALE)
		return;
	if (n < 0)
		model_broken(&m, "'%s' cannot come back: %d", file, n);
	if (st.key.seq != key.seq) {
		new = model_add(&m, true);
		snprintf(new->file, sizeof(new->file), "%.*s",
			 (int)strlen(file) - 5, file);
		new->f[M_NAME].mine = name;
		m.values[name].here = m.values[name].accepted = true;
		m.values[name].rec = (unsigned)(new - m.recs);
	}
	new->removed = false;
	new->known = true;
	note = model_value(&m, new, M_NOTE, true);
	m.values[model_there(&m, new, M_NOTE)].shown = true;
	model_saved(&m, new, M_NOTE, note, 0);
	snprintf(text, sizeof(text), "{\"Note\": \"note %u\"}", note);
	n = cache_write(w.c, st.key, text, strlen(text), 0);
	model_tell(&m, "'%s' is back with note %u%s: %d", file, note,
		   new == r ? "" : ", another one", n);
	if (n < 0)
		model_broken(&m, "'%s' cannot come back: %d", file, n);
}

static void remove_here(void)
{
	struct model_rec *r = any();
	char file[NAME_BUF], *bytes = NULL;
	struct rec_key key, gone;
	size_t n;
	int e;

	if (!r || !reach(r, &key) || cache_record_name(w.c, key, file) < 0)
		return;
	e = model_below(&m, 2) ? cache_unlink(w.c, w.tables[0], file, NULL) :
				 cache_detach(w.c, w.tables[0], file, &bytes,
					      &n, &gone);
	free(bytes);
	model_tell(&m, "'%s' removed: %d", file, e);
	if (e < 0)
		model_broken(&m, "'%s' cannot be removed: %d", file, e);
	r->removed = true;
	r->refused = false;
	free(r->opened);
	r->opened = NULL;
	if (model_below(&m, 2) || strncmp(file, "Rec ", 4) != 0)
		return;
	n = model_below(&m, 8) * 1000;
	world_run(&w, (int64_t)n);
	/* once the removal is due, so are the edits before it gone */
	for (unsigned i = 0; i < M_FIELDS && n >= 5000; i++)
		r->f[i].edited = false;
	come_back(r, file, key);
}

/* ---- there ---- */

static void edit_there(void)
{
	struct model_rec *r = any();
	unsigned fields, i, v;
	struct rec_key key;

	if (!r || !r->id[0] || !fake_account_by_id(&w.acc, r->id))
		return;
	/* while its creation is in doubt its content is all it is known by */
	if (r->here && (!reach(r, &key) || is_local(key)))
		return;
	fields = 1 + model_below(&m, 15);
	if (model_below(&m, 4))
		fields &= ~(1u << M_NAME);
	for (i = 0; i < M_FIELDS; i++) {
		if (!(fields & 1u << i))
			continue;
		v = i != M_NAME && model_below(&m, 6) == 0 ? 0 :
		    model_value(&m, r, i, false);
		model_edit_there(&m, r, i, v);
		model_tell(&m, "'%s' gets %s %u there", r->file,
			   model_field_names[i], v);
	}
}

static void add_there(void)
{
	struct model_rec *r = model_add(&m, false);
	unsigned name = model_value(&m, r, M_NAME, false),
		 note = model_value(&m, r, M_NOTE, false),
		 count = model_value(&m, r, M_COUNT, false);
	char text[24];

	snprintf(r->file, sizeof(r->file), "Rec %u", name);
	snprintf(text, sizeof(text), "note %u", note);
	snprintf(r->id, sizeof(r->id), "%s",
		 fake_account_add(&w.acc, 0, r->file, text, (int)count)->id);
	model_tell(&m, "'%s' added there", r->file);
}

static void remove_there(void)
{
	struct model_rec *r = any();
	struct fa_record *rec = r && r->id[0] ?
				fake_account_by_id(&w.acc, r->id) : NULL;
	struct rec_key key;

	/* (see edit_there) */
	if (rec && r->here && (!reach(r, &key) || is_local(key)))
		return;
	if (!rec || model_below(&m, 2))
		return;
	rec->gone = true;
	r->removed_there = true;
	model_tell(&m, "'%s' removed there", r->file);
}

static void misbehave(void)
{
	static const enum fa_call calls[] = { FA_ANY, FA_WRITE, FA_CREATE,
					      FA_UPDATE, FA_DELETE, FA_GET,
					      FA_QUERY, FA_LIST };
	static const enum fa_how hows[] = { FA_STATUS, FA_OFFLINE,
					    FA_LOST_BEFORE, FA_LOST_AFTER,
					    FA_GARBAGE, FA_HELD, FA_STALE };
	struct fa_fault x = { .which = calls[model_below(&m, 8)],
			      .how = hows[model_below(&m, 7)],
			      .skip = model_below(&m, 3),
			      .times = 1 + model_below(&m, 3), .body = "" };

	if (w.acc.faults_n > 6)
		return;
	if (x.how == FA_STATUS)
		x.status = model_below(&m, 2) ? 429 : 503;
	fake_account_fault(&w.acc, x);
	model_tell(&m, "fault %d of call %d, %u times after %u", (int)x.how,
		   (int)x.which, x.times, x.skip);
}

/* With cache.db goes what a file showed before: an old buffer that is saved now
 * would be an edit. */
static void forget_versions(struct model_rec *r)
{
	r->known = false;
	free(r->opened);
	r->opened = NULL;
	if (!r->good)
		return;
	free(r->good);
	r->good = strdup("{}");
}

static void restart(void)
{
	unsigned how = model_below(&m, 4);

	model_tell(&m, "restart %u", how);
	if (how < 2)
		world_kill(&w, how == 1);
	else
		world_close(&w);
	if (how == 3 && model_below(&m, 2) == 0) {
		model_tell(&m, "cache.db deleted");
		world_delete_cache_db(&w);
		for (unsigned i = 0; i < m.recs_n; i++)
			forget_versions(&m.recs[i]);
	}
	world_open(&w);
}

static void one_step(void)
{
	unsigned what = model_below(&m, 40);

	if (what < 10)
		edit_here(false);
	else if (what < 12)
		edit_here(true);
	else if (what < 14)
		open_here();
	else if (what < 17)
		create_here();
	else if (what < 19)
		remove_here();
	else if (what < 21)
		rename_here();
	else if (what == 21)
		refused_here();
	else if (what == 22)
		mend_here(any());
	else if (what == 23 && model_below(&m, 2))
		guilty_here();
	else if (what < 29)
		edit_there();
	else if (what == 29)
		add_there();
	else if (what == 30)
		remove_there();
	else if (what < 34)
		misbehave();
	else if (what == 34 && model_below(&m, 2))
		restart();
	else if (what == 35)
		(void)cache_refresh(w.c, 0, w.tables[0]);
	else if (what == 36)
		(void)world_flush(&w, 2000);
	else
		fake_account_release(&w.acc);
	if (model_below(&m, 3)) /* else at the same moment */
		world_run(&w, model_below(&m, 3) ? model_below(&m, 800) :
						   model_below(&m, 8000));
}

/* ---- what must be in the end ---- */

static struct cache_unsent calm(void)
{
	struct cache_unsent u;

	fake_account_heal(&w.acc);
	for (int i = 0; i < 100; i++) {
		fake_account_release(&w.acc);
		world_run(&w, 5000);
		u = world_unsent(&w);
		if (u.queued == 0)
			break;
	}
	if (u.queued)
		model_broken(&m, "%u are not sent", u.queued);
	world_tables(&w);
	world_read_table(&w, 0);
	assert_int_equal(cache_refresh(w.c, 0, 0), 0);
	world_run(&w, 30000);
	return world_unsent(&w);
}

static bool is_open(const struct model_rec *r)
{
	for (unsigned i = 0; i < M_FIELDS; i++)
		if (model_is_open(&m, r, i))
			return true;
	return false;
}

/* The edit stands in the file, or where the file's state is told. */
static bool is_visible(struct rec_key key, const struct model_rec *r,
		       unsigned field)
{
	unsigned mine = r->f[field].mine;
	char *text = world_bytes(&w, key), *told = NULL, part[48];
	json_t *value = model_json(field, mine);
	char *shown = json_dumps(value, JSON_ENCODE_ANY);
	bool yes = value_in(text, field) == mine;

	snprintf(part, sizeof(part), "\"%s\": %s", model_field_names[field],
		 shown);
	assert_int_equal(cache_describe_record(w.c, key, &told), 0);
	yes |= strstr(told, part) != NULL;
	free(told);
	free(shown);
	json_decref(value);
	free(text);
	return yes;
}

static void same_as_there(struct rec_key key, const struct model_rec *r)
{
	char *text = world_bytes(&w, key);

	for (unsigned i = 0; i < M_FIELDS; i++)
		if (value_in(text, i) != model_there(&m, r, i))
			model_broken(&m, "'%s': %s %u here, %u there", r->file,
				     model_field_names[i], value_in(text, i),
				     model_there(&m, r, i));
	free(text);
}

/* Returns how many files the record has: 0 or 1. */
static unsigned settled(struct model_rec *r, const struct cache_unsent *u)
{
	struct rec_key key;
	const char *state;
	bool found;

	if (r->removed) {
		if (r->id[0] && fake_account_by_id(&w.acc, r->id))
			model_broken(&m, "'%s' is not deleted", r->file);
		return 0;
	}
	found = reach(r, &key);
	/* of what is gone there, in a cache that never saw it, only the queue
	 * tells */
	if (!found && is_open(r) && u->rejected + u->conflicts == 0)
		model_broken(&m, "'%s' is gone, and its edits", r->file);
	if (!found && !r->removed_there)
		model_broken(&m, "'%s' is nowhere", r->file);
	if (!found)
		return 0;
	state = world_state(&w, key);
	if (strcmp(state, "clean") == 0) {
		if (r->refused)
			model_broken(&m, "'%s': refused bytes are gone",
				     r->file);
		if (is_open(r))
			model_broken(&m, "'%s': an edit is lost", r->file);
		same_as_there(key, r);
	} else if (r->refused) {
		if (strcmp(state, "invalid") != 0 && !r->removed_there &&
		    !is_stuck(key))
			model_broken(&m, "'%s' is %s", r->file, state);
	} else if (is_stuck(key)) {
		for (unsigned i = 0; i < M_FIELDS; i++)
			if (model_is_open(&m, r, i) && !is_visible(key, r, i))
				model_broken(&m, "'%s' is %s, but %s %u is not "
					     "to be seen", r->file, state,
					     model_field_names[i],
					     r->f[i].mine);
	} else {
		model_broken(&m, "'%s' is %s", r->file, state);
	}
	return 1;
}

static unsigned count_files(void)
{
	struct cache_entry *e = calloc(128, sizeof(*e));
	unsigned listed = 0;
	int n;

	for (uint32_t at = 0;; at = e[n - 1].st.key.seq) {
		n = cache_list_records(w.c, w.tables[0], at, e, 128, false,
				       NULL);
		assert_true(n >= 0);
		if (n == 0)
			break;
		listed += (unsigned)n;
		for (int i = 0; i < n; i++)
			model_tell(&m, "file '%s'", e[i].name);
	}
	free(e);
	return listed;
}

static void all_settled(void)
{
	struct cache_unsent u = calm();
	unsigned files = 0;

	for (unsigned i = 0; i < m.recs_n; i++) {
		unsigned n = settled(&m.recs[i], &u);

		files += n;
		model_tell(&m, "'%s' (%s): %u file%s%s", m.recs[i].file,
			   m.recs[i].id, n, m.recs[i].removed ? ", removed" : "",
			   m.recs[i].removed_there ? ", removed there" : "");
	}
	if (count_files() != files)
		model_broken(&m, "%u files, not %u", count_files(), files);
}

/* The user sees to what is left. */
static void see_to(struct model_rec *r)
{
	struct rec_key key;
	char name[NAME_BUF];

	if (r->removed)
		return;
	if (r->refused) {
		mend_here(r);
		return;
	}
	if (!reach(r, &key) || strcmp(world_state(&w, key), "clean") == 0)
		return;
	if (r->removed_there) {
		assert_int_equal(cache_record_name(w.c, key, name), 0);
		assert_int_equal(cache_unlink(w.c, w.tables[0], name, NULL),
				 0);
		r->removed = true;
		return;
	}
	save(r, r->id[0] ? 15 : 14, false);
}

static void all_clean(void)
{
	struct rec_key key;

	/* what is mended may then be in conflict */
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < m.recs_n; i++)
			see_to(&m.recs[i]);
		all_settled();
	}
	for (unsigned i = 0; i < m.recs_n; i++)
		if (!m.recs[i].removed && reach(&m.recs[i], &key) &&
		    strcmp(world_state(&w, key), "clean") != 0)
			model_broken(&m, "'%s' cannot be settled: %s",
				     m.recs[i].file, world_state(&w, key));
}

static void run(uint64_t seed)
{
	world_begin(&w);
	w.acc.with_extra = true;
	w.acc.guilty_note = GUILTY;
	w.conf.max_deletes = 0;
	w.conf.ttl_ms = seed % 2 ? 60000 : 10000;
	model_init(&m, seed, &w.acc);
	for (int i = 0; i < 6; i++)
		add_there();
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	for (m.step = 1; m.step <= STEPS; m.step++)
		one_step();
	all_settled();
	all_clean();
	world_close(&w); /* and so it is in a cache that knows nothing */
	world_delete_cache_db(&w);
	world_open(&w);
	all_settled();
	world_end(&w);
	model_release(&m);
}

static void P4_P5_P6_the_account_is_as_the_model_says(void **state)
{
	const char *one = getenv("ATFS_SEED"), *s = getenv("ATFS_SECONDS");
	time_t end = time(NULL) + (s ? atol(s) : 0);
	uint64_t seed = s ? (uint64_t)time(NULL) << 20 : 1, n = 0;

	(void)state;
	if (one) {
		run(strtoull(one, NULL, 10));
		return;
	}
	for (; s ? time(NULL) < end : n < SEEDS; n++)
		run(seed++);
	if (s)
		fprintf(stderr, "# %llu seeds\n", (unsigned long long)n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(P4_P5_P6_the_account_is_as_the_model_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
