#include "stale.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "mounts.h"
#include "paths.h"

/* Dead mounts may lie on top of each other; more than this is no accident. */
#define HEAL_MAX 8

bool stale_is_dead(const char *path)
{
	struct statfs st;

	return statfs(path, &st) < 0 &&
	       (errno == ENOTCONN || errno == ECONNABORTED);
}

static int heal(const char *path, char *say, size_t say_n)
{
	struct mount_list list;
	const struct mount_entry *m;
	char words[256];
	int r;

	for (int i = 0; i < HEAL_MAX && stale_is_dead(path); i++) {
		r = mounts_read(&list);
		if (r < 0)
			return r;
		m = mounts_at(&list, path);
		if (m == NULL || !mount_is_ours(m)) {
			snprintf(say, say_n,
				 "'%s' is a dead mount of %s; unmount it first",
				 path, m != NULL ? m->type : "something else");
			mounts_release(&list);
			return -ENOTCONN;
		}
		mounts_release(&list);
		r = mounts_take_off(path, true, words, sizeof(words));
		if (r < 0) {
			snprintf(say, say_n, "'%s' is a dead mount that cannot "
				 "be taken off: %s", path,
				 words[0] != '\0' ? words : strerror(-r));
			return r;
		}
		fprintf(stderr, "airtablefs: took off a dead mount at '%s'\n",
			path);
	}
	return 0;
}

static int check_directory(const char *path, char *say, size_t say_n)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		r = -errno;
		if (r == -ENOENT)
			snprintf(say, say_n, "mount point '%s' does not exist",
				 path);
		else
			snprintf(say, say_n, "mount point '%s' cannot be "
				 "used: %s", path, strerror(-r));
		return r;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(say, say_n, "mount point '%s' is not a directory",
			 path);
		return -ENOTDIR;
	}
	return 0;
}

static int check_mounts(const char *path, char *say, size_t say_n)
{
	struct mount_list list;
	const struct mount_entry *m;
	int r = mounts_read(&list);

	if (r < 0) {
		snprintf(say, say_n, "/proc/self/mountinfo: %s", strerror(-r));
		return r;
	}
	m = mounts_holding(&list, path);
	if (m != NULL && mount_is_ours(m)) {
		r = -EBUSY;
		if (strcmp(m->path, path) == 0)
			snprintf(say, say_n, "'%s' is an airtablefs mount "
				 "already (%s)", path, m->source);
		else
			snprintf(say, say_n, "'%s' lies in the airtablefs "
				 "mount '%s'", path, m->path);
	}
	mounts_release(&list);
	return r;
}

/* Our own files behind our own mount: the daemon would wait for itself. */
static int check_covers(const char *path, char *ours, char *say, size_t say_n)
{
	char *real, *cut;
	int r = 0;

	if (ours == NULL)
		return 0;
	/* what does not exist yet is judged by what does */
	for (real = realpath(ours, NULL); real == NULL;
	     real = realpath(ours, NULL)) {
		cut = strrchr(ours, '/');
		if (errno != ENOENT || cut == NULL || cut == ours)
			break;
		*cut = '\0';
	}
	if (real != NULL && path_is_below(real, path)) {
		snprintf(say, say_n, "'%s' would cover '%s', where airtablefs "
			 "keeps its own files", path, real);
		r = -EBUSY;
	}
	free(real);
	free(ours);
	return r;
}

int stale_prepare(struct options *o, char *say, size_t say_n)
{
	char *path = mounts_resolve(o->mountpoint);
	int r;

	if (path == NULL)
		return check_directory(o->mountpoint, say, say_n);
	free(o->mountpoint);
	o->mountpoint = path;
	say[0] = '\0';
	r = heal(path, say, say_n);
	if (r == 0)
		r = check_directory(path, say, say_n);
	if (r == 0)
		r = check_mounts(path, say, say_n);
	if (r == 0)
		r = check_covers(path, paths_state(), say, say_n);
	if (r == 0)
		r = check_covers(path, paths_cache(), say, say_n);
	if (r < 0 && say[0] == '\0')
		snprintf(say, say_n, "'%s': %s", path, strerror(-r));
	return r;
}
