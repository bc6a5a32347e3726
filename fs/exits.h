/* exits - the exit status of every command, part of the contract with scripts.
 * Threads: any. */
#ifndef ATFS_EXITS_H
#define ATFS_EXITS_H

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_TOKEN = 3,
	EXIT_OFFLINE = 4,
	EXIT_UNSENT = 5,
	EXIT_CONFLICT = 6,
};

#endif
