# lib.sh - what the mount tests share: a simulator, a mount, and checks.
#
# A test is a function test_NAME in one of the t_*.sh files. Each runs in a
# subshell with a directory of its own, and with whatever it started ended
# after it. It fails by a check that fails, and reads like a shell session.
#
#   sim [options]        start airtable-sim (sample data unless told otherwise)
#   mnt [options]        mount it at $M, its state below $D
#   ctl METHOD PATH [JSON]      the simulator's control side
#   as METHOD PATH JSON         a change made by somebody else, uncounted
#   calls KIND           how many requests of a kind came since sim_reset
#   settle               wait until everything is sent
#
# BUILD is the build folder, WRAP a command to put before the daemon.

BIN=$BUILD/airtablefs
SIM=$BUILD/airtable-sim
export AIRTABLE_TOKEN=patDEMO.sample
unset AIRTABLE_API_KEY AIRTABLE_PAT AIRTABLE_API_KEY_FILE CREDENTIALS_DIRECTORY
unset DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR
export XDG_CONFIG_HOME=$D/config
export LC_ALL=C.UTF-8 PAGER=cat

CATALOG=appyfL7tb7mxxU39T
SAMPLE=$ROOT/examples/sample.json

fail() {
	echo "# $*" >&2
	exit 1
}

skip() {
	echo "SKIP $*"
	exit 0
}

# eq WHAT GOT WANT
eq() {
	[ "$2" = "$3" ] || fail "$1: got '$2', want '$3'"
}

# has WHAT TEXT PART
has() {
	case $2 in
	*"$3"*) ;;
	*) fail "$1: '$3' is not in '$2'" ;;
	esac
}

# fails COMMAND...: runs it, its words in $ERR, and wants it to fail
fails() {
	if ERR=$("$@" 2>&1); then
		fail "should have failed: $*"
	fi
}

# within SECONDS COMMAND...: until it succeeds
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "in time: $*"
		sleep 0.05
	done
}

sim() {
	local load="--load $SAMPLE"
	case " $* " in *" --load "* | *" --generate "*) load= ;; esac
	rm -f "$D/port"
	# It judges by when a request arrives: on a busy machine one that it
	# takes up late is a burst with the next ones. (Others than root: as is.)
	# shellcheck disable=SC2086
	nice -n -10 "$SIM" --port "${PORT:-0}" --port-file "$D/port" $load --penalty 2 -q \
		"$@" >"$D/sim.log" 2>&1 &
	SIM_PID=$!
	within 20 test -s "$D/port"
	PORT=$(cat "$D/port")
	URL=http://127.0.0.1:$PORT
	export AIRTABLE_ENDPOINT_URL=$URL
}

sim_stop() {
	kill "$SIM_PID" 2>/dev/null
	wait "$SIM_PID" 2>/dev/null
}

ctl() {
	curl -sS -X "$1" "$URL$2" ${3:+-H 'Content-Type: application/json' -d "$3"}
}

as() {
	ctl POST /_sim/as "$(jq -n --arg m "$1" --arg p "$2" --argjson b "$3" \
		'{method:$m,path:$p,body:$b}')"
}

sim_reset() {
	ctl POST /_sim/reset '{}' >/dev/null
}

calls() {
	ctl GET /_sim/counters | jq ".by_kind.$1"
}

total() {
	ctl GET /_sim/counters | jq .total
}

# The bodies of the requests of a kind, a line each.
bodies() {
	ctl GET '/_sim/log?since=0&body=1' |
		jq -c --arg k "$1" '.entries[] | select(.kind == $k and
			.status == 200) | .body | if type == "string" and . != ""
			then fromjson else . end'
}

# record PATH_OF_BASE/TABLE ID: the cells as the server holds them
record() {
	ctl GET /_sim/state | jq -c --arg id "$1" \
		'.bases[].tables[].records[] | select(.id == $id) | .fields'
}

mnt() {
	mkdir -p "$M"
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	# shellcheck disable=SC2086
	$WRAP "$BIN" "$@" "$M" >"$D/mount.out" 2>&1 ||
		fail "mount: $(cat "$D/mount.out")"
}

umnt() {
	"$BIN" umount "$M" >"$D/umount.out" 2>&1
}

daemon_pid() {
	jq .pid "$M/.airtable/status.json"
}

settle() {
	"$BIN" flush "$M" --timeout 30 >"$D/flush.out" 2>&1 ||
		fail "flush: $(cat "$D/flush.out")"
}

# Ends whatever a test left behind.
clean_up() {
	local m
	for m in "$M" "$D/mnt2"; do
		grep -q " $m fuse.airtablefs" /proc/mounts || continue
		"$BIN" umount "$m" --timeout 5 >/dev/null 2>&1 ||
			fusermount3 -uz "$m" 2>/dev/null || umount -l "$m"
	done
	pkill -KILL -f "^$BIN .*$D/mnt2\$" 2>/dev/null
	[ -z "$SIM_PID" ] || kill "$SIM_PID" 2>/dev/null
	pkill -KILL -f "^$BIN .*$M\$" 2>/dev/null
	wait
}
