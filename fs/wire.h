/* wire - the bytes between libfuse and the kernel, for one flag's sake.
 *
 * libfuse before 3.17 asks for parallel operations on a directory and then
 * does not tell the kernel. Without them a second reader of a directory waits
 * for the first one inside the kernel, where no signal reaches it: Ctrl-C does
 * not end its `ls` while the first is parked. So the flag is put into the
 * answer to INIT, if the handler wanted it.
 *
 * Threads: the worker that answers INIT calls wire_want_parallel from its
 *          handler; its next answer is that one.
 * Errors:  -errno.
 * Source:  libfuse/libfuse pull request 861; linux/fuse.h. */
#ifndef ATFS_WIRE_H
#define ATFS_WIRE_H

#include "atfs.h"

/* After the session was mounted, before its loop. */
int wire_attach(struct fuse_session *se);
/* From the handler of INIT. */
void wire_want_parallel(void);

#endif
