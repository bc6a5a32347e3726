#!/bin/sh
# Conformance smoke test of airtable-sim.
#   smoke.sh PATH/TO/airtable-sim [FIXTURES]
# PARTS names the parts to run (all of them). With TAP=1 it prints a line per check. Needs curl and jq (77 if they are missing). FIXTURES is a directory of
# golden answers; without it the comparisons with them are left out.
set -u

sim=${1:?usage: smoke.sh PATH/TO/airtable-sim [FIXTURES]}
fixtures=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
command -v curl >/dev/null && command -v jq >/dev/null || exit 77

tmp=$(mktemp -d)
pid=
failed=0
done_n=0

stop() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid"
	stop_rc=$?
	pid=
	if grep 'runtime error\|Sanitizer' "$tmp/err" >"$tmp/said" 2>&1; then
		is 'no sanitizer says a word' "$(cat "$tmp/said")" ''
		rm -f "$tmp/err"
	fi
	return $stop_rc
}
trap 'stop; rm -rf "$tmp"' EXIT

start() {	# start OPTIONS...
	stop
	rm -f "$tmp/port"
	"$sim" --port 0 --port-file "$tmp/port" -q "$@" \
		>"$tmp/out" 2>"$tmp/err" &
	pid=$!
	i=0
	while [ ! -s "$tmp/port" ]; do
		i=$((i + 1))
		if [ $i -gt 200 ]; then
			echo "the simulator does not start:"
			cat "$tmp/err"
			exit 1
		fi
		sleep 0.05
	done
	url=http://127.0.0.1:$(cat "$tmp/port")
}

token=patOwner.x
call() {	# call METHOD PATH [BODY]; sets code, body
	m=$1
	p=$2
	shift 2
	if [ $# -gt 0 ]; then
		set -- -H 'Content-Type: application/json' --data-binary "$1"
	fi
	code=$(curl -s -g -o "$tmp/body" -w '%{http_code}' -X "$m" \
		-H "Authorization: Bearer $token" "$@" "$url$p")
	body=$(cat "$tmp/body" 2>/dev/null)
}

is() {		# is NAME GOT WANT
	done_n=$((done_n + 1))
	if [ "$2" = "$3" ]; then
		[ -z "${TAP:-}" ] || printf 'ok - sim: %s\n' "$1"
		return 0
	fi
	failed=$((failed + 1))
	if [ -n "${TAP:-}" ]; then
		printf 'not ok - sim: %s\n# got  %s\n# want %s\n' \
			"$1" "$2" "$3"
	else
		printf 'FAIL %s\n  got  %s\n  want %s\n' "$1" "$2" "$3"
	fi
}

answers() {	# answers NAME CODE JQ WANT
	is "$1 (status)" "$code" "$2"
	is "$1" "$(printf '%s' "$body" | jq -c "$3" 2>&1)" "$4"
}

golden() {	# golden NAME FIXTURE: the same error, word for word
	[ -n "$fixtures" ] || return
	is "$1 (golden)" "$(printf '%s' "$body" | jq -Sc .)" \
		"$(jq -Sc . "$fixtures/$2")"
}

B=/v0/appAll0000000001
T=$B/Things
A=recA0000000000001
BB=recB0000000000001
C=recC0000000000001
P1=recP0000000000001
P2=recP0000000000002
TYPE='.error.type'
BAD='"INVALID_VALUE_FOR_COLUMN"'

all='read write ctl wire comment files hook payload schema more rules state quirk'
for part in ${PARTS:-$all}; do
	. "$here/smoke_$part.sh"
done

if [ $failed -gt 0 ]; then
	echo "${TAP:+# }$failed of $done_n checks failed"
	exit 1
fi
echo "${TAP:+# }all $done_n checks passed"
