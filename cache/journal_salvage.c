/* A damaged journal: what can be read of it, row by row, goes into a new file,
 * which takes the damaged one's place.
 *
 *	journal.db.salvage        being filled; worth nothing until
 *	journal.db.salvaged       it is whole and durable, and gets this name
 *	journal.db.damaged-TIME   what was journal.db, kept for a person
 *	journal.db.graft          a copy, if the first page had to be replaced
 *
 * The second name is the point of no return: whoever opens next and finds it
 * carries on from there. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "journal_internal.h"

/* Ids looked for one by one beyond the last that was found: as far as the file
 * says that there are any, or, where it cannot be asked, a little. */
#define PROBE_MAX 1000000
#define PROBE_BLIND 10000

#define PAGE_BYTES 4096 /* SQLite's default, which we never change */

static int suffixed(const char *path, const char *suffix, char **ret)
{
	if (asprintf(ret, "%s%s", path, suffix) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int unlink_with_suffix(const char *path, const char *suffix)
{
	char *name;
	int r = suffixed(path, suffix, &name);

	if (r < 0)
		return r;
	if (unlink(name) < 0 && errno != ENOENT)
		r = -errno;
	free(name);
	return r;
}

/* Removes a database and its companions. */
int journal_unlink_database(const char *path)
{
	int r = unlink_with_suffix(path, "");

	if (r == 0)
		r = unlink_with_suffix(path, "-wal");
	return r < 0 ? r : unlink_with_suffix(path, "-shm");
}

static int rename_if_there(const char *from, const char *to)
{
	if (rename(from, to) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* ---- the first page ---- */

int journal_copy_file(const char *from, const char *to, int64_t offset)
{
	char buf[PAGE_BYTES];
	ssize_t n = 0;
	int r = 0, in = open(from, O_RDONLY | O_CLOEXEC), out;

	if (in < 0)
		return errno == ENOENT ? 0 : -errno;
	out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (out < 0) {
		r = -errno;
		close(in);
		return r;
	}
	while (r == 0) {
		n = pread(in, buf, sizeof(buf), offset);
		if (n <= 0)
			break;
		if (pwrite(out, buf, (size_t)n, offset) != n)
			r = -EIO;
		offset += n;
	}
	if (n < 0)
		r = -errno;
	close(in);
	if (close(out) < 0 && r == 0)
		r = -errno;
	return r;
}

/* The header's count of pages becomes that of the copy, and its free pages
 * none. Source: sqlite.org/fileformat2.html, offsets 28, 32 and 36. */
static int patch_header(const char *path)
{
	unsigned char h[12] = { 0 };
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;
	uint32_t pages;
	off_t end;

	if (fd < 0)
		return -errno;
	end = lseek(fd, 0, SEEK_END);
	pages = end < 0 ? 0 : (uint32_t)(end / PAGE_BYTES);
	for (int i = 0; i < 4; i++)
		h[i] = (unsigned char)(pages >> (24 - 8 * i));
	if (end < 0 || pwrite(fd, h, sizeof(h), 28) != (ssize_t)sizeof(h))
		r = -EIO;
	close(fd);
	return r;
}

/* Page 1 holds the header and the list of tables, and every journal of one
 * version begins with the same tables at the same pages: where ours cannot be
 * read, that of an empty journal does. If it does not fit, no row's sum will
 * hold and nothing is taken. */
static int graft_first_page(const char *path, const char *graft)
{
	struct journal empty = { .wal_fd = -1 };
	char *wal = NULL, *graft_wal = NULL;
	int r = journal_unlink_database(graft);

	if (r == 0)
		r = sql_make_private(graft);
	if (r == 0)
		r = journal_attach(graft, &empty);
	if (r == 0)
		r = journal_migrate(&empty.q);
	journal_detach(&empty);
	if (r == 0)
		r = journal_copy_file(path, graft, PAGE_BYTES);
	if (r == 0)
		r = patch_header(graft);
	if (r == 0)
		r = suffixed(path, "-wal", &wal);
	if (r == 0)
		r = suffixed(graft, "-wal", &graft_wal);
	if (r == 0)
		r = journal_copy_file(wal, graft_wal, 0);
	free(wal);
	free(graft_wal);
	return r;
}

/* ---- rows ---- */

/* The op of this id, with its bytes if they can be read. */
static int read_one(struct journal *from, int64_t id, struct op *ret,
		    bool *ret_sound)
{
	int r = journal_next_locked(from, JS_GET_BYTES, id, ret, ret_sound);

	if (r < 0) {
		r = journal_next_locked(from, JS_GET, id, ret, ret_sound);
		*ret_sound = false;
	}
	return r;
}

/* A walk over the ids of a table, with holes in it. */
struct probe {
	int64_t at, seen; /* looked for, found last */
	int64_t top;      /* the last that may be there; 0: not known */
	size_t missed;    /* could not be read since the last found */
};

static struct probe probe_start(struct journal *from, const char *max,
				const char *counter)
{
	int64_t a = 0, b = 0;

	(void)sql_number(&from->q, max, &a);
	if (counter != NULL)
		(void)sql_number(&from->q, counter, &b);
	return (struct probe){ .top = a > b ? a : b };
}

static bool probe_goes_on(const struct probe *p)
{
	if (p->top == 0)
		return p->at < p->seen + PROBE_BLIND;
	return p->at < p->top && p->at < p->seen + PROBE_MAX;
}

static void probe_found(struct probe *p, int64_t id, size_t *lost)
{
	*lost += p->missed;
	p->missed = 0;
	p->at = p->seen = id;
}

/* Without a known end, what failed last was one stretch of unknown length. */
static void probe_end(const struct probe *p, size_t *lost)
{
	*lost += p->top != 0 ? p->missed : p->missed > 0;
}

static int salvage_ops(struct journal *from, struct journal *to,
		       int64_t *max_id, size_t *lost)
{
	struct probe p = probe_start(from, "SELECT max(id) FROM op",
				     "SELECT n FROM counter WHERE what = 'op'");
	struct op o;
	bool sound;
	int r;

	for (;;) {
		r = journal_next_locked(from, JS_NEXT, p.at, &o, &sound);
		if (r == 0)
			break;
		while (r < 0 && probe_goes_on(&p)) {
			r = read_one(from, ++p.at, &o, &sound);
			p.missed += r < 0;
			r = r == 0 ? -EIO : r; /* not there: look further */
		}
		if (r < 0)
			break;
		probe_found(&p, o.id, lost);
		*lost += !sound;
		r = journal_insert_locked(to, &o);
		op_clear(&o);
		if (r < 0)
			return r;
	}
	probe_end(&p, lost);
	*max_id = p.seen;
	return 0;
}

static int salvage_drafts(struct journal *from, struct journal *to,
			  size_t *lost)
{
	struct probe p = probe_start(from, "SELECT max(no) FROM draft", NULL);
	struct draft_row d;
	int64_t no;
	int r;

	for (;;) {
		no = p.at;
		r = draft_next_locked(from, JS_DRAFT_NEXT, &no, &d);
		if (r == 0)
			break;
		while (r < 0 && probe_goes_on(&p)) {
			no = ++p.at;
			r = draft_next_locked(from, JS_DRAFT_GET, &no, &d);
			p.missed += r < 0;
			r = r == 0 ? -EIO : r;
		}
		if (r < 0)
			break;
		probe_found(&p, no, lost);
		r = draft_put_locked(to, &d);
		draft_row_release(&d);
		if (r < 0)
			return r;
	}
	probe_end(&p, lost);
	return 0;
}

static int set_number(struct journal *to, const char *what, int64_t n)
{
	struct sql_call c = sql_call(&to->q, JS_SET_NUMBER);

	sql_text(&c, what);
	sql_int(&c, n);
	return sql_run(&c);
}

/* No number may be given twice. Where the old counter cannot be read, a wide
 * step beyond what was seen is taken. */
static int salvage_counters(struct journal *from, struct journal *to,
			    int64_t max_id)
{
	int64_t op = 0, local = 0, seen = 0;
	int r;

	if (sql_number(&from->q, "SELECT n FROM counter WHERE what = 'op'",
		       &op) < 0 || op < max_id)
		op = max_id + 1000;
	(void)sql_number(&to->q,
			 "SELECT max(CAST(substr(record, 5) AS INTEGER)) FROM"
			 " (SELECT record FROM op UNION ALL"
			 " SELECT record FROM draft)"
			 " WHERE record LIKE '" LOCAL_ID_PREFIX "%'", &seen);
	if (sql_number(&from->q, "SELECT n FROM counter WHERE what = 'local'",
		       &local) < 0 || local < seen)
		local = (seen > max_id ? seen : max_id) + 100000;
	r = set_number(to, "op", op);
	return r < 0 ? r : set_number(to, "local", local);
}

static int fill(struct journal *from, struct journal *to, size_t *lost)
{
	int64_t max_id = 0;
	int r = journal_begin_locked(to);

	if (r < 0)
		return r;
	r = salvage_ops(from, to, &max_id, lost);
	if (r == 0)
		r = salvage_drafts(from, to, lost);
	if (r == 0)
		r = salvage_counters(from, to, max_id);
	return journal_end_locked(to, r);
}

/* ---- files ---- */

static int sync_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Opens what the rows are read from: the file itself, or a copy of it with
 * another first page. */
static int open_damaged(const char *path, const char *graft,
			struct journal *from, size_t *lost)
{
	int64_t app = 0, n;
	int r = journal_attach(path, from);

	if (r == 0)
		r = sql_number(&from->q, "PRAGMA application_id", &app);
	if (r == 0 && app == JOURNAL_APPLICATION_ID &&
	    sql_number(&from->q,
		       "SELECT count(*) FROM sqlite_schema WHERE name IN"
		       " ('op', 'draft', 'counter')", &n) == 0 && n == 3)
		return 0;
	(*lost)++; /* at the least, something */
	from->q.damaged = true;
	journal_detach(from);
	r = graft_first_page(path, graft);
	return r < 0 ? r : journal_attach(graft, from);
}

static int build(const char *path, const char *graft, const char *to_path,
		 size_t *lost)
{
	struct journal from = { .wal_fd = -1 }, to = { .wal_fd = -1 };
	int r = journal_unlink_database(to_path);

	if (r == 0)
		r = sql_make_private(to_path);
	if (r == 0)
		r = journal_attach(to_path, &to);
	if (r == 0)
		r = journal_migrate(&to.q);
	if (r == 0) {
		r = open_damaged(path, graft, &from, lost);
		if (r == 0)
			r = fill(&from, &to, lost);
		else if (r == -EIO)
			r = 0; /* nothing can be read at all */
		from.q.damaged = true;
		if (from.q.db != NULL)
			journal_detach(&from);
	}
	journal_detach(&to);
	return r < 0 ? r : sync_file(to_path);
}

int journal_salvage(const char *path, size_t *lost)
{
	char *work = NULL, *whole = NULL, *graft = NULL;
	int r = suffixed(path, ".salvage", &work);

	*lost = 0;
	if (r == 0)
		r = suffixed(path, ".salvaged", &whole);
	if (r == 0)
		r = suffixed(path, ".graft", &graft);
	if (r == 0)
		r = build(path, graft, work, lost);
	if (r == 0 && rename(work, whole) < 0)
		r = -errno;
	if (r == 0)
		r = sql_sync_dir(path);
	if (graft != NULL)
		(void)journal_unlink_database(graft);
	free(work);
	free(whole);
	free(graft);
	return r < 0 ? r : journal_salvage_finish(path);
}

static int set_aside(const char *path, const char *wal)
{
	char *aside = NULL, *aside_wal = NULL;
	time_t now = time(NULL);
	int r;

	do {
		free(aside);
		if (asprintf(&aside, "%s.damaged-%lld", path,
			     (long long)now++) < 0)
			return -ENOMEM;
	} while (access(aside, F_OK) == 0);
	r = suffixed(aside, "-wal", &aside_wal);
	/* the -wal first: left beside the new file it would be taken for its */
	if (r == 0)
		r = rename_if_there(wal, aside_wal);
	if (r == 0)
		r = unlink_with_suffix(path, "-shm");
	if (r == 0)
		r = rename_if_there(path, aside);
	free(aside);
	free(aside_wal);
	return r;
}

int journal_salvage_finish(const char *path)
{
	char *whole = NULL, *wal = NULL;
	int r = suffixed(path, ".salvaged", &whole);

	if (r == 0 && access(whole, F_OK) == 0) {
		r = suffixed(path, "-wal", &wal);
		if (r == 0)
			r = set_aside(path, wal);
		if (r == 0 && rename(whole, path) < 0)
			r = -errno;
		if (r == 0)
			r = sql_sync_dir(path);
	}
	free(whole);
	free(wal);
	return r;
}
