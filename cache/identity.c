#include "identity.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flush.h"
#include "sqlite.h"

/* Pauses between two readings. Ours: soon enough for a person who has just
 * stored a new token, seldom enough for a token_command. */
#define AGAIN_FIRST_NS (2 * NS_PER_S)
#define AGAIN_LEAST_NS (1 * NS_PER_S)
#define AGAIN_CAP_NS (60 * NS_PER_S)

/* One reading, on a thread of its own. Whoever comes second frees it. */
struct token_reading {
	pthread_mutex_t mu;
	struct cache *c;      /* guarded by mu; NULL: nobody waits any more */
	bool done;            /* guarded by mu */
	char *token_file, *profile, *endpoint, *command;
	struct token token;
	int r;
	struct atfs_error err;
};

struct identity {
	char *path;
	char user[ATFS_ID_MAX];  /* guarded by cache.mu; "" = nobody yet */
	char said[256];          /* guarded by cache.mu */
	struct token_reading *reading; /* under way */
	bool once_more;          /* asked for meanwhile */
	struct loop_timer timer;
	struct backoff backoff;
};

/* ---- who it was ---- */

static void read_user(struct identity *id)
{
	json_t *j = json_load_file(id->path, 0, NULL);
	const char *user = json_string_value(json_object_get(j, "user"));

	if (user && id_is_valid(user, "usr"))
		id_copy(id->user, user);
	json_decref(j);
}

/* As durable as the journal that it guards. */
static int write_user(const char *path, const char *user)
{
	char *tmp = NULL;
	int fd, n, r = 0;

	if (asprintf(&tmp, "%s.tmp", path) < 0)
		return -ENOMEM;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		r = -errno;
	n = r < 0 ? 0 : dprintf(fd, "{\"user\":\"%s\"}\n", user);
	if (r == 0 && (n < 0 || fsync(fd) < 0))
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	free(tmp);
	return r < 0 ? r : sql_sync_dir(path);
}

int identity_open(struct cache *c, struct atfs_error *reterr)
{
	struct identity *id = calloc(1, sizeof(*id));

	if (!id)
		return -ENOMEM;
	c->identity = id;
	id->backoff = (struct backoff)BACKOFF_INIT(AGAIN_FIRST_NS,
						   AGAIN_CAP_NS);
	if (asprintf(&id->path, "%s/account.json", c->state_dir) < 0) {
		id->path = NULL;
		error_set(reterr, -ENOMEM, ERROR_INPUT, "out of memory");
		return -ENOMEM;
	}
	read_user(id);
	return 0;
}

int identity_prove(void *arg, const char *user, struct atfs_error *reterr)
{
	struct cache *c = arg;
	struct identity *id = c->identity;
	bool first;
	int r = 0;

	if (!id_is_valid(user, "usr")) {
		error_set(reterr, -EPROTO, ERROR_PROTOCOL,
			  "the server does not say whose token it is");
		return -EPROTO;
	}
	lock_take(&c->mu);
	first = id->user[0] == '\0';
	if (!first && strcmp(id->user, user) != 0)
		r = -EACCES;
	lock_drop(&c->mu);
	if (r < 0) {
		error_set(reterr, r, ERROR_TOKEN,
			  "the token belongs to user %s, but cache and unsent "
			  "changes of profile '%s' to %s; use another profile= "
			  "for it", user, c->profile, id->user);
		log_error("%s", reterr->text);
		return r;
	}
	if (!first)
		return 0;
	r = write_user(id->path, user);
	if (r < 0) {
		/* else another user's token could send what is saved now */
		error_set(reterr, r, ERROR_TOKEN, "'%s' cannot be written: %s",
			  id->path, strerror(-r));
		return r;
	}
	lock_take(&c->mu);
	id_copy(id->user, user);
	lock_drop(&c->mu);
	return 0;
}

const char *identity_user_locked(const struct cache *c)
{
	return c->identity->user;
}

const char *identity_said_locked(const struct cache *c)
{
	return c->identity->said;
}

/* ---- reading the token again ---- */

static void begin(struct cache *c);

static void token_reading_free(struct token_reading *x)
{
	token_release(&x->token);
	pthread_mutex_destroy(&x->mu);
	free(x->token_file);
	free(x->profile);
	free(x->endpoint);
	free(x->command);
	free(x);
}

static void on_timer(void *arg)
{
	begin(arg);
}

static void say(struct cache *c, const char *text)
{
	lock_take(&c->mu);
	snprintf(c->identity->said, sizeof(c->identity->said), "%s", text);
	lock_drop(&c->mu);
}

/* A new token: what waits goes on with it, and its rights are asked for. */
static void take_over(struct cache *c, struct token *t)
{
	log_info("another token was found: %s", t->source);
	lock_take(&c->mu);
	memcpy(c->token_source, t->source, sizeof(c->token_source));
	c->identity->said[0] = '\0';
	rights_ask_again_locked(c, 0);
	lock_drop(&c->mu);
	api_set_token(c->api, t);
	cache_note_api(c);
	lock_take(&c->mu);
	fetch_want_bases_locked(c, API_REFRESH);
	lock_drop(&c->mu);
	c->flush->not_before_ns = 0;
	flush_continue(c->flush);
}

/* On the network thread; the reading is over. */
static void ended(void *arg)
{
	struct token_reading *x = arg;
	struct cache *c = x->c;
	struct identity *id = c->identity;
	struct api_status st;

	/* its thread may still hold the lock under which it posted this */
	pthread_mutex_lock(&x->mu);
	pthread_mutex_unlock(&x->mu);
	id->reading = NULL;
	if (x->r < 0)
		say(c, x->err.text);
	else if (api_has_token(c->api, &x->token))
		say(c, "the same token is still there");
	else
		take_over(c, &x->token);
	token_reading_free(x);
	api_get_status(c->api, &st);
	if (id->once_more)
		begin(c);
	else if (st.token_refused && !id->timer.armed)
		identity_look(c);
}

static void *token_reading_main(void *arg)
{
	struct token_reading *x = arg;
	struct token_config tc = { .token_file = x->token_file,
				   .profile = x->profile,
				   .endpoint = x->endpoint,
				   .command = x->command };
	bool mine;

	x->r = token_load(&x->token, &tc, &x->err);
	pthread_mutex_lock(&x->mu);
	x->done = true;
	mine = x->c == NULL;
	if (!mine)
		(void)loop_post(x->c->loop, ended, x);
	pthread_mutex_unlock(&x->mu);
	if (mine)
		token_reading_free(x);
	return NULL;
}

static int copy(char **dst, const char *src)
{
	*dst = src ? strdup(src) : NULL;
	return src && !*dst ? -ENOMEM : 0;
}

static struct token_reading *token_reading_new(struct cache *c)
{
	struct token_reading *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	pthread_mutex_init(&x->mu, NULL);
	x->c = c;
	if (copy(&x->token_file, c->conf.token_file) == 0 &&
	    copy(&x->profile, c->profile) == 0 &&
	    copy(&x->endpoint, c->endpoint) == 0 &&
	    copy(&x->command, c->settings.token_command) == 0)
		return x;
	token_reading_free(x);
	return NULL;
}

static int start(struct token_reading *x)
{
	sigset_t all, old;
	pthread_t thread;
	int r;

	sigfillset(&all); /* signals are for those who know what they mean */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&thread, NULL, token_reading_main, x);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pthread_detach(thread);
	return -r;
}

static void begin(struct cache *c)
{
	struct identity *id = c->identity;

	loop_timer_cancel(c->loop, &id->timer);
	id->once_more = id->reading != NULL;
	if (id->reading || c->stopping)
		return;
	id->reading = token_reading_new(c);
	if (!id->reading)
		return;
	if (c->conf.transport) { /* a test: nothing of it may take time */
		(void)token_reading_main(id->reading);
	} else if (start(id->reading) < 0) {
		token_reading_free(id->reading);
		id->reading = NULL;
	}
}

void identity_look(struct cache *c)
{
	struct identity *id = c->identity;
	struct api_status st;
	int64_t wait;

	api_get_status(c->api, &st);
	if (!st.token_refused) {
		loop_timer_cancel(c->loop, &id->timer);
		backoff_reset(&id->backoff);
		return;
	}
	if (id->reading || id->timer.armed)
		return;
	id->timer.fn = on_timer;
	id->timer.arg = c;
	wait = backoff_next_ns(&id->backoff, clock_rand64(c->clock));
	if (id->backoff.failures == 1) /* the first time at once */
		wait = 0;
	else if (wait < AGAIN_LEAST_NS)
		wait = AGAIN_LEAST_NS;
	loop_timer_set(c->loop, &id->timer, wait);
}

static void asked(void *arg)
{
	begin(arg);
}

void cache_reload_token(struct cache *c)
{
	(void)loop_post(c->loop, asked, c);
}

void identity_free(struct cache *c)
{
	struct identity *id = c->identity;
	bool mine = false;

	if (!id)
		return;
	if (id->reading) {
		pthread_mutex_lock(&id->reading->mu);
		id->reading->c = NULL;
		mine = id->reading->done;
		pthread_mutex_unlock(&id->reading->mu);
		if (mine)
			token_reading_free(id->reading);
	}
	if (c->loop)
		loop_timer_cancel(c->loop, &id->timer);
	free(id->path);
	free(id);
	c->identity = NULL;
}
