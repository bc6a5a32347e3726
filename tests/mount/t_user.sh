# What people do at a shell, all day.

SIM_MORE=
F="Product Catalog/Furniture"

ready() {
	# shellcheck disable=SC2086
	sim $SIM_MORE; mnt "$@"
	T="$M/$F"
	C="$T/Hammock Chair.json"
	ls "$M"/*/* >/dev/null
	sim_reset
}

# refuse METHOD: the next request of it meets a 422
refuse() {
	ctl POST /_sim/fault "$(jq -n --arg m "$1" '{match:{method:$m},count:1,
		action:"status",status:422,body:"{\"error\":{\"type\":\"X\",\"message\":\"no\"}}"}')" >/dev/null
}

test_a_file_emptied_and_then_appended_to_is_a_save() {
	ready
	: >"$C"
	echo '{"Price":' >>"$C" && echo '51}' >>"$C" || fail append
	eq reads "$(jq -c . "$C")" '{"Price":51}'
	settle
	eq sent "$(bodies update | jq -c '[.records[].fields[]]')" '[51]'
}

test_P4_mv_to_another_table_deletes_only_what_arrived() {
	ready -o delete_delay=300ms
	refuse POST
	mv "$M/CRM/Companies/Orchard Street Clinic.json" "$T/" || fail mv
	within 5 grep -q rejected "$M/.airtable/queue.json"
	sleep 0.5
	eq deletes "$(calls delete)" 0
}

test_P4_mv_over_a_record_deletes_only_after_the_change() {
	ready -o delete_delay=300ms
	refuse PATCH
	mv "$T/Daybed.json" "$T/Cot.json" || fail mv
	within 5 grep -q rejected "$M/.airtable/queue.json"
	sleep 0.5
	eq deletes "$(calls delete)" 0
}

test_what_was_never_sent_is_removed_without_a_brake() {
	ready -o max_deletes=3,writeback=20
	for i in 1 2 3 4 5; do
		echo '{"Price": 1}' >"$T/n$i.json" || fail "create $i"
		rm "$T/n$i.json" || fail "rm $i"
	done
	settle
	eq creates "$(calls create)" 0
	eq deletes "$(calls delete)" 0
}

test_inode_numbers_of_a_side_room_are_its_own() {
	ready
	eq doubles "$(find "$M/.airtable" "$T/.airtable" "$M/CRM/.airtable" \
		-printf '%i\n' | sort | uniq -d)" ""
	eq loops "$(find "$T/.airtable" 2>&1 >/dev/null)" ""
}

test_P4_kill_9_again_and_again_loses_and_doubles_nothing() {
	SIM_MORE=--no-rate-limit
	ready -o writeback=30ms,delete_delay=100ms
	for i in 1 2 3 4 5 6; do
		echo "{\"Price\": $i}" >"$T/k$i.json" || fail "create $i"
		[ $i -eq 1 ] || mv "$T/k$((i - 1)).json" "$T/K$((i - 1)).json" ||
			fail "mv $i"
		[ $i -le 3 ] || rm "$T/K$((i - 2)).json" || fail "rm $i"
		sleep "0.0$((i * 13 % 10))"
		kill -9 "$(daemon_pid)"
		umount -l "$M"
		mnt -o writeback=30ms,delete_delay=100ms
	done
	sleep 0.3
	settle
	# one that was removed before it was sent needs no create
	[ "$(bodies create | jq -s '[.[].records[]] | length')" -le 6 ] ||
		fail "too many creates"
	eq left "$(ctl GET /_sim/state | jq -c '[.bases[].tables[].records[].fields.Name
		| strings | select(test("^[kK][0-9]$"))] | sort')" '["K1","K5","k6"]'
	eq names "$(ls "$T" | grep -c '^[kK][0-9]')" 3
}
