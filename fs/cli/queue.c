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
	else if (json_is_string(id))
		snprintf(no, sizeof(no), "%s", json_string_value(id));
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

/* ---- retry, cancel ---- */

static int act_failed(const char *mount, const char *what, const char *id,
		      int r)
{
	switch (r) {
	case -ENOENT:
		cli_say("%s %s: there is no such change in the queue", what,
			id);
		return EXIT_FAILED;
	case -EBUSY:
		cli_say("%s %s: it may be on its way, or have arrived already; "
			"when that is known, `airtablefs undo` takes it back",
			what, id);
		return EXIT_FAILED;
	case -EAGAIN:
		cli_say("%s %s: its record has not been read yet; `airtablefs "
			"refresh` asks for it", what, id);
		return EXIT_FAILED;
	case -EINVAL:
		cli_say("%s %s: it was never taken as a save: mend the file "
			"and save it, or cancel it", what, id);
		return EXIT_FAILED;
	default:
		return cli_side_failed(mount, r);
	}
}

static int act(const char *mount, const char *what, char **ids, int n)
{
	int code = EXIT_DONE, r;

	for (int i = 0; i < n; i++) {
		r = cli_write_side(mount, what, ids[i]);
		if (r < 0)
			code = act_failed(mount, what, ids[i], r);
	}
	return code;
}

/* queue retry|cancel ID...|--all */
static int act_on_queue(int argc, char **argv)
{
	bool all = false;
	const char *mount = NULL;
	const struct cli_option own[] = { { "--all", &all, NULL },
					  { "--mount", NULL, &mount },
					  { NULL, NULL, NULL } };
	struct cli_args a = { .own = own };
	char *every[] = { (char *)"all" };
	struct mount_list list;
	int code;

	if (!cli_parse(&a, argc, argv, CLI_TAKES_MANY))
		return EXIT_USAGE;
	if (all == (a.paths_n > 0)) {
		cli_say("queue %s: either numbers of `airtablefs queue`, or "
			"--all", argv[0]);
		return EXIT_USAGE;
	}
	code = cli_find_mounts(mount, &list);
	if (code != EXIT_DONE)
		return code;
	if (list.n > 1) {
		cli_say("queue %s: several mounts have a queue: go into the "
			"one that is meant, or --mount says which", argv[0]);
		code = EXIT_USAGE;
	} else {
		code = act(list.v[0].path, argv[0], all ? every : a.paths,
			   all ? 1 : a.paths_n);
	}
	mounts_release(&list);
	return code;
}

int cli_queue(int argc, char **argv)
{
	struct cli_args a = { .path = NULL };
	struct mount_list list;
	int code, worst = EXIT_DONE;

	if (argc > 1 && (strcmp(argv[1], "retry") == 0 ||
			 strcmp(argv[1], "cancel") == 0))
		return act_on_queue(argc - 1, argv + 1);
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
