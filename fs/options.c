#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "nearest.h"
#include "options_int.h"

/* Longest time that an option takes. Ours. */
#define SECONDS_MAX (366.0 * 86400)

static const char *const secret_words[] = {
	"token", "pat", "api_key", "apikey", "api-key", "access-token",
	"access_token", "password", "secret",
};

int options_complain(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	fprintf(stderr, "airtablefs: %s\n", text);
	return -EINVAL;
}

int options_no_memory(void)
{
	fprintf(stderr, "airtablefs: out of memory\n");
	return -ENOMEM;
}

bool options_is_secret(const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]);
	     i++)
		if (strlen(secret_words[i]) == n &&
		    strncasecmp(secret_words[i], word, n) == 0)
			return true;
	return false;
}

int options_complain_secret(void)
{
	return options_complain("a token does not belong on a command line, where "
			"every user of the machine can read it: put it into "
			"$AIRTABLE_TOKEN, or into a file and say "
			"--token-file FILE, or run 'airtablefs login'");
}

/* The vendor's tokens begin with "pat", 14 letters or digits and a dot. No
 * format is promised; this one is only recognised to protect it. */
bool options_is_token(const char *text)
{
	size_t n;

	if (strncmp(text, "pat", 3) != 0)
		return false;
	n = strspn(text + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789");
	return n == 14 && text[17] == '.';
}

bool options_refuse_token(const char *arg)
{
	if (arg[0] == '-' && arg[1] == '-' &&
	    options_is_secret(arg + 2, strcspn(arg + 2, "=")))
		(void)options_complain_secret();
	else if (options_is_token(arg))
		(void)options_complain_secret();
	else
		return false;
	return true;
}

int options_read_seconds(const char *text, double *ret)
{
	static const struct {
		const char *unit;
		double s;
	} units[] = {
		{ "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "m", 60 }, { "h", 3600 },
	};
	size_t n = strspn(text, "0123456789.");
	double v;
	char *end;

	/* strtod also reads signs, blanks, hex, inf and nan: none of them */
	if (n == 0 || (n == 1 && text[0] == '.'))
		return -EINVAL;
	if (text[n] == 'e' || text[n] == 'E' || text[n] == 'x')
		return -EINVAL;
	v = strtod(text, &end);
	if (end != text + n)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		v *= units[i].s;
		if (v > SECONDS_MAX)
			return -ERANGE;
		*ret = v;
		return 0;
	}
	return -EINVAL;
}

char *options_absolute(const char *path)
{
	char *ret = NULL, *cwd;
	size_t n;

	if (path[0] == '/') {
		ret = strdup(path);
	} else {
		cwd = getcwd(NULL, 0);
		if (cwd == NULL)
			return NULL;
		if (asprintf(&ret, "%s/%s", cwd[1] != '\0' ? cwd : "", path) < 0)
			ret = NULL;
		free(cwd);
	}
	if (ret == NULL)
		return NULL;
	n = strlen(ret);
	while (n > 1 && ret[n - 1] == '/')
		ret[--n] = '\0';
	return ret;
}

int options_set_text(char **at, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return options_no_memory();
	free(*at);
	*at = copy;
	return 0;
}

int options_set_path(char **at, const char *value)
{
	char *copy = options_absolute(value);

	if (copy == NULL)
		return options_complain("'%s': %s", value, strerror(errno));
	free(*at);
	*at = copy;
	return 0;
}

enum { OPT_TOKEN_FILE = 256, OPT_PROFILE, OPT_ENDPOINT };

static const struct option long_options[] = {
	{ "foreground", no_argument, NULL, 'f' },
	{ "debug", no_argument, NULL, 'd' },
	{ "options", required_argument, NULL, 'o' },
	{ "token-file", required_argument, NULL, OPT_TOKEN_FILE },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "endpoint", required_argument, NULL, OPT_ENDPOINT },
	{ NULL, 0, NULL, 0 },
};

static int complain_option(int c, const char *arg)
{
	static const char *const names[] = {
		"--foreground", "--debug", "--options", "--token-file",
		"--profile", "--endpoint", "--help", "--version",
	};
	size_t n = strcspn(arg, "=");
	const char *near;

	if (c == ':')
		return options_complain("%.*s: needs a value", (int)n, arg);
	if (arg[1] != '-')
		return options_complain("-%c: unknown option; see 'airtablefs help "
				"mount'", optopt);
	near = nearest_word(arg, n, names, sizeof(names) / sizeof(names[0]));
	if (near != NULL)
		return options_complain("%.*s: unknown option; did you mean '%s'?",
				(int)n, arg, near);
	return options_complain("%.*s: unknown option; see 'airtablefs help mount'",
			(int)n, arg);
}

static int take_option(struct options *o, int c, const char *arg)
{
	switch (c) {
	case 'f':
		o->foreground = true;
		return 0;
	case 'd':
		o->foreground = o->debug = true;
		return 0;
	case 'o':
		return options_take_list(o, optarg);
	case 's': /* mount(8) hands "sloppy" on: unknown words stay errors */
	case 'n': /* and "no mtab", of which nothing is left */
		return 0;
	case OPT_TOKEN_FILE:
		return options_set_path(&o->token_file, optarg);
	case OPT_PROFILE:
		return options_set_text(&o->profile, optarg);
	case OPT_ENDPOINT:
		return options_set_text(&o->endpoint, optarg);
	default:
		return complain_option(c, arg);
	}
}

int options_check_profile(const char *profile)
{
	size_t n = strlen(profile);

	if (n == 0 || n > 64 || profile[0] == '.' ||
	    strspn(profile, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789._-") != n)
		return options_complain("profile '%s': use letters, digits, '.', '_' "
				"and '-', at most 64", profile);
	return 0;
}

/* mount(8) always gives a source; these words in its place mean all bases. */
static bool means_all(const char *source)
{
	static const char *const all[] = {
		"airtable", "airtablefs", "none", "all", "",
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(source, all[i]) == 0)
			return true;
	return false;
}

static int take_positionals(struct options *o, int n, char **args)
{
	int r;

	for (int i = 0; i < n; i++)
		if (options_is_token(args[i]))
			return options_complain_secret();
	if (n == 0)
		return options_complain("mount: no mount point given; airtablefs "
				"[mount] [BASE] MOUNTPOINT");
	if (n > 2)
		return options_complain("mount: one base and one mount point at most, "
				"'%s' is too much", args[2]);
	if (args[n - 1][0] == '\0')
		return options_complain("mount: the mount point is empty");
	r = options_set_path(&o->mountpoint, args[n - 1]);
	if (r == 0 && n == 2 && !means_all(args[0]))
		r = options_set_text(&o->base, args[0]);
	return r;
}

int options_parse_mount(struct options *o, int argc, char **argv)
{
	int c, r;

	*o = (struct options){
		.ttl_s = 60,
		.full_ttl_s = 3600,
		.writeback_s = 1,
		.delete_delay_s = 5,
		.drain_s = 30,
		.max_deletes = 100,
		.max_threads = 10,
		.max_idle_threads = 10,
	};
	/* Before getopt, which takes --token for short for --token-file. */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (options_refuse_token(argv[i]))
			return -EINVAL;
	opterr = 0;
	optind = 0; /* 0, not 1: glibc then starts afresh */
	for (;;) {
		c = getopt_long(argc, argv, ":fdo:sn", long_options, NULL);
		if (c < 0)
			break;
		/* getopt moves what it has read in front of optind */
		r = take_option(o, c, argv[optind - 1]);
		if (r < 0)
			return r;
	}
	r = take_positionals(o, argc - optind, argv + optind);
	if (r == 0 && o->profile != NULL)
		r = options_check_profile(o->profile);
	if (r == 0 && o->max_threads == 0)
		r = options_complain("-o max_threads=0: at least one is needed");
	return r;
}

void options_release(struct options *o)
{
	free(o->base);
	free(o->mountpoint);
	free(o->profile);
	free(o->upsert_key);
	free(o->token_file);
	free(o->endpoint);
	free(o->ca_file);
	free(o->fuse_opts);
	free(o->no_fetch_for);
	*o = (struct options){ .base = NULL };
}
