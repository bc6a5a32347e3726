/* powerloss-cut ROOT SHADOW TO [SEED]: builds TO as ROOT will be found. */
#include "powerloss.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	int r;

	if (argc < 4) {
		fprintf(stderr, "usage: powerloss-cut ROOT SHADOW TO [SEED]\n");
		return 2;
	}
	r = powerloss_cut(argv[1], argv[2], argv[3],
			  argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
	if (r < 0)
		fprintf(stderr, "powerloss-cut: %s\n", strerror(-r));
	return r < 0;
}
