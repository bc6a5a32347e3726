/* The tables of the store, and every statement on them. */
#include "store_internal.h"

#define ROW "r.pos, r.id, r.name, r.created, r.size, r.mtime, r.ctime, r.gen"
#define META "SELECT " ROW " FROM record r"
/* ?1 is the set of enum store_want */
#define FULL                                                                  \
	"SELECT " ROW ", CASE WHEN ?1 & 1 THEN c.body END,"                   \
	" CASE WHEN ?1 & 2 THEN c.raw END"                                    \
	" FROM record r LEFT JOIN content c ON c.pos = r.pos"

const char store_tables[] =
	"CREATE TABLE value (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE base (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	" remote_name TEXT NOT NULL, name TEXT NOT NULL UNIQUE,"
	" permission TEXT NOT NULL, schema_at_ms INTEGER NOT NULL,"
	" listed INTEGER NOT NULL, schema TEXT);"
	"CREATE TABLE tbl (no INTEGER PRIMARY KEY, base_no INTEGER NOT NULL,"
	" id TEXT NOT NULL, remote_name TEXT NOT NULL, name TEXT NOT NULL,"
	" listed INTEGER NOT NULL, complete INTEGER NOT NULL,"
	" listed_at_ms INTEGER NOT NULL, names_at_ms INTEGER NOT NULL,"
	" fresh_at_ms INTEGER NOT NULL, server_at_ms INTEGER NOT NULL,"
	" schema_gen INTEGER NOT NULL, next_seq INTEGER NOT NULL DEFAULT 1,"
	" row_count INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE (base_no, id), UNIQUE (base_no, name));"
	/* prim is last: it may be long, and only a rename looks at it */
	"CREATE TABLE record (pos INTEGER PRIMARY KEY, tno INTEGER NOT NULL,"
	" seen INTEGER NOT NULL, size INTEGER NOT NULL,"
	" mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,"
	" gen INTEGER NOT NULL, prim_sum INTEGER, id TEXT NOT NULL,"
	" name TEXT NOT NULL, created TEXT NOT NULL, prim TEXT);"
	"CREATE UNIQUE INDEX record_id ON record (tno, id);"
	"CREATE UNIQUE INDEX record_name ON record (tno, name);"
	"CREATE INDEX record_prim ON record (tno, prim_sum)"
	" WHERE prim_sum IS NOT NULL;"
	"CREATE TABLE content (pos INTEGER PRIMARY KEY, body BLOB, raw TEXT);"
	"CREATE TABLE version (vid INTEGER PRIMARY KEY, pos INTEGER NOT NULL,"
	" at_ms INTEGER NOT NULL, raw TEXT NOT NULL);"
	"CREATE INDEX version_pos ON version (pos);";

const char *const store_text[SS_N] = {
	[SS_BEGIN] = "BEGIN IMMEDIATE",
	[SS_COMMIT] = "COMMIT",

	[SS_VALUE] = "SELECT value FROM value WHERE key = ?",
	[SS_VALUE_SET] = "INSERT INTO value (key, value) VALUES (?, ?)"
			 " ON CONFLICT (key) DO UPDATE SET"
			 " value = excluded.value",
	[SS_VALUE_DROP] = "DELETE FROM value WHERE key = ?",

	[SS_BASE_NEXT] = "SELECT no, id, remote_name, name, permission,"
			 " schema_at_ms, listed, schema FROM base"
			 " WHERE no > ? ORDER BY no LIMIT 1",
	/* ?1, the scope, is the same for all bases */
	[SS_BASE_FIND] = "SELECT no, remote_name, name FROM base"
			 " WHERE ?1 = 0 AND id = ?2",
	[SS_BASE_HOLDER] = "SELECT no, id, remote_name, listed FROM base"
			   " WHERE ?1 = 0 AND name = ?2",
	[SS_BASE_RENAME] = "UPDATE base SET name = ?2 WHERE no = ?1",
	[SS_BASE_ADD] = "INSERT INTO base (id, remote_name, name, permission,"
			" schema_at_ms, listed, schema)"
			" VALUES (?, ?, ?, ?, ?, ?, ?)",
	[SS_BASE_SET] =
		"UPDATE base SET remote_name = ?2, name = ?3, permission = ?4,"
		" schema_at_ms = CASE WHEN ?7 IS NULL THEN schema_at_ms"
		" ELSE ?5 END, listed = ?6, schema = coalesce(?7, schema)"
		" WHERE id = ?1",

	[SS_TABLE_NEXT] = "SELECT no, base_no, id, remote_name, name, listed,"
			  " complete, listed_at_ms, names_at_ms, schema_gen,"
			  " fresh_at_ms, server_at_ms"
			  " FROM tbl WHERE base_no = ? AND no > ?"
			  " ORDER BY no LIMIT 1",
	[SS_TABLE_FIND] = "SELECT no, remote_name, name FROM tbl"
			  " WHERE base_no = ? AND id = ?",
	[SS_TABLE_HOLDER] = "SELECT no, id, remote_name, listed FROM tbl"
			    " WHERE base_no = ? AND name = ?",
	[SS_TABLE_RENAME] = "UPDATE tbl SET name = ?2 WHERE no = ?1",
	[SS_TABLE_ADD] = "INSERT INTO tbl (base_no, id, remote_name, name,"
			 " listed, complete, listed_at_ms, names_at_ms,"
			 " schema_gen, fresh_at_ms, server_at_ms)"
			 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SS_TABLE_SET] = "UPDATE tbl SET remote_name = ?3, name = ?4,"
			 " listed = ?5, complete = ?6, listed_at_ms = ?7,"
			 " names_at_ms = ?8, schema_gen = ?9, fresh_at_ms = ?10,"
			 " server_at_ms = ?11"
			 " WHERE base_no = ?1 AND id = ?2",
	[SS_COUNTERS] = "SELECT next_seq, row_count FROM tbl WHERE no = ?",
	[SS_COUNTERS_SET] = "UPDATE tbl SET next_seq = ?2, row_count = ?3"
			    " WHERE no = ?1",
	[SS_COUNT] = "SELECT row_count FROM tbl WHERE no = ?",

	[SS_GET] = META " WHERE r.pos = ?",
	[SS_GET_FULL] = FULL " WHERE r.pos = ?2",
	[SS_NAME] = META " WHERE r.tno = ? AND r.name = ?",
	[SS_NAME_FULL] = FULL " WHERE r.tno = ?2 AND r.name = ?3",
	[SS_ID] = META " WHERE r.tno = ? AND r.id = ?",
	[SS_ID_FULL] = FULL " WHERE r.tno = ?2 AND r.id = ?3",
	/* local ids of the journal begin with "new-" */
	[SS_LOCAL] = META " WHERE r.tno = ? AND r.id > ? AND r.id < 'new.'"
			  " ORDER BY r.id LIMIT 1",
	[SS_LIST] = META " WHERE r.pos > ? AND r.pos <= ?"
			 " ORDER BY r.pos LIMIT ?",
	[SS_LIST_FULL] = FULL " WHERE r.pos > ?2 AND r.pos <= ?3"
			      " ORDER BY r.pos LIMIT ?4",
	[SS_VERSIONS] = "SELECT vid, at_ms, raw FROM version WHERE pos = ?"
			" ORDER BY vid DESC LIMIT ?",
	[SS_VERSION] = "SELECT pos, raw FROM version WHERE vid = ?",
	[SS_PRIMARY] = "SELECT id FROM record WHERE tno = ? AND prim_sum = ?"
		       " AND prim = ? ORDER BY pos LIMIT 2",

	[SS_STORED] = "SELECT r.pos, r.name, r.prim, r.size, r.mtime, r.gen,"
		      " r.created, c.body, c.raw, r.ctime"
		      " FROM record r LEFT JOIN content c ON c.pos = r.pos"
		      " WHERE r.tno = ? AND r.id = ?",
	[SS_HOLDER] = "SELECT pos FROM record WHERE tno = ? AND name = ?",
	[SS_NAMING] = "SELECT id, name, prim FROM record WHERE pos = ?",
	[SS_ADD] = "INSERT INTO record (pos, tno, seen, size, mtime, ctime,"
		   " gen, id, created, name, prim, prim_sum)"
		   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SS_SET] = "UPDATE record SET seen = ?2, size = ?3, mtime = ?4,"
		   " ctime = ?5, gen = ?6, created = ?7 WHERE pos = ?1",
	[SS_CONTENT] = "INSERT INTO content (pos, body, raw) VALUES (?, ?, ?)"
		       " ON CONFLICT (pos) DO UPDATE SET"
		       " body = coalesce(excluded.body, body),"
		       " raw = coalesce(excluded.raw, raw)",
	[SS_RENAME] = "UPDATE record SET name = ?2, prim = ?3, prim_sum = ?4"
		      " WHERE pos = ?1",
	[SS_SEEN] = "UPDATE record SET seen = ?2 WHERE pos = ?1",
	[SS_SET_ID] = "UPDATE record SET id = ?2, seen = ?3 WHERE pos = ?1",
	[SS_SET_TIMES] = "UPDATE record SET mtime = ?2, ctime = ?3"
			 " WHERE pos = ?1",
	[SS_SET_SIZE] = "UPDATE record SET size = ?2, gen = ?3 WHERE pos = ?1",
	[SS_VERSION_ADD] = "INSERT INTO version (pos, at_ms, raw)"
			   " SELECT pos, ?2, raw FROM content"
			   " WHERE pos = ?1 AND raw IS NOT NULL",
	[SS_VERSION_TRIM] = "DELETE FROM version WHERE pos = ?1 AND vid <="
			    " (SELECT vid FROM version WHERE pos = ?1"
			    " ORDER BY vid DESC LIMIT 1 OFFSET ?2)",
	[SS_DROP] = "DELETE FROM record WHERE pos = ?",
	[SS_DROP_CONTENT] = "DELETE FROM content WHERE pos = ?",
	[SS_DROP_VERSIONS] = "DELETE FROM version WHERE pos = ?",
	/* ?3 is the listing's mark, ?4 SEEN_SPARED */
	[SS_UNSEEN] = "SELECT pos, name, id FROM record WHERE pos > ?1 AND"
		      " pos <= ?2 AND seen <> ?3 AND seen <> ?4 AND"
		      " substr(id, 1, 3) = 'rec' ORDER BY pos LIMIT 1",
	[SS_AGE] = "UPDATE record SET seen = ?4 WHERE pos > ?1 AND pos <= ?2"
		   " AND seen = ?3",
};
