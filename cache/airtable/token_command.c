/* The token_command of the configuration: a program such as `pass` that prints
 * the token. It runs apart from any terminal, so that one which asks for
 * something there fails instead of waiting for ever. */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define OUTPUT_MAX (TOKEN_MAX + 64)
#define LOOK_MS 10 /* between two looks whether it has ended */

static const char source[] = "the token_command of the configuration";

/* Starts it with its output in *ret_fd, in a session (and group) of its own. */
static int start(const char *command, pid_t *ret_pid, int *ret_fd)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
			       (char *)(uintptr_t)command, NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, pipe_only;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigemptyset(&pipe_only); /* which we ignore, but it should not */
	sigaddset(&pipe_only, SIGPIPE);
	r = -posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null",
					      O_RDONLY, 0);
	if (r == 0)
		r = -posix_spawn_file_actions_adddup2(&fa, fds[1],
						      STDOUT_FILENO);
	if (r == 0)
		r = -posix_spawnattr_setsigmask(&attr, &none);
	if (r == 0)
		r = -posix_spawnattr_setsigdefault(&attr, &pipe_only);
	if (r == 0)
		r = -posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID |
						     POSIX_SPAWN_SETSIGMASK |
						     POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = -posix_spawn(ret_pid, "/bin/sh", &fa, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	if (r < 0)
		close(fds[0]);
	else
		*ret_fd = fds[0];
	return r;
}

static int left_ms(int64_t end_ns)
{
	int64_t left = end_ns - clock_mono_ns(&system_clock);

	return left > 0 ? (int)(left / NS_PER_MS) + 1 : 0;
}

/* Until it closes its output, has said too much, or time is over. */
static int listen_to(int fd, int64_t end_ns, char *buf, size_t *n)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t got;

	while (*n < OUTPUT_MAX) {
		int ms = left_ms(end_ns);

		if (ms == 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, ms) <= 0)
			continue;
		got = read(fd, buf + *n, OUTPUT_MAX - *n);
		if (got == 0)
			return 0;
		if (got > 0)
			*n += (size_t)got;
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return 0;
}

/* Its exit status, 0 = it did well. One that does not end is ended. */
static int reap(pid_t pid, int64_t end_ns, bool now)
{
	int status = 0;
	pid_t got;

	for (;;) {
		got = waitpid(pid, &status, now ? 0 : WNOHANG);
		if (got == pid)
			return status;
		if (got < 0 && errno != EINTR)
			return -1;
		if (!now && left_ms(end_ns) == 0) {
			kill(-pid, SIGKILL);
			now = true;
		}
		if (!now)
			poll(NULL, 0, LOOK_MS);
	}
}

int token_from_command(struct token *t, const char *command, int ms,
		       struct atfs_error *reterr)
{
	int64_t end = clock_mono_ns(&system_clock) + ms * NS_PER_MS;
	char buf[OUTPUT_MAX];
	size_t n = 0;
	pid_t pid = -1;
	int fd = -1, r, status;

	r = start(command, &pid, &fd);
	if (r < 0)
		return token_fail(reterr, r, "%s cannot be run: %s", source,
				  strerrordesc_np(-r));
	r = listen_to(fd, end, buf, &n);
	close(fd);
	if (r < 0)
		kill(-pid, SIGKILL);
	status = reap(pid, end, r < 0);
	if (r == -ETIMEDOUT)
		token_fail(reterr, r, "%s did not end within %d s; it gets no "
			   "terminal to ask questions on", source, ms / 1000);
	else if (r < 0)
		token_fail(reterr, r, "%s: %s", source, strerrordesc_np(-r));
	else if (status != 0)
		r = token_fail(reterr, -EIO, "%s failed (%s %d)", source,
			       WIFEXITED(status) ? "status" : "signal",
			       WIFEXITED(status) ? WEXITSTATUS(status) :
						   WTERMSIG(status));
	else
		r = token_take(t, buf, memchr(buf, '\n', n) != NULL ?
			       (size_t)((char *)memchr(buf, '\n', n) - buf) : n,
			       source, reterr);
	explicit_bzero(buf, sizeof(buf));
	return r;
}
