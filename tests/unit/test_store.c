/* The store: names, what a put changes, local rows, sweeps, versions, a
 * damaged file, and readers beside a writer. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store.h"

#define ID_A "recAAAAAAAAAAAAAA"
#define ID_B "recBBBBBBBBBBBBBB"
#define ID_C "recCCCCCCCCCCCCCC"

static char dir[64], path[96];
static struct store *s;
static uint32_t tno;

static void put_table(void)
{
	struct store_base b = { .listed = true, .id = { "appA" },
				.remote_name = (char *)"Base" };
	struct store_table t = { .listed = true, .id = { "tblA" },
				 .remote_name = (char *)"Table" };

	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_put_base(s, &b), 0);
	t.base_no = b.no;
	assert_int_equal(store_put_table(s, &t), 0);
	assert_int_equal(store_commit(s), 0);
	tno = t.no;
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_store.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/cache.db", dir);
	if (store_open(path, &s) < 0)
		return -1;
	put_table();
	return 0;
}

static int teardown(void **state)
{
	char cmd[96];

	(void)state;
	store_close(s);
	s = NULL;
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static void reopen(void)
{
	store_close(s);
	s = NULL;
	assert_int_equal(store_open(path, &s), 0);
}

/* Puts one row in a transaction of its own. */
static struct store_change put(const char *id, const char *primary,
			       const char *body, const char *raw, int64_t seen)
{
	struct store_row row = { .table_no = tno, .schema_gen = 1,
				 .mtime_ms = seen, .ctime_ms = seen,
				 .body = (char *)body, .raw = (char *)raw,
				 .body_n = body != NULL ? strlen(body) : 0 };
	struct store_change ch;

	id_copy(row.id, id);
	strcpy(row.created, "2024-03-01T09:30:00.000Z");
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_put(s, &row, primary, seen, true, &ch), 0);
	assert_int_equal(store_commit(s), 0);
	return ch;
}

/* ---- values, bases, tables ---- */

static void test_values(void **state)
{
	char *v = NULL;

	(void)state;
	assert_int_equal(store_get_value(s, "k", &v), -ENOENT);
	assert_int_equal(store_set_value(s, "k", "one"), 0);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_set_value(s, "k", "two"), 0);
	assert_int_equal(store_get_value(s, "k", &v), 0);
	assert_string_equal(v, "two"); /* the writer sees its own */
	free(v);
	store_rollback(s);
	reopen();
	assert_int_equal(store_get_value(s, "k", &v), 0);
	assert_string_equal(v, "one");
	free(v);
	assert_int_equal(store_set_value(s, "k", NULL), 0);
	assert_int_equal(store_get_value(s, "k", &v), -ENOENT);
}

static const struct {
	const char *row, *id, *remote, *want;
	bool listed;
} base_rows[] = {
	{ "first", "app1", "Shop", "Shop", true },
	{ "the name is taken", "app2", "Shop", "Shop (app2)", true },
	{ "a slash", "app3", "a/b", "a\u2215b", true },
	{ "again", "app2", "Shop", "Shop (app2)", true },
	{ "renamed", "app1", "Store", "Store", true },
	{ "not listed any more", "app1", "Store", "Store", false },
	{ "takes it over", "app4", "Store", "Store", true },
	{ "stays aside", "app1", "Store", "Store (app1)", true },
	{ "no name", "app5", "", "app5", true },
};

static void test_p13_base_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(base_rows) / sizeof(base_rows[0]); i++) {
		struct store_base b = {
			.listed = base_rows[i].listed,
			.remote_name = (char *)base_rows[i].remote
		};

		id_copy(b.id.s, base_rows[i].id);
		assert_int_equal(store_begin(s), 0);
		assert_int_equal(store_put_base(s, &b), 0);
		assert_int_equal(store_commit(s), 0);
		if (strcmp(b.name, base_rows[i].want) != 0)
			fail_msg("%s: %s", base_rows[i].row, b.name);
		if (b.no != (uint32_t)(base_rows[i].id[3] - '0') + 1)
			fail_msg("%s: number %u", base_rows[i].row, b.no);
	}
}

static int check_base(void *ctx, const struct store_base *b)
{
	(*(int *)ctx)++;
	assert_string_equal(b->id.s, "appA");
	assert_string_equal(b->permission, "edit");
	assert_string_equal(b->schema, "{}");
	assert_int_equal(b->schema_at_ms, 9);
	assert_true(b->listed);
	return 0;
}

static int check_table(void *ctx, const struct store_table *t)
{
	(*(int *)ctx)++;
	assert_string_equal(t->id.s, "tblA");
	assert_string_equal(t->remote_name, "Table");
	assert_string_equal(t->name, "Table");
	assert_true(t->complete);
	assert_int_equal(t->listed_at_ms, 7);
	assert_int_equal(t->names_at_ms, 8);
	assert_int_equal(t->schema_gen, 3);
	assert_int_equal(t->fresh_at_ms, 10);
	assert_int_equal(t->server_at_ms, 11);
	return 5;
}

static void test_rows_of_tree(void **state)
{
	struct store_base b = { .listed = true, .id = { "appA" },
				.remote_name = (char *)"Base",
				.permission = "edit", .schema = (char *)"{}",
				.schema_at_ms = 9 };
	struct store_table t = { .base_no = 1, .id = { "tblA" },
				 .remote_name = (char *)"Table",
				 .complete = true, .listed_at_ms = 7,
				 .names_at_ms = 8, .schema_gen = 3,
				 .fresh_at_ms = 10, .server_at_ms = 11 };
	int n = 0;

	(void)state;
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_put_base(s, &b), 0);
	b.schema = NULL; /* a list of bases brings none: it is kept */
	b.schema_at_ms = 0;
	assert_int_equal(store_put_base(s, &b), 0);
	assert_int_equal(store_put_table(s, &t), 0);
	assert_int_equal(store_commit(s), 0);
	reopen();
	assert_int_equal(store_each_base(s, check_base, &n), 0);
	assert_int_equal(store_each_table(s, b.no, check_table, &n), 5);
	assert_int_equal(store_each_table(s, 99, check_table, &n), 0);
	assert_int_equal(n, 2);
}

/* ---- names of records ---- */

static const struct {
	const char *row, *id, *primary, *want;
} name_rows[] = {
	{ "plain", ID_A, "Chair", "Chair.json" },
	{ "a double", ID_B, "Chair", "Chair (" ID_B ").json" },
	{ "the first is renamed", ID_A, "Table", "Table.json" },
	{ "the double keeps its name", ID_B, "Chair",
	  "Chair (" ID_B ").json" },
	{ "the freed name", ID_C, "Chair", "Chair.json" },
	{ "emptied", ID_C, NULL, ID_C ".json" },
	{ "still empty", ID_C, NULL, ID_C ".json" },
	{ "looks like an id", ID_A, ID_B, ID_B " (" ID_A ").json" },
	{ "looks like a double", ID_A, "Lamp (" ID_C ")",
	  "Lamp (" ID_C ").json" },
	{ "takes the plain one", ID_B, "Lamp", "Lamp.json" },
	{ "so the id alone", ID_C, "Lamp", ID_C ".json" },
	{ "a path", ID_A, "../../etc", "\u2024.\u2215..\u2215etc.json" },
};

static void test_p13_record_names(void **state)
{
	struct store_row row;

	(void)state;
	for (size_t i = 0; i < sizeof(name_rows) / sizeof(name_rows[0]); i++) {
		struct store_change ch = put(name_rows[i].id,
					     name_rows[i].primary, "{}", "{}",
					     1);

		if (strcmp(ch.name, name_rows[i].want) != 0)
			fail_msg("%s: %s", name_rows[i].row, ch.name);
		assert_int_equal(store_find_name(s, tno, ch.name, STORE_META,
						 &row), 0);
		assert_string_equal(row.id, name_rows[i].id);
	}
	assert_int_equal(store_find_name(s, tno, "Table.json", STORE_META,
					 &row), -ENOENT);
}

static void test_find_primary(void **state)
{
	char id[ATFS_ID_MAX] = "";

	(void)state;
	put(ID_A, "Chair", "{}", "{}", 1);
	assert_int_equal(store_find_primary(s, tno, "Chair", id), 1);
	assert_string_equal(id, ID_A);
	assert_int_equal(store_find_primary(s, tno, "chair", id), 0);
	assert_int_equal(store_find_primary(s, tno + 1, "Chair", id), 0);
	put(ID_B, "Chair", "{}", "{}", 1);
	put(ID_C, "Chair", "{}", "{}", 1);
	assert_int_equal(store_find_primary(s, tno, "Chair", id), 2);
	assert_string_equal(id, ID_A);
	put(ID_A, NULL, "{}", "{}", 1);
	put(ID_B, "", "{}", "{}", 1);
	assert_int_equal(store_find_primary(s, tno, "Chair", id), 1);
	assert_string_equal(id, ID_C);
}

static void test_set_name(void **state)
{
	uint32_t a = put(ID_A, "Chair", "{}", "{}", 1).seq;
	struct store_change ch;

	(void)state;
	put(ID_B, "Table", "{}", "{}", 1);
	assert_int_equal(store_set_name(s, tno, a, "X.json", "X"), -EINVAL);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_set_name(s, tno, a, "Table.json", "Table"),
			 -EEXIST);
	assert_int_equal(store_set_name(s, tno, 77, "X.json", "X"), -ENOENT);
	assert_int_equal(store_set_name(s, tno, a, "my own.json", "Sofa"), 0);
	assert_int_equal(store_commit(s), 0);
	ch = put(ID_A, "Sofa", "{}", "{}", 1);
	assert_string_equal(ch.name, "my own.json");
	assert_false(ch.renamed);
	ch = put(ID_A, "Bed", "{}", "{}", 1);
	assert_true(ch.renamed);
	assert_string_equal(ch.old_name, "my own.json");
	assert_string_equal(ch.name, "Bed.json");
}

/* ---- what a put changes ---- */

static void test_put(void **state)
{
	struct store_change ch = put(ID_A, "A", "body", "{\"f\":1}", 10);
	struct store_row row, in = { .table_no = tno, .id = ID_A,
				     .created = "2024-03-01T09:30:00.000Z",
				     .schema_gen = 1, .mtime_ms = 20,
				     .ctime_ms = 20, .body = (char *)"other",
				     .body_n = 5, .raw = (char *)"{\"f\":2}" };

	(void)state;
	assert_true(ch.inserted && ch.content && !ch.renamed);
	assert_int_equal(ch.seq, 1);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_put(s, &in, "A", 11, false, &ch), 0);
	assert_true(!ch.inserted && ch.content && !ch.renamed);
	/* what is not given is kept */
	in.body = in.raw = NULL;
	in.schema_gen = 2;
	in.ctime_ms = 30;
	assert_int_equal(store_put(s, &in, "A", 12, false, &ch), 0);
	assert_true(!ch.inserted && !ch.content && !ch.renamed);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_get(s, tno, 1, STORE_BODY | STORE_RAW, &row),
			 0);
	assert_string_equal(row.body, "other");
	assert_string_equal(row.raw, "{\"f\":2}");
	assert_int_equal(row.body_n, 5);
	assert_int_equal(row.size, 5);
	assert_int_equal(row.mtime_ms, 10); /* mtime did not move */
	assert_int_equal(row.ctime_ms, 20);
	assert_int_equal(row.schema_gen, 2);
	assert_string_equal(row.created, in.created);
	store_row_release(&row);
	assert_int_equal(store_get(s, tno, 1, STORE_META, &row), 0);
	assert_null(row.body);
	assert_null(row.raw);
	assert_int_equal(store_get(s, tno, 2, STORE_META, &row), -ENOENT);
	assert_int_equal(store_find_id(s, tno, ID_B, STORE_BODY, &row),
			 -ENOENT);
}

static void test_versions(void **state)
{
	struct store_version v[20];
	char raw[32];
	uint32_t seq = put(ID_A, "A", "b", "{\"n\":0}", 1).seq;
	int n;

	(void)state;
	assert_int_equal(store_versions(s, tno, seq, 20, v), 0);
	put(ID_A, "A", "other", "{\"n\":0}", 1); /* the same raw */
	assert_int_equal(store_versions(s, tno, seq, 20, v), 0);
	for (int i = 1; i <= 12; i++) {
		snprintf(raw, sizeof(raw), "{\"n\":%d}", i);
		put(ID_A, "A", "b", raw, 1);
	}
	n = store_versions(s, tno, seq, 20, v);
	assert_int_equal(n, 8);
	for (int i = 0; i < n; i++) {
		snprintf(raw, sizeof(raw), "{\"n\":%d}", 11 - i);
		assert_string_equal(v[i].raw, raw);
		assert_true(i == 0 || v[i].vid < v[i - 1].vid);
		free(v[i].raw);
	}
	assert_int_equal(store_versions(s, tno, seq, 2, v), 2);
	free(v[0].raw);
	free(v[1].raw);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_remove(s, tno, seq), 0);
	assert_int_equal(store_remove(s, tno, seq), -ENOENT);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_versions(s, tno, seq, 20, v), 0);
}

static void test_set_body_and_times(void **state)
{
	uint32_t seq = put(ID_A, "A", "b", "{}", 1).seq;
	struct store_row row;

	(void)state;
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_set_body(s, tno, seq, "x\0y", 3, 4), 0);
	assert_int_equal(store_set_times(s, tno, seq, 70, 80), 0);
	assert_int_equal(store_set_times(s, tno, 99, 70, 80), -ENOENT);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_get(s, tno, seq, STORE_BODY, &row), 0);
	assert_int_equal(row.size, 3);
	assert_memory_equal(row.body, "x\0y", 3);
	assert_int_equal(row.mtime_ms, 70);
	assert_int_equal(row.ctime_ms, 80);
	assert_int_equal(row.schema_gen, 4);
	store_row_release(&row);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_set_body(s, tno, seq, NULL, 0, 4), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_get(s, tno, seq, STORE_BODY, &row), 0);
	assert_int_equal(row.size, 0);
	assert_string_equal(row.body, "");
	store_row_release(&row);
}

/* ---- local rows ---- */

static uint32_t put_local(const char *id, const char *name)
{
	uint32_t seq = 0;

	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_put_local(s, tno, id, name, 5, &seq), 0);
	assert_int_equal(store_commit(s), 0);
	return seq;
}

static void test_local(void **state)
{
	uint32_t seq = put_local("new-1", "a\u2215b.json"), other;
	struct store_change gone, ch;
	struct store_row row;

	(void)state;
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_put_local(s, tno, "new-2", "a\u2215b.json", 5,
					 &other), -EEXIST);
	assert_int_equal(store_adopt(s, tno, seq, ID_A, &gone), 0);
	assert_int_equal(store_adopt(s, tno, 99, ID_B, &gone), -ENOENT);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(gone.seq, 0);
	/* the server's text is what the name stands for: nothing moves */
	ch = put(ID_A, "a/b", "{}", "{}", 9);
	assert_int_equal(ch.seq, seq);
	assert_true(!ch.inserted && !ch.renamed && ch.content);
	assert_string_equal(ch.name, "a\u2215b.json");
	assert_int_equal(store_find_id(s, tno, "new-1", STORE_META, &row),
			 -ENOENT);
}

/* The listing was quicker than the answer to the create. */
static void test_adopt_seen_first(void **state)
{
	uint32_t seq = put_local("new-1", "Chair.json");
	struct store_change seen = put(ID_A, "Chair", "{}", "{}", 3), gone;
	struct store_row row;
	int64_t n;

	(void)state;
	assert_string_equal(seen.name, "Chair (" ID_A ").json");
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_adopt(s, tno, seq, ID_A, &gone), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(gone.seq, seen.seq);
	assert_string_equal(gone.name, seen.name);
	assert_int_equal(store_find_id(s, tno, ID_A, STORE_META, &row), 0);
	assert_int_equal(row.seq, seq);
	assert_string_equal(row.name, "Chair.json");
	assert_int_equal(store_count(s, tno, &n), 0);
	assert_int_equal(n, 1);
}

/* ---- listing ---- */

static void test_list_offsets(void **state)
{
	struct store_row rows[7];
	uint32_t after = 0, last = 0;
	char id[ATFS_ID_MAX], name[16];
	int n, seen = 0, added = 0;
	int64_t count;

	(void)state;
	/* the listing grows, and loses what was read, while it is walked */
	for (;;) {
		if (added < 60) {
			for (int i = 0; i < 10; i++, added++) {
				snprintf(id, sizeof(id), "rec%014d", added);
				snprintf(name, sizeof(name), "n%d", added);
				put(id, name, "body", "{}", 1);
			}
		}
		n = store_list(s, tno, after, 7, STORE_BODY, rows);
		assert_true(n >= 0);
		if (n == 0)
			break;
		for (int i = 0; i < n; i++) {
			assert_true(rows[i].seq > last);
			last = rows[i].seq;
			assert_string_equal(rows[i].body, "body");
			assert_null(rows[i].raw);
			store_row_release(&rows[i]);
		}
		seen += n;
		after = last;
		assert_int_equal(store_begin(s), 0);
		assert_int_equal(store_remove(s, tno, last), 0);
		assert_int_equal(store_commit(s), 0);
	}
	assert_int_equal(seen, 60);
	assert_int_equal(store_count(s, tno, &count), 0);
	assert_int_equal(count, 60 - 9);
	assert_int_equal(store_count(s, 99, &count), -ENOENT);
	assert_int_equal(store_list(s, tno + 1, 0, 7, STORE_META, rows), 0);
	/* a number is not used again, after a restart neither */
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_remove(s, tno, 60), -ENOENT);
	assert_int_equal(store_commit(s), 0);
	reopen();
	assert_int_equal(put(ID_A, "A", "", "{}", 1).seq, 61);
}

struct swept {
	char text[200];
	const char *keep;
};

static bool sweep(void *ctx, uint32_t seq, const char *name, const char *id)
{
	struct swept *w = ctx;
	size_t n = strlen(w->text);

	assert_true(seq > 0);
	assert_true(strncmp(id, "rec", 3) == 0);
	snprintf(w->text + n, sizeof(w->text) - n, "%s ", name);
	return w->keep == NULL || strcmp(w->keep, name) != 0;
}

static void sweep_all(int64_t seen, struct swept *w)
{
	w->text[0] = '\0';
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_sweep(s, tno, seen, sweep, w), 0);
	assert_int_equal(store_commit(s), 0);
}

static void test_sweep(void **state)
{
	struct swept w = { .keep = "kept.json" };
	uint32_t local = put_local("new-1", "local.json");
	uint32_t adopted = put_local("new-2", "adopted.json");
	struct store_row row;
	int64_t n;

	(void)state;
	put(ID_A, "gone", "{}", "{}", 1);
	put(ID_B, "kept", "{}", "{}", 1);
	put(ID_C, "seen", "{}", "{}", 2);
	put("recD", "answered", "{}", "{}", 0); /* not from a listing */
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_adopt(s, tno, adopted, "recE", NULL), 0);
	assert_int_equal(store_commit(s), 0);
	sweep_all(2, &w);
	assert_string_equal(w.text, "gone.json kept.json ");
	assert_int_equal(store_find_id(s, tno, ID_A, STORE_META, &row),
			 -ENOENT);
	assert_int_equal(store_count(s, tno, &n), 0);
	assert_int_equal(n, 5);
	/* those that were spared have had their one time */
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_mark_seen(s, tno, 5, 3), 0);
	assert_int_equal(store_mark_seen(s, tno, 99, 3), -ENOENT);
	assert_int_equal(store_commit(s), 0);
	sweep_all(3, &w);
	assert_string_equal(w.text, "adopted.json kept.json answered.json ");
	assert_int_equal(store_get(s, tno, local, STORE_META, &row), 0);
	assert_int_equal(store_count(s, tno, &n), 0);
	assert_int_equal(n, 3);
}

/* ---- transactions and failures ---- */

static void test_rollback(void **state)
{
	struct store_row row = { .table_no = tno, .id = ID_A,
				 .body = (char *)"x", .body_n = 1 };
	struct store_change ch;
	int64_t n;

	(void)state;
	assert_int_equal(store_put(s, &row, "A", 1, true, &ch), -EINVAL);
	assert_int_equal(store_commit(s), -EINVAL);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_begin(s), -EDEADLK);
	assert_int_equal(store_put(s, &row, "A", 1, true, &ch), 0);
	assert_int_equal(store_count(s, tno, &n), 0);
	assert_int_equal(n, 1);
	store_rollback(s);
	store_rollback(s);
	assert_int_equal(store_count(s, tno, &n), 0);
	assert_int_equal(n, 0);
	/* of a table that is not there */
	row.table_no = 99;
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_put(s, &row, "A", 1, true, &ch), -ENOENT);
	assert_int_equal(store_commit(s), 0);
}

static void test_full_disk(void **state)
{
	struct rlimit old, small;
	struct store_change ch;
	struct store_row row = { .table_no = tno, .id = ID_B };
	char *big = calloc(1, 3000000);
	int64_t n;

	(void)state;
	put(ID_A, "A", "{}", "{}", 1);
	row.body = big;
	row.body_n = 3000000;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 1000000;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(store_begin(s), 0);
	if (store_put(s, &row, "B", 1, true, &ch) == 0)
		assert_int_equal(store_commit(s), -ENOSPC);
	else
		assert_int_equal(store_commit(s), -ENOSPC);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(store_count(s, tno, &n), 0);
	assert_int_equal(n, 1);
	put(ID_C, "C", "{}", "{}", 1);
	free(big);
}

static void test_p1_kill(void **state)
{
	struct store_row row;
	int status;
	pid_t pid;

	(void)state;
	store_close(s);
	s = NULL;
	pid = fork();
	if (pid == 0) {
		if (store_open(path, &s) < 0)
			_exit(1);
		put(ID_A, "A", "body", "{}", 1);
		if (store_begin(s) == 0) /* left open */
			(void)store_set_value(s, "k", "v");
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(store_open(path, &s), 0);
	assert_int_equal(store_find_id(s, tno, ID_A, STORE_BODY, &row), 0);
	assert_string_equal(row.body, "body");
	store_row_release(&row);
}

/* Two records swap their names: the first had to step aside. */
static void test_p13_name_again(void **state)
{
	struct store_change a, b, ch;

	(void)state;
	a = put(ID_A, "A", "a", "{}", 1);
	b = put(ID_B, "B", "b", "{}", 1);
	assert_false(a.aside);
	ch = put(ID_A, "B", "a2", "{}", 2);
	assert_true(ch.renamed && ch.aside);
	ch = put(ID_B, "A", "b2", "{}", 2);
	assert_true(ch.renamed && !ch.aside);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_name_again(s, tno, a.seq, &ch), 0);
	assert_true(ch.renamed && !ch.aside);
	assert_string_equal(ch.old_name, "B (" ID_A ").json");
	assert_string_equal(ch.name, "B.json");
	assert_int_equal(store_name_again(s, tno, b.seq, &ch), 0);
	assert_false(ch.renamed || ch.aside);
	assert_int_equal(store_name_again(s, tno, 99, &ch), -ENOENT);
	assert_int_equal(store_commit(s), 0);
}

/* ---- damage ---- */

static void run_sql(const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
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

static void damage_header(void)
{
	scribble(0, 100);
}

static void damage_schema(void)
{
	scribble(100, 3996);
}

static void damage_all(void)
{
	scribble(4096, 30 * 4096);
}

static void newer(void)
{
	run_sql("PRAGMA user_version = 99");
}

static void foreign(void)
{
	run_sql("PRAGMA application_id = 1");
}

static void lacks_table(void)
{
	run_sql("DROP TABLE content");
}

static void truncated(void)
{
	assert_int_equal(truncate(path, 5000), 0);
}

static const struct {
	const char *name;
	void (*harm)(void);
} harms[] = {
	{ "header", damage_header }, { "list of tables", damage_schema },
	{ "pages", damage_all },     { "newer version", newer },
	{ "foreign", foreign },	     { "a table is missing", lacks_table },
	{ "truncated", truncated },
};

static void test_damage(void **state)
{
	struct store_row row;
	char old[112];

	(void)state;
	snprintf(old, sizeof(old), "%s.old", path);
	for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		put(ID_A, "A", "body", "{}", 1);
		store_close(s);
		s = NULL;
		unlink(old);
		harms[i].harm();
		if (store_open(path, &s) != 0)
			fail_msg("%s: not opened", harms[i].name);
		if (store_find_id(s, tno, ID_A, STORE_BODY, &row) != -ENOENT)
			fail_msg("%s: not begun anew", harms[i].name);
		if (access(old, F_OK) != 0)
			fail_msg("%s: not set aside", harms[i].name);
		put_table();
	}
}

/* Damage that only a later read meets: an error then, and the next open begins
 * anew. */
static void test_damage_in_use(void **state)
{
	char id[ATFS_ID_MAX], name[16], body[500];
	struct store_row row;
	int bad = 0, r;

	(void)state;
	memset(body, 'b', sizeof(body));
	body[sizeof(body) - 1] = '\0';
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "rec%014d", i);
		snprintf(name, sizeof(name), "n%d", i);
		put(id, name, body, "{}", 1);
	}
	reopen(); /* all is in the file now */
	scribble(25 * 4096, 10 * 4096);
	for (uint32_t i = 1; i <= 200; i++) {
		r = store_get(s, tno, i, STORE_BODY, &row);
		if (r == 0)
			store_row_release(&row);
		else
			assert_int_equal(r, -EIO);
		bad += r != 0;
	}
	assert_true(bad > 0);
	reopen();
	assert_int_equal(store_get(s, 1, 1, STORE_BODY, &row), -ENOENT);
	put_table();
	reopen(); /* once is enough */
	put(ID_A, "A", "body", "{}", 1);
}

static void write_file(const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

/* All 40 rows as they were written; else how many could not be read. Rows that
 * are not there are right only in a store that was begun anew. */
static unsigned check_forty(const char *body, bool anew)
{
	struct store_row row;
	unsigned bad = 0;
	char text[32];

	for (uint32_t i = 1; i <= 40; i++) {
		int r = store_get(s, tno, i, STORE_BODY, &row);

		bad += r != 0;
		if (r != 0) {
			assert_int_equal(r, anew ? -ENOENT : -EIO);
			continue;
		}
		snprintf(text, sizeof(text), "rec%014d", (int)i - 1);
		assert_string_equal(row.id, text);
		snprintf(text, sizeof(text), "n%d.json", (int)i - 1);
		assert_string_equal(row.name, text);
		assert_string_equal(row.body, body);
		store_row_release(&row);
	}
	return bad;
}

/* One bit anywhere in the file: an error, a store begun anew, or what was
 * written; never anything else. */
static void test_no_flipped_bit_is_shown(void **state)
{
	char id[ATFS_ID_MAX], name[16], body[700], old[112], mark[112], *file;
	unsigned bad = 0, n = 0;
	struct stat st;
	int fd;

	(void)state;
	memset(body, 'b', sizeof(body));
	body[sizeof(body) - 1] = '\0';
	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "rec%014d", i);
		snprintf(name, sizeof(name), "n%d", i);
		put(id, name, body, "{}", 1);
	}
	store_close(s);
	s = NULL;
	snprintf(old, sizeof(old), "%s.old", path);
	snprintf(mark, sizeof(mark), "%s-bad", path);
	assert_int_equal(stat(path, &st), 0);
	file = malloc((size_t)st.st_size);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, file, (size_t)st.st_size), st.st_size);
	close(fd);
	for (off_t at = 77; at < st.st_size; at += 1777, n++) {
		file[at] ^= 4;
		write_file(file, (size_t)st.st_size);
		file[at] ^= 4;
		unlink(old);
		assert_int_equal(store_open(path, &s), 0);
		bad += check_forty(body, access(old, F_OK) == 0) > 0;
		store_close(s);
		s = NULL;
		unlink(mark);
	}
	free(file);
	assert_true(n > 20 && bad > n / 2);
	assert_int_equal(store_open(path, &s), 0);
}

/* Readers that are still to be opened find no file. */
static void test_deleted_in_use(void **state)
{
	struct store_row row;

	(void)state;
	put(ID_A, "A", "body", "{}", 1);
	reopen();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_find_id(s, tno, ID_A, STORE_BODY, &row), 0);
	assert_string_equal(row.body, "body");
	store_row_release(&row);
	put(ID_B, "B", "other", "{}", 1);
	assert_int_equal(store_find_id(s, tno, ID_B, STORE_BODY, &row), 0);
	store_row_release(&row);
	reopen();
	assert_int_equal(store_find_id(s, tno, ID_A, STORE_BODY, &row),
			 -ENOENT);
	put_table();
}

static void test_modes(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	mode_t old = umask(0);

	(void)state;
	store_close(s);
	s = NULL;
	unlink(path);
	assert_int_equal(store_open(path, &s), 0);
	put_table();
	umask(old);
	for (size_t i = 0; i < 3; i++) {
		char name[128];
		struct stat st;

		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
}

/* ---- readers beside a writer ---- */

#define PAGES 60
#define READERS 6 /* more than the pool has */

static _Atomic uint32_t committed;

static void *read_along(void *arg)
{
	struct store_row rows[25];
	int *bad = arg;
	uint32_t floor, after, got;
	int n;

	do {
		floor = atomic_load(&committed);
		got = after = 0;
		while ((n = store_list(s, tno, after, 25, STORE_BODY,
				       rows)) > 0) {
			for (int i = 0; i < n; i++) {
				after = rows[i].seq;
				*bad += rows[i].body_n != 50;
				store_row_release(&rows[i]);
			}
			got += (uint32_t)n;
		}
		/* what was committed before is seen */
		*bad += n < 0 || got < floor;
	} while (floor < PAGES * 20);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t t[READERS];
	int bad[READERS] = { 0 };
	char body[51];

	(void)state;
	memset(body, 'x', 50);
	body[50] = '\0';
	atomic_store(&committed, 0);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, read_along,
						&bad[i]), 0);
	for (uint32_t p = 0; p < PAGES; p++) {
		assert_int_equal(store_begin(s), 0);
		for (uint32_t i = 0; i < 20; i++) {
			struct store_row row = { .table_no = tno, .body = body,
						 .body_n = 50 };
			struct store_change ch;
			char primary[24];

			snprintf(row.id, sizeof(row.id), "rec%014u",
				 p * 20 + i);
			snprintf(primary, sizeof(primary), "n%u", p * 20 + i);
			assert_int_equal(store_put(s, &row, primary, 1, true,
						   &ch), 0);
		}
		assert_int_equal(store_commit(s), 0);
		atomic_store(&committed, (p + 1) * 20);
	}
	for (int i = 0; i < READERS; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(bad[i], 0);
	}
}

/* Enough is written for the thread that folds the -wal to start; it is stopped
 * at any point of its work. */
static void test_fold(void **state)
{
	char *body = malloc(1000001);
	struct store_row row;

	(void)state;
	body[1000000] = '\0';
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 25; i++) {
			memset(body, 'a' + i, 1000000);
			put(ID_A, "A", body, "{}", 1);
			put(ID_B, "B", body, "{}", 1);
		}
		reopen();
		assert_int_equal(store_find_id(s, tno, ID_B, STORE_BODY, &row),
				 0);
		assert_string_equal(row.body, body);
		store_row_release(&row);
	}
	free(body);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_values), T(test_p13_base_names), T(test_rows_of_tree),
		T(test_p13_record_names), T(test_find_primary),
		T(test_set_name), T(test_put), T(test_versions),
		T(test_set_body_and_times), T(test_local),
		T(test_adopt_seen_first), T(test_list_offsets), T(test_sweep),
		T(test_rollback), T(test_full_disk), T(test_p1_kill),
		T(test_p13_name_again), T(test_damage),
		T(test_damage_in_use),
		T(test_no_flipped_bit_is_shown), T(test_deleted_in_use),
		T(test_modes),
		T(test_threads), T(test_fold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
