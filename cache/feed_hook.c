/* The life of a base's webhook: found again or made, read, kept alive, and
 * made anew when it is lost. Only one of our own is ever deleted: its id is
 * the one that we noted when it was made. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

#define PAGES_MAX 50 /* of 50 payloads in a run; beyond, listing is as cheap */
/* A hook that dies again so soon after it was made will go on so. Ours. */
#define REMAKE_MS (INT64_C(600) * 1000)

static const char *const data_types[] = { "tableData", "tableFields",
					  "tableMetadata" };
#define DATA_TYPES_N (sizeof(data_types) / sizeof(data_types[0]))

static void submit(struct feed *f, struct api_call *call, api_done_fn *done)
{
	struct cache *c = f->c;
	struct atfs_error e = { 0 };
	int64_t r;

	lock_take(&c->mu);
	/* whoever waits for a first listing waits for this */
	call->priority = f->deferred ? API_INTERACTIVE : API_REFRESH;
	call->base = f->b->id;
	id_copy(call->hook.s, f->hook);
	lock_drop(&c->mu);
	call->done = done;
	call->arg = f;
	r = api_submit(c->api, call);
	if (r > 0)
		return;
	if (r == -EROFS) {
		feed_switch_off(f, "the mount is read-only (ro), and the base "
				   "has no webhook of this mount yet", "");
		return;
	}
	error_set(&e, (int)r, ERROR_CANCELLED, "stopped");
	feed_failed(f, &e);
}

/* Refusals for good switch it off, the rest is trouble. */
static void refused(struct feed *f, const struct atfs_error *e,
		    const char *reason)
{
	switch (e->cls) {
	case ERROR_ACCESS:
	case ERROR_GONE:
	case ERROR_INPUT:
		feed_switch_off(f, reason, e->text);
		return;
	case ERROR_NONE:
	case ERROR_TOKEN:
	case ERROR_RELIST:
	case ERROR_RATE:
	case ERROR_QUOTA:
	case ERROR_SERVER:
	case ERROR_OFFLINE:
	case ERROR_LOST:
	case ERROR_PROTOCOL:
	case ERROR_CANCELLED:
		break;
	}
	feed_failed(f, e);
}

/* ---- a place in the list of changes ---- */

/* The hook is there and listing may begin: what was read before is in doubt. */
static void attach(struct feed *f, const char *hook, int64_t cursor,
		   int64_t server_now)
{
	struct cache *c = f->c;
	struct atfs_error e = { 0 };
	int r;

	feed_remember(f, hook, NULL);
	lock_take(&c->mu);
	f->server_at_ms = server_now;
	r = feed_restart_locked(f, hook, cursor);
	lock_drop(&c->mu);
	if (r < 0) {
		error_set(&e, r, ERROR_CANCELLED,
			  "the cache cannot be written");
		feed_failed(f, &e);
		return;
	}
	feed_told(f);
}

static int64_t cursor_in(json_t *hook, int64_t otherwise)
{
	json_t *n = json_object_get(hook, "cursorForNextPayload");

	return json_is_integer(n) && json_integer_value(n) > 0 ?
		       json_integer_value(n) :
		       otherwise;
}

/* By the server's clock; INT64_MAX if it says nothing of an end. */
static int64_t left_ms(struct feed *f, json_t *hook, int64_t server_now)
{
	const char *text =
		json_string_value(json_object_get(hook, "expirationTime"));
	int64_t at;

	if (!text || clock_parse_iso(text, &at) < 0)
		return INT64_MAX;
	return at - (server_now ? server_now : feed_now(f));
}

static void plan_check_locked(struct feed *f, int64_t left)
{
	if (left == INT64_MAX || left > 7 * FEED_DAY_MS)
		left = 7 * FEED_DAY_MS;
	f->check_at_ms = feed_now(f) +
			 (left > 2 * FEED_DAY_MS ? left - FEED_DAY_MS :
						   left / 2);
}

/* ---- making one ---- */

static void created(void *arg, const struct api_answer *ans)
{
	struct feed *f = arg;
	const char *id = json_string_value(json_object_get(ans->json, "id"));
	const struct atfs_error *e = ans->err;

	if (e->cls == ERROR_LOST || e->cls == ERROR_SERVER ||
	    (!e->err && !id_is_valid(id, "ach"))) {
		if (f->looked) { /* the server may be at it: after ttl */
			feed_failed(f, e);
			return;
		}
		f->looked = true;
		feed_list_hooks(f);
		return;
	}
	if (e->err) {
		if (strcmp(e->type, "TOO_MANY_WEBHOOKS_IN_BASE") == 0)
			feed_switch_off(f, "the base has as many webhooks as "
					   "it can have (10)", e->text);
		else
			refused(f, e, "a webhook cannot be made (it needs the "
				      "scopes webhook:manage, "
				      "data.records:read and "
				      "schema.bases:read, and the role "
				      "creator)");
		return;
	}
	lock_take(&f->c->mu);
	plan_check_locked(f, left_ms(f, ans->json, ans->date_wall_ms));
	lock_drop(&f->c->mu);
	log_info("base '%s' has webhook '%s' now", f->b->name, id);
	attach(f, id, cursor_in(ans->json, 1), ans->date_wall_ms);
}

static bool may_make(const struct base *b)
{
	/* an unknown level may: the server has the last word */
	return strcmp(b->permission, "none") != 0 &&
	       strcmp(b->permission, "read") != 0 &&
	       strcmp(b->permission, "comment") != 0 &&
	       strcmp(b->permission, "edit") != 0;
}

static void make(struct feed *f)
{
	struct api_call call = { .kind = API_HOOK_CREATE };
	json_t *types = json_array();
	bool may;
	size_t i;

	lock_take(&f->c->mu);
	may = may_make(f->b);
	f->hook[0] = '\0';
	f->cursor = 0;
	f->making = may;
	lock_drop(&f->c->mu);
	if (!may) {
		json_decref(types);
		feed_switch_off(f, "a webhook needs the role creator", "");
		return;
	}
	for (i = 0; i < DATA_TYPES_N; i++)
		json_array_append_new(types, json_string(data_types[i]));
	call.body = json_pack("{s:{s:{s:{s:o}}}}", "specification", "options",
			      "filters", "dataTypes", types);
	submit(f, &call, created);
	json_decref(call.body);
}

static void deleted(void *arg, const struct api_answer *ans)
{
	struct feed *f = arg;
	const struct atfs_error *e = ans->err;

	/* one that is gone, or not to be touched, is in nobody's way */
	if (e->err && e->cls != ERROR_GONE && e->cls != ERROR_ACCESS &&
	    e->cls != ERROR_INPUT) {
		feed_failed(f, e);
		return;
	}
	lock_take(&f->c->mu);
	f->hook[0] = '\0';
	f->cursor = 0;
	f->making = true;
	lock_drop(&f->c->mu);
	feed_list_hooks(f);
}

void feed_remake(struct feed *f)
{
	struct api_call call = { .kind = API_HOOK_DELETE };
	int64_t now = feed_now(f);

	if (f->remade_at_ms && now - f->remade_at_ms < REMAKE_MS) {
		f->remade_at_ms = 0;
		feed_switch_off(f, "its webhook fails again and again", "");
		return;
	}
	f->remade_at_ms = now;
	log_info("base '%s': webhook '%s' is dead; another one is made, and "
		 "what is cached is listed again", f->b->name, f->hook);
	submit(f, &call, deleted);
}

/* ---- finding ours ---- */

/* Made by a call of ours whose answer was lost: one that was not there before
 * and is as we make them. Another machine's made in that moment is as good:
 * reading takes nothing from it. */
static bool is_newcomer(json_t *hook, json_t *before)
{
	const char *id = json_string_value(json_object_get(hook, "id"));
	json_t *options = json_object_get(json_object_get(hook,
							  "specification"),
					  "options");
	json_t *filters = json_object_get(options, "filters"), *v;
	json_t *types = json_object_get(filters, "dataTypes");
	size_t i;

	if (!id || !id_is_valid(id, "ach") ||
	    json_is_string(json_object_get(hook, "notificationUrl")) ||
	    json_is_false(json_object_get(hook, "isHookEnabled")) ||
	    json_object_size(filters) != 1 ||
	    json_array_size(types) != DATA_TYPES_N)
		return false;
	json_array_foreach(before, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), id) == 0)
			return false;
	return true;
}

static void refreshed(void *arg, const struct api_answer *ans)
{
	struct feed *f = arg;

	if (!ans->err->err) {
		lock_take(&f->c->mu);
		plan_check_locked(f, left_ms(f, ans->json, ans->date_wall_ms));
		lock_drop(&f->c->mu);
	}
	/* else it is looked at again when even less is left */
	feed_read_payloads(f);
}

static void found(struct feed *f, json_t *hook, int64_t server_now)
{
	int64_t left = left_ms(f, hook, server_now);
	struct api_call call = { .kind = API_HOOK_REFRESH };

	if (json_is_false(json_object_get(hook, "isHookEnabled")) ||
	    left <= 0 || f->aim == AIM_REMAKE) {
		feed_remake(f);
		return;
	}
	lock_take(&f->c->mu);
	plan_check_locked(f, left);
	lock_drop(&f->c->mu);
	if (!f->cursor || f->aim == AIM_JUMP)
		attach(f, f->hook, cursor_in(hook, 1), server_now);
	else if (left < FEED_DAY_MS && !f->c->conf.read_only)
		submit(f, &call, refreshed); /* reading did not extend it */
	else
		feed_read_payloads(f);
}

static void find(struct feed *f, json_t *hooks, int64_t server_now)
{
	json_t *before = feed_before(f), *ids, *hook;
	size_t i;

	json_array_foreach(hooks, i, hook) {
		const char *id = json_string_value(json_object_get(hook, "id"));

		if (id && f->hook[0] && strcmp(id, f->hook) == 0) {
			found(f, hook, server_now);
			return;
		}
	}
	json_array_foreach(hooks, i, hook) {
		if (before && is_newcomer(hook, before)) {
			lock_take(&f->c->mu);
			plan_check_locked(f, left_ms(f, hook, server_now));
			lock_drop(&f->c->mu);
			attach(f, json_string_value(json_object_get(hook,
								    "id")),
			       cursor_in(hook, 1), server_now);
			return;
		}
	}
	if (f->looked) {
		struct atfs_error e = { 0 };

		error_set(&e, -EIO, ERROR_LOST, "the answer to the making of "
			  "a webhook was lost, and none is there");
		feed_failed(f, &e);
		return;
	}
	ids = json_array();
	json_array_foreach(hooks, i, hook)
		json_array_append(ids, json_object_get(hook, "id"));
	feed_remember(f, NULL, ids);
	json_decref(ids);
	make(f);
}

static void hooks_listed(void *arg, const struct api_answer *ans)
{
	struct feed *f = arg;

	f->listed = true;
	if (ans->err->err)
		refused(f, ans->err, "its webhooks may not be seen (scope "
				     "webhook:manage)");
	else
		find(f, json_object_get(ans->json, "webhooks"),
		     ans->date_wall_ms);
}

void feed_list_hooks(struct feed *f)
{
	struct api_call call = { .kind = API_HOOKS };

	submit(f, &call, hooks_listed);
}

/* ---- reading ---- */

/* A refusal may mean that the hook is gone, or that the token lost a right:
 * the list tells which. */
static void payloads_refused(struct feed *f, const struct atfs_error *e)
{
	if (e->cls != ERROR_ACCESS && e->cls != ERROR_GONE &&
	    e->cls != ERROR_INPUT) {
		feed_failed(f, e);
		return;
	}
	if (!f->listed) {
		if (e->cls == ERROR_INPUT) /* no such cursor, or none at all */
			f->aim = f->jumped ? AIM_REMAKE : AIM_JUMP;
		f->jumped |= e->cls == ERROR_INPUT;
		feed_list_hooks(f);
	} else if (e->cls == ERROR_ACCESS) {
		feed_switch_off(f, "what its webhook tells may not be read "
				   "(scopes webhook:manage, data.records:read "
				   "and schema.bases:read)", e->text);
	} else {
		feed_remake(f);
	}
}

/* Nothing was left out by the time that the cursor was away. */
static bool is_in_time(const struct feed *f, const struct api_answer *ans)
{
	return !ans->date_wall_ms || !f->server_at_ms ||
	       ans->date_wall_ms - f->server_at_ms <= FEED_KEPT_MS;
}

static void payloads_read(void *arg, const struct api_answer *ans)
{
	struct feed *f = arg;
	struct cache *c = f->c;
	struct after a = { 0 };
	json_t *list = json_object_get(ans->json, "payloads");
	int64_t next = json_integer_value(json_object_get(ans->json,
							  "cursor"));
	int64_t n = (int64_t)json_array_size(list);
	bool more = json_is_true(json_object_get(ans->json, "mightHaveMore"));
	bool broken = false;
	int r;

	if (ans->err->err) {
		payloads_refused(f, ans->err);
		return;
	}
	f->jumped = false;
	if ((next != f->cursor + n || !is_in_time(f, ans)) && !f->listed) {
		/* dropped unread, and what was dropped may have said that the
		 * hook is dead: the list tells */
		f->aim = AIM_JUMP;
		feed_list_hooks(f);
		return;
	}
	more = more && n > 0;
	lock_take(&c->mu);
	if (!more) {
		f->polled_at_ms = f->began_ms;
		f->server_at_ms = ans->date_wall_ms;
	}
	r = feed_apply_locked(f, list, next, next != f->cursor + n, &a,
			      &broken);
	lock_drop(&c->mu);
	after_run(c, &a);
	if (r < 0) {
		struct atfs_error e = { 0 };

		error_set(&e, r, ERROR_CANCELLED,
			  "the cache cannot be written");
		feed_failed(f, &e);
	} else if (broken) {
		feed_remake(f);
	} else if (more && ++f->pages < PAGES_MAX) {
		feed_read_payloads(f);
	} else if (more && !f->listed) {
		f->aim = AIM_JUMP;
		feed_list_hooks(f);
	} else {
		feed_told(f);
	}
}

void feed_read_payloads(struct feed *f)
{
	struct api_call call = { .kind = API_HOOK_PAYLOADS,
				 .cursor = f->cursor };

	submit(f, &call, payloads_read);
}
