# lib.sh - what the parts of the bench share: a simulated account, a mount,
# stop-watches. A part is a file NAME.sh with a function bench_NAME.
#
#   account LATENCY_MS GENERATE   a fresh simulator, its URL in the environment
#   mount_it / unmount_it         at $M, state and cache below $DIR
#   forget                        what was cached is as if it had never been
#   counter JQ                    of the simulator's counters
#   took COMMAND...               seconds
#   many RECORDS BASES            an account of so many, mounted and read
#   daemon_pid, resident PID      of the mount; MiB
#   others_mount, others_end      the same files by other file systems

M=$DIR/mnt
export XDG_CACHE_HOME=$DIR/cache XDG_STATE_HOME=$DIR/state LC_ALL=C.UTF-8
SIM=

end_sim() {
	[ -z "$SIM" ] || kill "$SIM" 2>/dev/null || true
	[ -z "$SIM" ] || wait "$SIM" 2>/dev/null || true
	SIM=
}

end() {
	cd /
	unmount_it
	others_end
	end_sim
	rm -rf "$DIR"
}

account() {
	end_sim
	rm -f "$DIR/port"
	"$BUILD/airtable-sim" --port 0 --port-file "$DIR/port" -q \
		--latency "$1" --generate "$2" >/dev/null 2>&1 &
	SIM=$!
	until [ -s "$DIR/port" ]; do sleep 0.1; done
	AIRTABLE_ENDPOINT_URL=http://127.0.0.1:$(cat "$DIR/port")
	export AIRTABLE_ENDPOINT_URL AIRTABLE_TOKEN=patSIM.secret
}

latency() {
	curl -s -X POST -d "{\"ms\":$1}" "$AIRTABLE_ENDPOINT_URL/_sim/latency" \
		>/dev/null
}

count_anew() {
	curl -s -X POST -d '{}' "$AIRTABLE_ENDPOINT_URL/_sim/reset" >/dev/null
}

counter() {
	curl -s "$AIRTABLE_ENDPOINT_URL/_sim/counters" | jq "$1"
}

# The largest number of calls in any second to one base.
most() {
	counter '[.by_base[].max_per_second] | max'
}

mount_it() {
	"$BUILD/airtablefs" "$M" -o ttl=0
}

unmount_it() {
	grep -q " $M " /proc/mounts && "$BUILD/airtablefs" umount "$M" || true
}

forget() {
	unmount_it
	rm -rf "$DIR/cache" "$DIR/state"
}

now() { date +%s.%N; }
calc() { awk "BEGIN { printf \"$1\", $2 }"; }

took() {
	local a b
	a=$(now)
	"$@" >/dev/null 2>&1 || true
	b=$(now)
	calc %.4f "$b - $a"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# line NAME VALUE VALUE...
line() {
	local name=$1
	shift
	printf '%-40s' "$name"
	printf ' %10s' "$@"
	echo
}

# Each base has its own 5 calls per second, so many bases are read sooner.
many() {
	account 0 "bases=$2,tables=1,records=$(($1 / $2))"
	mount_it
	local b pids=
	for b in "$M"/*; do
		find "$b" >/dev/null & pids="$pids $!"
	done
	# shellcheck disable=SC2086
	wait $pids
}

resident() {
	awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"
}

daemon_pid() {
	jq .pid "$M/.airtable/status.json"
}
