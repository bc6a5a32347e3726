#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* The nearest room above path that takes it: a table's, a base's, the mount's;
 * so one table can be asked for without the others. */
static int refresh_from(const char *mount, char *path)
{
	char *cut;
	int r;

	for (;;) {
		r = cli_write_side(path, "refresh", "1\n");
		if (r != -ENOENT && r != -ENOTDIR)
			return r;
		cut = strrchr(path, '/');
		if (strlen(path) <= strlen(mount) || cut == NULL)
			return r;
		*cut = '\0';
	}
}

static int refresh_mount(const char *mount, const char *path)
{
	char *real = path != NULL ? mounts_resolve(path) : strdup(mount);
	int r;

	if (real == NULL || !path_is_below(real, mount)) {
		cli_say("'%s': %s", path, strerror(errno));
		free(real);
		return EXIT_FAILED;
	}
	r = refresh_from(mount, real);
	free(real);
	return r < 0 ? cli_side_failed(mount, r) : EXIT_DONE;
}

int cli_refresh(int argc, char **argv)
{
	struct cli_args a = { .path = NULL };
	struct mount_list list;
	int code, worst = EXIT_DONE;

	if (!cli_parse(&a, argc, argv, 0))
		return EXIT_USAGE;
	code = cli_find_mounts(a.path, &list);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < list.n; i++) {
		code = refresh_mount(list.v[i].path, a.path);
		if (worst == EXIT_DONE)
			worst = code;
	}
	mounts_release(&list);
	return worst;
}
