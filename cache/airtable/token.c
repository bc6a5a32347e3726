#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than TOKEN_MAX, so that a file too long is seen and not cut. */
#define READ_MAX (TOKEN_MAX + 64)

/* Variables that hold the token itself, in the order they are asked. */
static const char *const token_vars[] = { "AIRTABLE_TOKEN", "AIRTABLE_API_KEY",
					  "AIRTABLE_PAT" };

#define TOKEN_VARS_N (sizeof(token_vars) / sizeof(token_vars[0]))

static int fail(struct atfs_error *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct atfs_error *e, int err, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	if (e == NULL)
		return err;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error_set(e, err, ERROR_TOKEN, "%s", text);
	return err;
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes a copy of text[0..n) without the blanks around it. */
static int take_secret(struct token *t, const char *text, size_t n,
		       const char *source, struct atfs_error *reterr)
{
	while (n > 0 && is_blank(text[n - 1]))
		n--;
	while (n > 0 && is_blank(text[0])) {
		text++;
		n--;
	}
	if (n == 0)
		return fail(reterr, -EINVAL, "%s holds no token", source);
	if (n > TOKEN_MAX)
		return fail(reterr, -EINVAL,
			    "%s is too long to hold a token", source);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		/* A header cannot carry them (RFC 9110, 5.5). */
		if (c < 0x20 || c == 0x7f)
			return fail(reterr, -EINVAL,
				    "%s holds more than a token: there is a "
				    "line break or a control character in it",
				    source);
	}
	t->secret = malloc(n + 1);
	if (t->secret == NULL)
		return fail(reterr, -ENOMEM, "%s: out of memory", source);
	memcpy(t->secret, text, n);
	t->secret[n] = '\0';
	t->secret_n = n;
	snprintf(t->source, sizeof(t->source), "%s", source);
	return 0;
}

/* The whole of fd, at most READ_MAX bytes. */
static ssize_t read_all(int fd, char *buf)
{
	size_t n = 0;
	ssize_t r;

	while (n < READ_MAX) {
		r = read(fd, buf + n, READ_MAX - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

/* too_open: the permission bits that must not be set. */
static int load_file(struct token *t, const char *path, mode_t too_open,
		     struct atfs_error *reterr)
{
	char source[sizeof(t->source)], buf[READ_MAX];
	struct stat st;
	ssize_t n;
	int fd, r;

	snprintf(source, sizeof(source), "file '%s'", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return fail(reterr, r, "the token %s cannot be read: %s",
			    source, strerrordesc_np(-r));
	}
	if ((st.st_mode & too_open) != 0) {
		close(fd);
		return fail(reterr, -EACCES,
			    "the token %s can be read by others; run chmod "
			    "600 on it", source);
	}
	n = read_all(fd, buf);
	close(fd);
	if (n < 0) {
		r = (int)n;
		fail(reterr, r, "the token %s cannot be read", source);
	} else {
		r = take_secret(t, buf, (size_t)n, source, reterr);
	}
	explicit_bzero(buf, sizeof(buf));
	return r;
}

static const char *ask_env(const struct token_config *conf, const char *name)
{
	const char *v = conf->env != NULL ? conf->env(name, conf->env_ctx) :
					    getenv(name);

	/* An empty variable is one that somebody wanted to be unset. */
	return v != NULL && v[0] != '\0' ? v : NULL;
}

/* systemd's folder. A credential there may show group bits that are in truth
 * the mask of an access list for the service's user, and the folder itself is
 * closed to others, so only the bits of others count. -ENOKEY: none there. */
static int load_credential(struct token *t, const char *dir,
			   struct atfs_error *reterr)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/airtable-token", dir) < 0)
		return fail(reterr, -ENOMEM, "%s: out of memory", dir);
	r = access(path, F_OK) == 0 ? load_file(t, path, 0004, reterr) :
				      -ENOKEY;
	free(path);
	return r;
}

int token_load(struct token *t, const struct token_config *conf,
	       struct atfs_error *reterr)
{
	char source[64];
	const char *v;
	int r;

	memset(t, 0, sizeof(*t));
	if (conf->token_file != NULL)
		return load_file(t, conf->token_file, 0044, reterr);
	for (size_t i = 0; i < TOKEN_VARS_N; i++) {
		v = ask_env(conf, token_vars[i]);
		if (v == NULL)
			continue;
		snprintf(source, sizeof(source), "$%s", token_vars[i]);
		return take_secret(t, v, strlen(v), source, reterr);
	}
	v = ask_env(conf, "AIRTABLE_API_KEY_FILE");
	if (v != NULL)
		return load_file(t, v, 0044, reterr);
	v = ask_env(conf, "CREDENTIALS_DIRECTORY");
	if (v != NULL) {
		r = load_credential(t, v, reterr);
		if (r != -ENOKEY)
			return r;
	}
	return fail(reterr, -ENOKEY,
		    "no token is set: put it into $AIRTABLE_TOKEN, or into a "
		    "file for -o token_file=FILE");
}

void token_release(struct token *t)
{
	if (t->secret != NULL) {
		explicit_bzero(t->secret, t->secret_n);
		free(t->secret);
	}
	memset(t, 0, sizeof(*t));
}

void token_clean_environment(void)
{
	size_t n;

	for (size_t i = 0; i < TOKEN_VARS_N; i++) {
		n = strlen(token_vars[i]);
		/* The strings lie in the very block that the kernel shows, and
		 * a name may stand there more than once. */
		for (char **e = environ; e != NULL && *e != NULL; e++)
			if (strncmp(*e, token_vars[i], n) == 0 &&
			    (*e)[n] == '=')
				explicit_bzero(*e + n + 1, strlen(*e + n + 1));
		unsetenv(token_vars[i]);
	}
}
