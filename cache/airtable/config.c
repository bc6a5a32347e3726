#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http.h"

#define DEFAULT_ENDPOINT "https://api.airtable.com" /* airtable-api.md 1 */

char *config_dir(void)
{
	const char *v = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *dir = NULL;
	int r = -1;

	if (v != NULL && v[0] == '/')
		r = asprintf(&dir, "%s/airtablefs", v);
	else if (home != NULL && home[0] == '/')
		r = asprintf(&dir, "%s/.config/airtablefs", home);
	return r < 0 ? NULL : dir;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		s[--n] = '\0';
	return s;
}

static int complain(const struct config *c, unsigned line, const char *what,
		    struct atfs_error *e)
{
	error_set(e, -EINVAL, ERROR_INPUT, "'%s', line %u: %s", c->path, line,
		  what);
	return -EINVAL;
}

static int set(struct config *c, char *text, unsigned line, bool ours,
	       struct atfs_error *e)
{
	char *value = strchr(text, '='), **at, *copy;

	if (value == NULL)
		return complain(c, line, "neither [PROFILE] nor key = value", e);
	*value++ = '\0';
	text = trim(text);
	value = trim(value);
	if (strcmp(text, "token_command") == 0)
		at = &c->token_command;
	else if (strcmp(text, "endpoint") == 0)
		at = &c->endpoint;
	else if (strcmp(text, "token_store") == 0)
		at = &c->token_store;
	else if (strcmp(text, "token") == 0)
		return complain(c, line, "a token does not belong here: "
				"'airtablefs login' stores it", e);
	else
		return complain(c, line, "unknown key; there are "
				"token_command, endpoint, token_store", e);
	if (at == &c->token_store && strcmp(value, "keyring") != 0 &&
	    strcmp(value, "file") != 0)
		return complain(c, line, "token_store is keyring or file", e);
	if (!ours)
		return 0;
	copy = value[0] != '\0' ? strdup(value) : NULL;
	free(*at);
	*at = copy;
	return 0;
}

static int read_lines(struct config *c, FILE *f, const char *profile,
		      struct atfs_error *e)
{
	bool ours = true;
	unsigned line = 0;
	char *buf = NULL, *s;
	size_t room = 0, n;
	int r = 0;

	while (r == 0 && getline(&buf, &room, f) >= 0) {
		line++;
		s = trim(buf);
		n = strlen(s);
		if (n == 0 || s[0] == '#' || s[0] == ';')
			continue;
		if (s[0] == '[' && s[n - 1] == ']') {
			s[n - 1] = '\0';
			ours = strcmp(trim(s + 1), profile) == 0;
		} else {
			r = set(c, s, line, ours, e);
		}
	}
	free(buf);
	return r;
}

static int check_owner(const struct config *c, int fd, struct atfs_error *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		error_set(e, -EINVAL, ERROR_INPUT, "'%s' is no file", c->path);
		return -EINVAL;
	}
	if ((st.st_uid == geteuid() || st.st_uid == 0) &&
	    (st.st_mode & 0022) == 0)
		return 0;
	error_set(e, -EACCES, ERROR_INPUT, "the configuration '%s' can be "
		  "written by others; run chmod go-w on it", c->path);
	return -EACCES;
}

int config_load(const char *profile, struct config *c,
		struct atfs_error *reterr)
{
	char *dir = config_dir();
	FILE *f = NULL;
	int fd, r = 0;

	*c = (struct config){ .path = NULL };
	if (dir == NULL)
		return 0;
	if (asprintf(&c->path, "%s/config", dir) < 0)
		c->path = NULL;
	free(dir);
	if (c->path == NULL)
		return -ENOMEM;
	fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0) {
		r = -errno;
		error_set(reterr, r, ERROR_INPUT, "the configuration '%s' "
			  "cannot be read: %s", c->path, strerrordesc_np(-r));
		return r;
	}
	r = check_owner(c, fd, reterr);
	if (r == 0)
		f = fdopen(fd, "r");
	if (f == NULL) {
		close(fd);
		return r < 0 ? r : -ENOMEM;
	}
	r = read_lines(c, f, profile, reterr);
	fclose(f);
	return r;
}

int config_endpoint(const struct config *c, const char *given, char **ret,
		    struct atfs_error *reterr)
{
	char reason[128];
	size_t n;

	if (given == NULL)
		given = getenv("AIRTABLE_ENDPOINT_URL");
	if (given == NULL || given[0] == '\0')
		given = c->endpoint;
	if (given == NULL || given[0] == '\0')
		given = DEFAULT_ENDPOINT;
	if (!http_url_is_allowed(given, reason)) {
		error_set(reterr, -EINVAL, ERROR_INPUT,
			  "the endpoint '%s' is refused: %s", given, reason);
		return -EINVAL;
	}
	*ret = strdup(given);
	if (*ret == NULL)
		return -ENOMEM;
	for (n = strlen(*ret); n > 0 && (*ret)[n - 1] == '/'; n--)
		(*ret)[n - 1] = '\0';
	return 0;
}

void config_release(struct config *c)
{
	free(c->token_command);
	free(c->endpoint);
	free(c->token_store);
	free(c->path);
	*c = (struct config){ .path = NULL };
}
