#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite_sums.h"

/* How long a statement waits for another process that holds the file. The
 * daemon is alone on its files but for a moment of `airtablefs queue`. */
#define BUSY_MS 5000

int sql_make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0)
		r = -errno;
	close(fd);
	return r;
}

int sql_sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".") :
		    slash == path ? strdup("/") :
		    strndup(path, (size_t)(slash - path));
	int fd, r = 0;

	if (dir == NULL)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
	} else {
		/* some file systems have no sync of directories: EINVAL */
		if (fsync(fd) < 0 && errno != EINVAL)
			r = -errno;
		close(fd);
	}
	free(dir);
	return r;
}

/* For a file that is still to be made; another says itself what it keeps. */
static int keep_room_for_sums(struct sql *q)
{
	int n = SUMS_RESERVED;
	int rc = sqlite3_file_control(q->db, "main", SQLITE_FCNTL_RESERVE_BYTES,
				      &n);

	return sql_error(q, rc);
}

int sql_open(struct sql *q, const char *path, bool with_sums,
	     const char *pragmas, const char *const *text, size_t n)
{
	const char *vfs = with_sums ? sqlite_sums_name() : NULL;
	bool damaged;
	int rc, r;

	memset(q, 0, sizeof(*q));
	q->text = text;
	q->n = n;
	q->stmt = calloc(n > 0 ? n : 1, sizeof(sqlite3_stmt *));
	if (q->stmt == NULL)
		return -ENOMEM;
	rc = sqlite3_open_v2(path, &q->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);
	if (q->db == NULL) {
		sql_close(q);
		return -ENOMEM;
	}
	sqlite3_extended_result_codes(q->db, 1);
	sqlite3_busy_timeout(q->db, BUSY_MS);
	r = sql_error(q, rc);
	if (r == 0 && with_sums)
		r = keep_room_for_sums(q);
	if (r == 0)
		r = sql_exec(q, pragmas);
	if (r < 0) {
		damaged = q->damaged;
		sql_close(q);
		q->damaged = damaged;
	}
	return r;
}

void sql_close(struct sql *q)
{
	for (size_t i = 0; q->stmt != NULL && i < q->n; i++)
		sqlite3_finalize(q->stmt[i]);
	free(q->stmt);
	if (q->db != NULL) {
		/* what is damaged stays as it is, for whoever looks at it */
		if (q->damaged)
			sqlite3_db_config(q->db,
					  SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
					  NULL);
		sqlite3_close_v2(q->db);
	}
	memset(q, 0, sizeof(*q));
}

/* The errno of the system call that failed. A commit that cannot be written
 * leaves it only with the file that was written, mostly the -wal. */
static int last_errno(struct sql *q)
{
	static const int files[] = { SQLITE_FCNTL_JOURNAL_POINTER,
				     SQLITE_FCNTL_FILE_POINTER };
	int e = q->db != NULL ? sqlite3_system_errno(q->db) : 0;

	for (size_t i = 0; q->db != NULL && e == 0 && i < 2; i++) {
		sqlite3_file *f = NULL;

		if (sqlite3_file_control(q->db, "main", files[i], &f) == 0 &&
		    f != NULL && f->pMethods != NULL)
			(void)f->pMethods->xFileControl(
				f, SQLITE_FCNTL_LAST_ERRNO, &e);
	}
	return e;
}

/* For the codes that a system call's failure is behind. */
static int system_error(struct sql *q)
{
	int e = last_errno(q);

	switch (e) {
	case EFBIG: /* the process's file size limit: no room, to a user */
	case ENOSPC:
		return -ENOSPC;
	case EDQUOT:
	case EROFS:
	case EACCES:
	case EPERM:
	case ENOENT:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return -e;
	default:
		return -EIO;
	}
}

int sql_error(struct sql *q, int rc)
{
	int r;

	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return rc == SQLITE_READONLY_DBMOVED ? -EIO : -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -EFBIG;
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_DATA) { /* a wrong sum */
			q->damaged = true;
			return -EIO;
		}
		if (rc == SQLITE_IOERR_NOMEM)
			return -ENOMEM;
		r = system_error(q);
		/* to those above it would mean that there is no such row */
		return r == -ENOENT ? -EIO : r;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return system_error(q);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		q->damaged = true;
		return -EIO;
	default:
		return -EIO;
	}
}

int sql_exec(struct sql *q, const char *text)
{
	return sql_error(q, sqlite3_exec(q->db, text, NULL, NULL, NULL));
}

int sql_number(struct sql *q, const char *text, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(q->db, text, -1, &st, NULL), r;

	if (rc != SQLITE_OK)
		return sql_error(q, rc);
	rc = sqlite3_step(st);
	r = sql_error(q, rc);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	else if (rc == SQLITE_DONE)
		r = -ENOENT;
	sqlite3_finalize(st);
	return r;
}

void sql_rollback(struct sql *q)
{
	/* SQLite has rolled back by itself after a full disk */
	if (q->db != NULL && sqlite3_get_autocommit(q->db) == 0)
		(void)sqlite3_exec(q->db, "ROLLBACK", NULL, NULL, NULL);
}

struct sql_call sql_call(struct sql *q, size_t which)
{
	struct sql_call c = { .q = q };
	int rc;

	if (q->stmt[which] == NULL) {
		rc = sqlite3_prepare_v3(q->db, q->text[which], -1,
					SQLITE_PREPARE_PERSISTENT,
					&q->stmt[which], NULL);
		if (rc != SQLITE_OK) {
			c.err = sql_error(q, rc);
			/* our texts are right, so the tables are not ours */
			if ((rc & 0xff) == SQLITE_ERROR)
				q->damaged = true;
			return c;
		}
	}
	c.st = q->stmt[which];
	return c;
}

static void bound(struct sql_call *c, int rc)
{
	if (rc != SQLITE_OK && c->err == 0)
		c->err = sql_error(c->q, rc);
}

void sql_int(struct sql_call *c, int64_t v)
{
	if (c->st != NULL)
		bound(c, sqlite3_bind_int64(c->st, ++c->arg, v));
}

void sql_text(struct sql_call *c, const char *s)
{
	if (c->st != NULL)
		bound(c, sqlite3_bind_text(c->st, ++c->arg, s, -1,
					   SQLITE_STATIC));
}

void sql_blob(struct sql_call *c, const void *p, size_t n)
{
	if (c->st == NULL)
		return;
	/* an empty blob needs a pointer, or it would be SQL's NULL */
	if (p != NULL && n == 0)
		bound(c, sqlite3_bind_zeroblob(c->st, ++c->arg, 0));
	else
		bound(c, sqlite3_bind_blob64(c->st, ++c->arg, p, n,
					     SQLITE_STATIC));
}

int sql_step(struct sql_call *c)
{
	int rc;

	if (c->err < 0)
		return c->err;
	rc = sqlite3_step(c->st);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		c->err = sql_error(c->q, rc);
	return c->err;
}

void sql_end(struct sql_call *c)
{
	if (c->st == NULL)
		return;
	(void)sqlite3_reset(c->st); /* repeats the error of the last step */
	(void)sqlite3_clear_bindings(c->st);
	c->st = NULL;
}

int sql_run(struct sql_call *c)
{
	int r;

	do {
		r = sql_step(c);
	} while (r > 0);
	sql_end(c);
	return r;
}

int sql_col_dup(const struct sql_call *c, int i, char **ret, size_t *ret_n)
{
	const void *p;
	size_t n;

	*ret = NULL;
	if (ret_n != NULL)
		*ret_n = 0;
	if (sqlite3_column_type(c->st, i) == SQLITE_NULL)
		return 0;
	p = sqlite3_column_blob(c->st, i);
	n = (size_t)sqlite3_column_bytes(c->st, i);
	if (p == NULL && n > 0)
		return -ENOMEM;
	*ret = malloc(n + 1);
	if (*ret == NULL)
		return -ENOMEM;
	if (n > 0)
		memcpy(*ret, p, n);
	(*ret)[n] = '\0';
	if (ret_n != NULL)
		*ret_n = n;
	return 0;
}

void sql_col_copy(const struct sql_call *c, int i, char *out, size_t n)
{
	const void *p = sqlite3_column_blob(c->st, i);
	size_t len = (size_t)sqlite3_column_bytes(c->st, i);

	if (p == NULL)
		len = 0;
	if (len > n - 1)
		len = n - 1;
	if (len > 0)
		memcpy(out, p, len);
	out[len] = '\0';
}

static uint64_t mix(uint64_t sum, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum ^= p[i];
		sum *= UINT64_C(0x100000001b3);
	}
	return sum;
}

uint64_t sql_sum(uint64_t sum, const void *p, size_t n)
{
	uint64_t len = n;

	sum = mix(sum, (const unsigned char *)&len, sizeof(len));
	return mix(sum, p, n);
}

uint64_t sql_sum_text(uint64_t sum, const char *s)
{
	/* no text has this length */
	if (s == NULL)
		return sql_sum_int(sum, -1);
	return sql_sum(sum, s, strlen(s));
}

uint64_t sql_sum_int(uint64_t sum, int64_t v)
{
	return mix(sum, (const unsigned char *)&v, sizeof(v));
}
