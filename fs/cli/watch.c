/* status --watch: on a terminal a picture drawn anew each second, else a line
 * for each step of a table that is being read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define BAR_CELLS 30

static json_int_t number(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? n : 0;
}

static void print_path(const json_t *table)
{
	const char *path = json_string_value(json_object_get(table, "path"));

	cli_print(path != NULL ? path : "?");
}

/* How many there are is known only of a table that was read before. */
static void draw_bar(const json_t *table)
{
	json_int_t have = number(table, "fetched");
	json_int_t all = number(table, "records");
	bool known = json_is_true(json_object_get(table, "complete"));
	int full = BAR_CELLS;

	if (known && all > 0 && have < all)
		full = (int)(have * BAR_CELLS / all);
	else if (!known)
		full = 0;
	fputs("  [", stdout);
	for (int i = 0; i < BAR_CELLS; i++)
		putchar(i < full ? '#' : known ? '-' : '.');
	printf("] %lld", (long long)have);
	if (known)
		printf(" of %lld", (long long)all);
	fputs("  ", stdout);
	print_path(table);
	putchar('\n');
}

static void draw(const char *mount, const json_t *st)
{
	const json_t *tables = json_object_get(st, "tables"), *t;
	size_t i, complete = 0, listed = json_array_size(tables);

	fputs("\033[H\033[J", stdout);
	cli_print(mount);
	printf(": %s, %d unsent, %lld calls\n",
	       json_is_false(json_object_get(st, "online")) ? "offline" :
							       "online",
	       cli_unsent(st, "queued"),
	       (long long)number(json_object_get(st, "calls"), "total"));
	json_array_foreach(tables, i, t) {
		complete += json_is_true(json_object_get(t, "complete"));
		if (json_is_true(json_object_get(t, "fetching")))
			draw_bar(t);
	}
	printf("%zu of %zu tables read\n", complete, listed);
}

/* What is being read, a line each, if it is not what was said before. */
static void tell(const json_t *st, char **before)
{
	const json_t *tables = json_object_get(st, "tables"), *t;
	json_t *now = json_array();
	char *text;
	size_t i;

	json_array_foreach(tables, i, t)
		if (json_is_true(json_object_get(t, "fetching")))
			json_array_append(now, (json_t *)t);
	text = json_dumps(now, JSON_COMPACT);
	json_decref(now);
	if (text == NULL || (*before != NULL && strcmp(*before, text) == 0)) {
		free(text);
		return;
	}
	free(*before);
	*before = text;
	json_array_foreach(tables, i, t) {
		if (!json_is_true(json_object_get(t, "fetching")))
			continue;
		print_path(t);
		printf(": %lld records read\n",
		       (long long)number(t, "fetched"));
	}
}

int cli_watch(const char *mount, bool json)
{
	const struct timespec second = { .tv_sec = 1 };
	bool terminal = isatty(STDOUT_FILENO) && !json;
	char *before = NULL;
	json_t *st;
	int r;

	while ((st = cli_status_of(mount, &r)) != NULL) {
		if (json) {
			json_dumpf(st, stdout, JSON_COMPACT);
			putchar('\n');
		} else if (terminal) {
			draw(mount, st);
		} else {
			tell(st, &before);
		}
		json_decref(st);
		if (fflush(stdout) != 0)
			break; /* nobody looks any more */
		nanosleep(&second, NULL);
	}
	free(before);
	return st != NULL ? EXIT_DONE : cli_side_failed(mount, r);
}
