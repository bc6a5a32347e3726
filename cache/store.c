/* The store's file and connections: opening, the pool of readers, the one
 * writer, small values. */
#include "store.h"

#include <errno.h>
#include <stdatomic.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "airtable/log.h"
#include "store_internal.h"

/* NORMAL syncs only when the -wal is folded into the file, so a power cut may
 * cost the newest pages but cannot leave a torn file that looks sound. The
 * sizes keep a store of half a million records in a few MiB of memory. */
#define WAL_FOLD_PAGES 4000  /* 16 MiB: time to fold it into the file */
#define WAL_MAX_PAGES 40000  /* 160 MiB: writers wait until that is done */

#define WRITER_PRAGMAS                                                       \
	"PRAGMA page_size = 4096;" /* SUMS_PAGE */                           \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"            \
	"PRAGMA cache_size = -8192;"       \
	"PRAGMA journal_size_limit = 33554432; PRAGMA temp_store = MEMORY;"  \
	"PRAGMA trusted_schema = OFF;"
#define READER_PRAGMAS                                                       \
	"PRAGMA cache_size = -1024; PRAGMA query_only = ON;"                 \
	"PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"

#define FOLDER_PRAGMAS "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64;"

/* ---- the file ---- */

static char *companion(const char *path, const char *suffix)
{
	char *name;

	return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

/* Damage that is met while the store is in use is remembered beside it, so
 * that the next open begins anew even if it would look sound by then. */
static void mark_bad(struct store *s)
{
	char *mark;
	int fd;

	if (atomic_exchange(&s->bad, true))
		return;
	log_error("the cache file '%s' is damaged: what cannot be read of it "
		  "is an error; unmount and mount again to have it made anew",
		  s->path);
	mark = companion(s->path, "-bad");
	if (mark == NULL)
		return;
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	free(mark);
}

static bool is_marked_bad(const char *path)
{
	char *mark = companion(path, "-bad");
	bool there = mark != NULL && access(mark, F_OK) == 0;

	free(mark);
	return there;
}

/* The newest unusable file is kept as path.old, for whoever looks into it. */
static int set_aside(const char *path)
{
	static const char *const ends[] = { "-wal", "-shm", "-bad" };
	char *old = companion(path, ".old");
	int r = 0;

	if (old == NULL)
		return -ENOMEM;
	if (rename(path, old) < 0 && errno != ENOENT)
		r = -errno;
	free(old);
	for (size_t i = 0; r == 0 && i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *name = companion(path, ends[i]);

		if (name == NULL)
			return -ENOMEM;
		if (unlink(name) < 0 && errno != ENOENT)
			r = -errno;
		free(name);
	}
	return r;
}

static int make_tables(struct sql *q)
{
	char mark[96];
	int r = sql_exec(q, "BEGIN IMMEDIATE");

	snprintf(mark, sizeof(mark),
		 "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		 STORE_APPLICATION_ID, STORE_VERSION);
	if (r == 0)
		r = sql_exec(q, store_tables);
	if (r == 0)
		r = sql_exec(q, mark);
	if (r == 0)
		r = sql_exec(q, "COMMIT");
	if (r < 0)
		sql_rollback(q);
	return r;
}

/* Prepares every statement, which proves that the tables are as they should
 * be, and reads a row of each of the trees that all else hangs on. */
static int try_tables(struct sql *q)
{
	static const char *const probes[] = {
		"SELECT max(no) FROM base", "SELECT max(no) FROM tbl",
		"SELECT max(pos) FROM record", "SELECT max(pos) FROM content",
		"SELECT max(vid) FROM version",
	};
	int64_t n;
	int r = 0;

	for (size_t i = 0; r == 0 && i < SS_N; i++) {
		struct sql_call c = sql_call(q, i);

		r = c.err;
		sql_end(&c);
	}
	for (size_t i = 0; r == 0 && i < sizeof(probes) / sizeof(probes[0]);
	     i++)
		r = sql_number(q, probes[i], &n);
	return r;
}

/* Another version's file counts as damaged: it can be fetched again. */
static int open_writer(const char *path, struct sql *q)
{
	int64_t app, version, tables;
	int r = sql_open(q, path, true, WRITER_PRAGMAS, store_text, SS_N);

	if (r == 0)
		r = sql_number(q, "PRAGMA application_id", &app);
	if (r == 0)
		r = sql_number(q, "PRAGMA user_version", &version);
	if (r == 0)
		r = sql_number(q, "SELECT count(*) FROM sqlite_schema",
			       &tables);
	if (r < 0)
		return r;
	if (app == 0 && version == 0 && tables == 0)
		return make_tables(q);
	if (app != STORE_APPLICATION_ID || version != STORE_VERSION) {
		q->damaged = true;
		return -EIO;
	}
	return try_tables(q);
}

/* ---- readers ---- */

bool store_is_owner(struct store *s)
{
	pthread_t owner = atomic_load(&s->owner);

	/* only this thread can have set it to itself */
	return owner != 0 && pthread_equal(owner, pthread_self());
}

static size_t take_slot(struct store *s)
{
	size_t best;

	pthread_mutex_lock(&s->pool_mu);
	for (;;) {
		best = STORE_READERS;
		for (size_t i = STORE_READERS; i-- > 0;) {
			if (!s->busy[i] && (s->open[i] || !s->no_more) &&
			    (best == STORE_READERS ||
					    s->open[i] || !s->open[best]))
				best = i;
		}
		if (best < STORE_READERS)
			break;
		pthread_cond_wait(&s->pool_freed, &s->pool_mu);
	}
	s->busy[best] = true;
	pthread_mutex_unlock(&s->pool_mu);
	return best;
}

static void give_slot(struct store *s, size_t i, bool open)
{
	pthread_mutex_lock(&s->pool_mu);
	s->busy[i] = false;
	s->open[i] = open;
	pthread_cond_signal(&s->pool_freed);
	pthread_mutex_unlock(&s->pool_mu);
}

/* The file cannot be opened once more: it was deleted, most likely. Those that
 * have it open go on with it, and the first reader always has. */
static void no_more(struct store *s, size_t i, int err)
{
	bool first;

	give_slot(s, i, false);
	pthread_mutex_lock(&s->pool_mu);
	first = !s->no_more;
	s->no_more = true;
	pthread_mutex_unlock(&s->pool_mu);
	if (first)
		log_warn("the cache file '%s' is gone or cannot be opened "
			 "(%s): what is in use goes on, the next mount begins "
			 "anew", s->path, strerror(-err));
}

int store_reader(struct store *s, struct sql **ret)
{
	size_t i;
	int r;

	if (store_is_owner(s)) {
		*ret = &s->writer;
		return 0;
	}
	for (;;) {
		i = take_slot(s);
		if (s->readers[i].db != NULL)
			break;
		r = sql_open(&s->readers[i], s->path, true, READER_PRAGMAS,
			     store_text, SS_N);
		if (r < 0) {
			no_more(s, i, r);
			continue;
		}
		break;
	}
	*ret = &s->readers[i];
	return 0;
}

void store_reader_done(struct store *s, struct sql *q)
{
	if (q->damaged)
		mark_bad(s);
	if (q != &s->writer)
		give_slot(s, (size_t)(q - s->readers), true);
}

/* ---- folding the -wal into the file ----
 *
 * It syncs, which takes as long as the disk likes, so a thread of its own does
 * it and a commit never waits. It starts when it is first needed: a process
 * that opens the store and then forks into the background has none to lose. */

static void *fold(void *arg)
{
	struct store *s = arg;
	struct sql q;
	bool open = sql_open(&q, s->path, true, FOLDER_PRAGMAS,
			     NULL, 0) == 0;

	pthread_mutex_lock(&s->fold_mu);
	for (;;) {
		while (!s->fold_stop && !s->fold_wanted)
			pthread_cond_wait(&s->fold_moved, &s->fold_mu);
		if (s->fold_stop)
			break;
		pthread_mutex_unlock(&s->fold_mu);
		/* a failure leaves the -wal as it is, for the next time */
		if (open)
			(void)sqlite3_wal_checkpoint_v2(
				q.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
				NULL);
		pthread_mutex_lock(&s->fold_mu);
		s->fold_wanted = false;
		pthread_cond_broadcast(&s->fold_moved);
	}
	pthread_mutex_unlock(&s->fold_mu);
	if (open)
		sql_close(&q);
	return NULL;
}

static int note_wal_size(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct store *s = ctx;

	(void)db;
	(void)name;
	s->wal_pages = pages;
	return SQLITE_OK;
}

static void want_fold(struct store *s)
{
	pthread_mutex_lock(&s->fold_mu);
	if (!s->folding)
		s->folding = pthread_create(&s->folder, NULL, fold, s) == 0;
	s->fold_wanted = s->folding;
	pthread_cond_broadcast(&s->fold_moved);
	pthread_mutex_unlock(&s->fold_mu);
	if (!s->folding) /* no thread to be had: here, then */
		(void)sqlite3_wal_checkpoint_v2(s->writer.db, NULL,
						SQLITE_CHECKPOINT_PASSIVE,
						NULL, NULL);
}

/* With the writer lock held: nothing is added to the -wal meanwhile, so that it
 * is folded whole and begun again by the next commit. */
static void wait_for_fold(struct store *s)
{
	want_fold(s);
	pthread_mutex_lock(&s->fold_mu);
	while (s->fold_wanted)
		pthread_cond_wait(&s->fold_moved, &s->fold_mu);
	pthread_mutex_unlock(&s->fold_mu);
	s->wal_pages = 0;
}

static void stop_folding(struct store *s)
{
	if (!s->folding)
		return;
	pthread_mutex_lock(&s->fold_mu);
	s->fold_stop = true;
	pthread_cond_broadcast(&s->fold_moved);
	pthread_mutex_unlock(&s->fold_mu);
	pthread_join(s->folder, NULL);
}

/* ---- the writer ---- */

int store_begin(struct store *s)
{
	struct sql_call c;
	int r;

	if (store_is_owner(s))
		return -EDEADLK;
	lock_take(&s->write_mu);
	if (s->wal_pages > WAL_MAX_PAGES)
		wait_for_fold(s);
	s->txn_err = 0;
	s->at = (struct store_counters){ .table_no = 0 };
	c = sql_call(&s->writer, SS_BEGIN);
	r = sql_run(&c);
	if (r < 0) {
		if (s->writer.damaged)
			mark_bad(s);
		lock_drop(&s->write_mu);
		return r;
	}
	atomic_store(&s->owner, pthread_self());
	return 0;
}

void store_rollback(struct store *s)
{
	if (!store_is_owner(s))
		return;
	sql_rollback(&s->writer);
	if (s->writer.damaged)
		mark_bad(s);
	atomic_store(&s->owner, (pthread_t)0);
	lock_drop(&s->write_mu);
}

int store_commit(struct store *s)
{
	int r;

	if (!store_is_owner(s))
		return -EINVAL;
	r = s->txn_err;
	if (r == 0)
		r = store_save_counters(s);
	if (r == 0) {
		struct sql_call c = sql_call(&s->writer, SS_COMMIT);

		r = sql_run(&c);
	}
	if (r == 0 && s->wal_pages > WAL_FOLD_PAGES)
		want_fold(s);
	store_rollback(s); /* nothing to take back after a commit */
	return r;
}

int store_writer(struct store *s, struct sql **ret)
{
	if (!store_is_owner(s))
		return -EINVAL;
	*ret = &s->writer;
	return s->txn_err;
}

int store_wrote(struct store *s, int r)
{
	if (r < 0 && r != -ENOENT && r != -EEXIST && s->txn_err == 0)
		s->txn_err = r;
	return r;
}

int store_load_counters(struct store *s, uint32_t table_no)
{
	struct sql_call c;
	int r;

	if (s->at.table_no == table_no)
		return 0;
	r = store_save_counters(s);
	if (r < 0)
		return r;
	c = sql_call(&s->writer, SS_COUNTERS);
	sql_int(&c, table_no);
	r = sql_step(&c);
	if (r > 0) {
		s->at.table_no = table_no;
		s->at.next_seq = sqlite3_column_int64(c.st, 0);
		s->at.rows = sqlite3_column_int64(c.st, 1);
	}
	sql_end(&c);
	return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

int store_save_counters(struct store *s)
{
	struct sql_call c;
	int r;

	if (s->at.table_no == 0 || !s->at.moved) {
		s->at.table_no = 0;
		return 0;
	}
	c = sql_call(&s->writer, SS_COUNTERS_SET);
	sql_int(&c, s->at.table_no);
	sql_int(&c, s->at.next_seq);
	sql_int(&c, s->at.rows);
	r = sql_run(&c);
	s->at.table_no = 0;
	s->at.moved = false;
	return r;
}

/* ---- open and close ---- */

int store_open(const char *path, struct store **ret)
{
	struct store *s = calloc(1, sizeof(*s));
	int r = 0;

	if (s == NULL)
		return -ENOMEM;
	lock_init(&s->write_mu, LOCK_STORE);
	pthread_mutex_init(&s->pool_mu, NULL);
	pthread_cond_init(&s->pool_freed, NULL);
	pthread_mutex_init(&s->fold_mu, NULL);
	pthread_cond_init(&s->fold_moved, NULL);
	s->path = strdup(path);
	if (s->path == NULL)
		r = -ENOMEM;
	if (r == 0 && is_marked_bad(path))
		r = set_aside(path);
	if (r == 0)
		r = sql_make_private(path);
	if (r == 0)
		r = open_writer(path, &s->writer);
	if (r < 0 && s->writer.damaged) {
		sql_close(&s->writer);
		r = set_aside(path);
		if (r == 0)
			r = sql_make_private(path);
		if (r == 0)
			r = open_writer(path, &s->writer);
	}
	if (r < 0) {
		store_close(s);
		return r;
	}
	sqlite3_wal_hook(s->writer.db, note_wal_size, s);
	/* one at least can read from now on, whatever becomes of the path */
	r = sql_open(&s->readers[STORE_READERS - 1], path, true, READER_PRAGMAS,
		     store_text, SS_N);
	if (r < 0) {
		store_close(s);
		return r;
	}
	s->open[STORE_READERS - 1] = true;
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	stop_folding(s);
	for (size_t i = 0; i < STORE_READERS; i++)
		sql_close(&s->readers[i]);
	sql_close(&s->writer);
	pthread_mutex_destroy(&s->fold_mu);
	pthread_cond_destroy(&s->fold_moved);
	lock_release(&s->write_mu);
	pthread_mutex_destroy(&s->pool_mu);
	pthread_cond_destroy(&s->pool_freed);
	free(s->path);
	free(s);
}
