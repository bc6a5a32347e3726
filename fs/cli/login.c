#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "who.h"

#define BYTES_MAX 8192 /* more than any token that is taken */

static void hint(void)
{
	fprintf(stderr,
		"Create a personal access token at "
		"https://airtable.com/create/tokens and give it access\n"
		"to the bases that you want to see. Scopes, and what they "
		"switch on:\n"
		"  schema.bases:read           bases and tables: needed\n"
		"  data.records:read           reading records: needed\n"
		"  data.records:write          saving, creating, deleting\n"
		"  data.recordComments:read, :write  comments\n"
		"  schema.bases:write          making tables and fields\n"
		"  webhook:manage              changes as they happen (-o live)\n"
		"  user.email:read             your mail address in whoami\n");
}

/* All of standard input. */
static ssize_t read_input(char *buf, size_t n)
{
	size_t at = 0;
	ssize_t got;

	while (at < n) {
		got = read(STDIN_FILENO, buf + at, n - at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return (ssize_t)at;
}

static int get_token(struct account *a, bool from_input)
{
	struct atfs_error e = { .err = 0 };
	char buf[BYTES_MAX];
	ssize_t n;
	int r;

	if (!from_input)
		hint();
	n = from_input ? read_input(buf, sizeof(buf)) :
			 prompt_hidden("Token: ", buf, sizeof(buf));
	if (n == -ENOTTY)
		cli_say("login: there is no terminal to ask on; hand the token "
			"in by standard input: airtablefs login --with-token "
			"< FILE");
	else if (n < 0)
		cli_say("login: %s", strerror((int)-n));
	r = n < 0 ? (int)n : account_take_token(a, buf, (size_t)n, &e);
	explicit_bzero(buf, sizeof(buf));
	if (n < 0)
		return n == -ENOTTY ? EXIT_USAGE : EXIT_FAILED;
	return r < 0 ? who_failed(r, &e) : EXIT_DONE;
}

static int prove(struct account *a, struct account_facts *f)
{
	struct atfs_error e = { .err = 0 };
	int r = account_look(a, true, f, &e);

	if (r == 0)
		return EXIT_DONE;
	r = who_failed(r, &e);
	if (r == EXIT_TOKEN && account_token_looks_cut(a))
		cli_say("what was entered looks like the token's id alone: the "
			"whole token has a dot and a secret behind it, and is "
			"shown once, when it is created");
	cli_say("nothing was stored");
	return r;
}

static int keep(struct account *a, enum account_store where)
{
	struct atfs_error e = { .err = 0 };
	char *place = NULL, say[300];
	int r = account_keep(a, where, &place, &e);

	if (r < 0)
		return who_failed(r, &e);
	fprintf(stderr, "stored in %s, for profile %s and %s\n", place,
		account_profile(a), account_endpoint(a));
	free(place);
	if (account_is_overruled(a, say, sizeof(say)))
		cli_say("note: %s", say);
	return EXIT_DONE;
}

/* Before the token is asked for: nobody pastes in vain. */
static int check_place(struct account *a, enum account_store where)
{
	struct atfs_error e = { .err = 0 };

	if (account_can_keep(a, where, &e) == 0)
		return EXIT_DONE;
	cli_say("login: %s", e.text);
	cli_say("with --token-store=file the token is kept in a file that only "
		"you can read");
	return EXIT_FAILED;
}

static int login(struct account *a, const struct who_args *args)
{
	enum account_store where = account_default_store(a);
	struct account_facts f = { .bases_n = 0 };
	int code;

	if (args->store != NULL)
		where = strcmp(args->store, "file") == 0 ? ACCOUNT_FILE :
							   ACCOUNT_KEYRING;
	code = check_place(a, where);
	if (code == EXIT_DONE)
		code = get_token(a, args->with_token);
	if (code != EXIT_DONE)
		return code;
	code = prove(a, &f);
	if (code == EXIT_DONE) {
		who_print_user(&f);
		who_print_bases(&f);
		who_print_rights(&f);
		code = keep(a, where);
	}
	account_facts_release(&f);
	return code;
}

int cli_login(int argc, char **argv)
{
	struct account *a = NULL;
	struct who_args args;
	int code = EXIT_USAGE;

	if (who_parse(&args, argc, argv, WHO_TAKES_STORE))
		code = who_open(&args, &a);
	if (code == EXIT_DONE)
		code = login(a, &args);
	account_free(a);
	who_args_release(&args);
	return code;
}

static int logout(struct account *a)
{
	struct atfs_error e = { .err = 0 };
	char say[300];
	int r = account_forget(a, &e);

	if (r == -ENOKEY)
		cli_say("no token is stored for profile %s and %s",
			account_profile(a), account_endpoint(a));
	else if (r < 0)
		return who_failed(r, &e);
	else
		fprintf(stderr, "the stored token of profile %s is removed; "
			"it stays valid until you delete it at "
			"https://airtable.com/create/tokens\n",
			account_profile(a));
	if (account_find_token(a, &e) == 0) {
		snprintf(say, sizeof(say), "note: %s still holds a token",
			 account_source(a));
		cli_say("%s", say);
	}
	return r == 0 ? EXIT_DONE : EXIT_TOKEN;
}

int cli_logout(int argc, char **argv)
{
	struct account *a = NULL;
	struct who_args args;
	int code = EXIT_USAGE;

	if (who_parse(&args, argc, argv, 0))
		code = who_open(&args, &a);
	if (code == EXIT_DONE)
		code = logout(a);
	account_free(a);
	who_args_release(&args);
	return code;
}
