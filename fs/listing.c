#include "listing.h"

#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

#define LISTING_MAX (1u << 20) /* ours; the kernel asks for a few pages */

int listing_new(fuse_req_t req, size_t size, bool plus, struct listing **ret)
{
	struct listing *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->req = req;
	l->plus = plus;
	l->size = size < LISTING_MAX ? size : LISTING_MAX;
	l->buf = malloc(l->size + 1);
	if (l->buf == NULL) {
		free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void listing_free(struct listing *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->held_n; i++)
		free(l->held[i].bytes);
	free(l->held);
	free(l->buf);
	free(l);
}

static struct listing_held *add_held(struct listing *l)
{
	if (l->held_n == l->held_cap) {
		size_t cap = l->held_cap == 0 ? 32 : l->held_cap * 2;
		void *p = realloc(l->held, cap * sizeof(*l->held));

		if (p == NULL)
			return NULL;
		l->held = p;
		l->held_cap = cap;
	}
	return &l->held[l->held_n];
}

bool listing_add(struct listing *l, const char *name,
		 const struct fuse_entry_param *e, off_t next,
		 struct rec_key key, char **bytes, size_t n)
{
	size_t left = l->size - l->used, need;
	struct listing_held *h = add_held(l);

	if (h == NULL)
		return false;
	if (l->plus)
		need = fuse_add_direntry_plus(l->req, l->buf + l->used, left,
					      name, e, next);
	else
		need = fuse_add_direntry(l->req, l->buf + l->used, left, name,
					 &e->attr, next);
	if (need > left)
		return false;
	*h = (struct listing_held){ .nodeid = l->plus ? e->ino : 0,
				    .key = key, .at = l->used };
	if (bytes != NULL && *bytes != NULL) {
		h->bytes = *bytes;
		h->n = n;
		*bytes = NULL;
	}
	l->held_n++;
	l->used += need;
	return true;
}

size_t listing_room(const struct listing *l)
{
	/* A name is not shorter than one byte, padded to eight. */
	size_t least = (l->plus ? FUSE_NAME_OFFSET_DIRENTPLUS :
				  FUSE_NAME_OFFSET) + 8;

	return (l->size - l->used) / least;
}

char *listing_name(const struct listing *l, const struct listing_held *h)
{
	const char *at = l->buf + h->at;
	struct fuse_dirent d;

	if (l->plus)
		at += offsetof(struct fuse_direntplus, dirent);
	memcpy(&d, at, sizeof(d));
	return strndup(at + FUSE_NAME_OFFSET, d.namelen);
}
