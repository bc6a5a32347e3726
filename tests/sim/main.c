/* airtable-sim: an Airtable-compatible server for tests and demos. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "blob.h"
#include "generate.h"
#include "iterator.h"
#include "load.h"
#include "server.h"
#include "webhook.h"

#define DEFAULT_PORT 8719
#define DEFAULT_TOKEN "patSIM.secret"

struct options {
	unsigned port;
	const char *bind;
	const char *port_file;
	unsigned files_port;
	const char *files_port_file;
	const char *load;
	const char *save;
	const char *generate;
	const char *token;
	const char *log;
	uint64_t seed;
	double penalty;
	int latency_ms;
	int iterator_ttl;
	bool no_limit;
	bool object_429;
	bool shuffle;
	bool old_missing;
	bool quiet;
};

enum { O_PORT = 256, O_BIND, O_PORT_FILE, O_FILES_PORT,
       O_FILES_PORT_FILE, O_LOAD, O_SAVE, O_GENERATE, O_SEED,
       O_PENALTY, O_LATENCY, O_NO_LIMIT, O_BODY429, O_SHUFFLE, O_MISSING,
       O_TTL, O_TOKEN, O_LOG, O_HELP };

static const struct option longopts[] = {
	{ "port", required_argument, NULL, O_PORT },
	{ "bind", required_argument, NULL, O_BIND },
	{ "port-file", required_argument, NULL, O_PORT_FILE },
	{ "files-port", required_argument, NULL, O_FILES_PORT },
	{ "files-port-file", required_argument, NULL, O_FILES_PORT_FILE },
	{ "load", required_argument, NULL, O_LOAD },
	{ "save", required_argument, NULL, O_SAVE },
	{ "generate", required_argument, NULL, O_GENERATE },
	{ "seed", required_argument, NULL, O_SEED },
	{ "penalty", required_argument, NULL, O_PENALTY },
	{ "latency", required_argument, NULL, O_LATENCY },
	{ "no-rate-limit", no_argument, NULL, O_NO_LIMIT },
	{ "body429", required_argument, NULL, O_BODY429 },
	{ "shuffle", no_argument, NULL, O_SHUFFLE },
	{ "missing-record", required_argument, NULL, O_MISSING },
	{ "iterator-ttl", required_argument, NULL, O_TTL },
	{ "token", required_argument, NULL, O_TOKEN },
	{ "log", required_argument, NULL, O_LOG },
	{ "help", no_argument, NULL, O_HELP },
	{ NULL, 0, NULL, 0 },
};

static void usage(FILE *f)
{
	fputs("usage: airtable-sim [options]\n"
	      "  --port N              listen there; 0 picks a free one "
	      "(8719)\n"
	      "  --bind ADDR           address to listen on (127.0.0.1)\n"
	      "  --port-file FILE      write the port there once listening\n"
	      "  --files-port N        attachments are there (a free one)\n"
	      "  --files-port-file F   write that port there\n"
	      "  --load FILE           state to start with\n"
	      "  --save FILE           state to write at the end (SIGTERM)\n"
	      "  --generate SPEC       bases=B,tables=T,records=N,"
	      "attachments=1,comments=1\n"
	      "  --seed S              of ids and generated data (1); a loaded\n"
	      "                        file goes on with its own\n"
	      "  --penalty SECONDS     refusal after too many calls (30)\n"
	      "  --latency MS          wait before every answer (0)\n"
	      "  --no-rate-limit       serve any number of calls\n"
	      "  --body429 FORM        array or object (array)\n"
	      "  --shuffle             list in random order\n"
	      "  --missing-record N    403 or 404 for what is gone (403)\n"
	      "  --iterator-ttl SEC    idle life of a listing; 0: for ever "
	      "(0)\n"
	      "  --token TOKEN         with all rights (" DEFAULT_TOKEN
	      " if the file has none)\n"
	      "  --log FILE            one JSON line per request\n"
	      "  -q                    print no ready line\n"
	      "  -h, --help            this text\n"
	      "Rights, faults, limits, clocks and logs are reached under\n"
	      "http://ADDR:PORT/_sim/ while it runs: see tests/sim/README.md\n",
	      f);
}

static bool whole(const char *s, unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(s, &end, 10);
	return *s && *s != '-' && !*end && !errno && *out <= max;
}

static int set_text(struct options *o, int opt, const char *arg)
{
	switch (opt) {
	case O_BIND:
		o->bind = arg;
		return 0;
	case O_PORT_FILE:
		o->port_file = arg;
		return 0;
	case O_FILES_PORT_FILE:
		o->files_port_file = arg;
		return 0;
	case O_LOAD:
		o->load = arg;
		return 0;
	case O_SAVE:
		o->save = arg;
		return 0;
	case O_GENERATE:
		o->generate = arg;
		return 0;
	case O_TOKEN:
		o->token = arg;
		return 0;
	case O_LOG:
		o->log = arg;
		return 0;
	default:
		return -1;
	}
}

static int set(struct options *o, int opt, const char *arg)
{
	unsigned long n = 0;
	char *end;

	switch (opt) {
	case O_PORT:
		if (!whole(arg, 65535, &n))
			return -1;
		o->port = (unsigned)n;
		return 0;
	case O_FILES_PORT:
		if (!whole(arg, 65535, &n))
			return -1;
		o->files_port = (unsigned)n;
		return 0;
	case O_SEED:
		if (!whole(arg, (unsigned long)-1, &n))
			return -1;
		o->seed = n;
		return 0;
	case O_PENALTY:
		o->penalty = strtod(arg, &end);
		return *end || !*arg || o->penalty < 0 ? -1 : 0;
	case O_LATENCY:
		if (!whole(arg, 3600000, &n))
			return -1;
		o->latency_ms = (int)n;
		return 0;
	case O_TTL:
		if (!whole(arg, 1000000, &n))
			return -1;
		o->iterator_ttl = (int)n;
		return 0;
	case O_BODY429:
		o->object_429 = !strcmp(arg, "object");
		return o->object_429 || !strcmp(arg, "array") ? 0 : -1;
	case O_MISSING:
		o->old_missing = !strcmp(arg, "404");
		return o->old_missing || !strcmp(arg, "403") ? 0 : -1;
	default:
		return set_text(o, opt, arg);
	}
}

static int parse(int argc, char **argv, struct options *o)
{
	int opt, i;

	while ((opt = getopt_long(argc, argv, "qh", longopts, &i)) != -1) {
		if (opt == 'h' || opt == O_HELP) {
			usage(stdout);
			exit(0);
		}
		if (opt == 'q') {
			o->quiet = true;
		} else if (opt == O_NO_LIMIT) {
			o->no_limit = true;
		} else if (opt == O_SHUFFLE) {
			o->shuffle = true;
		} else if (opt == '?') {
			return -1;
		} else if (set(o, opt, optarg)) {
			fprintf(stderr, "airtable-sim: bad value '%s'\n",
				optarg);
			return -1;
		}
	}
	return optind < argc ? -1 : 0;
}

static int fill(struct server *s, const struct options *o)
{
	struct generate_spec spec;
	char err[LOAD_ERR_CAP];
	struct state *st = s->sim.state;

	if (o->load && load_file(&s->sim, o->load, err)) {
		fprintf(stderr, "airtable-sim: %s: %s\n", o->load, err);
		return -1;
	}
	if (o->generate) {
		if (generate_parse(o->generate, &spec)) {
			fprintf(stderr, "airtable-sim: bad --generate '%s'\n",
				o->generate);
			return -1;
		}
		generate(st, &spec);
	}
	if (!st->users_n)
		state_user(st, "usrSimulator00001", "sim@example.com",
			   "Sim User");
	if (o->token || !s->sim.tokens.n) {
		json_t *t = json_pack("{s:s,s:s}", "token",
				      o->token ? o->token : DEFAULT_TOKEN,
				      "user", st->users[0].id);
		const char *why = "";
		int r = token_set(&s->sim.tokens, st, t, &why);

		json_decref(t);
		if (r)
			fprintf(stderr, "airtable-sim: token: %s\n", why);
		return r;
	}
	return 0;
}

static int write_port(const char *path, unsigned port)
{
	char tmp[4096];
	FILE *f;
	int r;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp))
		return -1;
	f = fopen(tmp, "w");
	if (!f)
		return -1;
	r = fprintf(f, "%u\n", port) < 0;
	r |= fclose(f) != 0;
	return r || rename(tmp, path) ? -1 : 0;
}

/* Serves until a signal asks for the end. */
static int run(struct server *s, const struct options *o,
	       const sigset_t *signals)
{
	unsigned port = 0;
	int r = files_start(&s->files, &s->sim, o->bind, o->files_port);
	int sig;

	if (r) {
		fprintf(stderr, "airtable-sim: cannot listen on %s:%u: %s\n",
			o->bind, o->files_port, strerror(-r));
		return 1;
	}
	r = server_start(s, o->bind, o->port, &port);
	if (r) {
		fprintf(stderr, "airtable-sim: cannot listen on %s:%u: %s\n",
			o->bind, o->port, strerror(-r));
		return 1;
	}
	if (o->files_port_file &&
	    write_port(o->files_port_file, s->sim.state->files->port)) {
		fprintf(stderr, "airtable-sim: cannot write '%s': %s\n",
			o->files_port_file, strerror(errno));
		return 1;
	}
	if (o->port_file && write_port(o->port_file, port)) {
		fprintf(stderr, "airtable-sim: cannot write '%s': %s\n",
			o->port_file, strerror(errno));
		return 1;
	}
	if (!o->quiet) {
		printf("airtable-sim: listening on http://%s:%u\n", o->bind,
		       port);
		fflush(stdout);
	}
	sigwait(signals, &sig);
	server_stop(s);
	files_stop(&s->files);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .port = DEFAULT_PORT, .bind = "127.0.0.1",
			     .seed = 1, .penalty = 30 };
	struct server s = { 0 };
	char err[LOAD_ERR_CAP];
	sigset_t signals;
	FILE *log = NULL;
	int ret = 1;

	if (parse(argc, argv, &o)) {
		usage(stderr);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (o.log && !(log = fopen(o.log, "a"))) {
		fprintf(stderr, "airtable-sim: cannot open '%s': %s\n", o.log,
			strerror(errno));
		return 1;
	}
	pthread_mutex_init(&s.sim.mu, NULL);
	s.sim.state = state_new(o.seed);
	s.sim.state->files = blobs_new(o.seed);
	s.sim.iterators = iterators_new(o.seed);
	s.sim.old_missing = o.old_missing;
	s.sim.shuffle = o.shuffle;
	s.sim.iterator_ttl_s = o.iterator_ttl;
	s.limit.enabled = !o.no_limit;
	s.limit.penalty_ms = (int64_t)(o.penalty * 1000);
	s.log = reqlog_new(log);
	s.faults = faults_new();
	s.array_429 = !o.object_429;
	s.latency_ms = o.latency_ms;
	if (!fill(&s, &o))
		ret = run(&s, &o, &signals);
	if (!ret && o.save && save_file(&s.sim, o.save, err)) {
		fprintf(stderr, "airtable-sim: cannot save '%s': %s\n",
			o.save, err);
		ret = 1;
	}
	ratelimit_release(&s.limit);
	faults_free(s.faults);
	reqlog_free(s.log);
	iterators_free(s.sim.iterators);
	tokens_free(&s.sim.tokens);
	blobs_free(s.sim.state->files);
	hooks_free_all(s.sim.state);
	state_free(s.sim.state);
	pthread_mutex_destroy(&s.sim.mu);
	return ret;
}
