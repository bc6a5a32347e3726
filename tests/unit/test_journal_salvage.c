/* A damaged journal: what can be read is taken over, the rest is counted, and
 * the damaged file is kept. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "journal.h"

#define PAGE 4096
#define OPS 200

static char dir[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_salvage.XXXXXX");
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

static char *changes_of(int64_t i)
{
	char *text = malloc(900);

	memset(text, 'x', 899);
	text[899] = '\0';
	text[snprintf(text, 900, "{\"fldA\":%lld,\"fldB\":\"", (long long)i)] =
		'y';
	memcpy(text + 897, "\"}", 2);
	return text;
}

/* A journal of OPS operations, every tenth with long bytes, and a draft for
 * every twentieth; local ids up to new-50. */
static void fill(void)
{
	struct journal *j;
	char local[ATFS_ID_MAX], *bytes = malloc(20000);

	memset(bytes, 'b', 20000);
	assert_int_equal(journal_open(path, &j, NULL), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(journal_new_local_id(j, local), 0);
	for (int i = 1; i <= OPS; i++) {
		struct op o = { .kind = OP_UPDATE, .state = OP_QUEUED,
				.base = { "appB" }, .table = { "tblT" },
				.changes = changes_of(i) };
		struct op *one = &o;
		struct draft_row d = { .base = { "appB" },
				       .table = { "tblT" }, .file = "d" };

		snprintf(o.record, sizeof(o.record), "rec%d", i);
		if (i % 10 == 0) {
			o.bytes = bytes;
			o.bytes_n = 20000;
		}
		assert_int_equal(journal_add(j, &o), 0);
		assert_int_equal(o.id, i);
		if (i % 3 == 0)
			assert_int_equal(journal_set_states(j, &one, 1,
							    OP_SENDING), 0);
		id_copy(d.record, o.record);
		if (i % 20 == 0)
			assert_int_equal(journal_draft_put(j, &d), 0);
		free(o.changes);
	}
	journal_close(j);
	free(bytes);
}

static void scribble(off_t from, size_t n)
{
	char *junk = malloc(n);
	int fd = open(path, O_WRONLY);

	memset(junk, 0xa5, n);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, n, from), n);
	close(fd);
	free(junk);
}

static off_t file_pages(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size / PAGE;
}

static void run_sql(const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void harm_middle(void)
{
	scribble(file_pages() / 2 * PAGE, 5 * PAGE);
}

static void harm_first_page(void)
{
	scribble(0, PAGE);
}

static void harm_header(void)
{
	scribble(0, 60);
}

static void harm_start(void)
{
	scribble(12 * PAGE, 4 * PAGE);
}

static void harm_first_and_start(void)
{
	harm_first_page();
	harm_start();
}

static void harm_tail(void)
{
	assert_int_equal(truncate(path, (file_pages() - 40) * PAGE), 0);
}

static void harm_one_row(void)
{
	run_sql("UPDATE op SET changes = replace(changes, 'xxxx', 'xyxx')"
		" WHERE id = 7");
}

static void harm_one_state(void)
{
	run_sql("UPDATE op SET tries = 9 WHERE id = 7");
}

static void harm_bytes(void)
{
	run_sql("UPDATE op SET bytes = x'00' WHERE id = 20");
}

static void harm_draft(void)
{
	run_sql("UPDATE draft SET file = 'x' WHERE record = 'rec40'");
}

static void harm_all(void)
{
	scribble(0, (size_t)file_pages() * PAGE);
}

static const struct {
	const char *name;
	void (*harm)(void);
	int ops_min, ops_max;   /* that must come back */
	int drafts_min;
	int lost_min, lost_max;
} rows[] = {
	{ "middle", harm_middle, OPS - 25, OPS, 10, 1, 25 },
	{ "near the start", harm_start, OPS - 25, OPS - 1, 10, 1, 25 },
	{ "first page", harm_first_page, OPS, OPS, 10, 1, 1 },
	{ "header", harm_header, OPS, OPS, 10, 1, 1 },
	{ "both", harm_first_and_start, OPS - 25, OPS - 1, 10, 2, 26 },
	{ "cut off", harm_tail, OPS / 2, OPS - 1, 0, 1, OPS },
	{ "one row", harm_one_row, OPS - 1, OPS - 1, 10, 1, 1 },
	{ "one state", harm_one_state, OPS, OPS, 10, 1, 1 },
	{ "bytes of one", harm_bytes, OPS, OPS, 10, 1, 1 },
	{ "one draft", harm_draft, OPS, OPS, 9, 1, 1 },
	{ "everything", harm_all, 0, 0, 0, 1, OPS },
};

static int check_op(void *ctx, const struct op *o)
{
	char *want = changes_of(o->id);

	(*(int *)ctx)++;
	assert_string_equal(o->changes, want);
	assert_true(o->state == OP_QUEUED || o->state == OP_UNKNOWN);
	if (o->id % 3 == 0 && o->id <= OPS)
		assert_int_equal(o->state, OP_UNKNOWN);
	free(want);
	return 0;
}

static int check_draft(void *ctx, const struct draft_row *d)
{
	(*(int *)ctx)++;
	assert_string_equal(d->file, "d");
	return 0;
}

static int files_with(const char *word)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)) != NULL)
		n += strstr(e->d_name, word) != NULL;
	closedir(d);
	return n;
}

static bool within(int64_t v, int64_t min, int64_t max)
{
	return v >= min && v <= max;
}

static void test_p4_salvage(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct op o = { .kind = OP_DELETE };
		char local[ATFS_ID_MAX], cmd[112];
		int ops = 0, drafts = 0, r;
		size_t lost = 0;
		struct journal *j;

		fill();
		rows[i].harm();
		r = journal_open(path, &j, &lost);
		if (r < 0)
			fail_msg("%s: %d", rows[i].name, r);
		assert_int_equal(journal_each_open(j, check_op, &ops), 0);
		assert_int_equal(journal_each_draft(j, check_draft, &drafts),
				 0);
		if (!within(ops, rows[i].ops_min, rows[i].ops_max) ||
		    drafts < rows[i].drafts_min ||
		    !within((int64_t)lost, rows[i].lost_min, rows[i].lost_max))
			fail_msg("%s: %d ops, %d drafts, %zu lost",
				 rows[i].name, ops, drafts, lost);
		if (rows[i].ops_min > 0 && ops + (int)lost < OPS)
			fail_msg("%s: %d lost and not counted", rows[i].name,
				 OPS - ops - (int)lost);
		assert_int_equal(files_with(".salvage"), 0);
		assert_int_equal(files_with(".graft"), 0);
		if (files_with(".damaged-") == 0)
			fail_msg("%s: not set aside", rows[i].name);
		/* what is given from now on was never given before */
		if (rows[i].ops_min > 0) {
			assert_int_equal(journal_add(j, &o), 0);
			assert_int_equal(journal_new_local_id(j, local), 0);
			if (o.id <= OPS || atoi(local + 4) <= 50)
				fail_msg("%s: id %lld, %s", rows[i].name,
					 (long long)o.id, local);
		}
		journal_close(j);
		lost = 99;
		assert_int_equal(journal_open(path, &j, &lost), 0);
		assert_int_equal(lost, 0);
		journal_close(j);
		snprintf(cmd, sizeof(cmd), "rm -r %s/*", dir);
		assert_int_equal(system(cmd), 0);
	}
}

/* The process died with the edits in the -wal, and the file is damaged. */
static void test_p4_salvage_with_wal(void **state)
{
	struct journal *j;
	size_t lost = 0;
	int ops = 0, status;
	pid_t pid;

	(void)state;
	fill();
	pid = fork();
	if (pid == 0) {
		struct op o = { .kind = OP_UPDATE, .record = "rec9",
				.changes = changes_of(OPS + 1) };

		if (journal_open(path, &j, NULL) < 0 || journal_add(j, &o) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	harm_first_page();
	assert_int_equal(journal_open(path, &j, &lost), 0);
	assert_int_equal(journal_each_open(j, check_op, &ops), 0);
	assert_int_equal(ops, OPS + 1);
	journal_close(j);
}

#define LOGGED 30

/* The process dies with so many edits in the log. */
static void fill_log(void)
{
	struct journal *j;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct op o;

		if (journal_open(path, &j, NULL) < 0)
			_exit(1);
		for (int i = 1; i <= LOGGED; i++) {
			o = (struct op){ .kind = i % 2 ? OP_UPDATE : OP_CREATE,
					 .changes = changes_of(i) };
			snprintf(o.record, sizeof(o.record), "rec%d", i);
			if (journal_add(j, &o) < 0)
				_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int count_log(void *ctx, const struct op *o)
{
	int *n = ctx;
	char *want = changes_of((int)o->id);

	assert_string_equal(o->changes, want);
	if (n[1] && o->kind == OP_CREATE)
		n[2] += o->state != OP_UNKNOWN;
	free(want);
	n[0]++;
	return 0;
}

/* One byte of the log is wrong, somewhere: nothing is lost without a word, and
 * little is lost. A create that may have been sent is looked for. */
static void test_p4_damaged_log(void **state)
{
	char cmd[256], wal[128];
	struct stat st;
	struct journal *j;
	unsigned char byte;
	unsigned all = 0;
	size_t lost;
	int fd, n[3];

	(void)state;
	fill_log();
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(stat(wal, &st), 0);
	snprintf(cmd, sizeof(cmd), "cp -a %s %s.kept", dir, dir);
	assert_int_equal(system(cmd), 0);
	for (off_t at = 3; at < st.st_size; at += st.st_size / 40) {
		fd = open(wal, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x55;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		lost = 0;
		n[0] = n[2] = 0;
		n[1] = 0;
		assert_int_equal(journal_open(path, &j, &lost), 0);
		n[1] = lost > 0;
		assert_int_equal(journal_each_open(j, count_log, n), 0);
		journal_close(j);
		if (n[0] + 1 < LOGGED && (lost == 0 ||
					  files_with(".damaged-") < 2))
			fail_msg("at %lld: %d left, %zu lost", (long long)at,
				 n[0], lost);
		if (n[2])
			fail_msg("at %lld: %d creates go out blindly",
				 (long long)at, n[2]);
		/* the magic number apart, nearly all can be read */
		if (at > 32 && n[0] < LOGGED - 12)
			fail_msg("at %lld: %d left", (long long)at, n[0]);
		all += n[0] == LOGGED;
		snprintf(cmd, sizeof(cmd), "rm -r %s && cp -a %s.kept %s", dir,
			 dir, dir);
		assert_int_equal(system(cmd), 0);
	}
	assert_true(all > 20);
	snprintf(cmd, sizeof(cmd), "rm -r %s.kept", dir);
	assert_int_equal(system(cmd), 0);
}

/* The process died when the new file was whole but not yet in its place. */
static void test_salvage_cut_short(void **state)
{
	static const char *const gone[] = { "", "-wal", "-shm" };
	char cmd[512];
	struct journal *j;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int ops = 0;

		fill();
		snprintf(cmd, sizeof(cmd),
			 "cd %s && mv journal.db journal.db.salvaged &&"
			 " echo junk | tee journal.db journal.db-wal"
			 " journal.db-shm >/dev/null && rm journal.db%s",
			 dir, gone[i]);
		assert_int_equal(system(cmd), 0);
		assert_int_equal(journal_open(path, &j, NULL), 0);
		assert_int_equal(journal_each_open(j, check_op, &ops), 0);
		assert_int_equal(ops, OPS);
		assert_int_equal(files_with(".salvaged"), 0);
		journal_close(j);
		snprintf(cmd, sizeof(cmd), "rm -r %s/*", dir);
		assert_int_equal(system(cmd), 0);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_p4_salvage), T(test_p4_salvage_with_wal),
		T(test_p4_damaged_log), T(test_salvage_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
