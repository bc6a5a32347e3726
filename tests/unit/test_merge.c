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
	"\"options\":{\"choices\":[{\"name\":\"x\"},{\"name\":\"y\"}]}},"
	"{\"id\":\"fldP\",\"name\":\"P\",\"type\":\"multipleCollaborators\"},"
	"{\"id\":\"fldL\",\"name\":\"L\",\"type\":\"multipleRecordLinks\","
	"\"options\":{\"prefersSingleRecordLink\":false}},"
	"{\"id\":\"fldS\",\"name\":\"S\",\"type\":\"multipleRecordLinks\","
	"\"options\":{\"prefersSingleRecordLink\":true}}]}]}";

/* A row of the list fldM; each letter is an item, "" is no list. */
#define LIST(name, base, mine, theirs, result, left) \
	{ name, mine, base, mine, theirs, result, left, NULL }

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
	LIST("added on both sides", "x", "xy", "xz", MERGE_SEND, "xzy"),
	LIST("taken out here, added there", "xy", "x", "xyz", MERGE_SEND,
	     "xz"),
	LIST("added here, taken out there", "xy", "xyz", "x", MERGE_SEND,
	     "xz"),
	LIST("taken out on both sides", "xyz", "xy", "xz", MERGE_SEND, "x"),
	LIST("the same added on both sides, in another order", "x", "xy", "yx",
	     MERGE_NOTHING, ""),
	LIST("cleared here, added there", "x", "", "xy", MERGE_SEND, "y"),
	LIST("filled on both sides", "", "x", "y", MERGE_SEND, "yx"),
	LIST("cleared there, added here", "x", "xy", "", MERGE_SEND, "y"),
	LIST("only put in order here", "xy", "yx", "xyz", MERGE_CONFLICT,
	     "yx"),
	LIST("only put in order there", "xy", "xyz", "yx", MERGE_SEND, "yxz"),
	{ "people are the same by id", "{\"fldP\":[{\"id\":\"usrA\"},"
	  "{\"email\":\"b@x\"}]}", "{\"fldP\":[{\"id\":\"usrA\",\"email\":"
	  "\"a@x\"}]}", "{\"fldP\":[{\"id\":\"usrA\",\"email\":\"a@x\"},"
	  "{\"email\":\"b@x\"}]}", "{\"fldP\":[{\"id\":\"usrC\",\"email\":"
	  "\"c@x\"}]}", MERGE_SEND, "{\"fldP\":[{\"id\":\"usrC\"},"
	  "{\"email\":\"b@x\"}]}", "{}" },
	{ "a new attachment is known by nothing", "{\"fldF\":[{\"url\":"
	  "\"u\"}]}", "{}", "{\"fldF\":[{\"url\":\"u\"}]}",
	  "{\"fldF\":[{\"id\":\"attA\"}]}", MERGE_CONFLICT,
	  "{\"fldF\":[{\"url\":\"u\"}]}", "{\"fldF\":[{\"id\":\"attA\"}]}"
	},
	{ "links are a set", "{\"fldL\":[\"recA\",\"recB\"]}",
	  "{\"fldL\":[\"recA\"]}", "{\"fldL\":[\"recA\",\"recB\"]}",
	  "{\"fldL\":[\"recA\",\"recC\"]}", MERGE_SEND,
	  "{\"fldL\":[\"recA\",\"recC\",\"recB\"]}", "{}" },
	{ "where one link is meant, two are a conflict",
	  "{\"fldS\":[\"recB\"]}", "{}", "{\"fldS\":[\"recB\"]}",
	  "{\"fldS\":[\"recC\"]}", MERGE_CONFLICT,
	  "{\"fldS\":[\"recB\"]}", "{\"fldS\":[\"recC\"]}" },
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

/* "xy" as {"fldM": ["x", "y"]}; JSON as it is. */
static json_t *cells_of(const char *text, bool null)
{
	json_t *list, *cells;

	if (text[0] == '{')
		return load(text);
	list = null && !*text ? json_null() : json_array();
	for (; *text; text++)
		json_array_append_new(list, json_stringn(text, 1));
	cells = json_object();
	json_object_set_new(cells, "fldM", list);
	return cells;
}

static void list_row(const struct row *row, enum merge_result r,
		     const json_t *changes)
{
	json_t *want = *row->left ? cells_of(row->left, false) : json_object();
	char *text = json_dumps(changes, JSON_COMPACT);

	if (r != row->result || !json_equal((json_t *)changes, want))
		fail_msg("%s: %d, %s", row->name, (int)r, text);
	free(text);
	json_decref(want);
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
		json_t *changes = cells_of(row->changes, false);
		json_t *before = cells_of(row->before, true);
		json_t *after = cells_of(row->after, true);
		json_t *cells = cells_of(row->theirs, false);
		json_t *theirs = json_object();
		enum merge_result r = merge_changes(t, changes, before, after,
						    cells, theirs);

		if (!row->shown) {
			list_row(row, r, changes);
		} else {
			if (r != row->result)
				fail_msg("%s: %d, not %d", row->name, (int)r,
					 (int)row->result);
			same(row, "what is left", changes, row->left);
			same(row, "theirs", theirs, row->shown);
			same(row, "before", before, row->before);
			same(row, "the server's cells", cells, row->theirs);
		}
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
