#include "nearest.h"

#include <stdbool.h>
#include <string.h>

/* What is longer than every word we know is no slip of one. */
#define WORD_MAX 40

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters must be put in, left out, changed or swapped with their
 * neighbour. Rows of the usual table; swaps look back two rows. */
static unsigned distance(const char *a, size_t an, const char *b, size_t bn)
{
	unsigned row[3][WORD_MAX + 1];
	unsigned *two = row[0], *one = row[1], *now = row[2], *spare;

	for (size_t j = 0; j <= bn; j++)
		one[j] = (unsigned)j;
	for (size_t i = 1; i <= an; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			unsigned d = one[j - 1] + (a[i - 1] != b[j - 1]);

			d = least(d, one[j] + 1);
			d = least(d, now[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d = least(d, two[j - 2] + 1);
			now[j] = d;
		}
		spare = two;
		two = one;
		one = now;
		now = spare;
	}
	return one[bn];
}

const char *nearest_word(const char *word, size_t word_n,
			 const char *const *list, size_t n)
{
	const char *best = NULL;
	unsigned best_d = 3;

	if (word_n == 0 || word_n > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list[i]);
		unsigned d;

		if (len > WORD_MAX)
			continue;
		d = distance(word, word_n, list[i], len);
		if (d < best_d && d * 3 <= len + 2) {
			best = list[i];
			best_d = d;
		}
	}
	return best;
}
