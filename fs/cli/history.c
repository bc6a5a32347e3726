#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

static const char *text_of(const json_t *e, const char *key)
{
	const char *s = json_string_value(json_object_get(e, key));

	return s != NULL ? s : "";
}

static void show(const json_t *e)
{
	const json_t *id = json_object_get(e, "id");
	char no[32] = "-";
	const char *name;
	json_t *f;

	if (json_is_integer(id))
		snprintf(no, sizeof(no), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(id));
	printf("%-6s %s  %s: %s %s  ", no, text_of(e, "time"), text_of(e, "by"),
	       text_of(e, "kind"), text_of(e, "state"));
	cli_print(text_of(e, "path"));
	cli_print("\n");
	json_object_foreach(json_object_get(e, "fields"), name, f) {
		cli_print("    ");
		cli_print(name);
		cli_print(": ");
		cli_print_value(json_object_get(f, "before"));
		cli_print(" -> ");
		cli_print_value(json_object_get(f, "after"));
		cli_print("\n");
	}
}

static bool is_record(const char *path)
{
	struct stat st;
	size_t n = path != NULL ? strlen(path) : 0;

	return n > 5 && strcmp(path + n - 5, ".json") == 0 &&
	       (stat(path, &st) < 0 || S_ISREG(st.st_mode));
}

/* The history of one record; NULL with *ret_r. */
static json_t *log_of(const char *file, int *ret_r)
{
	char *dir, *name, *side = NULL;
	json_t *log = NULL;

	*ret_r = -EINVAL;
	if (!cli_split_file(file, &dir, &name))
		return NULL;
	*ret_r = -ENOMEM;
	if (asprintf(&side, "history/%.*s/log.json", (int)strlen(name) - 5,
		     name) > 0)
		log = cli_json_of(dir, side, ret_r);
	if (log == NULL)
		cli_say("'%s': %s", file, strerror(-*ret_r));
	free(side);
	free(dir);
	free(name);
	return log;
}

/* Takes list. */
static void print_list(json_t *list, bool json)
{
	json_t *e;
	size_t i;

	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		json_array_foreach(list, i, e)
			show(e);
	}
	json_decref(list);
}

static int show_mount(const char *mount, const char *path, bool json)
{
	json_t *all, *kept = json_array(), *e;
	size_t i;
	int r;

	all = cli_json_of(mount, "history.json", &r);
	if (all == NULL) {
		json_decref(kept);
		return cli_side_failed(mount, r);
	}
	json_array_foreach(all, i, e)
		if (cli_path_holds(mount, path, text_of(e, "path")))
			json_array_append(kept, e);
	json_decref(all);
	print_list(kept, json);
	return EXIT_DONE;
}

int cli_history(int argc, char **argv)
{
	struct cli_args a = { .path = NULL };
	struct mount_list list;
	json_t *log;
	int code, r, worst = EXIT_DONE;

	if (!cli_parse(&a, argc, argv, CLI_TAKES_JSON))
		return EXIT_USAGE;
	code = cli_find_mounts(a.path, &list);
	if (code != EXIT_DONE)
		return code;
	if (is_record(a.path)) {
		mounts_release(&list);
		log = log_of(a.path, &r);
		if (log == NULL)
			return EXIT_FAILED;
		print_list(log, a.json);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < list.n; i++) {
		code = show_mount(list.v[i].path, a.path, a.json);
		if (worst == EXIT_DONE)
			worst = code;
	}
	mounts_release(&list);
	return worst;
}

/* ---- undo ---- */

static int undo_entry(const char *mount, const char *id, const char *what)
{
	int r = cli_write_side(mount, "undo", id);

	switch (r) {
	case 0:
		return EXIT_DONE;
	case -ENOENT:
		cli_say("%s: there is no such entry; `airtablefs history` "
			"lists them", what);
		break;
	case -EINVAL:
		cli_say("%s: nothing of it can be put back; what was never "
			"sent is cancelled by `airtablefs queue cancel`; "
			"`airtablefs errors` says more", what);
		break;
	case -EPERM:
		cli_say("%s: it made or deleted a record: remove what was "
			"made, move back what is in .airtable/trash", what);
		break;
	case -EBUSY:
		cli_say("%s: on its way, or changed again here and not sent "
			"yet; `airtablefs queue` shows it", what);
		break;
	case -ESTALE:
		cli_say("%s: the record is not there any more", what);
		break;
	default:
		return cli_side_failed(mount, r);
	}
	return EXIT_FAILED;
}

/* The newest edit of the file that was sent, as text. */
static bool newest_of(const char *file, char *ret, size_t ret_n)
{
	json_t *log, *e;
	bool found = false;
	size_t i;
	int r;

	log = log_of(file, &r);
	if (log == NULL)
		return false;
	json_array_foreach(log, i, e) {
		if (found || strcmp(text_of(e, "state"), "sent") != 0 ||
		    strcmp(text_of(e, "kind"), "update") != 0)
			continue;
		snprintf(ret, ret_n, "%" JSON_INTEGER_FORMAT "\n",
			 json_integer_value(json_object_get(e, "id")));
		found = true;
	}
	json_decref(log);
	if (!found)
		cli_say("'%s': no edit of it that was sent from here is "
			"remembered", file);
	return found;
}

int cli_undo(int argc, char **argv)
{
	struct cli_args a = { .path = NULL };
	struct mount_list list;
	char id[40];
	bool number;
	int code;

	if (!cli_parse(&a, argc, argv, 0))
		return EXIT_USAGE;
	if (a.path == NULL) {
		cli_say("undo: which entry of `airtablefs history`, or which "
			"file?");
		return EXIT_USAGE;
	}
	number = strspn(a.path, "0123456789") == strlen(a.path);
	code = cli_find_mounts(number ? NULL : a.path, &list);
	if (code != EXIT_DONE)
		return code;
	if (list.n > 1) {
		cli_say("undo: several mounts have an entry %s: go into the "
			"one that is meant", a.path);
		code = EXIT_USAGE;
	} else if (number) {
		snprintf(id, sizeof(id), "%.30s\n", a.path);
		code = undo_entry(list.v[0].path, id, a.path);
	} else {
		code = newest_of(a.path, id, sizeof(id)) ?
			       undo_entry(list.v[0].path, id, a.path) :
			       EXIT_FAILED;
	}
	mounts_release(&list);
	return code;
}
