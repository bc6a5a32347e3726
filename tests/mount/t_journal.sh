# The journal: kill -9, unmount, lost answers, conflicts.

ready() {
	sim; mnt "$@"
	T="$M/Product Catalog/Furniture"
	C="$T/Hammock Chair.json"
	ls "$T" >/dev/null
	sim_reset
}

kill9() {
	kill -9 "$(daemon_pid)"
	fusermount3 -uz "$M" 2>/dev/null || umount -l "$M"
}

CHAIR=rec8vAzQ1b2c3d4e5

test_P3_a_save_survives_kill_9() {
	ready -o writeback=60
	sed -i 's/"Price": 250/"Price": 81/' "$C"
	kill9
	eq none "$(calls update)" 0
	mnt -o writeback=1
	eq there "$(jq .fields.Price "$C")" 81
	settle
	eq patches "$(calls update)" 1
	eq server "$(record $CHAIR | jq .Price)" 81
}

test_P3_the_journal_needs_no_cache() {
	ready -o writeback=60
	sed -i 's/"Price": 250/"Price": 82/' "$C"
	echo '{"Price": 3}' >"$T/Late.json"
	kill9
	rm -rf "$D/cache"
	mnt
	within 30 sh -c "[ \$(jq '.unsent.queued' '$M/.airtable/status.json') = 0 ]"
	eq server "$(record $CHAIR | jq .Price)" 82
	eq one "$(ctl GET /_sim/state | jq '[.bases[].tables[].records[] |
		select(.fields.Name == "Late")] | length')" 1
}

test_P3_a_draft_survives_kill_9() {
	ready
	head -c 60 "$C" >"$D/cut"
	cp "$D/cut" "$C"
	kill9
	mnt
	cmp "$D/cut" "$C" || fail "the bytes are gone"
}

test_P12_unmount_sends_what_is_left() {
	ready -o writeback=60
	sed -i 's/"Price": 250/"Price": 83/' "$C"
	umnt || fail "umount: $(cat "$D/umount.out")"
	eq server "$(record $CHAIR | jq .Price)" 83
}

test_P12_fusermount_is_as_good() {
	ready -o writeback=60
	pid=$(daemon_pid)
	sed -i 's/"Price": 250/"Price": 84/' "$C"
	fusermount3 -u "$M" || fail fusermount
	within 20 sh -c "! kill -0 $pid"
	eq server "$(record $CHAIR | jq .Price)" 84
}

test_P12_offline_unmount_says_what_is_unsent_and_keeps_it() {
	ready -o drain=1
	sim_stop
	sed -i 's/"Price": 250/"Price": 85/' "$C"
	"$BIN" umount "$M" >"$D/out" 2>&1
	eq status $? 5
	grep -q '1' "$D/out" || fail "not said: $(cat "$D/out")"
	sim
	mnt
	eq there "$(jq .fields.Price "$C")" 85
	settle
	eq server "$(record $CHAIR | jq .Price)" 85
}

test_P12_sigterm_flushes_and_ends() {
	ready -o writeback=60
	pid=$(daemon_pid)
	sed -i 's/"Price": 250/"Price": 86/' "$C"
	kill -TERM "$pid"
	within 20 sh -c "! kill -0 $pid"
	eq server "$(record $CHAIR | jq .Price)" 86
	! grep -q " $M " /proc/mounts || fail "still mounted"
}

count_named() {
	ctl GET /_sim/state | jq --arg n "$1" '[.bases[].tables[].records[] |
		select(.fields.Name == $n)] | length'
}

test_P4_a_create_whose_answer_is_lost_happens_once() {
	ready
	ctl POST /_sim/fault '{"match":{"kind":"create"},"count":1,
		"action":"reset_after"}' >/dev/null
	echo '{"Price": 4}' >"$T/Once.json"
	"$BIN" flush "$M" --timeout 30 || fail flush
	eq once "$(count_named Once)" 1
	case $(jq -r .id "$T/Once.json") in rec*) ;; *) fail "not adopted" ;; esac
}

test_P4_a_create_that_never_arrived_is_sent_again() {
	ready
	ctl POST /_sim/fault '{"match":{"kind":"create"},"count":1,
		"action":"reset_before"}' >/dev/null
	echo '{"Price": 4}' >"$T/Once.json"
	"$BIN" flush "$M" --timeout 40 || fail flush
	eq once "$(count_named Once)" 1
}

test_P4_a_create_in_flight_at_kill_9_happens_once() {
	ready
	ctl POST /_sim/latency '{"ms":3000}' >/dev/null
	echo '{"Price": 4}' >"$T/Once.json"
	within 8 sh -c "jq -e '.state == \"sending\"' '$T/.airtable/info/Once.json'"
	kill9
	sleep 3
	ctl POST /_sim/latency '{"ms":0}' >/dev/null
	mnt
	"$BIN" flush "$M" --timeout 40 || fail flush
	eq once "$(count_named Once)" 1
}

test_P4_a_patch_whose_answer_is_lost_is_repeated() {
	ready
	ctl POST /_sim/fault '{"match":{"kind":"update"},"count":1,
		"action":"reset_after"}' >/dev/null
	sed -i 's/"Price": 250/"Price": 87/' "$C"
	"$BIN" flush "$M" --timeout 30 || fail flush
	eq server "$(record $CHAIR | jq .Price)" 87
	[ "$(calls update)" -le 2 ] || fail "too often"
}

test_P4_writes_wait_while_the_server_is_away() {
	ready
	sim_stop
	sed -i 's/"Price": 250/"Price": 88/' "$C"
	echo '{"Price": 9}' >"$T/Meanwhile.json"
	sleep 2
	sim
	"$BIN" flush "$M" --timeout 60 || fail flush
	eq server "$(record $CHAIR | jq .Price)" 88
	eq once "$(count_named Meanwhile)" 1
}

B=appyfL7tb7mxxU39T

remote() {
	local t
	t=$(ctl GET /_sim/state | jq -r '.bases[].tables[] |
		select(.name == "Furniture") | .id')
	as PATCH "/v0/$B/$t/$CHAIR" "{\"fields\":$1}" >/dev/null
}

test_P5_a_field_changed_elsewhere_is_kept() {
	ready -o ttl=0
	remote '{"Units": 99}'
	sed -i 's/"Price": 250/"Price": 91/' "$C"
	settle
	eq sent "$(bodies update | jq -c '[.records[0].fields[]]')" '[91]'
	eq theirs "$(record $CHAIR | jq .Units)" 99
	eq mine "$(record $CHAIR | jq .Price)" 91
	eq shown "$(jq -c '[.fields.Price, .fields.Units]' "$C")" '[91,99]'
}

test_P5_the_same_field_changed_on_both_sides_is_a_conflict() {
	ready -o ttl=0
	remote '{"Price": 1000}'
	sed -i 's/"Price": 250/"Price": 92/' "$C"
	within 8 jq -e '.state == "conflict"' "$T/.airtable/info/Hammock Chair.json"
	eq kept "$(record $CHAIR | jq .Price)" 1000
	eq sent "$(calls update)" 0
	eq sides "$(jq -c '.pending[0] | [.base.Price, .mine.Price, .theirs.Price]' \
		"$T/.airtable/info/Hammock Chair.json")" '[250,92,1000]'
	eq bytes "$(jq .fields.Price "$C")" 92
	# saving again decides
	jq '.fields.Price = 93' "$C" >"$D/x"; cp "$D/x" "$C"
	settle
	eq mine "$(record $CHAIR | jq .Price)" 93
}

test_P5_the_same_change_on_both_sides_is_none() {
	ready -o ttl=0
	remote '{"Price": 94}'
	sed -i 's/"Price": 250/"Price": 94/' "$C"
	settle
	eq sent "$(calls update)" 0
	eq state "$(jq -r .state "$T/.airtable/info/Hammock Chair.json")" clean
}

test_a_record_deleted_elsewhere_keeps_the_bytes() {
	ready -o ttl=0
	t=$(ctl GET /_sim/state | jq -r '.bases[].tables[] |
		select(.name == "Furniture") | .id')
	as DELETE "/v0/$B/$t/$CHAIR" null >/dev/null
	sed -i 's/"Price": 250/"Price": 95/' "$C"
	within 8 jq -e '.state == "rejected"' "$T/.airtable/info/Hammock Chair.json"
	eq bytes "$(jq .fields.Price "$C")" 95
}

test_remote_changes_show_after_a_refresh() {
	ready -o ttl=0
	cat "$T"/*.json >/dev/null
	remote '{"Price": 333, "Name": "Swinging Chair"}'
	"$BIN" refresh "$M" || fail refresh
	within 10 test -e "$T/Swinging Chair.json"
	within 5 sh -c "! test -e '$C'"
	eq price "$(jq .fields.Price "$T/Swinging Chair.json")" 333
	ls "$T" | grep -q '^Swinging Chair' || fail "not listed"
	! ls "$T" | grep -q '^Hammock Chair' || fail "still listed"
}
