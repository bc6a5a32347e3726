#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct cache_waiter cache_local;

void waitq_add_locked(struct waitq *q, struct cache_waiter *w)
{
	w->next = q->head;
	w->pprev = &q->head;
	if (q->head)
		q->head->pprev = &w->next;
	q->head = w;
	w->queue = q;
}

static void waitq_remove_locked(struct cache_waiter *w)
{
	*w->pprev = w->next;
	if (w->next)
		w->next->pprev = w->pprev;
	w->next = NULL;
	w->pprev = NULL;
	w->queue = NULL;
}

bool cache_cancel(struct cache *c, struct cache_waiter *w)
{
	bool taken = false;

	lock_take(&c->mu);
	if (w->queue) {
		waitq_remove_locked(w);
		taken = true;
	}
	lock_drop(&c->mu);
	return taken;
}

void waitq_take_one_locked(struct cache_waiter *w, struct after *a, int err)
{
	waitq_remove_locked(w);
	w->next = a->wake;
	w->wake_err = err;
	a->wake = w;
}

void waitq_take_locked(struct waitq *q, struct after *a, int err)
{
	while (q->head)
		waitq_take_one_locked(q->head, a, err);
}

static struct told *told_add(struct after *a)
{
	if (a->told_n == a->told_cap) {
		size_t cap = a->told_cap ? a->told_cap * 2 : 16;
		struct told *p = realloc(a->told, cap * sizeof(*p));

		if (!p)
			return NULL; /* the kernel's timeouts make up for it */
		a->told = p;
		a->told_cap = cap;
	}
	memset(&a->told[a->told_n], 0, sizeof(a->told[0]));
	return &a->told[a->told_n++];
}

void after_record(struct after *a, struct rec_key key)
{
	struct told *t = told_add(a);

	if (t) {
		t->what = TOLD_RECORD;
		t->key = key;
	}
}

void after_new(struct after *a, uint32_t table, const char *name)
{
	struct told *t = told_add(a);

	if (t) {
		t->what = TOLD_NEW;
		t->no = table;
		t->name = strdup(name);
	}
}

void after_gone(struct after *a, uint32_t table, const char *name,
		struct rec_key key)
{
	struct told *t = told_add(a);

	if (t) {
		t->what = TOLD_GONE;
		t->no = table;
		t->key = key;
		t->name = strdup(name);
	}
}

void after_dir(struct after *a, uint32_t base)
{
	struct told *t = told_add(a);

	if (t) {
		t->what = TOLD_DIR;
		t->no = base;
	}
}

void after_table(struct after *a, uint32_t table)
{
	struct told *t = told_add(a);

	if (t) {
		t->what = TOLD_TABLE;
		t->no = table;
	}
}

static void tell(const struct cache_events *e, const struct told *t)
{
	switch (t->what) {
	case TOLD_RECORD:
		if (e->record_changed)
			e->record_changed(e->ctx, t->key);
		break;
	case TOLD_NEW:
		if (e->name_new && t->name)
			e->name_new(e->ctx, t->no, t->name);
		break;
	case TOLD_GONE:
		if (e->name_gone && t->name)
			e->name_gone(e->ctx, t->no, t->name, t->key);
		break;
	case TOLD_DIR:
		if (e->dir_changed)
			e->dir_changed(e->ctx, t->no);
		break;
	case TOLD_TABLE:
		if (e->modes_changed)
			e->modes_changed(e->ctx, t->no);
		break;
	}
}

void after_run(struct cache *c, struct after *a)
{
	size_t i;

	/* fs may hold its own lock around a call: its events only queue */
	lock_assert_free(LOCK_CACHE);
	for (i = 0; i < a->told_n; i++) {
		tell(&c->conf.events, &a->told[i]);
		free(a->told[i].name);
	}
	free(a->told);
	while (a->wake) {
		struct cache_waiter *w = a->wake;

		a->wake = w->next;
		w->next = NULL;
		lock_assert_none();
		w->wake(w, w->wake_err);
	}
	memset(a, 0, sizeof(*a));
}
