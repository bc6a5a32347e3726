
# By hand: the queue, the trash, the history, undo, check.

F="Product Catalog/Furniture"
CHAIR=rec8vAzQ1b2c3d4e5
TBL=/v0/$CATALOG/Furniture

ready() {
	sim; mnt "$@"
	T="$M/$F"
	C="$T/Hammock Chair.json"
	ls "$T" >/dev/null
	sim_reset
}

queue_ids() { jq -r '.[].queue_id' "$M/.airtable/queue.json"; }

test_a_queued_change_is_cancelled() {
	ready -o writeback=60
	before=$(cat "$C")
	jq '.fields.Price = 99' "$C" >"$D/new"; cat "$D/new" >"$C"
	fails "$BIN" queue cancel 424242 --mount "$M"
	has why "$ERR" "no such change"
	"$BIN" queue cancel "$(queue_ids)" --mount "$M" || fail cancel
	eq empty "$("$BIN" queue "$M")" ""
	eq back "$(cat "$C")" "$before"
	settle
	eq patches "$(calls update)" 0
	# what was cancelled can still be read, and put back
	H="$T/.airtable/history/Hammock Chair"
	eq files "$(ls "$H" | grep -vc log.json)" 1
	cat "$H"/2*.json >"$C" || fail "cp of the past"
	settle
	eq server "$(record $CHAIR | jq .Price)" 99
}

test_cancel_all_takes_back_new_moved_and_removed_files() {
	ready -o writeback=60,delete_delay=60
	ls "$T" >"$D/before"
	echo '{"Price": 1}' >"$T/New.json"
	mv "$T/Daybed.json" "$T/Cot.json"
	rm "$C"
	echo '{"Price": "x"}' >"$T/$(tail -1 "$D/before")" 2>/dev/null
	"$BIN" queue cancel --all --mount "$M" || fail cancel
	ls "$T" >"$D/after"
	diff "$D/before" "$D/after" || fail "names"
	eq unsent "$(jq -c .unsent "$M/.airtable/status.json")" \
		'{"conflicts":0,"drafts":0,"queued":0,"rejected":0}'
	eq trash "$(ls "$T/.airtable/trash")" New.json
	settle
	eq total "$(total)" 0
}

test_retry_sends_what_was_refused() {
	ready
	ctl POST /_sim/fault '{"match":{"kind":"update"},"count":1,
		"action":"status","status":422,
		"body":"{\"error\":{\"type\":\"INVALID_REQUEST_UNKNOWN\"}}"}' \
		>/dev/null
	jq '.fields.Price = 98' "$C" >"$D/new"; cat "$D/new" >"$C"
	within 10 grep -q rejected "$M/.airtable/queue.json"
	eq server "$(record $CHAIR | jq .Price)" 250
	"$BIN" queue retry "$(queue_ids)" --mount "$M" || fail retry
	settle
	eq server "$(record $CHAIR | jq .Price)" 98
}

test_a_deleted_record_comes_back_from_the_trash() {
	ready -o delete_delay=100ms
	X="$T/.airtable/trash"
	eq empty "$(ls "$X")" ""
	rm "$C"
	settle
	within 5 test -e "$X/Hammock Chair.json"
	eq "listed anew" "$(ls "$X")" "Hammock Chair.json"
	eq gone "$(record $CHAIR)" ""
	umnt; rm -rf "$D/cache"; mnt; ls "$T" >/dev/null # no cache is needed
	eq price "$(jq .fields.Price "$X/Hammock Chair.json")" 250
	fails mv "$X/Hammock Chair.json" "$X/Other.json"
	mv "$X/Hammock Chair.json" "$T/" || fail mv
	eq out "$(ls "$X")" ""
	eq there "$(jq .fields.Price "$C")" 250
	settle
	id=$(jq -r .id "$C")
	[ "$id" != $CHAIR ] || fail "the same id"
	eq server "$(record "$id" | jq -r '.Name, .Price' | paste -sd' ')" \
		"Hammock Chair 250"
}

test_rm_in_the_trash_forgets() {
	ready -o delete_delay=100ms
	X="$T/.airtable/trash"
	rm "$C" "$T/Daybed.json"; settle
	within 5 test -e "$X/Daybed.json"
	rm -f "$X/Daybed.json" || fail rm
	eq left "$(ls "$X")" "Hammock Chair.json"
	fails rm -f "$T/.airtable/schema.json"
}

test_history_of_a_file_and_undo() {
	ready
	jq '.fields.Price = 99 | .fields.Units = 7' "$C" >"$D/new"
	cat "$D/new" >"$C"; settle
	as PATCH "$TBL/$CHAIR" '{"fields":{"Status":"Discontinued"}}' >/dev/null
	"$BIN" refresh "$T" && within 5 grep -q 'Discontinued' "$C"
	has ours "$("$BIN" history "$C")" "Price: 250 -> 99"
	has theirs "$("$BIN" history "$C")" "elsewhere: update seen"
	eq json "$("$BIN" history "$C" --json | jq -c '[.[].by]')" \
		'["elsewhere","here"]'
	has all "$("$BIN" history "$M")" "$F/Hammock Chair.json"
	eq other "$("$BIN" history "$M/CRM")" ""
	fails "$BIN" undo "$T/Daybed.json"
	"$BIN" undo "$C" || fail undo
	settle
	eq server "$(record $CHAIR | jq -c '[.Price, .Units, .Status]')" \
		'[250,2,"Discontinued"]'
	# by its number, from inside the mount
	n=$("$BIN" history "$C" --json | jq '[.[] | select(.by == "here")][0].id')
	(cd "$T" && "$BIN" undo "$n") || fail "undo of the undo"
	settle
	eq again "$(record $CHAIR | jq -c '[.Price, .Units]')" '[99,7]'
	# the oldest content over the record
	H="$T/.airtable/history/Hammock Chair"
	cp "$H/$(ls "$H" | head -1)" "$C" || fail cp
	settle
}

test_mass_deletes_stop_until_allowed() {
	ready -o max_deletes=3,delete_delay=200ms
	cd "$T"
	n=$(ls | wc -l)
	fails rm -f -- [A-C]*.json
	has why "$("$BIN" errors "$M")" "airtablefs allow-deletes $M"
	eq three "$(ls | wc -l)" $((n - 3))
	fails rm -f -- [A-C]*.json
	"$BIN" allow-deletes "$M" --number 1 || fail allow
	one=$(ls | grep '^[A-C]' | head -1)
	rm -f -- "$one" || fail "one more"
	"$BIN" allow-deletes "$M" || fail allow
	rm -f -- [A-C]*.json || fail "all of them"
	cd "$D"
	settle
}

test_check_needs_no_network() {
	ready
	cp "$C" "$D/good.json"
	cat "$C" >/dev/null
	cp "$T/.airtable/schema.json" "$D/schema.json"
	sim_stop
	"$BIN" check "$C" "$T/Daybed.json" || fail "as they are"
	for f in "$T"/*.json; do echo "$f"; done | head -40 |
		xargs -d '\n' "$BIN" check || fail "each is good"
	"$BIN" check --schema "$D/schema.json" "$D/good.json" || fail schema
	"$BIN" check --table "$T" - <"$D/good.json" || fail stdin
	printf '{\n  "fields": {\n    "Name": "x",\n    "Price": "cheap"\n  }\n}\n' \
		>"$D/bad.json"
	fails "$BIN" check --table "$T" "$D/bad.json"
	eq place "$ERR" "$D/bad.json:4:14: field \"Price\" takes a number, not a string (write digits without quotes, such as 12.5)"
	printf '{"fields": {"Prize": 1}}' >"$D/bad.json"
	fails "$BIN" check --table "$T" "$D/bad.json"
	has near "$ERR" 'did you mean "Price"'
	jq '.fields.Prize = 1' "$D/good.json" >"$D/bad.json"
	fails "$BIN" check --table "$T" "$D/bad.json"
	printf '{"fields": ' >"$D/bad.json"
	fails "$BIN" check --table "$T" "$D/bad.json" "$D/good.json"
	eq one "$(printf '%s\n' "$ERR" | wc -l)" 1
	fails "$BIN" check "$D/good.json"
	has which "$ERR" "--schema"
	# a copy of the table beside its schema
	mkdir -p "$D/copy/.airtable"
	cp "$D/schema.json" "$D/copy/.airtable/"; cp "$D/good.json" "$D/copy/"
	"$BIN" check "$D/copy/good.json" || fail copy
}

named() { ctl GET /_sim/state | jq -r --arg n "$1" '.bases[].tables[].records[] |
	select(.fields.Name == $n) | .id'; }

test_P4_new_records_that_link_to_each_other() {
	ready -o writeback=2
	echo '{"Price": 1}' >"$T/Aa.json" || fail Aa
	echo '{"Goes With": ["Aa"]}' >"$T/Bb.json" || fail Bb
	echo '{"Goes With": ["Bb", "Daybed"]}' >"$T/Cc.json" || fail Cc
	mv "$T/Aa.json" "$T/Zz.json" || fail "renamed while pending"
	echo '{"Goes With": ["Dd"]}' >"$T/Dd.json" 2>/dev/null ||
		echo '{"Price": 4}' >"$T/Dd.json" || fail Dd
	echo '{"Goes With": ["Zz", "Dd"]}' >"$T/Dd.json" || fail "to itself"
	settle
	eq zz "$(named Zz | wc -l)" 1
	eq bb "$(record "$(named Bb)" | jq -c '."Goes With"')" "[\"$(named Zz)\"]"
	eq cc "$(record "$(named Cc)" | jq -c '."Goes With"[0]')" "\"$(named Bb)\""
	eq dd "$(record "$(named Dd)" | jq -c '."Goes With"')" \
		"[\"$(named Zz)\",\"$(named Dd)\"]"
	eq once "$(bodies create | jq '.records | length' | paste -sd+ | bc)" 4
	eq shown "$(jq -r '."fields"."Goes With"[0]' "$T/Bb.json")" "$(named Zz)"
}

test_P4_two_new_records_in_a_ring() {
	ready -o writeback=2
	echo '{"Price": 1}' >"$T/Aa.json"
	echo '{"Goes With": ["Aa"]}' >"$T/Bb.json"
	echo '{"Goes With": ["Bb"]}' >"$T/Aa.json" || fail ring
	settle
	eq aa "$(record "$(named Aa)" | jq -c '."Goes With"')" "[\"$(named Bb)\"]"
	eq bb "$(record "$(named Bb)" | jq -c '."Goes With"')" "[\"$(named Aa)\"]"
	eq names "$(named Aa | wc -l) $(named Bb | wc -l)" "1 1"
}

test_P4_a_linking_create_whose_answer_is_lost_happens_once() {
	ready -o writeback=1
	ctl POST /_sim/fault '{"match":{"kind":"create"},"count":2,
		"action":"reset_after"}' >/dev/null
	echo '{"Price": 1}' >"$T/Aa.json"
	echo '{"Goes With": ["Aa"]}' >"$T/Bb.json"
	"$BIN" flush "$M" --timeout 60 || fail flush
	eq once "$(named Aa | wc -l) $(named Bb | wc -l)" "1 1"
	eq bb "$(record "$(named Bb)" | jq -c '."Goes With"')" "[\"$(named Aa)\"]"
}

test_a_link_to_what_could_not_be_made() {
	ready -o writeback=1
	ctl POST /_sim/fault '{"match":{"kind":"create"},"count":1,
		"action":"status","status":422,
		"body":"{\"error\":{\"type\":\"X\",\"message\":\"no\"}}"}' >/dev/null
	echo '{"Price": 1}' >"$T/Aa.json"
	echo '{"Goes With": ["Aa"]}' >"$T/Bb.json"
	within 10 grep -q "could not be made" "$T/.airtable/info/Bb.json"
	"$BIN" queue cancel --mount "$M" "$(jq '.[] | select(.state ==
		"rejected") | .queue_id' "$M/.airtable/queue.json")" ||
		fail cancel
	within 10 grep -q "removed before it was made" \
		"$T/.airtable/info/Bb.json"
	echo '{"Goes With": null}' >"$T/Bb.json"
	settle
	eq bb "$(named Bb | wc -l)" 1
}

# Creates by upsert: "lost" means that one is simply repeated.
test_P4_upsert_key_makes_repeating_certain() {
	ready -o upsert_key=SKU
	ctl POST /_sim/fault '{"match":{"kind":"update"},"count":2,
		"action":"reset_after"}' >/dev/null
	echo '{"Price": 4, "SKU": "UP-1"}' >"$T/Once.json"
	"$BIN" flush "$M" --timeout 60 || fail flush
	eq once "$(named Once | wc -l)" 1
	eq posts "$(calls create)" 0
	eq key "$(bodies update | jq -c '.performUpsert.fieldsToMergeOn' |
		sort -u)" "$(jq -c '[.fields[] | select(.name == "SKU") | .id]' \
		"$T/.airtable/schema.json")"
	eq looked "$(calls list)" 0
	eq id "$(jq -r .id "$T/Once.json")" "$(named Once)"
}

test_upsert_key_is_never_empty_and_never_twice_in_a_request() {
	ready -o upsert_key=SKU
	echo '{"Price": 1}' >"$T/NoKey.json"
	echo '{"SKU": "UP-2"}' >"$T/One.json"
	echo '{"SKU": "UP-3"}' >"$T/Two.json"
	settle
	eq posts "$(calls create)" 1
	eq upserts "$(bodies update | jq '.records | length')" 2
	# a key that is there already updates that record
	echo '{"SKU": "UP-2", "Price": 77}' >"$T/Uno.json"
	settle
	eq one "$(named One | wc -l) $(named Uno | wc -l)" "0 1"
	eq price "$(record "$(named Uno)" | jq .Price)" 77
	eq file "$(ls "$T" | grep -c -e '^One' -e '^Uno')" 1
}

test_P4_upsert_in_flight_at_kill_9_happens_once() {
	ready -o upsert_key=SKU,writeback=100ms
	ctl POST /_sim/fault '{"match":{"kind":"update"},"count":1,
		"action":"reset_after"}' >/dev/null
	echo '{"SKU": "UP-4"}' >"$T/Once.json"
	sent() { [ "$(calls update)" -ge 1 ]; }
	within 5 sent
	kill -9 "$(daemon_pid)"
	fusermount3 -uz "$M"
	mnt -o upsert_key=SKU
	"$BIN" flush "$M" --timeout 60 || fail flush
	eq once "$(named Once | wc -l)" 1
}

# Time, path, reason and the next step are wherever a person looks.
test_a_refusal_is_told_in_four_places() {
	ready
	echo '{"Price": "cheap"}' >"$C" 2>/dev/null && fail "should be refused"
	for told in "$(jq -r '.error | .reason, .hint' \
		"$T/.airtable/info/Hammock Chair.json")" \
		"$(jq -r '.path, .reason, .hint, .time' "$M/.airtable/errors.ndjson")" \
		"$("$BIN" errors "$M")" "$("$BIN" status "$M")" \
		"$(jq -r '.recent_errors[0] | .path, .reason, .hint' \
			"$M/.airtable/status.json")"; do
		has reason "$told" 'field "Price" takes a number, not a string'
		has hint "$told" "write digits without quotes"
	done
	has path "$("$BIN" status "$M")" "$F/Hammock Chair.json"
	has queue "$("$BIN" queue "$M")" "takes a number"
}
