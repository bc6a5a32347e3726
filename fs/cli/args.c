#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../options.h"
#include "cli.h"

void cli_say(const char *fmt, ...)
{
	bool colour = cli_colour(STDERR_FILENO);
	va_list ap;

	fputs(colour ? "\033[1mairtablefs:\033[0m " : "airtablefs: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

bool cli_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (no == NULL || no[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

static bool usage(const char *command)
{
	const struct command *c = command_find(command);

	if (c != NULL)
		fprintf(stderr, "usage: airtablefs %s\n", c->usage);
	return false;
}

/* "--timeout 5" and "--timeout=5". */
static bool take_timeout(struct cli_args *a, int argc, char **argv, int *i)
{
	const char *value = argv[*i] + strlen("--timeout");

	if (*value == '=') {
		value++;
	} else if (*i + 1 < argc) {
		value = argv[++*i];
	} else {
		cli_say("%s: --timeout needs a number of seconds", argv[0]);
		return false;
	}
	if (options_read_seconds(value, &a->timeout_s) < 0) {
		cli_say("%s: --timeout '%s': not a time; write seconds, or a "
			"number with ms, s, m or h", argv[0], value);
		return false;
	}
	return true;
}

/* 1 = taken, 0 = none of its own, -1 = said. */
static int take_own(struct cli_args *a, int argc, char **argv, int *i)
{
	const struct cli_option *o;

	for (o = a->own; o != NULL && o->name != NULL; o++) {
		size_t n = strlen(o->name);
		const char *w = argv[*i];

		if (strncmp(w, o->name, n) != 0 ||
		    (w[n] != '\0' && (o->value == NULL || w[n] != '=')))
			continue;
		if (o->value == NULL) {
			*o->flag = true;
		} else if (w[n] == '=') {
			*o->value = w + n + 1;
		} else if (*i + 1 < argc) {
			*o->value = argv[++*i];
		} else {
			cli_say("%s: %s needs a value", argv[0], o->name);
			return -1;
		}
		return 1;
	}
	return 0;
}

/* False: there may be only one. */
static bool take_operand(struct cli_args *a, char **argv, char *word,
			 unsigned takes)
{
	if (a->paths_n > 0 && (takes & CLI_TAKES_MANY) == 0) {
		cli_say("%s: '%s' is one path too many", argv[0], word);
		return usage(argv[0]);
	}
	a->paths[a->paths_n++] = word; /* never behind where we read */
	a->path = a->paths[0];
	return true;
}

bool cli_parse(struct cli_args *a, int argc, char **argv, unsigned takes)
{
	bool words_only = false;
	int own;

	a->path = NULL;
	a->paths = argv + 1;
	a->paths_n = 0;
	a->json = a->watch = false;
	for (int i = 1; i < argc; i++) {
		char *w = argv[i];

		if (!words_only && strcmp(w, "--") == 0) {
			words_only = true;
		} else if (words_only || w[0] != '-' || w[1] == '\0') {
			if (!take_operand(a, argv, w, takes))
				return false;
		} else if ((own = take_own(a, argc, argv, &i)) != 0) {
			if (own < 0)
				return usage(argv[0]);
		} else if ((takes & CLI_TAKES_JSON) != 0 &&
			   strcmp(w, "--json") == 0) {
			a->json = true;
		} else if ((takes & CLI_TAKES_WATCH) != 0 &&
			   strcmp(w, "--watch") == 0) {
			a->watch = true;
		} else if ((takes & CLI_TAKES_TIMEOUT) != 0 &&
			   strncmp(w, "--timeout", 9) == 0 &&
			   (w[9] == '\0' || w[9] == '=')) {
			if (!take_timeout(a, argc, argv, &i))
				return false;
		} else {
			if (!options_refuse_token(w))
				cli_say("%s: unknown option %.*s", argv[0],
					(int)strcspn(w, "="), w);
			return usage(argv[0]);
		}
	}
	return true;
}
