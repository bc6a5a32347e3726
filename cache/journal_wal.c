/* A log (-wal) that is damaged in its middle. SQLite believes it up to the first
 * frame whose checksum does not hold, and says nothing of those behind it, each
 * of which may be a save that was accepted. Here that is noticed: the files are
 * kept as they are under another name, and what stands behind the bad frame is
 * taken over row by row, as their own sums allow.
 *
 * A frame cut short at the very end is no damage: the process died while it
 * wrote, and nobody had been told that it was kept.
 * Source: sqlite.org/walformat.html; sqlite.org/fileformat2.html section 4. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "journal_internal.h"

#define WAL_MAGIC 0x377f0682u /* or with the lowest bit: big-endian sums */
#define HEADER 32
#define FRAME 24

struct wal {
	unsigned char *p;
	size_t n, page;
	bool big;
	uint32_t s0, s1; /* the running checksum */
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t word(const struct wal *w, const unsigned char *p)
{
	return w->big ? be32(p) :
			(uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
				(uint32_t)p[1] << 8 | p[0];
}

static void sum(struct wal *w, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		w->s0 += word(w, p + i) + w->s1;
		w->s1 += word(w, p + i + 4) + w->s0;
	}
}

static int read_all(const char *path, struct wal *w)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (st.st_size > 0)
		w->p = malloc((size_t)st.st_size);
	while (w->p != NULL && w->n < (size_t)st.st_size) {
		ssize_t k = pread(fd, w->p + w->n, (size_t)st.st_size - w->n,
				  (off_t)w->n);

		if (k <= 0)
			break;
		w->n += (size_t)k;
	}
	close(fd);
	return r < 0 ? r : st.st_size > 0 && w->p == NULL ? -ENOMEM : 0;
}

/* Reads the header; with mend its own sum is made right. */
static bool header_holds(struct wal *w, bool mend)
{
	uint32_t magic = w->n >= HEADER ? be32(w->p) : 0;

	if ((magic & ~1u) != WAL_MAGIC)
		return false;
	w->big = (magic & 1) != 0;
	w->page = be32(w->p + 8);
	w->s0 = w->s1 = 0;
	sum(w, w->p, 24);
	if (w->page < 512 || w->page > 65536)
		return false;
	if (mend) {
		put32(w->p + 24, w->s0);
		put32(w->p + 28, w->s1);
	}
	return be32(w->p + 24) == w->s0 && be32(w->p + 28) == w->s1;
}

/* Whether a commit stands behind a frame that does not hold; with mend the sums
 * are made right on the way. */
static bool walk_frames(struct wal *w, bool mend)
{
	bool bad = false, torn = false;
	unsigned char *f;

	for (size_t at = HEADER; at + FRAME + w->page <= w->n;
	     at += FRAME + w->page) {
		f = w->p + at;
		if (memcmp(f + 8, w->p + 16, 8) != 0)
			break; /* of an earlier round */
		if (bad && be32(f + 4) != 0)
			torn = true;
		sum(w, f, 8);
		sum(w, f + FRAME, w->page);
		if (be32(f + 16) == w->s0 && be32(f + 20) == w->s1)
			continue;
		bad = true;
		if (mend) {
			put32(f + 16, w->s0);
			put32(f + 20, w->s1);
		}
	}
	return torn;
}

int journal_wal_look(const char *path, bool *ret_torn)
{
	struct wal w = { .p = NULL };
	char *name;
	int r = asprintf(&name, "%s-wal", path) < 0 ? -ENOMEM : 0;

	*ret_torn = false;
	if (r == 0) {
		r = read_all(name, &w);
		free(name);
	}
	if (r == 0 && w.n > HEADER)
		*ret_torn = !header_holds(&w, false) || walk_frames(&w, false);
	free(w.p);
	return r;
}

/* The sums of all frames of the present round, made right. */
static int mend(const char *wal_path)
{
	struct wal w = { .p = NULL };
	int fd = -1, r = read_all(wal_path, &w);

	if (r == 0 && header_holds(&w, true)) {
		(void)walk_frames(&w, true);
		fd = open(wal_path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || pwrite(fd, w.p, w.n, 0) != (ssize_t)w.n)
			r = -EIO;
	}
	if (fd >= 0)
		close(fd);
	free(w.p);
	return r;
}

static int copy_both(const char *from, const char *to)
{
	char *a = NULL, *b = NULL;
	int r = asprintf(&a, "%s-wal", from) < 0 ? -ENOMEM : 0;

	if (r == 0 && asprintf(&b, "%s-wal", to) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = journal_copy_file(from, to, 0);
	if (r == 0)
		r = journal_copy_file(a, b, 0);
	free(a);
	free(b);
	return r;
}

int journal_wal_keep(const char *path, char **ret)
{
	time_t now = time(NULL);

	*ret = NULL;
	do {
		free(*ret);
		if (asprintf(ret, "%s.damaged-%lld", path,
			     (long long)now++) < 0)
			return -ENOMEM;
	} while (access(*ret, F_OK) == 0);
	return copy_both(path, *ret);
}

/* What the part behind the damage says of one operation. A create that is
 * queued by what SQLite believes may have been sent since: it is looked for. */
static int take_op(struct journal *j, struct op *o)
{
	struct op mine;
	struct op *one = &mine;
	int r = journal_get(j, o->id, false, &mine);

	if (r == -ENOENT) {
		lock_take(&j->mu);
		r = journal_begin_locked(j);
		if (r == 0)
			r = journal_end_locked(j, journal_insert_locked(j, o));
		lock_drop(&j->mu);
		return r;
	}
	if (r < 0)
		return r;
	if (o->state == OP_DONE && op_move_allowed(mine.state, OP_DONE))
		r = journal_set_states(j, &one, 1, OP_DONE);
	op_clear(&mine);
	return r;
}

static int doubt_creates(struct journal *j)
{
	struct op o;
	struct op *one = &o;
	int64_t at = 0;
	int r;

	while ((r = journal_next_locked(j, JS_NEXT_OPEN, at, &o, NULL)) > 0) {
		at = o.id;
		r = 0;
		if (o.kind == OP_CREATE && o.state == OP_QUEUED) {
			o.sent_ms = o.saved_ms;
			r = journal_set_states(j, &one, 1, OP_SENDING);
		}
		op_clear(&o);
		if (r < 0)
			break;
	}
	return r;
}

static int take_all(struct journal *j, struct journal *from, size_t *lost)
{
	int64_t top = 0, at = 0;
	struct op o;
	bool sound;
	int r = sql_number(&from->q, "SELECT max(id) FROM op", &top);

	for (at = 1; r == 0 && at <= top; at++) {
		r = journal_next_locked(from, JS_GET_BYTES, at, &o, &sound);
		if (r > 0) {
			r = sound ? take_op(j, &o) : 0;
			*lost += !sound;
			op_clear(&o);
		} else if (r < 0) {
			(*lost)++;
			r = 0;
		}
	}
	return r;
}

int journal_wal_take(struct journal *j, const char *path, const char *kept,
		     size_t *lost)
{
	struct journal from = { .wal_fd = -1 };
	char *work = NULL, *wal = NULL;
	int r = asprintf(&work, "%s.graft", path) < 0 ? -ENOMEM : 0;

	(*lost)++; /* the frame itself, whatever it was */
	if (r == 0 && asprintf(&wal, "%s-wal", work) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = journal_unlink_database(work);
	if (r == 0)
		r = copy_both(kept, work);
	if (r == 0)
		r = mend(wal);
	if (r == 0 && journal_attach(work, &from) == 0) {
		(void)take_all(j, &from, lost);
		from.q.damaged = true;
		journal_detach(&from);
	}
	if (work != NULL)
		(void)journal_unlink_database(work);
	free(work);
	free(wal);
	/* numbers that were given behind the damage are not given again */
	if (r == 0)
		r = sql_exec(&j->q, "UPDATE counter SET n = max(n, (SELECT"
				    " coalesce(max(id), 0) FROM op)) + CASE"
				    " what WHEN 'op' THEN 1000 ELSE 100000"
				    " END");
	return r < 0 ? r : doubt_creates(j);
}
