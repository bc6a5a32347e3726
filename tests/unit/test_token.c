/* token: where it is found, what is refused, and that the environment is clean
 * afterwards (P9). Run with the word "clean" it is its own child, for only a
 * fresh process has an environment as the kernel shows it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "airtable/token.h"

#define SECRET "patAAAAAAAAAAAAAA.bbbbbbbbbbbbbbbb"

static char dir[] = "/tmp/test_token.XXXXXX";

static void write_file(const char *name, const void *data, size_t n,
		       mode_t mode, char path[static 256])
{
	int fd;

	snprintf(path, 256, "%s/%s", dir, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), (ssize_t)n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

struct env {
	const char *name, *value;
};

static const char *env_of(const char *name, void *ctx)
{
	for (const struct env *e = ctx; e->name != NULL; e++)
		if (strcmp(e->name, name) == 0)
			return e->value;
	return NULL;
}

static int load(struct token *t, const char *file, struct env *env,
		struct atfs_error *e)
{
	struct token_config conf = { .token_file = file, .env = env_of,
				     .env_ctx = env };

	memset(e, 0, sizeof(*e));
	return token_load(t, &conf, e);
}

static struct env nothing[] = { { NULL, NULL } };

static const struct {
	const char *name;
	const char *data;
	size_t n;
	mode_t mode;
	int want;
	const char *secret;
} file_rows[] = {
	{ "plain", SECRET, sizeof(SECRET) - 1, 0600, 0, SECRET },
	{ "line end", SECRET "\n", sizeof(SECRET), 0600, 0, SECRET },
	{ "blanks around", " \t" SECRET "\r\n\n", sizeof(SECRET) + 4, 0400, 0,
	  SECRET },
	{ "any look is fine", "x", 1, 0600, 0, "x" },
	{ "group may write only", "x", 1, 0620, 0, "x" },
	{ "group may read", SECRET, 5, 0640, -EACCES, NULL },
	{ "others may read", SECRET, 5, 0604, -EACCES, NULL },
	{ "empty", "", 0, 0600, -EINVAL, NULL },
	{ "blank", " \n", 2, 0600, -EINVAL, NULL },
	{ "two lines", "a\nb", 3, 0600, -EINVAL, NULL },
	{ "NUL", "a\0b", 3, 0600, -EINVAL, NULL },
	{ "escape", "a\033b", 3, 0600, -EINVAL, NULL },
	{ "DEL", "a\177b", 3, 0600, -EINVAL, NULL },
};

static void test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(file_rows) / sizeof(file_rows[0]); i++) {
		struct atfs_error e;
		struct token t;
		char path[256];
		int r;

		write_file("t", file_rows[i].data, file_rows[i].n,
			   file_rows[i].mode, path);
		r = load(&t, path, nothing, &e);
		if (r != file_rows[i].want || e.err != r)
			fail_msg("%s: %d: %s", file_rows[i].name, r, e.text);
		if (r < 0) {
			assert_null(t.secret);
			assert_null(strstr(e.text, "pat"));
			assert_true(e.cls == ERROR_TOKEN && e.text[0] != '\0');
			continue;
		}
		assert_string_equal(t.secret, file_rows[i].secret);
		assert_int_equal(t.secret_n, strlen(t.secret));
		assert_non_null(strstr(t.source, path));
		token_release(&t);
		assert_null(t.secret);
	}
}

static void test_length(void **state)
{
	char *big = malloc(TOKEN_MAX + 100), path[256];
	struct atfs_error e;
	struct token t;

	(void)state;
	assert_non_null(big);
	memset(big, 'x', TOKEN_MAX + 100);
	write_file("t", big, TOKEN_MAX, 0600, path);
	assert_int_equal(load(&t, path, nothing, &e), 0);
	token_release(&t);
	write_file("t", big, TOKEN_MAX + 1, 0600, path);
	assert_int_equal(load(&t, path, nothing, &e), -EINVAL);
	write_file("t", big, TOKEN_MAX + 100, 0600, path);
	assert_int_equal(load(&t, path, nothing, &e), -EINVAL);
	free(big);
}

static void test_order(void **state)
{
	char file[256], key_file[256], credential[256];
	struct env env[] = {
		{ "AIRTABLE_TOKEN", "one" },
		{ "AIRTABLE_API_KEY", "two" },
		{ "AIRTABLE_PAT", "three" },
		{ "AIRTABLE_API_KEY_FILE", key_file },
		{ "CREDENTIALS_DIRECTORY", dir },
		{ NULL, NULL },
	};
	static const char *const want[] = { "one", "two", "three", "four",
					    "five" };
	static const char *const source[] = {
		"$AIRTABLE_TOKEN", "$AIRTABLE_API_KEY", "$AIRTABLE_PAT",
		"key", "airtable-token" };
	struct atfs_error e;
	struct token t;

	(void)state;
	write_file("file", "zero", 4, 0600, file);
	write_file("key", "four", 4, 0600, key_file);
	/* systemd's access list shows as a group bit */
	write_file("airtable-token", "five", 4, 0440, credential);

	assert_int_equal(load(&t, file, env, &e), 0);
	assert_string_equal(t.secret, "zero");
	token_release(&t);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(load(&t, NULL, env, &e), 0);
		assert_string_equal(t.secret, want[i]);
		assert_non_null(strstr(t.source, source[i]));
		token_release(&t);
		/* an empty variable counts as unset */
		env[i].value = i % 2 == 0 ? "" : NULL;
	}
	assert_int_equal(load(&t, NULL, env, &e), -ENOKEY);
	env[4].value = dir;
	chmod(credential, 0444);
	assert_int_equal(load(&t, NULL, env, &e), -EACCES);
	unlink(credential);
	assert_int_equal(load(&t, NULL, env, &e), -ENOKEY);
	/* what is set but broken is told, and not passed over */
	env[0].value = "a\nb";
	env[1].value = "two";
	assert_int_equal(load(&t, NULL, env, &e), -EINVAL);
	assert_non_null(strstr(e.text, "$AIRTABLE_TOKEN"));
	assert_int_equal(load(&t, "/nonexistent/x", env, &e), -ENOENT);
	assert_int_equal(token_load(&t, &(struct token_config){
				 .token_file = "/nonexistent/x" }, NULL),
			 -ENOENT);
}

static int search_environ(const char *what)
{
	static char buf[1 << 20];
	size_t n;
	FILE *f = fopen("/proc/self/environ", "r");

	if (f == NULL)
		return -1;
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return memmem(buf, n, what, strlen(what)) != NULL;
}

/* The child: 0 if the secret was there and is gone. */
static int clean_main(void)
{
	if (search_environ(SECRET) != 1)
		return 2;
	token_clean_environment();
	if (search_environ(SECRET) != 0)
		return 3;
	if (getenv("AIRTABLE_TOKEN") != NULL || getenv("AIRTABLE_PAT") != NULL)
		return 4;
	if (getenv("KEPT") == NULL || strcmp(getenv("KEPT"), "yes") != 0)
		return 5;
	return 0;
}

static void test_P9_environment_is_wiped(void **state)
{
	/* the same name twice, as a careless parent may have it */
	char *const env[] = { (char[]){ "AIRTABLE_TOKEN=" SECRET },
			      (char[]){ "KEPT=yes" },
			      (char[]){ "AIRTABLE_PAT=" SECRET },
			      (char[]){ "AIRTABLE_TOKEN=" SECRET }, NULL };
	char *const argv[] = { (char[]){ "test_token" }, (char[]){ "clean" },
			       NULL };
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		execve("/proc/self/exe", argv, env);
		_exit(9);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "t", "file", "key",
					     "airtable-token" };
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_P9_environment_is_wiped),
	};

	if (argc > 1 && strcmp(argv[1], "clean") == 0)
		return clean_main();
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
