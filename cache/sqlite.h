/* sqlite - what both databases need of SQLite: opening with the right modes,
 * statements prepared once, and one table from result codes to errno.
 *
 * A call goes so, and needs no check before its end, because the first error
 * is kept in it:
 *
 *	struct sql_call c = sql_call(q, ST_FIND);
 *	sql_int(&c, table_no);
 *	sql_text(&c, name);
 *	r = sql_step(&c);             1 a row, 0 no more, or -errno
 *	... sqlite3_column_* (c.st, i) ...
 *	sql_end(&c);
 *
 * Arguments are not copied: they must stay as they are until sql_end.
 * Units:   sizes in bytes.
 * Owns:    struct sql owns its connection and statements.
 * Threads: one at a time per struct sql (opened without SQLite's own mutex).
 * Errors:  0 or -errno: -ENOSPC, -EDQUOT, -EROFS, -ENOMEM, -EBUSY (another
 *          process holds the file), -EEXIST (a unique index said no), -EIO for
 *          the rest. `damaged` is set as well when the file's content is bad.
 * Source:  sqlite.org/rescode.html for the codes. */
#ifndef ATFS_SQLITE_H
#define ATFS_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

struct sql {
	sqlite3 *db;
	const char *const *text; /* statements by number; not owned */
	sqlite3_stmt **stmt;     /* prepared when first used */
	size_t n;
	bool damaged;            /* SQLITE_CORRUPT or SQLITE_NOTADB was seen */
};

struct sql_call {
	struct sql *q;
	sqlite3_stmt *st; /* NULL if it could not be prepared */
	int arg;          /* arguments given so far */
	int err;          /* first error, -errno */
};

/* Makes the file if it is not there and gives it mode 0600, whatever the
 * umask; SQLite's -wal and -shm take their mode from it. Not while the
 * process has it open in SQLite: closing a second descriptor drops the locks
 * of the first. */
int sql_make_private(const char *path);
/* Makes the entries of path's directory durable. */
int sql_sync_dir(const char *path);

/* Opens path (which exists) and runs the pragmas; with_sums: through
 * sqlite_sums.h. On failure q is closed but
 * q->damaged tells whether the content was the cause. */
int sql_open(struct sql *q, const char *path, bool with_sums,
	     const char *pragmas, const char *const *text, size_t n);
/* Does nothing on a closed or zeroed q. */
void sql_close(struct sql *q);

int sql_error(struct sql *q, int rc);
int sql_exec(struct sql *q, const char *text);
/* The first column of the first row; -ENOENT if there is none. */
int sql_number(struct sql *q, const char *text, int64_t *ret);
/* Rolls back if a transaction is open; keeps errno-free silence. */
void sql_rollback(struct sql *q);

struct sql_call sql_call(struct sql *q, size_t which);
void sql_int(struct sql_call *c, int64_t v);
void sql_text(struct sql_call *c, const char *s); /* NULL is SQL's NULL */
void sql_blob(struct sql_call *c, const void *p, size_t n);
int sql_step(struct sql_call *c);
void sql_end(struct sql_call *c);
/* Steps to the end of a statement whose rows do not matter, and ends it. */
int sql_run(struct sql_call *c);

/* Column i: a copy (*ret is NULL for SQL's NULL), or text cut to fit n. */
int sql_col_dup(const struct sql_call *c, int i, char **ret, size_t *ret_n);
void sql_col_copy(const struct sql_call *c, int i, char *out, size_t n);

/* FNV-1a, 64 bits, over length and bytes of each part in turn: notices torn
 * and mixed-up rows, proves nothing against malice.
 * Source: draft-eastlake-fnv, offset basis and prime. */
#define SQL_SUM_START UINT64_C(0xcbf29ce484222325)
uint64_t sql_sum(uint64_t sum, const void *p, size_t n);
uint64_t sql_sum_text(uint64_t sum, const char *s); /* NULL differs from "" */
uint64_t sql_sum_int(uint64_t sum, int64_t v);

#endif
