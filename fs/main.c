/* airtablefs - Airtable as a directory tree. This file finds out which command
 * is meant; each is a file in cli/. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "options.h"

/* A descriptor we open must never become standard error by accident, and a
 * parent that ignores SIGCHLD must not take our children's status from us. */
static void settle_process(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd >= 0 && fd <= STDERR_FILENO)
			(void)fcntl(fd, F_SETFD, 0);
	} while (fd >= 0 && fd < STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	sigaction(SIGCHLD, &sa, NULL);
}

/* Does one of these words stand before "--"? */
static bool has_word(int argc, char **argv, const char *word, const char *brief)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], word) == 0 || strcmp(argv[i], brief) == 0)
			return true;
	return false;
}

static bool is_directory(const char *path)
{
	struct stat st;

	/* a dead mount, or another user's, is a directory that cannot be asked */
	if (stat(path, &st) < 0)
		return errno == ENOTCONN || errno == EACCES;
	return S_ISDIR(st.st_mode);
}

static bool could_be_command(const char *word)
{
	return strspn(word, "abcdefghijklmnopqrstuvwxyz-") == strlen(word);
}

static int unknown_command(const char *word)
{
	const char *near = command_near(word);

	if (near != NULL)
		cli_say("unknown command '%s'; did you mean '%s'?", word, near);
	else
		cli_say("unknown command '%s', and no directory to mount on; "
			"see 'airtablefs --help'", word);
	return EXIT_USAGE;
}

/* No command's name: a mount, unless its first word is a slip (or the name of
 * something we cannot do) in a command's place. */
static int mount_or_complain(int argc, char **argv)
{
	const char *first = argv[1], *last = argv[1];

	/* what mount(8) calls has a source and then the directory */
	if (argc > 2 && argv[2][0] != '-')
		last = argv[2];
	if (first[0] != '-' && could_be_command(first) && !is_directory(last) &&
	    (first == last || strchr(last, '/') == NULL ||
	     command_near(first) != NULL))
		return unknown_command(first);
	return cli_mount(argc, argv);
}

int main(int argc, char **argv)
{
	const struct command *c;
	int code;

	settle_process();
	if (argc < 2) {
		fprintf(stderr, "usage: airtablefs [mount] [BASE] MOUNTPOINT "
			"[-o OPTIONS] [-f] [-d]\n"
			"       airtablefs COMMAND [...]; 'airtablefs --help' "
			"lists them\n");
		return EXIT_USAGE;
	}
	c = command_find(argv[1]);
	if (c != NULL && has_word(argc - 1, argv + 1, "--help", "-h")) {
		cli_help_command(c);
		code = EXIT_DONE;
	} else if (c != NULL) {
		code = c->run(argc - 1, argv + 1);
	} else if (has_word(argc, argv, "--help", "-h")) {
		code = cli_help(1, argv);
	} else if (has_word(argc, argv, "--version", "-V")) {
		code = cli_version(1, argv);
	} else {
		code = mount_or_complain(argc, argv);
	}
	/* data that did not arrive was not given */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (errno != EPIPE)
			fprintf(stderr, "airtablefs: standard output: %s\n",
				strerror(errno));
		if (code == EXIT_DONE)
			code = EXIT_FAILED;
	}
	return code;
}
