#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* Worst first: what a person has to do something about. */
static int judge(const json_t *st)
{
	const char *token = json_string_value(json_object_get(st, "token"));

	if (token != NULL && strcmp(token, "ok") != 0)
		return EXIT_TOKEN;
	if (json_is_false(json_object_get(st, "online")))
		return EXIT_OFFLINE;
	if (cli_unsent(st, "conflicts") > 0)
		return EXIT_CONFLICT;
	return EXIT_DONE;
}

static int show(const char *mount, bool json, bool heading)
{
	char *text = NULL;
	bool colour = cli_colour(STDOUT_FILENO);
	json_t *st;
	int r, code;

	st = cli_status_of(mount, &r);
	if (st == NULL)
		return cli_side_failed(mount, r);
	code = judge(st);
	json_decref(st);
	r = cli_read_side(mount, json ? "status.json" : "status", &text);
	if (r < 0)
		return cli_side_failed(mount, r);
	if (heading) {
		fputs(colour ? "\033[1m" : "", stdout);
		cli_print(mount);
		fputs(colour ? ":\033[0m\n" : ":\n", stdout);
	}
	cli_print(text);
	if (text[0] != '\0' && text[strlen(text) - 1] != '\n')
		putchar('\n');
	free(text);
	return code;
}

/* Of several mounts the most urgent one counts, in the order of judge(), and a
 * mount that cannot be asked before all. */
static int worse(int a, int b)
{
	static const int order[] = {
		EXIT_FAILED, EXIT_TOKEN, EXIT_OFFLINE, EXIT_CONFLICT,
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EXIT_DONE;
}

int cli_status(int argc, char **argv)
{
	struct cli_args a = { .path = NULL };
	struct mount_list list;
	int code;

	if (!cli_parse(&a, argc, argv, CLI_TAKES_JSON | CLI_TAKES_WATCH))
		return EXIT_USAGE;
	code = cli_find_mounts(a.path, &list);
	if (code != EXIT_DONE)
		return code;
	if (a.watch && list.n > 1) {
		cli_say("status: --watch shows one mount: which of the %zu?",
			list.n);
		mounts_release(&list);
		return EXIT_USAGE;
	}
	if (a.watch) {
		code = cli_watch(list.v[0].path, a.json);
		mounts_release(&list);
		return code;
	}
	for (size_t i = 0; i < list.n; i++) {
		if (i > 0 && !a.json)
			putchar('\n');
		code = worse(code, show(list.v[i].path, a.json,
					!a.json && list.n > 1));
	}
	mounts_release(&list);
	return code;
}
