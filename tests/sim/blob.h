/* blob - the bytes of attachments and the URLs under which they are found.
 * Units:   milliseconds since the epoch.
 * Owns:    every blob until blobs_free; one whose attachment is gone stays,
 *          since its URLs live on until they expire.
 * Threads: under the server's mutex.
 * Errors:  lookups give NULL.
 * Source:  airtable-api.md 11: URLs work for two hours, need no token, and
 *          hold their expiry in the path; the status after that is a guess. */
#ifndef SIM_BLOB_H
#define SIM_BLOB_H

#include <jansson.h>

#include "buf.h"
#include "ids.h"

#define BLOB_URL_TTL_MS (2 * 3600 * 1000)

struct blob {
	char id[ID_CAP];	/* of the attachment */
	char *data;
	size_t n;
	char *type;
	int width;		/* 0: no image */
	int height;
	int64_t ready_ms;	/* fetched by then */
	bool failed;		/* could not be fetched: the item vanishes */
};

struct attachments {
	char host[64];
	unsigned port;		/* 0: no file host, URLs are as stored */
	int64_t ttl_ms;
	int64_t late_ms;	/* from a write to the end of the fetch */
	int expired_status;
	bool thumbnails;
	bool foreign_fails;	/* URLs of other hosts cannot be fetched */
	long partial;		/* answers that still say partialSuccess */
	uint64_t secret;	/* of the signatures in URLs */
	uint64_t nonce;
	struct idmap map;
	struct blob **v;
	size_t n;
	size_t cap;
};

struct attachments *blobs_new(uint64_t seed);
void blobs_free(struct attachments *t);

struct blob *blob_find(const struct attachments *t, const char *id);
/* Steals data. */
struct blob *blob_add(struct attachments *t, const char *id, char *data,
		      size_t n, const char *type);
struct blob *blob_sample(struct attachments *t, const char *id,
			 const char *name, const char *type, size_t n);

/* A fresh URL, with "/small" and the like for thumbnails. */
void blob_url(struct attachments *t, const char *id, const char *thumb,
	      int64_t now_ms, struct buf *b);
/* What a path of such a URL stands for; *status is 200, the status of an
 * expired one, or 403. *thumb is "" for the file itself. */
struct blob *blob_by_path(const struct attachments *t, const char *path,
			  int64_t now_ms, int *status, const char **thumb);

/* An attachment cell as it is read: fresh URLs, sizes once fetched. New
 * reference, NULL if nothing is left. */
json_t *blob_cell_json(struct attachments *t, const json_t *cell,
		       int64_t now_ms);

#endif
