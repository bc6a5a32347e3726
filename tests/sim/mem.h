/* mem - allocation for the simulator.
 * Units:   bytes.
 * Owns:    nothing; what it returns is freed with free().
 * Threads: any.
 * Errors:  none are returned: a test server that runs out of memory says
 *          so and exits with status 1, since no test can go on from there. */
#ifndef SIM_MEM_H
#define SIM_MEM_H

#include <stddef.h>

void *sim_alloc(size_t n);		/* zeroed */
void *sim_realloc(void *p, size_t n);
char *sim_strdup(const char *s);
char *sim_strndup(const char *s, size_t n);

/* Room for one more element of size `each`; doubles the capacity. */
void *sim_grow(void *p, size_t n, size_t *cap, size_t each);

#endif
