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

#include "airtable/config.h"
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

/* ---- token_command ---- */

static int command(struct token *t, const char *cmd, int ms,
		   struct atfs_error *e)
{
	memset(e, 0, sizeof(*e));
	memset(t, 0, sizeof(*t));
	return token_from_command(t, cmd, ms, e);
}

static void test_command(void **state)
{
	struct atfs_error e;
	struct token t;

	(void)state;
	assert_int_equal(command(&t, "printf 'tok\\nsecond line\\n'", 5000, &e),
			 0);
	assert_string_equal(t.secret, "tok");
	assert_non_null(strstr(t.source, "token_command"));
	token_release(&t);
	/* no input and no terminal to wait at */
	assert_int_equal(command(&t, "read x; (: </dev/tty) 2>/dev/null && "
				 "echo terminal || echo none", 5000, &e), 0);
	assert_string_equal(t.secret, "none");
	token_release(&t);
	assert_int_equal(command(&t, "echo secret; exit 3", 5000, &e), -EIO);
	assert_non_null(strstr(e.text, "status 3"));
	assert_null(strstr(e.text, "secret"));
	assert_int_equal(command(&t, ":", 5000, &e), -EINVAL);
	assert_int_equal(command(&t, "printf 'a\\033b'", 5000, &e), -EINVAL);
	assert_int_equal(command(&t, "yes | tr -d '\\n'", 5000, &e), -EIO);
}

/* Also what it leaves in the background is ended. */
static void test_command_ends_in_time(void **state)
{
	char cmd[300], path[256];
	struct atfs_error e;
	struct token t;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/late", dir);
	snprintf(cmd, sizeof(cmd), "(sleep 1; : >'%s') & sleep 30", path);
	assert_int_equal(command(&t, cmd, 200, &e), -ETIMEDOUT);
	assert_int_equal(command(&t, "exec >&-; sleep 30", 200, &e), -EIO);
	assert_null(t.secret);
	usleep(1200000);
	assert_int_equal(stat(path, &st), -1);
}

/* ---- what login stores in a file ---- */

#define ENDPOINT "https://api.airtable.com"

static void test_store(void **state)
{
	struct token t = { .secret = strdup("stored"), .secret_n = 6 }, got;
	struct token_config conf = { .profile = "work", .endpoint = ENDPOINT,
				     .env = env_of, .env_ctx = nothing };
	struct atfs_error e = { .err = 0 };
	char *path = NULL, parent[256];
	mode_t old = umask(0);
	struct stat st;

	(void)state;
	assert_int_equal(token_load(&got, &conf, &e), -ENOKEY);
	assert_non_null(strstr(e.text, "airtablefs login"));
	assert_int_equal(token_store_put("work", ENDPOINT, &t, &path, &e), 0);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(parent, sizeof(parent), "%s/airtablefs/tokens", dir);
	assert_int_equal(stat(parent, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	assert_int_equal(token_load(&got, &conf, &e), 0);
	assert_string_equal(got.secret, "stored");
	token_release(&got);
	/* only for this profile, and only to this endpoint */
	conf.profile = "other";
	assert_int_equal(token_load(&got, &conf, &e), -ENOKEY);
	conf.profile = "work";
	conf.endpoint = "https://api.airtable.com.evil.example";
	assert_int_equal(token_load(&got, &conf, &e), -ENOKEY);
	conf.endpoint = "https://api/airtable.com";
	assert_int_equal(token_load(&got, &conf, &e), -ENOKEY);
	conf.endpoint = ENDPOINT;
	/* a command goes before it */
	conf.command = "echo commanded";
	assert_int_equal(token_load(&got, &conf, &e), 0);
	assert_string_equal(got.secret, "commanded");
	token_release(&got);
	conf.command = "false";
	assert_int_equal(token_load(&got, &conf, &e), -EIO);
	conf.command = NULL;

	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(token_load(&got, &conf, &e), -EACCES);
	assert_int_equal(token_store_drop("work", ENDPOINT, &e), 0);
	assert_int_equal(token_store_drop("work", ENDPOINT, &e), -ENOKEY);
	assert_int_equal(token_load(&got, &conf, &e), -ENOKEY);
	free(path);
	token_release(&t);
}

static void test_sources_disagree(void **state)
{
	struct env env[] = { { "AIRTABLE_TOKEN", "one" },
			     { "AIRTABLE_PAT", "one" }, { NULL, NULL },
			     { NULL, NULL } };
	struct token_config conf = { .env = env_of, .env_ctx = env,
				     .command = "echo two" };
	struct atfs_error e;
	struct token t;
	char say[300] = "";

	(void)state;
	assert_int_equal(token_load(&t, &conf, &e), 0);
	assert_false(token_disagrees(&t, &conf, false, say, sizeof(say)));
	assert_true(token_disagrees(&t, &conf, true, say, sizeof(say)));
	assert_non_null(strstr(say, "$AIRTABLE_TOKEN is used; the token_comm"));
	env[1].value = "three";
	assert_true(token_disagrees(&t, &conf, false, say, sizeof(say)));
	assert_non_null(strstr(say, "$AIRTABLE_PAT holds another"));
	assert_null(strstr(say, "three"));
	token_release(&t);
}

/* ---- the configuration ---- */

static int configure(const char *text, mode_t mode, struct config *c,
		     struct atfs_error *e)
{
	char path[256];

	write_file("airtablefs/config", text, strlen(text), mode, path);
	memset(e, 0, sizeof(*e));
	return config_load("work", c, e);
}

static void test_config(void **state)
{
	static const struct {
		const char *name, *text;
		int want;
		const char *part;
	} rows[] = {
		{ "a token", "token = pat123\n", -EINVAL, "login" },
		{ "unknown key", "\n[x]\ncolour = red\n", -EINVAL, "line 3" },
		{ "no key", "[work]\nhello\n", -EINVAL, "line 2" },
		{ "unknown store", "token_store = cloud", -EINVAL, "keyring" },
	};
	struct atfs_error e;
	struct config c;

	(void)state;
	memset(&e, 0, sizeof(e));
	assert_int_equal(config_load("work", &c, &e), 0); /* no file */
	assert_null(c.endpoint);
	config_release(&c);
	assert_int_equal(configure("# all\n token_store = file\n"
				   "token_command=pass show x = y\n\n"
				   "[ work ]\nendpoint = http://localhost:1\n"
				   "[home]\nendpoint = http://localhost:2\n"
				   "token_command = other\n", 0644, &c, &e),
			 0);
	assert_string_equal(c.endpoint, "http://localhost:1");
	assert_string_equal(c.token_store, "file");
	assert_string_equal(c.token_command, "pass show x = y");
	config_release(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (configure(rows[i].text, 0600, &c, &e) != rows[i].want ||
		    strstr(e.text, rows[i].part) == NULL)
			fail_msg("%s: %s", rows[i].name, e.text);
		config_release(&c);
	}
	/* it names a program that we run */
	assert_int_equal(configure("token_store = file\n", 0664, &c, &e),
			 -EACCES);
	config_release(&c);
	assert_int_equal(configure("token_store = file\n", 0602, &c, &e),
			 -EACCES);
	config_release(&c);
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
	char path[256];

	if (mkdtemp(dir) == NULL || setenv("XDG_CONFIG_HOME", dir, 1) < 0 ||
	    unsetenv("DBUS_SESSION_BUS_ADDRESS") < 0 ||
	    unsetenv("XDG_RUNTIME_DIR") < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/airtablefs", dir);
	return mkdir(path, 0755);
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "t", "file", "key",
					     "airtable-token",
					     "airtablefs/config" };
	static const char *const dirs[] = { "airtablefs/tokens", "airtablefs" };
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, dirs[i]);
		rmdir(path);
	}
	return rmdir(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_command_ends_in_time),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_sources_disagree),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_P9_environment_is_wiped),
	};

	if (argc > 1 && strcmp(argv[1], "clean") == 0)
		return clean_main();
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
