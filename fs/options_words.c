#include "options_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nearest.h"

/* How many of something an option takes at most. Ours. */
#define COUNT_MAX 1000000000ul

enum word_kind {
	WORD_FLAG,    /* sets a bool to true */
	WORD_UNFLAG,  /* sets it to false */
	WORD_CHOICE,  /* one of two words: the first means false */
	WORD_SECONDS,
	WORD_COUNT,
	WORD_TEXT,
	WORD_LIST,    /* a text that may be empty */
	WORD_PATH,    /* made absolute: a daemon works in "/" */
	WORD_PASS,    /* libfuse's, no value */
	WORD_PASS_VALUE,
	WORD_IGNORE,  /* a word of fstab or of older FUSE; value or not */
};

struct word {
	const char *name;
	enum word_kind kind;
	bool pass;                 /* libfuse wants to know it as well */
	size_t at;                 /* in struct options */
	const char *no, *yes;      /* of a choice */
};

#define AT(member) offsetof(struct options, member)

static const struct word words[] = {
	/* ours */
	{ "ro", WORD_FLAG, true, AT(read_only), NULL, NULL },
	{ "rw", WORD_UNFLAG, true, AT(read_only), NULL, NULL },
	{ "ttl", WORD_SECONDS, false, AT(ttl_s), NULL, NULL },
	{ "live", WORD_FLAG, false, AT(live), NULL, NULL },
	{ "full_ttl", WORD_SECONDS, false, AT(full_ttl_s), NULL, NULL },
	{ "writeback", WORD_SECONDS, false, AT(writeback_s), NULL, NULL },
	{ "delete_delay", WORD_SECONDS, false, AT(delete_delay_s), NULL, NULL },
	{ "drain", WORD_SECONDS, false, AT(drain_s), NULL, NULL },
	{ "max_deletes", WORD_COUNT, false, AT(max_deletes), NULL, NULL },
	{ "max_calls_month", WORD_COUNT, false, AT(max_calls_month), NULL,
	  NULL },
	{ "no_fetch_for", WORD_LIST, false, AT(no_fetch_for), NULL, NULL },
	{ "names", WORD_CHOICE, false, AT(names_by_id), "name", "id" },
	{ "side", WORD_CHOICE, false, AT(side_list), "hide", "list" },
	{ "computed", WORD_CHOICE, false, AT(hide_computed), "show", "hide" },
	{ "conflict", WORD_CHOICE, false, AT(conflict_off), "on", "off" },
	{ "close", WORD_CHOICE, false, AT(close_sync), "fast", "sync" },
	{ "typecast", WORD_FLAG, false, AT(typecast), NULL, NULL },
	{ "upsert_key", WORD_TEXT, false, AT(upsert_key), NULL, NULL },
	{ "profile", WORD_TEXT, false, AT(profile), NULL, NULL },
	{ "endpoint", WORD_TEXT, false, AT(endpoint), NULL, NULL },
	{ "token_file", WORD_PATH, false, AT(token_file), NULL, NULL },
	{ "ca_file", WORD_PATH, false, AT(ca_file), NULL, NULL },
	/* libfuse's */
	{ "allow_other", WORD_FLAG, true, AT(allow_other), NULL, NULL },
	{ "debug", WORD_FLAG, true, AT(fuse_debug), NULL, NULL },
	{ "clone_fd", WORD_FLAG, false, AT(clone_fd), NULL, NULL },
	{ "max_threads", WORD_COUNT, false, AT(max_threads), NULL, NULL },
	{ "max_idle_threads", WORD_COUNT, false, AT(max_idle_threads), NULL,
	  NULL },
	{ "fsname", WORD_PASS_VALUE, true, 0, NULL, NULL },
	{ "max_read", WORD_PASS_VALUE, true, 0, NULL, NULL },
	{ "context", WORD_PASS_VALUE, true, 0, NULL, NULL },
	{ "fscontext", WORD_PASS_VALUE, true, 0, NULL, NULL },
	{ "defcontext", WORD_PASS_VALUE, true, 0, NULL, NULL },
	{ "rootcontext", WORD_PASS_VALUE, true, 0, NULL, NULL },
	{ "allow_root", WORD_PASS, true, 0, NULL, NULL },
	{ "auto_unmount", WORD_PASS, true, 0, NULL, NULL },
	{ "nosuid", WORD_PASS, true, 0, NULL, NULL },
	{ "nodev", WORD_PASS, true, 0, NULL, NULL },
	{ "exec", WORD_PASS, true, 0, NULL, NULL },
	{ "noexec", WORD_PASS, true, 0, NULL, NULL },
	{ "async", WORD_PASS, true, 0, NULL, NULL },
	{ "sync", WORD_PASS, true, 0, NULL, NULL },
	{ "dirsync", WORD_PASS, true, 0, NULL, NULL },
	{ "atime", WORD_PASS, true, 0, NULL, NULL },
	{ "noatime", WORD_PASS, true, 0, NULL, NULL },
	/* always on, whoever asks */
	{ "default_permissions", WORD_IGNORE, false, 0, NULL, NULL },
	{ "nonempty", WORD_IGNORE, false, 0, NULL, NULL },
	/* mount.fuse3 adds these two for root. There is no device and no
	 * program in the tree, so the safe setting costs nothing. */
	{ "dev", WORD_IGNORE, false, 0, NULL, NULL },
	{ "suid", WORD_IGNORE, false, 0, NULL, NULL },
	/* what fstab says to others */
	{ "defaults", WORD_IGNORE, false, 0, NULL, NULL },
	{ "auto", WORD_IGNORE, false, 0, NULL, NULL },
	{ "noauto", WORD_IGNORE, false, 0, NULL, NULL },
	{ "nofail", WORD_IGNORE, false, 0, NULL, NULL },
	{ "fail", WORD_IGNORE, false, 0, NULL, NULL },
	{ "_netdev", WORD_IGNORE, false, 0, NULL, NULL },
	{ "_rnetdev", WORD_IGNORE, false, 0, NULL, NULL },
	{ "user", WORD_IGNORE, false, 0, NULL, NULL },
	{ "nouser", WORD_IGNORE, false, 0, NULL, NULL },
	{ "users", WORD_IGNORE, false, 0, NULL, NULL },
	{ "owner", WORD_IGNORE, false, 0, NULL, NULL },
	{ "group", WORD_IGNORE, false, 0, NULL, NULL },
	{ "comment", WORD_IGNORE, false, 0, NULL, NULL },
	{ "diratime", WORD_IGNORE, false, 0, NULL, NULL },
	{ "nodiratime", WORD_IGNORE, false, 0, NULL, NULL },
	{ "relatime", WORD_IGNORE, false, 0, NULL, NULL },
	{ "norelatime", WORD_IGNORE, false, 0, NULL, NULL },
	{ "strictatime", WORD_IGNORE, false, 0, NULL, NULL },
	{ "lazytime", WORD_IGNORE, false, 0, NULL, NULL },
};

#define WORDS_N (sizeof(words) / sizeof(words[0]))

/* Appends "word" or "word=value" for libfuse, which splits at commas and takes
 * a backslash off. */
static int pass_on(struct options *o, const char *name, const char *value)
{
	size_t old = o->fuse_opts != NULL ? strlen(o->fuse_opts) : 0;
	size_t need = old + strlen(name) + 3;
	char *p;

	if (value != NULL)
		need += 2 * strlen(value);
	p = realloc(o->fuse_opts, need);
	if (p == NULL)
		return options_no_memory();
	o->fuse_opts = p;
	p += old;
	if (old > 0)
		*p++ = ',';
	p = stpcpy(p, name);
	if (value == NULL)
		return 0;
	*p++ = '=';
	for (; *value != '\0'; value++) {
		if (*value == ',' || *value == '\\')
			*p++ = '\\';
		*p++ = *value;
	}
	*p = '\0';
	return 0;
}

static int set_count(unsigned *at, const char *name, const char *value)
{
	unsigned long v;
	char *end;

	if (strspn(value, "0123456789") != strlen(value) || *value == '\0')
		return options_complain("-o %s=%s: not a whole number", name, value);
	errno = 0;
	v = strtoul(value, &end, 10);
	if (errno != 0 || v > COUNT_MAX)
		return options_complain("-o %s=%s: too large", name, value);
	*at = (unsigned)v;
	return 0;
}

static int set_seconds(double *at, const char *name, const char *value)
{
	int r = options_read_seconds(value, at);

	if (r == -ERANGE)
		return options_complain("-o %s=%s: longer than a year", name, value);
	if (r < 0)
		return options_complain("-o %s=%s: not a time; write seconds, or a "
				"number with ms, s, m or h", name, value);
	return 0;
}

static bool takes_value(enum word_kind kind)
{
	switch (kind) {
	case WORD_CHOICE:
	case WORD_SECONDS:
	case WORD_COUNT:
	case WORD_TEXT:
	case WORD_LIST:
	case WORD_PATH:
	case WORD_PASS_VALUE:
		return true;
	case WORD_FLAG:
	case WORD_UNFLAG:
	case WORD_PASS:
	case WORD_IGNORE:
		break;
	}
	return false;
}

static int set_value(struct options *o, const struct word *w, const char *value)
{
	char *at = (char *)o + w->at;

	switch (w->kind) {
	case WORD_FLAG:
		*(bool *)at = true;
		return 0;
	case WORD_UNFLAG:
		*(bool *)at = false;
		return 0;
	case WORD_CHOICE:
		if (strcmp(value, w->no) != 0 && strcmp(value, w->yes) != 0)
			return options_complain("-o %s=%s: must be '%s' or '%s'",
					w->name, value, w->no, w->yes);
		*(bool *)at = strcmp(value, w->yes) == 0;
		return 0;
	case WORD_SECONDS:
		return set_seconds((double *)(void *)at, w->name, value);
	case WORD_COUNT:
		return set_count((unsigned *)(void *)at, w->name, value);
	case WORD_TEXT:
	case WORD_LIST:
		return options_set_text((char **)(void *)at, value);
	case WORD_PATH:
		return options_set_path((char **)(void *)at, value);
	case WORD_PASS:
	case WORD_PASS_VALUE:
	case WORD_IGNORE:
		break;
	}
	return 0;
}

static int unknown_word(const char *name, size_t n)
{
	const char *names[WORDS_N], *near;
	size_t known = 0;

	for (size_t i = 0; i < WORDS_N; i++)
		if (words[i].kind != WORD_IGNORE)
			names[known++] = words[i].name;
	near = nearest_word(name, n, names, known);
	if (near != NULL)
		return options_complain("-o %.*s: unknown option; did you mean '%s'?",
				(int)n, name, near);
	return options_complain("-o %.*s: unknown option; 'airtablefs help mount' "
			"lists them", (int)n, name);
}

/* One word of -o, "name" or "name=value". */
static int take_word(struct options *o, const char *text)
{
	size_t n = strcspn(text, "=");
	const char *value = text[n] == '=' ? text + n + 1 : NULL;
	const struct word *w = NULL;
	int r;

	if (strncasecmp(text, "x-", 2) == 0)
		return 0; /* fstab's room for anybody's words */
	if (options_is_secret(text, n) || options_is_token(text))
		return options_complain_secret();
	for (size_t i = 0; i < WORDS_N && w == NULL; i++)
		if (strlen(words[i].name) == n &&
		    strncmp(words[i].name, text, n) == 0)
			w = &words[i];
	if (w == NULL)
		return unknown_word(text, n);
	if (w->kind == WORD_IGNORE)
		return 0;
	if (takes_value(w->kind) &&
	    (value == NULL || (*value == '\0' && w->kind != WORD_LIST)))
		return options_complain("-o %s: needs a value (%s=...)", w->name,
				w->name);
	if (!takes_value(w->kind) && value != NULL)
		return options_complain("-o %s: takes no value", w->name);
	r = set_value(o, w, value);
	if (r < 0 || !w->pass)
		return r;
	if (strcmp(w->name, "fsname") == 0)
		o->has_fsname = true;
	return pass_on(o, w->name, value);
}

int options_take_list(struct options *o, const char *list)
{
	char *word = malloc(strlen(list) + 1), *p;
	int r = 0;

	if (word == NULL)
		return options_no_memory();
	while (r == 0 && *list != '\0') {
		for (p = word; *list != '\0' && *list != ','; list++) {
			if (*list == '\\' && list[1] != '\0')
				list++;
			*p++ = *list;
		}
		*p = '\0';
		if (*list == ',')
			list++;
		if (word[0] != '\0')
			r = take_word(o, word);
	}
	free(word);
	return r;
}

