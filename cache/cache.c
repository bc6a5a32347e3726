/* The life of a cache: opened, started, drained, freed. */
#include "flush.h"
#include "identity.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_DONE 10000                             /* operations; ours */
#define KEEP_DONE_MS (INT64_C(30) * 24 * 3600 * 1000)
#define PRUNE_MS (INT64_C(24) * 3600 * 1000)

static int copy_text(char **dst, const char *src)
{
	*dst = src ? strdup(src) : NULL;
	return src && !*dst ? -ENOMEM : 0;
}

static void copy_defaults(struct cache *c)
{
	if (!c->profile)
		c->profile = strdup("default");
	if (c->conf.writeback_ms < 0)
		c->conf.writeback_ms = 0;
}

/* The start of the random id that Linux gives each boot. */
static void set_boot(struct cache *c)
{
	const char *id = c->conf.boot_id;
	char text[40] = "";
	FILE *f = id ? NULL : fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
		fclose(f);
	}
	snprintf(c->boot, sizeof(c->boot), "%.8s", id ? id : text);
	if (strlen(c->boot) != 8)
		strcpy(c->boot, "00000000");
}

static int check_profile(const char *name, struct atfs_error *reterr)
{
	const char *p;

	for (p = name; *p; p++)
		if (*p == '/' || (unsigned char)*p < 0x20)
			break;
	if (!*p && p != name && name[0] != '.' && strlen(name) < 64)
		return 0;
	error_set(reterr, -EINVAL, ERROR_INPUT,
		  "'%s' cannot be the name of a profile", name);
	return -EINVAL;
}

static int open_journal(struct cache *c, struct atfs_error *reterr)
{
	char path[PATH_MAX];
	size_t lost = 0;
	int r;

	snprintf(path, sizeof(path), "%s/journal.db", c->state_dir);
	r = journal_open(path, &c->journal, &lost);
	if (r == -EPROTONOSUPPORT)
		error_set(reterr, r, ERROR_INPUT, "the journal '%s' is of a "
			  "newer version of airtablefs, or not its own; it is "
			  "left as it is", path);
	else if (r < 0)
		error_set(reterr, r, ERROR_INPUT,
			  "the journal '%s' cannot be opened: %s", path,
			  strerror(-r));
	else if (lost)
		log_error("%zu entries of a damaged journal could not be read; "
			  "the damaged file is kept beside '%s'", lost, path);
	return r;
}

static int open_store(struct cache *c, struct atfs_error *reterr)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/cache.db", c->cache_dir);
	r = store_open(path, &c->store);
	if (r < 0)
		error_set(reterr, r, ERROR_INPUT,
			  "the cache '%s' cannot be opened: %s", path,
			  strerror(-r));
	return r;
}

/* A mount that counts for itself is better than none. */
static int open_tally(struct cache *c)
{
	int r = tally_open(c->calls_path, &c->tally);

	if (r == 0 || r == -ENOMEM)
		return r;
	log_error("calls are counted for this mount alone: '%s': %s",
		  c->calls_path, strerror(-r));
	return tally_open(NULL, &c->tally);
}

static int open_api(struct cache *c, struct atfs_error *reterr)
{
	struct token_config tc = { .token_file = c->conf.token_file,
				   .profile = c->profile,
				   .endpoint = c->endpoint,
				   .command = c->settings.token_command };
	struct http_curl_config hc = { .ca_file = c->conf.ca_file,
				       .user_agent = "airtablefs/" ATFS_VERSION,
				       .max_connections = API_RUNNING_MAX };
	struct api_config ac = { .endpoint = c->endpoint,
				 .read_only = c->conf.read_only,
				 .tally = c->tally,
				 .max_calls_month = c->conf.max_calls_month,
				 .pace_file = c->conf.transport ?
						      NULL : c->pace_path,
				 .prove = identity_prove, .prove_arg = c };
	struct http_transport transport;
	char say[300];
	int r = token_load(&ac.token, &tc, reterr);

	if (r < 0)
		return r;
	if (token_disagrees(&ac.token, &tc, false, say, sizeof(say)))
		log_warn("%s", say);
	memcpy(c->token_source, ac.token.source, sizeof(c->token_source));
	token_clean_environment();
	r = loop_new(c->clock, &c->loop);
	if (r == 0 && c->conf.transport)
		transport = *c->conf.transport;
	else if (r == 0)
		r = http_curl_new(c->loop, &hc, &transport);
	if (r == 0) {
		r = api_new(c->loop, &transport, &ac, &c->api, reterr);
		if (r < 0) /* else both belong to the api now */
			transport.free(transport.ctx);
	}
	if (r < 0)
		token_release(&ac.token);
	if (r < 0 && !reterr->err)
		error_set(reterr, r, ERROR_INPUT,
			  "the network cannot be set up: %s", strerror(-r));
	return r;
}

void cache_prune(struct cache *c)
{
	int64_t now = clock_wall_ms(c->clock);

	if (now - c->pruned_ms < PRUNE_MS && now >= c->pruned_ms)
		return;
	c->pruned_ms = now;
	(void)journal_prune(c->journal, now - KEEP_DONE_MS, KEEP_DONE);
}

int cache_open(const struct cache_config *conf, struct cache **ret,
	       struct atfs_error *reterr)
{
	struct cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->conf = *conf;
	c->lock_fd = -1;
	c->clock = conf->clock ? conf->clock : &system_clock;
	lock_init(&c->mu, LOCK_CACHE);
	pthread_mutex_init(&c->errors_mu, NULL);
	r = copy_text(&c->base_filter, conf->base);
	if (r == 0)
		r = copy_text(&c->profile, conf->profile);
	if (r == 0)
		r = copy_text(&c->mountpoint, conf->mountpoint);
	if (r == 0)
		r = copy_text(&c->upsert_key, conf->upsert_key);
	copy_defaults(c);
	set_boot(c);
	if (r == 0)
		r = check_profile(c->profile, reterr);
	if (r == 0)
		r = config_load(c->profile, &c->settings, reterr);
	if (r == 0)
		r = config_endpoint(&c->settings, c->conf.endpoint,
				    &c->endpoint, reterr);
	if (r == 0)
		r = dirs_open(c, reterr);
	if (r == 0)
		r = open_tally(c);
	if (r == 0)
		r = identity_open(c, reterr);
	if (r == 0)
		r = open_api(c, reterr);
	if (r == 0)
		r = open_store(c, reterr);
	if (r == 0)
		r = open_journal(c, reterr);
	if (r == 0)
		r = flush_new(c);
	if (r == 0)
		r = tree_load(c);
	if (r == 0)
		r = feed_open(c);
	if (r == 0) {
		lock_take(&c->mu);
		r = restore_load(c);
		lock_drop(&c->mu);
	}
	if (r == 0)
		cache_prune(c);
	if (r < 0) {
		if (!reterr->err)
			error_set(reterr, r, ERROR_INPUT, "%s", strerror(-r));
		cache_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* ---- a thread that waits ---- */

struct sync_wait {
	struct cache_waiter w;
	pthread_mutex_t mu;
	pthread_cond_t cond;
	bool done;
	int err;
};

static void sync_wake(struct cache_waiter *w, int err)
{
	struct sync_wait *s = (struct sync_wait *)w;

	pthread_mutex_lock(&s->mu);
	s->done = true;
	s->err = err;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->mu);
}

static void sync_init(struct sync_wait *s)
{
	pthread_condattr_t attr;

	memset(s, 0, sizeof(*s));
	s->w.wake = sync_wake;
	pthread_mutex_init(&s->mu, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* -ETIMEDOUT if nobody woke it; then it is still queued. */
static int sync_wait(struct sync_wait *s, int64_t ms)
{
	struct timespec t;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&s->mu);
	while (!s->done && r == 0)
		r = pthread_cond_timedwait(&s->cond, &s->mu, &t);
	r = s->done ? 0 : -ETIMEDOUT;
	s->done = false;
	pthread_mutex_unlock(&s->mu);
	return r;
}

static void sync_release(struct sync_wait *s)
{
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->mu);
}

static int first_contact(struct cache *c, int timeout_ms,
			 struct atfs_error *reterr)
{
	struct cache_dir d;
	struct sync_wait s;
	int r;

	sync_init(&s);
	r = cache_list_bases(c, 0, &d, 1, &s.w);
	if (r == CACHE_PARKED) {
		r = sync_wait(&s, timeout_ms);
		if (r < 0 && !cache_cancel(c, &s.w))
			r = sync_wait(&s, 1000);
		if (r == 0)
			r = s.err;
	}
	sync_release(&s);
	if (r >= 0)
		return 0;
	lock_take(&c->mu);
	*reterr = c->bases_error;
	lock_drop(&c->mu);
	if (!reterr->err)
		error_set(reterr, r, ERROR_OFFLINE,
			  "%s does not answer", c->endpoint);
	return r;
}

static void first_tasks(void *arg)
{
	struct cache *c = arg;

	lock_take(&c->mu);
	restore_want_locked(c);
	lock_drop(&c->mu);
	flush_continue(c->flush);
}

int cache_start(struct cache *c, int timeout_ms, struct atfs_error *reterr)
{
	int r = c->conf.transport ? 0 : loop_start(c->loop);

	if (r < 0) {
		error_set(reterr, r, ERROR_INPUT, "no thread can be made");
		return r;
	}
	if (!c->bases_known && !c->conf.transport)
		r = first_contact(c, timeout_ms, reterr);
	if (r == 0 && c->base_filter && !c->conf.transport) {
		struct cache_dir d;

		if (cache_list_bases(c, 0, &d, 1, NULL) == 0) {
			error_set(reterr, -ENOENT, ERROR_GONE,
				  "no base '%s' can be seen with this token",
				  c->base_filter);
			r = -ENOENT;
		}
	}
	if (r == 0)
		r = loop_post(c->loop, first_tasks, c);
	return r;
}

int cache_stop(struct cache *c, int drain_ms)
{
	struct cache_unsent u;
	struct sync_wait s;

	sync_init(&s);
	if (drain_ms > 0 && !c->conf.transport &&
	    cache_flush(c, drain_ms, &s.w) == CACHE_PARKED &&
	    sync_wait(&s, drain_ms + 500) < 0 && !cache_cancel(c, &s.w))
		(void)sync_wait(&s, 1000);
	sync_release(&s);
	lock_take(&c->mu);
	c->stopping = true;
	lock_drop(&c->mu);
	fetch_stop(c);
	if (!c->conf.transport)
		loop_stop(c->loop);
	cache_get_unsent(c, &u);
	return (int)(u.queued + u.conflicts + u.rejected + u.drafts);
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	memset(&c->conf.events, 0, sizeof(c->conf.events)); /* nobody listens */
	c->stopping = true;
	if (c->loop)
		loop_stop(c->loop);
	if (c->api) {
		feed_stop(c);
		api_free(c->api); /* ends what is under way */
	}
	fetch_free(c);
	if (c->loop)
		flush_free(c);
	identity_free(c);
	loop_free(c->loop);
	tally_free(c->tally);
	restore_free(c);
	feed_free(c);
	live_map_free(&c->live);
	tree_free(c);
	journal_close(c->journal);
	store_close(c->store);
	dirs_close(c);
	config_release(&c->settings);
	free(c->endpoint);
	free(c->base_filter);
	free(c->profile);
	free(c->mountpoint);
	free(c->upsert_key);
	lock_release(&c->mu);
	pthread_mutex_destroy(&c->errors_mu);
	free(c);
}

void cache_turn(struct cache *c)
{
	loop_turn(c->loop, 0);
}

const char *cache_scratch_dir(const struct cache *c)
{
	return c->scratch_dir;
}

void cache_note_api(struct cache *c)
{
	struct api_base_status odd[BASES_ODD];
	size_t n = api_get_bases(c->api, odd, BASES_ODD);
	enum budget_level was;

	lock_take(&c->mu);
	was = c->api_status.budget;
	api_get_status(c->api, &c->api_status);
	memcpy(c->odd, odd, n * sizeof(odd[0]));
	c->odd_n = n;
	lock_drop(&c->mu);
	budget_note(c, was, c->api_status.budget);
	identity_look(c);
}
