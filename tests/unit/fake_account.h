/* fake_account - a transport behind which stands a small Airtable account: one
 * base of two tables, kept in memory, that answers what the cache asks and
 * misbehaves where a test says so.
 * A request is only noted when it is submitted; fake_account_serve() answers
 * those under way, oldest first. So a test decides what happens in between.
 * Units:   ms are Unix times of the clock given; pages hold 100 records, writes
 *          10, as airtable-api.md sections 8.1 and 8.4 have it.
 * Owns:    its records, and copies of the requests.
 * Threads: one.
 * Errors:  the test fails where a request is not what the API takes. */
#ifndef TESTS_FAKE_ACCOUNT_H
#define TESTS_FAKE_ACCOUNT_H

#include <jansson.h>

#include "airtable/http.h"
#include "fake_clock.h"
#include "fake_hooks.h"

#define FA_BASE "appFakeBase000001"
#define FA_USER "usrFake0000000001"
#define FA_THINGS "tblThings00000001"
#define FA_OTHERS "tblOthers00000001"
/* Fields of both tables; the last one only while with_extra is set. */
#define FA_NAME "fldName0000000001"
#define FA_NOTE "fldNote0000000001"
#define FA_COUNT "fldCount000000001"
#define FA_TWICE "fldTwice000000001" /* a formula: Count * 2 */
#define FA_EXTRA "fldExtra000000001"

#define FA_TABLES 2
#define FA_PENDING_MAX 64
#define FA_FAULTS_MAX 64
#define FA_RECORDS_MAX 4096

enum fa_call {
	FA_WHOAMI, FA_BASES, FA_SCHEMA, FA_LIST,
	FA_QUERY, /* listRecords with a formula */
	FA_GET, FA_HOOKS, FA_PAYLOADS,
	FA_CREATE, FA_UPDATE, FA_DELETE,        /* writes from here on */
	FA_HOOK_CREATE, FA_HOOK_REFRESH, FA_HOOK_DELETE, FA_CALLS,
	FA_ANY, FA_WRITE                        /* of a fault: which calls */
};

enum fa_how {
	FA_STATUS,      /* answered with status and body; nothing was done */
	FA_OFFLINE,     /* never sent */
	FA_LOST_BEFORE, /* connection lost, nothing was done */
	FA_LOST_AFTER,  /* done, but the connection was lost */
	FA_LOST_LATER,  /* connection lost; done at fake_account_release() */
	FA_GARBAGE,     /* done, the answer is no JSON */
	FA_STALE,       /* done and answered now, the answer comes at release */
	FA_HELD,        /* neither done nor answered before release */
};

struct fa_fault {
	enum fa_call which;
	enum fa_how how;
	unsigned skip;  /* so many calls of the kind are left in peace first */
	unsigned times; /* and so many misbehave; 0 = all from then on */
	int status;
	const char *body;
};

struct fa_record {
	char id[18];
	unsigned table;
	int64_t created_ms, edited_ms; /* the latter as a test sets it */
	json_t *cells; /* by field id, without empty ones */
	bool gone;
};

struct fa_pending {
	int64_t id; /* 0 = free */
	enum http_method method;
	char *url, *body, *bearer;
	http_done_fn *done;
	void *arg;
	bool held;       /* waits for release */
	bool only_apply; /* nobody waits for its answer any more */
	int status;      /* FA_STALE: what will be answered */
	char *answer;
};

/* Who wants to know all that happens; each may be NULL. Requests are numbered
 * as they are submitted. Not told of what a test does as another user. */
struct fa_watch {
	void *ctx;
	void (*made)(void *ctx, const struct fa_record *r);
	/* one cell by one request; NULL = empty */
	void (*wrote)(void *ctx, int64_t request, const struct fa_record *r,
		      const char *field, const json_t *was,
		      const json_t *now);
	void (*removed)(void *ctx, const struct fa_record *r);
	/* values of records asked for by id are handed over; last: the request
	 * submitted last before that */
	void (*checked)(void *ctx, int64_t last, const char *body);
};

struct fake_account {
	struct http_transport transport;
	struct fa_watch watch;
	int64_t performing;      /* number of the request */
	struct fake_clock *clock;
	struct fa_record *records; /* they never move */
	size_t n;
	struct fa_pending pending[FA_PENDING_MAX];
	struct fa_fault faults[FA_FAULTS_MAX];
	size_t faults_n;
	int64_t last_id;
	struct fake_hooks hooks; /* told of writes through the API */
	const char *user;        /* what whoami says */
	const char *secret;      /* NULL, or the one token that is not a 401 */
	bool with_extra;
	const char *note_name;   /* NULL = "Note" */
	bool read_only;          /* permissionLevel read */
	const char *level;       /* another one; NULL = create */
	bool get_says_403;       /* of a missing record; else 404 */
	bool deaf;               /* the caller is dead: nothing reaches it */
	const char *guilty_note; /* a write with this Note is a 422 */
	/* counters, by enum fa_call, since fake_account_count_from_now() */
	unsigned calls[FA_CALLS];
	unsigned most_records[FA_CALLS]; /* in one write */
	unsigned total;
};

void fake_account_init(struct fake_account *f, struct fake_clock *clock);
/* Frees it. The account outlives the caches that are opened on it. */
void fake_account_free(struct fake_account *f);

void fake_account_fault(struct fake_account *f, struct fa_fault fault);
void fake_account_heal(struct fake_account *f);
/* Answers what is under way. Returns how many. */
size_t fake_account_serve(struct fake_account *f);
/* What was held goes on. */
size_t fake_account_release(struct fake_account *f);
/* The caller dies: what is under way is done yet (done) or never, and nobody
 * gets an answer; then deaf is set. */
void fake_account_hang_up(struct fake_account *f, bool done);
void fake_account_count_from_now(struct fake_account *f);

/* ---- as another user ---- */
struct fa_record *fake_account_add(struct fake_account *f, unsigned table,
				   const char *name, const char *note,
				   int count);
struct fa_record *fake_account_find(struct fake_account *f, unsigned table,
				    const char *name);
struct fa_record *fake_account_by_id(struct fake_account *f, const char *id);
void fake_account_set(struct fa_record *r, const char *field,
		      const char *text);
/* "" if the cell is empty. */
const char *fake_account_get(const struct fa_record *r, const char *field);
/* How many not gone records of a table have that name (NULL = all). */
unsigned fake_account_named(struct fake_account *f, unsigned table,
			    const char *name);

#endif
