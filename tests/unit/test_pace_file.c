/* pace_file: the limiter's table in a file, between objects and processes, and
 * what is left of it after kill -9, damage and another boot. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "airtable/limiter.h"
#include "airtable/pace_file.h"

#define W LIMIT_WINDOW_NS
#define T0 (1000 * NS_PER_S)

static const struct base_id base_a = { "appAAAAAAAAAAAAAA" };
static const struct base_id base_b = { "appBBBBBBBBBBBBBB" };

static char dir[64];
static char path[128];

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_pace_file.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/pace", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)rmdir(path);
	return rmdir(dir);
}

static struct limiter *open_limiter(void)
{
	struct limiter *l = NULL;

	assert_int_equal(limiter_open(path, &l), 0);
	assert_non_null(l);
	return l;
}

static int64_t resting_ns(struct limiter *l, const struct base_id *base,
			  int64_t now)
{
	struct limiter_state st;

	assert_true(limiter_get_state(l, base, now, &st));
	return st.rest_until_ns > 0 ? st.rest_until_ns - now : 0;
}

static void spend_n(struct limiter *l, const struct base_id *base, int n,
		    int64_t at_ns)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(limiter_try(l, base, at_ns), 0);
		limiter_touch(l, base, at_ns, at_ns);
	}
}

/* Runs fn in a child that ends by kill -9. */
static void in_killed_child(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		fn();
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The file, as somebody who does not care for its lock. */
static struct pace_table *map_raw(void)
{
	int fd = open(path, O_RDWR);
	void *p = mmap(NULL, sizeof(struct pace_table), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);

	assert_true(p != MAP_FAILED);
	close(fd);
	return p;
}

static void write_file(const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

static void check_mode(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* ---- sharing ---- */

static void test_P7_two_share(void **state)
{
	struct limiter *one = open_limiter(), *two = open_limiter();

	(void)state;
	spend_n(one, &base_a, 3, T0);
	spend_n(two, &base_a, 2, T0 + 1);
	assert_int_equal(limiter_try(one, &base_a, T0 + 1), W - 1);
	assert_int_equal(limiter_try(two, &base_a, T0 + 1), W - 1);
	spend_n(two, &base_b, 1, T0 + 1);
	limiter_rest(one, &base_b, T0 + 1, T0 + 1, LIMIT_REST_NS);
	assert_int_equal(limiter_try(two, &base_b, T0 + 1), LIMIT_REST_NS);
	assert_int_equal(resting_ns(two, &base_b, T0 + 2),
			 LIMIT_REST_NS - 1);
	limiter_rest(two, NULL, T0 + W, T0 + W, 50);
	assert_int_equal(limiter_try(one, NULL, T0 + W), 50);
	limiter_free(one);
	limiter_free(two);
	check_mode();
}

static void test_P7_slowness_is_shared(void **state)
{
	struct limiter *one = open_limiter(), *two = open_limiter();
	const int64_t now = T0 + LIMIT_REST_NS;

	(void)state;
	limiter_rest(one, &base_a, T0, T0, LIMIT_REST_NS);
	spend_n(one, &base_a, 2, now);
	spend_n(two, &base_a, 2, now);
	assert_int_equal(limiter_try(two, &base_a, now), W);
	limiter_free(one);
	limiter_free(two);
	/* and outlives them */
	one = open_limiter();
	assert_int_equal(limiter_try(one, &base_a, now), W);
	limiter_free(one);
}

/* A mount in which somebody waits has the next place, but not each of them. */
static void test_claims(void **state)
{
	struct limiter *one = open_limiter(), *two = open_limiter();
	int64_t now = T0, wait;

	(void)state;
	for (int i = 0; i < 5; i++)
		spend_n(one, &base_a, 1, T0 + i * (W / 5));
	now = T0 + W - 10;
	wait = limiter_try(two, &base_a, now);
	assert_int_equal(wait, 10);
	limiter_claim(two, &base_a, now, wait);
	limiter_claim(one, &base_a, now, wait); /* too late */
	now += wait;
	assert_in_range(limiter_try(one, &base_a, now), 1, 100 * NS_PER_MS);
	assert_int_equal(limiter_try(two, &base_a, now), 0);
	limiter_touch(two, &base_a, now, now);
	/* the next place is anybody's, and cannot be claimed by the same */
	limiter_claim(two, &base_a, now, W / 5);
	now += W / 5;
	assert_int_equal(limiter_try(one, &base_a, now), 0);
	limiter_touch(one, &base_a, now, now);
	/* of other bases nothing was said, and a claim ends with its owner */
	assert_int_equal(limiter_try(one, &base_b, now), 0);
	now += W / 5;
	limiter_claim(one, &base_a, now - 1, 1);
	assert_true(limiter_try(two, &base_a, now) > 0);
	limiter_free(one);
	assert_int_equal(limiter_try(two, &base_a, now), 0);
	limiter_free(two);
}

static void test_P7_all_bases_share(void **state)
{
	struct limiter *one = open_limiter(), *two = open_limiter();

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct base_id b = { "" };

		snprintf(b.s, sizeof(b.s), "app%d", i);
		spend_n(i % 2 ? one : two, &b, 5, T0 + i);
	}
	assert_int_equal(limiter_try(one, &base_a, T0 + 9), W - 9);
	assert_int_equal(limiter_try(two, NULL, T0 + 9), W - 9);
	limiter_free(one);
	limiter_free(two);
}

/* What one has under way holds the other up as long as it lives. */
static void test_P7_under_way_elsewhere(void **state)
{
	struct limiter *one = open_limiter(), *two = open_limiter();

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(limiter_try(one, &base_a, T0), 0);
	assert_int_equal(limiter_try(two, &base_a, T0 + 3 * W), W);
	/* the other's word on it is not about these */
	limiter_touch(two, &base_a, T0, T0 + 3 * W);
	assert_int_equal(limiter_try(two, &base_a, T0 + 5 * W), W);
	limiter_free(one);
	assert_int_equal(limiter_try(two, &base_a, T0 + 6 * W), W);
	assert_int_equal(limiter_try(two, &base_a, T0 + 7 * W), 0);
	limiter_free(two);
}

static void spend_and_send(void)
{
	struct limiter *l = open_limiter();

	spend_n(l, &base_a, 3, T0);
	for (int i = 0; i < 2; i++)
		(void)limiter_try(l, &base_a, T0);
	limiter_rest(l, &base_b, T0, T0, LIMIT_REST_NS);
}

/* Killed and started again at once. */
static void test_P7_predecessor_is_respected(void **state)
{
	struct limiter *l;

	(void)state;
	in_killed_child(spend_and_send);
	l = open_limiter();
	assert_int_equal(limiter_try(l, &base_a, T0 + 10), W - 10);
	assert_int_equal(limiter_try(l, &base_b, T0 + 10), LIMIT_REST_NS - 10);
	/* two had not left when it was last seen: they may have at T0 + 10 */
	spend_n(l, &base_a, 3, T0 + W);
	assert_int_equal(limiter_try(l, &base_a, T0 + W), 10);
	limiter_free(l);
}

/* ---- many processes, each with a clock of its own, a little apart ---- */

#define CHILDREN 4
#define CHILD_SENDS 600
#define SHARED_BASES 13
#define RUN_NS (25 * NS_PER_S)
#define SLOTS 5 /* requests a child has under way at most */
/* No clock is further ahead of another: what the limiter's window has to
 * spare over a second covers it. */
#define SKEW_NS (30 * NS_PER_MS)
#define ENDED INT64_MAX

struct sent {
	int64_t at_ns;
	int base; /* 1.. ; 0 = no entry */
};

struct arena {
	_Atomic int64_t now_ns[CHILDREN];
	struct sent sent[CHILDREN][CHILD_SENDS];
	_Atomic size_t sent_n[CHILDREN]; /* survives its child */
};

static struct base_id shared_base(int i)
{
	struct base_id b = { "" };

	snprintf(b.s, sizeof(b.s), "app%dx", i);
	return b;
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static int64_t slowest(struct arena *ar)
{
	int64_t least = ENDED, t;

	for (int i = 0; i < CHILDREN; i++) {
		t = ar->now_ns[i];
		least = t < least ? t : least;
	}
	return least;
}

static int64_t tick(struct arena *ar, int me, int64_t step)
{
	int64_t now = ar->now_ns[me] + step;

	while (now > slowest(ar) + SKEW_NS)
		(void)sched_yield();
	ar->now_ns[me] = now;
	return now;
}

/* It is written down before the limiter is told: at whichever point the child
 * is killed, no send is missing. */
static void leaves(struct arena *ar, int me, struct limiter *l, int base,
		   int64_t granted_ns, int64_t now)
{
	struct base_id b = shared_base(base);
	size_t n = ar->sent_n[me];

	if (n < CHILD_SENDS) {
		ar->sent[me][n] = (struct sent){ now, base };
		ar->sent_n[me] = n + 1;
	}
	limiter_touch(l, &b, granted_ns, now);
}

static void child_run(struct arena *ar, int me, uint64_t seed)
{
	struct { int base; int64_t granted_ns, leaves_ns; } q[SLOTS] = { 0 };
	struct limiter *l;

	if (limiter_open(path, &l) < 0)
		_exit(1);
	for (;;) {
		int64_t now = tick(ar, me, (int64_t)(next_random(&seed) %
						     (5 * NS_PER_MS)));
		size_t i = next_random(&seed) % SLOTS;
		int base = 1 + (int)(next_random(&seed) % SHARED_BASES);
		struct base_id b = shared_base(base);

		if (now > T0 + RUN_NS)
			break;
		if (q[i].base != 0) {
			if (q[i].leaves_ns > now)
				continue;
			leaves(ar, me, l, q[i].base, q[i].granted_ns, now);
			q[i].base = 0;
		} else if (limiter_try(l, &b, now) == 0) {
			q[i].base = base;
			q[i].granted_ns = q[i].leaves_ns = now;
			if (next_random(&seed) % 8 == 0)
				q[i].leaves_ns += (int64_t)(next_random(&seed) %
							    (2 * NS_PER_S));
		}
	}
	ar->now_ns[me] = ENDED;
	_exit(0);
}

static pid_t start_child(struct arena *ar, int me, uint64_t seed)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		child_run(ar, me, seed * UINT64_C(0x9e3779b97f4a7c15) + 1);
	return pid;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = ((const struct sent *)a)->at_ns;
	int64_t y = ((const struct sent *)b)->at_ns;

	return (x > y) - (x < y);
}

/* The most within one second; base 0 = of all. */
static size_t busiest(const struct sent *s, size_t n, int base)
{
	size_t most = 0, count = 0, from = 0;

	for (size_t i = 0; i < n; i++) {
		if (base != 0 && s[i].base != base)
			continue;
		count++;
		for (; s[from].at_ns <= s[i].at_ns - NS_PER_S; from++)
			if (base == 0 || s[from].base == base)
				count--;
		if (count > most)
			most = count;
	}
	return most;
}

static void check_arena(const struct arena *ar)
{
	static struct sent all[CHILDREN * CHILD_SENDS];
	size_t n = 0;

	for (int me = 0; me < CHILDREN; me++) {
		assert_true(ar->sent_n[me] < CHILD_SENDS);
		for (size_t i = 0; i < ar->sent_n[me]; i++)
			all[n++] = ar->sent[me][i];
	}
	qsort(all, n, sizeof(all[0]), by_time);
	for (int base = 1; base <= SHARED_BASES; base++)
		if (busiest(all, n, base) > LIMIT_PER_BASE)
			fail_msg("base %d: %zu", base, busiest(all, n, base));
	if (busiest(all, n, 0) > LIMIT_PER_USER)
		fail_msg("all: %zu", busiest(all, n, 0));
	/* and it is not slow, though slow connections hold places */
	assert_true(n > 20 * RUN_NS / NS_PER_S);
}

static void run_children(bool kill_some)
{
	struct arena *ar = mmap(NULL, sizeof(*ar), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[CHILDREN];
	int64_t next_kill = T0 + NS_PER_S / 2;
	uint64_t seed = 1;
	int status, victim;

	assert_true(ar != MAP_FAILED);
	for (int i = 0; i < CHILDREN; i++)
		ar->now_ns[i] = T0;
	for (int i = 0; i < CHILDREN; i++)
		pids[i] = start_child(ar, i, seed++);
	/* by their clocks, so a slow machine sees as many */
	while (kill_some && slowest(ar) < T0 + RUN_NS - NS_PER_S) {
		if (slowest(ar) < next_kill) {
			(void)sched_yield();
			continue;
		}
		victim = (int)(seed % CHILDREN);
		kill(pids[victim], SIGKILL);
		assert_int_equal(waitpid(pids[victim], &status, 0),
				 pids[victim]);
		ar->now_ns[victim] = ENDED;
		next_kill = slowest(ar) + NS_PER_S / 4;
		ar->now_ns[victim] = slowest(ar);
		pids[victim] = start_child(ar, victim, seed++);
	}
	for (int i = 0; i < CHILDREN; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	check_arena(ar);
	munmap(ar, sizeof(*ar));
}

static void test_P7_many_processes(void **state)
{
	(void)state;
	run_children(false);
}

static void test_P7_many_processes_killed(void **state)
{
	(void)state;
	run_children(true);
}

/* ---- killed inside, or stopped there ---- */

static void end_inside(void)
{
	enum pace_trouble trouble;
	struct pace_file f;
	struct pace_table *t;

	if (pace_open(&f, path) < 0 || pace_enter(&f, &trouble) < 0)
		_exit(1);
	t = f.table;
	for (int i = 0; i < PACE_PER_BASE; i++)
		t->bases[7].sends[i] =
			(struct pace_stamp){ INT64_MAX, PACE_LEFT, 0 };
	id_copy(t->bases[7].id, base_a.s);
	t->bases[7].rest_until_ns = INT64_MAX;
	memset(t->bases[8].id, 'x', sizeof(t->bases[8].id));
	t->bases[8].sends[0] = (struct pace_stamp){ INT64_MIN, 99999, 0 };
	t->bases[9].sends[0] = (struct pace_stamp){ INT64_MIN, PACE_LEFT, 0 };
	id_copy(t->bases[9].id, base_b.s);
	t->bases[9].rest_until_ns = INT64_MIN;
	t->user[3] = (struct pace_stamp){ INT64_MIN, UINT32_MAX, 0 };
}

static void test_killed_inside(void **state)
{
	static const char no_id[ATFS_ID_MAX];
	struct pace_table *t;
	struct limiter *l;

	(void)state;
	in_killed_child(end_inside);
	l = open_limiter();
	/* what cannot be is cut down to what can */
	assert_int_equal(limiter_try(l, &base_b, T0), 0);
	assert_int_equal(limiter_try(l, &base_a, T0), LIMIT_REST_NS);
	assert_int_equal(limiter_try(l, &base_a, T0 + LIMIT_REST_NS), 0);
	limiter_free(l);
	t = map_raw();
	assert_int_equal(t->trouble, PACE_FINE);
	assert_memory_equal(t->bases[8].id, no_id, sizeof(no_id));
	munmap(t, sizeof(*t));
}

static void test_held_lock_is_no_trap(void **state)
{
	struct limiter *l = open_limiter();
	enum pace_trouble trouble;
	struct pace_file f;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(limiter_try(l, &base_a, T0), 0);
	assert_int_equal(pace_open(&f, path), 0);
	assert_int_equal(pace_enter(&f, &trouble), 0);
	assert_int_equal(trouble, PACE_FINE);
	assert_true(limiter_try(l, &base_b, T0 + 1) > 0);
	assert_true(limiter_wait_ns(l, &base_b, T0 + 1) > 0);
	for (int i = 0; i < 5; i++)
		limiter_touch(l, &base_a, T0, T0 + 1);
	limiter_rest(l, &base_b, T0 + 1, T0 + 1, 5);
	pace_leave(&f);
	pace_close(&f);
	/* what it was told meanwhile is not lost */
	assert_int_equal(limiter_try(l, &base_a, T0 + 1), W);
	assert_int_equal(limiter_try(l, &base_b, T0 + 2), 4);
	assert_int_equal(limiter_try(l, &base_a, T0 + 1 + W), 0);
	limiter_free(l);
}

/* ---- files ---- */

static const struct {
	const char *name;
	size_t n;      /* bytes of the file */
	const char *fill;
	int64_t wait;  /* of the first request */
} file_rows[] = {
	{ "empty", 0, "", 0 },
	{ "one byte", 1, "x", W },
	{ "a text", 300, "some notes\n", W },
	{ "a long text", 3 * sizeof(struct pace_table), "some notes\n", W },
	{ "zeros", sizeof(struct pace_table), "\0", W },
	{ "one byte short", sizeof(struct pace_table) - 1, "\0", W },
};

static void test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(file_rows) / sizeof(file_rows[0]); i++) {
		size_t n = file_rows[i].n, f = strlen(file_rows[i].fill);
		char *bytes = calloc(1, n + 1);
		struct limiter *l;

		assert_non_null(bytes);
		for (size_t k = 0; f > 0 && k < n; k++)
			bytes[k] = file_rows[i].fill[k % f];
		write_file(bytes, n);
		free(bytes);
		l = open_limiter();
		check_mode();
		if (limiter_try(l, &base_a, T0) != file_rows[i].wait)
			fail_msg("%s", file_rows[i].name);
		spend_n(l, &base_a, 4, T0 + W);
		limiter_free(l);
	}
}

enum spoil { MAGIC, VERSION, SIZE, BOOT };

static const struct {
	const char *name;
	enum spoil what;
	int64_t wait;
} header_rows[] = {
	{ "magic", MAGIC, W },
	{ "version", VERSION, W },
	{ "size", SIZE, W },
	{ "another boot", BOOT, 0 },
};

/* At the next opening, and under those who have it open. */
static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(header_rows) / sizeof(header_rows[0]);
	     i++) {
		bool stays_open = i % 2 == 1;
		struct limiter *l = open_limiter();
		struct pace_table *t = map_raw();

		spend_n(l, &base_a, 5, T0);
		if (!stays_open)
			limiter_free(l);
		switch (header_rows[i / 2].what) {
		case MAGIC:
			t->magic ^= 1;
			break;
		case VERSION:
			t->version++;
			break;
		case SIZE:
			t->bytes--;
			break;
		case BOOT:
			t->boot[3] ^= 1;
			break;
		}
		if (!stays_open)
			l = open_limiter();
		if (limiter_try(l, &base_a, T0) != header_rows[i / 2].wait)
			fail_msg("%s", header_rows[i / 2].name);
		limiter_free(l);
		munmap(t, sizeof(*t));
		assert_int_equal(unlink(path), 0);
	}
}

static void test_cut_while_open(void **state)
{
	struct limiter *l = open_limiter(), *two;

	(void)state;
	spend_n(l, &base_a, 5, T0);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(limiter_try(l, &base_a, T0), W);
	two = open_limiter();
	assert_int_equal(limiter_try(two, &base_a, T0), W);
	spend_n(l, &base_a, 5, T0 + W);
	assert_int_equal(limiter_try(two, &base_a, T0 + W), W);
	limiter_free(l);
	limiter_free(two);
}

static void test_removed_while_open(void **state)
{
	struct limiter *l = open_limiter(), *two;

	(void)state;
	spend_n(l, &base_a, 5, T0);
	assert_int_equal(unlink(path), 0);
	two = open_limiter(); /* a new mount makes a new file */
	assert_int_equal(limiter_try(l, &base_b, T0), W);
	spend_n(l, &base_a, 5, T0 + W);
	assert_int_equal(limiter_try(two, &base_a, T0 + W), W);
	/* gone with its directory: those that have it go on */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(limiter_try(two, &base_a, T0 + W), W);
	assert_int_equal(limiter_try(l, &base_b, T0 + W), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	limiter_free(l);
	limiter_free(two);
}

static void test_modes_and_kinds(void **state)
{
	struct limiter *l = NULL;
	mode_t old = umask(0777);
	char gone[160];

	(void)state;
	assert_int_equal(limiter_open(path, &l), 0);
	umask(old);
	check_mode();
	limiter_free(l);
	assert_int_equal(chmod(path, 0), 0);
	limiter_free(open_limiter());
	check_mode();
	assert_int_equal(unlink(path), 0);
	l = NULL;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(limiter_open(path, &l), -EISDIR);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(limiter_open(path, &l), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(limiter_open(path, &l), -ELOOP);
	snprintf(gone, sizeof(gone), "%s/none/pace", dir);
	assert_int_equal(limiter_open(gone, &l), -ENOENT);
	assert_null(l);
}

static void test_too_many_owners(void **state)
{
	static struct limiter *all[PACE_OWNERS];
	struct limiter *one_more = NULL;

	(void)state;
	for (size_t i = 0; i < PACE_OWNERS; i++)
		all[i] = open_limiter();
	assert_int_equal(limiter_open(path, &one_more), -EUSERS);
	/* the number of one that is gone is free, its requests are not lost */
	for (int i = 0; i < 5; i++)
		assert_int_equal(limiter_try(all[9], &base_a, T0), 0);
	limiter_free(all[9]);
	all[9] = open_limiter();
	assert_int_equal(limiter_try(all[9], &base_a, T0 + 2 * W), W);
	assert_int_equal(limiter_try(all[9], &base_a, T0 + 3 * W), 0);
	for (size_t i = 0; i < PACE_OWNERS; i++)
		limiter_free(all[i]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_P7_two_share),
		TEST(test_P7_slowness_is_shared),
		TEST(test_claims),
		TEST(test_P7_all_bases_share),
		TEST(test_P7_under_way_elsewhere),
		TEST(test_P7_predecessor_is_respected),
		TEST(test_P7_many_processes),
		TEST(test_P7_many_processes_killed),
		TEST(test_killed_inside),
		TEST(test_held_lock_is_no_trap),
		TEST(test_files),
		TEST(test_headers),
		TEST(test_cut_while_open),
		TEST(test_removed_while_open),
		TEST(test_modes_and_kinds),
		TEST(test_too_many_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
