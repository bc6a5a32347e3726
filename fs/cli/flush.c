#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"

#define TIMEOUT_S 60
#define SLICE_S 2

static const char *plural(int n)
{
	return n == 1 ? "" : "s";
}

/* All that could go has gone: what stays behind needs a person. */
static int tell_rest(const char *mount)
{
	int r, conflicts, stuck;
	json_t *st = cli_status_of(mount, &r);

	if (st == NULL)
		return EXIT_DONE; /* the flush itself did succeed */
	conflicts = cli_unsent(st, "conflicts");
	stuck = cli_unsent(st, "rejected") + cli_unsent(st, "drafts");
	json_decref(st);
	if (stuck > 0)
		cli_say("%s: %d change%s cannot be sent as %s; see `airtablefs "
			"errors`", mount, stuck, plural(stuck),
			stuck == 1 ? "it is" : "they are");
	if (conflicts > 0)
		cli_say("%s: %d conflict%s to be settled", mount, conflicts,
			plural(conflicts));
	if (conflicts > 0)
		return EXIT_CONFLICT;
	return stuck > 0 ? EXIT_UNSENT : EXIT_DONE;
}

static int not_flushed(const char *mount, int why)
{
	int r, n = 0;
	json_t *st = cli_status_of(mount, &r);
	const char *token =
		json_string_value(json_object_get(st, "token"));
	int code = EXIT_UNSENT;

	if (st == NULL)
		return cli_side_failed(mount, why);
	n = cli_unsent(st, "queued");
	if (token != NULL && strcmp(token, "ok") != 0)
		code = EXIT_TOKEN;
	else if (json_is_false(json_object_get(st, "online")))
		code = EXIT_OFFLINE;
	cli_say("%s: %d change%s not sent%s; the mount goes on trying", mount,
		n, plural(n), code == EXIT_TOKEN ? " (the token is refused)" :
		code == EXIT_OFFLINE ? " (offline)" :
		why == -EDQUOT ? " (no calls are left this month, see "
				 "`airtablefs status`)" : "");
	json_decref(st);
	return code;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits in slices: the kernel lets only one writer at a time into a file, and
 * whoever waits for that cannot be interrupted. */
static int wait_flushed(const char *mount, double timeout_s)
{
	int64_t end = now_ms() + (int64_t)(timeout_s * 1000), left_s;
	char text[32];
	int r;

	do {
		/* whole seconds, and 0.5 s is not "do not wait" */
		left_s = (end - now_ms() + 999) / 1000;
		if (left_s > SLICE_S)
			left_s = SLICE_S;
		snprintf(text, sizeof(text), "%d\n",
			 left_s > 0 ? (int)left_s : 0);
		r = cli_write_side(mount, "flush", text);
	} while (r == -ETIMEDOUT && now_ms() < end);
	return r;
}

static int flush_mount(const char *mount, double timeout_s)
{
	int r = wait_flushed(mount, timeout_s);

	switch (r) {
	case 0:
		return tell_rest(mount);
	case -ETIMEDOUT:
	case -ENETUNREACH:
	case -EACCES:
	case -EREMOTEIO:
	case -EDQUOT:
		return not_flushed(mount, r);
	default:
		return cli_side_failed(mount, r);
	}
}

int cli_flush(int argc, char **argv)
{
	struct cli_args a = { .timeout_s = TIMEOUT_S };
	struct mount_list list;
	int code, worst = EXIT_DONE;

	if (!cli_parse(&a, argc, argv, CLI_TAKES_TIMEOUT))
		return EXIT_USAGE;
	code = cli_find_mounts(a.path, &list);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < list.n; i++) {
		code = flush_mount(list.v[i].path, a.timeout_s);
		if (worst == EXIT_DONE)
			worst = code;
	}
	mounts_release(&list);
	return worst;
}
