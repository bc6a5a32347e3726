/* Drafts: content on its way to become a save. Every write and change of size
 * goes into a file of its own at once, so that it outlives the process; the
 * scanner follows what is written from the start and says when the object is
 * complete or can never be. */
#include "internal.h"
#include "crash.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* design section 5: judged this long after the last write if no close was
 * heard */
#define QUIET_NS (INT64_C(300) * NS_PER_MS)
/* an emptied file shows its record again this long after it was closed: the
 * next writer of a script (`: >f; echo ... >>f`) still finds it empty */
#define EMPTY_NS (3 * NS_PER_S)

static int open_file(struct cache *c, struct live *l, int flags)
{
	char path[PATH_MAX];

	if (l->fd >= 0)
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", c->drafts_dir, l->file) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	l->fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
	return l->fd < 0 ? -errno : 0;
}

static int write_all(int fd, const char *buf, size_t n, uint64_t off)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, buf, n, (off_t)off);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		buf += w;
		off += (size_t)w;
		n -= (size_t)w;
	}
	return 0;
}

/* There is no content that an empty file could stand for. */
static bool is_nothing_yet(const struct live *l)
{
	return live_is_local(l) && l->ops_n == 0;
}

static int note_draft(struct cache *c, const struct live *l)
{
	struct table *t = tree_table_locked(c, l->key.table);
	struct draft_row d = { .base = t->base->id, .table = t->id,
			       .err = l->error.err,
			       .reason = l->error.err ?
					 (char *)l->error.reason : NULL };

	memcpy(d.record, l->record, sizeof(d.record));
	memcpy(d.name, l->name, sizeof(d.name));
	memcpy(d.file, l->file, sizeof(d.file));
	return journal_draft_put(c->journal, &d);
}

/* Begins a draft with what the record shows now, or empty. */
static int begin(struct cache *c, struct live *l, bool empty)
{
	char *bytes = NULL;
	size_t n = 0;
	int r = 0;

	if (l->has_draft)
		return 0;
	if (!empty) {
		r = view_bytes_locked(c, l->key, &bytes, &n);
		if (r < 0)
			return r;
	}
	snprintf(l->file, sizeof(l->file), "%u-%u-%016llx-%s", l->key.table,
		 l->key.seq, (unsigned long long)clock_rand64(c->clock),
		 c->boot);
	r = open_file(c, l, O_CREAT | O_EXCL);
	crash_at(CRASH_DRAFT_MADE);
	if (r == 0 && n)
		r = write_all(l->fd, bytes, n, 0);
	if (r == 0) {
		l->has_draft = true;
		l->draft_size = n;
		r = note_draft(c, l);
		crash_at(CRASH_DRAFT_NOTED);
	}
	if (r == 0 && !(l->scan_valid && l->scan.bytes == n)) {
		scan_init(&l->scan);
		scan_feed(&l->scan, bytes, n);
		l->scan_valid = true;
	}
	free(bytes);
	if (r < 0)
		draft_drop_locked(c, l);
	return r;
}

void draft_drop_locked(struct cache *c, struct live *l)
{
	char path[PATH_MAX];
	struct table *t = tree_table_locked(c, l->key.table);
	struct table_id tid = { "" };

	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (l->file[0] && snprintf(path, sizeof(path), "%s/%s", c->drafts_dir,
				   l->file) < (int)sizeof(path))
		(void)unlink(path);
	crash_at(CRASH_DRAFT_UNLINKED);
	if (l->has_draft) {
		if (t)
			tid = t->id;
		(void)journal_draft_drop(c->journal, &tid, l->record);
		crash_at(CRASH_DRAFT_DROPPED);
	}
	l->file[0] = '\0';
	l->has_draft = false;
	l->unjudged = false;
	l->emptied_ns = 0;
	l->draft_size = 0;
}

int draft_read_locked(struct cache *c, struct live *l, char **ret,
		      size_t *ret_n)
{
	size_t n = l->draft_size, got = 0;
	char *buf;
	int r = open_file(c, l, 0);

	if (r < 0)
		return r;
	buf = malloc(n + 1);
	if (!buf)
		return -ENOMEM;
	while (got < n) {
		ssize_t k = pread(l->fd, buf + got, n - got, (off_t)got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		got += (size_t)k;
	}
	buf[got] = '\0';
	*ret = buf;
	*ret_n = got;
	return 0;
}

static void arm(struct cache *c);

static void touch(struct cache *c, struct live *l)
{
	l->written_ns = clock_mono_ns(c->clock);
	l->mtime_ms = clock_wall_ms(c->clock);
	l->unjudged = true;
	l->emptied_ns = 0;
	arm(c);
}

/* The scanner has seen everything there is. */
static bool scan_at_end(const struct live *l)
{
	return l->scan_valid && l->scan.bytes == l->draft_size;
}

static void follow(struct live *l, const char *buf, size_t n, uint64_t off)
{
	if (off == 0) {
		scan_init(&l->scan);
		l->scan_valid = true;
	}
	if (l->scan_valid && l->scan.bytes == off)
		(void)scan_feed(&l->scan, buf, n);
	else
		l->scan_valid = false;
}

/* What the scanner found wrong, as a save's error. */
static void scan_error(const struct scan *s, struct save_error *e)
{
	save_error_set(e, -EINVAL, "%s", s->reason ? s->reason : "bad JSON");
	e->line = s->line;
	e->column = s->column;
}

static int commit(struct cache *c, struct live *l, struct save_error *e,
		  struct after *a)
{
	char *bytes;
	size_t n;
	int r = draft_read_locked(c, l, &bytes, &n);

	if (r < 0) {
		save_error_set(e, r, "the draft cannot be read: %s",
			       strerror(-r));
		return r;
	}
	r = save_bytes_locked(c, l, bytes, n, e, a);
	free(bytes);
	if (r == 0) {
		crash_at(CRASH_SAVED);
		l->error.err = 0;
		draft_drop_locked(c, l);
	}
	return r;
}

static int refuse(struct cache *c, struct live *l, const struct save_error *e)
{
	l->unjudged = false;
	save_refused_locked(c, l, e);
	if (l->has_draft)
		(void)note_draft(c, l);
	crash_at(CRASH_DRAFT_REFUSED);
	return e->err;
}

int draft_write_locked(struct cache *c, struct live *l, const char *buf,
		       size_t n, uint64_t off, struct after *a)
{
	struct save_error e = { 0 };
	int r;

	if (off > RECFILE_BYTES_MAX || n > RECFILE_BYTES_MAX - off)
		return -EFBIG;
	r = begin(c, l, false);
	if (r == 0)
		r = open_file(c, l, 0);
	if (r == 0)
		r = write_all(l->fd, buf, n, off);
	if (r < 0)
		return r;
	crash_at(CRASH_DRAFT_WRITTEN);
	if (off + n > l->draft_size)
		l->draft_size = off + n;
	touch(c, l);
	follow(l, buf, n, off);
	if (l->scan_valid && l->scan.result == SCAN_INVALID) {
		scan_error(&l->scan, &e);
		return refuse(c, l, &e);
	}
	if (scan_at_end(l) && l->scan.result == SCAN_COMPLETE) {
		r = commit(c, l, &e, a);
		return r < 0 ? refuse(c, l, &e) : 0;
	}
	return 0;
}

int draft_truncate_locked(struct cache *c, struct live *l, uint64_t size,
			  struct after *a)
{
	bool fresh = !l->has_draft;
	int r;

	if (size > RECFILE_BYTES_MAX)
		return -EFBIG;
	r = begin(c, l, size == 0);
	if (r == 0 && size == l->draft_size && size != 0) {
		if (fresh) /* nothing changes: no draft is needed */
			draft_drop_locked(c, l);
		return 0;
	}
	if (r == 0)
		r = open_file(c, l, 0);
	if (r == 0 && ftruncate(l->fd, (off_t)size) < 0)
		r = -errno;
	if (r < 0)
		return r;
	crash_at(CRASH_DRAFT_CUT);
	if (size < l->draft_size && !(l->scan_valid && l->scan.bytes <= size))
		l->scan_valid = false;
	l->draft_size = size;
	touch(c, l);
	if (size == 0) {
		scan_init(&l->scan);
		l->scan_valid = true;
		return 0;
	}
	if (scan_at_end(l) && l->scan.result == SCAN_MORE)
		return 0; /* cut short: more may come */
	return draft_judge_locked(c, l, false, a);
}

int draft_judge_locked(struct cache *c, struct live *l, bool heard,
		       struct after *a)
{
	struct save_error e = { 0 };
	int r;

	if (!l->has_draft || !l->unjudged)
		return l->has_draft ? l->error.err : 0;
	if (l->draft_size == 0) {
		/* Only truncated, or only created: nothing was said yet. Once
		 * the writer has closed it, a record shows its content again.
		 */
		if (!heard)
			return 0;
		save_error_set(&e, -EINVAL, "the file is empty");
		snprintf(e.hint, sizeof(e.hint), "%s",
			 is_nothing_yet(l) ?
				 "write a JSON object into it to create the "
				 "record, or remove it" :
				 "an empty file never clears a record; its "
				 "content stands as before");
		r = refuse(c, l, &e);
		if (!is_nothing_yet(l)) {
			l->emptied_ns = clock_mono_ns(c->clock);
			arm(c);
		}
		return r;
	}
	r = commit(c, l, &e, a);
	return r < 0 ? refuse(c, l, &e) : 0;
}

/* ---- the quiet time ---- */

struct quiet {
	struct cache *c;
	struct after a;
	int64_t now_ns;
	bool more;      /* something is still to be judged */
};

static bool judge_quiet(void *ctx, struct live *l)
{
	struct quiet *q = ctx;

	if (l->has_draft && l->draft_size == 0 && l->emptied_ns) {
		if (q->now_ns - l->emptied_ns < EMPTY_NS) {
			q->more = true;
			return true;
		}
		draft_drop_locked(q->c, l);
		after_record(&q->a, l->key);
		(void)live_settle(&q->c->live, l);
		return true;
	}
	if (!l->has_draft || !l->unjudged || l->draft_size == 0)
		return true;
	if (q->now_ns - l->written_ns < QUIET_NS) {
		q->more = true;
		return true;
	}
	(void)draft_judge_locked(q->c, l, false, &q->a);
	(void)live_settle(&q->c->live, l);
	return true;
}

static void quiet_tick(void *arg)
{
	struct cache *c = arg;
	struct quiet q = { .c = c, .now_ns = clock_mono_ns(c->clock) };

	lock_take(&c->mu);
	live_each(&c->live, judge_quiet, &q);
	c->quiet_armed = q.more;
	lock_drop(&c->mu);
	after_run(c, &q.a);
	if (q.more)
		loop_timer_set(c->loop, &c->quiet_timer, QUIET_NS / 3);
}

static void quiet_arm(void *arg)
{
	struct cache *c = arg;

	loop_timer_set(c->loop, &c->quiet_timer, QUIET_NS);
}

static void arm(struct cache *c)
{
	if (c->quiet_armed || c->stopping)
		return;
	c->quiet_timer.fn = quiet_tick;
	c->quiet_timer.arg = c;
	c->quiet_armed = loop_post(c->loop, quiet_arm, c) == 0;
}

/* ---- found at open ---- */

/* Whether the machine has not been down since. Its file says when it began; a
 * file without a mark is of an older version. */
static bool is_of_this_boot(const struct cache *c, const char *file)
{
	const char *mark = strrchr(file, '-');

	return !mark || strlen(mark + 1) == 16 ||
	       strcmp(mark + 1, c->boot) == 0;
}

/* Of bytes that nobody judged, the disk may hold some and not others; what is
 * valid by chance is not what somebody wrote. */
static void doubt(struct cache *c, struct live *l)
{
	struct save_error e = { 0 };

	save_error_set(&e, -EIO, "the machine went down while the file was "
				 "being written");
	snprintf(e.hint, sizeof(e.hint), "look at it, and save it again");
	(void)refuse(c, l, &e);
}

int draft_attach_locked(struct cache *c, struct live *l,
			const struct draft_row *d)
{
	struct stat st;
	int r;

	memcpy(l->file, d->file, sizeof(l->file));
	r = open_file(c, l, 0);
	if (r == 0 && fstat(l->fd, &st) < 0)
		r = -errno;
	if (r < 0 && r != -ENOENT) {
		l->file[0] = '\0'; /* the next mount may be able to */
		log_error("the draft of '%s' cannot be read: %s", d->name,
			  strerror(-r));
		return r;
	}
	l->has_draft = true;
	if (r < 0 || (st.st_size == 0 && !is_nothing_yet(l))) {
		draft_drop_locked(c, l); /* nothing was in it */
		return r;
	}
	l->draft_size = (uint64_t)st.st_size;
	l->mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000;
	l->unjudged = l->draft_size > 0;
	if (d->err) {
		l->unjudged = false;
		save_error_set(&l->error, d->err, "%s",
			       d->reason ? d->reason : "refused");
	}
	if (l->unjudged && !is_of_this_boot(c, l->file))
		doubt(c, l);
	if (l->unjudged)
		arm(c);
	return 0;
}
