#include "indexer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COMM_MAX 15 /* bytes that the kernel keeps: proc(5), TASK_COMM_LEN */
#define ASKERS 64   /* remembered at a time; ours */

struct indexers {
	char *names;
	/* By pid: pid << 32 | second << 1 | verdict; 0 = nobody. */
	_Atomic uint64_t askers[ASKERS];
};

int indexers_new(const char *names, struct indexers **ret)
{
	struct indexers *x = calloc(1, sizeof(*x));

	if (x != NULL)
		x->names = strdup(names != NULL ? names : INDEXER_DEFAULT);
	if (x == NULL || x->names == NULL) {
		free(x);
		return -ENOMEM;
	}
	*ret = x;
	return 0;
}

void indexers_free(struct indexers *x)
{
	if (x == NULL)
		return;
	free(x->names);
	free(x);
}

bool indexers_has_name(const struct indexers *x, const char *comm)
{
	size_t n, have = strlen(comm);

	for (const char *p = x->names; *p != '\0'; p += n + (p[n] == ':')) {
		n = strcspn(p, ":");
		if (n > 0 && have == (n < COMM_MAX ? n : COMM_MAX) &&
		    strncmp(p, comm, have) == 0)
			return true;
	}
	return false;
}

/* A file of /proc/PID into buf, "" if it cannot be read. */
static void read_proc(pid_t pid, const char *file, char *buf, size_t size)
{
	char path[48];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
}

static bool comm_is_in(const struct indexers *x, pid_t pid)
{
	char comm[32];

	read_proc(pid, "comm", comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	return indexers_has_name(x, comm);
}

/* FUSE tells the thread, and threads are often named for what they do. */
static bool look_up(const struct indexers *x, pid_t pid)
{
	char status[512];
	const char *at;
	pid_t process;

	if (comm_is_in(x, pid))
		return true;
	read_proc(pid, "status", status, sizeof(status));
	at = strstr(status, "\nTgid:");
	process = at != NULL ? (pid_t)strtol(at + 6, NULL, 10) : pid;
	return process != pid && comm_is_in(x, process);
}

bool indexers_has(struct indexers *x, pid_t pid)
{
	_Atomic uint64_t *at = &x->askers[(unsigned)pid % ASKERS];
	struct timespec t;
	uint64_t known, mark;
	bool verdict;

	if (x->names[0] == '\0' || pid <= 0)
		return false;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	mark = (uint64_t)(unsigned)pid << 32 | ((uint64_t)t.tv_sec << 1 &
						UINT32_MAX);
	known = atomic_load_explicit(at, memory_order_relaxed);
	if ((known & ~UINT64_C(1)) == mark)
		return (known & 1) != 0;
	verdict = look_up(x, pid);
	atomic_store_explicit(at, mark | verdict, memory_order_relaxed);
	return verdict;
}
