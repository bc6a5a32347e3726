#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../stale.h"
#include "cli.h"

/* What a daemon has to say about itself is small; this is a bound, not a
 * promise. */
#define SIDE_MAX (64u << 20)
#define VALUE_MAX 60 /* bytes of a value on a line */

/* A mount that we may ask; what other users have mounted is none of ours. */
static bool may_enter(const char *path)
{
	return access(path, X_OK) == 0 || errno != EACCES;
}

/* Keeps, of all mounts, ours; and of those at one path only the topmost. */
static void keep_ours(struct mount_list *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct mount_entry m = l->v[i];

		if (mount_is_ours(&m) && mounts_at(l, m.path) == &l->v[i] &&
		    may_enter(m.path)) {
			l->v[i] = l->v[kept];
			l->v[kept++] = m;
		}
	}
	for (size_t i = kept; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].type);
		free(l->v[i].source);
	}
	l->n = kept;
}

static void keep_one(struct mount_list *l, const struct mount_entry *only)
{
	size_t at = (size_t)(only - l->v);
	struct mount_entry m = l->v[at];

	l->v[at] = l->v[0];
	l->v[0] = m;
	for (size_t i = 1; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].type);
		free(l->v[i].source);
	}
	l->n = 1;
}

/* The mount that holds path if it is one of ours, else NULL. */
static const struct mount_entry *holder(const struct mount_list *l,
					const char *path)
{
	const struct mount_entry *m = mounts_holding(l, path);

	return m != NULL && mount_is_ours(m) ? m : NULL;
}

int cli_find_mounts(const char *path, struct mount_list *ret)
{
	const struct mount_entry *m = NULL;
	char *real;
	int r = mounts_read(ret);

	if (r < 0) {
		cli_say("/proc/self/mountinfo: %s", strerror(-r));
		return EXIT_FAILED;
	}
	real = path != NULL ? mounts_resolve(path) : getcwd(NULL, 0);
	if (real != NULL)
		m = holder(ret, real);
	else if (path != NULL)
		cli_say("'%s': %s", path, strerror(errno));
	if (real != NULL && path != NULL && m == NULL)
		cli_say("'%s' is not in an airtablefs mount", path);
	free(real);
	if (m != NULL) {
		keep_one(ret, m);
		return EXIT_DONE;
	}
	if (path == NULL) {
		keep_ours(ret);
		if (ret->n > 0)
			return EXIT_DONE;
		cli_say("nothing is mounted");
	}
	mounts_release(ret);
	return EXIT_FAILED;
}

static int read_all(int fd, char **ret)
{
	size_t n = 0, room = 0;
	char *buf = NULL;

	for (;;) {
		ssize_t got;

		if (n + 1 >= room) {
			char *p;

			room = room > 0 ? 2 * room : 16384;
			p = room <= SIDE_MAX ? realloc(buf, room) : NULL;
			if (p == NULL) {
				free(buf);
				return room > SIDE_MAX ? -EFBIG : -ENOMEM;
			}
			buf = p;
		}
		got = read(fd, buf + n, room - 1 - n);
		if (got < 0) {
			int r = -errno;

			free(buf);
			return r;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	buf[n] = '\0';
	*ret = buf;
	return 0;
}

static int open_side(const char *room, const char *name, int flags)
{
	char *path;
	int fd;

	if (asprintf(&path, "%s/.airtable/%s", room, name) < 0)
		return -ENOMEM;
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	free(path);
	return fd;
}

int cli_read_side(const char *mount, const char *name, char **ret)
{
	int fd = open_side(mount, name, O_RDONLY), r;

	if (fd < 0)
		return fd;
	r = read_all(fd, ret);
	close(fd);
	return r;
}

int cli_write_side(const char *room, const char *name, const char *text)
{
	int fd = open_side(room, name, O_WRONLY), r = 0;

	if (fd < 0)
		return fd;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

int cli_side_failed(const char *mount, int r)
{
	switch (r) {
	case -ENOTCONN:
	case -ECONNABORTED:
		cli_say("%s: its daemon is gone; `airtablefs umount` or a new "
			"mount there clears it, and unsent changes are sent "
			"by the next mount", mount);
		return EXIT_FAILED;
	case -ENETUNREACH:
		cli_say("%s: offline", mount);
		return EXIT_OFFLINE;
	case -EACCES:
		cli_say("%s: not permitted; `airtablefs status` says whether "
			"it is the token", mount);
		return EXIT_FAILED;
	default:
		cli_say("%s: %s", mount, strerror(-r));
		return EXIT_FAILED;
	}
}

json_t *cli_json_of(const char *room, const char *name, int *ret_r)
{
	char *text = NULL;
	json_t *root;

	*ret_r = cli_read_side(room, name, &text);
	if (*ret_r < 0)
		return NULL;
	root = json_loads(text, 0, NULL);
	free(text);
	if (root == NULL)
		*ret_r = -EPROTO;
	return root;
}

bool cli_split_file(const char *file, char **ret_dir, char **ret_name)
{
	const char *slash = strrchr(file, '/');
	char *dir = slash == NULL ? strdup(".") :
		    slash == file ? strdup("/") :
				    strndup(file, (size_t)(slash - file));

	*ret_name = strdup(slash == NULL ? file : slash + 1);
	*ret_dir = dir != NULL ? mounts_resolve(dir) : NULL;
	if (*ret_dir == NULL)
		cli_say("'%s': %s", file, strerror(errno));
	free(dir);
	if (*ret_dir != NULL && *ret_name != NULL)
		return true;
	free(*ret_dir);
	free(*ret_name);
	return false;
}

bool cli_path_holds(const char *mount, const char *path, const char *of_side)
{
	char *real = path != NULL ? mounts_resolve(path) : NULL;
	size_t n = strlen(mount), k;
	bool holds = true;

	if (real != NULL && strlen(real) > n) {
		k = strlen(real + n + 1);
		holds = strncmp(of_side, real + n + 1, k) == 0 &&
			(of_side[k] == '\0' || of_side[k] == '/');
	}
	free(real);
	return holds;
}

void cli_print_value(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	size_t n = text != NULL ? strlen(text) : 0;

	if (n > VALUE_MAX) {
		n = VALUE_MAX;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		text[n] = '\0';
	}
	cli_print(text != NULL ? text : "?");
	if (n >= VALUE_MAX - 3)
		cli_print("...");
	free(text);
}

json_t *cli_status_of(const char *mount, int *ret_r)
{
	json_t *root = cli_json_of(mount, "status.json", ret_r);

	if (root == NULL)
		return NULL;
	if (!json_is_object(root)) {
		json_decref(root);
		*ret_r = -EPROTO;
		return NULL;
	}
	return root;
}

int cli_unsent(const json_t *status, const char *key)
{
	const json_t *u = json_object_get(status, "unsent");
	json_int_t v = json_integer_value(json_object_get(u, key));

	return v > 0 && v < 1000000000 ? (int)v : 0;
}

/* The second byte of U+0080..U+009F, which some terminals obey. */
static bool is_c1(char c)
{
	return ((unsigned char)c & 0xe0) == 0x80;
}

void cli_print(const char *text)
{
	bool shown = isatty(STDOUT_FILENO);

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (shown && c != '\n' && c != '\t' && (c < 0x20 || c == 0x7f)) {
			putchar('?');
		} else if (shown && c == 0xc2 && is_c1(text[1])) {
			putchar('?');
			text++;
		} else {
			putchar(c);
		}
	}
}
