#!/bin/sh
# Replays the fixtures that are answers and compares status and shape: the
# same keys with values of the same types, and errors word for word.
#   conformance.sh PATH/TO/airtable-sim FIXTURES
# Prints TAP. Needs curl and jq.
set -u

sim=${1:?usage: conformance.sh PATH/TO/airtable-sim FIXTURES}
fx=${2:?}
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
pid=
failed=0
: >"$tmp/done"

stop() {
	[ -z "$pid" ] || { kill "$pid" && wait "$pid"; }
	pid=
}
trap 'stop; rm -rf "$tmp"' EXIT

start() {
	stop
	rm -f "$tmp/port"
	"$sim" --port 0 --port-file "$tmp/port" -q --load "$tmp/state.json" \
		"$@" >"$tmp/out" 2>&1 &
	pid=$!
	i=0
	while [ ! -s "$tmp/port" ]; do
		i=$((i + 1))
		[ $i -lt 200 ] || {
			echo 'Bail out! airtable-sim does not start'
			sed 's/^/# /' "$tmp/out"
			exit 1
		}
		sleep 0.05
	done
	url=http://127.0.0.1:$(cat "$tmp/port")
}

call() {	# call METHOD PATH [BODY, or @FILE]
	m=$1
	p=$2
	shift 2
	[ $# -eq 0 ] ||
		set -- -H 'Content-Type: application/json' --data-binary "$1"
	code=$(curl -s -g -o "$tmp/body" -w '%{http_code}' -X "$m" \
		-H 'Authorization: Bearer patC.x' "$@" "$url$p")
}

note() {	# note NAME DIFFERENCES
	echo "$1" >>"$tmp/done"
	if [ -z "$2" ]; then
		echo "ok - conformance: $1"
	else
		failed=$((failed + 1))
		echo "not ok - conformance: $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

status() {
	jq -r --arg f "$1.json" '.[]|select(.file==$f)|.status' "$fx/INDEX.json"
}

fits() {	# fits FIXTURE [PICK [IGNORE]]: the answer has its shape
	s=$(status "$1")
	[ "$code" = "$s" ] || { note "$1" "status $code, want $s"; return; }
	note "$1" "$(jq -rn --slurpfile want "$fx/$1.json" \
		--slurpfile got "$tmp/body" --arg ignore "${3:-^$}" \
		"{want: \$want[0], got: (\$got[0] | ${2:-.})}
		| $(cat "$here/data/shape.jq")" 2>&1)"
}

same() {	# same FIXTURE [FILTER]: equal, after a filter of both
	s=$(status "$1")
	[ "$code" = "$s" ] || { note "$1" "status $code, want $s"; return; }
	jq -S "${2:-.}" "$fx/$1.json" >"$tmp/want" 2>&1
	jq -S "${2:-.}" "$tmp/body" >"$tmp/got" 2>&1
	note "$1" "$(diff "$tmp/want" "$tmp/got")"
}

taken() {	# taken REQUEST: it was answered by 200, and by what FILTER says
	[ "$code" = 200 ] || { note "$1" "status $code: $(cat "$tmp/body")"
		return; }
	note "$1" "$(jq -r "if (${2:-true}) then empty else . end" \
		"$tmp/body" 2>&1)"
}

skip() {
	echo "$1" >>"$tmp/done"
	echo "ok - conformance: $1 # SKIP $2"
}

for f in "$fx"/*.json; do
	[ "${f##*/}" = INDEX.json ] && continue
	jq --arg k "$(basename "$f" .json)" '{($k): .}' "$f"
done | jq -s add | jq -f "$here/data/conformance.jq" >"$tmp/state.json" || {
	echo 'Bail out! the fixtures make no state'
	exit 1
}

. "$here/conformance_cases.sh"

# Each answer has a case; each request is sent.
for f in $(jq -r '.[]|select(.status!="request")|.file' "$fx/INDEX.json"); do
	grep -qx "${f%.json}" "$tmp/done" ||
		note "${f%.json}" 'no case in conformance_cases.sh'
done
for f in $(jq -r '.[]|select(.status=="request")|.file' "$fx/INDEX.json"); do
	grep -q "${f%.json}" "$here/conformance_cases.sh" ||
		note "${f%.json}" 'is not sent by conformance_cases.sh'
done
[ $failed -eq 0 ]
