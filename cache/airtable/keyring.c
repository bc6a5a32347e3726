#include "keyring.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* libsecret's headers are not as strict as we are */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#define SECRET_API_SUBJECT_TO_CHANGE /* its stable calls by SecretService */
#include <libsecret/secret.h>
#pragma GCC diagnostic pop

static const SecretSchema schema = {
	.name = "net.airtablefs.Token",
	.flags = SECRET_SCHEMA_NONE,
	.attributes = { { "profile", SECRET_SCHEMA_ATTRIBUTE_STRING },
			{ "endpoint", SECRET_SCHEMA_ATTRIBUTE_STRING },
			{ NULL, 0 } },
};

enum job_kind { JOB_GET, JOB_PUT, JOB_DROP, JOB_CHECK };

/* One call, on a thread of its own. Whoever comes second frees it. */
struct job {
	pthread_mutex_t mu;
	pthread_cond_t cond;
	bool done, abandoned; /* guarded by mu */
	GCancellable *cancel;
	enum job_kind kind;
	char *profile, *endpoint;
	struct token token;   /* in or out */
	int r;
	char text[256];
};

static void job_free(struct job *j)
{
	if (j->cancel != NULL)
		g_object_unref(j->cancel);
	token_release(&j->token);
	free(j->profile);
	free(j->endpoint);
	pthread_cond_destroy(&j->cond);
	pthread_mutex_destroy(&j->mu);
	free(j);
}

/* ---- on the job's thread ---- */

static int say(struct job *j, int r, const char *text)
{
	snprintf(j->text, sizeof(j->text), "%s", text);
	return r;
}

static int failed(struct job *j, GError *e)
{
	int r = -EIO;

	if (e == NULL)
		return say(j, -EIO, "the keyring does not say what is wrong");
	if (g_error_matches(e, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
	    g_error_matches(e, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
	    g_error_matches(e, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND))
		r = say(j, -ENOTCONN, "no program on the session bus keeps "
			"secrets (gnome-keyring, KWallet, KeePassXC)");
	else if (g_error_matches(e, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		r = -ETIMEDOUT;
	else if (g_error_matches(e, SECRET_ERROR, SECRET_ERROR_IS_LOCKED))
		r = say(j, -EBUSY, "the keyring is locked");
	else
		snprintf(j->text, sizeof(j->text), "the keyring fails: %s",
			 e->message);
	g_error_free(e);
	return r;
}

static int locked(struct job *j)
{
	return say(j, -EBUSY, "the keyring is locked; unlock it in your "
		   "desktop, or log in there");
}

static GHashTable *attributes_of(const struct job *j)
{
	return secret_attributes_build(&schema, "profile", j->profile,
				       "endpoint", j->endpoint, NULL);
}

static int take_item(struct job *j, SecretItem *item)
{
	SecretValue *v = secret_item_get_secret(item);
	struct atfs_error e = { .err = 0 };
	const char *text;
	char source[96];
	gsize n = 0;
	int r;

	if (v == NULL)
		return -ENOKEY;
	text = secret_value_get(v, &n);
	snprintf(source, sizeof(source), "the keyring (profile %.64s)",
		 j->profile);
	r = token_take(&j->token, text, n, source, &e);
	if (r < 0)
		(void)say(j, r, e.text);
	secret_value_unref(v);
	return r;
}

static int find(struct job *j, SecretService *service)
{
	GHashTable *attrs = attributes_of(j);
	GError *err = NULL;
	GList *items;
	int r = -ENOKEY;

	items = secret_service_search_sync(
		service, &schema, attrs,
		SECRET_SEARCH_ALL | (j->kind == JOB_GET ?
					     SECRET_SEARCH_LOAD_SECRETS : 0),
		j->cancel, &err);
	g_hash_table_unref(attrs);
	if (err != NULL)
		return failed(j, err);
	for (GList *i = items; i != NULL && r != 0; i = i->next) {
		SecretItem *item = SECRET_ITEM(i->data);

		if (secret_item_get_locked(item))
			r = locked(j);
		else if (j->kind == JOB_GET)
			r = take_item(j, item);
		else if (secret_item_delete_sync(item, j->cancel, &err))
			r = 0;
		else
			r = failed(j, err);
	}
	g_list_free_full(items, g_object_unref);
	return r;
}

static int put(struct job *j, SecretService *service)
{
	SecretCollection *where;
	GHashTable *attrs;
	SecretValue *v;
	SecretItem *item;
	GError *err = NULL;
	char *label = NULL;
	int r = 0;

	where = secret_collection_for_alias_sync(
		service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE,
		j->cancel, &err);
	if (err != NULL)
		return failed(j, err);
	if (where == NULL)
		return say(j, -ENOTCONN, "there is no default keyring to "
			   "store a token in");
	if (secret_collection_get_locked(where))
		r = locked(j);
	if (r == 0 && j->kind == JOB_PUT) {
		attrs = attributes_of(j);
		v = secret_value_new(j->token.secret, (gssize)j->token.secret_n,
				     "text/plain");
		if (asprintf(&label, "Airtable token (airtablefs, %s)",
			     j->profile) < 0)
			label = NULL;
		item = secret_item_create_sync(
			where, &schema, attrs,
			label != NULL ? label : "airtablefs", v,
			SECRET_ITEM_CREATE_REPLACE, j->cancel, &err);
		if (item != NULL)
			g_object_unref(item);
		else
			r = failed(j, err);
		free(label);
		secret_value_unref(v);
		g_hash_table_unref(attrs);
	}
	g_object_unref(where);
	return r;
}

static int perform(struct job *j)
{
	SecretService *service;
	GDBusConnection *bus;
	GError *err = NULL;
	int r;

	bus = g_bus_get_sync(G_BUS_TYPE_SESSION, j->cancel, &err);
	if (bus == NULL) {
		if (g_error_matches(err, G_IO_ERROR, G_IO_ERROR_CANCELLED))
			return failed(j, err);
		snprintf(j->text, sizeof(j->text),
			 "the session bus cannot be reached: %s", err->message);
		g_error_free(err);
		return -ENOTCONN;
	}
	/* else the end of a desktop session would be ours */
	g_dbus_connection_set_exit_on_close(bus, FALSE);
	service = secret_service_open_sync(SECRET_TYPE_SERVICE, NULL,
					   SECRET_SERVICE_OPEN_SESSION,
					   j->cancel, &err);
	if (service == NULL) {
		r = failed(j, err);
	} else {
		r = j->kind == JOB_GET || j->kind == JOB_DROP ?
			    find(j, service) : put(j, service);
		g_object_unref(service);
	}
	g_object_unref(bus);
	return r;
}

static void *job_main(void *arg)
{
	struct job *j = arg;
	bool mine;

	j->r = perform(j);
	pthread_mutex_lock(&j->mu);
	j->done = true;
	mine = j->abandoned;
	pthread_cond_signal(&j->cond);
	pthread_mutex_unlock(&j->mu);
	if (mine)
		job_free(j);
	return NULL;
}

/* ---- on the caller's ---- */

static bool have_bus(void)
{
	const char *v = getenv("DBUS_SESSION_BUS_ADDRESS");
	char *path = NULL;
	bool there;

	if (v != NULL && v[0] != '\0')
		return strncmp(v, "autolaunch:", 11) != 0;
	v = getenv("XDG_RUNTIME_DIR");
	if (v == NULL || v[0] != '/' || asprintf(&path, "%s/bus", v) < 0)
		return false;
	there = access(path, F_OK) == 0;
	free(path);
	return there;
}

static struct job *job_new(enum job_kind kind, const char *profile,
			   const char *endpoint, const struct token *t)
{
	struct job *j = calloc(1, sizeof(*j));
	pthread_condattr_t attr;

	if (j == NULL)
		return NULL;
	pthread_mutex_init(&j->mu, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&j->cond, &attr);
	pthread_condattr_destroy(&attr);
	j->kind = kind;
	j->cancel = g_cancellable_new();
	j->profile = strdup(profile);
	j->endpoint = strdup(endpoint);
	if (j->profile == NULL || j->endpoint == NULL ||
	    (t != NULL && token_take(&j->token, t->secret, t->secret_n,
				     t->source, NULL) < 0)) {
		job_free(j);
		return NULL;
	}
	return j;
}

/* True: done, and j is ours again. */
static bool wait_ms(struct job *j, int ms)
{
	struct timespec end;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += (ms % 1000) * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&j->mu);
	while (!j->done && pthread_cond_timedwait(&j->cond, &j->mu, &end) == 0)
		;
	done = j->done;
	pthread_mutex_unlock(&j->mu);
	return done;
}

/* Signals are for the threads that know what they mean. */
static int start(struct job *j)
{
	sigset_t all, old;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&thread, NULL, job_main, j);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pthread_detach(thread);
	return -r;
}

static int run(enum job_kind kind, const char *profile, const char *endpoint,
	       const struct token *in, struct token *out,
	       struct atfs_error *reterr)
{
	struct job *j;
	bool done, mine;
	int r;

	if (!have_bus())
		return token_fail(reterr, -ENOTCONN, "no keyring: there is no "
				  "session bus here");
	j = job_new(kind, profile, endpoint, in);
	if (j == NULL)
		return token_fail(reterr, -ENOMEM, "out of memory");
	r = start(j);
	if (r < 0) {
		job_free(j);
		return token_fail(reterr, r, "no thread can be made");
	}
	done = wait_ms(j, KEYRING_MS - 200);
	if (!done) {
		g_cancellable_cancel(j->cancel);
		done = wait_ms(j, 150);
	}
	if (!done) {
		pthread_mutex_lock(&j->mu);
		mine = j->done;
		j->abandoned = true;
		pthread_mutex_unlock(&j->mu);
		if (mine)
			job_free(j);
		return token_fail(reterr, -ETIMEDOUT, "the keyring does not "
				  "answer within %d s", KEYRING_MS / 1000);
	}
	r = j->r;
	if (r == -ETIMEDOUT)
		(void)token_fail(reterr, r, "the keyring does not answer "
				 "within %d s", KEYRING_MS / 1000);
	else if (r < 0)
		(void)token_fail(reterr, r, "%s", r == -ENOKEY ?
				 "nothing is stored in the keyring" : j->text);
	if (r == 0 && out != NULL) {
		*out = j->token;
		memset(&j->token, 0, sizeof(j->token)); /* moved */
	}
	job_free(j);
	return r;
}

int keyring_get(const char *profile, const char *endpoint, struct token *t,
		struct atfs_error *reterr)
{
	return run(JOB_GET, profile, endpoint, NULL, t, reterr);
}

int keyring_put(const char *profile, const char *endpoint,
		const struct token *t, struct atfs_error *reterr)
{
	return run(JOB_PUT, profile, endpoint, t, NULL, reterr);
}

int keyring_drop(const char *profile, const char *endpoint,
		 struct atfs_error *reterr)
{
	return run(JOB_DROP, profile, endpoint, NULL, NULL, reterr);
}

int keyring_check(struct atfs_error *reterr)
{
	return run(JOB_CHECK, "", "", NULL, NULL, reterr);
}
