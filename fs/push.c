#include "push.h"

#include <errno.h>
#include <stdlib.h>

#include "atfs_int.h"

static void list_init(struct push_list *l)
{
	*l = (struct push_list){ .first = NULL };
	l->last = &l->first;
}

static void list_add(struct push_list *l, struct push *p)
{
	p->next = NULL;
	*l->last = p;
	l->last = &p->next;
	l->count++;
}

static struct push *list_take(struct push_list *l)
{
	struct push *p = l->first;

	if (p == NULL)
		return NULL;
	l->first = p->next;
	if (l->first == NULL)
		l->last = &l->first;
	l->count--;
	p->next = NULL;
	return p;
}

void push_queue_init(struct push_queue *q)
{
	list_init(&q->held);
	list_init(&q->ready);
	q->bytes = 0;
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

	while ((p = list_take(&q->held)) != NULL ||
	       (p = list_take(&q->ready)) != NULL)
		push_free(p);
	q->bytes = 0;
}

bool push_queue_add(struct push_queue *q, const struct push *p)
{
	struct push *own;

	if (p->n == 0 || p->n > PUSH_FILE_MAX ||
	    q->held.count + q->ready.count >= PUSH_QUEUE_MAX ||
	    q->bytes + p->n > PUSH_QUEUE_BYTES ||
	    (own = malloc(sizeof(*own))) == NULL) {
		free(p->bytes);
		return false;
	}
	*own = *p;
	list_add(&q->held, own);
	q->bytes += own->n;
	if (q->held.count <= PUSH_HELD_MAX)
		return false;
	list_add(&q->ready, list_take(&q->held));
	return true;
}

bool push_queue_release(struct push_queue *q, uint64_t dir)
{
	struct push_list held = q->held;
	struct push *p;
	bool last = false;

	if (held.first == NULL)
		return false;
	list_init(&q->held);
	while ((p = list_take(&held)) != NULL) {
		last = last || (p->dir == dir && p->last);
		list_add(p->dir == dir ? &q->ready : &q->held, p);
	}
	return last;
}

struct push *push_queue_take(struct push_queue *q)
{
	struct push *p = list_take(&q->ready);

	if (p != NULL)
		q->bytes -= p->n;
	return p;
}

static bool has_changed(struct atfs *fs, const struct push *p)
{
	return changes_since(&fs->changes, p->mark, p->key.table,
			     p->key.seq) != 0;
}

bool push_send(struct atfs *fs, const struct push *p)
{
	struct fuse_bufvec buf = FUSE_BUFVEC_INIT(p->n);
	int r;

	buf.buf[0].mem = p->bytes;
	/* The flag first: a writer notes its change and then looks for the
	 * flag, so one of the two sees the other. */
	if (inode_flag_set(fs->inodes, p->nodeid, INODE_PUSHED) &
	    (INODE_WAS_READ | INODE_PUSHED))
		return false;
	if (has_changed(fs, p))
		return false;
	r = fuse_lowlevel_notify_store(fs->session, p->nodeid, 0, &buf, 0);
	if (r == -ENOENT) /* the kernel never took it up: none is there */
		inode_flag_clear(fs->inodes, p->nodeid, INODE_PUSHED);
	return r == 0 && has_changed(fs, p);
}
