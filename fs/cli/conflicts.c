#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void show(const json_t *e)
{
	const char *path = json_string_value(json_object_get(e, "path"));
	const char *name;
	json_t *f;

	cli_print(path != NULL ? path : "?");
	cli_print("\n");
	json_object_foreach(json_object_get(e, "fields"), name, f) {
		cli_print("    ");
		cli_print(name);
		cli_print(": mine ");
		cli_print_value(json_object_get(f, "mine"));
		cli_print(", theirs ");
		cli_print_value(json_object_get(f, "theirs"));
		cli_print(", before ");
		cli_print_value(json_object_get(f, "base"));
		cli_print("\n");
	}
}

static int show_mount(const char *mount, const char *path, bool json)
{
	json_t *all, *kept = json_array(), *e;
	size_t i;
	int r, code;

	all = cli_json_of(mount, "conflicts.json", &r);
	if (all == NULL) {
		json_decref(kept);
		return cli_side_failed(mount, r);
	}
	json_array_foreach(all, i, e) {
		const char *p = json_string_value(json_object_get(e, "path"));

		if (p != NULL && cli_path_holds(mount, path, p))
			json_array_append(kept, e);
	}
	if (json) {
		json_dumpf(kept, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		json_array_foreach(kept, i, e)
			show(e);
	}
	code = json_array_size(kept) > 0 ? EXIT_CONFLICT : EXIT_DONE;
	json_decref(kept);
	json_decref(all);
	return code;
}

int cli_conflicts(int argc, char **argv)
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
		code = show_mount(list.v[i].path, a.path, a.json);
		if (worst == EXIT_DONE)
			worst = code;
	}
	mounts_release(&list);
	return worst;
}

/* ---- resolve ---- */

static int resolve(const char *how, const char *file)
{
	char *dir, *name, *line;
	int r;

	if (!cli_split_file(file, &dir, &name))
		return EXIT_FAILED;
	if (asprintf(&line, "%s %s\n", how, name) < 0)
		line = NULL;
	r = line != NULL ? cli_write_side(dir, "resolve", line) : -ENOMEM;
	free(line);
	free(dir);
	free(name);
	switch (r) {
	case 0:
		return EXIT_DONE;
	case -ENOENT:
	case -ENOTDIR:
		cli_say("'%s' is in no conflict", file);
		return EXIT_FAILED;
	default:
		cli_say("'%s': %s", file, strerror(-r));
		return EXIT_FAILED;
	}
}

int cli_resolve(int argc, char **argv)
{
	bool mine = false, theirs = false, both = false;
	const struct cli_option own[] = { { "--mine", &mine, NULL },
					  { "--theirs", &theirs, NULL },
					  { "--both", &both, NULL },
					  { NULL, NULL, NULL } };
	struct cli_args a = { .own = own };
	int code = EXIT_DONE, one;

	if (!cli_parse(&a, argc, argv, CLI_TAKES_MANY))
		return EXIT_USAGE;
	if (mine + theirs + both != 1) {
		cli_say("resolve: one of --mine, --theirs and --both is "
			"needed");
		return EXIT_USAGE;
	}
	if (a.paths_n == 0) {
		cli_say("resolve: which files? `airtablefs conflicts` lists "
			"them");
		return EXIT_USAGE;
	}
	for (int i = 0; i < a.paths_n; i++) {
		one = resolve(mine ? "mine" : theirs ? "theirs" : "both",
			      a.paths[i]);
		if (code == EXIT_DONE)
			code = one;
	}
	return code;
}
