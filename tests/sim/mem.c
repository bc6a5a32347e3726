#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
	if (!p) {
		fputs("airtable-sim: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

void *sim_alloc(size_t n)
{
	return checked(calloc(1, n ? n : 1));
}

void *sim_realloc(void *p, size_t n)
{
	return checked(realloc(p, n ? n : 1));
}

char *sim_strdup(const char *s)
{
	return sim_strndup(s, strlen(s));
}

char *sim_strndup(const char *s, size_t n)
{
	char *p = checked(malloc(n + 1));

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

void *sim_grow(void *p, size_t n, size_t *cap, size_t each)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 8;
	return sim_realloc(p, *cap * each);
}
