# Cold reading: tables nobody has read yet, from servers good and bad.

# one RECORDS [OPTIONS]: an account of one table, at $T
one() {
	local n=$1
	shift
	sim --generate "bases=1,tables=1,records=$n" "$@"
	export AIRTABLE_TOKEN=patSIM.secret
	mnt -o ttl=0
	T=$(find "$M" -mindepth 2 -maxdepth 2 -type d)
	sim_reset
}

counter() {
	ctl GET /_sim/counters | jq "$1"
}

# all N: the table shows N records, each once
all() {
	ls "$T" >"$D/names"
	eq names "$(wc -l <"$D/names")" "$1"
	eq "names, each once" "$(sort -u "$D/names" | wc -l)" "$1"
}

fault() {
	ctl POST /_sim/fault "$1" >/dev/null
}

heal() {
	ctl DELETE /_sim/fault >/dev/null
}

test_P8_200_readers_of_a_cold_table_share_its_listing() {
	one 250 --latency 100
	for i in $(seq 200); do
		ls "$T" >"$D/ls.$i" 2>&1 &
		pids="${pids:-} $!"
	done
	for p in $pids; do
		wait "$p" || fail "an ls failed"
	done
	for i in $(seq 200); do
		eq "names for reader $i" "$(wc -l <"$D/ls.$i")" 250
	done
	eq calls "$(calls list)" 3
}

test_P8_one_large_table_is_read_in_parts() {
	one 5500 --latency 250
	all 5500
	n=$(total)
	[ "$n" -ge 55 ] && [ "$n" -le 60 ] || fail "$n calls, not 55 to 60"
	eq "pages by one cursor" "$(ctl GET /_sim/log | jq '[.entries[] |
		select(.kind == "list" and .method == "GET")] | length')" 1
	[ "$(counter '[.by_base[].max_per_second] | max')" -le 5 ] ||
		fail "too fast: $(counter .by_base)"
	eq "told to slow down" "$(counter .rate_limited)" 0
}

test_P8_a_walk_is_seen_at_its_first_table() {
	sim --generate bases=1,tables=3,records=350 --latency 200
	export AIRTABLE_TOKEN=patSIM.secret
	mnt -o ttl=0
	grep -r nothing-has-this "$M"
	eq calls "$(total)" 15 # 12 pages, a schema, list of bases, whoami
	ctl GET /_sim/log | jq -r '.entries[] | select(.kind == "list") |
		.path | split("?")[0]' >"$D/tables"
	# the second table was begun before the first one was read
	[ "$(head -3 "$D/tables" | sort -u | wc -l)" -gt 1 ] ||
		fail "one after the other: $(cat "$D/tables")"
}

test_P7_a_walk_over_many_bases_reads_them_side_by_side() {
	sim --generate bases=8,tables=2,records=250 --latency 200
	export AIRTABLE_TOKEN=patSIM.secret
	mnt -o ttl=0
	eq records "$(find "$M" -name '*.json' | wc -l)" 4000
	eq calls "$(total)" 58 # 48 pages, 8 schemas, bases, whoami
	[ "$(counter .max_per_second)" -gt 20 ] ||
		fail "no faster than $(counter .max_per_second) a second"
	[ "$(counter '[.by_base[].max_per_second] | max')" -le 5 ] ||
		fail "too fast: $(counter .by_base)"
	eq "told to slow down" "$(counter .rate_limited)" 0
}

test_rows_that_move_between_pages_are_there_once() {
	one 450 --shuffle
	all 450
	# in another order for each page: some may not have been shown, but
	# none is doubled, and the next listing has them all
	ctl POST /_sim/paging '{"mode":"live"}' >/dev/null
	"$BIN" refresh "$T"
	sleep 1.5
	ls "$T" >"$D/names"
	eq doubles "$(sort "$D/names" | uniq -d | wc -l)" 0
	ctl POST /_sim/paging '{"mode":"fixed"}' >/dev/null
	"$BIN" refresh "$T"
	within 20 eval '[ "$(ls "$T" | wc -l)" = 450 ]'
	all 450
}

test_a_table_that_changes_while_it_is_read() {
	one 450 --latency 200
	base=$(ctl GET /_sim/state | jq -r '.bases[0].id')
	table=$(ctl GET /_sim/state | jq -r '.bases[0].tables[0].id')
	ctl GET /_sim/state | jq -r '.bases[0].tables[0].records[].id' |
		sort >"$D/ids"
	ls "$T" >"$D/names" &
	within 10 eval '[ "$(calls list)" -ge 2 ]'
	for id in $(sed -n '3p;444p' "$D/ids"); do
		as DELETE "/v0/$base/$table/$id" null >/dev/null
	done
	as POST "/v0/$base/$table" '{"fields":{"Name":"made meanwhile"}}' \
		>"$D/made"
	wait $!
	ctl GET /_sim/state | jq -r '.bases[0].tables[0].records[].id' |
		sort >"$D/there"
	eq records "$(wc -l <"$D/there")" 449
	"$BIN" refresh "$T"
	within 20 eval 'cat "$T"/*.json | jq -r .id | sort | cmp - "$D/there"'
}

# no_list FAULT: the second page is that, and then it is not
no_list() {
	umnt
	rm -rf "$D/cache"
	mnt -o ttl=0
	fault '{"match":{"kind":"list"},"after":1,"count":-1,'"$1"'}'
	fails ls "$T"
	has "reason of $1" "$(cat "$M/.airtable/status.json")" \
		"$(basename "$T")"
	[ "$(ls "$T" 2>/dev/null | wc -l)" -lt 250 ] || fail "all of it?"
	heal
	within 20 ls "$T" # a connection that broke: offline for a while
	all 250
}

test_P14_what_is_no_list_is_an_error_and_asked_for_again() {
	one 250
	no_list '"action":"wrong_type"'
	no_list '"action":"status","status":200,"body":{"records":7}'
}

test_P14_what_is_cut_is_an_error_and_asked_for_again() {
	one 250
	no_list '"action":"cut"'
}

test_P9_a_redirect_of_a_page_is_not_followed() {
	one 250
	to=$(ctl GET /_sim/files | jq -r .url)
	ctl DELETE /_sim/files >/dev/null
	fault '{"match":{"kind":"list"},"after":1,"count":-1,"action":"redirect",
		"location":"'"$to"'/static/x?size=10"}'
	fails ls "$T"
	eq "requests there" "$(ctl GET /_sim/files | jq '.entries | length')" 0
	heal
	all 250
}

test_a_server_that_drips_and_one_that_stalls_are_waited_for() {
	one 250
	fault '{"match":{"kind":"list"},"count":1,"action":"drip","ms":1}'
	fault '{"match":{"kind":"list"},"after":1,"count":1,"action":"stall","ms":1500}'
	all 250
	eq calls "$(calls list)" 3
}

test_P14_offsets_that_go_round_in_circles() {
	one 250
	fault '{"match":{"kind":"list","path":"offset=itrAAA"},"count":-1,
		"action":"status","status":200,
		"body":{"records":[],"offset":"itrBBB/recB"}}'
	fault '{"match":{"kind":"list","path":"offset="},"count":-1,
		"action":"status","status":200,
		"body":{"records":[],"offset":"itrAAA/recA"}}'
	fails ls "$T"
	[ "$(calls list)" -le 10 ] || fail "$(calls list) calls"
	has reason "$(cat "$M/.airtable/status.json")" "does not end"
	heal
	all 250
}

test_pages_without_records_are_no_end() {
	one 250
	fault '{"match":{"kind":"list"},"count":1,"action":"status",
		"status":200,"body":{"records":[],"offset":"itrAAA/recA"}}'
	fault '{"match":{"path":"offset=itrAAA"},"count":1,"action":"status",
		"status":200,"body":{"records":[],"offset":"itrBBB/recB"}}'
	fault '{"match":{"path":"offset=itrBBB"},"count":1,"action":"status",
		"status":200,"body":{"records":[{"id":"recAAAAAAAAAAAAAA",
		"createdTime":"2024-01-01T00:00:00.000Z","fields":{}}]}}'
	eq names "$(ls "$T")" recAAAAAAAAAAAAAA.json
}

test_pages_come_compressed_over_kept_connections() {
	one 2000
	all 2000
	eq calls "$(calls list)" 20
	ss -tinH state established "dport = :$PORT" >"$D/ss"
	n=$(grep -c bytes_received "$D/ss")
	[ "$n" -ge 1 ] && [ "$n" -le 4 ] || fail "$n connections"
	got=$(grep -o 'bytes_received:[0-9]*' "$D/ss" |
		awk -F: '{ n += $2 } END { print n }')
	plain=$(ctl GET /_sim/state | jq -c '.bases[].tables[].records' | wc -c)
	[ "$got" -lt $((plain / 2)) ] || fail "$got bytes for $plain"
}
