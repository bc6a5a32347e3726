#!/bin/sh
# Figures of airtable-sim: ms for a page of 100 out of 100,000 records, for
# one filtered by id, and the memory that 500,000 records take.
#   speed.sh PATH/TO/airtable-sim
# Fails above 2 ms (without a network that is slow, and with an optimised
# build) or 2 GB.
set -u
sim=${1:?usage: speed.sh PATH/TO/airtable-sim}
tmp=$(mktemp -d)
pid=
stop() {
	[ -z "$pid" ] || { kill "$pid"; wait "$pid"; }
	pid=
}
trap 'stop; rm -rf "$tmp"' EXIT
bad=0

start() {
	rm -f "$tmp/port"
	"$sim" --port 0 --port-file "$tmp/port" -q --no-rate-limit "$@" &
	pid=$!
	i=0
	while [ ! -s "$tmp/port" ] && [ $i -lt 2400 ]; do
		i=$((i + 1))
		sleep 0.05
	done
	url=http://127.0.0.1:$(cat "$tmp/port")
	base=$(curl -s -H 'Authorization: Bearer patSIM.secret' \
		"$url/v0/meta/bases" | jq -r '.bases[0].id')
	tables=$url/v0/meta/bases/$base/tables
	table=$(curl -s -H 'Authorization: Bearer patSIM.secret' "$tables" |
		jq -r '.tables[0].id')
}

# timed NAME QUERY LIMIT: the middle one of 21 calls on one connection
timed() {
	set -- "$1" "$url/v0/$base/$table?$2" "$3"
	ms=$(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do
		printf 'url = "%s"\noutput = /dev/null\n' "$2"
	done | curl -s -g -H 'Authorization: Bearer patSIM.secret' \
		-w '%{time_starttransfer}\n' -K - | sort -n | sed -n 11p |
		awk '{printf "%.2f", $1 * 1000}')
	echo "$1: $ms ms"
	[ "$(echo "$ms $3" | awk '{print $1 <= $2}')" = 1 ] || bad=1
}

start --generate bases=1,tables=1,records=100000
timed 'page of 100 of 100,000' 'pageSize=100' 2
id=$(curl -s -H 'Authorization: Bearer patSIM.secret' \
	"$url/v0/$base/$table?pageSize=1" | jq -r '.records[0].id')
timed 'one by RECORD_ID()' "filterByFormula=RECORD_ID()='$id'" 2
timed 'a filter over all' "filterByFormula=%7BPrice%7D%3C0" 1000
stop
start --generate bases=1,tables=1,records=500000
mb=$(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status")
echo "500,000 records: $mb MB"
[ "$mb" -lt 2048 ] || bad=1
exit $bad
