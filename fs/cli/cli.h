/* cli - what the subcommands share: their list, their arguments, the mounts
 * they speak of, and the side files through which they talk to its daemon.
 * One file per subcommand; each returns an exit status (exits.h). Data goes to
 * stdout, talk to stderr.
 * Threads: one. Errors: said on stderr by whoever meets them. */
#ifndef ATFS_CLI_H
#define ATFS_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "../exits.h"
#include "../mounts.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);  /* argv[0] is the name */
	const char *usage;                  /* after "airtablefs " */
	const char *short_help;             /* one line */
	const char *help;                   /* the rest */
};

/* In the order of --help, ends with a NULL name. */
extern const struct command commands[];
const struct command *command_find(const char *name);
/* The known name that this one is near to; NULL. */
const char *command_near(const char *name);

int cli_mount(int argc, char **argv);
int cli_umount(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_flush(int argc, char **argv);
int cli_refresh(int argc, char **argv);
int cli_errors(int argc, char **argv);
int cli_queue(int argc, char **argv);
int cli_conflicts(int argc, char **argv);
int cli_resolve(int argc, char **argv);
int cli_history(int argc, char **argv);
int cli_undo(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_allow_deletes(int argc, char **argv);
int cli_login(int argc, char **argv);
int cli_logout(int argc, char **argv);
int cli_whoami(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_help(int argc, char **argv);
int cli_version(int argc, char **argv);
/* The text of `help COMMAND`. */
void cli_help_command(const struct command *c);

/* ---- args.c ---- */
enum cli_takes {
	CLI_TAKES_JSON = 1u << 0,
	CLI_TAKES_TIMEOUT = 1u << 1,
	CLI_TAKES_WATCH = 1u << 2,
	CLI_TAKES_MANY = 1u << 3,   /* operands */
};

/* An option of one command alone. */
struct cli_option {
	const char *name;   /* "--mine" */
	bool *flag;         /* set to true, or */
	const char **value; /* "--schema FILE" or "--schema=FILE" */
};

struct cli_args {
	const struct cli_option *own; /* NULL, or ended by a NULL name */
	const char *path;   /* the (first) operand; NULL = none */
	char **paths;       /* all of them: argv's, moved together */
	int paths_n;
	bool json, watch;
	double timeout_s;   /* as it was before if not given */
};

/* False: a usage error was said. */
bool cli_parse(struct cli_args *a, int argc, char **argv, unsigned takes);
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* True if this stream may be coloured: a terminal, and NO_COLOR not set. */
bool cli_colour(int fd);

/* ---- watch.c ---- */
/* Shows once a second how a mount is doing, until interrupted (the process
 * ends) or the mount does not answer any more: then its exit status. */
int cli_watch(const char *mount, bool json);

/* ---- side.c ---- */
/* The mounts that a command speaks of: the one that holds path; without path
 * the one that holds the working directory; else every one of this machine.
 * Only airtablefs mounts are in the list. None: said, and EXIT_FAILED. */
int cli_find_mounts(const char *path, struct mount_list *ret);
/* The whole of MOUNT/.airtable/NAME, NUL at its end. 0 or -errno. */
int cli_read_side(const char *mount, const char *name, char **ret);
/* Writes text in one call; room: a directory that has .airtable. */
int cli_write_side(const char *room, const char *name, const char *text);
/* Says why a side file failed; the exit status that fits. */
int cli_side_failed(const char *mount, int r);
/* Any side file's JSON; NULL with *ret_r = -errno. room: a directory that has
 * .airtable. */
json_t *cli_json_of(const char *room, const char *name, int *ret_r);
/* A file of a mount, as the directory that it is in and its name (may not be
 * there any more); both the caller's. False: said. */
bool cli_split_file(const char *file, char **ret_dir, char **ret_name);
/* Is "Base/Table/NAME.json" of a side file at or below this path of the mount?
 * path NULL: yes. */
bool cli_path_holds(const char *mount, const char *path, const char *of_side);
/* A value on one line, cut if long. */
void cli_print_value(const json_t *value);
/* status.json; NULL with *ret_r = -errno. */
json_t *cli_status_of(const char *mount, int *ret_r);
/* status.json's unsent.KEY, never negative. */
int cli_unsent(const json_t *status, const char *key);
/* Prints data. On a terminal control characters become '?'. */
void cli_print(const char *text);

#endif
