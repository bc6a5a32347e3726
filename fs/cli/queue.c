#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void column(const char *text, int width)
{
	int pad = width - (int)strlen(text);

	cli_print(text);
	while (pad-- > 0)
		cli_print(" ");
	cli_print("  ");
}

static void show_op(const json_t *op)
{
	const json_t *id = json_object_get(op, "queue_id");
	const char *state = json_string_value(json_object_get(op, "state"));
	const char *kind = json_string_value(json_object_get(op, "kind"));
	const char *path = json_string_value(json_object_get(op, "path"));
	const char *reason = json_string_value(json_object_get(op, "reason"));
	char no[32] = "";

	/* a draft was never judged, or refused: then it says why */
	if (reason == NULL)
		reason = json_string_value(json_object_get(
			json_object_get(op, "error"), "reason"));
	if (json_is_integer(id))
		snprintf(no, sizeof(no), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(id));
	column(no, 6);
	column(state != NULL ? state : "", 8);
	column(kind != NULL ? kind : "", 6);
	cli_print(path != NULL ? path : "");
	if (reason != NULL && reason[0] != '\0') {
		cli_print(": ");
		cli_print(reason);
	}
	cli_print("\n");
}

static int show_mount(const char *mount, bool json)
{
	char *text = NULL;
	json_t *root, *op;
	size_t i;
	int r = cli_read_side(mount, "queue.json", &text);

	if (r < 0)
		return cli_side_failed(mount, r);
	if (json) {
		cli_print(text);
		free(text);
		return EXIT_DONE;
	}
	root = json_loads(text, 0, NULL);
	free(text);
	json_array_foreach(root, i, op)
		show_op(op);
	r = json_is_array(root) ? EXIT_DONE : cli_side_failed(mount, -EPROTO);
	json_decref(root);
	return r;
}

int cli_queue(int argc, char **argv)
{
	struct cli_args a = { .path = NULL };
	struct mount_list list;
	int code, worst = EXIT_DONE;

	if (!cli_parse(&a, argc, argv, CLI_TAKES_JSON))
		return EXIT_USAGE;
	code = cli_find_mounts(a.path, &list);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < list.n; i++) {
		code = show_mount(list.v[i].path, a.json);
		if (worst == EXIT_DONE)
			worst = code;
	}
	mounts_release(&list);
	return worst;
}
