#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "who.h"

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP,
			      SIGTTIN, SIGTTOU };

#define CAUGHT_N (sizeof(caught) / sizeof(caught[0]))

/* The one thing a handler can reach. */
static volatile sig_atomic_t heard;

static void on_signal(int signo)
{
	heard = signo;
}

/* One line, the terminal being quiet. -EINTR: a signal came. */
static ssize_t read_line(int fd, char *buf, size_t n)
{
	size_t at = 0;
	ssize_t got;

	while (at < n) {
		got = read(fd, buf + at, 1);
		if (got < 0)
			return -errno;
		if (got == 0 || buf[at] == '\n')
			break;
		at++;
	}
	return (ssize_t)at;
}

static ssize_t ask_once(int fd, const char *words, char *buf, size_t n)
{
	struct sigaction sa = { .sa_handler = on_signal }, old[CAUGHT_N];
	struct termios was, quiet;
	ssize_t r;

	if (tcgetattr(fd, &was) < 0)
		return -errno;
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	heard = 0;
	for (size_t i = 0; i < CAUGHT_N; i++)
		sigaction(caught[i], &sa, &old[i]);
	r = write(fd, words, strlen(words));
	/* what was typed ahead was seen: it is thrown away */
	r = r < 0 || tcsetattr(fd, TCSAFLUSH, &quiet) < 0 ? -errno :
							   read_line(fd, buf, n);
	(void)tcsetattr(fd, TCSADRAIN, &was);
	if (write(fd, "\n", 1) < 0 && r >= 0)
		r = -errno;
	for (size_t i = 0; i < CAUGHT_N; i++)
		sigaction(caught[i], &old[i], NULL);
	return r;
}

ssize_t prompt_hidden(const char *words, char *buf, size_t n)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC), signo;
	ssize_t r;

	if (fd < 0)
		return -ENOTTY;
	for (;;) {
		r = ask_once(fd, words, buf, n);
		signo = heard;
		if (r != -EINTR || signo == 0)
			break;
		explicit_bzero(buf, n);
		/* as if it had come now, the terminal being itself again; who
		 * comes back from a stop is asked once more */
		raise(signo);
		if (signo != SIGTSTP && signo != SIGTTIN && signo != SIGTTOU)
			break;
	}
	close(fd);
	return r;
}
