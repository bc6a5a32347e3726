/* options_int - what options.c (the command line) and options_words.c (the words
 * of -o) share. Messages go to stderr, one line; -EINVAL or -ENOMEM. */
#ifndef ATFS_OPTIONS_INT_H
#define ATFS_OPTIONS_INT_H

#include <stddef.h>

#include "options.h"

int options_complain(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
int options_complain_secret(void); /* says where a token belongs */
int options_no_memory(void);
/* "token" and the like, n bytes of word. */
bool options_is_secret(const char *word, size_t n);
bool options_is_token(const char *text);

int options_set_text(char **at, const char *value);
int options_set_path(char **at, const char *value);

/* A list of -o, split at commas; a backslash keeps the next byte as it is. */
int options_take_list(struct options *o, const char *list);

#endif
