/* How the files of all mounts of this user are: for doctor. Everything is
 * opened for reading alone, so that a daemon may be at work with them. */
#include <dirent.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

struct look {
	health_fn *fn;
	void *ctx;
	unsigned found;
};

static int64_t number(sqlite3 *db, const char *text)
{
	sqlite3_stmt *st = NULL;
	int64_t v = -1;

	if (sqlite3_prepare_v2(db, text, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* "" = sound, else what is wrong. */
static void check(sqlite3 *db, char *ret, size_t ret_n)
{
	sqlite3_stmt *st = NULL;
	const char *text = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		text = (const char *)sqlite3_column_text(st, 0);
	else
		text = sqlite3_errmsg(db);
	snprintf(ret, ret_n, "%s", text && strcmp(text, "ok") != 0 ? text : "");
	sqlite3_finalize(st);
}

static void look_at(struct look *l, const char *path, bool journal)
{
	const char *what = journal ? "journal" : "cache";
	char text[PATH_MAX + 300], wrong[200] = "";
	sqlite3 *db = NULL;
	int64_t open_ops = 0;
	struct stat st;

	l->found++;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) ==
	    SQLITE_OK) {
		(void)sqlite3_busy_timeout(db, 2000);
		check(db, wrong, sizeof(wrong));
		if (journal && wrong[0] == '\0') /* 4 is OP_DONE */
			open_ops = number(db, "SELECT count(*) FROM op "
					      "WHERE state <> 4");
	} else {
		snprintf(wrong, sizeof(wrong), "%s", sqlite3_errmsg(db));
	}
	sqlite3_close(db);
	if (wrong[0] != '\0') {
		snprintf(text, sizeof(text), "'%s': %s", path, wrong);
		l->fn(l->ctx, journal ? HEALTH_FAIL : HEALTH_WARN, what, text,
		      journal ? "mount it: what can be read of it is taken "
				"over, the damaged file is kept" :
				"unmount and delete it: it is read anew");
	} else if (stat(path, &st) == 0 && (st.st_mode & 077) != 0) {
		snprintf(text, sizeof(text), "'%s' can be read by others",
			 path);
		l->fn(l->ctx, HEALTH_FAIL, what, text, "chmod 600 it");
	} else if (open_ops > 0) {
		snprintf(text, sizeof(text), "'%s': %lld change%s not sent yet",
			 path, (long long)open_ops, open_ops == 1 ? "" : "s");
		l->fn(l->ctx, HEALTH_WARN, what, text,
		      "mount it, or see `airtablefs queue`");
	} else {
		snprintf(text, sizeof(text), "'%s' is sound", path);
		l->fn(l->ctx, HEALTH_OK, what, text, "");
	}
}

/* HOME/PROFILE/SOURCE/NAME */
static void walk(struct look *l, const char *dir, unsigned depth, bool journal)
{
	const char *name = journal ? "journal.db" : "cache.db";
	char path[PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *d;

	if (depth == 2) {
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (stat(path, &st) == 0)
			look_at(l, path, journal);
		return;
	}
	d = opendir(dir);
	while (d && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >=
			    (int)sizeof(path))
			continue;
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			walk(l, path, depth + 1, journal);
	}
	if (d)
		closedir(d);
}

void health_of_files(health_fn *fn, void *ctx)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct look l = { fn, ctx, 0 };
		char *home = dirs_home(i == 1);

		if (home)
			walk(&l, home, 0, i == 1);
		if (l.found == 0)
			fn(ctx, HEALTH_OK, i == 1 ? "journal" : "cache",
			   "there is none yet", "");
		free(home);
	}
}
