/* state - users, bases, tables, fields and records in memory, and the one
 * place where a cell changes.
 * Units:   times in whole seconds since the epoch (the product keeps
 *          seconds: airtable-api.md 17.13), `_ms` in milliseconds.
 * Owns:    the whole tree. Pointers to bases, tables, fields and records
 *          stay valid until state_free; a deleted record is kept, marked.
 * Threads: none inside; the server's mutex guards it.
 * Errors:  none (see mem.h); lookups give NULL.
 * Source:  airtable-api.md 7, 8, 9. */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formula.h"
#include "ids.h"
#include "quirk.h"

enum field_type {
	FT_TEXT, FT_LONG_TEXT, FT_RICH_TEXT, FT_EMAIL, FT_URL, FT_PHONE,
	FT_NUMBER, FT_PERCENT, FT_CURRENCY, FT_DURATION, FT_RATING,
	FT_CHECKBOX, FT_SELECT, FT_SELECTS, FT_DATE, FT_DATETIME,
	FT_COLLABORATOR, FT_COLLABORATORS, FT_LINKS, FT_ATTACHMENTS,
	FT_BARCODE, FT_AUTONUMBER, FT_COUNT, FT_FORMULA, FT_ROLLUP, FT_LOOKUP,
	FT_CREATED_TIME, FT_MODIFIED_TIME, FT_CREATED_BY, FT_MODIFIED_BY,
	FT_BUTTON, FT_SYNC_SOURCE, FT_AI_TEXT, FT_UNKNOWN
};

#define STATE_WORKSPACE "wspSimulator00001"	/* of every base not told */
#define STATE_BASE_CREATED_S 1672531200	/* likewise: 2023-01-01 */

enum level { LV_NONE, LV_READ, LV_COMMENT, LV_EDIT, LV_CREATE };

struct user {
	char id[ID_CAP];
	char *email;		/* NULL: unknown */
	char *name;		/* NULL: unknown */
};

struct feed;
struct hook;
struct table;

struct field {
	char id[ID_CAP];
	char *name;
	char *description;	/* NULL: none */
	char *type_name;
	enum field_type type;
	json_t *options;	/* NULL: none */
	size_t index;		/* place in its table and in cells[] */
	struct table *table;
	char *key_name;		/* "Name": as it stands in a record */
	char *key_id;
	/* resolved by state_resolve; NULL where options do not say */
	struct table *linked;		/* of a link */
	struct field *inverse;		/* of a link */
	struct field *via;		/* link field of count, lookup, rollup */
	struct field *target;		/* field in the linked table */
	struct fx_prog *prog;		/* of formula and rollup */
	bool visiting;			/* guards against circular formulas */
	bool no_write;			/* a field permission forbids it */
};

struct view {
	char id[ID_CAP];
	char *name;
	char *type;
	json_t *visible;	/* visibleFieldIds or NULL */
	char *filter;		/* a formula; NULL: all rows */
	struct fx_prog *prog;	/* of filter */
	json_t *sort;		/* [{"field","direction"}] or NULL */
};

struct cell {
	json_t *v;		/* NULL: empty */
	uint32_t mod_s;		/* 0: never touched since creation */
	uint32_t mod_by;
};

struct record {
	char id[ID_CAP];
	struct table *table;
	struct cell *cells;	/* table->fields_n of them */
	int64_t created_s;
	int64_t modified_s;
	uint32_t created_by;	/* index of the user */
	uint32_t modified_by;
	uint32_t number;	/* autoNumber */
	json_t *comments;	/* NULL or array, oldest first */
	bool deleted;
};

struct table {
	char id[ID_CAP];
	char *name;
	char *description;
	struct base *base;
	struct field **fields;
	size_t fields_n;
	size_t fields_cap;
	struct field *primary;
	struct view *views;
	size_t views_n;
	size_t views_cap;
	struct record **rows;	/* in order of creation */
	size_t rows_n;
	size_t rows_cap;
	struct record **by_id;	/* byte order of ids, if sorted */
	size_t by_id_cap;
	bool sorted;
	uint32_t next_number;
	json_t *extra;		/* dateDependencySettings, or NULL */
	bool no_create;		/* a table permission forbids it */
	bool no_delete;
	bool synced;		/* its rows come from elsewhere */
};

struct base {
	char id[ID_CAP];
	char *name;
	char workspace[ID_CAP];
	int64_t created_s;
	enum level level;
	json_t *people;		/* collaborators and such, as loaded, or NULL */
	struct table **tables;
	size_t tables_n;
	size_t tables_cap;
	struct idmap records;	/* all live records of the base */
	struct record **trash;
	size_t trash_n;
	size_t trash_cap;
	struct table **gone;	/* deleted tables, for their records */
	size_t gone_n;
	size_t gone_cap;
	struct hook **hooks;	/* webhook.h owns them */
	size_t hooks_n;
	size_t hooks_cap;
	uint64_t transaction;	/* number of the newest change */
	struct feed *feed;	/* what the running call changes; NULL: no
				 * webhook wants to know */
};

struct state {
	struct base **bases;
	size_t bases_n;
	size_t bases_cap;
	struct user *users;
	size_t users_n;
	size_t users_cap;
	struct rng rng;
	int64_t skew_ms;	/* added to the wall clock */
	struct fx_arena arena;	/* scratch for formulas */
	struct attachments *files;	/* attach.h; NULL: none yet */
	struct quirks quirk;
};

/* Who changes something, and when. */
struct actor {
	uint32_t user;		/* index into users */
	int64_t now_ms;
};

struct state *state_new(uint64_t seed);
void state_free(struct state *s);
int64_t state_now_ms(const struct state *s);

enum field_type field_type_of(const char *name);
bool field_is_computed(enum field_type t);
enum level level_of_name(const char *name);	/* unknown: LV_NONE */
const char *level_name(enum level l);

uint32_t state_user(struct state *s, const char *id, const char *email,
		    const char *name);		/* finds or adds */
long state_find_user(const struct state *s, const char *id_or_email);
json_t *state_user_json(const struct state *s, uint32_t user);

struct base *state_base(const struct state *s, const char *id);
struct base *state_add_base(struct state *s, const char *id, const char *name);
struct table *base_table(const struct base *b, const char *id_or_name);
struct table *base_add_table(struct base *b, const char *id, const char *name);
struct field *table_field(const struct table *t, const char *id_or_name);
struct field *table_add_field(struct table *t, const char *id,
			      const char *name, const char *type,
			      json_t *options);	/* steals options */
void field_rename(struct field *f, const char *name);
/* Takes a field and its cells away, or a table and its records. */
void table_drop_field(struct table *t, struct field *f);
void base_drop_table(struct state *s, struct table *t, const struct actor *a);
struct view *table_view(const struct table *t, const char *id_or_name);
struct view *table_add_view(struct table *t, const char *id, const char *name,
			    const char *type);
struct field *base_field_by_id(const struct base *b, const char *id);

/* Ties links, lookups and formulas together after fields were added. */
void state_resolve(struct base *b);

struct record *base_record(const struct base *b, const char *id);
/* id NULL: a new one is made. */
struct record *table_add_record(struct state *s, struct table *t,
				const char *id, const struct actor *a);
struct record *const *table_sorted(struct table *t);	/* rows_n of them */
size_t table_lower_bound(struct table *t, const char *id);

/* Sets a cell (steals v; NULL empties it), keeps the other side of a link
 * in step and stamps both records. */
void record_set(struct record *r, struct field *f, json_t *v,
		const struct actor *a);
/* The same without stamps and without the other side: loading. */
void record_put(struct record *r, struct field *f, json_t *v);
void record_delete(struct state *s, struct record *r, const struct actor *a);

#endif
