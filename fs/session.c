#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_log.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "exits.h"
#include "mounts.h"
#include "session_int.h"
#include "wire.h"

/* How long a first mount, with nothing cached, waits for the server. Ours. */
#define START_MS 20000

void session_set_stage(struct session *s, enum stage stage)
{
	pthread_mutex_lock(&s->mu);
	/* it only moves on: an ending mount is not "running" again */
	if (stage > s->stage) {
		s->stage = stage;
		s->stage_ns = clock_mono_ns(&system_clock);
	}
	pthread_mutex_unlock(&s->mu);
	endwatch_look(s->watch);
}

/* ---- libfuse's own words ---- */

/* The last complaint, for the verdict of a mount that failed. Written by the
 * thread that mounts, before there are others. */
static char fuse_said[256];

static void on_fuse_log(enum fuse_log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void on_fuse_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	enum log_level ours = LOG_LEVEL_DEBUG;
	char text[512];

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (level <= FUSE_LOG_ERR)
		ours = LOG_LEVEL_ERROR;
	else if (level == FUSE_LOG_WARNING)
		ours = LOG_LEVEL_WARN;
	log_msg(ours, "%s", text);
}

static void on_mount_log(enum fuse_log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void on_mount_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	if (level > FUSE_LOG_WARNING)
		return;
	if (vsnprintf(fuse_said, sizeof(fuse_said), fmt, ap) < 0)
		fuse_said[0] = '\0';
	fuse_said[strcspn(fuse_said, "\n")] = '\0';
}

/* ---- start ---- */

static int exit_of_error(int r, const struct atfs_error *e)
{
	if (r == -ENOKEY || e->cls == ERROR_TOKEN || e->cls == ERROR_ACCESS)
		return EXIT_TOKEN;
	if (e->cls == ERROR_OFFLINE || e->cls == ERROR_LOST ||
	    r == -ENETUNREACH || r == -ETIMEDOUT)
		return EXIT_OFFLINE;
	return EXIT_FAILED;
}

static int report(struct session *s, int code, const char *what, int r,
		  const char *text)
{
	char line[DAEMON_TEXT];

	snprintf(line, sizeof(line), "%s%s%s", what, *what != '\0' ? ": " : "",
		 text[0] != '\0' ? text : strerror(-r));
	if (!s->daemon->foreground)
		log_error("%s", line);
	daemon_report(s->daemon, code, line);
	return code;
}

/* The one place among the token's sources that names a file by environment
 * must still lead there after the daemon has gone to "/". */
static void keep_key_file_absolute(void)
{
	const char *file = getenv("AIRTABLE_API_KEY_FILE");
	char *path;

	if (file == NULL || file[0] == '/' || file[0] == '\0')
		return;
	path = options_absolute(file);
	if (path != NULL)
		setenv("AIRTABLE_API_KEY_FILE", path, 1);
	free(path);
}

static int64_t ms_of(double seconds)
{
	return (int64_t)(seconds * 1000 + 0.5);
}

static void find_state_dir(struct session *s)
{
	char *text = NULL;
	const char *dir;
	json_t *root;

	if (cache_status_json(s->cache, &text) < 0)
		return;
	root = json_loads(text, 0, NULL);
	dir = json_string_value(json_object_get(root, "state_dir"));
	if (dir != NULL && dir[0] == '/')
		s->state_dir = strdup(dir);
	json_decref(root);
	free(text);
}

static int start_cache(struct session *s)
{
	const struct options *o = s->opt;
	struct cache_config conf = {
		.endpoint = o->endpoint,
		.base = o->base,
		.profile = o->profile,
		.token_file = o->token_file,
		.ca_file = o->ca_file,
		.mountpoint = o->mountpoint,
		.read_only = o->read_only,
		.names_by_id = o->names_by_id,
		.hide_computed = o->hide_computed,
		.typecast = o->typecast,
		.upsert_key = o->upsert_key,
		.no_conflict_check = o->conflict_off,
		.ttl_ms = ms_of(o->ttl_s),
		.full_ttl_ms = ms_of(o->full_ttl_s),
		.live = o->live,
		.writeback_ms = ms_of(o->writeback_s),
		.delete_delay_ms = ms_of(o->delete_delay_s),
		.max_deletes = o->max_deletes,
		.max_calls_month = o->max_calls_month,
	};
	struct atfs_error e = { .err = 0 };
	int r = atfs_new(o, &s->fs);

	if (r < 0)
		return report(s, EXIT_FAILED, "", r, "");
	conf.events = atfs_events(s->fs);
	keep_key_file_absolute();
	r = cache_open(&conf, &s->cache, &e);
	if (r < 0)
		return report(s, exit_of_error(r, &e), "", r, e.text);
	atfs_set_cache(s->fs, s->cache);
	find_state_dir(s);
	r = cache_start(s->cache, START_MS, &e);
	if (r < 0)
		return report(s, exit_of_error(r, &e), "", r, e.text);
	return EXIT_DONE;
}

static int add_args(const struct options *o, struct fuse_args *args)
{
	char *opts = NULL, *fsname = NULL;
	int r = -1;

	/* default_permissions: the modes that are shown are also kept */
	if (fuse_opt_add_arg(args, "airtablefs") == 0 &&
	    fuse_opt_add_opt(&opts, "default_permissions") == 0 &&
	    fuse_opt_add_opt(&opts, "subtype=airtablefs") == 0)
		r = 0;
	if (r == 0 && !o->has_fsname)
		r = asprintf(&fsname, "fsname=airtablefs:%s",
			     o->base != NULL ? o->base : "all") < 0 ? -1 : 0;
	if (r == 0 && fsname != NULL)
		r = fuse_opt_add_opt_escaped(&opts, fsname);
	if (r == 0 && o->fuse_opts != NULL)
		r = fuse_opt_add_opt(&opts, o->fuse_opts);
	if (r == 0)
		r = fuse_opt_add_arg(args, "-o");
	if (r == 0)
		r = fuse_opt_add_arg(args, opts);
	free(fsname);
	free(opts);
	return r < 0 ? -ENOMEM : 0;
}

/* fusermount3 says on stderr why it refuses. That becomes part of our one line;
 * what it says in passing, when all goes well, is handed on. */
static int mount_listening(struct session *s)
{
	int keep = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int ear = memfd_create("stderr", MFD_CLOEXEC);
	char words[sizeof(fuse_said)];
	ssize_t n = 0;
	int r;

	fflush(stderr);
	if (keep >= 0 && ear >= 0)
		(void)dup2(ear, STDERR_FILENO);
	r = fuse_session_mount(s->se, s->opt->mountpoint) != 0 ? -EIO : 0;
	if (r == 0)
		r = wire_attach(s->se);
	fflush(stderr);
	if (keep >= 0 && ear >= 0) {
		(void)dup2(keep, STDERR_FILENO);
		n = pread(ear, words, sizeof(words) - 1, 0);
	}
	words[n > 0 ? n : 0] = '\0';
	if (r == 0) {
		fputs(words, stderr);
	} else if (words[0] != '\0') {
		words[strcspn(words, "\n")] = '\0';
		memcpy(fuse_said, words, sizeof(words));
	}
	if (keep >= 0)
		close(keep);
	if (ear >= 0)
		close(ear);
	return r;
}

static int make_mount(struct session *s)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	char what[DAEMON_TEXT / 2];
	int r = add_args(s->opt, &args);

	fuse_said[0] = '\0';
	fuse_set_log_func(on_mount_log);
	if (r == 0) {
		s->se = fuse_session_new(&args, &atfs_ops, sizeof(atfs_ops),
					 s->fs);
		r = s->se == NULL ? -EINVAL : 0;
	}
	fuse_opt_free_args(&args);
	if (r == 0) {
		session_set_stage(s, STAGE_MOUNTING);
		r = mount_listening(s);
	}
	fuse_set_log_func(on_fuse_log);
	if (r == 0)
		return EXIT_DONE;
	snprintf(what, sizeof(what), "cannot mount on '%s'",
		 s->opt->mountpoint);
	return report(s, EXIT_FAILED, what, r, fuse_said[0] != '\0' ?
		      fuse_said : "FUSE refused it");
}

/* ---- does it answer? ---- */

/* Never the thread that must serve the request. */
static void *ready_main(void *arg)
{
	struct session *s = arg;
	const char *path = s->opt->mountpoint;
	struct statfs fs;
	struct stat st;
	char what[DAEMON_TEXT / 2];
	int r = 0;

	if (statfs(path, &fs) < 0 || stat(path, &st) < 0)
		r = -errno;
	pthread_mutex_lock(&s->mu);
	s->dev_known = r == 0;
	if (r == 0)
		s->dev = st.st_dev;
	else
		s->verdict = EXIT_FAILED;
	pthread_mutex_unlock(&s->mu);
	if (r == 0) {
		log_info("mounted on '%s'", path);
		r = daemon_report(s->daemon, EXIT_DONE, "");
		if (r < 0)
			log_warn("the command that mounted has gone: ending");
	} else {
		snprintf(what, sizeof(what), "the mount on '%s' does not "
			 "answer", path);
		report(s, EXIT_FAILED, what, r, "");
	}
	session_set_stage(s, r == 0 ? STAGE_RUNNING : STAGE_ENDING);
	return NULL;
}

static int run_loop(struct session *s)
{
	struct fuse_loop_config *cfg = fuse_loop_cfg_create();
	int r;

	if (cfg == NULL)
		return -ENOMEM;
	fuse_loop_cfg_set_max_threads(cfg, s->opt->max_threads);
	/* several: threads that end and start again cost 30 % */
	fuse_loop_cfg_set_idle_threads(cfg, s->opt->max_idle_threads);
	fuse_loop_cfg_set_clone_fd(cfg, s->opt->clone_fd);
	r = fuse_session_loop_mt(s->se, cfg);
	fuse_loop_cfg_destroy(cfg);
	if (r > 0) /* a signal's number; ours come another way */
		r = 0;
	if (r < 0)
		log_error("the session ended: %s", strerror(-r));
	return r;
}

/* ---- end ---- */

int session_take_off(struct session *s)
{
	const struct mount_entry *m;
	struct mount_list list;
	char say[256] = "";
	bool here;
	int r = mounts_read(&list);

	if (r < 0)
		return r;
	m = mounts_at(&list, s->opt->mountpoint);
	pthread_mutex_lock(&s->mu);
	here = m != NULL && mount_is_ours(m) &&
	       (!s->dev_known || m->dev == s->dev);
	pthread_mutex_unlock(&s->mu);
	mounts_release(&list);
	if (!here)
		return -ENOENT;
	r = mounts_take_off(s->opt->mountpoint, true, say, sizeof(say));
	if (r < 0 && say[0] != '\0')
		log_warn("%s", say);
	return r;
}

/* Closing the device ends all requests. Its number must not be given to another
 * file while a late reply or notification may still be written to it, and
 * libfuse must see that there is nothing to unmount (it asks for POLLERR): the
 * end of a pipe that nobody reads answers to both. */
void session_sever(struct session *s)
{
	bool done;
	int fds[2];

	pthread_mutex_lock(&s->mu);
	done = s->severed;
	s->severed = true;
	pthread_mutex_unlock(&s->mu);
	if (done)
		return;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		log_error("no pipe: %s", strerror(errno));
		return;
	}
	close(fds[0]);
	(void)dup3(fds[1], fuse_session_fd(s->se), O_CLOEXEC);
	close(fds[1]);
}

void session_leave_note(struct session *s, int left)
{
	struct cache_unsent u = { .queued = 0 };
	char stamp[25], *path = NULL, *tmp = NULL;
	FILE *f;

	cache_get_unsent(s->cache, &u);
	clock_format_iso(clock_wall_ms(&system_clock), stamp);
	if (s->state_dir == NULL ||
	    asprintf(&path, "%s/" SESSION_LAST_EXIT, s->state_dir) < 0)
		return;
	if (asprintf(&tmp, "%s.tmp", path) < 0)
		tmp = NULL;
	f = tmp != NULL ? fopen(tmp, "we") : NULL;
	if (f != NULL) {
		fprintf(f, "{\"pid\":%d,\"time\":\"%s\",\"unsent\":%d,"
			"\"queued\":%u,\"conflicts\":%u,\"rejected\":%u,"
			"\"drafts\":%u}\n", (int)getpid(), stamp, left,
			u.queued, u.conflicts, u.rejected, u.drafts);
		if (fclose(f) != 0 || rename(tmp, path) < 0)
			log_warn("'%s': %s", path, strerror(errno));
	}
	free(tmp);
	free(path);
}

void session_left_words(char *ret, size_t ret_n, unsigned queued,
			unsigned stuck)
{
	int n = 0;

	ret[0] = '\0';
	if (queued > 0)
		n = snprintf(ret, ret_n, "%u change%s kept and will be sent by "
			     "the next mount%s", queued,
			     queued == 1 ? " is" : "s are",
			     stuck > 0 ? "; " : "");
	if (stuck > 0 && n >= 0 && (size_t)n < ret_n)
		snprintf(ret + n, ret_n - (size_t)n, "%u that cannot be sent "
			 "yet %s kept until corrected", stuck,
			 stuck == 1 ? "is" : "are");
}

static void send_rest(struct session *s)
{
	struct cache_unsent u = { .queued = 0 };
	char words[200];
	int left;

	cache_get_unsent(s->cache, &u);
	if (u.queued > 0)
		log_info("%u change%s not sent yet, sending...", u.queued,
			 u.queued == 1 ? "" : "s");
	left = cache_stop(s->cache, (int)ms_of(s->opt->drain_s));
	if (left < 0) {
		log_error("the journal cannot be asked: %s", strerror(-left));
		left = (int)u.queued;
	}
	session_leave_note(s, left);
	pthread_mutex_lock(&s->mu);
	if (left > 0 && s->verdict == EXIT_DONE)
		s->verdict = EXIT_UNSENT;
	pthread_mutex_unlock(&s->mu);
	if (left > 0) {
		cache_get_unsent(s->cache, &u);
		session_left_words(words, sizeof(words), u.queued,
				   u.conflicts + u.rejected + u.drafts);
		log_warn("%s", words);
	} else {
		log_info("unmounted; everything is sent");
	}
}

static void serve(struct session *s)
{
	int r = atfs_start(s->fs, s->se);
	bool asked = false;

	if (r == 0) {
		r = -pthread_create(&s->ready_thread, NULL, ready_main, s);
		asked = r == 0;
	}
	if (r == 0)
		r = run_loop(s);
	else
		report(s, EXIT_FAILED, "", r, "");
	session_set_stage(s, STAGE_STOPPING);
	fuse_session_exit(s->se); /* keeps libfuse quiet about lost replies */
	(void)session_take_off(s);
	/* It answers what is parked, which may be what a notification waits
	 * for, so the device stays open. Should it wait for an answer of the
	 * mount itself, the end watch closes the device. */
	atfs_stop(s->fs);
	session_sever(s);
	session_set_stage(s, STAGE_DRAINING);
	if (asked)
		pthread_join(s->ready_thread, NULL);
	if (r < 0 && s->verdict == EXIT_DONE)
		s->verdict = EXIT_FAILED;
	send_rest(s);
}

int session_run(const struct options *opt, struct daemon *d)
{
	struct session s = {
		.opt = opt,
		.daemon = d,
		.main_thread = pthread_self(),
		.mu = PTHREAD_MUTEX_INITIALIZER,
	};
	int r = endwatch_start(&s);

	if (r < 0)
		return report(&s, EXIT_FAILED, "", r, "");
	s.verdict = start_cache(&s);
	if (s.verdict == EXIT_DONE) {
		s.verdict = make_mount(&s);
		if (s.verdict == EXIT_DONE)
			serve(&s);
		else
			(void)cache_stop(s.cache, 0);
	}
	session_set_stage(&s, STAGE_CLOSING);
	if (s.se != NULL)
		fuse_session_unmount(s.se); /* closes what sever put there */
	atfs_free(s.fs);
	if (s.se != NULL)
		fuse_session_destroy(s.se);
	cache_free(s.cache);
	free(s.state_dir);
	endwatch_stop(s.watch);
	return s.verdict;
}
