#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOUNT_TYPE "fuse.airtablefs"

/* \040 and the like become the byte they stand for, in place. */
static void unescape(char *s)
{
	char *o = s;

	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' &&
		    s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*o++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 +
				      (s[3] - '0'));
			s += 3;
		} else {
			*o++ = *s;
		}
	}
	*o = '\0';
}

/* ID PARENT MAJOR:MINOR ROOT PATH OPTIONS [TAG]... - TYPE SOURCE SUPER */
static int read_line(char *line, struct mount_entry *ret)
{
	char *save = NULL, *word, *path = NULL, *type, *source;
	unsigned major_no = 0, minor_no = 0;
	int at = 0;

	for (word = strtok_r(line, " \n", &save); word != NULL;
	     word = strtok_r(NULL, " \n", &save), at++) {
		if (at == 2 &&
		    sscanf(word, "%u:%u", &major_no, &minor_no) != 2)
			return -EINVAL;
		if (at == 4)
			path = word;
		if (at > 5 && strcmp(word, "-") == 0)
			break;
	}
	type = word != NULL ? strtok_r(NULL, " \n", &save) : NULL;
	source = type != NULL ? strtok_r(NULL, " \n", &save) : NULL;
	if (path == NULL || type == NULL)
		return -EINVAL;
	ret->path = strdup(path);
	ret->type = strdup(type);
	ret->source = strdup(source != NULL ? source : "");
	ret->dev = makedev(major_no, minor_no);
	if (ret->path == NULL || ret->type == NULL || ret->source == NULL) {
		free(ret->path);
		free(ret->type);
		free(ret->source);
		return -ENOMEM;
	}
	unescape(ret->path);
	unescape(ret->type);
	unescape(ret->source);
	return 0;
}

int mounts_read_file(FILE *f, struct mount_list *ret)
{
	char *line = NULL;
	size_t line_n = 0, room = 0;
	int r = 0;

	*ret = (struct mount_list){ .v = NULL };
	while (r == 0 && getline(&line, &line_n, f) > 0) {
		if (ret->n == room) {
			size_t want = room > 0 ? 2 * room : 32;
			struct mount_entry *v;

			v = reallocarray(ret->v, want, sizeof(*v));
			if (v == NULL) {
				r = -ENOMEM;
				break;
			}
			ret->v = v;
			room = want;
		}
		r = read_line(line, &ret->v[ret->n]);
		if (r == 0)
			ret->n++;
		else if (r == -EINVAL)
			r = 0; /* a line we cannot read is not ours */
	}
	free(line);
	if (r < 0)
		mounts_release(ret);
	return r;
}

int mounts_read(struct mount_list *ret)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int r;

	*ret = (struct mount_list){ .v = NULL };
	if (f == NULL)
		return -errno;
	r = mounts_read_file(f, ret);
	fclose(f);
	return r;
}

void mounts_release(struct mount_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].type);
		free(l->v[i].source);
	}
	free(l->v);
	*l = (struct mount_list){ .v = NULL };
}

bool mount_is_ours(const struct mount_entry *m)
{
	return strcmp(m->type, MOUNT_TYPE) == 0;
}

const struct mount_entry *mounts_at(const struct mount_list *l,
				    const char *path)
{
	for (size_t i = l->n; i > 0; i--)
		if (strcmp(l->v[i - 1].path, path) == 0)
			return &l->v[i - 1];
	return NULL;
}

bool path_is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 0 && dir[n - 1] == '/')
		n--;
	return strncmp(path, dir, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/');
}

const struct mount_entry *mounts_holding(const struct mount_list *l,
					 const char *path)
{
	const struct mount_entry *best = NULL;

	for (size_t i = 0; i < l->n; i++) {
		const struct mount_entry *m = &l->v[i];

		/* of those at one path the last one covers the others */
		if (path_is_below(path, m->path) &&
		    (best == NULL || strlen(m->path) >= strlen(best->path)))
			best = m;
	}
	return best;
}

char *mounts_resolve(const char *path)
{
	char *ret = realpath(path, NULL), *copy, *cut, *dir;
	int err = errno;
	size_t n;

	if (ret != NULL || (err != ENOTCONN && err != EACCES && err != EIO))
		return ret;
	copy = strdup(path);
	if (copy == NULL)
		return NULL;
	n = strlen(copy);
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	cut = strrchr(copy, '/');
	if (cut != NULL && cut[1] != '\0') {
		*cut = '\0';
		dir = realpath(cut > copy ? copy : "/", NULL);
		*cut = '/';
	} else {
		cut = NULL;
		dir = realpath(".", NULL);
	}
	if (dir != NULL &&
	    asprintf(&ret, "%s/%s", dir[1] != '\0' ? dir : "",
		     cut != NULL ? cut + 1 : copy) < 0)
		ret = NULL;
	free(dir);
	free(copy);
	if (ret == NULL)
		errno = err;
	return ret;
}

/* First line of what the helper says, for a message. */
static void read_words(int fd, char *say, size_t say_n)
{
	char buf[512];
	size_t n = 0;
	ssize_t got;

	for (;;) {
		got = read(fd, buf + n, sizeof(buf) - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
		if (n == sizeof(buf) - 1)
			break;
	}
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (say != NULL)
		snprintf(say, say_n, "%s", buf);
}

/* fusermount3 is set-uid root: it may do for a user what umount2 refuses. It
 * gets no environment, where a token may stand. */
static int run_helper(const char *path, bool lazy, char *say, size_t say_n)
{
	char where[] = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
	char *env[] = { where, NULL };
	char name[] = "fusermount3", how[4] = "-u", dashes[] = "--";
	char *argv[] = { name, how, dashes, (char *)(uintptr_t)path, NULL };
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	sigset_t none;
	int fds[2], status, r;
	pid_t pid;

	if (lazy)
		memcpy(how, "-uz", sizeof(how));
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_adddup2(&acts, fds[1], STDERR_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	r = -posix_spawnp(&pid, name, &acts, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&acts);
	close(fds[1]);
	if (r == 0) {
		read_words(fds[0], say, say_n);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			r = -EPERM;
	} else if (say != NULL) {
		snprintf(say, say_n, "fusermount3: %s", strerror(-r));
	}
	close(fds[0]);
	return r;
}

int mounts_take_off(const char *path, bool lazy, char *say, size_t say_n)
{
	int flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
	int r;

	if (say_n > 0)
		say[0] = '\0';
	if (umount2(path, flags) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	r = run_helper(path, lazy, say, say_n);
	/* It has no exit status of its own for this. */
	if (r == -EPERM && say != NULL && strstr(say, "busy") != NULL)
		r = -EBUSY;
	return r;
}
