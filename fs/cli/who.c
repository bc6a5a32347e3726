#include "who.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../daemon.h"
#include "../options.h"

static bool bad(const char *command)
{
	const struct command *c = command_find(command);

	if (c != NULL)
		fprintf(stderr, "usage: airtablefs %s\n", c->usage);
	return false;
}

/* "--name VALUE" and "--name=VALUE"; NULL: it is another word. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
	size_t n = strlen(name);
	const char *w = argv[*i];

	if (strncmp(w, name, n) != 0 || (w[n] != '\0' && w[n] != '='))
		return NULL;
	if (w[n] == '=')
		return w + n + 1;
	return *i + 1 < argc ? argv[++*i] : "";
}

static bool take_path(char **at, const char *value)
{
	free(*at);
	*at = options_absolute(value);
	return *at != NULL;
}

/* One word of the command line that has a value. */
static bool take_value(struct who_args *a, int argc, char **argv, int *i,
		       unsigned takes, bool *known)
{
	const char *command = argv[0], *name = argv[*i], *v;
	bool ok = true;

	*known = true;
	if ((v = value_of("--profile", argc, argv, i)) != NULL) {
		a->conf.profile = v;
		ok = options_check_profile(v) == 0;
	} else if ((v = value_of("--endpoint", argc, argv, i)) != NULL) {
		a->conf.endpoint = v;
	} else if ((v = value_of("--ca-file", argc, argv, i)) != NULL) {
		ok = take_path(&a->ca_file, v);
	} else if ((takes & WHO_TAKES_SOURCE) != 0 &&
		   (v = value_of("--token-file", argc, argv, i)) != NULL) {
		ok = take_path(&a->token_file, v);
	} else if ((takes & WHO_TAKES_STORE) != 0 &&
		   (v = value_of("--token-store", argc, argv, i)) != NULL) {
		a->store = v;
		ok = strcmp(v, "keyring") == 0 || strcmp(v, "file") == 0;
		if (!ok)
			cli_say("%s: --token-store is keyring or file",
				command);
	} else {
		*known = false;
		return true;
	}
	if (v[0] == '\0') {
		cli_say("%s: %.*s needs a value", command,
			(int)strcspn(name, "="), name);
		return false;
	}
	return ok;
}

bool who_parse(struct who_args *a, int argc, char **argv, unsigned takes)
{
	bool known;

	memset(a, 0, sizeof(*a));
	for (int i = 1; i < argc; i++) {
		const char *w = argv[i];

		if (!take_value(a, argc, argv, &i, takes, &known))
			return bad(argv[0]);
		if (known)
			continue;
		if ((takes & WHO_TAKES_JSON) != 0 && strcmp(w, "--json") == 0) {
			a->json = true;
		} else if ((takes & WHO_TAKES_STORE) != 0 &&
			   strcmp(w, "--with-token") == 0) {
			a->with_token = true;
		} else {
			if (!options_refuse_token(w))
				cli_say("%s: unknown word '%.*s'", argv[0],
					(int)strcspn(w, "="), w);
			return bad(argv[0]);
		}
	}
	a->conf.token_file = a->token_file;
	a->conf.ca_file = a->ca_file;
	return true;
}

void who_args_release(struct who_args *a)
{
	free(a->token_file);
	free(a->ca_file);
}

int who_open(const struct who_args *a, struct account **ret)
{
	struct atfs_error e = { .err = 0 };
	int r;

	daemon_harden();
	r = account_open(&a->conf, ret, &e);
	return r < 0 ? who_failed(r, &e) : EXIT_DONE;
}

int who_failed(int r, const struct atfs_error *e)
{
	cli_say("%s", e->text[0] != '\0' ? e->text : strerror(-r));
	if (r == -ENOKEY || e->cls == ERROR_TOKEN || e->cls == ERROR_ACCESS)
		return EXIT_TOKEN;
	if (e->cls == ERROR_OFFLINE || e->cls == ERROR_LOST ||
	    e->cls == ERROR_SERVER)
		return EXIT_OFFLINE;
	return EXIT_FAILED;
}

void who_print_user(const struct account_facts *f)
{
	printf("user: %s", f->user);
	if (f->email != NULL) {
		fputs(" (", stdout);
		cli_print(f->email);
		putchar(')');
	}
	putchar('\n');
}

void who_print_bases(const struct account_facts *f)
{
	if (f->rights[0].state == ACCOUNT_OFF) {
		printf("bases: unknown, for the scope %s is missing\n",
		       f->rights[0].scope);
		return;
	}
	if (f->bases_n == 0)
		printf("bases: none; give the token access to some at "
		       "https://airtable.com/create/tokens\n");
	else
		printf("bases:\n");
	for (size_t i = 0; i < f->bases_n; i++) {
		printf("  %-8s %s  ", f->bases[i].level, f->bases[i].id);
		cli_print(f->bases[i].name);
		putchar('\n');
	}
}

void who_print_rights(const struct account_facts *f)
{
	bool head = false, doubt = false;

	for (size_t i = 0; i < ACCOUNT_RIGHTS; i++) {
		const struct account_right *r = &f->rights[i];

		doubt |= r->state == ACCOUNT_UNKNOWN;
		if (r->state != ACCOUNT_OFF)
			continue;
		if (!head)
			printf("off, and the scope that switches it on:\n");
		head = true;
		printf("  %-27s %s: %s\n", r->scope, r->what, r->without);
	}
	if (!doubt)
		return;
	printf("not known (Airtable tells no scopes, and writing is not "
	       "tried):\n");
	for (size_t i = 0; i < ACCOUNT_RIGHTS; i++)
		if (f->rights[i].state == ACCOUNT_UNKNOWN)
			printf("  %-27s %s\n", f->rights[i].scope,
			       f->rights[i].what);
}

const char *who_state_name(enum account_state s)
{
	return s == ACCOUNT_ON ? "on" : s == ACCOUNT_OFF ? "off" : "unknown";
}
