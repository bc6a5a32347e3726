/* errors.ndjson: every refusal and failure, a line each, in the state
 * directory. It is cut to its newer half when it has grown too large. */
#include "internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "render.h"

#define ERRLOG_BYTES_MAX (1 << 20) /* ours */

static int read_all(const char *path, char **ret, size_t *ret_n)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;
	char *buf;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_size > 4 * ERRLOG_BYTES_MAX) {
		close(fd);
		return -EIO;
	}
	buf = malloc((size_t)st.st_size + 1);
	while (buf && got < (size_t)st.st_size) {
		ssize_t k = read(fd, buf + got, (size_t)st.st_size - got);

		if (k <= 0)
			break;
		got += (size_t)k;
	}
	close(fd);
	if (!buf)
		return -ENOMEM;
	buf[got] = '\0';
	*ret = buf;
	*ret_n = got;
	return 0;
}

static void cut(const char *path)
{
	char *buf, *from;
	size_t n;
	int fd;

	if (read_all(path, &buf, &n) < 0)
		return;
	from = n > ERRLOG_BYTES_MAX ? strchr(buf + n / 2, '\n') : NULL;
	if (from) {
		fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
		if (fd >= 0) {
			from++;
			(void)!write(fd, from, n - (size_t)(from - buf));
			close(fd);
		}
	}
	free(buf);
}

static json_t *line_of(struct cache *c, const char *path, int err,
		       const char *field, unsigned line, unsigned column,
		       const char *reason, const char *hint)
{
	json_t *j = json_object();
	char when[25];

	clock_format_iso(clock_wall_ms(c->clock), when);
	json_object_set_new(j, "time", json_string(when));
	json_object_set_new(j, "path", json_string(path));
	json_object_set_new(j, "errno",
			    json_string(strerrorname_np(-err)));
	json_object_set_new(j, "reason", json_string(reason));
	if (field && *field)
		json_object_set_new(j, "field", json_string(field));
	if (line) {
		json_object_set_new(j, "line", json_integer(line));
		json_object_set_new(j, "column", json_integer(column));
	}
	if (hint && *hint)
		json_object_set_new(j, "hint", json_string(hint));
	return j;
}

void errlog_add(struct cache *c, const char *path, int err, const char *field,
		unsigned line, unsigned column, const char *reason,
		const char *hint)
{
	json_t *j = line_of(c, path, err, field, line, column, reason, hint);
	char *text = NULL;
	size_t n = 0;
	struct stat st;
	int fd;

	if (render_json(j, false, &text, &n) < 0) {
		json_decref(j);
		return;
	}
	json_decref(j);
	pthread_mutex_lock(&c->errors_mu);
	fd = open(c->errors_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
		  0600);
	if (fd >= 0) {
		(void)!write(fd, text, n);
		if (n && text[n - 1] != '\n')
			(void)!write(fd, "\n", 1);
		if (fstat(fd, &st) == 0 && st.st_size > ERRLOG_BYTES_MAX)
			cut(c->errors_path);
		close(fd);
	}
	pthread_mutex_unlock(&c->errors_mu);
	free(text);
}

int errlog_read(struct cache *c, char **ret)
{
	size_t n;
	int r;

	pthread_mutex_lock(&c->errors_mu);
	r = read_all(c->errors_path, ret, &n);
	pthread_mutex_unlock(&c->errors_mu);
	if (r == -ENOENT) {
		*ret = strdup("");
		r = *ret ? 0 : -ENOMEM;
	}
	return r;
}

json_t *errlog_recent(struct cache *c, size_t max)
{
	json_t *list = json_array(), *e;
	char *text, *line;

	if (errlog_read(c, &text) < 0)
		return list;
	while (json_array_size(list) < max && *text) {
		line = strrchr(text, '\n');
		if (line && !line[1]) { /* the line end of the last one */
			*line = '\0';
			continue;
		}
		e = json_loads(line ? line + 1 : text, 0, NULL);
		if (e)
			json_array_append_new(list, e);
		*(line ? line : text) = '\0';
	}
	free(text);
	return list;
}

int cache_errors_ndjson(struct cache *c, char **ret)
{
	return errlog_read(c, ret);
}
