#include <stdio.h>

#include "../atfs.h"
#include "cli.h"

#ifndef ATFS_VERSION
#define ATFS_VERSION "0.1.0"
#endif

int cli_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("airtablefs %s (libfuse %s)\n", ATFS_VERSION,
	       fuse_pkgversion());
	return EXIT_DONE;
}
