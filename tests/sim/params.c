#include "params.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mem.h"

#define INDEX_MAX 1000	/* of a[N]; far above any list the API takes */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *params_unescape(const char *s, size_t n, bool plus)
{
	char *out = sim_alloc(n + 1);
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%') {
			int a = i + 2 < n ? hex(s[i + 1]) : -1;
			int b = i + 2 < n ? hex(s[i + 2]) : -1;

			if (a < 0 || b < 0 || (a == 0 && b == 0)) {
				free(out);
				return NULL;
			}
			out[k++] = (char)(a * 16 + b);
			i += 2;
		} else {
			out[k++] = plus && s[i] == '+' ? ' ' : s[i];
		}
	}
	for (size_t i = 0; i < k; i += n) {
		n = buf_utf8(out + i, k - i);
		if (!n) {
			free(out);
			return NULL;
		}
	}
	return out;
}

int params_parse(struct params *p, const char *q)
{
	while (q && *q) {
		size_t n = strcspn(q, "&");
		size_t k = 0;
		struct param *e;

		while (k < n && q[k] != '=')
			k++;
		if (n) {
			p->v = sim_grow(p->v, p->n, &p->cap, sizeof(*p->v));
			e = &p->v[p->n++];
			e->key = params_unescape(q, k, true);
			e->value = k < n ? params_unescape(q + k + 1,
							   n - k - 1, true)
					 : sim_strdup("");
			if (!e->key || !e->value)
				return -1;
		}
		q += n;
		q += *q == '&';
	}
	return 0;
}

void params_release(struct params *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].key);
		free(p->v[i].value);
	}
	free(p->v);
	*p = (struct params){ 0 };
}

/* "[0]" gives 0, "[]" gives -1 (append), anything else -2. */
static long index_of(const char **s)
{
	char *end;
	long n;

	if ((*s)[0] != '[')
		return -2;
	if ((*s)[1] == ']') {
		*s += 2;
		return -1;
	}
	n = strtol(*s + 1, &end, 10);
	if (end == *s + 1 || *end != ']' || n < 0 || n > INDEX_MAX)
		return -2;
	*s = end + 1;
	return n;
}

static json_t *element(json_t *list, long at)
{
	while ((long)json_array_size(list) <= at)
		json_array_append_new(list, json_object());
	return json_array_get(list, (size_t)at);
}

/* key[...]...=value into `o`; false for a shape no parameter has. */
static bool put_list(json_t *o, const char *name, const char *rest,
		     const char *value)
{
	json_t *list = json_object_get(o, name);
	long at = index_of(&rest);
	size_t n = strlen(rest);

	if (at == -2)
		return false;
	if (!list) {
		list = json_array();
		json_object_set_new(o, name, list);
	}
	if (!json_is_array(list))
		return false;
	if (!n) {
		json_array_append_new(list, json_string(value));
		return true;
	}
	if (at < 0 || rest[0] != '[' || rest[n - 1] != ']' || n < 3)
		return false;
	list = element(list, at);
	if (!json_is_object(list))
		return false;
	{
		char *key = sim_strndup(rest + 1, n - 2);

		json_object_set_new(list, key, json_string(value));
		free(key);
	}
	return true;
}

static void put_plain(json_t *o, const char *name, const char *value)
{
	json_t *old = json_object_get(o, name);
	json_t *list;

	if (!old) {
		json_object_set_new(o, name, json_string(value));
	} else if (json_is_array(old)) {
		json_array_append_new(old, json_string(value));
	} else {
		list = json_array();
		json_array_append(list, old);
		json_array_append_new(list, json_string(value));
		json_object_set_new(o, name, list);
	}
}

json_t *params_json(const struct params *p)
{
	json_t *o = json_object();

	for (size_t i = 0; i < p->n; i++) {
		const char *key = p->v[i].key;
		const char *at = strchr(key, '[');
		char *name;
		bool ok = true;

		if (!*p->v[i].value)
			continue;
		if (!at) {
			put_plain(o, key, p->v[i].value);
			continue;
		}
		name = sim_strndup(key, (size_t)(at - key));
		ok = put_list(o, name, at, p->v[i].value);
		free(name);
		if (!ok) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}
