/* The journal: every move of a state, what outlives the process, local ids,
 * drafts. What it does with damage stands in test_journal_salvage.c. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "journal.h"

/* Every sync of the process passes here. */
static int syncs, sync_fails;

int fdatasync(int fd)
{
	syncs++;
	if (sync_fails > 0) {
		sync_fails--;
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static char dir[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_journal.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/journal.db", dir);
	return 0;
}

static int teardown(void **state)
{
	char cmd[96];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static struct journal *open_it(void)
{
	struct journal *j = NULL;
	size_t lost = 99;

	assert_int_equal(journal_open(path, &j, &lost), 0);
	assert_int_equal(lost, 0);
	return j;
}

/* An op with every member set; its texts are literals. */
static struct op sample(const char *record)
{
	struct op o = { .kind = OP_UPDATE, .state = OP_QUEUED,
			.changes = (char *)"{\"fldA\":1}",
			.before = (char *)"{\"fldA\":0}",
			.after = (char *)"{\"fldA\":1.0}",
			.bytes = (char *)"{\n\0x}", .bytes_n = 5,
			.saved_ms = 1000, .not_before_ms = 2000,
			.sent_ms = 3000, .tries = 4, .err = -EAGAIN,
			.reason = (char *)"why", .theirs = NULL };

	id_copy(o.base.s, "appB");
	id_copy(o.table.s, "tblT");
	id_copy(o.record, record);
	strcpy(o.name, "A.json");
	return o;
}

static int64_t add(struct journal *j, const char *record)
{
	struct op o = sample(record);

	assert_int_equal(journal_add(j, &o), 0);
	assert_true(o.id > 0);
	return o.id;
}

static void expect_same(const struct op *a, const struct op *b, bool bytes)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->state, b->state);
	assert_string_equal(a->base.s, b->base.s);
	assert_string_equal(a->table.s, b->table.s);
	assert_string_equal(a->record, b->record);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->changes, b->changes);
	assert_string_equal(a->before, b->before);
	assert_string_equal(a->after, b->after);
	assert_int_equal(a->saved_ms, b->saved_ms);
	assert_int_equal(a->not_before_ms, b->not_before_ms);
	assert_int_equal(a->sent_ms, b->sent_ms);
	assert_int_equal(a->tries, b->tries);
	assert_int_equal(a->err, b->err);
	assert_string_equal(a->reason, b->reason);
	assert_int_equal(a->theirs == NULL, b->theirs == NULL);
	if (!bytes) {
		assert_null(b->bytes);
		return;
	}
	assert_int_equal(a->bytes_n, b->bytes_n);
	assert_memory_equal(a->bytes, b->bytes, a->bytes_n);
}

/* ---- states ---- */

static const struct {
	enum op_state from;
	const char *to; /* a letter for each allowed state */
} moves[] = {
	{ OP_QUEUED, "scd" },   { OP_SENDING, "dqur" }, { OP_UNKNOWN, "qdc" },
	{ OP_DONE, "" },        { OP_CONFLICT, "qd" },  { OP_REJECTED, "qd" },
};
static const char letters[] = "?qsudcr";

static void test_moves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		for (int to = 0; to <= 7; to++) {
			bool want = to >= 1 && to <= 6 &&
				    strchr(moves[i].to, letters[to]) != NULL;

			if (op_move_allowed(moves[i].from,
					    (enum op_state)to) != want)
				fail_msg("%s -> %s must be %s",
					 op_state_name(moves[i].from),
					 op_state_name((enum op_state)to),
					 want ? "allowed" : "refused");
		}
	}
	assert_false(op_move_allowed((enum op_state)0, OP_QUEUED));
	assert_false(op_move_allowed((enum op_state)7, OP_QUEUED));
	assert_string_equal(op_state_name(OP_UNKNOWN), "unknown");
	assert_string_equal(op_state_name((enum op_state)9), "?");
	assert_string_equal(op_kind_name(OP_DELETE), "delete");
}

/* Each allowed move is written, and what goes with it. */
static void test_moves_stored(void **state)
{
	struct journal *j = open_it();
	enum op_state to;

	(void)state;
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		for (int t = 1; t <= 6; t++) {
			struct op o = sample("rec1"), got;

			to = (enum op_state)t;
			if (!op_move_allowed(moves[i].from, to))
				continue;
			o.state = moves[i].from;
			assert_int_equal(journal_add(j, &o), 0);
			o.tries = 9;
			o.sent_ms = 777;
			o.err = -EIO;
			o.reason = (char *)"said no";
			assert_int_equal(journal_set_state(j, &o, to), 0);
			assert_int_equal(o.state, to);
			assert_int_equal(journal_get(j, o.id, true, &got), 0);
			expect_same(&o, &got, true);
			op_clear(&got);
		}
	}
	journal_close(j);
}

static void test_illegal_move_aborts(void **state)
{
	struct journal *j = open_it();
	struct op o = sample("rec1"), got;
	struct rlimit no_core = { 0, 0 };
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(journal_add(j, &o), 0);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		freopen("/dev/null", "w", stderr);
		/* without asserts it is refused */
		if (journal_set_state(j, &o, OP_UNKNOWN) == -EINVAL)
			abort();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_int_equal(journal_get(j, o.id, false, &got), 0);
	assert_int_equal(got.state, OP_QUEUED);
	op_clear(&got);
	journal_close(j);
}

/* The row has moved on since o was read: nothing is written. */
static void test_stale_move(void **state)
{
	struct journal *j = open_it();
	struct op a = sample("rec1"), b = sample("rec2"), stale, got;
	struct op *both[2] = { &b, &stale };

	(void)state;
	assert_int_equal(journal_add(j, &a), 0);
	assert_int_equal(journal_add(j, &b), 0);
	stale = a;
	assert_int_equal(journal_set_state(j, &a, OP_SENDING), 0);
	assert_int_equal(journal_set_states(j, both, 2, OP_SENDING), -ENOENT);
	assert_int_equal(b.state, OP_QUEUED);
	assert_int_equal(journal_get(j, b.id, false, &got), 0);
	assert_int_equal(got.state, OP_QUEUED);
	op_clear(&got);
	journal_close(j);
}

/* ---- rewriting and listing ---- */

static void test_rewrite(void **state)
{
	struct journal *j = open_it();
	struct op o = sample("rec1"), got;

	(void)state;
	assert_int_equal(journal_add(j, &o), 0);
	o.changes = (char *)"{\"fldA\":2}";
	o.saved_ms = 5000;
	o.bytes = NULL; /* the stored ones stay */
	o.state = OP_DONE; /* is not written */
	assert_int_equal(journal_rewrite(j, &o), 0);
	o.state = OP_QUEUED;
	o.bytes = (char *)"{\n\0x}";
	assert_int_equal(journal_get(j, o.id, true, &got), 0);
	expect_same(&o, &got, true);
	op_clear(&got);
	o.bytes = (char *)"";
	o.bytes_n = 0;
	assert_int_equal(journal_rewrite(j, &o), 0);
	assert_int_equal(journal_get(j, o.id, true, &got), 0);
	assert_non_null(got.bytes);
	assert_int_equal(got.bytes_n, 0);
	op_clear(&got);
	o.id = 4711;
	assert_int_equal(journal_rewrite(j, &o), -ENOENT);
	assert_int_equal(journal_get(j, 4711, false, &got), -ENOENT);
	journal_close(j);
}

struct seen {
	struct journal *j; /* used by the callback, if set */
	int64_t ids[300];
	size_t n, stop_at;
};

static int note(void *ctx, const struct op *o)
{
	struct seen *s = ctx;
	struct op got;

	assert_null(o->bytes);
	s->ids[s->n++] = o->id;
	if (s->j != NULL) {
		assert_int_equal(journal_get(s->j, o->id, true, &got), 0);
		op_clear(&got);
	}
	return s->stop_at != 0 && s->n == s->stop_at ? 42 : 0;
}

static void test_each(void **state)
{
	struct journal *j = open_it();
	struct seen s = { .j = j };
	struct op o = sample("rec2");
	int64_t before = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		add(j, i % 2 ? "rec1" : "rec3");
		o = sample("rec2");
		assert_int_equal(journal_add(j, &o), 0);
		assert_int_equal(journal_set_state(j, &o, OP_DONE), 0);
	}
	assert_int_equal(journal_each_open(j, note, &s), 0);
	assert_int_equal(s.n, 200);
	for (size_t i = 0; i < s.n; i++) {
		assert_true(s.ids[i] > before);
		before = s.ids[i];
	}
	s = (struct seen){ .stop_at = 3 };
	assert_int_equal(journal_each_open(j, note, &s), 42);
	assert_int_equal(s.n, 3);
	s = (struct seen){ .j = j };
	assert_int_equal(journal_each_of_record(j, "rec2", 70, note, &s), 0);
	assert_int_equal(s.n, 70);
	assert_int_equal(s.ids[0], o.id);
	for (size_t i = 1; i < s.n; i++)
		assert_true(s.ids[i] < s.ids[i - 1]);
	s.n = 0;
	assert_int_equal(journal_each_of_record(j, "rec9", 9, note, &s), 0);
	assert_int_equal(s.n, 0);
	journal_close(j);
}

static void test_prune(void **state)
{
	struct journal *j = open_it();
	struct op o, got;
	int64_t first = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		o = sample("rec1");
		o.saved_ms = i;
		o.changes = (char *)"{\"fldL\":[\"new-1\"]}";
		assert_int_equal(journal_add(j, &o), 0);
		first = first == 0 ? o.id : first;
		if (i != 2)
			assert_int_equal(journal_set_state(j, &o, OP_DONE), 0);
	}
	/* of the nine done, 0..7 but 2 are old, and the newest 4 are kept */
	assert_int_equal(journal_prune(j, 8, 4), 0);
	for (int i = 0; i < 10; i++) {
		int want = i < 6 && i != 2 ? -ENOENT : 0;
		int r = journal_get(j, first + i, false, &got);

		if (r != want)
			fail_msg("op %d: %d, not %d", i, r, want);
		if (r == 0)
			op_clear(&got);
	}
	assert_int_equal(journal_prune(j, 1, SIZE_MAX), 0);
	journal_close(j);
}

/* ---- what outlives the process ---- */

static void test_p3_kill(void **state)
{
	int fds[2], status;
	int64_t ids[40], id;
	struct op got;
	struct journal *j;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		j = open_it();
		for (;;) {
			id = add(j, "rec1");
			if (write(fds[1], &id, sizeof(id)) < 0)
				_exit(1);
		}
	}
	for (int i = 0; i < 40; i++)
		assert_int_equal(read(fds[0], &ids[i], sizeof(id)),
				 sizeof(id));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	j = open_it();
	for (int i = 0; i < 40; i++) {
		struct op want = sample("rec1");

		want.id = ids[i];
		assert_int_equal(journal_get(j, ids[i], true, &got), 0);
		expect_same(&want, &got, true);
		op_clear(&got);
	}
	journal_close(j);
	close(fds[0]);
	close(fds[1]);
}

static void test_p4_sending_becomes_unknown(void **state)
{
	struct journal *j;
	struct op got;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct op o = sample("rec1");

		j = open_it();
		add(j, "rec2");
		if (journal_add(j, &o) < 0 ||
		    journal_set_state(j, &o, OP_SENDING) < 0)
			_exit(1);
		_exit(o.id == 2 ? 0 : 2); /* not closed */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	j = open_it();
	assert_int_equal(journal_get(j, 1, false, &got), 0);
	assert_int_equal(got.state, OP_QUEUED);
	op_clear(&got);
	assert_int_equal(journal_get(j, 2, false, &got), 0);
	assert_int_equal(got.state, OP_UNKNOWN);
	assert_int_equal(got.sent_ms, 3000);
	op_clear(&got);
	journal_close(j);
}

static void test_p3_sync(void **state)
{
	struct journal *j = open_it();

	(void)state;
	add(j, "rec1");
	syncs = 0;
	assert_int_equal(journal_sync(j), 0);
	assert_true(syncs >= 1);
	/* a failed one is told, and the next does not believe the kernel */
	add(j, "rec2");
	sync_fails = 1;
	assert_int_equal(journal_sync(j), -EIO);
	syncs = 0;
	assert_int_equal(journal_sync(j), 0);
	assert_true(syncs >= 2); /* the -wal, and the file */
	add(j, "rec3");
	syncs = 0;
	assert_int_equal(journal_sync(j), 0);
	assert_int_equal(syncs, 1);
	journal_close(j);
}

static void test_full_disk(void **state)
{
	struct rlimit old, small;
	struct journal *j = open_it();
	struct op o, got;
	struct seen s = { .n = 0 };
	char *big = malloc(100001);
	int r = 0, kept = 0;

	(void)state;
	memset(big, 'x', 100000);
	big[100000] = '\0';
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 1000000;
	setrlimit(RLIMIT_FSIZE, &small);
	while (kept < 100) {
		o = sample("rec1");
		o.bytes = big;
		o.bytes_n = 100000;
		r = journal_add(j, &o);
		if (r < 0)
			break;
		kept++;
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(o.id, 0);
	assert_true(kept > 2);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(journal_each_open(j, note, &s), 0);
	assert_int_equal(s.n, kept);
	add(j, "rec2");
	journal_close(j);
	j = open_it();
	assert_int_equal(journal_get(j, kept, true, &got), 0);
	assert_int_equal(got.bytes_n, 100000);
	op_clear(&got);
	journal_close(j);
	free(big);
}

static void test_modes(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	static const mode_t masks[] = { 0, 0077, 0777 };

	(void)state;
	for (size_t m = 0; m < 3; m++) {
		mode_t old = umask(masks[m]);
		struct journal *j = open_it();

		add(j, "rec1");
		umask(old);
		for (size_t i = 0; i < 3; i++) {
			char name[128];
			struct stat st;

			snprintf(name, sizeof(name), "%s%s", path, ends[i]);
			assert_int_equal(stat(name, &st), 0);
			if ((st.st_mode & 07777) != 0600)
				fail_msg("%s: mode %o under umask %o", name,
					 st.st_mode & 07777, masks[m]);
		}
		journal_close(j);
		assert_int_equal(unlink(path), 0);
	}
}

static void run_sql(const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_versions(void **state)
{
	static const struct {
		const char *name, *sql;
		int want;
	} rows[] = {
		{ "newer", "PRAGMA user_version = 2", -EPROTONOSUPPORT },
		{ "ours again", "PRAGMA user_version = 1", 0 },
		{ "not ours", "PRAGMA application_id = 1", -EPROTONOSUPPORT },
	};
	struct journal *j = open_it();
	int64_t id = add(j, "rec1");
	struct op got;

	(void)state;
	journal_close(j);
	for (size_t i = 0; i < 3; i++) {
		int r;

		run_sql(rows[i].sql);
		j = NULL;
		r = journal_open(path, &j, NULL);
		if (r != rows[i].want)
			fail_msg("%s: %d", rows[i].name, r);
		if (r == 0) {
			assert_int_equal(journal_get(j, id, true, &got), 0);
			op_clear(&got);
		}
		journal_close(j);
	}
	/* a file with nothing in it but our mark is of version 0 */
	assert_int_equal(unlink(path), 0);
	run_sql("PRAGMA application_id = 0x41544a4c; PRAGMA user_version = 0;");
	j = open_it();
	add(j, "rec1");
	journal_close(j);
	assert_int_equal(journal_open("/nonexistent/j.db", &j, NULL), -ENOENT);
}

/* ---- local ids ---- */

static void test_local_ids(void **state)
{
	char a[ATFS_ID_MAX], b[ATFS_ID_MAX];
	struct journal *j = open_it();

	(void)state;
	assert_int_equal(journal_new_local_id(j, a), 0);
	assert_int_equal(journal_new_local_id(j, b), 0);
	assert_string_equal(a, "new-1");
	assert_string_equal(b, "new-2");
	journal_close(j);
	j = open_it();
	assert_int_equal(journal_new_local_id(j, a), 0);
	assert_string_equal(a, "new-3");
	journal_close(j);
}

static const struct {
	const char *name, *changes, *want;
} mention_rows[] = {
	{ "a link", "{\"fldL\":[\"new-7\"]}", "{\"fldL\":[\"recX\"]}" },
	{ "among others", "{\"fldL\":[\"recA\",\"new-7\",\"new-77\"]}",
	  "{\"fldL\":[\"recA\",\"recX\",\"new-77\"]}" },
	{ "an object in an array", "{\"fldL\":[{\"id\":\"new-7\"}]}",
	  "{\"fldL\":[{\"id\":\"recX\"}]}" },
	{ "a text cell", "{\"fldT\":\"new-7\"}", "{\"fldT\":\"new-7\"}" },
	{ "part of a text", "{\"fldL\":[\"new-7 and more\"]}",
	  "{\"fldL\":[\"new-7 and more\"]}" },
	{ "a key", "{\"new-7\":[1]}", "{\"new-7\":[1]}" },
	{ "quoted", "{\"fldT\":[\"\\\"new-7\"]}",
	  "{\"fldT\":[\"\\\"new-7\"]}" },
	{ "no JSON", "{\"new-7", "{\"new-7" },
	{ "none", NULL, NULL },
};
#define MENTION_N (sizeof(mention_rows) / sizeof(mention_rows[0]))

static void test_adopt(void **state)
{
	struct journal *j = open_it();
	int64_t ids[MENTION_N], own, later;
	struct op o, got;
	struct seen s = { .n = 0 };

	(void)state;
	own = add(j, "new-7");
	later = add(j, "new-7");
	for (size_t i = 0; i < MENTION_N; i++) {
		o = sample("rec1");
		o.changes = (char *)mention_rows[i].changes;
		assert_int_equal(journal_add(j, &o), 0);
		ids[i] = o.id;
	}
	/* a mention that comes by a rewrite, and one that goes by it */
	o.changes = (char *)"{\"fldL\":[\"new-7\"]}";
	assert_int_equal(journal_rewrite(j, &o), 0);
	o.changes = NULL;
	assert_int_equal(journal_rewrite(j, &o), 0);
	assert_int_equal(journal_adopt(j, "new-7", "recX"), 0);
	for (size_t i = 0; i < MENTION_N; i++) {
		assert_int_equal(journal_get(j, ids[i], true, &got), 0);
		if ((got.changes == NULL) != (mention_rows[i].want == NULL) ||
		    (got.changes != NULL &&
		     strcmp(got.changes, mention_rows[i].want) != 0))
			fail_msg("%s: %s", mention_rows[i].name, got.changes);
		assert_int_equal(got.bytes_n, 5);
		op_clear(&got);
	}
	assert_int_equal(journal_each_of_record(j, "recX", 9, note, &s), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.ids[0], later);
	assert_int_equal(s.ids[1], own);
	/* the other local record that one of them mentions is still known */
	assert_int_equal(journal_adopt(j, "new-77", "recY"), 0);
	assert_int_equal(journal_get(j, ids[1], false, &got), 0);
	assert_string_equal(got.changes,
			    "{\"fldL\":[\"recA\",\"recX\",\"recY\"]}");
	op_clear(&got);
	assert_int_equal(journal_adopt(j, "new-5", "recZ"), 0);
	journal_close(j);
	journal_close(open_it());
}

/* ---- drafts ---- */

struct drafts {
	char text[400];
};

static int note_draft(void *ctx, const struct draft_row *d)
{
	struct drafts *s = ctx;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s/%s %s %s %d %s;",
		 d->table.s, d->record, d->name, d->file, d->err,
		 d->reason != NULL ? d->reason : "-");
	return 0;
}

static void test_drafts(void **state)
{
	struct draft_row a = { .base = { "appB" }, .table = { "tblT" },
			       .record = "new-1", .name = "A.json",
			       .file = "d1" };
	struct draft_row b = { .base = { "appB" }, .table = { "tblU" },
			       .record = "rec1", .name = "B.json",
			       .file = "d2", .err = -EINVAL,
			       .reason = (char *)"line 1" };
	struct drafts s = { "" };
	struct journal *j = open_it();

	(void)state;
	assert_int_equal(journal_draft_put(j, &a), 0);
	assert_int_equal(journal_draft_put(j, &b), 0);
	a.err = -EPERM;
	assert_int_equal(journal_draft_put(j, &a), 0);
	journal_close(j);
	j = open_it();
	assert_int_equal(journal_each_draft(j, note_draft, &s), 0);
	assert_string_equal(s.text, "tblT/new-1 A.json d1 -1 -;"
				    "tblU/rec1 B.json d2 -22 line 1;");
	assert_int_equal(journal_adopt(j, "new-1", "recX"), 0);
	assert_int_equal(journal_draft_drop(j, &b.table, "rec1"), 0);
	assert_int_equal(journal_draft_drop(j, &b.table, "rec1"), 0);
	s.text[0] = '\0';
	assert_int_equal(journal_each_draft(j, note_draft, &s), 0);
	assert_string_equal(s.text, "tblT/recX A.json d1 -1 -;");
	journal_close(j);
	journal_close(open_it());
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_moves), T(test_moves_stored),
		T(test_illegal_move_aborts), T(test_stale_move),
		T(test_rewrite), T(test_each), T(test_prune), T(test_p3_kill),
		T(test_p4_sending_becomes_unknown), T(test_p3_sync),
		T(test_full_disk), T(test_modes), T(test_versions),
		T(test_local_ids), T(test_adopt), T(test_drafts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
