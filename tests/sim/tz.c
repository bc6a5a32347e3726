#include "tz.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "timefmt.h"
#include "tz_rule.h"

#define FILE_MAX (1 << 20)
#define TYPES_MAX 256

struct tz {
	char *name;
	int64_t *at;		/* transitions, ascending */
	int64_t *offset;	/* from at[i] on */
	size_t n;
	int64_t first;		/* before the first transition */
	struct tz_rule rule;	/* after the last one */
	struct tz *next;
};

static struct tz *known;
static pthread_mutex_t known_mu = PTHREAD_MUTEX_INITIALIZER;

struct reader {
	const unsigned char *p;
	size_t n;
	bool bad;
};

static int64_t number(struct reader *r, size_t bytes)
{
	uint64_t v = 0;

	if (r->n < bytes) {
		r->bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | r->p[i];
	r->p += bytes;
	r->n -= bytes;
	return bytes == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
}

static void skip(struct reader *r, size_t bytes)
{
	if (r->n < bytes) {
		r->bad = true;
		bytes = r->n;
	}
	r->p += bytes;
	r->n -= bytes;
}

struct header {
	char version;
	size_t isut, isstd, leap, times, types, chars;
};

static bool header(struct reader *r, struct header *h)
{
	if (r->n < 44 || memcmp(r->p, "TZif", 4) != 0)
		return false;
	h->version = (char)r->p[4];
	skip(r, 20);
	h->isut = (size_t)number(r, 4);
	h->isstd = (size_t)number(r, 4);
	h->leap = (size_t)number(r, 4);
	h->times = (size_t)number(r, 4);
	h->types = (size_t)number(r, 4);
	h->chars = (size_t)number(r, 4);
	return h->types > 0 && h->types <= TYPES_MAX && h->times < 100000 &&
	       h->chars < 100000 && h->leap < 10000;
}

static size_t body_bytes(const struct header *h, size_t each)
{
	return h->times * (each + 1) + h->types * 6 + h->chars +
	       h->leap * (each + 4) + h->isstd + h->isut;
}

static bool read_body(struct reader *r, const struct header *h, struct tz *z)
{
	const unsigned char *kind;
	int64_t offset[TYPES_MAX];

	z->n = h->times;
	z->at = sim_alloc((z->n + 1) * sizeof(*z->at));
	z->offset = sim_alloc((z->n + 1) * sizeof(*z->offset));
	for (size_t i = 0; i < z->n; i++)
		z->at[i] = number(r, 8);
	kind = r->p;
	skip(r, h->times);
	for (size_t i = 0; i < h->types; i++) {
		offset[i] = number(r, 4);
		skip(r, 2);
	}
	skip(r, h->chars + h->leap * 12 + h->isstd + h->isut);
	if (r->bad)
		return false;
	for (size_t i = 0; i < z->n; i++) {
		if (kind[i] >= h->types)
			return false;
		z->offset[i] = offset[kind[i]];
	}
	z->first = offset[0];
	return true;
}

static void footer(struct reader *r, struct tz *z)
{
	char text[100];
	size_t n = 0;

	if (!r->n || *r->p != '\n')
		return;
	skip(r, 1);
	while (n < r->n && n + 1 < sizeof(text) && r->p[n] != '\n') {
		text[n] = (char)r->p[n];
		n++;
	}
	text[n] = '\0';
	tz_rule_parse(&z->rule, text);
}

static bool parse(const unsigned char *p, size_t n, struct tz *z)
{
	struct reader r = { p, n, false };
	struct header h;

	if (!header(&r, &h) || h.version < '2')
		return false;
	skip(&r, body_bytes(&h, 4));
	if (r.bad || !header(&r, &h) || !read_body(&r, &h, z))
		return false;
	footer(&r, z);
	return true;
}

/* Letters, digits and what IANA names have besides; no way out of the
 * database. */
static bool name_ok(const char *s)
{
	if (!isalpha((unsigned char)*s) || strlen(s) > 60)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("/_+-", *s))
			return false;
	return true;
}

static struct tz *load(const char *name)
{
	const char *dir = getenv("TZDIR");
	unsigned char *data;
	char path[4096];
	struct tz *z;
	size_t n;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/%s", dir ? dir :
		     "/usr/share/zoneinfo", name) >= (int)sizeof(path))
		return NULL;
	f = fopen(path, "rb");
	if (!f)
		return NULL;
	data = sim_alloc(FILE_MAX);
	n = fread(data, 1, FILE_MAX, f);
	fclose(f);
	z = sim_alloc(sizeof(*z));
	z->name = sim_strdup(name);
	if (!parse(data, n, z)) {
		free(z->at);
		free(z->offset);
		free(z->name);
		free(z);
		z = NULL;
	}
	free(data);
	return z;
}

bool tz_find(const char *name, const struct tz **out)
{
	struct tz *z;

	*out = NULL;
	if (!strcasecmp(name, "utc") || !strcmp(name, "client") ||
	    !strcasecmp(name, "gmt"))
		return true;
	if (!name_ok(name))
		return false;
	pthread_mutex_lock(&known_mu);
	for (z = known; z && strcmp(z->name, name) != 0; z = z->next)
		;
	if (!z) {
		z = load(name);
		if (z) {
			z->next = known;
			known = z;
		}
	}
	pthread_mutex_unlock(&known_mu);
	*out = z;
	return z != NULL;
}

int64_t tz_offset_s(const struct tz *z, int64_t utc_s)
{
	size_t lo = 0, hi;

	if (!z)
		return 0;
	hi = z->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= utc_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == z->n && z->rule.known)
		return tz_rule_offset_s(&z->rule, utc_s);
	return lo ? z->offset[lo - 1] : z->first;
}

static int64_t seconds(int64_t ms)
{
	return ms / 1000 - (ms % 1000 < 0);
}

int64_t tz_local_ms(const struct tz *z, int64_t utc_ms)
{
	return utc_ms + tz_offset_s(z, seconds(utc_ms)) * 1000;
}

int64_t tz_utc_ms(const struct tz *z, int64_t local_ms)
{
	int64_t s = seconds(local_ms);
	int64_t before = tz_offset_s(z, s - 86400);
	int64_t after = tz_offset_s(z, s + 86400);

	if (tz_offset_s(z, s - before) == before)
		return local_ms - before * 1000;
	if (tz_offset_s(z, s - after) == after)
		return local_ms - after * 1000;
	return local_ms - before * 1000;	/* left out by a jump */
}
