#include "push.h"

#include <errno.h>
#include <stdlib.h>

#include "atfs_int.h"

void push_queue_init(struct push_queue *q)
{
	*q = (struct push_queue){ .first = NULL };
	q->last = &q->first;
}

void push_free(struct push *p)
{
	if (p == NULL)
		return;
	free(p->bytes);
	free(p);
}

void push_queue_clear(struct push_queue *q)
{
	struct push *p;

	while ((p = push_queue_take(q)) != NULL)
		push_free(p);
}

bool push_queue_add(struct push_queue *q, uint64_t nodeid, struct rec_key key,
		    uint64_t mark, char *bytes, size_t n)
{
	struct push *p;

	if (n == 0 || n > PUSH_FILE_MAX || q->count >= PUSH_QUEUE_MAX ||
	    q->bytes + n > PUSH_QUEUE_BYTES ||
	    (p = malloc(sizeof(*p))) == NULL) {
		free(bytes);
		return false;
	}
	*p = (struct push){ .nodeid = nodeid, .mark = mark, .key = key,
			    .bytes = bytes, .n = n };
	*q->last = p;
	q->last = &p->next;
	q->count++;
	q->bytes += n;
	return true;
}

struct push *push_queue_take(struct push_queue *q)
{
	struct push *p = q->first;

	if (p == NULL)
		return NULL;
	q->first = p->next;
	if (q->first == NULL)
		q->last = &q->first;
	q->count--;
	q->bytes -= p->n;
	p->next = NULL;
	return p;
}

static bool has_changed(struct atfs *fs, const struct push *p)
{
	return changes_since(&fs->changes, p->mark, p->key.table,
			     p->key.seq) != 0;
}

enum push_result push_send(struct atfs *fs, const struct push *p)
{
	struct fuse_bufvec buf = FUSE_BUFVEC_INIT(p->n);
	int r;

	buf.buf[0].mem = p->bytes;
	/* The flag first: a writer notes its change and then looks for the
	 * flag, so one of the two sees the other. */
	if (inode_flag_set(fs->inodes, p->nodeid, INODE_PUSHED) &
	    (INODE_WAS_READ | INODE_PUSHED))
		return PUSH_DONE;
	if (has_changed(fs, p))
		return PUSH_DONE;
	r = fuse_lowlevel_notify_store(fs->session, p->nodeid, 0, &buf, 0);
	if (r == -ENOENT) {
		inode_flag_clear(fs->inodes, p->nodeid, INODE_PUSHED);
		return PUSH_AGAIN;
	}
	return r == 0 && has_changed(fs, p) ? PUSH_INVALIDATE : PUSH_DONE;
}

void push_queue_return(struct push_queue *q, struct push *p)
{
	*q->last = p;
	q->last = &p->next;
	q->count++;
	q->bytes += p->n;
}
