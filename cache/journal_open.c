/* Opening a journal: whose file it is, of which version, and whether every row
 * of it can be trusted. */
#include "journal.h"
#include "crash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal_internal.h"

/* NORMAL: a commit is in the file system's hands when it returns, which is
 * what outlives the process; journal_sync does the rest. */
#define PRAGMAS                                                              \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"            \
	"PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"          \
	"PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024;"

/* Step i brings version i to i + 1. */
static const char *const steps[JOURNAL_VERSION] = {
	"CREATE TABLE op (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
	" state INTEGER NOT NULL, saved_ms INTEGER NOT NULL,"
	" not_before_ms INTEGER NOT NULL, sent_ms INTEGER NOT NULL,"
	" tries INTEGER NOT NULL, err INTEGER NOT NULL,"
	" sum INTEGER NOT NULL, state_sum INTEGER NOT NULL,"
	" bytes_sum INTEGER NOT NULL, base TEXT NOT NULL, tbl TEXT NOT NULL,"
	" record TEXT NOT NULL, name TEXT NOT NULL, reason TEXT, theirs TEXT,"
	" changes TEXT, before_cells TEXT, after_cells TEXT, bytes BLOB);"
	"CREATE INDEX op_record ON op (record);"
	"CREATE INDEX op_open ON op (id) WHERE state <> 4;"
	"CREATE INDEX op_done ON op (id) WHERE state = 4;"
	"CREATE TABLE mention (local TEXT NOT NULL, op INTEGER NOT NULL,"
	" PRIMARY KEY (local, op)) WITHOUT ROWID;"
	"CREATE INDEX mention_op ON mention (op);"
	"CREATE TRIGGER op_gone AFTER DELETE ON op BEGIN"
	" DELETE FROM mention WHERE op = old.id; END;"
	"CREATE TABLE draft (no INTEGER PRIMARY KEY, base TEXT NOT NULL,"
	" tbl TEXT NOT NULL, record TEXT NOT NULL, name TEXT NOT NULL,"
	" file TEXT NOT NULL, err INTEGER NOT NULL, sum INTEGER NOT NULL,"
	" reason TEXT, UNIQUE (tbl, record));"
	"CREATE TABLE counter (what TEXT PRIMARY KEY, n INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"INSERT INTO counter VALUES ('op', 0), ('local', 0);",
};

static int identify(struct sql *q, int64_t *ret_version)
{
	int64_t app, tables;
	int r = sql_number(q, "PRAGMA application_id", &app);

	if (r == 0)
		r = sql_number(q, "PRAGMA user_version", ret_version);
	if (r == 0)
		r = sql_number(q, "SELECT count(*) FROM sqlite_schema",
			       &tables);
	if (r < 0)
		return r;
	if (app == 0 && *ret_version == 0 && tables == 0)
		return 0; /* empty */
	if (app != JOURNAL_APPLICATION_ID || *ret_version < 0 ||
	    *ret_version > JOURNAL_VERSION)
		return -EPROTONOSUPPORT;
	return 0;
}

int journal_migrate(struct sql *q)
{
	char mark[96];
	int64_t v;
	int r = identify(q, &v);

	if (r < 0 || v == JOURNAL_VERSION)
		return r;
	r = sql_exec(q, "BEGIN IMMEDIATE");
	for (; r == 0 && v < JOURNAL_VERSION; v++)
		r = sql_exec(q, steps[v]);
	snprintf(mark, sizeof(mark),
		 "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		 JOURNAL_APPLICATION_ID, JOURNAL_VERSION);
	if (r == 0)
		r = sql_exec(q, mark);
	if (r == 0)
		r = sql_exec(q, "COMMIT");
	if (r < 0)
		sql_rollback(q);
	return r;
}

int journal_attach(const char *path, struct journal *j)
{
	j->wal_fd = -1;
	return sql_open(&j->q, path, false, PRAGMAS, journal_text, JS_N);
}

void journal_detach(struct journal *j)
{
	if (j->wal_fd >= 0)
		close(j->wal_fd);
	j->wal_fd = -1;
	sql_close(&j->q);
}

int journal_begin_locked(struct journal *j)
{
	struct sql_call c = sql_call(&j->q, JS_BEGIN);

	return sql_run(&c);
}

int journal_end_locked(struct journal *j, int r)
{
	if (r == 0) {
		struct sql_call c = sql_call(&j->q, JS_COMMIT);

		r = sql_run(&c);
	}
	if (r < 0)
		sql_rollback(&j->q);
	return r;
}

static int pages_are_sound(struct sql *q)
{
	sqlite3_stmt *st = NULL;
	const unsigned char *text;
	int rc = sqlite3_prepare_v2(q->db, "PRAGMA quick_check(1)", -1, &st,
				    NULL);
	int r;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	r = sql_error(q, rc);
	if (rc == SQLITE_ROW) {
		text = sqlite3_column_text(st, 0);
		if (text == NULL || strcmp((const char *)text, "ok") != 0)
			q->damaged = true;
	}
	sqlite3_finalize(st);
	return r;
}

static int rows_are_sound(struct journal *j)
{
	struct op o;
	struct draft_row d;
	int64_t at = 0;
	int r;

	while ((r = journal_next_locked(j, JS_NEXT, at, &o, NULL)) > 0) {
		at = o.id;
		op_clear(&o);
	}
	at = 0;
	while (r == 0 &&
	       (r = draft_next_locked(j, JS_DRAFT_NEXT, &at, &d)) > 0) {
		draft_row_release(&d);
		r = 0;
	}
	return r;
}

/* Opens, makes it of our version, and reads every row once. */
static int open_and_check(const char *path, struct journal *j)
{
	int r = journal_attach(path, j);

	if (r == 0)
		r = journal_migrate(&j->q);
	if (r == 0)
		r = pages_are_sound(&j->q);
	if (r == 0 && !j->q.damaged)
		r = rows_are_sound(j);
	return r == 0 && j->q.damaged ? -EIO : r;
}

/* What was being sent when the last process ended may have arrived or not. */
static int forget_sending(struct journal *j)
{
	struct op o;
	int64_t at = 0;
	int r;

	while ((r = journal_next_locked(j, JS_NEXT_OPEN, at, &o, NULL)) > 0) {
		struct op *one = &o;

		at = o.id;
		r = o.state == OP_SENDING ?
			    journal_set_states(j, &one, 1, OP_UNKNOWN) : 0;
		op_clear(&o);
		if (r < 0)
			break;
	}
	return r;
}

/* Keeps a descriptor for journal_sync. The directory is synced here, once, so
 * that the names are as durable as what is written under them later. */
static int find_wal(const char *path, struct journal *j)
{
	const char *wal = sqlite3_filename_wal(
		sqlite3_db_filename(j->q.db, "main"));

	j->wal_fd = open(wal, O_RDWR | O_CLOEXEC);
	if (j->wal_fd < 0) {
		if (errno != ENOENT)
			return -errno;
		/* a file system without shared memory: commits sync */
		if (sql_exec(&j->q, "PRAGMA synchronous = FULL") < 0)
			return -EIO;
	}
	return sql_sync_dir(path);
}

int journal_open(const char *path, struct journal **ret, size_t *salvaged)
{
	struct journal *j = calloc(1, sizeof(*j));
	char *kept = NULL;
	size_t lost = 0;
	bool torn = false;
	int r;

	if (j == NULL)
		return -ENOMEM;
	lock_init(&j->mu, LOCK_JOURNAL);
	j->wal_fd = -1;
	r = journal_salvage_finish(path);
	if (r == 0)
		r = sql_make_private(path);
	if (r == 0)
		r = journal_wal_look(path, &torn);
	if (r == 0 && torn)
		r = journal_wal_keep(path, &kept);
	if (r == 0)
		r = open_and_check(path, j);
	if (r < 0 && j->q.damaged) {
		journal_detach(j);
		r = journal_salvage(path, &lost);
		if (r == 0)
			r = open_and_check(path, j);
	}
	if (r == 0 && kept != NULL)
		r = journal_wal_take(j, path, kept, &lost);
	free(kept);
	if (r == 0)
		r = forget_sending(j);
	crash_at(CRASH_JOURNAL_OPENED);
	if (r == 0)
		r = find_wal(path, j);
	if (r < 0) {
		journal_close(j);
		return r;
	}
	if (salvaged != NULL)
		*salvaged = lost;
	*ret = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	journal_detach(j);
	lock_release(&j->mu);
	free(j);
}

/* Without the lock: what was committed before the call is in the -wal, or has
 * been synced into the file itself by the checkpoint that emptied the -wal. */
int journal_sync(struct journal *j)
{
	int r = 0;

	if (j->wal_fd < 0)
		return 0;
	if (j->unsure) {
		/* After a failed sync the kernel may have dropped pages and
		 * call the next one good: write everything once more. */
		lock_take(&j->mu);
		r = sql_exec(&j->q, "PRAGMA wal_checkpoint(TRUNCATE)");
		if (r == 0)
			j->unsure = false;
		lock_drop(&j->mu);
		return r;
	}
	if (fdatasync(j->wal_fd) < 0) {
		r = errno == ENOSPC || errno == EDQUOT ? -errno : -EIO;
		j->unsure = true;
	}
	return r;
}
