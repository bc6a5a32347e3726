# Edges of the write path: what is in flight meets what the user does next.

F="Product Catalog/Furniture"
FURNITURE=appyfL7tb7mxxU39T/tblYpRDSn1m5N9ASi
CHAIR=rec8vAzQ1b2c3d4e5

ready() {
	sim; mnt "$@"
	T="$M/$F"
	C="$T/Hammock Chair.json"
	ls "$T" >/dev/null
	sim_reset
}

fault() {
	ctl POST /_sim/fault "$1" >/dev/null
}

state() {
	jq -r .state "$T/.airtable/info/$1"
}

is_state() {
	[ "$(state "$1")" = "$2" ]
}

came() {
	[ "$(ctl GET /_sim/log?since=0 | jq "[.entries[] | select(.kind == \"$1\")] | length")" -ge "${2:-1}" ]
}

price_is() {
	[ "$(record $CHAIR | jq .Price)" = "$1" ]
}

gone_there() {
	[ -z "$(record "$1")" ]
}

test_P4_a_delete_whose_answer_was_lost_is_done() {
	ready -o delete_delay=0
	fault '{"match":{"kind":"delete"},"count":1,"action":"reset_after"}'
	rm "$C" || fail rm
	settle
	within 10 gone_there $CHAIR
	sleep 0.5
	[ ! -e "$C" ] || fail "it is there again: $(cat "$T/.airtable/info/Hammock Chair.json")"
	eq unsent "$(jq -c '.unsent | [.queued, .rejected]' "$M/.airtable/status.json")" '[0,0]'
}

test_an_edit_after_a_refused_delete_is_sent() {
	ready -o delete_delay=0
	fault '{"match":{"kind":"delete"},"count":1,"action":"status","status":403,"body":{"error":{"type":"INVALID_PERMISSIONS","message":"no"}}}'
	rm "$C" || fail rm
	within 10 test -e "$C"
	echo '{"Price": 77}' >"$C" || fail echo
	within 5 price_is 77
}

test_an_edited_record_deleted_there_can_be_removed_here() {
	ready -o delete_delay=0
	as DELETE "/v0/$FURNITURE/$CHAIR" null >/dev/null
	echo '{"Price": 77}' >"$C" || fail echo
	within 10 is_state "Hammock Chair.json" rejected
	rm "$C" || fail rm
	settle
	[ ! -e "$C" ] || fail "it is there again"
	eq unsent "$(jq -c '.unsent | [.queued, .rejected]' "$M/.airtable/status.json")" '[0,0]'
}

test_P5_rich_text_saved_twice_in_a_row_is_no_conflict() {
	ready
	fault '{"match":{"kind":"update"},"count":1,"action":"stall","ms":1500}'
	echo '{"Care": "one"}' >"$C" || fail one
	within 10 came update
	echo '{"Care": "two"}' >"$C" || fail two
	settle
	eq unsent "$(jq -c '.unsent | [.queued, .conflicts]' "$M/.airtable/status.json")" '[0,0]'
	has server "$(record $CHAIR | jq -r .Care)" two
}

test_a_listing_that_is_older_than_a_save_does_not_undo_it() {
	ready
	fault '{"match":{"kind":"list"},"count":1,"action":"drip","ms":2}'
	echo >"$M/.airtable/refresh" || "$BIN" refresh "$M"
	within 10 came list
	echo '{"Price": 77}' >"$C" || fail echo
	settle
	eq at_once "$(jq .fields.Price "$C")" 77
	for i in $(seq 60); do
		[ "$(jq .fields.Price "$C")" = 77 ] || fail "undone after $i: $(jq .fields.Price "$C")"
		sleep 0.1
	done
}

test_a_create_held_up_takes_the_last_save() {
	ready
	N="$T/Held Up.json"
	ctl POST /_sim/latency '{"ms":1000}' >/dev/null
	fault '{"match":{"kind":"create"},"count":1,"action":"status","status":401,"body":{"error":{"type":"AUTHENTICATION_REQUIRED","message":"no"}}}'
	echo '{"Price": 1}' >"$N" || fail one
	within 10 came create
	echo '{"Price": 5}' >"$N" || fail two
	ctl POST /_sim/latency '{"ms":0}' >/dev/null
	within 10 is_state "Held Up.json" dirty
	echo '{"Price": 1}' >"$N" || fail three
	eq reads "$(cat "$N")" '{"Price": 1}'
	settle
	eq unsent "$(jq -c '.unsent | [.queued, .conflicts]' "$M/.airtable/status.json")" '[0,0]'
	eq server "$(ctl GET /_sim/state | jq -c '[.bases[].tables[].records[].fields | select(.Name == "Held Up") | .Price]')" '[1]'
}

test_a_rename_keeps_every_edit_that_waits() {
	ready
	fault '{"match":{"kind":"update"},"count":1,"action":"status","status":401,"body":{"error":{"type":"AUTHENTICATION_REQUIRED","message":"no"}}}'
	ctl POST /_sim/latency '{"ms":700}' >/dev/null
	echo '{"Price": 77}' >"$C" || fail one
	within 10 came get
	echo '{"Price": 77, "Units": 4242}' >"$C" || fail two
	within 10 came update
	ctl POST /_sim/latency '{"ms":0}' >/dev/null
	within 10 is_state "Hammock Chair.json" dirty
	mv "$C" "$T/Renamed.json" || fail mv
	eq read "$(jq -c '[.fields.Price,.fields.Units]' "$T/Renamed.json")" '[77,4242]'
	settle
	eq server "$(record $CHAIR | jq -c '[.Name,.Price,.Units]')" '["Renamed",77,4242]'
}

test_P12_an_edit_of_a_record_gone_meanwhile_is_settled_after_the_cache_was_lost() {
	ready -o writeback=60
	echo '{"Price": 77}' >"$C" || fail one
	kill -9 "$(daemon_pid)"; fusermount3 -uz "$M"
	as DELETE "/v0/$FURNITURE/$CHAIR" null >/dev/null
	rm -rf "$D/cache"
	mnt
	ls "$T" >/dev/null
	"$BIN" flush "$M" --timeout 8
	eq queued "$(jq -c '.unsent.queued' "$M/.airtable/status.json")" 0
}

test_a_write_to_a_removed_file_changes_nothing() {
	ready -o delete_delay=0
	exec 5<>"$C"
	rm "$C" || fail rm
	echo '{"Price": 77}' >&5
	exec 5>&-
	settle
	within 5 gone_there $CHAIR
	sleep 1
	eq unsent "$(jq -c '.unsent | [.queued, .rejected]' "$M/.airtable/status.json")" '[0,0]'
	[ ! -e "$C" ] || fail "it is there again"
	eq ls "$(ls "$T" | wc -l)" 122
}

test_a_file_emptied_while_its_save_is_on_the_way_shows_all_again() {
	ready
	fault '{"match":{"kind":"update"},"count":1,"action":"stall","ms":1500}'
	echo '{"Price": 77}' >"$C" || fail one
	within 10 came update
	exec 5<>"$C"
	truncate -s 0 "$C"
	sleep 2.5
	exec 5>&-
	sleep 4 # an emptied file stays empty for a while after its close
	eq price "$(jq .fields.Price "$C")" 77
	eq size "$(stat -c %s "$C")" "$(wc -c <"$C")"
}

test_two_bases_that_share_their_ids() {
	jq '.bases[1] = (.bases[0] | .id = "appCOPYCOPYCOPY01" | .name = "Copy")' "$SAMPLE" >"$D/two.json"
	sim --load "$D/two.json"
	mnt
	ls "$M/Product Catalog" >"$D/a"
	ls "$M/Copy" >"$D/b"
	ls "$M/Product Catalog" >"$D/a2"
	cmp "$D/a" "$D/b" || fail differ
	cmp "$D/a" "$D/a2" || fail "the first lost its tables"
	ls "$M/Copy/Furniture" >/dev/null
	echo '{"Price": 77}' >"$M/Product Catalog/Furniture/Hammock Chair.json"
	settle
	eq first "$(ctl GET /_sim/state | jq -c "[.bases[]|{n:.name, p: ([.tables[].records[]|select(.id==\"$CHAIR\")|.fields.Price][0])}|select(.p)|[.n,.p]]")" '[["Product Catalog",77],["Copy",250]]'
}

test_a_name_moved_over_its_own_id() {
	ready
	mv "$T/$CHAIR.json" "$C"
	sleep 7
	[ -e "$C" ] || fail "gone"
	settle
	[ -n "$(record $CHAIR)" ] || fail "deleted"
}

test_P4_a_short_delete_delay_is_a_delay() {
	ready -o delete_delay=400ms
	rm "$C" || fail rm
	sleep 0.15
	echo '{"Price": 77}' >"$C" || fail echo
	settle
	eq deletes "$(calls delete)" 0
	eq server "$(record $CHAIR | jq .Price)" 77
}
