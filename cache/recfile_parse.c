/* recfile_parse - from bytes to a JSON object, or the place and the words of
 * what is wrong with them. The scanner goes first: it bounds the nesting, so
 * that jansson may recurse, and its words are for people. */
#include <errno.h>
#include <string.h>

#include "recfile_internal.h"
#include "scan.h"

static bool is_all(const char *bytes, size_t n, const char *any, size_t any_n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!memchr(any, bytes[i], any_n))
			return false;
	return true;
}

static int check_bytes(const char *bytes, size_t n, struct save_error *e)
{
	struct scan s;

	if (n > RECFILE_BYTES_MAX) {
		save_error_set(e, -EMSGSIZE,
			       "the file is larger than %u MB",
			       RECFILE_BYTES_MAX >> 20);
		return -EMSGSIZE;
	}
	if (is_all(bytes, n, " \t\r\n", 4)) {
		save_error_set(e, -EINVAL, "the file is empty");
		save_error_hint(e, "to clear a field write null; to delete "
				"the record remove the file");
		return -EINVAL;
	}
	if (is_all(bytes, n, "\0 \t\r\n", 5)) {
		save_error_set(e, -EINVAL, "the file is all NUL bytes, as "
			       "after a crash of what wrote it");
		save_error_hint(e, "save it again from the editor");
		return -EINVAL;
	}
	scan_init(&s);
	if (scan_feed(&s, bytes, n) == SCAN_COMPLETE)
		return 0;
	save_error_set(e, -EINVAL, "not valid JSON: %s",
		       s.result == SCAN_INVALID ? s.reason : scan_missing(&s));
	e->line = s.line;
	e->column = s.column;
	return -EINVAL;
}

/* The token that ends at offset: back to the quote that opens it, or to the
 * first letter of a number. */
static size_t token_start(const char *bytes, size_t end)
{
	size_t i = end, slashes;

	if (i < 2 || bytes[i - 1] != '"') {
		while (i > 0 && strchr("+-.0123456789eE", bytes[i - 1]))
			i--;
		return i;
	}
	for (i -= 2; i > 0; i--) {
		if (bytes[i] != '"')
			continue;
		for (slashes = 0; slashes < i; slashes++)
			if (bytes[i - 1 - slashes] != '\\')
				break;
		if (slashes % 2 == 0)
			break;
	}
	return i;
}

static int refuse(const char *bytes, size_t n, const json_error_t *error,
		  struct save_error *e)
{
	size_t end = error->position > 0 ? (size_t)error->position : 0;
	size_t start, token_n;
	char token[200], cut[84];

	if (end > n)
		end = n;
	start = token_start(bytes, end);
	token_n = end - start < sizeof(token) ? end - start :
		sizeof(token) - 1;
	memcpy(token, bytes + start, token_n);
	token[token_n] = '\0';
	text_cut(cut, sizeof(cut), token);
	switch ((int)json_error_code(error)) {
	case json_error_duplicate_key:
		save_error_set(e, -EINVAL, "the key %s is there twice", cut);
		save_error_hint(e, "keep one of them");
		break;
	case json_error_numeric_overflow:
		save_error_set(e, -EINVAL, "the number %s is too large", cut);
		break;
	default:
		/* the scanner found it valid, so it is no fault of the file;
		 * jansson has no code for most failed allocations */
		save_error_set(e, -ENOMEM, "no memory to check the file");
		return -ENOMEM;
	}
	recfile_line_column(bytes, n, start, &e->line, &e->column);
	return -EINVAL;
}

int recfile_parse(const char *bytes, size_t n, json_t **ret, bool *ret_rounded,
		  struct save_error *e)
{
	size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	json_error_t error;
	json_t *doc;
	int r;

	r = check_bytes(bytes, n, e);
	if (r < 0)
		return r;
	*ret_rounded = false;
	doc = json_loadb(bytes, n, flags, &error);
	/* an integer beyond 64 bits may still be a cell as it was shown */
	if (!doc && json_error_code(&error) == json_error_numeric_overflow) {
		doc = json_loadb(bytes, n, flags | JSON_DECODE_INT_AS_REAL,
				 &error);
		*ret_rounded = true;
	}
	if (!doc)
		return refuse(bytes, n, &error, e);
	*ret = doc;
	return 0;
}
