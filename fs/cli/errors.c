#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char *text_of(const json_t *e, const char *key)
{
	const char *s = json_string_value(json_object_get(e, key));

	return s != NULL ? s : "";
}

/* One entry as one or two lines: when, where, why; then what to do. */
static void show_entry(const json_t *e)
{
	json_int_t line = json_integer_value(json_object_get(e, "line"));
	json_int_t column = json_integer_value(json_object_get(e, "column"));
	const char *hint = text_of(e, "hint"), *no = text_of(e, "errno");
	char at[64] = "";

	if (line > 0)
		snprintf(at, sizeof(at), ":%" JSON_INTEGER_FORMAT
			 ":%" JSON_INTEGER_FORMAT, line, column);
	cli_print(text_of(e, "time"));
	cli_print(" ");
	cli_print(text_of(e, "path"));
	cli_print(at);
	cli_print(": ");
	cli_print(text_of(e, "reason"));
	if (no[0] != '\0') {
		cli_print(" [");
		cli_print(no);
		cli_print("]");
	}
	if (hint[0] != '\0') {
		cli_print("\n    ");
		cli_print(hint);
	}
	cli_print("\n");
}

static void show_lines(char *text)
{
	char *save = NULL, *line;

	for (line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		json_t *e = json_loads(line, 0, NULL);

		if (json_is_object(e)) {
			show_entry(e);
		} else {
			cli_print(line);
			cli_print("\n");
		}
		json_decref(e);
	}
}

int cli_errors(int argc, char **argv)
{
	struct cli_args a = { .path = NULL };
	struct mount_list list;
	char *text;
	int code, r, worst = EXIT_DONE;

	if (!cli_parse(&a, argc, argv, CLI_TAKES_JSON))
		return EXIT_USAGE;
	code = cli_find_mounts(a.path, &list);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < list.n; i++) {
		r = cli_read_side(list.v[i].path, "errors.ndjson", &text);
		if (r < 0) {
			worst = cli_side_failed(list.v[i].path, r);
			continue;
		}
		if (a.json)
			cli_print(text);
		else
			show_lines(text);
		free(text);
	}
	mounts_release(&list);
	return worst;
}
