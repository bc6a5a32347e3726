/* A record file as anybody may save it: the scanner says the same however the
 * bytes are cut, and nothing that it does not call complete is ever taken. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "recfile.h"
#include "scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct schema *the_schema(void)
{
	static struct schema *s;
	json_t *root;

	if (s != NULL)
		return s;
	root = json_load_file(SAMPLE, 0, NULL);
	if (schema_parse(json_array_get(json_object_get(root, "bases"), 0),
			 &s) < 0)
		abort();
	json_decref(root);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct schema *s = the_schema();
	struct recfile_context c = { .record_id = "recAAAAAAAAAAAAAA",
				     .created_time = "2024-03-01T09:30:00.000Z" };
	struct recfile_edit edit = { .changes = NULL };
	struct save_error e = { .err = 0 };
	struct scan whole, cut;
	size_t at;
	char *text;
	int r;

	if (n < 2)
		return 0;
	at = data[0] % n;
	c.table = &s->tables[data[1] % s->tables_n];
	n -= 2;
	text = malloc(n + 1);
	if (text == NULL)
		return 0;
	memcpy(text, data + 2, n);
	text[n] = '\0';
	if (at > n)
		at = n;
	scan_init(&whole);
	scan_init(&cut);
	(void)scan_feed(&whole, text, n);
	(void)scan_feed(&cut, text, at);
	(void)scan_feed(&cut, text + at, n - at);
	assert(whole.result == cut.result && whole.bytes == cut.bytes &&
	       whole.line == cut.line && whole.column == cut.column);
	r = recfile_judge(text, n, &c, &edit, &e);
	assert(r == 0 || (r == e.err && e.reason[0] != '\0'));
	assert(r < 0 || whole.result == SCAN_COMPLETE);
	if (r == 0)
		recfile_edit_release(&edit);
	free(text);
	return 0;
}
