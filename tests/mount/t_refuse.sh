# What cannot be sent: refused with an errno and a reason, nothing lost.

T0="Product Catalog/Furniture"

ready() {
	sim; mnt "$@"
	T="$M/$T0"
	C="$T/Hammock Chair.json"
	ls "$T" >/dev/null
	sim_reset
}

# refused ERRNO REASON FILE: the last save of C failed, and says so
refused() {
	jq -e --arg e "$1" --arg r "$2" \
		'.state == "invalid" and .error.errno == $e and
		(.error.reason | contains($r))' \
		"$T/.airtable/info/Hammock Chair.json" >/dev/null ||
		fail "info: $(cat "$T/.airtable/info/Hammock Chair.json")"
	tail -1 "$M/.airtable/errors.ndjson" | jq -e --arg r "$2" \
		'.path == "Product Catalog/Furniture/Hammock Chair.json" and
		(.reason | contains($r))' >/dev/null ||
		fail "errors: $(tail -1 "$M/.airtable/errors.ndjson")"
	cmp "$D/new" "$C" || fail "the bytes are not kept"
	sleep 1.2
	eq sent "$(total)" 0
}

mended() {
	jq '.fields.Price = 99' "$D/good" >"$C" || fail "mend"
	settle
	eq patches "$(calls update)" 1
	eq state "$(jq -r .state "$T/.airtable/info/Hammock Chair.json")" clean
}

bad() {
	cp "$C" "$D/good"
	jq "$1" "$D/good" >"$D/new"
	fails cp "$D/new" "$C"
}

test_P6_bad_json() {
	ready
	cp "$C" "$D/good"
	sed 's/"Price": 250,/"Price": 250,,/' "$D/good" >"$D/new"
	fails cp "$D/new" "$C"
	has errno "$ERR" "Invalid argument"
	refused EINVAL ""
	jq -e '.error.line > 1 and .error.column > 1' \
		"$T/.airtable/info/Hammock Chair.json" >/dev/null || fail place
	mended
}

test_P6_an_unknown_field() {
	ready
	bad '.fields.Pirce = 3'
	has errno "$ERR" "Invalid argument"
	refused EINVAL Pirce
	jq -r .error.hint "$T/.airtable/info/Hammock Chair.json" |
		grep -q Price || fail "no hint"
	mended
}

test_P6_a_wrong_type() {
	ready
	bad '.fields.Price = "cheap"'
	refused EINVAL Price
	jq -e '.error.line > 1' "$T/.airtable/info/Hammock Chair.json" \
		>/dev/null || fail place
	mended
}

test_P6_a_computed_field_changed_by_hand() {
	ready
	bad '.computed.Total = 1'
	has errno "$ERR" "Operation not permitted"
	refused EPERM Total
	mended
}

test_P6_the_id_changed_by_hand() {
	ready
	bad '.id = "recAAAAAAAAAAAAAA"'
	has errno "$ERR" "Operation not permitted"
	refused EPERM id
	mended
}

test_P6_an_unknown_choice() {
	ready
	bad '.fields.Status = "Sold out twice"'
	refused EINVAL Status
	mended
}

test_P6_echo_hears_of_it() {
	ready
	fails sh -c 'echo "{bad" > "$1"' sh "$C"
	printf '{bad\n' >"$D/new"
	refused EINVAL ""
}

test_P6_a_cut_off_file_is_reported_after_the_close() {
	ready
	cp "$C" "$D/good"
	head -c 100 "$D/good" >"$D/new"
	cp "$D/new" "$C"
	within 5 jq -e '.state == "invalid"' \
		"$T/.airtable/info/Hammock Chair.json"
	refused EINVAL ""
	mended
}

test_P6_an_empty_file_clears_nothing() {
	ready
	: >"$C"
	within 5 test -s "$C"
	sleep 1.5
	eq sent "$(total)" 0
	eq there "$(jq .fields.Price "$C")" 250
	tail -1 "$M/.airtable/errors.ndjson" | grep -q empty || fail "not said"
}

test_P6_rename_over_of_bad_content_fails_and_keeps_both() {
	ready
	cp "$C" "$D/good"
	echo '{"fields": {"Price": "x"}}' >"$T/tmp"
	fails mv "$T/tmp" "$C"
	cmp "$D/good" "$C" || fail "the record changed"
	test -s "$T/tmp" || fail "the bytes are gone"
	eq sent "$(total)" 0
}

test_P6_close_sync_fails_the_close_of_a_cut_file() {
	ready -o close=sync
	head -c 100 "$C" >"$D/new"
	fails cp "$D/new" "$C"
	has errno "$ERR" "Invalid argument"
}

test_a_refusal_by_the_server_is_kept_and_shown() {
	ready
	ctl POST /_sim/fault '{"match":{"kind":"update"},"count":1,
		"action":"status","status":422,
		"body":"{\"error\":{\"type\":\"INVALID_VALUE_FOR_COLUMN\",\"message\":\"Field Price cannot accept the provided value\"}}"}' >/dev/null
	sed -i 's/"Price": 250/"Price": 1/' "$C"
	within 8 jq -e '.state == "rejected"' "$T/.airtable/info/Hammock Chair.json"
	eq mine "$(jq .fields.Price "$C")" 1
	grep -q 'cannot accept' "$M/.airtable/errors.ndjson" || fail "not said"
	sed -i 's/"Price": 1/"Price": 2/' "$C"
	settle
	eq server "$(record rec8vAzQ1b2c3d4e5 | jq .Price)" 2
}

test_the_guilty_one_of_a_batch_is_found() {
	ready
	for f in $(ls "$T" | grep -v ' ' | head -9); do
		jq '.fields.Units = 7' "$T/$f" >"$D/x" && cp "$D/x" "$T/$f"
	done
	# the chair is gone on the server by the time of the PATCH, not before
	ctl POST /_sim/fault '{"match":{"kind":"update","body":"rec8vAzQ1b2c3d4e5"},
		"count":9,"action":"status","status":422,
		"body":"{\"error\":{\"type\":\"ROW_DOES_NOT_EXIST\",\"message\":\"Record ID rec8vAzQ1b2c3d4e5 does not exist in this table\"}}"}' >/dev/null
	sed -i 's/"Price": 250/"Price": 1/' "$C"
	within 20 jq -e '.state == "rejected"' \
		"$T/.airtable/info/Hammock Chair.json"
	within 20 sh -c "[ \$(jq '.unsent.queued' '$M/.airtable/status.json') = 0 ]"
	n=0
	for f in $(ls "$T" | grep -v ' ' | head -9); do
		[ "$(jq -r .state "$T/.airtable/info/$f")" = clean ] && n=$((n + 1))
	done
	eq others $n 9
}
