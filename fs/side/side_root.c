/* .airtable of the mount: what is going on, and two buttons. */
#include "side.h"

#include <stdlib.h>
#include <string.h>

/* "echo > flush" waits as long as it takes, within reason; a person has
 * Ctrl-C. */
#define FLUSH_DEFAULT_S 3600
#define FLUSH_MAX_S 86400

static const char readme[] =
	"This is an Airtable account as files, served by airtablefs.\n"
	"\n"
	"BASE/TABLE/RECORD.json   a record; edit it with anything, save to send\n"
	"BASE/TABLE/NEW.json      a new file is a new record\n"
	"rm RECORD.json           deletes the record after a few seconds\n"
	"mv A.json B.json         sets the primary field to B\n"
	"\n"
	"In a record file \"fields\" is what can be edited; null clears a field,\n"
	"a field left out is kept. \"computed\" is read-only. Files that begin\n"
	"with a dot or do not end in .json are local and never sent.\n"
	"\n"
	"Every folder has .airtable, which ls does not show:\n"
	"\n"
	".airtable/status, status.json   connection, queue, calls\n"
	".airtable/errors.ndjson         every refusal: where, why, what to do\n"
	".airtable/queue.json            what is not sent yet\n"
	".airtable/flush                 write to it: waits until all is sent\n"
	"                                (a number: at most so many seconds)\n"
	".airtable/refresh               write to it: asks the server again\n"
	".airtable/retry, cancel         queue_ids of queue.json, or all\n"
	".airtable/history.json          what was changed here, newest first\n"
	".airtable/undo                  ids of it: takes a sent edit back\n"
	".airtable/conflicts.json        what both sides changed\n"
	".airtable/allow_deletes         lets go of the brake on mass deletes\n"
	"                                (a number: so many more records)\n"
	"BASE/.airtable/base.json        the base\n"
	"BASE/TABLE/.airtable/schema.json      the table's fields\n"
	"BASE/TABLE/.airtable/info/RECORD.json state of one record\n"
	"BASE/TABLE/.airtable/conflicts/RECORD/  base, mine, theirs.json\n"
	"BASE/TABLE/.airtable/resolve          mine, theirs or both, and a\n"
	"                                      record's name: ends its conflict\n"
	"BASE/TABLE/.airtable/history/RECORD/  earlier contents by time, log.json\n"
	"BASE/TABLE/.airtable/trash/           deleted records: mv one back\n";

static int text_readme(const struct side_where *at, char **ret)
{
	(void)at;
	*ret = strdup(readme);
	return *ret == NULL ? -ENOMEM : 0;
}

static int text_status(const struct side_where *at, char **ret)
{
	return cache_status_text(at->fs->cache, ret);
}

static int text_status_json(const struct side_where *at, char **ret)
{
	return cache_status_json(at->fs->cache, ret);
}

static int text_queue(const struct side_where *at, char **ret)
{
	return cache_queue_json(at->fs->cache, ret);
}

static int text_errors(const struct side_where *at, char **ret)
{
	return cache_errors_ndjson(at->fs->cache, ret);
}

static int write_flush(const struct side_where *at, const char *text,
		       int64_t started_ns, struct cache_waiter *w)
{
	int64_t now = clock_mono_ns(&system_clock), left_ms;
	char *end;
	long s = strtol(text, &end, 10);

	if (end == text || s < 0)
		s = FLUSH_DEFAULT_S;
	if (s > FLUSH_MAX_S)
		s = FLUSH_MAX_S;
	left_ms = (started_ns + s * NS_PER_S - now) / NS_PER_MS;
	return cache_flush(at->fs->cache, left_ms > 0 ? left_ms : 0, w);
}

static int write_refresh(const struct side_where *at, const char *text,
			 int64_t started_ns, struct cache_waiter *w)
{
	(void)text;
	(void)started_ns;
	(void)w;
	return cache_refresh(at->fs->cache, 0, 0);
}

static int text_conflicts(const struct side_where *at, char **ret)
{
	return cache_conflicts_json(at->fs->cache, ret);
}

static int text_history(const struct side_where *at, char **ret)
{
	return cache_history_json(at->fs->cache, (struct rec_key){ 0, 0 }, ret);
}

/* The words of text, each given to fn; the first trouble is told. */
static int each_word(const struct side_where *at, const char *text,
		     int (*fn)(struct cache *c, const char *word))
{
	static const char space[] = " \t\r\n,";
	int r = 0, one;
	bool any = false;

	for (text += strspn(text, space); *text != '\0';
	     text += strspn(text, space)) {
		char word[32];
		size_t n = strcspn(text, space);

		if (n >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, n);
		word[n] = '\0';
		text += n;
		one = fn(at->fs->cache, word);
		any = true;
		if (r == 0)
			r = one;
	}
	return any ? r : -EINVAL;
}

static int undo_word(struct cache *c, const char *word)
{
	char *end;
	long long id = strtoll(word, &end, 10);

	return *end != '\0' || id <= 0 ? -EINVAL : cache_undo(c, id);
}

static int write_retry(const struct side_where *at, const char *text,
		       int64_t started_ns, struct cache_waiter *w)
{
	(void)started_ns;
	(void)w;
	return each_word(at, text, cache_queue_retry);
}

static int write_cancel(const struct side_where *at, const char *text,
			int64_t started_ns, struct cache_waiter *w)
{
	(void)started_ns;
	(void)w;
	return each_word(at, text, cache_queue_cancel);
}

static int write_undo(const struct side_where *at, const char *text,
		      int64_t started_ns, struct cache_waiter *w)
{
	(void)started_ns;
	(void)w;
	return each_word(at, text, undo_word);
}

/* A number: so many more. */
static int write_allow(const struct side_where *at, const char *text,
		       int64_t started_ns, struct cache_waiter *w)
{
	long n = strtol(text, NULL, 10);

	(void)started_ns;
	(void)w;
	if (n < 0 || n > INT32_MAX)
		return -EINVAL;
	cache_allow_deletes(at->fs->cache, (unsigned)n);
	return 0;
}

static const struct side_entry entries[] = {
	{ .name = "README", .mode = 0444, .text = text_readme },
	{ .name = "status", .mode = 0444, .text = text_status },
	{ .name = "status.json", .mode = 0444, .text = text_status_json },
	{ .name = "errors.ndjson", .mode = 0444, .text = text_errors },
	{ .name = "queue.json", .mode = 0444, .text = text_queue },
	{ .name = "flush", .mode = 0200, .write = write_flush },
	{ .name = "refresh", .mode = 0200, .write = write_refresh },
	{ .name = "conflicts.json", .mode = 0444, .text = text_conflicts },
	{ .name = "history.json", .mode = 0444, .text = text_history },
	{ .name = "retry", .mode = 0200, .write = write_retry },
	{ .name = "cancel", .mode = 0200, .write = write_cancel },
	{ .name = "undo", .mode = 0200, .write = write_undo },
	{ .name = "allow_deletes", .mode = 0200, .write = write_allow },
};

const struct side_room side_room_root = {
	.number = 0,
	.entries = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
