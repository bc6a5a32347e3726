/* nearest - the known word that a mistyped one was meant to be.
 * Owns: nothing. Threads: any. Errors: none. */
#ifndef ATFS_NEAREST_H
#define ATFS_NEAREST_H

#include <stddef.h>

/* word_n bytes of word are compared. NULL if no word of the list is near: more
 * than two slips away, or more than a third of its letters. Borrowed. */
const char *nearest_word(const char *word, size_t word_n,
			 const char *const *list, size_t n);

#endif
