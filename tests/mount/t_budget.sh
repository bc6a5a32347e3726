# Calls: how many were made, what a budget stops, and who may set them off.

# A number of status.json
status() {
	jq -r "$1" "$M/.airtable/status.json"
}

month() {
	status .calls.this_month.total
}

# Here as there; what is read ahead may be on its way still.
is_counted() {
	[ "$(month)" = "$(total)" ]
}

# Another mount of the same account, its place named N, at $M2
mnt2() {
	M2=$D/mnt2
	mkdir -p "$M2"
	"$BIN" "$@" "$M2" >"$D/mount2.out" 2>&1 ||
		fail "mount: $(cat "$D/mount2.out")"
}

umnt2() {
	"$BIN" umount "$M2" >/dev/null 2>&1
}

# The bases of the simulator that --generate made
some_bases() {
	export AIRTABLE_TOKEN=patSIM.secret
	sim --generate "bases=$1,tables=$2,records=$3"
}

kill_daemon() {
	local pid
	pid=$(daemon_pid)
	kill -9 "$pid"
	within 20 test ! -d "/proc/$pid"
	fusermount3 -uz "$M" || umount -l "$M"
}

test_P8_calls_of_the_month_survive_kill_9() {
	some_bases 2 2 150
	mnt -o ttl=0
	find "$M" -type f >"$D/names"
	eq names "$(wc -l <"$D/names")" 600
	within 5 is_counted # counted here and there
	kill_daemon
	mnt -o ttl=0
	within 5 is_counted # after kill -9
	jq -n '{fields: {}}' >"$(head -1 "$D/names")" # nothing to send
	"$BIN" refresh "$M"
	sleep 2
	within 5 is_counted # after a refresh
	umnt
	mnt -o ttl=0
	within 5 is_counted # after an unmount
	# by base, and those of none
	eq "sum of all bases" "$(status \
		'[.calls.this_month.by_base[].calls] | add')" "$(total)"
	eq "of the first base" "$(status '.calls.this_month.by_base |
		map(select(.id != null)) | .[0] | "\(.id) \(.calls)"')" \
		"$(ctl GET /_sim/counters | jq -r --arg id "$(status \
		'[.calls.this_month.by_base[] | select(.id != null)][0].id')" \
		'"\($id) \(.by_base[$id].calls)"')"
	has "in words" "$("$BIN" status "$M")" "calls in $(date -u +%Y-%m): $(total)"
}

# Two mounts of one user together: within the pace, and counted in one place.
test_P7_two_mounts_keep_the_pace_together() {
	some_bases 2 6 400
	mnt -o ttl=0
	local base
	base=$(ls "$M" | head -1)
	mnt2 "$base" -o ttl=0
	find "$M/$base" -type f >"$D/one" &
	local pid=$!
	find "$M2" -type f >"$D/two"
	wait $pid
	eq "names of one" "$(wc -l <"$D/one")" 2400
	eq "names of two" "$(wc -l <"$D/two")" 2400
	local counters
	counters=$(ctl GET /_sim/counters)
	eq "told to slow down" "$(jq .rate_limited <<<"$counters")" 0
	jq -e '.by_base | map(.max_per_second) | all(. <= 5)' \
		<<<"$counters" >/dev/null || fail "too many a second: $counters"
	within 5 is_counted # counted together
	umnt2
}

# Somebody else uses the base, too: it rests, then goes on more slowly.
test_P7_slower_after_a_429_of_somebody_else() {
	some_bases 1 2 1500
	mnt -o ttl=0
	local base
	base=$(ls "$M")
	ctl POST /_sim/fault '{"match":{"kind":"list"},"count":1,"after":3,
		"action":"status","status":429,"retry_after":1,
		"body":{"errors":[{"error":"RATE_LIMIT_REACHED"}]}}' >/dev/null
	find "$M" -type f >"$D/names"
	eq names "$(wc -l <"$D/names")" 3000
	eq "429s" "$(status .calls.rate_limited)" 1
	eq "pace" "$(status '.odd_bases[0] | "\(.name) \(.per_second)"')" "$base 4"
	has "in words" "$("$BIN" status "$M")" \
		"$base: slowed down to 4 requests a second, all of the 5 again in"
	# another mount of the user knows it as well
	mnt2 "$base"
	ls "$M2"/* >/dev/null
	eq "pace there" "$(jq -r '.odd_bases[0].per_second' \
		"$M2/.airtable/status.json")" 4
	umnt2
}

# Calls of another mount, as it would write them down: so many in all.
use_up() {
	local before=
	until [ "$before" = "$(month)" ]; do # what is under way comes first
		before=$(month)
		sleep 0.7
	done
	perl -e 'open(my $f, ">>", $ARGV[0]) or die; binmode($f);
		my @t = gmtime; print $f pack("a40 L L Q", "appOther",
		($t[5] + 1900) * 12 + $t[4], 0, $ARGV[1])' \
		"$D"/state/airtablefs/default/calls1-* $(($1 - $(month)))
	eq "used up" "$(month)" "$1"
}

is_at_server() {
	ctl GET /_sim/state | grep "\"$1\"" >/dev/null
}

stopped() {
	status '.calls.this_month.budget.stopped | join(" ")'
}

# put FILE TEXT: saves it as the notes
put() {
	jq --arg v "$2" '{fields: {Notes: $v}}' "$1" >"$D/new"
	cp "$D/new" "$1"
}

# 1,000 calls: reading ahead stops at 800, revalidation at 850, reads that
# somebody waits for at 900, and changes when all are used up.
test_P8_budget_stops_in_order() {
	some_bases 1 6 150
	mnt -o ttl=0.3,max_calls_month=1000,writeback=0.1
	local base t n file i
	base=$M/$(ls "$M")
	mapfile -t t < <(ls -U "$base")
	ls "$base/${t[0]}" >"$D/ls"
	file=$base/${t[0]}/$(head -1 "$D/ls")
	eq stopped "$(stopped)" ""
	use_up 800
	eq stopped "$(stopped)" "prefetch"
	sim_reset
	ls "$base/${t[1]}" >/dev/null # a walk that is not read ahead
	sleep 1
	eq "of unread tables that one alone" "$(ctl GET '/_sim/log?since=0' |
		jq '[.entries[] | select(.kind == "list") | .path |
		split("?")[0] | split("/")[3]] | unique |
		map(select(. != $first)) | length' \
		--arg first "$(jq -r .id "$base/${t[0]}/.airtable/schema.json")")" 1
	n=$(calls list)
	ls -l "$base/${t[1]}" >/dev/null
	sleep 1
	[ "$(calls list)" -gt "$n" ] || fail "revalidation still goes"
	use_up 850
	eq stopped "$(stopped)" "prefetch refresh"
	sleep 0.5
	n=$(total)
	ls -l "$base/${t[0]}" "$base/${t[1]}" >/dev/null
	sleep 0.5
	eq "no revalidation" "$(total)" "$n"
	ls "$base/${t[3]}" >/dev/null
	eq "a read that somebody waits for" "$(total)" $((n + 2))
	use_up 900
	eq "what is cached is read" "$(ls -l "$base/${t[0]}" | wc -l)" 151
	fails ls "$base/${t[5]}"
	has "a read" "$ERR" "quota exceeded"
	eq "no call for that" "$(total)" $((n + 2))
	has "the reason" "$("$BIN" status "$M")" \
		"900 of 1000, 100 of them kept for changes; stopped: reading ahead, revalidation, reads from the server"
	has "errors" "$("$BIN" errors "$M")" "budget of 1000 calls"
	# changes go on, until the reserve is used up too
	use_up 994
	for i in 1 2 3; do
		put "$file" "save $i"
		settle
	done
	eq "two calls for each" "$(month)" 1000
	put "$file" "the last"
	sleep 1
	eq "it waits" "$(status .unsent.queued)" 1
	eq "no call is left" "$(total)" $((n + 8))
	has "in words" "$("$BIN" status "$M")" "from the server, changes"
	has "and reads back" "$(cat "$file")" "the last"
	fails "$BIN" flush "$M" --timeout 60
	has "a flush" "$ERR" "1 change not sent (no calls are left this month"
	# nothing is lost: with more calls it goes out
	umnt
	mnt -o max_calls_month=2000,writeback=0.1
	settle
	is_at_server "the last" || fail "sent at last"
}

over_limit() {
	[ "$(status '.odd_bases[0].over_plan_limit_since')" != null ]
}

test_P14_plan_limit_turns_one_base_offline() {
	some_bases 2 2 120
	mnt -o ttl=0.3,writeback=0.1
	local one two n other
	one=$M/$(ls "$M" | head -1)
	two=$M/$(ls "$M" | tail -1)
	ls "$one"/* >"$D/all"
	ls "$two" >/dev/null
	local id form
	id=$(jq -r .id "$one/.airtable/base.json")
	ctl POST /_sim/fault "$(jq -n --arg id "/v0/$id/" '{match: {path: $id},
		count: -1, action: "status", status: 429, body:
		{error: {type: "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
		message: "API billing limit exceeded"}}}')" >/dev/null
	sleep 0.5
	local table file
	table=$(ls -d "$one"/*/ | head -1)
	ls -l "$table" >/dev/null # sets off what finds out
	within 10 over_limit
	# the list of bases is no call to it, and goes on being asked for
	asked() { ctl GET /_sim/counters | jq ".by_base[\"$id\"].calls"; }
	n=$(asked)
	file=$table$(ls "$table" | head -1)
	sleep 0.5
	cat "$table"/*.json >"$D/bytes"
	eq "reads from the cache" "$(jq -s length "$D/bytes")" 120
	sleep 0.5
	eq "not asked again" "$(asked)" "$n"
	has "in words" "$("$BIN" status "$M")" \
		"$(basename "$one"): offline, the monthly limit of its plan is used up"
	# a change waits, that of another base goes on
	put "$file" "waits here"
	sleep 1
	eq "it waits" "$(status .unsent.queued)" 1
	other=$(ls -d "$two"/*/ | head -1)
	put "$other$(ls "$other" | head -1)" "goes on"
	within 10 is_at_server "goes on"
	eq "of the other base" "$(ctl GET /_sim/state | grep -c 'waits here')" 0
	# asked again by hand: still so
	n=$(ctl GET /_sim/counters | jq ".by_base[\"$id\"].calls")
	"$BIN" refresh "$M"
	sleep 2
	[ "$(ctl GET /_sim/counters | jq ".by_base[\"$id\"].calls")" -le $((n + 2)) ] ||
		fail "asked in a loop"
	eq "it still waits" "$(status .unsent.queued)" 1
	# and when the limit is lifted
	ctl DELETE /_sim/fault >/dev/null
	"$BIN" refresh "$M"
	settle
	is_at_server "waits here" || fail "sent at last"
	eq "as usual" "$(status '.odd_bases | tostring')" "[]"
}

# ---- who may set calls off ----

# The name of the process is what counts, so a copy under another name does.
as_updatedb() {
	mkdir -p "$D/bin"
	cp "$(command -v find)" "$D/bin/updatedb"
	cp "$(command -v ls)" "$D/bin/tracker-miner-fs-3"
	cp "$(command -v cat)" "$D/bin/baloo_file"
}

test_P14_indexers_set_nothing_off() {
	some_bases 2 3 120
	as_updatedb
	mnt -o ttl=0.3
	local base n
	base=$M/$(ls "$M" | head -1)
	sim_reset
	# cold: an error, not an empty directory, and no call
	"$D/bin/updatedb" "$M" >"$D/out" 2>"$D/err"
	eq "files seen" "$(grep -c json "$D/out")" 0
	has "an error" "$(cat "$D/err")" "$base"
	fails "$D/bin/tracker-miner-fs-3" "$base"
	has "its reason" "$ERR" "busy"
	eq "calls" "$(total)" 0
	# the tables are known, their records are not
	ls "$base" >/dev/null
	n=$(total)
	local t
	t=$base/$(ls "$base" | head -1)
	fails "$D/bin/tracker-miner-fs-3" "$t"
	fails "$D/bin/baloo_file" "$t/Some name.json"
	has "no such file is not said" "$ERR" "busy"
	eq "calls" "$(total)" "$n"
	# warm: all of it, however old, and nothing ahead
	ls "$t" >/dev/null
	ls "$base"/* >/dev/null
	sleep 2 # what was read ahead for that walk
	n=$(total)
	"$D/bin/updatedb" "$base" -type f >"$D/out" 2>"$D/err"
	eq "files seen" "$(grep -c json "$D/out")" 360
	eq "words" "$(cat "$D/err")" ""
	has "content" "$("$D/bin/baloo_file" "$(head -1 "$D/out")")" '"fields"'
	"$D/bin/tracker-miner-fs-3" -lR "$base" >/dev/null
	sleep 1
	eq "calls" "$(total)" "$n"
	# and a person is served as ever
	[ "$(ls "$M/$(ls "$M" | tail -1)" | wc -l)" -eq 3 ] || fail "tables"
}

test_no_fetch_for_can_be_chosen() {
	some_bases 1 2 120
	as_updatedb
	cp "$(command -v ls)" "$D/bin/mybackup-with-a-long-name"
	mnt -o no_fetch_for=other:mybackup-with-a-long-name
	local base
	base=$M/$(ls "$M")
	fails "$D/bin/mybackup-with-a-long-name" "$base"
	eq "no indexer here" "$("$D/bin/tracker-miner-fs-3" "$base" | wc -l)" 2
	umnt
	rm -r "$D/cache"
	mnt -o no_fetch_for=
	eq "none at all" "$("$D/bin/mybackup-with-a-long-name" "$base" | wc -l)" 2
	eq "none at all" "$("$D/bin/updatedb" "$base" -name '*.json' | wc -l)" 240
}
