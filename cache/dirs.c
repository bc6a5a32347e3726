/* Where cache and state live: below the XDG directories, one place for each
 * profile and mounted source, 0700 and locked against a second daemon. */
#include "airtable/limiter.h"
#include "airtable/tally.h"
#include "internal.h"
#include "sqlite.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new one is as durable as what will be synced in it. */
static int make_dir(const char *path)
{
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	return sql_sync_dir(path);
}

static int make_dirs(const char *path)
{
	char buf[PATH_MAX];
	char *p;
	int r;

	if (strlen(path) >= sizeof(buf))
		return -ENAMETOOLONG;
	strcpy(buf, path);
	for (p = buf + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		r = make_dir(buf);
		if (r < 0)
			return r;
		*p = '/';
	}
	r = make_dir(buf);
	if (r < 0)
		return r;
	/* whatever the umask, and also if it was there before */
	return chmod(buf, 0700) < 0 ? -errno : 0;
}

/* "cache" or "state" home by the XDG Base Directory Specification. */
static char *xdg_home(const char *var, const char *fallback)
{
	const char *v = getenv(var), *home = getenv("HOME");
	char *out = NULL;

	if (v && v[0] == '/')
		return strdup(v);
	if (!home || home[0] != '/')
		return NULL;
	return asprintf(&out, "%s/%s", home, fallback) < 0 ? NULL : out;
}

char *dirs_home(bool state)
{
	char *home = state ? xdg_home("XDG_STATE_HOME", ".local/state") :
			     xdg_home("XDG_CACHE_HOME", ".cache");
	char *out = NULL;

	if (!home || asprintf(&out, "%s/airtablefs", home) < 0)
		out = NULL;
	free(home);
	return out;
}

char *dirs_pace_path(const char *endpoint)
{
	char pace[LIMITER_FILE_NAME_MAX], *home = dirs_home(true), *out = NULL;

	limiter_file_name(endpoint, pace);
	if (!home || make_dirs(home) < 0 ||
	    asprintf(&out, "%s/%s", home, pace) < 0)
		out = NULL;
	free(home);
	return out;
}

/* A directory name for this profile, endpoint and source. */
static char *place_name(const struct cache *c)
{
	const char *base = c->base_filter ? c->base_filter : "all";
	char safe[64], *out = NULL;
	uint64_t h = ino_of_id(c->endpoint) ^ (ino_of_id(base) * 31);
	size_t i, n = 0;

	for (i = 0; base[i] && n < 40; i++) {
		char ch = base[i];
		bool plain = (ch >= '0' && ch <= '9') ||
			     (ch >= 'a' && ch <= 'z') ||
			     (ch >= 'A' && ch <= 'Z') || ch == '-';

		safe[n++] = plain ? ch : '_';
	}
	safe[n] = '\0';
	if (asprintf(&out, "%s/%s-%08llx", c->profile, safe,
		     (unsigned long long)(h & 0xffffffffu)) < 0)
		return NULL;
	return out;
}

static int join(char **ret, const char *a, const char *b)
{
	*ret = NULL;
	return asprintf(ret, "%s/%s", a, b) < 0 ? -ENOMEM : 0;
}

static int take_lock(struct cache *c, struct atfs_error *reterr)
{
	char path[PATH_MAX], who[PATH_MAX] = "";
	int n;

	if (snprintf(path, sizeof(path), "%s/lock", c->state_dir) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (c->lock_fd < 0)
		return -errno;
	/* a daemon that was just killed may still be on its way out */
	for (n = 0; n < 20; n++) {
		if (flock(c->lock_fd, LOCK_EX | LOCK_NB) == 0)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	if (n == 20) {
		ssize_t k = pread(c->lock_fd, who, sizeof(who) - 1, 0);

		who[k > 0 ? k : 0] = '\0';
		who[strcspn(who, "\n")] = '\0';
		error_set(reterr, -EBUSY, ERROR_INPUT,
			  "this account is mounted already by process %s; use "
			  "another profile= for a second mount", who);
		return -EBUSY;
	}
	n = snprintf(who, sizeof(who), "%d on %s\n", (int)getpid(),
		     c->mountpoint ? c->mountpoint : "?");
	if (ftruncate(c->lock_fd, 0) < 0 ||
	    pwrite(c->lock_fd, who, (size_t)n, 0) != n)
		return -EIO;
	return 0;
}

static int set_paths(struct cache *c)
{
	char *ch = xdg_home("XDG_CACHE_HOME", ".cache");
	char *sh = xdg_home("XDG_STATE_HOME", ".local/state");
	char *place = place_name(c);
	char pace[LIMITER_FILE_NAME_MAX], calls[TALLY_FILE_NAME_MAX];
	int r = -ENOENT;

	if (ch && sh && place) {
		r = asprintf(&c->cache_dir, "%s/airtablefs/%s", ch, place) < 0 ||
				    asprintf(&c->state_dir, "%s/airtablefs/%s",
					     sh, place) < 0 ?
			    -ENOMEM :
			    0;
		limiter_file_name(c->endpoint, pace);
		if (r == 0 && asprintf(&c->pace_path, "%s/airtablefs/%s", sh,
				       pace) < 0)
			r = -ENOMEM;
		/* a plan's, so of the profile, not of the mounted source */
		tally_file_name(c->endpoint, calls);
		if (r == 0 && asprintf(&c->calls_path, "%s/airtablefs/%s/%s",
				       sh, c->profile, calls) < 0)
			r = -ENOMEM;
		if (r == 0)
			r = join(&c->scratch_dir, c->state_dir, "scratch");
		if (r == 0)
			r = join(&c->drafts_dir, c->state_dir, "drafts");
		if (r == 0)
			r = join(&c->errors_path, c->state_dir,
				 "errors.ndjson");
	}
	free(ch);
	free(sh);
	free(place);
	return r;
}

int dirs_open(struct cache *c, struct atfs_error *reterr)
{
	const char *what = "the cache and state directories";
	int r = set_paths(c);

	if (r == 0) {
		what = c->cache_dir;
		r = make_dirs(c->cache_dir);
	}
	if (r == 0) {
		what = c->scratch_dir;
		r = make_dirs(c->scratch_dir);
	}
	if (r == 0) {
		what = c->drafts_dir;
		r = make_dirs(c->drafts_dir);
	}
	if (r == 0) {
		what = c->state_dir;
		r = chmod(c->state_dir, 0700) < 0 ? -errno : 0;
	}
	if (r == 0)
		r = take_lock(c, reterr);
	if (r < 0 && !reterr->err)
		error_set(reterr, r, ERROR_INPUT, "%s cannot be used: %s", what,
			  strerror(-r));
	return r;
}

void dirs_close(struct cache *c)
{
	if (c->lock_fd >= 0)
		close(c->lock_fd); /* and with it the lock */
	c->lock_fd = -1;
	free(c->cache_dir);
	free(c->state_dir);
	free(c->scratch_dir);
	free(c->drafts_dir);
	free(c->errors_path);
	free(c->pace_path);
	free(c->calls_path);
}
