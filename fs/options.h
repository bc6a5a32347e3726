/* options - the command line and -o words of a mount, parsed once and constant
 * after start.
 * Units:   names say them. Owns: its strings (options_release).
 * Threads: read-only after parsing. Errors: -EINVAL with a line on stderr. */
#ifndef ATFS_OPTIONS_H
#define ATFS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	char *base;          /* app... id or name; NULL = all */
	char *mountpoint;    /* absolute */
	char *profile;       /* NULL = default */
	char *token_file;    /* NULL; absolute */
	char *endpoint;      /* NULL */
	char *ca_file;       /* NULL; absolute */
	char *fuse_opts;     /* what goes on to libfuse, comma separated, or NULL */
	bool foreground;     /* -f */
	bool debug;          /* -d: debug log, foreground */
	bool fuse_debug;     /* -o debug: libfuse's own trace */
	bool read_only;      /* -o ro */
	bool allow_other;
	bool names_by_id;    /* names=id */
	bool side_list;      /* side=list */
	bool hide_computed;  /* computed=hide */
	bool typecast;
	char *upsert_key;
	bool conflict_off;   /* conflict=off */
	bool close_sync;     /* close=sync: keep open and flush */
	bool clone_fd;       /* a /dev/fuse descriptor for each thread */
	bool has_fsname;     /* fuse_opts holds an fsname= */
	bool live;
	double ttl_s;        /* 60 */
	double full_ttl_s;   /* 3600 */
	double writeback_s;  /* 1 */
	double delete_delay_s; /* 5 */
	double drain_s;      /* 30 */
	unsigned max_deletes;/* 100 */
	unsigned max_calls_month; /* 0 = no budget */
	char *no_fetch_for;  /* see indexer.h; NULL = the default */
	unsigned max_threads, max_idle_threads; /* 10 each */
};

/* argv[0] is skipped. */
int options_parse_mount(struct options *o, int argc, char **argv);
void options_release(struct options *o);

/* A time as options write it: a decimal number, then nothing (seconds), ms, s,
 * m or h. -EINVAL: no such thing; -ERANGE: longer than a year. No message. */
int options_read_seconds(const char *text, double *ret);
/* The path put behind the working directory if it is relative, without slashes
 * at its end. NULL: no memory or no working directory. Caller frees. */
char *options_absolute(const char *path);
/* True for a word that can only be an attempt to hand over a token ("--token",
 * "--api-key=..."); says on stderr where a token belongs, never the word. */
bool options_refuse_token(const char *arg);
/* It becomes part of a directory's name. -EINVAL, said on stderr. */
int options_check_profile(const char *profile);

#endif
