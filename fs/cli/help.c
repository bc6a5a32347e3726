#include <stdio.h>
#include <string.h>

#include "../nearest.h"
#include "cli.h"

static const char mount_help[] =
	"Mounts an Airtable account, or with BASE (its app... id or its name) "
	"that base\nalone, on the directory MOUNTPOINT. It returns once the "
	"mount answers.\n"
	"\n"
	"The token is taken from --token-file, $AIRTABLE_TOKEN, "
	"$AIRTABLE_API_KEY,\n$AIRTABLE_PAT, the file $AIRTABLE_API_KEY_FILE,"
	"\n$CREDENTIALS_DIRECTORY/airtable-token, the configuration's "
	"token_command, or what\n'airtablefs login' has stored; the first that "
	"is set counts.\n"
	"\n"
	"  -f                   stay in the foreground, log to stderr\n"
	"  -d                   the same, with a debug log\n"
	"  --token-file FILE    read the token from FILE (mode 0600)\n"
	"  --profile NAME       keep cache and journal apart under this name\n"
	"  --endpoint URL       another API host\n"
	"  -o WORD[,WORD...]    options, among them (times: 90, 500ms, 2m, 1h)\n"
	"\n"
	"  ro, rw               no changes, or changes (default)\n"
	"  ttl=TIME             age at which a table is asked for again (60)\n"
	"  full_ttl=TIME        the same for all of a large one (1h)\n"
	"  live                 a webhook a base tells what changed: one call "
	"a ttl\n"
	"                       (needs the scope webhook:manage and the role "
	"creator)\n"
	"  writeback=TIME       quiet time before a save is sent (1)\n"
	"  delete_delay=TIME    time for a removed name to come back (5)\n"
	"  drain=TIME           time to send what is left at the end (30)\n"
	"  max_deletes=N        deletes a minute before they stop, 0 = any (100)\n"
	"  max_calls_month=N    requests a month, 0 = any (0): as they run out\n"
	"                       first reading ahead stops, then revalidation, then\n"
	"                       reads; the last tenth is kept for changes\n"
	"  no_fetch_for=A[:B]   programs that get what is cached alone (updatedb,\n"
	"                       tracker, baloo, thumbnailers ...); empty: none\n"
	"  names=name|id        file names: primary field, or record id\n"
	"  side=hide|list       whether listings show .airtable\n"
	"  computed=show|hide   whether files show computed fields\n"
	"  conflict=on|off      read a record again before it is changed\n"
	"  close=fast|sync      sync: close(2) reports what write(2) could not\n"
	"  typecast             let Airtable convert values, create options\n"
	"  upsert_key=FIELD     make records by merging on FIELD's value\n"
	"  token_file=, profile=, endpoint=, ca_file=\n"
	"                       as above; CA certificates in a file\n"
	"  allow_other, allow_root, auto_unmount, fsname=, max_read=, "
	"clone_fd,\n  max_threads=, max_idle_threads=, noexec, sync, debug, "
	"...\n"
	"                       as FUSE knows them\n";

const struct command commands[] = {
	{ "mount", cli_mount, "[mount] [BASE] MOUNTPOINT [-o OPTIONS] [-f] [-d]",
	  "mount all bases, or one", mount_help },
	{ "umount", cli_umount, "umount MOUNTPOINT [--timeout S]",
	  "unmount, and wait until all is sent",
	  "Unmounts, then waits (60 s, or S) until the daemon has sent what is "
	  "left and\nended. What it could not send is kept and sent by the next "
	  "mount; the exit\nstatus is then 5.\n" },
	{ "login", cli_login, "login [--with-token] "
	  "[--token-store=keyring|file] [--profile NAME] [--endpoint URL] "
	  "[--ca-file FILE]",
	  "store a token, after trying it",
	  "Asks for a personal access token, or with --with-token reads it from "
	  "standard\ninput; tries it; says who it is, which bases it may see "
	  "and what is missing; and\nstores it for this profile and endpoint in "
	  "the keyring, or in a file that only you\ncan read.\n" },
	{ "logout", cli_logout,
	  "logout [--profile NAME] [--endpoint URL]",
	  "remove the stored token",
	  "The exit status is 3 if none was stored.\n" },
	{ "whoami", cli_whoami, "whoami [--json] [--profile NAME] "
	  "[--endpoint URL] [--token-file FILE] [--ca-file FILE]",
	  "whose token, from where, and what it may do", "" },
	{ "doctor", cli_doctor, "doctor [--json] [--profile NAME] "
	  "[--endpoint URL] [--token-file FILE] [--ca-file FILE]",
	  "what is wrong, and what to do about it",
	  "Looks at FUSE, the configuration, the keyring, the token, the "
	  "network, the clock,\nthe rights, cache and journal, and mounts: a "
	  "line each, ok, warn or fail. The exit\nstatus is 3 for the token, "
	  "4 for the network, 1 for anything else that failed.\n" },
	{ "status", cli_status, "status [MOUNTPOINT] [--json] [--watch]",
	  "what a mount does and what is unsent",
	  "Without MOUNTPOINT: the mount of the working directory, else every "
	  "mount.\nThe exit status is 3 if the token is refused or missing, 4 if "
	  "the mount is\noffline, 6 if there are conflicts.\n" },
	{ "flush", cli_flush, "flush [PATH] [--timeout S]",
	  "send now, and wait until all is sent",
	  "Waits 60 s, or S. The exit status is 5 if something remains "
	  "unsent, 3 or 4 if\nthat is for the token or the network, 6 if there "
	  "are conflicts.\n" },
	{ "refresh", cli_refresh, "refresh [PATH]",
	  "ask Airtable again",
	  "PATH: the table, base or mount to ask for; else everything "
	  "known.\n" },
	{ "errors", cli_errors, "errors [MOUNTPOINT] [--json]",
	  "every refusal and failure, and what to do", "" },
	{ "queue", cli_queue, "queue [MOUNTPOINT] [--json] | queue retry|cancel "
	  "ID...|--all [--mount MOUNTPOINT]",
	  "changes that are not sent yet; retry or cancel them",
	  "Lists them, with their numbers. retry sends again what was refused. "
	  "cancel\nleaves the record as the server has it; what was cancelled "
	  "stays in the history,\na record that was only to be made in the "
	  "trash. What may be on its way, or have\narrived, is not cancelled: "
	  "undo is the word for that, once it is known.\n" },
	{ "conflicts", cli_conflicts, "conflicts [PATH] [--json]",
	  "what was changed here and on the server",
	  "Lists the conflicts at or below PATH, with both values and the one "
	  "before. The\nexit status is 6 if there are any. The three versions "
	  "of a record are files in\nTABLE/.airtable/conflicts/RECORD.\n" },
	{ "resolve", cli_resolve, "resolve --mine|--theirs|--both FILE...",
	  "end a conflict",
	  "  --mine    what was saved here is sent\n"
	  "  --theirs  the server's values stay; yours stay in the history\n"
	  "  --both    lists are united, a long text becomes theirs, a line "
	  "\"---\" and\n            yours; what holds one value alone is "
	  "yours, and theirs is in the history\n"
	  "Saving the file again ends a conflict as well: with what it then "
	  "says.\n" },
	{ "history", cli_history, "history [PATH] [--json]",
	  "who changed what and when",
	  "Of a record file: what was done here and what was seen to change "
	  "elsewhere.\nOtherwise what was done here at or below PATH. Earlier "
	  "contents are files in\nTABLE/.airtable/history/RECORD: cp one over "
	  "the record to restore it.\n" },
	{ "undo", cli_undo, "undo ENTRY|FILE",
	  "take a sent edit back",
	  "Gives the fields that entry ENTRY of the history changed the values "
	  "that they\nhad before; of FILE, the newest edit that was sent. What "
	  "somebody changed since\nbecomes a conflict.\n" },
	{ "check", cli_check,
	  "check [--schema FILE|--table DIR] [--typecast] FILE...",
	  "validate record files, with no network call",
	  "Judges each FILE (\"-\": standard input) as a save of it would be, "
	  "and prints\nFILE:LINE:COLUMN: reason (hint). The table is the one "
	  "that FILE is in, whose\n.airtable/schema.json is used; --table DIR "
	  "names another, --schema FILE a copy of\nsuch a schema. Names of "
	  "linked records are not looked up. The exit status is 1 if\na file "
	  "would be refused.\n" },
	{ "allow-deletes", cli_allow_deletes,
	  "allow-deletes [MOUNTPOINT] [--number N]",
	  "let go of the brake on mass deletes",
	  "After max_deletes removals within a minute all others are refused. "
	  "This lets any\nnumber of them through for 5 minutes, or N more.\n" },
	{ "help", cli_help, "help [COMMAND]", "this text, or a command's", "" },
	{ "version", cli_version, "version", "the version", "" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const char *command_near(const char *name)
{
	const char *names[sizeof(commands) / sizeof(commands[0])];
	size_t n = 0;

	for (const struct command *c = commands; c->name != NULL; c++)
		names[n++] = c->name;
	return nearest_word(name, strlen(name), names, n);
}

void cli_help_command(const struct command *c)
{
	printf("usage: airtablefs %s\n\n%s%s", c->usage, c->help,
	       c->help[0] != '\0' ? "" : c->short_help);
	if (c->help[0] == '\0')
		putchar('\n');
}

static void help_all(void)
{
	printf("usage: airtablefs [mount] [BASE] MOUNTPOINT [-o OPTIONS] "
	       "[-f] [-d]\n"
	       "       airtablefs COMMAND [...]\n\n"
	       "Airtable as a directory tree: bases and tables are "
	       "directories, every record is\na JSON file.\n\n");
	for (const struct command *c = commands; c->name != NULL; c++)
		printf("  %-13s %s\n", c->name, c->short_help);
	printf("\nexit status: 0 done, 1 failed, 2 usage, 3 token, 4 offline, "
	       "5 unsent left,\n6 conflicts. 'airtablefs help COMMAND' says "
	       "more, airtablefs(1) all.\n");
}

int cli_help(int argc, char **argv)
{
	const struct command *c;
	const char *near;

	if (argc < 2) {
		help_all();
		return EXIT_DONE;
	}
	c = command_find(argv[1]);
	if (c == NULL) {
		near = command_near(argv[1]);
		cli_say("help: unknown command '%s'%s%s%s", argv[1],
			near != NULL ? "; did you mean '" : "",
			near != NULL ? near : "", near != NULL ? "'?" : "");
		return EXIT_USAGE;
	}
	cli_help_command(c);
	return EXIT_DONE;
}
