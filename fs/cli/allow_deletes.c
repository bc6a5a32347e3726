#include <stdio.h>
#include <string.h>

#include "cli.h"

int cli_allow_deletes(int argc, char **argv)
{
	const char *number = NULL;
	const struct cli_option own[] = { { "--number", NULL, &number },
					  { NULL, NULL, NULL } };
	struct cli_args a = { .own = own };
	struct mount_list list;
	char text[40];
	int code, r, worst = EXIT_DONE;

	if (!cli_parse(&a, argc, argv, 0))
		return EXIT_USAGE;
	if (number != NULL && (strspn(number, "0123456789") != strlen(number) ||
			       strlen(number) > 9 || number[0] == '\0' ||
			       number[0] == '0')) {
		cli_say("allow-deletes: --number '%s': not a number of "
			"records", number);
		return EXIT_USAGE;
	}
	code = cli_find_mounts(a.path, &list);
	if (code != EXIT_DONE)
		return code;
	snprintf(text, sizeof(text), "%s\n", number != NULL ? number : "0");
	for (size_t i = 0; i < list.n; i++) {
		r = cli_write_side(list.v[i].path, "allow_deletes", text);
		if (r < 0)
			worst = cli_side_failed(list.v[i].path, r);
	}
	mounts_release(&list);
	return worst;
}
