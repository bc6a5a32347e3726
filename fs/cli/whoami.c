#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "who.h"

static json_t *bases_json(const struct account_facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->bases_n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s}", "id",
					f->bases[i].id, "name",
					f->bases[i].name, "permissionLevel",
					f->bases[i].level));
	return list;
}

static json_t *rights_json(const struct account_facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ACCOUNT_RIGHTS; i++) {
		const struct account_right *r = &f->rights[i];
		json_t *o = json_pack("{s:s, s:s, s:s}", "scope", r->scope,
				      "what", r->what, "state",
				      who_state_name(r->state));

		if (r->state == ACCOUNT_OFF)
			json_object_set_new(o, "without",
					    json_string(r->without));
		if (r->why[0] != '\0')
			json_object_set_new(o, "reason", json_string(r->why));
		json_array_append_new(list, o);
	}
	return list;
}

static void show_json(const struct account *a, const struct account_facts *f)
{
	const char *other = account_disagreement(a);
	json_t *o = json_pack("{s:{s:s, s:s?}, s:s, s:s, s:s, s:o, s:o}",
			      "user", "id", f->user, "email", f->email,
			      "token_source", account_source(a), "profile",
			      account_profile(a), "endpoint",
			      account_endpoint(a), "bases", bases_json(f),
			      "rights", rights_json(f));
	char *text;

	if (other[0] != '\0')
		json_object_set_new(o, "note", json_string(other));
	text = json_dumps(o, JSON_INDENT(2));
	cli_print(text != NULL ? text : "null");
	putchar('\n');
	free(text);
	json_decref(o);
}

static void show_text(const struct account *a, const struct account_facts *f)
{
	who_print_user(f);
	printf("token: from %s\n", account_source(a));
	if (account_disagreement(a)[0] != '\0')
		printf("  %s\n", account_disagreement(a));
	printf("profile: %s, %s\n", account_profile(a), account_endpoint(a));
	who_print_bases(f);
	who_print_rights(f);
}

static int whoami(struct account *a, bool json)
{
	struct atfs_error e = { .err = 0 };
	struct account_facts f = { .bases_n = 0 };
	int r = account_find_token(a, &e);

	if (r == 0)
		r = account_look(a, true, &f, &e);
	if (r == 0 && json)
		show_json(a, &f);
	else if (r == 0)
		show_text(a, &f);
	account_facts_release(&f);
	if (r == 0)
		return EXIT_DONE;
	if (account_source(a)[0] != '\0')
		cli_say("the token is from %s", account_source(a));
	return who_failed(r, &e);
}

int cli_whoami(int argc, char **argv)
{
	struct account *a = NULL;
	struct who_args args;
	int code = EXIT_USAGE;

	if (who_parse(&args, argc, argv, WHO_TAKES_JSON | WHO_TAKES_SOURCE))
		code = who_open(&args, &a);
	if (code == EXIT_DONE)
		code = whoami(a, args.json);
	account_free(a);
	who_args_release(&args);
	return code;
}
