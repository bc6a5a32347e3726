/* The three-way merge, row by row: what was before, what I want, what they
 * hold, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "internal.h"

static const char schema_text[] =
	"{\"tables\":[{\"id\":\"tblT\",\"name\":\"T\",\"primaryFieldId\":"
	"\"fldA\",\"views\":[],\"fields\":["
	"{\"id\":\"fldA\",\"name\":\"A\",\"type\":\"singleLineText\"},"
	"{\"id\":\"fldB\",\"name\":\"B\",\"type\":\"number\","
	"\"options\":{\"precision\":1}},"
	"{\"id\":\"fldC\",\"name\":\"C\",\"type\":\"checkbox\"},"
	"{\"id\":\"fldR\",\"name\":\"R\",\"type\":\"richText\"},"
	"{\"id\":\"fldF\",\"name\":\"F\",\"type\":\"multipleAttachments\"},"
	"{\"id\":\"fldM\",\"name\":\"M\",\"type\":\"multipleSelects\","
	"\"options\":{\"choices\":[{\"name\":\"x\"},{\"name\":\"y\"}]}}]}]}";

static const struct row {
	const char *name;
	const char *changes, *before, *after, *theirs;
	enum merge_result result;
	const char *left;    /* of changes */
	const char *shown;   /* theirs, of a conflict */
} rows[] = {
	{ "nothing to do", "{}", "{}", "{}", "{\"fldA\":\"x\"}", MERGE_NOTHING,
	  "{}", "{}" },
	{ "untouched there", "{\"fldA\":\"new\"}", "{\"fldA\":\"old\"}",
	  "{\"fldA\":\"new\"}", "{\"fldA\":\"old\"}", MERGE_SEND,
	  "{\"fldA\":\"new\"}", "{}" },
	{ "another field changed there", "{\"fldA\":\"new\"}",
	  "{\"fldA\":\"old\"}", "{\"fldA\":\"new\"}",
	  "{\"fldA\":\"old\",\"fldB\":9}", MERGE_SEND, "{\"fldA\":\"new\"}",
	  "{}" },
	{ "the same on both sides", "{\"fldA\":\"new\"}", "{\"fldA\":\"old\"}",
	  "{\"fldA\":\"new\"}", "{\"fldA\":\"new\"}", MERGE_NOTHING, "{}",
	  "{}" },
	{ "different on both sides", "{\"fldA\":\"mine\"}",
	  "{\"fldA\":\"old\"}", "{\"fldA\":\"mine\"}",
	  "{\"fldA\":\"theirs\"}", MERGE_CONFLICT, "{\"fldA\":\"mine\"}",
	  "{\"fldA\":\"theirs\"}" },
	{ "one conflict beside one to send",
	  "{\"fldA\":\"mine\",\"fldB\":2}", "{\"fldA\":\"old\",\"fldB\":1}",
	  "{\"fldA\":\"mine\",\"fldB\":2}", "{\"fldA\":\"theirs\",\"fldB\":1}",
	  MERGE_CONFLICT, "{\"fldA\":\"mine\",\"fldB\":2}",
	  "{\"fldA\":\"theirs\"}" },
	{ "the one to send comes first",
	  "{\"fldB\":2,\"fldA\":\"mine\"}", "{\"fldA\":\"old\",\"fldB\":1}",
	  "{\"fldA\":\"mine\",\"fldB\":2}", "{\"fldA\":\"theirs\",\"fldB\":1}",
	  MERGE_CONFLICT, "{\"fldA\":\"mine\",\"fldB\":2}",
	  "{\"fldA\":\"theirs\"}" },
	{ "one is there already, one is to be sent",
	  "{\"fldA\":\"new\",\"fldB\":2}", "{\"fldA\":\"old\",\"fldB\":1}",
	  "{\"fldA\":\"new\",\"fldB\":2}", "{\"fldA\":\"new\",\"fldB\":1}",
	  MERGE_SEND, "{\"fldB\":2}", "{}" },
	{ "cleared here, untouched there", "{\"fldA\":null}",
	  "{\"fldA\":\"old\"}", "{\"fldA\":null}", "{\"fldA\":\"old\"}",
	  MERGE_SEND, "{\"fldA\":null}", "{}" },
	{ "cleared on both sides", "{\"fldA\":null}", "{\"fldA\":\"old\"}",
	  "{\"fldA\":null}", "{}", MERGE_NOTHING, "{}", "{}" },
	{ "cleared here, changed there", "{\"fldA\":null}",
	  "{\"fldA\":\"old\"}", "{\"fldA\":null}", "{\"fldA\":\"theirs\"}",
	  MERGE_CONFLICT, "{\"fldA\":null}", "{\"fldA\":\"theirs\"}" },
	{ "changed here, cleared there", "{\"fldA\":\"mine\"}",
	  "{\"fldA\":\"old\"}", "{\"fldA\":\"mine\"}", "{}", MERGE_CONFLICT,
	  "{\"fldA\":\"mine\"}", "{\"fldA\":null}" },
	{ "filled here, empty before and there", "{\"fldA\":\"mine\"}",
	  "{\"fldA\":null}", "{\"fldA\":\"mine\"}", "{}", MERGE_SEND,
	  "{\"fldA\":\"mine\"}", "{}" },
	{ "no base means that it was empty", "{\"fldA\":\"mine\"}", "{}",
	  "{\"fldA\":\"mine\"}", "{}", MERGE_SEND, "{\"fldA\":\"mine\"}",
	  "{}" },
	{ "filled on both sides", "{\"fldA\":\"mine\"}", "{}",
	  "{\"fldA\":\"mine\"}", "{\"fldA\":\"theirs\"}", MERGE_CONFLICT,
	  "{\"fldA\":\"mine\"}", "{\"fldA\":\"theirs\"}" },
	{ "numbers compare by value", "{\"fldB\":3}", "{\"fldB\":250}",
	  "{\"fldB\":3}", "{\"fldB\":250.0}", MERGE_SEND, "{\"fldB\":3}",
	  "{}" },
	{ "zero is not empty", "{\"fldB\":3}", "{\"fldB\":null}",
	  "{\"fldB\":3}", "{\"fldB\":0}", MERGE_CONFLICT, "{\"fldB\":3}",
	  "{\"fldB\":0}" },
	{ "an unticked box is an absent cell", "{\"fldC\":null}",
	  "{\"fldC\":true}", "{\"fldC\":null}", "{}", MERGE_NOTHING, "{}",
	  "{}" },
	{ "ticked here, never there", "{\"fldC\":true}", "{\"fldC\":null}",
	  "{\"fldC\":true}", "{}", MERGE_SEND, "{\"fldC\":true}", "{}" },
	{ "an empty rich text is a line end", "{\"fldR\":\"mine\"}",
	  "{\"fldR\":null}", "{\"fldR\":\"mine\"}", "{\"fldR\":\"\\n\"}",
	  MERGE_SEND, "{\"fldR\":\"mine\"}", "{}" },
	{ "an attachment's link expires, that is no change",
	  "{\"fldF\":[]}",
	  "{\"fldF\":[{\"id\":\"attA\",\"filename\":\"f\",\"size\":1,"
	  "\"type\":\"t\"}]}", "{\"fldF\":null}",
	  "{\"fldF\":[{\"id\":\"attA\",\"filename\":\"f\",\"size\":1,"
	  "\"type\":\"t\",\"url\":\"https://other\"}]}", MERGE_SEND,
	  "{\"fldF\":[]}", "{}" },
	{ "the order of a list is content", "{\"fldM\":[\"x\",\"y\"]}",
	  "{\"fldM\":[\"x\"]}", "{\"fldM\":[\"x\",\"y\"]}",
	  "{\"fldM\":[\"y\",\"x\"]}", MERGE_CONFLICT,
	  "{\"fldM\":[\"x\",\"y\"]}", "{\"fldM\":[\"y\",\"x\"]}" },
	{ "a field that is gone from the schema", "{\"fldGone\":1}",
	  "{\"fldGone\":0}", "{\"fldGone\":1}", "{}", MERGE_SEND,
	  "{\"fldGone\":1}", "{}" },
	{ "gone, beside a conflict", "{\"fldA\":\"mine\",\"fldGone\":1}",
	  "{}", "{\"fldA\":\"mine\",\"fldGone\":1}", "{\"fldA\":\"theirs\"}",
	  MERGE_CONFLICT, "{\"fldA\":\"mine\",\"fldGone\":1}",
	  "{\"fldA\":\"theirs\"}" },
	{ "the write form is another than the shown one", "{\"fldB\":\"3\"}",
	  "{\"fldB\":1}", "{\"fldB\":3}", "{\"fldB\":3}", MERGE_NOTHING, "{}",
	  "{}" },
};

static json_t *load(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return j;
}

static void same(const struct row *row, const char *what, json_t *have,
		 const char *want)
{
	json_t *j = load(want);
	char *text = json_dumps(have, JSON_COMPACT);

	if (!json_equal(have, j))
		fail_msg("%s: %s is %s, not %s", row->name, what, text, want);
	free(text);
	json_decref(j);
}

static void P5_merge(void **state)
{
	struct schema *s;
	json_t *root = load(schema_text);
	const struct schema_table *t;

	(void)state;
	assert_int_equal(schema_parse(root, &s), 0);
	json_decref(root);
	t = schema_find_table(s, "tblT");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		json_t *changes = load(row->changes);
		json_t *before = load(row->before), *after = load(row->after);
		json_t *cells = load(row->theirs), *theirs = json_object();
		enum merge_result r = merge_changes(t, changes, before, after,
						    cells, theirs);

		if (r != row->result)
			fail_msg("%s: %d, not %d", row->name, (int)r,
				 (int)row->result);
		same(row, "what is left", changes, row->left);
		same(row, "theirs", theirs, row->shown);
		same(row, "before", before, row->before);
		same(row, "the server's cells", cells, row->theirs);
		json_decref(changes);
		json_decref(before);
		json_decref(after);
		json_decref(cells);
		json_decref(theirs);
	}
	schema_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(P5_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
