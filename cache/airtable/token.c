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

const char *const token_vars[TOKEN_VARS_N] = { "AIRTABLE_TOKEN",
						"AIRTABLE_API_KEY",
						"AIRTABLE_PAT" };

int token_fail(struct atfs_error *e, int err, const char *fmt, ...)
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

int token_take(struct token *t, const char *text, size_t n, const char *source,
	       struct atfs_error *reterr)
{
	while (n > 0 && is_blank(text[n - 1]))
		n--;
	while (n > 0 && is_blank(text[0])) {
		text++;
		n--;
	}
	if (n == 0)
		return token_fail(reterr, -EINVAL, "%s holds no token", source);
	if (n > TOKEN_MAX)
		return token_fail(reterr, -EINVAL,
			    "%s is too long to hold a token", source);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		/* A header cannot carry them (RFC 9110, 5.5). */
		if (c < 0x20 || c == 0x7f)
			return token_fail(reterr, -EINVAL,
				    "%s holds more than a token: there is a "
				    "line break or a control character in it",
				    source);
	}
	t->secret = malloc(n + 1);
	if (t->secret == NULL)
		return token_fail(reterr, -ENOMEM, "%s: out of memory", source);
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

int token_from_file(struct token *t, const char *path, mode_t too_open,
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
		return token_fail(reterr, r, "the token %s cannot be read: %s",
			    source, strerrordesc_np(-r));
	}
	if ((st.st_mode & too_open) != 0) {
		close(fd);
		return token_fail(reterr, -EACCES,
			    "the token %s can be read by others; run chmod "
			    "600 on it", source);
	}
	n = read_all(fd, buf);
	close(fd);
	if (n < 0) {
		r = (int)n;
		token_fail(reterr, r, "the token %s cannot be read", source);
	} else {
		r = token_take(t, buf, (size_t)n, source, reterr);
	}
	explicit_bzero(buf, sizeof(buf));
	return r;
}

bool token_same(const struct token *a, const struct token *b)
{
	return a->secret_n == b->secret_n && a->secret != NULL &&
	       b->secret != NULL &&
	       memcmp(a->secret, b->secret, a->secret_n) == 0;
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
