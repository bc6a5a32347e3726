#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../session.h"
#include "../stale.h"
#include "cli.h"

#define TIMEOUT_S 60
#define USERS_MAX 5 /* named when a mount is busy */

/* What is known of the daemon before its mount is taken off. */
struct other {
	pid_t pid;
	int pidfd;        /* -1: it cannot be watched */
	char *state_dir;
	int queued;
};

static bool read_link(const char *dir, const char *name, char *buf, size_t n)
{
	char path[300];
	ssize_t got;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    (int)sizeof(path))
		return false;
	got = readlink(path, buf, n - 1);
	if (got < 0)
		return false;
	buf[got] = '\0';
	return true;
}

/* Does this process (proc: "/proc/PID") have its directory or a file there? */
static bool uses(const char *proc, const char *mount)
{
	char buf[4096], fds[300];
	struct dirent *e;
	bool found = false;
	DIR *d;

	if ((read_link(proc, "cwd", buf, sizeof(buf)) &&
	     path_is_below(buf, mount)) ||
	    (read_link(proc, "root", buf, sizeof(buf)) &&
	     path_is_below(buf, mount)))
		return true;
	snprintf(fds, sizeof(fds), "%s/fd", proc);
	d = opendir(fds);
	while (!found && d != NULL && (e = readdir(d)) != NULL)
		found = read_link(fds, e->d_name, buf, sizeof(buf)) &&
			path_is_below(buf, mount);
	if (d != NULL)
		closedir(d);
	return found;
}

static void read_comm(const char *proc, char *ret, size_t n)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/comm", proc);
	f = fopen(path, "re");
	ret[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(ret, (int)n, f) == NULL)
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	fclose(f);
}

/* "vim (1234), bash (99)" as far as we may look; "" if nobody was seen. */
static void find_users(const char *mount, char *ret, size_t ret_n)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	size_t o = 0;
	int users = 0;

	ret[0] = '\0';
	while (d != NULL && (e = readdir(d)) != NULL && users <= USERS_MAX) {
		char proc[280], comm[64];
		int n;

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		snprintf(proc, sizeof(proc), "/proc/%s", e->d_name);
		if (!uses(proc, mount))
			continue;
		read_comm(proc, comm, sizeof(comm));
		if (++users > USERS_MAX)
			n = snprintf(ret + o, ret_n - o, " and others");
		else
			n = snprintf(ret + o, ret_n - o, "%s%s (%s)",
				     users > 1 ? ", " : "", comm, e->d_name);
		if (n < 0 || (size_t)n >= ret_n - o)
			break;
		o += (size_t)n;
	}
	if (d != NULL)
		closedir(d);
}

/* The daemon by its own word; believed only if that process is one of ours, as
 * numbers are given again. */
static void find_daemon(const char *mount, struct other *ret)
{
	char proc[64], comm[64];
	const char *dir;
	json_t *st;
	int r;

	*ret = (struct other){ .pidfd = -1 };
	st = cli_status_of(mount, &r);
	if (st == NULL)
		return;
	ret->pid = (pid_t)json_integer_value(json_object_get(st, "pid"));
	ret->queued = cli_unsent(st, "queued");
	dir = json_string_value(json_object_get(st, "state_dir"));
	if (dir != NULL)
		ret->state_dir = strdup(dir);
	json_decref(st);
	if (ret->pid <= 0)
		return;
	ret->pidfd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	snprintf(proc, sizeof(proc), "/proc/%d", (int)ret->pid);
	read_comm(proc, comm, sizeof(comm));
	if (ret->pidfd >= 0 && strcmp(comm, "airtablefs") != 0) {
		close(ret->pidfd);
		ret->pidfd = -1;
	}
}

static void release(struct other *o)
{
	if (o->pidfd >= 0)
		close(o->pidfd);
	free(o->state_dir);
}

/* How much it left, in words too; -1 if it left no word. */
static int read_note(const struct other *o, char *words, size_t words_n)
{
	json_t *root;
	char *path;
	int left = -1, queued;

	if (o->state_dir == NULL ||
	    asprintf(&path, "%s/" SESSION_LAST_EXIT, o->state_dir) < 0)
		return -1;
	root = json_load_file(path, 0, NULL);
	free(path);
	if (json_integer_value(json_object_get(root, "pid")) == o->pid) {
		left = (int)json_integer_value(json_object_get(root,
							       "unsent"));
		queued = (int)json_integer_value(json_object_get(root,
								 "queued"));
		if (queued < 0 || queued > left)
			queued = left;
		session_left_words(words, words_n, (unsigned)queued,
				   (unsigned)(left - queued));
	}
	json_decref(root);
	return left;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* True when it has ended. */
static bool wait_end(const struct other *o, double timeout_s)
{
	struct pollfd p = { .fd = o->pidfd, .events = POLLIN };
	int64_t end = now_ms() + (int64_t)(timeout_s * 1000), left;
	int r;

	for (;;) {
		left = end - now_ms();
		if (left < 0)
			left = 0;
		r = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (r > 0)
			return true;
		if ((r < 0 && errno != EINTR) || left == 0)
			return false;
	}
}

static int wait_daemon(const struct other *o, const char *mount,
		       double timeout_s)
{
	char words[200];
	int left;

	if (o->pidfd < 0) {
		cli_say("%s: unmounted; its daemon cannot be watched from here",
			mount);
		return o->queued > 0 ? EXIT_UNSENT : EXIT_DONE;
	}
	if (o->queued > 0)
		cli_say("%d change%s not sent yet, sending...", o->queued,
			o->queued == 1 ? "" : "s");
	if (!wait_end(o, timeout_s)) {
		cli_say("%s: unmounted; its daemon (process %d) is still "
			"sending and goes on; what it cannot send is kept for "
			"the next mount", mount, (int)o->pid);
		return EXIT_UNSENT;
	}
	left = read_note(o, words, sizeof(words));
	if (left < 0) {
		cli_say("%s: unmounted, but its daemon ended without a word; "
			"what was unsent is kept for the next mount", mount);
		return o->queued > 0 ? EXIT_UNSENT : EXIT_FAILED;
	}
	if (left == 0)
		return EXIT_DONE;
	cli_say("%s", words);
	return EXIT_UNSENT;
}

static int refuse(const char *mount, int r, const char *say)
{
	char users[400];

	if (r != -EBUSY) {
		cli_say("'%s' cannot be unmounted: %s", mount,
			say[0] != '\0' ? say : strerror(-r));
		return EXIT_FAILED;
	}
	find_users(mount, users, sizeof(users));
	if (users[0] != '\0')
		cli_say("'%s' is busy: used by %s", mount, users);
	else
		cli_say("'%s' is busy: somebody has a file open or works in a "
			"directory there", mount);
	return EXIT_FAILED;
}

static int take_off(const char *mount, double timeout_s)
{
	struct other o;
	char say[256];
	bool dead = stale_is_dead(mount);
	int r, code;

	if (dead)
		o = (struct other){ .pidfd = -1 };
	else
		find_daemon(mount, &o);
	r = mounts_take_off(mount, dead, say, sizeof(say));
	if (r < 0) {
		code = refuse(mount, r, say);
	} else if (dead) {
		cli_say("%s: its daemon was gone already; what was unsent is "
			"kept for the next mount", mount);
		code = EXIT_DONE;
	} else {
		code = wait_daemon(&o, mount, timeout_s);
	}
	release(&o);
	return code;
}

int cli_umount(int argc, char **argv)
{
	struct cli_args a = { .timeout_s = TIMEOUT_S };
	struct mount_list list;
	char *real;
	int code;

	if (!cli_parse(&a, argc, argv, CLI_TAKES_TIMEOUT))
		return EXIT_USAGE;
	if (a.path == NULL) {
		cli_say("umount: which mount point?");
		return EXIT_USAGE;
	}
	code = cli_find_mounts(a.path, &list);
	if (code != EXIT_DONE)
		return code;
	real = mounts_resolve(a.path);
	if (real == NULL || strcmp(real, list.v[0].path) != 0) {
		cli_say("'%s' is no mount point; it lies in the mount '%s'",
			a.path, list.v[0].path);
		code = EXIT_FAILED;
	} else {
		code = take_off(real, a.timeout_s);
	}
	free(real);
	mounts_release(&list);
	return code;
}
