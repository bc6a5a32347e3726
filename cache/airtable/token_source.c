/* Where the token comes from: the sources in their order. */
#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyring.h"

#define COMMAND_MS 30000 /* ours: time to type a passphrase elsewhere */

static const char *ask_env(const struct token_config *conf, const char *name)
{
	const char *v = conf->env != NULL ? conf->env(name, conf->env_ctx) :
					    getenv(name);

	/* An empty variable is one that somebody wanted to be unset. */
	return v != NULL && v[0] != '\0' ? v : NULL;
}

/* One source each: 0, -ENOKEY where it is not set, or what is wrong with it. */

static int from_file(struct token *t, const struct token_config *conf,
		     struct atfs_error *e)
{
	return conf->token_file != NULL ?
		       token_from_file(t, conf->token_file, 0044, e) : -ENOKEY;
}

static int from_variable(struct token *t, const struct token_config *conf,
			 size_t i, struct atfs_error *e)
{
	const char *v = ask_env(conf, token_vars[i]);
	char source[64];

	if (v == NULL)
		return -ENOKEY;
	snprintf(source, sizeof(source), "$%s", token_vars[i]);
	return token_take(t, v, strlen(v), source, e);
}

static int from_variable_0(struct token *t, const struct token_config *conf,
			   struct atfs_error *e)
{
	return from_variable(t, conf, 0, e);
}

static int from_variable_1(struct token *t, const struct token_config *conf,
			   struct atfs_error *e)
{
	return from_variable(t, conf, 1, e);
}

static int from_variable_2(struct token *t, const struct token_config *conf,
			   struct atfs_error *e)
{
	return from_variable(t, conf, 2, e);
}

static int from_key_file(struct token *t, const struct token_config *conf,
			 struct atfs_error *e)
{
	const char *v = ask_env(conf, "AIRTABLE_API_KEY_FILE");

	return v != NULL ? token_from_file(t, v, 0044, e) : -ENOKEY;
}

/* systemd's folder. A credential there may show group bits that are in truth
 * the mask of an access list for the service's user, and the folder itself is
 * closed to others, so only the bits of others count. */
static int from_credential(struct token *t, const struct token_config *conf,
			   struct atfs_error *e)
{
	const char *dir = ask_env(conf, "CREDENTIALS_DIRECTORY");
	char *path;
	int r;

	if (dir == NULL)
		return -ENOKEY;
	if (asprintf(&path, "%s/airtable-token", dir) < 0)
		return token_fail(e, -ENOMEM, "%s: out of memory", dir);
	r = access(path, F_OK) == 0 ? token_from_file(t, path, 0004, e) :
				      -ENOKEY;
	free(path);
	return r;
}

static int from_command(struct token *t, const struct token_config *conf,
			struct atfs_error *e)
{
	if (conf->command == NULL)
		return -ENOKEY;
	return token_from_command(t, conf->command,
				  conf->command_ms > 0 ? conf->command_ms :
							 COMMAND_MS, e);
}

static int from_store(struct token *t, const struct token_config *conf,
		      struct atfs_error *e)
{
	if (conf->profile == NULL || conf->endpoint == NULL)
		return -ENOKEY;
	return token_store_get(conf->profile, conf->endpoint, t, e);
}

static int from_keyring(struct token *t, const struct token_config *conf,
			struct atfs_error *e)
{
	if (conf->profile == NULL || conf->endpoint == NULL)
		return -ENOKEY;
	return keyring_get(conf->profile, conf->endpoint, t, e);
}

static const struct source {
	int (*get)(struct token *t, const struct token_config *conf,
		   struct atfs_error *e);
	bool slow;     /* runs a program, or asks one */
} sources[] = {
	{ from_file, false },       { from_variable_0, false },
	{ from_variable_1, false }, { from_variable_2, false },
	{ from_key_file, false },   { from_credential, false },
	{ from_command, true },     { from_store, false },
	{ from_keyring, true }, /* last: what is wrong with it is no error of
	                           ours but the reason why there is none */
};

#define SOURCES_N (sizeof(sources) / sizeof(sources[0]))

int token_load(struct token *t, const struct token_config *conf,
	       struct atfs_error *reterr)
{
	struct atfs_error e = { .err = 0 };
	int r = -ENOKEY;

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < SOURCES_N && r == -ENOKEY; i++) {
		e.text[0] = '\0';
		r = sources[i].get(t, conf, &e);
		if (r < 0 && r != -ENOKEY && sources[i].get != from_keyring) {
			if (reterr != NULL)
				*reterr = e;
			return r;
		}
	}
	if (r == 0)
		return 0;
	return token_fail(reterr, -ENOKEY,
			  "no token is set: run 'airtablefs login', or put it "
			  "into $AIRTABLE_TOKEN or into a file for -o "
			  "token_file=FILE%s%s%s",
			  r != -ENOKEY ? " (" : "", r != -ENOKEY ? e.text : "",
			  r != -ENOKEY ? ")" : "");
}

bool token_disagrees(const struct token *t, const struct token_config *conf,
		     bool all, char *say, size_t say_n)
{
	struct atfs_error e;
	struct token other;
	bool differs = false;

	for (size_t i = 0; i < SOURCES_N && !differs; i++) {
		memset(&other, 0, sizeof(other));
		if (sources[i].slow && !all)
			continue;
		if (sources[i].get(&other, conf, &e) < 0)
			continue;
		differs = !token_same(t, &other);
		if (differs)
			snprintf(say, say_n, "the token of %s is used; %s "
				 "holds another one", t->source, other.source);
		token_release(&other);
	}
	return differs;
}
