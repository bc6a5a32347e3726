/* store - cache.db: what the server said, kept between mounts. It may be
 * deleted at any time; a file that is damaged or of another version is set
 * aside and begun anew. What the user changed is never here but in journal.
 *
 * Records of a table are numbered by seq in the order they were first seen;
 * numbers are never used again while the file lives, so seq is an offset for
 * readdir that stays valid while the listing grows.
 *
 * Units:   times are Unix ms. seq starts at 1.
 * Owns:    its connections; rows handed out are the caller's
 *          (store_row_release).
 * Threads: any. Reads use a pool of connections and never wait for a writer.
 *          All writes happen between store_begin and store_commit, by one
 *          thread at a time (store_begin takes the writer lock, a leaf in the
 *          lock order). Page commits go through the network thread; names of
 *          new local records through whoever creates them.
 *          The first large commit starts a thread that syncs the file in the
 *          background: fork into the background before the first write.
 * Errors:  0 or -errno: -ENOENT no such row, -EEXIST the name is taken, -EIO
 *          SQLite failed or the file is damaged (the next open begins anew),
 *          -ENOSPC disk full, -EDQUOT, -EROFS, -EBUSY another process writes,
 *          -EINVAL a write outside of begin and commit. After any of them but
 *          -ENOENT and -EEXIST the commit fails too: all or nothing. */
#ifndef ATFS_STORE_H
#define ATFS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airtable/ids.h"
#include "name.h"

struct store;

int store_open(const char *path, struct store **ret);
void store_close(struct store *s);

/* ---- small values by key (schema bodies, ages, counters) ---- */
/* *ret is NUL-terminated, the caller frees; -ENOENT if absent. */
int store_get_value(struct store *s, const char *key, char **ret);
/* Within a transaction a part of it, else one of its own. NULL removes. */
int store_set_value(struct store *s, const char *key, const char *value);

/* ---- bases and tables: numbered, named, never renumbered ---- */
struct store_base {
	uint32_t no;           /* from 1 */
	struct base_id id;
	char *remote_name;     /* owned by the row */
	char name[NAME_BUF];   /* directory name, unique */
	char permission[16];   /* permissionLevel as answered */
	char *schema;          /* the schema answer as JSON, NULL if not read */
	int64_t schema_at_ms;  /* when it was read (wall), 0 = never */
	bool listed;           /* still in the list of bases */
};
struct store_table {
	uint32_t no;           /* from 1, unique over all bases */
	uint32_t base_no;
	struct table_id id;
	char *remote_name;
	char name[NAME_BUF];   /* unique in its base */
	bool listed;           /* still in the schema */
	bool complete;         /* every page has been read at least once */
	int64_t listed_at_ms;  /* wall time the last full listing began */
	int64_t names_at_ms;   /* wall time a name last came or went */
	int64_t fresh_at_ms;   /* wall time its last reading began: a full one,
	                          or one of what changed since the last */
	int64_t server_at_ms;  /* the same by the server's clock, 0 = unknown */
	uint32_t schema_gen;   /* rows rendered by an older one are stale */
};

int store_each_base(struct store *s,
		    int (*fn)(void *ctx, const struct store_base *b), void *ctx);
int store_each_table(struct store *s, uint32_t base_no,
		     int (*fn)(void *ctx, const struct store_table *t),
		     void *ctx);

/* ---- records ---- */
struct store_row {
	uint32_t table_no, seq;
	char id[ATFS_ID_MAX];      /* "rec..." or a local id of the journal */
	char name[NAME_BUF];       /* file name, unique in the table */
	char created[32];          /* createdTime as answered, "" if none */
	int64_t size;              /* bytes of body */
	int64_t mtime_ms, ctime_ms;
	uint32_t schema_gen;       /* body was rendered under this one */
	char *body;                /* file bytes, or NULL if not asked for */
	size_t body_n;
	char *raw;                 /* cells by field id as JSON, or NULL */
};

enum store_want { STORE_META = 0, STORE_BODY = 1, STORE_RAW = 2 };

void store_row_release(struct store_row *r);

int store_get(struct store *s, uint32_t table_no, uint32_t seq,
	      enum store_want want, struct store_row *ret);
int store_find_name(struct store *s, uint32_t table_no, const char *name,
		    enum store_want want, struct store_row *ret);
int store_find_id(struct store *s, uint32_t table_no, const char *id,
		  enum store_want want, struct store_row *ret);
/* The row with the next local id after that one ("" = the first). */
int store_next_local(struct store *s, uint32_t table_no, const char *after,
		     struct store_row *ret);
/* Rows with seq > after, ascending, at most max (want is a bit set, cast).
 * Returns how many were written to rows[], each to be released. */
int store_list(struct store *s, uint32_t table_no, uint32_t after, size_t max,
	       enum store_want want, struct store_row *rows);
int store_count(struct store *s, uint32_t table_no, int64_t *ret);
/* Earlier raws of a record, newest first, at most max; each raw the caller's.
 */
struct store_version {
	int64_t vid;    /* rises, and is never used again */
	int64_t at_ms;  /* when the next one took its place */
	char *raw;
};
int store_versions(struct store *s, uint32_t table_no, uint32_t seq,
		   size_t max, struct store_version *ret);
/* One of them by its vid, and whose it is. */
int store_version_get(struct store *s, int64_t vid, uint32_t *ret_table_no,
		      uint32_t *ret_seq, char **ret_raw);
/* Records whose primary text is exactly this: the count (at most 2) and the
 * first one's id. */
int store_find_primary(struct store *s, uint32_t table_no, const char *text,
		       char ret_id[static ATFS_ID_MAX]);

/* ---- writing ---- */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);

/* All below: between begin and commit. */
/* Inserts or updates by id; keeps no and directory name while the remote name
 * is the same; writes no and name into b/t. A base's schema of NULL keeps the
 * stored one and its time. A name held by one that is not listed any more is
 * taken over; that one then gets a name with its id. */
int store_put_base(struct store *s, struct store_base *b);
int store_put_table(struct store *s, struct store_table *t);


struct store_change {
	bool inserted;          /* the row is new */
	bool content;           /* body or size changed */
	bool renamed;           /* the name changed; old_name is the former */
	bool aside;             /* newly named, and another has the plain name */
	uint32_t seq;
	char name[NAME_BUF];
	char old_name[NAME_BUF];
};
/* Inserts or updates the row with row->id. primary: the primary text (NULL if
 * empty), from which the name is made; a row keeps its name while that text is
 * the same. seen marks it for store_sweep. mtime_ms of the row is written only
 * when mtime_moves, ctime_ms only when content, raw or primary differ. The
 * former raw is kept as a version if it differs, of which the last 8 stay.
 * A body or raw of NULL keeps the stored one. seen 0: not put by a listing;
 * STORE_UNSEEN: neither, and the next one that does not show it sweeps it. */
#define STORE_UNSEEN (-1)
int store_put(struct store *s, const struct store_row *row, const char *primary,
	      int64_t seen, bool mtime_moves, struct store_change *ret);
/* The row was listed again and is the same as before. */
int store_mark_seen(struct store *s, uint32_t table_no, uint32_t seq,
		    int64_t seen);
/* A row for a record that exists only here so far: id is the local id, the
 * name is given. Returns its seq in ret. -EEXIST if the name is taken. */
int store_put_local(struct store *s, uint32_t table_no, const char *local_id,
		    const char *name, int64_t now_ms, uint32_t *ret_seq);
/* The local record has become rec...; the row keeps seq and name. If a row of
 * that id exists already (seen by a listing first) it is removed and *ret_gone
 * (may be NULL) gets its name and seq. */
int store_adopt(struct store *s, uint32_t table_no, uint32_t seq,
		const char *new_id, struct store_change *ret_gone);
/* Chooses the name of a row anew, as if it were new. */
int store_name_again(struct store *s, uint32_t table_no, uint32_t seq,
		     struct store_change *ret);
/* Gives a row another name and the primary text that it stands for. */
int store_set_name(struct store *s, uint32_t table_no, uint32_t seq,
		   const char *name, const char *primary);
/* New bytes for the row (as the user wrote them, or rendered anew). */
int store_set_body(struct store *s, uint32_t table_no, uint32_t seq,
		   const char *body, size_t n, uint32_t schema_gen);
int store_set_times(struct store *s, uint32_t table_no, uint32_t seq,
		    int64_t mtime_ms, int64_t ctime_ms);
int store_remove(struct store *s, uint32_t table_no, uint32_t seq);
/* Removes the rows of a table not marked seen and not local; fn (may be NULL)
 * is told each and may say no by returning false; it must not write. What was
 * put with seen 0 or adopted since the last sweep survives this one: the
 * listing may have passed its place before it was there. */
int store_sweep(struct store *s, uint32_t table_no, int64_t seen,
		bool (*fn)(void *ctx, uint32_t seq, const char *name,
			   const char *id), void *ctx);

#endif
