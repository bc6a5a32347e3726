/* A base's schema that a feed says has changed: read again once. What that means
 * for its records is remake.c's and age.c's, whoever read it. */
#include "feed.h"

static void want(struct feed *f)
{
	struct cache *c = f->c;
	bool wanted;

	lock_take(&c->mu);
	/* what is under way may have been answered before the change */
	f->schema_again = f->b->fetching;
	fetch_want_schema_locked(c, f->b, API_REFRESH);
	wanted = f->b->fetching;
	if (wanted)
		waitq_add_locked(&f->b->waiters, &f->schema_waiter);
	lock_drop(&c->mu);
	if (!wanted)
		feed_end(f);
}

static void schema_read(void *arg)
{
	struct feed *f = arg;
	struct cache *c = f->c;
	struct atfs_error e = { 0 };

	if (f->schema_err) {
		error_set(&e, f->schema_err, ERROR_CANCELLED,
			  "the schema cannot be read");
		feed_failed(f, &e);
		return;
	}
	if (f->schema_again) {
		want(f);
		return;
	}
	lock_take(&c->mu);
	f->schema_due = false;
	(void)feed_save_locked(f); /* else it is read once more */
	lock_drop(&c->mu);
	feed_caught_up(f);
}

/* On whatever thread the waiters are woken. */
static void schema_woken(struct cache_waiter *w, int err)
{
	struct feed *f = (struct feed *)w;

	f->schema_err = err;
	if (loop_post(f->c->loop, schema_read, f) == 0)
		return;
	lock_take(&f->c->mu);
	f->busy = false; /* due still: the next run has it */
	lock_drop(&f->c->mu);
}

void feed_read_schema(struct feed *f)
{
	f->schema_waiter.wake = schema_woken;
	want(f);
}
