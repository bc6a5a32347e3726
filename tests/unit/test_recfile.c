/* recfile: every field type taken and refused, the shape of the file, what may
 * not be changed (P6), new records, and random damage. */
#include "recfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "recfile_internal.h"
#include "render.h"

#define F(id, name, type) \
	"{\"id\":\"fld" id "\",\"name\":\"" name "\",\"type\":\"" type "\""
#define CHOICES(list) ",\"options\":{\"choices\":[" list "]}}"
#define CHOICE(name) "{\"id\":\"sel1\",\"name\":\"" name "\"}"

static const char schema_text[] =
	"{\"tables\":[{\"id\":\"tblT\",\"name\":\"T\",\"primaryFieldId\":"
	"\"fldName\",\"fields\":["
	F("Name", "Name", "singleLineText") "},"
	F("Notes", "Notes", "multilineText") "},"
	F("Rich", "Rich", "richText") "},"
	F("Mail", "Mail", "email") "},"
	F("Web", "Web", "url") "},"
	F("Phone", "Phone", "phoneNumber") "},"
	F("Price", "Price", "number") "},"
	F("Share", "Share", "percent") "},"
	F("Cost", "Cost", "currency") "},"
	F("Time", "Time", "duration") "},"
	F("Stars", "Stars", "rating") ",\"options\":{\"max\":5}},"
	F("Done", "Done", "checkbox") "},"
	F("Status", "Status", "singleSelect")
	CHOICES(CHOICE("In stock") "," CHOICE("Sold out")) ","
	F("Tags", "Tags", "multipleSelects")
	CHOICES(CHOICE("red") "," CHOICE("green")) ","
	F("Old", "Old select", "singleSelect") "},"
	F("None", "No choices", "singleSelect") CHOICES("") ","
	F("Day", "Day", "date") "},"
	F("At", "At", "dateTime") "},"
	F("Owner", "Owner", "singleCollaborator") "},"
	F("Team", "Team", "multipleCollaborators") "},"
	F("Links", "Links", "multipleRecordLinks")
	",\"options\":{\"linkedTableId\":\"tblL\"}},"
	F("Files", "Files", "multipleAttachments") "},"
	F("Code", "Code", "barcode") "},"
	F("Total", "Total", "formula") "},"
	F("Count", "How many", "count") "},"
	F("Sort", "Sort", "manualSort") "},"
	F("New", "New type", "someNewType") "}]}]}";

/* What the record holds in the rows below. */
static const char raw_text[] =
	"{\"fldName\":\"Chair\",\"fldPrice\":250,\"fldShare\":0.25,"
	"\"fldStars\":3,\"fldDone\":true,\"fldStatus\":\"In stock\","
	"\"fldTags\":[\"red\",\"gone\"],\"fldDay\":\"2024-03-01\","
	"\"fldAt\":\"2024-03-01T09:30:00.000Z\","
	"\"fldOwner\":{\"id\":\"usrA\",\"email\":\"a@x.org\",\"name\":\"A\"},"
	"\"fldTeam\":[{\"id\":\"usrA\",\"email\":\"a@x.org\",\"name\":\"A\"},"
	"{\"id\":\"ugpG\",\"name\":\"G\"}],"
	"\"fldLinks\":[\"recL1\",\"recAAAAAAAAAAAAAA\"],"
	"\"fldFiles\":[{\"id\":\"att1\",\"url\":\"https://x/1\",\"filename\":"
	"\"1.png\",\"size\":12,\"type\":\"image/png\",\"width\":3},"
	"{\"id\":\"att2\",\"url\":\"https://x/2\",\"filename\":\"2.png\"}],"
	"\"fldCode\":{\"text\":\"123\",\"type\":\"ean8\"},"
	"\"fldTotal\":500,\"fldCount\":0,\"fldSort\":\"aa\","
	"\"fldNew\":{\"odd\":[1]}}";

static struct schema *schema;
static json_t *raw, *recent[2];

static json_t *json_of(const char *text)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);

	if (!j)
		fail_msg("the test's own JSON: %s", text);
	return j;
}

static int set_up(void **state)
{
	json_t *root = json_loads(schema_text, 0, NULL);

	(void)state;
	if (!root || schema_parse(root, &schema) < 0)
		return -1;
	json_decref(root);
	raw = json_loads(raw_text, 0, NULL);
	recent[0] = json_pack("{s:i}", "fldTotal", 400);
	recent[1] = json_pack("{s:i, s:i}", "fldTotal", 300, "fldCount", 7);
	return raw ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(raw);
	json_decref(recent[0]);
	json_decref(recent[1]);
	schema_unref(schema);
	return 0;
}

static int resolve(void *ctx, const struct table_id *table, const char *name,
		   struct record_id *ret)
{
	(void)ctx;
	assert_string_equal(table->s, "tblL");
	if (strcmp(name, "Lamp") == 0) {
		id_copy(ret->s, "recBBBBBBBBBBBBBB");
		return 0;
	}
	if (strcmp(name, "Away") == 0)
		return -EAGAIN;
	return strcmp(name, "Twin") == 0 ? -EEXIST : -ENOENT;
}

static struct recfile_context context(bool is_new)
{
	return (struct recfile_context){
		.table = &schema->tables[0],
		.record_id = is_new ? "" : "rec8vAzQ1b2c3d4e5",
		.created_time = is_new ? "" : "2024-03-01T09:30:00.000Z",
		.raw = is_new ? NULL : raw,
		.recent = recent, .recent_n = is_new ? 0 : 2,
		.resolve_link = resolve,
	};
}

/* From a heap copy of just the length, so that reading beyond it shows. */
static int judge(const char *text, size_t n, const struct recfile_context *c,
		 struct recfile_edit *e, struct save_error *err)
{
	char *copy = malloc(n ? n : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, text, n);
	*e = (struct recfile_edit){ 0 };
	*err = (struct save_error){ 0 };
	r = recfile_judge(copy, n, c, e, err);
	free(copy);
	if (r != err->err)
		fail_msg("'%s': result %d, err %d", text, r, err->err);
	if ((r == 0) != (e->changes != NULL))
		fail_msg("'%s': edit and result differ", text);
	return r;
}

static void check_refusal(const char *row, const struct save_error *e,
			  const char *field, const char *reason,
			  const char *hint)
{
	if (field && strcmp(e->field, field) != 0)
		fail_msg("%s: field '%s'", row, e->field);
	if (!strstr(e->reason, reason))
		fail_msg("%s: reason '%s'", row, e->reason);
	if (hint && !strstr(e->hint, hint))
		fail_msg("%s: hint '%s'", row, e->hint);
}

/* want: the write form, or "" for no change. */
static const struct {
	const char *field, *value, *want;
	const char *after; /* as shown; NULL: the same as want */
} taken[] = {
	/* text */
	{ "Name", "\"Chair\"", "", NULL },
	{ "Name", "\"Chair \"", "\"Chair \"", NULL },
	{ "Name", "null", "null", NULL },
	{ "Name", "\"\"", "null", NULL },
	{ "Name", "\"a\\nb\"", "\"a\\nb\"", NULL },
	{ "fldName", "\"x\"", "\"x\"", NULL },
	{ "Notes", "null", "", NULL },
	{ "Notes", "\"\"", "", NULL },
	{ "Notes", "\"\\n\"", "\"\\n\"", NULL },
	{ "Notes", "\"\\u00e9 \\ud83d\\ude00\"", "\"\\u00e9 \\ud83d\\ude00\"",
	  NULL },
	{ "Rich", "\"\\n\"", "", NULL },
	{ "Rich", "\"# a\\n\"", "\"# a\\n\"", NULL },
	{ "Mail", "\"not checked\"", "\"not checked\"", NULL },
	{ "Web", "\"x\"", "\"x\"", NULL },
	{ "Phone", "\"+49 1\"", "\"+49 1\"", NULL },
	/* numbers */
	{ "Price", "250", "", NULL },
	{ "Price", "250.0", "", NULL },
	{ "Price", "2.5e2", "", NULL },
	{ "Price", "0", "0", NULL },
	{ "Price", "-0.5", "-0.5", NULL },
	{ "Price", "251.0", "251", NULL },
	{ "Price", "1e300", "1e300", NULL },
	{ "Price", "1e19", "1e19", NULL },
	{ "Price", "9007199254740992", "9007199254740992", NULL },
	{ "Price", "null", "null", NULL },
	{ "Share", "0.250", "", NULL },
	{ "Share", "1.5", "1.5", NULL },
	{ "Cost", "9.99", "9.99", NULL },
	{ "Time", "5400", "5400", NULL },
	{ "Time", "1.25", "1.25", NULL },
	{ "Stars", "3.0", "", NULL },
	{ "Stars", "5", "5", NULL },
	{ "Stars", "1.0", "1", NULL },
	{ "Stars", "null", "null", NULL },
	{ "Done", "true", "", NULL },
	{ "Done", "false", "null", NULL },
	{ "Done", "null", "null", NULL },
	/* selects */
	{ "Status", "\"Sold out\"", "\"Sold out\"", NULL },
	{ "Status", "\"\"", "null", NULL },
	{ "Tags", "[\"red\",\"gone\"]", "", NULL }, /* held, though no choice */
	{ "Tags", "[\"green\",\"red\"]", "[\"green\",\"red\"]", NULL },
	{ "Tags", "[]", "null", NULL },
	{ "Tags", "null", "null", NULL },
	{ "Old select", "\"anything\"", "\"anything\"", NULL },
	/* dates */
	{ "Day", "\"2024-03-01\"", "", NULL },
	{ "Day", "\"2024-02-29\"", "\"2024-02-29\"", NULL },
	{ "Day", "\"2000-02-29\"", "\"2000-02-29\"", NULL },
	{ "Day", "\"\"", "null", NULL },
	{ "At", "\"2024-03-01T09:30:00.000Z\"", "", NULL },
	{ "At", "\"2024-03-01T09:30:00Z\"", "", NULL },
	{ "At", "\"2024-03-01T10:30+01:00\"", "", NULL },
	{ "At", "\"2024-03-01 04:30:00-0500\"", "", NULL },
	{ "At", "\"2024-03-01T00:30+01\"", "\"2024-02-29T23:30:00.000Z\"",
	  NULL },
	{ "At", "\"2024-12-31T23:30:00.123456-01:00\"",
	  "\"2025-01-01T00:30:00.123Z\"", NULL },
	{ "At", "\"2024-03-01 09:30\"", "\"2024-03-01T09:30:00.000\"", NULL },
	{ "At", "\"2024-03-02\"", "\"2024-03-02\"", NULL },
	{ "At", "null", "null", NULL },
	/* people */
	{ "Owner", "{\"name\":\"A\",\"email\":\"a@x.org\",\"id\":\"usrA\"}",
	  "", NULL },
	{ "Owner", "{\"id\":\"usrA\"}", "", NULL },
	{ "Owner", "{\"email\":\"a@x.org\"}", "", NULL },
	{ "Owner", "\"usrA\"", "", NULL },
	{ "Owner", "\"a@x.org\"", "", NULL },
	{ "Owner", "\"b@x.org\"", "{\"email\":\"b@x.org\"}", NULL },
	{ "Owner", "{\"email\":\"b@x.org\"}", "{\"email\":\"b@x.org\"}",
	  NULL },
	{ "Owner", "{\"id\":\"usrB\",\"email\":\"b@x.org\",\"name\":\"B\"}",
	  "{\"id\":\"usrB\"}",
	  "{\"id\":\"usrB\",\"email\":\"b@x.org\",\"name\":\"B\"}" },
	{ "Owner", "null", "null", NULL },
	{ "Team", "[\"usrA\",{\"id\":\"ugpG\"}]", "", NULL },
	{ "Team", "[{\"id\":\"ugpG\"}]", "[{\"id\":\"ugpG\"}]",
	  "[{\"id\":\"ugpG\",\"name\":\"G\"}]" },
	{ "Team", "[\"b@x.org\",\"usrA\"]",
	  "[{\"email\":\"b@x.org\"},{\"id\":\"usrA\"}]",
	  "[{\"email\":\"b@x.org\"},{\"id\":\"usrA\",\"email\":\"a@x.org\","
	  "\"name\":\"A\"}]" },
	{ "Team", "[]", "null", NULL },
	/* links */
	{ "Links", "[\"recL1\",\"recAAAAAAAAAAAAAA\"]", "", NULL },
	{ "Links", "[\"recL1\"]", "[\"recL1\"]", NULL },
	{ "Links", "\"Lamp\"", "[\"recBBBBBBBBBBBBBB\"]", NULL },
	{ "Links", "[\"recAAAAAAAAAAAAAA\",\"Lamp\"]",
	  "[\"recAAAAAAAAAAAAAA\",\"recBBBBBBBBBBBBBB\"]", NULL },
	{ "Links", "[]", "null", NULL },
	{ "Links", "\"\"", "null", NULL },
	/* attachments */
	{ "Files", "[{\"id\":\"att1\",\"filename\":\"1.png\",\"size\":12,"
	  "\"type\":\"image/png\"},{\"id\":\"att2\",\"filename\":"
	  "\"2.png\"}]", "", NULL },
	{ "Files", "[{\"id\":\"att1\"},{\"id\":\"att2\"}]", "", NULL },
	{ "Files", "[{\"id\":\"att2\",\"url\":\"https://new/2\"}]",
	  "[{\"id\":\"att2\"}]",
	  "[{\"id\":\"att2\",\"filename\":\"2.png\"}]" },
	{ "Files", "[{\"url\":\"https://x.org/a?b=c#d\",\"filename\":\"a\"},"
	  "{\"id\":\"att2\"}]",
	  "[{\"url\":\"https://x.org/a?b=c#d\",\"filename\":\"a\"},"
	  "{\"id\":\"att2\"}]",
	  "[{\"url\":\"https://x.org/a?b=c#d\",\"filename\":\"a\"},"
	  "{\"id\":\"att2\",\"filename\":\"2.png\"}]" },
	{ "Files", "[{\"url\":\"HTTP://x\"}]", "[{\"url\":\"HTTP://x\"}]",
	  NULL },
	{ "Files", "[]", "null", NULL },
	/* barcode */
	{ "Code", "{\"type\":\"ean8\",\"text\":\"123\"}", "", NULL },
	{ "Code", "{\"text\":\"9\"}", "{\"text\":\"9\"}", NULL },
	{ "Code", "{\"text\":\"9\",\"type\":null}", "{\"text\":\"9\"}", NULL },
	{ "Code", "{\"text\":\"\"}", "null", NULL },
	{ "Code", "null", "null", NULL },
	/* computed, as shown now or lately */
	{ "Total", "500", "", NULL }, { "Total", "500.0", "", NULL },
	{ "Total", "400", "", NULL }, { "Total", "300", "", NULL },
	{ "How many", "0", "", NULL }, { "How many", "7", "", NULL },
	{ "Sort", "\"aa\"", "", NULL },
	{ "New type", "{\"odd\":[1]}", "", NULL },
};

static void check_json(const char *row, const char *what, const json_t *is,
		       const char *want)
{
	json_t *j = json_of(want);
	char *text = NULL;

	if (!value_equal(is, j)) {
		(void)render_json(is, false, &text, NULL);
		fail_msg("%s: %s is %s", row, what, text);
	}
	json_decref(j);
}

/* With the edit taken over, the same bytes and the record as it is then shown
 * both change nothing more. */
static void check_settled(const char *row, const char *text,
			  const struct recfile_edit *e)
{
	struct recfile_context c = context(false);
	json_t *merged = json_deep_copy(raw);
	struct recfile_edit again;
	struct save_error err;
	char *file;
	size_t n;

	assert_int_equal(json_object_update(merged, e->after), 0);
	c.raw = merged;
	if (judge(text, strlen(text), &c, &again, &err) != 0)
		fail_msg("%s: saved again: %s", row, err.reason);
	if (json_object_size(again.changes) != 0)
		fail_msg("%s: saved again, it changes", row);
	recfile_edit_release(&again);
	assert_int_equal(render_record(c.table, c.record_id, c.created_time,
				       merged, NULL, &file, &n), 0);
	if (judge(file, n, &c, &again, &err) != 0)
		fail_msg("%s: as shown: %s", row, err.reason);
	if (json_object_size(again.changes) != 0)
		fail_msg("%s: as shown, it changes", row);
	recfile_edit_release(&again);
	free(file);
	json_decref(merged);
}

static void every_type_taken(void **state)
{
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;
	char text[1000], row[600];
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		const struct schema_field *f = schema_find_field(
			&schema->tables[0], taken[i].field);
		json_t *before = render_value(f, json_object_get(raw,
								 f->id.s));

		snprintf(row, sizeof(row), "%s: %s", taken[i].field,
			 taken[i].value);
		n = snprintf(text, sizeof(text), "{\"fields\":{\"%s\":%s}}",
			     taken[i].field, taken[i].value);
		if (judge(text, (size_t)n, &c, &e, &err) != 0)
			fail_msg("%s: %s", row, err.reason);
		if (json_object_size(e.changes) != (taken[i].want[0] != '\0'))
			fail_msg("%s: %zu changes", row,
				 json_object_size(e.changes));
		assert_int_equal(json_object_size(e.before),
				 json_object_size(e.changes));
		assert_int_equal(json_object_size(e.after),
				 json_object_size(e.changes));
		if (taken[i].want[0] != '\0') {
			check_json(row, "the change", json_object_get(
				   e.changes, f->id.s), taken[i].want);
			check_json(row, "after", json_object_get(e.after,
				   f->id.s), taken[i].after ? taken[i].after :
				   taken[i].want);
			assert_true(value_equal(before, json_object_get(
						e.before, f->id.s)));
		}
		assert_false(e.complete);
		check_settled(row, text, &e);
		json_decref(before);
		recfile_edit_release(&e);
	}
}

/* The value stands on line 3 from column 3 + the key + 4 on; at: the place of
 * the fault within the value, from 0. */
static const struct {
	const char *field, *value;
	int err;
	unsigned at;
	const char *reason, *hint;
} refused[] = {
	{ "Name", "12", -EINVAL, 0, "field \"Name\" takes text, not a number",
	  "\"12\" with quotes" },
	{ "Name", "true", -EINVAL, 0, "takes text, not true", "\"true\"" },
	{ "Notes", "[\"a\"]", -EINVAL, 0, "takes text, not an array", NULL },
	{ "Notes", "{}", -EINVAL, 0, "takes text, not an object", NULL },
	{ "Notes", "\"a\\u0000\"", -EINVAL, 0, "NUL character", NULL },
	{ "Rich", "1", -EINVAL, 0, "takes text", NULL },
	{ "Mail", "1", -EINVAL, 0, "takes text", NULL },
	{ "Web", "1", -EINVAL, 0, "takes text", NULL },
	{ "Phone", "49123", -EINVAL, 0, "takes text", "\"49123\"" },
	{ "Price", "\"12\"", -EINVAL, 0,
	  "field \"Price\" takes a number, not a string",
	  "write 12 without quotes" },
	{ "Price", "\"cheap\"", -EINVAL, 0, "takes a number", "12.5" },
	{ "Price", "\"\"", -EINVAL, 0, "takes a number", NULL },
	{ "Price", "true", -EINVAL, 0, "takes a number, not true", NULL },
	{ "Price", "[]", -EINVAL, 0, "takes a number, not an array", NULL },
	{ "Price", "{\"specialValue\":\"NaN\"}", -EINVAL, 0,
	  "takes a number", NULL },
	{ "Price", "9007199254740993", -EINVAL, 0, "15 exact digits",
	  "text field" },
	{ "Price", "-9007199254740993", -EINVAL, 0, "15 exact digits", NULL },
	{ "Price", "9223372036854775807", -EINVAL, 0, "15 exact", NULL },
	{ "Price", "123456789012345678901234", -EINVAL, 0, "15 exact digits",
	  NULL },
	{ "Share", "\"25%\"", -EINVAL, 0, "takes a number", "0.25 for 25 %" },
	{ "Share", "\"12.5%\"", -EINVAL, 0, "takes a number", "0.125 for" },
	{ "Share", "\"a lot\"", -EINVAL, 0, "takes a number", "0.25 for 25 %" },
	{ "Cost", "\"$5\"", -EINVAL, 0, "takes a number", NULL },
	{ "Time", "\"1:30\"", -EINVAL, 0, "takes a number of seconds", "5400" },
	{ "Time", "\"0:01:05\"", -EINVAL, 0, "seconds", "write 65 (sec" },
	{ "Time", "\"1:99\"", -EINVAL, 0, "seconds", "5400 for 1:30:00" },
	{ "Stars", "0", -EINVAL, 0, "a whole number from 1 to 5", "null" },
	{ "Stars", "6", -EINVAL, 0, "from 1 to 5", NULL },
	{ "Stars", "2.5", -EINVAL, 0, "whole number", NULL },
	{ "Stars", "1e300", -EINVAL, 0, "whole number", NULL },
	{ "Stars", "\"4\"", -EINVAL, 0, "from 1 to 5, not a string", NULL },
	{ "Done", "\"true\"", -EINVAL, 0, "true, false or null", "true" },
	{ "Done", "1", -EINVAL, 0, "true, false or null", NULL },
	{ "Status", "\"Lost\"", -EINVAL, 0, "has no choice \"Lost\"",
	  "choices: \"In stock\", \"Sold out\"" },
	{ "Status", "\"in stock\"", -EINVAL, 0, "has no choice \"in stock\"",
	  "did you mean \"In stock\"?" },
	{ "Status", "[\"In stock\"]", -EINVAL, 0, "one choice, not an array",
	  NULL },
	{ "Status", "1", -EINVAL, 0, "one choice, not a number", NULL },
	{ "No choices", "\"x\"", -EINVAL, 0, "has no choice", "at all" },
	{ "Tags", "\"red\"", -EINVAL, 0, "array of choices", "[\"One\"" },
	{ "Tags", "[\"red\", \"blue\"]", -EINVAL, 8, "no choice \"blue\"",
	  "\"red\", \"green\"" },
	{ "Tags", "[\"red\", 1]", -EINVAL, 8, "not a number", NULL },
	{ "Tags", "[\"red\", \"red\"]", -EINVAL, 8, "twice", NULL },
	{ "Tags", "[\"\"]", -EINVAL, 1, "without a name", NULL },
	{ "Tags", "[null]", -EINVAL, 1, "not null", NULL },
	{ "Old select", "\"a\\u0000\"", -EINVAL, 0, "NUL", NULL },
	{ "Day", "\"2024-02-30\"", -EINVAL, 0, "date of the calendar",
	  "2024-12-31" },
	{ "Day", "\"2023-02-29\"", -EINVAL, 0, "calendar", NULL },
	{ "Day", "\"1900-02-29\"", -EINVAL, 0, "calendar", NULL },
	{ "Day", "\"2024-13-01\"", -EINVAL, 0, "calendar", NULL },
	{ "Day", "\"2024-00-01\"", -EINVAL, 0, "calendar", NULL },
	{ "Day", "\"2024-3-1\"", -EINVAL, 0, "not \"2024-3-1\"", NULL },
	{ "Day", "\"01.03.2024\"", -EINVAL, 0, "calendar", NULL },
	{ "Day", "\"2024-03-01\\u0000\"", -EINVAL, 0, "", NULL },
	{ "Day", "\"2024-03-02T10:00:00Z\"", -EINVAL, 0, "without a time",
	  "\"2024-03-02\"" },
	{ "Day", "20240301", -EINVAL, 0, "takes a date, not a number", NULL },
	{ "At", "1709285400000", -EINVAL, 0, "date and time, not a number",
	  "2024-12-31T23:59:00.000Z" },
	{ "At", "\"tomorrow\"", -EINVAL, 0, "not \"tomorrow\"", "+01:00" },
	{ "At", "\"2024-03-01T24:00Z\"", -EINVAL, 0, "date and time", NULL },
	{ "At", "\"2024-03-01T09:60Z\"", -EINVAL, 0, "date and time", NULL },
	{ "At", "\"2024-03-01T09:30:61Z\"", -EINVAL, 0, "date and", NULL },
	{ "At", "\"2024-03-01T09:30:00.Z\"", -EINVAL, 0, "date and", NULL },
	{ "At", "\"2024-03-01T9:30Z\"", -EINVAL, 0, "date and time", NULL },
	{ "At", "\"2024-03-01T09:30+25:00\"", -EINVAL, 0, "date and", NULL },
	{ "At", "\"2024-03-01T09:30 CET\"", -EINVAL, 0, "date and", NULL },
	{ "At", "\"0001-01-01T00:30+01:00\"", -EINVAL, 0, "date and", NULL },
	{ "At", "\"9999-12-31T23:30-01:00\"", -EINVAL, 0, "date and", NULL },
	{ "Owner", "\"Anna\"", -EINVAL, 0, "takes a person, not \"Anna\"",
	  "{\"email\"" },
	{ "Owner", "{\"name\":\"B\"}", -EINVAL, 0, "takes a person", NULL },
	{ "Owner", "{\"id\":\"recX\"}", -EINVAL, 0, "takes a person", NULL },
	{ "Owner", "{\"email\":\"nobody\"}", -EINVAL, 0, "takes a person",
	  NULL },
	{ "Owner", "{\"id\":\"usrB\",\"phone\":\"1\"}", -EINVAL, 0,
	  "takes a person", NULL },
	{ "Owner", "{\"id\":1}", -EINVAL, 0, "takes a person", NULL },
	{ "Owner", "{\"id\":\"usrA\",\"email\":\"b@x.org\",\"name\":\"A\"}",
	  -EINVAL, 0, "do not belong together", "alone" },
	{ "Owner", "[{\"id\":\"usrA\"}]", -EINVAL, 0, "one person", NULL },
	{ "Owner", "12", -EINVAL, 0, "takes a person, not 12", NULL },
	{ "Team", "{\"id\":\"usrB\"}", -EINVAL, 0, "array of people", NULL },
	{ "Team", "[\"usrB\", \"usrA\", \"usrB\"]", -EINVAL, 17, "twice",
	  NULL },
	{ "Team", "[\"a@x.org\", \"usrA\"]", -EINVAL, 12, "twice", NULL },
	{ "Team", "[null]", -EINVAL, 1, "takes a person, not null", NULL },
	{ "Links", "12", -EINVAL, 0, "takes an array of records", NULL },
	{ "Links", "[12]", -EINVAL, 1, "names or ids of records", NULL },
	{ "Links", "[\"\"]", -EINVAL, 1, "an empty string", NULL },
	{ "Links", "[{\"id\":\"recL1\"}]", -EINVAL, 1, "an object", NULL },
	{ "Links", "[\"recL1\", \"Nobody\"]", -EINVAL, 10,
	  "\"Nobody\", but no record has that name", "its id" },
	{ "Links", "[\"Twin\"]", -EINVAL, 1, "more than one record", "rec..." },
	{ "Links", "[\"Away\"]", -EAGAIN, 1, "cannot be looked up", "id" },
	{ "Links", "[\"recL1\", \"recL1\"]", -EINVAL, 10, "recL1 twice", NULL },
	{ "Links", "[\"Lamp\", \"recBBBBBBBBBBBBBB\"]", -EINVAL, 9, "twice",
	  NULL },
	{ "Links", "\"recliner\"", -EINVAL, 0, "\"recliner\", but no", NULL },
	{ "Files", "\"a.png\"", -EINVAL, 0, "array of attachments", "url" },
	{ "Files", "{}", -EINVAL, 0, "array of attachments", NULL },
	{ "Files", "[\"https://x/a.png\"]", -EINVAL, 1, "as objects", "url" },
	{ "Files", "[{\"id\":\"att9\"}]", -EINVAL, 1,
	  "does not hold the attachment \"att9\"", ".airtable/attachments/" },
	{ "Files", "[{\"id\":9}]", -EINVAL, 1, "does not hold", NULL },
	{ "Files", "[{\"id\":\"att2\"}, {\"id\":\"att2\"}]", -EINVAL, 16,
	  "twice", NULL },
	{ "Files", "[{\"id\":\"att2\",\"filename\":\"new.png\"}]", -EINVAL, 1,
	  "whose \"filename\" was changed", "cannot change" },
	{ "Files", "[{\"id\":\"att2\",\"x\":1}]", -EINVAL, 1, "\"x\"", NULL },
	{ "Files", "[{}]", -EINVAL, 1, "a web address", NULL },
	{ "Files", "[{\"filename\":\"a\"}]", -EINVAL, 1, "web address", NULL },
	{ "Files", "[{\"url\":\"ftp://x/a\"}]", -EINVAL, 1, "web", NULL },
	{ "Files", "[{\"url\":\"https://\"}]", -EINVAL, 1, "web", NULL },
	{ "Files", "[{\"url\":\"https:///a\"}]", -EINVAL, 1, "web", NULL },
	{ "Files", "[{\"url\":\"https://x/a b\"}]", -EINVAL, 1, "web", NULL },
	{ "Files", "[{\"url\":\"data:text/plain,x\"}]", -EINVAL, 1, "web",
	  NULL },
	{ "Files", "[{\"url\":\"/etc/passwd\"}]", -EINVAL, 1, "web", NULL },
	{ "Files", "[{\"url\":\"https://x/a\",\"size\":1}]", -EINVAL, 1,
	  "not \"size\"", NULL },
	{ "Files", "[{\"url\":\"https://x/a\",\"filename\":1}]", -EINVAL, 1,
	  "file name as a string", NULL },
	{ "Code", "\"123\"", -EINVAL, 0, "an object with \"text\"", "text" },
	{ "Code", "{}", -EINVAL, 0, "as strings", NULL },
	{ "Code", "{\"text\":123}", -EINVAL, 0, "as strings", NULL },
	{ "Code", "{\"text\":\"1\",\"type\":2}", -EINVAL, 0, "strings", NULL },
	{ "Code", "{\"text\":\"1\",\"kind\":\"x\"}", -EINVAL, 0, "\"kind\"",
	  NULL },
	{ "Total", "501", -EPERM, 0, "field \"Total\" is computed",
	  "put it back" },
	{ "Total", "null", -EPERM, 0, "field \"Total\" is computed", NULL },
	{ "fldTotal", "501", -EPERM, 0, "field \"Total\" is computed", NULL },
	{ "How many", "1", -EPERM, 0, "computed", NULL },
	{ "Sort", "\"ab\"", -EPERM, 0, "computed", NULL },
	{ "New type", "{\"odd\":[2]}", -EPERM, 0, "computed", NULL },
};

static void every_type_refused_P6(void **state)
{
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;
	char text[1000], row[600];
	size_t i;
	int n, r;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *key = refused[i].field;
		const struct schema_field *f = schema_find_field(
			&schema->tables[0], key);

		snprintf(row, sizeof(row), "%s: %s", key, refused[i].value);
		n = snprintf(text, sizeof(text), "{\n\"fields\": {\n  \"%s\": "
			     "%s\n}}\n", key, refused[i].value);
		r = judge(text, (size_t)n, &c, &e, &err);
		if (r != refused[i].err)
			fail_msg("%s: result %d", row, r);
		check_refusal(row, &err, f->name, refused[i].reason,
			      refused[i].hint);
		if (err.line != 3 || err.column != 3 + strlen(key) + 4 +
		    refused[i].at)
			fail_msg("%s: line %u column %u", row, err.line,
				 err.column);
	}
}

#define OWN "\"id\":\"rec8vAzQ1b2c3d4e5\"," \
	"\"createdTime\":\"2024-03-01T09:30:00.000Z\""

/* Whole files for the record that exists. */
static const struct {
	const char *text;
	int err;
	unsigned line, column;
	const char *field;
	const char *want; /* the changes, or a part of the reason */
	const char *hint;
} whole[] = {
	{ "{}", 0, 0, 0, NULL, "{}", NULL },
	{ "{\"fields\":{}}", 0, 0, 0, NULL, "{}", NULL },
	{ "{" OWN ",\"commentCount\":3}", 0, 0, 0, NULL, "{}", NULL },
	{ "{" OWN ",\"fields\":{\"Price\":1},\"computed\":{\"Total\":500}}",
	  0, 0, 0, NULL, "{\"fldPrice\":1}", NULL },
	{ "{\"Price\":1,\"Name\":\"x\"}", 0, 0, 0, NULL,
	  "{\"fldPrice\":1,\"fldName\":\"x\"}", NULL },
	{ "{" OWN ",\"Price\":1}", 0, 0, 0, NULL, "{\"fldPrice\":1}", NULL },
	{ "{\"computed\":{\"Total\":300,\"fldCount\":7,\"New type\":"
	  "{\"odd\":[1]}}}", 0, 0, 0, NULL, "{}", NULL },
	{ "{\"computed\":{\"Price\":250.0}}", 0, 0, 0, NULL, "{}", NULL },

	{ "", -EINVAL, 0, 0, "", "empty", "null" },
	{ " \n\t", -EINVAL, 0, 0, "", "empty", NULL },
	{ "{\n  \"fields\": {\n    \"Price\": 1,\n  }\n}", -EINVAL, 4, 3, "",
	  "a comma before }", NULL },
	{ "{\"fields\":{", -EINVAL, 1, 12, "", "the file ends", NULL },
	{ "[]", -EINVAL, 1, 1, "", "begins with {", NULL },
	{ "{\"Price\":1e999}", -EINVAL, 1, 10, "", "1e999 is too large", NULL },
	{ "{\"fields\":{\"Name\":\"a\",\n \"\\u00e9 \\\"x\":1,\"\\u00e9 "
	  "\\\"x\":2}}", -EINVAL, 2, 17, "", "there twice", "keep one" },
	{ "{\"fields\":{},\"fields\":{}}", -EINVAL, 1, 14, "",
	  "\"fields\" is there twice", NULL },
	{ "{\"fields\":[]}", -EINVAL, 1, 11, "", "\"fields\" is an array",
	  NULL },
	{ "{\"fields\":null}", -EINVAL, 1, 11, "", "\"fields\" is null", NULL },
	{ "{\"fields\":{},\n\"Price\":1}", -EINVAL, 2, 1, "",
	  "unknown key \"Price\" beside", "move it into" },
	{ "{\"fields\":{},\n\"x\":1}", -EINVAL, 2, 1, "", "unknown key \"x\"",
	  "leave it out" },
	{ "{\"fields\":{\n  \"Prise\": 1}}", -EINVAL, 2, 3, "Prise",
	  "no field \"Prise\"", "did you mean \"Price\"?" },
	{ "{\"fields\":{\n  \"price\": 1}}", -EINVAL, 2, 3, "price",
	  "no field \"price\"", "did you mean \"Price\"?" },
	{ "{\"fields\":{\n  \"Elephant\": 1}}", -EINVAL, 2, 3, "Elephant",
	  "no field", "fields: \"Name\", \"Notes\"" },
	{ "{\"Name\":\"x\",\"Prise\":1}", -EINVAL, 1, 13, "Prise",
	  "no field \"Prise\"", NULL },
	{ "{\"fields\":{\"Price\":1,\n\"fldPrice\":2}}", -EINVAL, 2, 1, "Price",
	  "by name and by id", NULL },
	{ "{\"id\":\"recBBBBBBBBBBBBBB\",\"fields\":{}}", -EPERM, 1, 7, "",
	  "\"id\" cannot be changed", "rec8vAzQ1b2c3d4e5" },
	{ "{\"id\":\"recBBBBBBBBBBBBBB\",\"Price\":2}", -EPERM, 1, 7, "",
	  "\"id\" cannot be changed", NULL },
	{ "{\"id\":null}", -EPERM, 1, 7, "", "\"id\"", NULL },
	{ "{\"createdTime\":\"2024-03-01T09:30:01.000Z\"}", -EPERM, 1, 16, "",
	  "\"createdTime\" cannot be changed", NULL },
	{ "{\"computed\":\n{\"Total\":1}}", -EPERM, 2, 10, "Total",
	  "\"Total\" is computed", NULL },
	{ "{\"computed\":{\"Totall\":1}}", -EINVAL, 1, 14, "Totall",
	  "no computed field \"Totall\"", "did you mean \"Total\"?" },
	{ "{\"computed\":{\"Price\":1}}", -EINVAL, 1, 14, "Price",
	  "no computed field", "move it into \"fields\"" },
	{ "{\"computed\":1}", -EINVAL, 1, 13, "", "\"computed\" is a number",
	  NULL },
	{ "{\"Total\":1}", -EPERM, 1, 10, "Total", "computed", NULL },
	/* the fault of the first key is told, wherever others are */
	{ "{\"fields\":{\"Stars\":9,\"Zzzzz\":1,\"Total\":1}}", -EINVAL, 1, 20,
	  "Stars", "from 1 to 5", NULL },
	/* what comes after a fault is not half done */
	{ "{\"fields\":{\"Price\":1,\"Stars\":9}}", -EINVAL, 1, 30, "Stars", "",
	  NULL },
};

static void whole_files(void **state)
{
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		r = judge(whole[i].text, strlen(whole[i].text), &c, &e, &err);
		if (r != whole[i].err)
			fail_msg("%s: result %d, %s", whole[i].text, r,
				 err.reason);
		if (r == 0) {
			check_json(whole[i].text, "changes", e.changes,
				   whole[i].want);
			recfile_edit_release(&e);
			continue;
		}
		check_refusal(whole[i].text, &err, whole[i].field,
			      whole[i].want, whole[i].hint);
		if (err.line != whole[i].line || err.column != whole[i].column)
			fail_msg("%s: line %u column %u", whole[i].text,
				 err.line, err.column);
	}
}

static void not_text_P6(void **state)
{
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;
	char *big = malloc(RECFILE_BYTES_MAX + 1u);
	json_t *doc;
	char *text;
	size_t n;

	(void)state;
	assert_non_null(big);
	memset(big, 0, 4096);
	assert_int_equal(judge(big, 4096, &c, &e, &err), -EINVAL);
	check_refusal("NUL", &err, "", "NUL bytes", "again");
	assert_int_equal(judge("{}\0\0", 4, &c, &e, &err), -EINVAL);
	check_refusal("NUL tail", &err, "", "NUL", NULL);
	memset(big, ' ', RECFILE_BYTES_MAX + 1u);
	memcpy(big, "{}", 2);
	assert_int_equal(judge(big, RECFILE_BYTES_MAX, &c, &e, &err), 0);
	recfile_edit_release(&e);
	assert_int_equal(judge(big, RECFILE_BYTES_MAX + 1u, &c, &e, &err),
			 -EMSGSIZE);
	/* two bytes a character: the limit counts characters */
	for (n = 0; n < RECFILE_TEXT_MAX + 1; n++)
		memcpy(big + 2 * n, "\xc3\xa9", 2);
	doc = json_pack("{s:s%}", "Notes", big, 2 * (size_t)RECFILE_TEXT_MAX);
	assert_int_equal(render_json(doc, false, &text, &n), 0);
	assert_int_equal(judge(text, n, &c, &e, &err), 0);
	recfile_edit_release(&e);
	json_decref(doc);
	free(text);
	doc = json_pack("{s:s%}", "Notes", big,
			2 * (size_t)RECFILE_TEXT_MAX + 2);
	assert_int_equal(render_json(doc, false, &text, &n), 0);
	assert_int_equal(judge(text, n, &c, &e, &err), -EMSGSIZE);
	check_refusal("long", &err, "Notes", "longer than 100000", NULL);
	json_decref(doc);
	free(text);
	free(big);
	assert_int_equal(recfile_judge("x", 1, &c, &e, NULL), -EINVAL);
}

/* The file as rendered changes nothing; with one value changed, just that. */
static void rendered_file_is_no_change_P5(void **state)
{
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;
	char *text, *at;
	size_t n;

	(void)state;
	assert_int_equal(render_record(c.table, c.record_id, c.created_time,
				       raw, NULL, &text, &n), 0);
	assert_int_equal(judge(text, n, &c, &e, &err), 0);
	assert_int_equal(json_object_size(e.changes), 0);
	assert_true(e.complete);
	recfile_edit_release(&e);
	at = strstr(text, "\"Price\": 250");
	assert_non_null(at);
	memcpy(at, "\"Price\": 251", strlen("\"Price\": 250"));
	assert_int_equal(judge(text, n, &c, &e, &err), 0);
	check_json("one value", "changes", e.changes, "{\"fldPrice\":251}");
	check_json("one value", "before", e.before, "{\"fldPrice\":250}");
	check_json("one value", "after", e.after, "{\"fldPrice\":251}");
	assert_true(e.complete);
	recfile_edit_release(&e);
	free(text);
}

/* A pending attachment is shown with its URL; saved again it is no change. */
static void pending_attachment(void **state)
{
	static const char first[] = "{\"Files\":[{\"url\":\"https://x/n\"}]}";
	struct recfile_context c = context(false);
	struct recfile_edit e, again;
	struct save_error err;

	(void)state;
	assert_int_equal(judge(first, strlen(first), &c, &e, &err), 0);
	c.raw = e.after;
	assert_int_equal(judge(first, strlen(first), &c, &again, &err), 0);
	assert_int_equal(json_object_size(again.changes), 0);
	recfile_edit_release(&again);
	recfile_edit_release(&e);
}

/* A cell may hold what no check would take; as it is it may stay. */
static void odd_cells_stay(void **state)
{
	static const char text[] = "{\"fields\":{\"Price\":{\"specialValue\":"
		"\"NaN\"},\"Status\":\"long gone\",\"Stars\":0,\"Day\":\"soon\","
		"\"Cost\":100000000000000000000,\"Owner\":[1],"
		"\"Name\":\"a\\u0000b\"}}";
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;
	json_t *cells = json_loads("{\"fldPrice\":{\"specialValue\":\"NaN\"},"
		"\"fldStatus\":\"long gone\",\"fldStars\":0,\"fldDay\":"
		"\"soon\",\"fldCost\":1e20,\"fldOwner\":[1],"
		"\"fldName\":\"a\\u0000b\"}", JSON_ALLOW_NUL, NULL);

	(void)state;
	c.raw = cells;
	assert_int_equal(judge(text, strlen(text), &c, &e, &err), 0);
	assert_int_equal(json_object_size(e.changes), 0);
	recfile_edit_release(&e);
	json_decref(cells);
}

/* New records: primary is the text of the file name; want NULL: refused. */
static const struct {
	const char *text, *primary;
	int err;
	const char *want; /* the changes, or a part of the reason */
} created[] = {
	{ "{}", "Lamp", 0, "{\"fldName\":\"Lamp\"}" },
	{ "{}", NULL, 0, "{}" },
	{ "{}", "", 0, "{}" },
	{ "{\"Name\":null,\"Price\":1}", "Lamp", 0,
	  "{\"fldName\":\"Lamp\",\"fldPrice\":1}" },
	{ "{\"Name\":\"\"}", "Lamp", 0, "{\"fldName\":\"Lamp\"}" },
	{ "{\"Name\":\"Own\",\"Done\":false,\"Tags\":[]}", "Lamp", 0,
	  "{\"fldName\":\"Own\"}" },
	{ "{\"fields\":{\"Name\":\"Own\",\"Owner\":\"b@x.org\"}}", "Lamp", 0,
	  "{\"fldName\":\"Own\",\"fldOwner\":{\"email\":\"b@x.org\"}}" },
	/* the file of another record, also of another table */
	{ "{\"id\":\"recBBBBBBBBBBBBBB\",\"createdTime\":\"x\",\"fields\":"
	  "{\"Name\":\"Own\",\"Elephant\":1,\"Total\":7},\"computed\":"
	  "{\"Other\":1}}", "Lamp", 0, "{\"fldName\":\"Own\"}" },
	{ "{\"id\":\"recBBBBBBBBBBBBBB\",\"fields\":{\"Price\":\"x\"}}",
	  "Lamp", -EINVAL, "takes a number" },
	/* its attachments cannot come along; one given by id alone is no copy */
	{ "{\"id\":\"recBBBBBBBBBBBBBB\",\"fields\":{\"Files\":[{\"id\":"
	  "\"att1\"}]}}", "Lamp", 0, "{\"fldName\":\"Lamp\"}" },
	{ "{\"fields\":{\"Files\":[{\"id\":\"att1\"}]}}", "Lamp", -EINVAL,
	  "does not hold the attachment" },
	{ "{\"fields\":{\"Elephant\":1}}", "Lamp", -EINVAL, "no field" },
	{ "{\"fields\":{\"Total\":7}}", "Lamp", -EPERM, "computed" },
	{ "{\"fields\":{\"Total\":null}}", NULL, 0, "{}" },
	{ "{\"computed\":{\"Total\":7,\"Other\":1}}", NULL, 0, "{}" },
	{ "{\"id\":5,\"createdTime\":false}", NULL, 0, "{}" },
	{ "{\"id\":5,\"Elephant\":1}", NULL, -EINVAL, "no field" },
	{ "{\"Status\":\"Lost\"}", NULL, -EINVAL, "no choice" },
};

static void new_records(void **state)
{
	struct recfile_context c = context(true);
	struct recfile_edit e;
	struct save_error err;
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < sizeof(created) / sizeof(created[0]); i++) {
		c.primary_text = created[i].primary;
		r = judge(created[i].text, strlen(created[i].text), &c, &e,
			  &err);
		if (r != created[i].err)
			fail_msg("%s: result %d, %s", created[i].text, r,
				 err.reason);
		if (r < 0) {
			check_refusal(created[i].text, &err, NULL,
				      created[i].want, NULL);
			continue;
		}
		check_json(created[i].text, "changes", e.changes,
			   created[i].want);
		assert_int_equal(json_object_size(e.before),
				 json_object_size(e.changes));
		assert_false(e.complete);
		recfile_edit_release(&e);
	}
}

/* The empty form of a record, filled in, is complete; a copy is not. */
static void new_record_complete(void **state)
{
	struct recfile_context c = context(true);
	struct recfile_edit e;
	struct save_error err;
	json_t *cells = json_pack("{s:s}", "fldName", "Lamp");
	char *text;
	size_t n;

	(void)state;
	c.primary_text = "File";
	assert_int_equal(render_record(c.table, "", "", cells, NULL, &text,
				       &n), 0);
	assert_int_equal(judge(text, n, &c, &e, &err), 0);
	assert_true(e.complete);
	recfile_edit_release(&e);
	free(text);
	assert_int_equal(render_record(c.table, "recBBBBBBBBBBBBBB", "", cells,
				       NULL, &text, &n), 0);
	assert_int_equal(judge(text, n, &c, &e, &err), 0);
	assert_false(e.complete);
	recfile_edit_release(&e);
	free(text);
	assert_int_equal(render_record(c.table, "", "", NULL, NULL, &text, &n),
			 0);
	assert_int_equal(judge(text, n, &c, &e, &err), 0);
	check_json("from the name", "changes", e.changes,
		   "{\"fldName\":\"File\"}");
	assert_false(e.complete);
	recfile_edit_release(&e);
	free(text);
	json_decref(cells);
}

static void options(void **state)
{
	static const char choice[] = "{\"Status\":\"Lost\",\"Tags\":[\"x\"]}";
	static const char empty[] = "{\"Tags\":[\"\"]}";
	static const char price[] = "{\"Price\":\"12\"}";
	static const char link[] = "{\"Links\":[\"Lamp\"]}";
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;

	(void)state;
	c.typecast = true;
	assert_int_equal(judge(choice, strlen(choice), &c, &e, &err), 0);
	recfile_edit_release(&e);
	assert_int_equal(judge(empty, strlen(empty), &c, &e, &err), -EINVAL);
	assert_int_equal(judge(price, strlen(price), &c, &e, &err), -EINVAL);
	c.resolve_link = NULL;
	assert_int_equal(judge(link, strlen(link), &c, &e, &err), -EINVAL);
	check_refusal("no names", &err, "Links", "takes record ids", "rec...");
}

/* Fields with the names of the file's own keys. */
static void own_key_names(void **state)
{
	static const struct {
		const char *text, *want;
		int err;
	} rows[] = {
		{ "{\"fields\":{\"fields\":\"a\",\"id\":\"b\"}}",
		  "{\"fldF\":\"a\",\"fldI\":\"b\"}", 0 },
		{ "{\"fields\":\"a\",\"id\":\"b\"}",
		  "{\"fldF\":\"a\",\"fldI\":\"b\"}", 0 },
		{ "{\"id\":\"b\",\"N\":\"x\"}",
		  "{\"fldI\":\"b\",\"fldN\":\"x\"}", 0 },
		{ "{\"id\":\"rec8vAzQ1b2c3d4e5\"}", "{}", 0 },
		{ "{\"id\":\"b\"}", "cannot be changed", -EPERM },
		{ "{\"fldI\":\"b\"}", "{\"fldI\":\"b\"}", 0 },
		{ "{\"computed\":\"c\",\"N\":\"x\"}",
		  "{\"fldC\":\"c\",\"fldN\":\"x\"}", 0 },
	};
	json_t *root = json_of("{\"tables\":[{\"id\":\"tblT\",\"name\":\"T\","
		"\"fields\":[" F("F", "fields", "singleLineText") "},"
		F("I", "id", "singleLineText") "},"
		F("C", "computed", "singleLineText") "},"
		F("N", "N", "singleLineText") "}]}]}");
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;
	struct schema *s;
	size_t i;
	int r;

	(void)state;
	assert_int_equal(schema_parse(root, &s), 0);
	c.table = &s->tables[0];
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = judge(rows[i].text, strlen(rows[i].text), &c, &e, &err);
		if (r != rows[i].err)
			fail_msg("%s: result %d, %s", rows[i].text, r,
				 err.reason);
		if (r < 0) {
			check_refusal(rows[i].text, &err, "", rows[i].want,
				      NULL);
			continue;
		}
		check_json(rows[i].text, "changes", e.changes, rows[i].want);
		recfile_edit_release(&e);
	}
	schema_unref(s);
	json_decref(root);
}

static const struct {
	const char *field, *text;
	int err;
	const char *want; /* JSON, or a part of the reason */
} primaries[] = {
	{ "Name", "Lamp", 0, "\"Lamp\"" },
	{ "Name", "", -EINVAL, "cannot hold" },
	{ "Price", "12.5", 0, "12.5" },
	{ "Price", "Lamp", -EINVAL, "cannot hold \"Lamp\"" },
	{ "Price", "1e999", -EINVAL, "cannot hold" },
	{ "Price", "[1]", -EINVAL, "cannot hold" },
	{ "Stars", "9", -EINVAL, "from 1 to 5" },
	{ "Status", "Sold out", 0, "\"Sold out\"" },
	{ "Status", "Lost", -EINVAL, "no choice" },
	{ "Day", "2024-03-01", 0, "\"2024-03-01\"" },
	{ "Day", "soon", -EINVAL, "calendar" },
	{ "At", "2024-03-01T10:00+01:00", 0, "\"2024-03-01T09:00:00.000Z\"" },
	{ "Code", "123", 0, "{\"text\":\"123\"}" },
	{ "Done", "true", -EINVAL, "cannot hold" },
	{ "Links", "Lamp", -EINVAL, "cannot hold" },
	{ "Total", "1", -EPERM, "computed" },
	{ "New type", "1", -EPERM, "computed" },
};

static void primary_value(void **state)
{
	struct save_error err;
	json_t *v;
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < sizeof(primaries) / sizeof(primaries[0]); i++) {
		const struct schema_field *f = schema_find_field(
			&schema->tables[0], primaries[i].field);

		v = NULL;
		err = (struct save_error){ 0 };
		r = recfile_primary_value(f, primaries[i].text, &v, &err);
		if (r != primaries[i].err || r != err.err)
			fail_msg("%s '%s': result %d", primaries[i].field,
				 primaries[i].text, r);
		if (r == 0)
			check_json(primaries[i].text, "value", v,
				   primaries[i].want);
		else
			check_refusal(primaries[i].text, &err, f->name,
				      primaries[i].want, NULL);
		json_decref(v);
	}
}

static const struct {
	const char *type, *cell, *want;
} primary_texts[] = {
	{ "singleLineText", "\" Lamp \"", " Lamp " },
	{ "singleLineText", "\"\"", NULL },
	{ "singleLineText", "null", NULL },
	{ "richText", "\"\\n\"", NULL },
	{ "number", "12.50", "12.5" },
	{ "number", "0", "0" },
	{ "date", "\"2024-03-01\"", "2024-03-01" },
	{ "formula", "{\"error\":\"#ERROR!\"}", NULL },
	{ "formula", "{\"specialValue\":\"NaN\"}", NULL },
	{ "formula", "[\"a\",1,{\"error\":\"x\"},null,true]", "a, 1, true" },
	{ "multipleLookupValues", "[{\"error\":\"x\"}]", NULL },
	{ "multipleLookupValues", "[[\"deep\"]]", NULL },
	{ "multipleLookupValues", "[null,\"b\"]", "b" },
	{ "singleCollaborator", "{\"id\":\"usrA\",\"name\":\"Anna\"}", "Anna" },
	{ "singleCollaborator", "{\"id\":\"usrA\",\"email\":\"a@x\"}", "a@x" },
	{ "singleCollaborator", "{\"id\":\"usrA\"}", "usrA" },
	{ "barcode", "{\"text\":\"123\",\"type\":\"x\"}", "123" },
	{ "aiText", "{\"state\":\"generated\",\"value\":\"v\"}", "v" },
	{ "aiText", "{\"state\":\"empty\",\"value\":null}", NULL },
	{ "checkbox", "false", NULL },
	{ "multipleAttachments", "[{\"id\":\"att1\",\"url\":\"u\","
	  "\"filename\":\"a.png\"}]", "a.png" },
};

static void primary_text(void **state)
{
	char text[300], *is;
	struct schema *s;
	json_t *root, *cells;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(primary_texts) / sizeof(primary_texts[0]);
	     i++) {
		snprintf(text, sizeof(text), "{\"tables\":[{\"id\":\"tblT\","
			 "\"name\":\"T\",\"primaryFieldId\":\"fldP\","
			 "\"fields\":[" F("P", "P", "%s") "}]}]}",
			 primary_texts[i].type);
		root = json_of(text);
		assert_int_equal(schema_parse(root, &s), 0);
		cells = json_pack("{s:o}", "fldP",
				  json_of(primary_texts[i].cell));
		is = recfile_primary_text(&s->tables[0], cells);
		if (!is != !primary_texts[i].want ||
		    (is && strcmp(is, primary_texts[i].want) != 0))
			fail_msg("%s: '%s'", primary_texts[i].cell,
				 is ? is : "nothing");
		free(is);
		is = recfile_primary_text(&s->tables[0], NULL);
		assert_null(is);
		s->tables[0].primary = s->tables[0].fields_n;
		is = recfile_primary_text(&s->tables[0], cells);
		assert_null(is);
		json_decref(cells);
		schema_unref(s);
		json_decref(root);
	}
}

static void primary_text_with_nul(void **state)
{
	json_t *cells = json_pack("{s:s#}", "fldName", "a\0b", 3);
	char *is = recfile_primary_text(&schema->tables[0], cells);

	(void)state;
	assert_string_equal(is, "a\u2400b");
	free(is);
	json_decref(cells);
}

static const struct {
	const char *section, *key;
	long item;
	const char *want; /* what begins at the place; NULL: not found */
} places[] = {
	{ NULL, "a", -1, "1," },
	{ NULL, "b\"\\/\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", -1, "true" },
	{ NULL, "s", -1, "{" },
	{ NULL, "x", -1, NULL },
	{ "s", "a", -1, "[ [1" },
	{ "s", "a", 0, "[1, 2" },
	{ "s", "a", 1, "\"],\\\"\" ," },
	{ "s", "a", 2, "{\"k\": [}" },
	{ "s", "a", 3, "[ [1" },
	{ "s", "", -1, "null" },
	{ "s", "b", -1, NULL },
	{ "a", "b", -1, NULL },
	{ "t", "b", -1, NULL },
};

static void locate(void **state)
{
	static const char text[] = " {\"skip\":{\"a\":[\"}\",{}]}, \"a\" : 1,"
		"\"b\\\"\\\\\\/\\n\\u00e9\\u20AC\\ud83d\\uDE00\":true,\n"
		"\"s\":{\"e\":-1.5e3,\"a\":[ [1, 2] , \"],\\\"\" ,"
		"{\"k\": []}],\"\":null}}";
	struct json_place p;
	unsigned line, column;
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *want = places[i].want;
		bool found = recfile_locate(text, strlen(text),
					    places[i].section, places[i].key,
					    &p);

		if (found != (want != NULL))
			fail_msg("%zu: found %d", i, found);
		if (!found)
			continue;
		at = places[i].item < 0 ? p.value :
			recfile_locate_item(text, strlen(text), p.value,
					    (size_t)places[i].item);
		if (strncmp(text + at, want, strcspn(want, "}")) != 0)
			fail_msg("%zu: at '%s'", i, text + at);
		assert_int_equal(text[p.key], '"');
	}
	recfile_line_column("a\xc3\xa9\nb", 5, 3, &line, &column);
	assert_int_equal(line, 1);
	assert_int_equal(column, 3);
	recfile_line_column("a\xc3\xa9\nb", 5, 4, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 1);
}

static void wording(void **state)
{
	struct text_list list = { .used = 0 };
	struct save_error e;
	struct nearest near;
	char cut[10], name[200];
	size_t i;

	(void)state;
	text_cut(cut, sizeof(cut), "123456789");
	assert_string_equal(cut, "123456789");
	text_cut(cut, sizeof(cut), "1234567890");
	assert_string_equal(cut, "123456\u2026");
	text_cut(cut, sizeof(cut), "12345\xe2\x82\xac\xe2\x82\xac");
	assert_string_equal(cut, "12345\u2026");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	save_error_set(&e, -EINVAL, "%s%s%s", name, name, name);
	assert_int_equal(strlen(e.reason), sizeof(e.reason) - 1);
	assert_non_null(strstr(e.reason, "x\u2026"));
	for (i = 0; i < 100; i++)
		text_list_add(&list, name);
	assert_non_null(strstr(text_list_end(&list), "\" and 9"));
	nearest_init(&near, "a");
	nearest_try(&near, "b");
	assert_null(near.best);
	nearest_try(&near, "A");
	assert_string_equal(near.best, "A");
	nearest_init(&near, "Stauts");
	nearest_try(&near, "Start");
	nearest_try(&near, "Status");
	assert_string_equal(near.best, "Status");
	nearest_init(&near, name);
	nearest_try(&near, "xxx");
	assert_null(near.best);
	name[0] = 'X';
	nearest_try(&near, name);
	assert_ptr_equal(near.best, name);
	save_error_set(NULL, -EINVAL, "nothing to write to");
}

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* Allocations of jansson until one fails; < 0: none does. */
static long allocations_left = -1;

static void *failing_malloc(size_t n)
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	return malloc(n);
}

/* Whichever allocation fails, nothing is lost and it is never said to be the
 * user's fault; in the end all succeed. */
static void no_memory(void **state)
{
	static const char text[] = "{\"fields\":{\"Name\":\"x\",\"Price\":"
		"1.5,\"Tags\":[\"green\"],\"At\":\"2024-03-02T10:00Z\","
		"\"Owner\":\"b@x.org\",\"Team\":[\"usrA\",\"b@x.org\"],"
		"\"Links\":[\"Lamp\",\"recL1\"],\"Files\":[{\"id\":\"att1\"},"
		"{\"url\":\"https://x/n\"}],\"Code\":{\"text\":\"9\",\"type\":"
		"null}},\"computed\":{\"Total\":400,\"New type\":{\"odd\":"
		"[1]}}}";
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;
	long n;
	int r = -ENOMEM;

	(void)state;
	json_set_alloc_funcs(failing_malloc, free);
	for (n = 0; n < 2000 && r != 0; n++) {
		allocations_left = n;
		r = judge(text, strlen(text), &c, &e, &err);
		allocations_left = -1;
		if (r != 0 && r != -ENOMEM)
			fail_msg("allocation %ld: result %d, %s", n, r,
				 err.reason);
	}
	assert_int_equal(r, 0);
	assert_in_range(n, 50, 1999);
	assert_int_equal(json_object_size(e.changes), 9);
	recfile_edit_release(&e);
	json_set_alloc_funcs(malloc, free);
}

/* Damaged files are judged without harm, and every refusal is complete. */
static void random_damage_P6(void **state)
{
	static const char *const bits[] = { "\"", "{", "}", "[", "]", ",", ":",
		"null", "true", "1", "-", "1e999", "\"\"", "\\u0000", "[]",
		"{\"id\":\"usrB\"}", "99999999999999999999", "\xff", "fld",
		"\"id\":\"att1\",", "{\"url\":\"https://x\"}," };
	struct recfile_context c = context(false);
	struct recfile_edit e;
	struct save_error err;
	size_t n, len, at, whole_n, taken_n = 0;
	char *file, *text;
	int i, r, times;

	(void)state;
	seed = 99;
	assert_int_equal(render_record(c.table, c.record_id, c.created_time,
				       raw, NULL, &file, &whole_n), 0);
	text = malloc(whole_n + 200);
	assert_non_null(text);
	for (i = 0; i < 6000; i++) {
		n = whole_n;
		memcpy(text, file, n);
		for (times = 1 + (int)random_below(3); times > 0; times--) {
			const char *bit = bits[random_below(sizeof(bits) /
							    sizeof(bits[0]))];

			at = random_below((uint32_t)n);
			len = random_below(4);
			len = len > n - at ? n - at : len;
			memmove(text + at, text + at + len, n - at - len);
			n -= len;
			if (random_below(3) == 0)
				continue;
			len = strlen(bit);
			memmove(text + at + len, text + at, n - at);
			memcpy(text + at, bit, len);
			n += len;
		}
		text[n] = '\0';
		r = judge(text, n, &c, &e, &err);
		taken_n += r == 0;
		if (r < 0 && (err.reason[0] == '\0' || err.line == 0))
			fail_msg("%d: '%s': no reason or place", i, text);
		if (r == 0)
			recfile_edit_release(&e);
	}
	assert_in_range(taken_n, 50, 5950);
	free(text);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_taken),
		cmocka_unit_test(every_type_refused_P6),
		cmocka_unit_test(whole_files),
		cmocka_unit_test(not_text_P6),
		cmocka_unit_test(rendered_file_is_no_change_P5),
		cmocka_unit_test(pending_attachment),
		cmocka_unit_test(odd_cells_stay),
		cmocka_unit_test(new_records),
		cmocka_unit_test(new_record_complete),
		cmocka_unit_test(options),
		cmocka_unit_test(own_key_names),
		cmocka_unit_test(primary_value),
		cmocka_unit_test(primary_text),
		cmocka_unit_test(primary_text_with_nul),
		cmocka_unit_test(locate),
		cmocka_unit_test(wording),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(random_damage_P6),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
