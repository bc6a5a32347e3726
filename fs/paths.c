#include "paths.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *find_dir(const char *variable, const char *below_home)
{
	const char *dir = getenv(variable), *home;
	const struct passwd *pw;
	char *ret = NULL;
	int r;

	/* The specification: a relative path there is to be ignored. */
	if (dir != NULL && dir[0] == '/') {
		r = asprintf(&ret, "%s/airtablefs", dir);
		return r < 0 ? NULL : ret;
	}
	home = getenv("HOME");
	if (home == NULL || home[0] != '/') {
		pw = getpwuid(geteuid());
		home = pw != NULL ? pw->pw_dir : "/";
	}
	r = asprintf(&ret, "%s/%s/airtablefs", home, below_home);
	return r < 0 ? NULL : ret;
}

char *paths_state(void)
{
	return find_dir("XDG_STATE_HOME", ".local/state");
}

char *paths_cache(void)
{
	return find_dir("XDG_CACHE_HOME", ".cache");
}

int paths_make(const char *dir)
{
	char *copy = strdup(dir), *p;
	int r = 0;

	if (copy == NULL)
		return -ENOMEM;
	for (p = copy + 1; r == 0; p++) {
		char keep = *p;

		if (keep != '/' && keep != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			r = -errno;
		*p = keep;
		if (keep == '\0')
			break;
	}
	free(copy);
	return r;
}
