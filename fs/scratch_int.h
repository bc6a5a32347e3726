/* scratch_int - shared by scratch.c, scratch_move.c and scratch_list.c. */
#ifndef ATFS_SCRATCH_INT_H
#define ATFS_SCRATCH_INT_H

#include "scratch.h"

#define SCRATCH_ORPHANS ".orphans"

struct scratch {
	int fd;
	struct inode_tab *inodes;
};

/* The local mode for one that the user asks for, and back. */
mode_t scratch_local_mode(mode_t mode, bool is_dir);
void scratch_show(struct stat *st);
int scratch_stat_path(struct scratch *s, const char *path, struct stat *ret);
/* path of name in parent, with the folder that it needs made. */
int scratch_path_for_new(struct scratch *s, uint64_t parent, const char *name,
			 char **ret);

#endif
