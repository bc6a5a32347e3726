/* simctl_int - what the parts of the control side share.
 * Threads: every verb runs under the server's mutex. */
#ifndef SIM_SIMCTL_INT_H
#define SIM_SIMCTL_INT_H

#include "simctl.h"

struct ctl {
	struct server *s;
	struct params query;
	json_t *body;		/* NULL: none */
	struct reply *r;
};

void ctl_fail(struct ctl *c, const char *why);	/* 400 */
void ctl_ok(struct ctl *c);

/* simset.c: switches of rights, limits and hosts. */
void ctl_files_log(struct ctl *c);
void ctl_files_set(struct ctl *c);
void ctl_files_reset(struct ctl *c);
void ctl_permission(struct ctl *c);
void ctl_base(struct ctl *c);
void ctl_cap(struct ctl *c);
void ctl_paging(struct ctl *c);
void ctl_webhook(struct ctl *c);
void ctl_quirk(struct ctl *c);

#endif
