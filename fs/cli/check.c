/* check: the judge of a save, on files that are nobody's save. What the record
 * holds is not asked for, so computed values and attachments are believed, and
 * so are names of linked records. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "cli.h"

static int read_file(const char *path, char **ret, size_t *ret_n)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t n = 0, room = 1u << 16, got;
	char *buf = malloc(room), *p;
	int r = 0;

	if (f == NULL) {
		r = -errno;
		free(buf);
		return r;
	}
	errno = 0;
	while (buf != NULL && (got = fread(buf + n, 1, room - n, f)) > 0) {
		n += got;
		if (n < room)
			continue;
		p = room <= RECFILE_BYTES_MAX ? realloc(buf, 2 * room) : NULL;
		if (p == NULL) {
			r = room > RECFILE_BYTES_MAX ? -EFBIG : -ENOMEM;
			break;
		}
		buf = p;
		room *= 2;
	}
	if (buf == NULL)
		r = -ENOMEM;
	else if (r == 0 && ferror(f))
		r = errno != 0 ? -errno : -EIO;
	if (f != stdin)
		fclose(f);
	if (r < 0) {
		free(buf);
		return r;
	}
	*ret = buf;
	*ret_n = n;
	return 0;
}

/* ---- the table ---- */

/* A table as the Metadata API gives it, or a whole answer of one table. */
static int load_schema(const char *path, struct schema **ret)
{
	json_t *table = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	json_t *root = table;
	int r;

	if (table == NULL)
		return access(path, R_OK) < 0 ? -errno : -EPROTO;
	if (json_object_get(table, "tables") == NULL)
		root = json_pack("{s:[o]}", "tables", table);
	r = schema_parse(root, ret);
	json_decref(root);
	if (r == 0 && (*ret)->tables_n != 1) {
		schema_unref(*ret);
		r = -EPROTO;
	}
	return r;
}

static char *schema_below(const char *dir)
{
	char *path;

	return asprintf(&path, "%s/.airtable/schema.json", dir) < 0 ? NULL :
								      path;
}

/* The schema.json of the table that the file is in: of a mount, or of a copy
 * that has one in the same place. */
static char *find_schema(const char *file)
{
	char *dir, *name, *path = NULL, *cut;

	if (!cli_split_file(file, &dir, &name))
		return NULL;
	for (;;) {
		path = schema_below(dir);
		if (path != NULL && access(path, R_OK) == 0)
			break;
		free(path);
		path = NULL;
		cut = strrchr(dir, '/');
		if (cut == NULL || cut == dir)
			break;
		*cut = '\0';
	}
	free(dir);
	free(name);
	return path;
}

/* ---- the judgement ---- */

static bool is_attachments(const json_t *v)
{
	const json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
		if (!json_is_string(json_object_get(item, "id")))
			return false;
	return json_is_array(v);
}

/* What the record is taken to hold: what only it could tell. */
static json_t *believed(const struct schema_table *t, const json_t *doc)
{
	json_t *cells = json_object(), *v;
	json_t *fields = json_object_get(doc, "fields");
	json_t *computed = json_object_get(doc, "computed");

	if (!json_is_object(fields))
		fields = (json_t *)doc;
	for (size_t i = 0; i < t->fields_n; i++) {
		const struct schema_field *f = &t->fields[i];

		v = json_object_get(f->computed ? computed : fields, f->name);
		if (v == NULL && f->computed)
			v = json_object_get(fields, f->name);
		if (v == NULL)
			v = json_object_get(fields, f->id.s);
		if (f->computed ? v != NULL :
				  f->type == FIELD_ATTACHMENTS &&
					  is_attachments(v))
			json_object_set(cells, f->id.s, v);
	}
	return cells;
}

static int believe_link(void *ctx, const struct table_id *table,
			const char *name, struct record_id *ret)
{
	uint64_t h = 1469598103934665603u;

	(void)ctx;
	(void)table;
	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	snprintf(ret->s, sizeof(ret->s), "rec%014llu",
		 (unsigned long long)(h % 100000000000000u));
	return 0;
}

static void tell(const char *file, const struct save_error *e)
{
	char at[64] = "";

	if (e->line > 0)
		snprintf(at, sizeof(at), ":%u:%u", e->line, e->column);
	cli_print(file);
	cli_print(at);
	cli_print(": ");
	cli_print(e->reason);
	if (e->hint[0] != '\0') {
		cli_print(" (");
		cli_print(e->hint);
		cli_print(")");
	}
	cli_print("\n");
}

static int judge(const char *file, const struct schema_table *t, bool typecast)
{
	struct recfile_edit edit = { NULL, NULL, NULL, NULL, false };
	struct save_error e = { .err = 0 };
	struct recfile_context c = { .table = t, .created_time = "",
				     .record_id = "", .typecast = typecast,
				     .resolve_link = believe_link };
	json_t *doc, *cells;
	char *bytes = NULL;
	size_t n = 0;
	int r = read_file(file, &bytes, &n);

	if (r < 0) {
		cli_say("'%s': %s", file, strerror(-r));
		return EXIT_FAILED;
	}
	doc = json_loadb(bytes, n, JSON_ALLOW_NUL, NULL);
	cells = believed(t, doc);
	c.raw = cells;
	if (json_is_string(json_object_get(doc, "id")))
		c.record_id = json_string_value(json_object_get(doc, "id"));
	r = recfile_judge(bytes, n, &c, &edit, &e);
	if (r < 0)
		tell(file, &e);
	else
		recfile_edit_release(&edit);
	json_decref(cells);
	json_decref(doc);
	free(bytes);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int check_file(const char *file, const char *schema_path, bool typecast)
{
	char *found = schema_path == NULL ? find_schema(file) : NULL;
	struct schema *s;
	int r;

	if (schema_path == NULL && found == NULL) {
		cli_say("'%s': it is in no table of a mount; which table is "
			"meant? --schema FILE or --table DIR says so", file);
		return EXIT_FAILED;
	}
	r = load_schema(found != NULL ? found : schema_path, &s);
	if (r < 0)
		cli_say("'%s': %s", found != NULL ? found : schema_path,
			r == -EPROTO ? "no table as .airtable/schema.json has "
				       "it" : strerror(-r));
	free(found);
	if (r < 0)
		return EXIT_FAILED;
	r = judge(file, &s->tables[0], typecast);
	schema_unref(s);
	return r;
}

int cli_check(int argc, char **argv)
{
	const char *schema = NULL, *table = NULL;
	bool typecast = false;
	const struct cli_option own[] = { { "--schema", NULL, &schema },
					  { "--table", NULL, &table },
					  { "--typecast", &typecast, NULL },
					  { NULL, NULL, NULL } };
	struct cli_args a = { .own = own };
	char *of_table = NULL;
	int code = EXIT_DONE;

	if (!cli_parse(&a, argc, argv, CLI_TAKES_MANY))
		return EXIT_USAGE;
	if (a.paths_n == 0 || (schema != NULL && table != NULL)) {
		cli_say(a.paths_n == 0 ? "check: which files?" :
			"check: --schema and --table are two words for one "
			"thing");
		return EXIT_USAGE;
	}
	if (table != NULL)
		schema = of_table = schema_below(table);
	for (int i = 0; i < a.paths_n; i++)
		if (check_file(a.paths[i], schema, typecast) != EXIT_DONE)
			code = EXIT_FAILED;
	free(of_table);
	return code;
}
