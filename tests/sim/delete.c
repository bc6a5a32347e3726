#include <string.h>

#include "write.h"

static int collect(struct call *c, bool dedupe, const char **ids, size_t *n,
		   struct reply *r)
{
	*n = 0;
	if (c->seg_n == 3) {
		if (c->query.n)
			return reply_error(r, ERR_PARAM);
		ids[(*n)++] = c->seg[2];
		return 0;
	}
	for (size_t i = 0; i < c->query.n; i++) {
		const char *key = c->query.v[i].key;
		const char *id = c->query.v[i].value;
		size_t k;

		if (strncmp(key, "records", 7) != 0 ||
		    (key[7] && key[7] != '['))
			return reply_error(r, ERR_PARAM);
		for (k = 0; k < *n && strcmp(ids[k], id) != 0; k++)
			;
		if (k < *n && dedupe)
			continue;
		if (*n == WRITE_BATCH_MAX || k < *n || !id_is(id, "rec"))
			return reply_error(r, ERR_RECORDS);
		ids[(*n)++] = id;
	}
	return *n ? 0 : reply_error(r, ERR_RECORDS);
}

int write_delete(struct sim *s, struct call *c, struct reply *r)
{
	const char *ids[WRITE_BATCH_MAX];
	struct record *rec[WRITE_BATCH_MAX];
	size_t n;

	if (collect(c, s->state->quirk.dedupe, ids, &n, r) ||
	    call_open_table(s, c, 1, SC_RECORDS_WRITE, LV_EDIT, r))
		return -1;
	if ((c->table->no_delete || c->table->synced) && !c->as_user)
		return reply_errorf(r, ERR_FORBIDDEN, "You are not permitted to "
				    "delete records in table %s (%s)",
				    c->table->name, c->table->id);
	for (size_t i = 0; i < n; i++) {
		rec[i] = base_record(c->base, ids[i]);
		if (!rec[i] || rec[i]->table != c->table)
			return reply_errorf(r, ERR_ROW, "Record ID %s does "
					    "not exist in this table", ids[i]);
	}
	if (c->seg_n != 3)
		buf_str(&r->body, "{\"records\":[");
	for (size_t i = 0; i < n; i++) {
		record_delete(s->state, rec[i], &c->actor);
		buf_printf(&r->body, "%s{\"id\":\"%s\",\"deleted\":true}",
			   i ? "," : "", rec[i]->id);
	}
	if (c->seg_n != 3)
		buf_str(&r->body, "]}");
	return 0;
}
