/* What is wrong, and what to do about it: a line each. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../daemon.h"
#include "../stale.h"
#include "who.h"

#define ASK_NS (3 * NS_PER_S) /* ours: a mount answers statfs by itself */
#define SKEW_WARN_MS 5000 /* ours: times of files are off by that */

struct report {
	bool json;
	json_t *list;
	int code;      /* the worst so far */
};

static void tell(struct report *r, enum health_level level, const char *what,
		 const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

static void tell(struct report *r, enum health_level level, const char *what,
		 const char *remedy, const char *fmt, ...)
{
	static const char *const names[] = { "ok", "warn", "fail" };
	static const char *const colours[] = { "\033[32m", "\033[33m",
					       "\033[31m" };
	bool colour = cli_colour(STDOUT_FILENO);
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (level == HEALTH_FAIL && r->code == EXIT_DONE)
		r->code = EXIT_FAILED;
	if (r->json) {
		json_t *o = json_pack("{s:s, s:s, s:s}", "level", names[level],
				      "what", what, "text", text);

		if (remedy[0] != '\0')
			json_object_set_new(o, "remedy", json_string(remedy));
		json_array_append_new(r->list, o);
		return;
	}
	printf("%s%-4s%s  %s: ", colour ? colours[level] : "", names[level],
	       colour ? "\033[0m" : "", what);
	cli_print(text);
	putchar('\n');
	if (remedy[0] != '\0') {
		fputs("      ", stdout);
		cli_print(remedy);
		putchar('\n');
	}
}

/* ---- FUSE and mounts ---- */

static bool find_program(const char *name, char *ret, size_t ret_n)
{
	const char *path = getenv("PATH");

	for (; path != NULL && *path != '\0'; path += *path == ':') {
		size_t n = strcspn(path, ":");

		snprintf(ret, ret_n, "%.*s/%s", (int)n, path, name);
		if (access(ret, X_OK) == 0)
			return true;
		path += n;
	}
	return false;
}

static bool allows_other(void)
{
	FILE *f = fopen("/etc/fuse.conf", "re");
	char line[256];
	bool yes = false;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "user_allow_other", 16) == 0)
			yes = true;
	if (f != NULL)
		fclose(f);
	return yes;
}

static void look_at_fuse(struct report *r)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char path[512];
	struct stat st;

	if (fd >= 0)
		tell(r, HEALTH_OK, "FUSE", "", "/dev/fuse can be opened");
	else if (errno == ENOENT)
		tell(r, HEALTH_FAIL, "FUSE", "run modprobe fuse; a container "
		     "needs --device /dev/fuse", "there is no /dev/fuse");
	else
		tell(r, HEALTH_FAIL, "FUSE", "its mode should be 0666",
		     "/dev/fuse cannot be opened: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	if (!find_program("fusermount3", path, sizeof(path)))
		tell(r, geteuid() == 0 ? HEALTH_WARN : HEALTH_FAIL,
		     "fusermount3", "install the package fuse3",
		     "it is not in $PATH");
	else if (stat(path, &st) == 0 && (st.st_mode & S_ISUID) == 0 &&
		 geteuid() != 0)
		tell(r, HEALTH_FAIL, "fusermount3",
		     "as root: chmod u+s it, or install fuse3 anew",
		     "%s is not set-uid root", path);
	else
		tell(r, HEALTH_OK, "fusermount3", "", "%s", path);
	if (allows_other() || geteuid() == 0)
		tell(r, HEALTH_OK, "allow_other", "", "permitted");
	else
		tell(r, HEALTH_OK, "allow_other", "", "not permitted: "
		     "user_allow_other does not stand in /etc/fuse.conf");
}

enum pulse { PULSE_ALIVE, PULSE_DEAD, PULSE_SILENT };

/* Asks from a child: a mount that hangs would keep whoever asks. */
static enum pulse pulse_of(const char *path)
{
	int64_t end = clock_mono_ns(&system_clock) + ASK_NS;
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(stale_is_dead(path) ? PULSE_DEAD : PULSE_ALIVE);
	if (pid < 0)
		return PULSE_SILENT;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_mono_ns(&system_clock) > end) {
			kill(pid, SIGKILL);
			return PULSE_SILENT;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == PULSE_DEAD ?
		       PULSE_DEAD : PULSE_ALIVE;
}

static void look_at_mounts(struct report *r)
{
	struct mount_list list;
	unsigned alive = 0;
	char remedy[600];
	enum pulse pulse;

	if (mounts_read(&list) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		const struct mount_entry *m = &list.v[i];

		if (!mount_is_ours(m))
			continue;
		pulse = pulse_of(m->path);
		if (pulse == PULSE_ALIVE) {
			alive++;
			continue;
		}
		if (pulse == PULSE_SILENT) {
			tell(r, HEALTH_FAIL, "mount", "its log may say why; "
			     "fusermount3 -uz takes it off, and what is unsent "
			     "stays in the journal",
			     "'%s' does not answer", m->path);
			continue;
		}
		snprintf(remedy, sizeof(remedy), "airtablefs umount '%s', or "
			 "mount there again", m->path);
		tell(r, HEALTH_FAIL, "mount", remedy,
		     "'%s' has no process behind it any more", m->path);
	}
	tell(r, HEALTH_OK, "mount", "", "%u alive", alive);
	mounts_release(&list);
}

/* ---- the account ---- */

static void look_at_keyring(struct report *r, struct account *a)
{
	struct atfs_error e = { .err = 0 };

	if (account_can_keep(a, ACCOUNT_KEYRING, &e) == 0)
		tell(r, HEALTH_OK, "keyring", "", "it can be used");
	else
		tell(r, account_default_store(a) == ACCOUNT_FILE ?
			     HEALTH_OK : HEALTH_WARN, "keyring",
		     account_default_store(a) == ACCOUNT_FILE ? "" :
		     "airtablefs login --token-store=file, or token_store = "
		     "file in the configuration, does without", "%s", e.text);
}

static const char *network_remedy(const struct atfs_error *e)
{
	if (strstr(e->text, "certificate") != NULL ||
	    strstr(e->text, "SSL") != NULL)
		return "is the clock right? a company's own authority goes "
		       "into a file for --ca-file and -o ca_file=";
	if (strstr(e->text, "resolve") != NULL)
		return "the name server does not know it or is not there";
	return "is there a way to the Internet? $https_proxy is heeded";
}

static void look_at_rights(struct report *r, const struct account_facts *f)
{
	char remedy[200];
	unsigned off = 0;

	for (size_t i = 0; i < ACCOUNT_RIGHTS; i++) {
		const struct account_right *x = &f->rights[i];

		if (x->state != ACCOUNT_OFF)
			continue;
		off++;
		snprintf(remedy, sizeof(remedy), "add the scope %s at "
			 "https://airtable.com/create/tokens", x->scope);
		/* the first two: without them there is nothing to see */
		tell(r, i < 2 ? HEALTH_FAIL : HEALTH_OK, "rights",
		     i < 2 ? remedy : "", "%s is missing: %s", x->scope,
		     x->without);
		if (i < 2 && (r->code == EXIT_DONE || r->code == EXIT_FAILED))
			r->code = EXIT_TOKEN;
	}
	if (f->bases_n == 0 && f->rights[0].state == ACCOUNT_ON)
		tell(r, HEALTH_FAIL, "rights", "give the token access to bases "
		     "at https://airtable.com/create/tokens",
		     "no base can be seen");
	else if (off == 0)
		tell(r, HEALTH_OK, "rights", "", "%zu base%s, no scope is seen "
		     "to be missing", f->bases_n, f->bases_n == 1 ? "" : "s");
}

static void look_at_server(struct report *r, struct account *a)
{
	struct account_facts f = { .bases_n = 0 };
	struct atfs_error e = { .err = 0 };
	int x = account_look(a, true, &f, &e);
	const char *host = account_endpoint(a);

	if (x < 0 && e.cls == ERROR_TOKEN) {
		tell(r, HEALTH_OK, "network", "", "%s answers", host);
		tell(r, HEALTH_FAIL, "token", "airtablefs login", "%s",
		     e.text);
		r->code = EXIT_TOKEN;
	} else if (x < 0) {
		tell(r, HEALTH_FAIL, "network", network_remedy(&e), "%s: %s",
		     host, e.text);
		if (r->code == EXIT_DONE || r->code == EXIT_FAILED)
			r->code = EXIT_OFFLINE;
	} else {
		tell(r, HEALTH_OK, "network", "", "%s answers%s", host,
		     strncmp(host, "https:", 6) == 0 ?
			     ", and its certificate is right" : "");
		tell(r, HEALTH_OK, "token", "", "it is %s's", f.user);
		if (f.skew_ms > SKEW_WARN_MS || f.skew_ms < -SKEW_WARN_MS)
			tell(r, HEALTH_WARN, "clock", "set it, best by NTP",
			     "it is %lld s %s the server's",
			     (long long)(llabs(f.skew_ms) / 1000),
			     f.skew_ms > 0 ? "ahead of" : "behind");
		else
			tell(r, HEALTH_OK, "clock", "",
			     "as the server's, to a few seconds");
		look_at_rights(r, &f);
	}
	account_facts_release(&f);
}

static void look_at_account(struct report *r, const struct who_args *args)
{
	struct atfs_error e = { .err = 0 };
	struct account *a = NULL;
	int x = account_open(&args->conf, &a, &e);

	if (x < 0) {
		tell(r, HEALTH_FAIL, "configuration", "", "%s",
		     e.text[0] != '\0' ? e.text : strerror(-x));
		return;
	}
	tell(r, HEALTH_OK, "configuration", "", "profile %s, %s",
	     account_profile(a), account_endpoint(a));
	look_at_keyring(r, a);
	x = account_find_token(a, &e);
	if (x < 0) {
		tell(r, HEALTH_FAIL, "token", x == -ENOKEY ?
		     "airtablefs login" : "", "%s", e.text);
		r->code = EXIT_TOKEN;
	} else {
		tell(r, HEALTH_OK, "token", "", "from %s", account_source(a));
		if (account_disagreement(a)[0] != '\0')
			tell(r, HEALTH_WARN, "token", "unset or remove the one "
			     "that is not wanted", "%s",
			     account_disagreement(a));
		look_at_server(r, a);
	}
	account_free(a);
}

static void on_file(void *ctx, enum health_level level, const char *what,
		    const char *text, const char *remedy)
{
	tell(ctx, level, what, remedy, "%s", text);
}

int cli_doctor(int argc, char **argv)
{
	struct report r = { .code = EXIT_DONE };
	struct who_args args;
	char *text;

	if (!who_parse(&args, argc, argv, WHO_TAKES_JSON | WHO_TAKES_SOURCE)) {
		who_args_release(&args);
		return EXIT_USAGE;
	}
	daemon_harden();
	r.json = args.json;
	r.list = json_array();
	look_at_fuse(&r);
	look_at_account(&r, &args);
	health_of_files(on_file, &r);
	look_at_mounts(&r);
	if (r.json) {
		text = json_dumps(r.list, JSON_INDENT(2));
		cli_print(text != NULL ? text : "null");
		putchar('\n');
		free(text);
	}
	json_decref(r.list);
	who_args_release(&args);
	return r.code;
}
