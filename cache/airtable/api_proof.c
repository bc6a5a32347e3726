/* Whose token is it? While that is not known only this question is sent, once
 * somebody wants something; all other calls wait for the answer in their
 * lanes. */
#include "api_internal.h"

#include <string.h>

#include "log.h"

static void on_proof(void *arg, const struct api_answer *ans)
{
	struct api *a = arg;
	const char *user;

	a->proof_id = 0;
	if (a->closing)
		return;
	if (ans->err->err != 0) {
		api_fail_queued(a, ans->err);
		return;
	}
	user = json_string_value(json_object_get(ans->json, "id"));
	a->refusal.err = 0;
	if (a->prove(a->prove_arg, user, &a->refusal) == 0) {
		a->lanes.only_proof = false;
	} else {
		a->status.token_refused = true;
		memcpy(a->status.token_error, a->refusal.text,
		       sizeof(a->status.token_error));
		api_fail_queued(a, &a->refusal);
	}
	api_pump_soon(a);
}

void api_proof_ask(struct api *a)
{
	struct api_call call = { .kind = API_WHOAMI, .priority = API_INTERACTIVE,
				 .done = on_proof, .arg = a };
	int64_t id;

	if (!a->lanes.only_proof || a->proof_id != 0 || a->closing ||
	    lanes_find_until(&a->lanes, a->last_id) == NULL)
		return;
	id = api_submit_to(a, &call, true);
	if (id < 0)
		log_error("it cannot be asked whose token it is: no memory");
	else
		a->proof_id = id;
}

void api_proof_need(struct api *a)
{
	if (a->proof_id != 0)
		api_cancel(a, a->proof_id);
	a->proof_id = 0;
	a->refusal.err = 0;
	a->lanes.only_proof = a->prove != NULL;
}
