/* The token in a file of its own, for machines without a keyring. */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

/* Everything that could mean something in a path is written as %XX, so that no
 * two endpoints share a file. */
static void put_escaped(FILE *m, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
		    (c == '.' && ftell(m) > 0))
			fputc(c, m);
		else
			fprintf(m, "%%%02X", c);
	}
}

static char *file_name(const char *profile, const char *endpoint)
{
	char *text = NULL;
	size_t n;
	FILE *m = open_memstream(&text, &n);

	if (m == NULL)
		return NULL;
	put_escaped(m, profile);
	fputc('@', m);
	put_escaped(m, endpoint);
	if (fclose(m) != 0 || n > NAME_MAX) {
		free(text);
		return NULL;
	}
	return text;
}

/* Its directory in *ret_dir, too, if that is not NULL. */
static char *store_path(const char *profile, const char *endpoint,
			char **ret_dir)
{
	char *conf = config_dir(), *name = file_name(profile, endpoint);
	char *dir = NULL, *path = NULL;

	if (conf != NULL && name != NULL &&
	    asprintf(&dir, "%s/tokens", conf) < 0)
		dir = NULL;
	if (dir != NULL && asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	if (ret_dir != NULL && path != NULL)
		*ret_dir = dir;
	else
		free(dir);
	free(name);
	free(conf);
	return path;
}

int token_store_get(const char *profile, const char *endpoint, struct token *t,
		    struct atfs_error *reterr)
{
	char *path = store_path(profile, endpoint, NULL);
	int r = -ENOKEY;

	if (path != NULL && access(path, F_OK) == 0)
		r = token_from_file(t, path, 0077, reterr);
	free(path);
	return r;
}

static int make_dir(char *dir)
{
	for (char *p = dir + 1;; p++) {
		char keep = *p;
		int r;

		if (keep != '/' && keep != '\0')
			continue;
		*p = '\0';
		r = mkdir(dir, 0700) < 0 && errno != EEXIST ? -errno : 0;
		*p = keep;
		if (r < 0)
			return r;
		if (keep == '\0')
			return chmod(dir, 0700) < 0 ? -errno : 0;
	}
}

static int write_all(int fd, const char *buf, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, buf, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		buf += done;
		n -= (size_t)done;
	}
	return 0;
}

/* In one step: a reader sees the old one or the new one, whole. */
static int write_file(const char *path, const struct token *t)
{
	char *tmp = NULL;
	int fd, r;

	if (asprintf(&tmp, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(tmp, O_CLOEXEC); /* 0600 whatever the umask */
	if (fd < 0) {
		r = -errno;
		free(tmp);
		return r;
	}
	r = fchmod(fd, 0600) < 0 ? -errno : 0;
	if (r == 0)
		r = write_all(fd, t->secret, t->secret_n);
	if (r == 0)
		r = write_all(fd, "\n", 1);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	free(tmp);
	return r;
}

int token_store_put(const char *profile, const char *endpoint,
		    const struct token *t, char **ret_path,
		    struct atfs_error *reterr)
{
	char *dir = NULL, *path = store_path(profile, endpoint, &dir);
	int r = path != NULL ? make_dir(dir) : -ENAMETOOLONG;

	if (r == 0)
		r = write_file(path, t);
	if (r < 0)
		token_fail(reterr, r, "the token cannot be stored in '%s': %s",
			   path != NULL ? path : "a file",
			   strerrordesc_np(-r));
	free(dir);
	if (r == 0 && ret_path != NULL)
		*ret_path = path;
	else
		free(path);
	return r;
}

int token_store_drop(const char *profile, const char *endpoint,
		     struct atfs_error *reterr)
{
	char *path = store_path(profile, endpoint, NULL);
	int r = path == NULL ? -ENOKEY : unlink(path) < 0 ? -errno : 0;

	if (r == -ENOENT || r == -ENOTDIR)
		r = -ENOKEY;
	else if (r < 0)
		token_fail(reterr, r, "'%s' cannot be removed: %s", path,
			   strerrordesc_np(-r));
	free(path);
	return r;
}
