/* Scratch files: local files that lose their names, get other ones, and are
 * listed. Everything happens in a directory of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/scratch.h"

#define ROOT 1

struct world {
	char dir[64];
	struct inode_tab *inodes;
	struct scratch *s;
	uint64_t table;
};

static void on_drop(void *ctx, const struct inode_view *v, bool at_orphanage)
{
	struct world *w = ctx;

	if (at_orphanage && w->s != NULL)
		scratch_drop_orphan(w->s, v->nodeid);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct inode_key k = inode_key_make(INODE_TABLE, 5, 0);

	strcpy(w->dir, "/tmp/atfs-scratch-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(inode_tab_new(on_drop, w, &w->inodes), 0);
	assert_int_equal(scratch_new(w->dir, w->inodes, &w->s), 0);
	assert_int_equal(inode_hold_at(w->inodes, &k, ROOT, "T", &w->table),
			 0);
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	inode_tab_free(w->inodes);
	scratch_free(w->s);
	(void)nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

/* Makes a file of that text and holds it, as the kernel after a create. */
static uint64_t make(struct world *w, uint64_t dir, const char *name,
		     const char *text)
{
	struct stat st;
	uint64_t id = 0;
	int fd;

	assert_int_equal(scratch_create(w->s, dir, name, 0644, O_EXCL, &st),
			 0);
	assert_int_equal(scratch_hold(w->s, dir, name, &st, &id), 0);
	fd = scratch_open(w->s, id, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return id;
}

static uint64_t make_dir(struct world *w, uint64_t dir, const char *name)
{
	struct stat st;
	uint64_t id = 0;

	assert_int_equal(scratch_mkdir(w->s, dir, name, 0755, &st), 0);
	assert_int_equal(scratch_hold(w->s, dir, name, &st, &id), 0);
	return id;
}

static void expect_text(struct world *w, uint64_t id, const char *want)
{
	char buf[64] = "";
	int fd = scratch_open(w->s, id, O_RDONLY);

	if (fd < 0)
		fail_msg("cannot open the file of '%s': %d", want, fd);
	assert_true(read(fd, buf, sizeof(buf) - 1) >= 0);
	close(fd);
	assert_string_equal(buf, want);
}

static int exists(struct world *w, uint64_t dir, const char *name)
{
	struct stat st;

	return scratch_lookup(w->s, dir, name, &st);
}

static unsigned orphans(struct world *w)
{
	struct scratch_name *names;
	size_t n;

	assert_int_equal(scratch_list(w->s, INODE_ORPHANAGE, &names, &n), 0);
	scratch_names_free(names, n);
	return (unsigned)n;
}

static void test_an_unlinked_file_lives_until_forgotten(void **state)
{
	struct world *w = *state;
	uint64_t id = make(w, w->table, ".a.swp", "one");
	struct stat st;

	assert_int_equal(scratch_unlink(w->s, w->table, ".a.swp"), 0);
	assert_int_equal(exists(w, w->table, ".a.swp"), -ENOENT);
	expect_text(w, id, "one");
	assert_int_equal(scratch_stat(w->s, id, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(orphans(w), 1);
	/* the name is free for another file */
	expect_text(w, make(w, w->table, ".a.swp", "two"), "two");
	expect_text(w, id, "one");
	inode_forget(w->inodes, id, 1);
	assert_int_equal(orphans(w), 0);
}

static void test_rename_over_keeps_the_other_file_readable(void **state)
{
	struct world *w = *state;
	uint64_t a = make(w, w->table, "a", "new"), b = make(w, w->table, "b",
							     "old");

	assert_int_equal(scratch_rename(w->s, w->table, "a", w->table, "b"),
			 0);
	assert_true(inode_is_at(w->inodes, a, w->table, "b"));
	expect_text(w, a, "new");
	expect_text(w, b, "old");
	assert_int_equal(exists(w, w->table, "a"), -ENOENT);
	inode_forget(w->inodes, b, 1);
	assert_int_equal(orphans(w), 0);
	expect_text(w, a, "new");
}

static void test_files_move_with_their_directory(void **state)
{
	struct world *w = *state;
	uint64_t d = make_dir(w, w->table, ".git"), f = make(w, d, "HEAD",
							     "ref");

	assert_int_equal(scratch_rename(w->s, w->table, ".git", ROOT, ".old"),
			 0);
	expect_text(w, f, "ref");
	assert_int_equal(scratch_rmdir(w->s, ROOT, ".old"), -ENOTEMPTY);
	assert_int_equal(scratch_unlink(w->s, d, "HEAD"), 0);
	assert_int_equal(scratch_rmdir(w->s, ROOT, ".old"), 0);
	/* who stands in it finds nothing there and can make nothing */
	assert_int_equal(exists(w, d, "HEAD"), -ENOENT);
	expect_text(w, f, "ref");
}

static void test_two_links_are_one_file(void **state)
{
	struct world *w = *state;
	uint64_t a = make(w, w->table, "a", "x"), b;
	struct stat st;

	assert_int_equal(scratch_link(w->s, a, w->table, "b", &st), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(scratch_hold(w->s, w->table, "b", &st, &b), 0);
	assert_true(a == b);
	/* the name it goes by went; the other is left alone */
	assert_int_equal(scratch_unlink(w->s, w->table, "b"), 0);
	assert_int_equal(exists(w, w->table, "a"), 0);
	expect_text(w, a, "x");
	/* rename of one link over the other does nothing: POSIX */
	assert_int_equal(scratch_link(w->s, a, w->table, "c", &st), 0);
	assert_int_equal(scratch_rename(w->s, w->table, "a", w->table, "c"),
			 0);
	assert_int_equal(exists(w, w->table, "a"), 0);
}

static void test_wrong_kinds(void **state)
{
	struct world *w = *state;
	struct stat st;

	(void)make_dir(w, w->table, "d");
	(void)make(w, w->table, "f", "");
	assert_int_equal(scratch_unlink(w->s, w->table, "d"), -EISDIR);
	assert_int_equal(scratch_rmdir(w->s, w->table, "f"), -ENOTDIR);
	assert_int_equal(scratch_rename(w->s, w->table, "f", w->table, "d"),
			 -EISDIR);
	assert_int_equal(scratch_rename(w->s, w->table, "d", w->table, "f"),
			 -ENOTDIR);
	assert_int_equal(scratch_rename(w->s, w->table, "no", w->table, "x"),
			 -ENOENT);
	assert_int_equal(scratch_mknod(w->s, w->table, "dev", S_IFBLK | 0600,
				       &st), -EPERM);
	assert_int_equal(scratch_create(w->s, w->table, "f", 0644, O_EXCL,
					&st), -EEXIST);
	assert_int_equal(scratch_create(w->s, w->table, "f", 0644, 0, &st), 0);
	assert_int_equal(scratch_check_over(w->s, w->table, "d"), -EISDIR);
	assert_int_equal(scratch_check_over(w->s, w->table, "new"), 0);
}

static void test_modes_as_shown(void **state)
{
	static const struct {
		const char *name;
		mode_t set, shown;
	} rows[] = {
		{ "plain", 0644, 0644 },
		{ "read-only", 0444, 0444 },
		{ "private", 0600, 0600 },
		{ "executable", 0755, 0755 },
		{ "setuid is not kept", 04755, 0755 },
		{ "the owner always reads", 0000, 0400 },
	};
	struct world *w = *state;
	uint64_t id = make(w, w->table, "f", "");
	struct stat st;
	int fd;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(scratch_chmod(w->s, id, rows[i].set), 0);
		assert_int_equal(scratch_stat(w->s, id, &st), 0);
		if ((st.st_mode & 07777) != rows[i].shown)
			fail_msg("%s: %o", rows[i].name, st.st_mode & 07777);
		/* whatever the mode, the daemon can write to it */
		fd = scratch_open(w->s, id, O_RDWR);
		if (fd < 0)
			fail_msg("%s: cannot be opened", rows[i].name);
		close(fd);
	}
}

static void test_staged_content_takes_a_name(void **state)
{
	struct world *w = *state;
	uint64_t old = make(w, w->table, "a.json~", "backup"), id;
	struct stat st;
	char *bytes;
	size_t n;

	assert_int_equal(scratch_stage(w->s, "wrong", 5, 1), 0);
	assert_int_equal(scratch_stage(w->s, "right", 5, 86400000), 0);
	assert_int_equal(scratch_unstage(w->s, w->table, "a.json~", &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 86400);
	assert_int_equal(scratch_hold(w->s, w->table, "a.json~", &st, &id), 0);
	expect_text(w, id, "right");
	expect_text(w, old, "backup");
	assert_int_equal(scratch_read_all(w->s, w->table, "a.json~", 5, &bytes,
					  &n), 0);
	assert_int_equal(n, 5);
	free(bytes);
	assert_int_equal(scratch_read_all(w->s, w->table, "a.json~", 4, &bytes,
					  &n), -EFBIG);
}

static void test_links_are_never_followed(void **state)
{
	struct world *w = *state;
	struct stat st;
	uint64_t id;
	char *text;
	size_t n;

	assert_int_equal(scratch_symlink(w->s, "/etc/passwd", w->table, "l",
					 &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(scratch_hold(w->s, w->table, "l", &st, &id), 0);
	assert_true(scratch_open(w->s, id, O_RDONLY) < 0);
	assert_true(scratch_truncate(w->s, id, 0) < 0);
	assert_int_equal(scratch_chmod(w->s, id, 0777), -EOPNOTSUPP);
	assert_int_equal(scratch_read_all(w->s, w->table, "l", 1000000, &text,
					  &n), -EPERM);
	assert_int_equal(scratch_readlink(w->s, id, &text), 0);
	assert_string_equal(text, "/etc/passwd");
	free(text);
}

/* A listing cut at any entry and taken up again shows every name that was
 * there all the time exactly once, whatever came and went in between. */
static void test_listing_goes_on_while_names_change(void **state)
{
	enum { N = 60 };
	struct world *w = *state;
	struct scratch_name *names;
	char name[32];
	bool seen[N] = { false };
	int64_t at = 0;
	size_t n;
	int number, step = 0;
	struct stat st;

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "keep-%d", i);
		assert_int_equal(scratch_create(w->s, w->table, name, 0600, 0,
						&st), 0);
	}
	for (;; step++) {
		size_t i = 0;

		assert_int_equal(scratch_list(w->s, w->table, &names, &n), 0);
		while (i < n && names[i].offset <= at)
			i++;
		if (i == n)
			break;
		at = names[i].offset;
		assert_true(at >= SCRATCH_OFFSET);
		if (sscanf(names[i].name, "keep-%d", &number) == 1) {
			assert_false(seen[number]);
			seen[number] = true;
		}
		scratch_names_free(names, n);
		snprintf(name, sizeof(name), "other-%d", step / 2);
		if (step % 2 == 0)
			assert_int_equal(scratch_create(w->s, w->table, name,
							0600, 0, &st), 0);
		else
			assert_int_equal(scratch_unlink(w->s, w->table, name),
					 0);
	}
	scratch_names_free(names, n);
	for (int i = 0; i < N; i++) {
		if (!seen[i])
			fail_msg("keep-%d was not listed", i);
	}
}

static void test_a_directory_never_made_is_empty(void **state)
{
	struct world *w = *state;
	struct scratch_name *names;
	struct inode_key k = inode_key_make(INODE_TABLE, 77, 0);
	uint64_t t;
	size_t n = 1;

	assert_int_equal(inode_hold_at(w->inodes, &k, ROOT, "U", &t), 0);
	assert_int_equal(scratch_list(w->s, t, &names, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(exists(w, t, "x"), -ENOENT);
	assert_int_equal(scratch_unlink(w->s, t, "x"), -ENOENT);
	assert_int_equal(scratch_dir_mtime(w->s, &k).tv_sec, 0);
}

static void test_start_removes_what_a_crash_left(void **state)
{
	struct world *w = *state;
	uint64_t id = make(w, w->table, "a", "x");
	struct scratch *again;

	(void)make(w, w->table, "kept", "y");
	assert_int_equal(scratch_unlink(w->s, w->table, "a"), 0);
	assert_int_equal(scratch_stage(w->s, "z", 1, 0), 0);
	assert_int_equal(orphans(w), 2);
	assert_int_equal(scratch_new(w->dir, w->inodes, &again), 0);
	scratch_free(again);
	assert_int_equal(orphans(w), 0);
	assert_int_equal(exists(w, w->table, "kept"), 0);
	inode_forget(w->inodes, id, 1);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_an_unlinked_file_lives_until_forgotten),
		ROW(test_rename_over_keeps_the_other_file_readable),
		ROW(test_files_move_with_their_directory),
		ROW(test_two_links_are_one_file),
		ROW(test_wrong_kinds),
		ROW(test_modes_as_shown),
		ROW(test_staged_content_takes_a_name),
		ROW(test_links_are_never_followed),
		ROW(test_listing_goes_on_while_names_change),
		ROW(test_a_directory_never_made_is_empty),
		ROW(test_start_removes_what_a_crash_left),
	};

	return cmocka_run_group_tests_name("scratch", tests, NULL, NULL);
}
