#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exits.h"

/* Shorter than PIPE_BUF, so it arrives whole or not at all. */
struct verdict {
	int32_t code;
	char text[DAEMON_TEXT];
};

void daemon_harden(void)
{
	const struct rlimit none = { 0, 0 };
	struct sigaction sa = { .sa_handler = SIG_IGN };

	/* Both: a core pattern that is a pipe ignores the limit. */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)sigaction(SIGPIPE, &sa, NULL);
	/* `airtablefs umount` knows its daemon by this, however it was run */
	(void)prctl(PR_SET_NAME, "airtablefs", 0, 0, 0);
	umask(077);
}

static int read_verdict(int fd, struct verdict *ret)
{
	char *p = (char *)ret;
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(*ret)) {
		got = read(fd, p + n, sizeof(*ret) - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EPIPE;
		n += (size_t)got;
	}
	ret->text[sizeof(ret->text) - 1] = '\0';
	return 0;
}

static int wait_for(pid_t pid, int fd)
{
	struct verdict v;
	int status = 0;

	if (read_verdict(fd, &v) == 0) {
		if (v.text[0] != '\0')
			fprintf(stderr, "airtablefs: %s\n", v.text);
		/* It may go on in the background only if all went well. */
		while (v.code != EXIT_DONE && waitpid(pid, &status, 0) < 0 &&
		       errno == EINTR)
			;
		return v.code;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		fprintf(stderr, "airtablefs: the daemon was killed while it "
			"started (%s)\n", strsignal(WTERMSIG(status)));
	else
		fprintf(stderr, "airtablefs: the daemon ended while it "
			"started\n");
	return EXIT_FAILED;
}

static void to_null(int first, int last)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = first; i <= last; i++)
		(void)dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Keeps only what was asked for: a lock or a pipe that the shell had open would
 * else live as long as the mount. */
static void settle(struct daemon *d, int pipe_fd)
{
	setsid();
	/* It has nothing to print, and helpers of libfuse that live as long as
	 * the mount must not keep the reader of our output waiting. */
	to_null(STDIN_FILENO, STDOUT_FILENO);
	if (pipe_fd != STDERR_FILENO + 1) {
		if (dup3(pipe_fd, STDERR_FILENO + 1, O_CLOEXEC) >= 0)
			pipe_fd = STDERR_FILENO + 1;
	}
	if (pipe_fd == STDERR_FILENO + 1)
		(void)close_range(STDERR_FILENO + 2, ~0u, 0);
	d->fd = pipe_fd;
}

int daemon_start(struct daemon *d, bool foreground, int *ret_code)
{
	int fds[2];
	pid_t pid;

	*d = (struct daemon){ .fd = -1, .foreground = foreground };
	if (foreground)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (pid == 0) {
		settle(d, fds[1]);
		return 0;
	}
	close(fds[1]);
	*ret_code = wait_for(pid, fds[0]);
	close(fds[0]);
	return 1;
}

static void leave_terminal(void)
{
	fflush(NULL);
	to_null(STDERR_FILENO, STDERR_FILENO);
	/* nothing of ours may hold a directory that somebody wants to unmount */
	if (chdir("/") < 0)
		return;
}

int daemon_report(struct daemon *d, int code, const char *text)
{
	struct verdict v = { .code = code };
	ssize_t n;
	int r = 0;

	if (d->foreground) {
		if (text[0] != '\0')
			fprintf(stderr, "airtablefs: %s\n", text);
		return 0;
	}
	if (d->fd < 0)
		return 0;
	snprintf(v.text, sizeof(v.text), "%s", text);
	if (code == EXIT_DONE)
		leave_terminal();
	do {
		n = write(d->fd, &v, sizeof(v));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		r = -errno;
	close(d->fd);
	d->fd = -1;
	return r;
}
