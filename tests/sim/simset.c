#include <string.h>

#include "simctl_int.h"
#include "webhook.h"

static const char *str(const struct ctl *c, const char *key)
{
	return json_string_value(json_object_get(c->body, key));
}

void ctl_files_log(struct ctl *c)
{
	files_write(&c->s->files, &c->r->body);
}

void ctl_files_set(struct ctl *c)
{
	static const char *const keys[] = {
		"ttl_ms", "late_ms", "expired_status", "partial",
		"latency_ms", "fail_status", "fail_count", "cut_count",
		"ranges", "thumbnails", "foreign", NULL,
	};

	if (!json_is_object(c->body) || !call_only_keys(c->body, keys)) {
		ctl_fail(c, "unknown key");
		return;
	}
	files_set(&c->s->files, c->body);
	ctl_ok(c);
}

void ctl_files_reset(struct ctl *c)
{
	files_reset(&c->s->files);
	ctl_ok(c);
}

static void set_flag(const struct ctl *c, const char *key, bool *no)
{
	const json_t *v = json_object_get(c->body, key);

	if (json_is_boolean(v))
		*no = !json_is_true(v);
}

void ctl_quirk(struct ctl *c)
{
	const char *why = "";

	if (c->body && quirks_set(&c->s->sim.state->quirk, c->body, &why))
		ctl_fail(c, why);
	else
		quirks_write(&c->s->sim.state->quirk, &c->r->body);
}

/* {"table","create","delete","synced"} or {"field","write"}, ids only */
void ctl_permission(struct ctl *c)
{
	const struct state *st = c->s->sim.state;
	const char *table = str(c, "table");
	const char *field = str(c, "field");
	bool found = false;

	for (size_t i = 0; i < st->bases_n; i++) {
		struct table *t = table ? base_table(st->bases[i], table) :
					  NULL;
		struct field *f = field ? base_field_by_id(st->bases[i],
							   field) : NULL;

		if (t && !strcmp(t->id, table)) {
			set_flag(c, "create", &t->no_create);
			set_flag(c, "delete", &t->no_delete);
			if (json_object_get(c->body, "synced"))
				t->synced = json_is_true(json_object_get(
					c->body, "synced"));
			found = true;
		}
		if (f) {
			set_flag(c, "write", &f->no_write);
			found = true;
		}
	}
	if (found)
		ctl_ok(c);
	else
		ctl_fail(c, "no such table or field id");
}

/* {"base","level"}: the role of everybody whose token says "all" */
void ctl_base(struct ctl *c)
{
	const char *id = str(c, "base");
	const char *level = str(c, "level");
	struct base *b = id ? state_base(c->s->sim.state, id) : NULL;

	if (!b || !level) {
		ctl_fail(c, "base must be a base's id, level a level");
		return;
	}
	b->level = level_of_name(level);
	ctl_ok(c);
}

/* {"enabled","after","form":"array"|"object","meta"} */
void ctl_cap(struct ctl *c)
{
	const json_t *after = json_object_get(c->body, "after");
	const char *form = str(c, "form");

	c->s->capped = json_is_true(json_object_get(c->body, "enabled"));
	c->s->cap_left = call_number(after, 0);
	c->s->cap_object = form && !strcmp(form, "object");
	c->s->cap_meta = json_is_true(json_object_get(c->body, "meta"));
	ctl_ok(c);
}

/* {"mode":"fixed"|"live"} */
void ctl_paging(struct ctl *c)
{
	const char *mode = str(c, "mode");

	if (!mode || (strcmp(mode, "fixed") && strcmp(mode, "live"))) {
		ctl_fail(c, "mode must be fixed or live");
		return;
	}
	c->s->sim.live_order = !strcmp(mode, "live");
	ctl_ok(c);
}

/* {"computed":"same"|"system"|"none"}: where cells are told that were
 * computed anew */
static void set_computed(struct ctl *c, const char *mode)
{
	if (!strcmp(mode, "same"))
		c->s->sim.computed = FEED_SAME;
	else if (!strcmp(mode, "system"))
		c->s->sim.computed = FEED_SYSTEM;
	else if (!strcmp(mode, "none"))
		c->s->sim.computed = FEED_NONE;
	else
		ctl_fail(c, "computed must be same, system or none");
	if (!c->r->body.n)
		ctl_ok(c);
}

/* {"base","id"?,"code"}: an error payload that switches hooks off */
void ctl_webhook(struct ctl *c)
{
	struct state *st = c->s->sim.state;
	const char *id = str(c, "base");
	const char *hook = str(c, "id");
	const char *code = str(c, "code");
	struct base *b = id ? state_base(st, id) : NULL;

	if (str(c, "computed")) {
		set_computed(c, str(c, "computed"));
		return;
	}
	if (!b) {
		ctl_fail(c, "no such base");
		return;
	}
	for (size_t i = 0; i < b->hooks_n; i++)
		if (!hook || !strcmp(hook, b->hooks[i]->id))
			hook_fail(st, b, b->hooks[i],
				  code ? code : "INTERNAL_ERROR");
	ctl_ok(c);
}
