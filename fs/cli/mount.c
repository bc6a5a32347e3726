#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../daemon.h"
#include "../logsink.h"
#include "../options.h"
#include "../session.h"
#include "../stale.h"
#include "cli.h"

static int mount_with(struct options *o)
{
	struct daemon d;
	char say[DAEMON_TEXT];
	int code, r;

	if (stale_prepare(o, say, sizeof(say)) < 0) {
		cli_say("%s", say);
		return EXIT_FAILED;
	}
	daemon_harden();
	r = daemon_start(&d, o->foreground, &code);
	if (r < 0) {
		cli_say("no process can be made: %s", strerror(-r));
		return EXIT_FAILED;
	}
	if (r > 0)
		return code;
	logsink_open(o->foreground, o->debug || o->fuse_debug);
	return session_run(o, &d);
}

int cli_mount(int argc, char **argv)
{
	struct options o;
	int code = EXIT_USAGE;

	if (options_parse_mount(&o, argc, argv) == 0)
		code = mount_with(&o);
	options_release(&o);
	return code;
}
