/* The command line of a mount: what is taken, what is refused, and in what
 * words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/mounts.h"
#include "fs/nearest.h"
#include "fs/options.h"

#define ARGS_MAX 12

/* Runs the parser with stderr caught in said. */
static int parse(struct options *o, const char *const *args, char *said,
		 size_t said_n)
{
	char *argv[ARGS_MAX + 2] = { strdup("mount") };
	FILE *catch = tmpfile();
	int argc = 1, keep, r;
	size_t n;

	assert_non_null(catch);
	for (; argc <= ARGS_MAX && args[argc - 1] != NULL; argc++)
		argv[argc] = strdup(args[argc - 1]);
	fflush(stderr);
	keep = dup(STDERR_FILENO);
	dup2(fileno(catch), STDERR_FILENO);
	r = options_parse_mount(o, argc, argv);
	fflush(stderr);
	dup2(keep, STDERR_FILENO);
	close(keep);
	rewind(catch);
	n = fread(said, 1, said_n - 1, catch);
	said[n] = '\0';
	fclose(catch);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return r;
}

/* ---- what is refused ---- */

static const struct {
	const char *name;
	const char *args[ARGS_MAX];
	const char *words;   /* must be in the message */
	const char *never;   /* must not */
} bad_rows[] = {
	{ "no mount point", { NULL }, "no mount point", NULL },
	{ "three positionals", { "a", "b", "c" }, "'c' is too much", NULL },
	{ "empty mount point", { "" }, "is empty", NULL },
	{ "unknown word", { "/m", "-o", "frobnicate" }, "frobnicate: unknown",
	  NULL },
	{ "near word", { "/m", "-o", "tll=5" }, "did you mean 'ttl'", NULL },
	{ "near word of libfuse", { "/m", "-o", "alow_other" },
	  "did you mean 'allow_other'", NULL },
	{ "dash for underscore", { "/m", "-o", "delete-delay=1" },
	  "did you mean 'delete_delay'", NULL },
	{ "the bad one of several", { "/m", "-o", "ro,ttl=1,zzzz,rw" },
	  "-o zzzz: unknown", NULL },
	{ "a value that is none", { "/m", "-o", "live=5" },
	  "live: takes no value", NULL },
	{ "time without a number", { "/m", "-o", "ttl=abc" }, "ttl=abc", NULL },
	{ "negative time", { "/m", "-o", "drain=-1" }, "drain=-1", NULL },
	{ "unknown unit", { "/m", "-o", "ttl=5d" }, "ttl=5d: not a time", NULL },
	{ "infinite time", { "/m", "-o", "ttl=inf" }, "not a time", NULL },
	{ "hexadecimal time", { "/m", "-o", "ttl=0x10" }, "not a time", NULL },
	{ "exponent", { "/m", "-o", "ttl=1e3" }, "not a time", NULL },
	{ "two points", { "/m", "-o", "ttl=1.2.3" }, "not a time", NULL },
	{ "lone point", { "/m", "-o", "ttl=." }, "not a time", NULL },
	{ "time too long", { "/m", "-o", "ttl=9000h" }, "longer than a year",
	  NULL },
	{ "value missing", { "/m", "-o", "ttl" }, "needs a value", NULL },
	{ "value empty", { "/m", "-o", "ttl=" }, "needs a value", NULL },
	{ "value too much", { "/m", "-o", "typecast=1" }, "takes no value",
	  NULL },
	{ "bad choice", { "/m", "-o", "names=ID" }, "'name' or 'id'", NULL },
	{ "bad choice of close", { "/m", "-o", "close=slow" },
	  "'fast' or 'sync'", NULL },
	{ "count with letters", { "/m", "-o", "max_deletes=5x" },
	  "not a whole number", NULL },
	{ "a list needs its =", { "/m", "-o", "no_fetch_for" },
	  "no_fetch_for: needs a value", NULL },
	{ "negative count", { "/m", "-o", "max_deletes=-5" },
	  "not a whole number", NULL },
	{ "count too large", { "/m", "-o", "max_deletes=99999999999999999999" },
	  "too large", NULL },
	{ "no thread", { "/m", "-o", "max_threads=0" }, "at least one", NULL },
	{ "unknown short option", { "-x", "/m" }, "-x: unknown", NULL },
	{ "unknown long option", { "--frob=secretive", "/m" },
	  "--frob: unknown", "secretive" },
	{ "near long option", { "--profil-name", "x", "/m" }, "unknown option",
	  NULL },
	{ "slip in a long option", { "--edpoint", "x", "/m" },
	  "did you mean '--endpoint'", NULL },
	{ "-o at the end", { "/m", "-o" }, "-o: needs a value", NULL },
	{ "--profile at the end", { "/m", "--profile" }, "needs a value", NULL },
	{ "profile with a slash", { "--profile", "a/b", "/m" }, "profile 'a/b'",
	  NULL },
	{ "profile ..", { "--profile", "..", "/m" }, "profile '..'", NULL },
	{ "token as an option", { "--token", "sesame", "/m" },
	  "does not belong on a command line", "sesame" },
	{ "token with =", { "--token=sesame", "/m" }, "$AIRTABLE_TOKEN",
	  "sesame" },
	{ "token by another name", { "--api-key=sesame", "/m" },
	  "--token-file", "sesame" },
	{ "token in -o", { "/m", "-o", "token=sesame" }, "--token-file",
	  "sesame" },
	{ "token as a word of -o", { "/m", "-o", "patAAAAAAAAAAAAAA.bb" },
	  "--token-file", "patAAAA" },
	{ "token as a base", { "patAAAAAAAAAAAAAA.bb", "/m" }, "--token-file",
	  "patAAAA" },
};

static void test_refused(void **state)
{
	char said[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		struct options o;
		int r = parse(&o, bad_rows[i].args, said, sizeof(said));
		const char *nl = strchr(said, '\n');

		options_release(&o);
		if (r != -EINVAL)
			fail_msg("%s: %d instead of -EINVAL", bad_rows[i].name,
				 r);
		if (strstr(said, bad_rows[i].words) == NULL)
			fail_msg("%s: said '%s'", bad_rows[i].name, said);
		if (strncmp(said, "airtablefs: ", 12) != 0 || nl == NULL ||
		    nl[1] != '\0')
			fail_msg("%s: not one line of ours: '%s'",
				 bad_rows[i].name, said);
		if (bad_rows[i].never != NULL &&
		    strstr(said, bad_rows[i].never) != NULL)
			fail_msg("%s: gives away '%s'", bad_rows[i].name, said);
	}
}

/* ---- what is taken ---- */

/* One line for all that a row may change; what stays as it was is left out. */
static void show(const struct options *o, char *out, size_t n)
{
	int k = snprintf(out, n, "%s|%s|%s", o->base != NULL ? o->base : "*",
			 o->mountpoint,
			 o->fuse_opts != NULL ? o->fuse_opts : "");
#define SHOW(cond, ...)                                                        \
	do {                                                                   \
		if (cond)                                                      \
			k += snprintf(out + k, n - (size_t)k, __VA_ARGS__);    \
	} while (0)

	SHOW(o->foreground, " f");
	SHOW(o->debug, " d");
	SHOW(o->fuse_debug, " fuse_debug");
	SHOW(o->read_only, " ro");
	SHOW(o->allow_other, " allow_other");
	SHOW(o->names_by_id, " id");
	SHOW(o->side_list, " list");
	SHOW(o->hide_computed, " hide");
	SHOW(o->typecast, " typecast");
	SHOW(o->upsert_key != NULL, " upsert_key=%s", o->upsert_key);
	SHOW(o->conflict_off, " conflict_off");
	SHOW(o->close_sync, " sync");
	SHOW(o->live, " live");
	SHOW(o->clone_fd, " clone_fd");
	SHOW(o->has_fsname, " fsname");
	SHOW(o->profile != NULL, " profile=%s", o->profile);
	SHOW(o->token_file != NULL, " token_file=%s", o->token_file);
	SHOW(o->endpoint != NULL, " endpoint=%s", o->endpoint);
	SHOW(o->ca_file != NULL, " ca_file=%s", o->ca_file);
	SHOW(o->ttl_s < 60 || o->ttl_s > 60, " ttl=%g", o->ttl_s);
	SHOW(o->writeback_s < 1 || o->writeback_s > 1, " writeback=%g",
	     o->writeback_s);
	SHOW(o->delete_delay_s < 5 || o->delete_delay_s > 5, " delay=%g",
	     o->delete_delay_s);
	SHOW(o->drain_s < 30 || o->drain_s > 30, " drain=%g", o->drain_s);
	SHOW(o->max_deletes != 100, " deletes=%u", o->max_deletes);
	SHOW(o->max_calls_month != 0, " calls=%u", o->max_calls_month);
	SHOW(o->no_fetch_for != NULL, " no_fetch_for=%s", o->no_fetch_for);
	SHOW(o->max_threads != 10, " threads=%u", o->max_threads);
	SHOW(o->max_idle_threads != 10, " idle=%u", o->max_idle_threads);
#undef SHOW
}

static const struct {
	const char *name;
	const char *args[ARGS_MAX];
	const char *want;
} good_rows[] = {
	{ "mount point alone", { "/m" }, "*|/m|" },
	{ "slashes at the end", { "/m//" }, "*|/m|" },
	{ "the root", { "//" }, "*|/|" },
	{ "base and mount point", { "appAAAAAAAAAAAAAA", "/m" },
	  "appAAAAAAAAAAAAAA|/m|" },
	{ "base by a name with blanks", { "My Base", "/m" }, "My Base|/m|" },
	{ "fstab source airtable", { "airtable", "/m" }, "*|/m|" },
	{ "fstab source airtablefs", { "airtablefs", "/m" }, "*|/m|" },
	{ "fstab source none", { "none", "/m" }, "*|/m|" },
	{ "source all", { "all", "/m" }, "*|/m|" },
	{ "mount point called all", { "/all" }, "*|/all|" },
	{ "a mount point that begins with a dash", { "--", "/-m" }, "*|/-m|" },
	{ "flags", { "-f", "-d", "/m" }, "*|/m| f d" },
	{ "flags in one word", { "-fd", "/m" }, "*|/m| f d" },
	{ "-d means -f", { "/m", "-d" }, "*|/m| f d" },
	{ "options behind", { "/m", "-o", "ro" }, "*|/m|ro ro" },
	{ "options joined", { "-oro", "/m" }, "*|/m|ro ro" },
	{ "options between", { "X", "-o", "ro", "/m" }, "X|/m|ro ro" },
	{ "several -o", { "-o", "ro", "-o", "typecast", "/m" },
	  "*|/m|ro ro typecast" },
	{ "the last one counts", { "-o", "ro,rw,ttl=1,ttl=2", "/m" },
	  "*|/m|ro,rw ttl=2" },
	{ "empty words", { "-o", ",,ro,,", "/m" }, "*|/m|ro ro" },
	{ "seconds", { "-o", "ttl=90", "/m" }, "*|/m| ttl=90" },
	{ "decimal seconds", { "-o", "ttl=1.5", "/m" }, "*|/m| ttl=1.5" },
	{ "seconds with s", { "-o", "ttl=90s", "/m" }, "*|/m| ttl=90" },
	{ "milliseconds", { "-o", "writeback=250ms", "/m" },
	  "*|/m| writeback=0.25" },
	{ "minutes", { "-o", "drain=2m", "/m" }, "*|/m| drain=120" },
	{ "hours", { "-o", "ttl=1.5h", "/m" }, "*|/m| ttl=5400" },
	{ "zero", { "-o", "ttl=0,delete_delay=0", "/m" },
	  "*|/m| ttl=0 delay=0" },
	{ "choices",
	  { "-o", "names=id,side=list,computed=hide,conflict=off,close=sync",
	    "/m" },
	  "*|/m| id list hide conflict_off sync" },
	{ "live", { "-o", "live,ttl=5", "/m" }, "*|/m| live ttl=5" },
	{ "choices back",
	  { "-o", "names=id,names=name,conflict=off,conflict=on", "/m" },
	  "*|/m|" },
	{ "counts", { "-o", "max_deletes=0,max_threads=4,max_idle_threads=2",
	  "/m" }, "*|/m| deletes=0 threads=4 idle=2" },
	{ "a budget", { "-o", "max_calls_month=1000", "/m" },
	  "*|/m| calls=1000" },
	{ "indexers", { "-o", "no_fetch_for=a:b-c", "/m" },
	  "*|/m| no_fetch_for=a:b-c" },
	{ "no indexers", { "-o", "no_fetch_for=,ro", "/m" },
	  "*|/m|ro ro no_fetch_for=" },
	{ "a field's name with a comma", { "-o", "upsert_key=SKU\\, new", "/m" },
	  "*|/m| upsert_key=SKU, new" },
	{ "files", { "-o", "token_file=/t,ca_file=/c", "/m" },
	  "*|/m| token_file=/t ca_file=/c" },
	{ "long options",
	  { "--token-file", "/t", "--profile=work", "--endpoint",
	    "https://x/", "/m" },
	  "*|/m| profile=work token_file=/t endpoint=https://x/" },
	{ "comma in a value", { "-o", "token_file=/a\\,b,ro", "/m" },
	  "*|/m|ro ro token_file=/a,b" },
	{ "what libfuse knows",
	  { "-o", "allow_other,auto_unmount,noatime,max_read=65536", "/m" },
	  "*|/m|allow_other,auto_unmount,noatime,max_read=65536 allow_other" },
	{ "a name for df", { "-o", "fsname=a\\,b", "/m" },
	  "*|/m|fsname=a\\,b fsname" },
	{ "debug of libfuse", { "-o", "debug", "/m" }, "*|/m|debug fuse_debug" },
	{ "default_permissions is on anyway",
	  { "-o", "default_permissions,nonempty", "/m" }, "*|/m|" },
	{ "words of fstab",
	  { "airtable", "/m", "-o",
	    "defaults,noauto,nofail,_netdev,user,users,x-systemd.automount,"
	    "X-mount.mkdir,comment=hello" },
	  "*|/m|" },
	{ "what mount.fuse3 adds", { "none", "/m", "-o", "rw,dev,suid" },
	  "*|/m|rw" },
};

static void test_taken(void **state)
{
	char said[1024], got[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		struct options o;
		int r = parse(&o, good_rows[i].args, said, sizeof(said));

		if (r != 0)
			fail_msg("%s: refused, %s", good_rows[i].name, said);
		show(&o, got, sizeof(got));
		options_release(&o);
		if (strcmp(got, good_rows[i].want) != 0)
			fail_msg("%s: got  %s\n  want %s", good_rows[i].name,
				 got, good_rows[i].want);
		if (said[0] != '\0')
			fail_msg("%s: said %s", good_rows[i].name, said);
	}
}

static void test_relative_paths(void **state)
{
	static const char *const args[] = {
		"-o", "ca_file=c", "--token-file", "t", "m/", NULL
	};
	char said[256], *cwd = getcwd(NULL, 0), *want;
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, args, said, sizeof(said)), 0);
	assert_true(asprintf(&want, "%s/m %s/t %s/c", cwd, cwd, cwd) > 0);
	snprintf(said, sizeof(said), "%s %s %s", o.mountpoint, o.token_file,
		 o.ca_file);
	assert_string_equal(said, want);
	options_release(&o);
	free(want);
	free(cwd);
}

/* ---- nearest ---- */

static void test_nearest(void **state)
{
	static const char *const list[] = {
		"mount", "umount", "status", "flush", "errors", "ttl",
	};
	static const struct {
		const char *word, *want;
	} rows[] = {
		{ "mount", "mount" }, { "moutn", "mount" },
		{ "unmount", "umount" }, { "stat", "status" },
		{ "stauts", "status" }, { "flsh", "flush" },
		{ "error", "errors" }, { "tll", "ttl" }, { "login", NULL },
		{ "history", NULL }, { "xyz", NULL }, { "", NULL },
		{ "t", NULL },
		{ "a-word-that-is-far-longer-than-any-that-we-know", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = nearest_word(rows[i].word,
					       strlen(rows[i].word), list, 6);

		if ((got == NULL) != (rows[i].want == NULL) ||
		    (got != NULL && strcmp(got, rows[i].want) != 0))
			fail_msg("'%s': got '%s'", rows[i].word,
				 got != NULL ? got : "nothing");
	}
}

/* ---- mountinfo ---- */

static const char mountinfo[] =
	"21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"50 21 0:44 / /mnt/a rw,nosuid shared:9 master:3 - fuse.airtablefs "
	"airtablefs:all rw,user_id=0\n"
	"51 21 0:45 / /mnt/with\\040blank\\134 rw - fuse.airtablefs "
	"airtablefs:My\\040Base rw\n"
	"garbage\n"
	"52 50 0:46 / /mnt/a rw - tmpfs tmpfs rw\n"
	"53 21 0:47 / /mnt/ab rw - fuse.sshfs host: rw\n"
	"54 51 0:48 / /mnt/with\\040blank\\134/deep rw - tmpfs none rw\n";

static void test_mounts(void **state)
{
	static const struct {
		const char *path, *holder, *source;
	} rows[] = {
		{ "/etc", "/", "/dev/sda1" },
		{ "/mnt/a", "/mnt/a", "tmpfs" }, /* covers ours */
		{ "/mnt/a/b/c", "/mnt/a", "tmpfs" },
		{ "/mnt/ab", "/mnt/ab", "host:" },
		{ "/mnt/abc", "/", "/dev/sda1" },
		{ "/mnt/with blank\\/x", "/mnt/with blank\\",
		  "airtablefs:My Base" },
		{ "/mnt/with blank\\/deep", "/mnt/with blank\\/deep", "none" },
	};
	struct mount_list l;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	fputs(mountinfo, f);
	rewind(f);
	assert_int_equal(mounts_read_file(f, &l), 0);
	fclose(f);
	assert_int_equal(l.n, 6);
	assert_true(mount_is_ours(&l.v[1]));
	assert_false(mount_is_ours(&l.v[4]));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct mount_entry *m = mounts_holding(&l, rows[i].path);

		if (m == NULL || strcmp(m->path, rows[i].holder) != 0 ||
		    strcmp(m->source, rows[i].source) != 0)
			fail_msg("'%s': held by '%s'", rows[i].path,
				 m != NULL ? m->path : "nothing");
	}
	assert_string_equal(mounts_at(&l, "/mnt/a")->type, "tmpfs");
	assert_null(mounts_at(&l, "/mnt"));
	mounts_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_relative_paths),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
