# Rights that change while the mount is up.

chair="Product Catalog/Furniture/Hammock Chair.json"
CHAIR=rec8vAzQ1b2c3d4e5

# scopes NAME...: what the mount's token may do from now on
scopes() {
	ctl POST /_sim/token "$(jq -n '{token:"patDEMO.sample",
		scopes:$ARGS.positional}' --args "$@")" >/dev/null
}

off() {
	jq -e --arg p "$1" --arg w "$2" 'any(.off[]; .path == $p and
		.what == $w)' "$M/.airtable/status.json"
}

test_P11_a_scope_taken_away_makes_the_base_read_only_and_keeps_the_edit() {
	sim; mnt -o writeback=0.1,ttl=1
	cat "$M/$chair" >/dev/null
	scopes data.records:read schema.bases:read
	sed -i 's/"Price": 250/"Price": 199/' "$M/$chair" || fail save
	within 10 off "Product Catalog" writing
	has scope "$("$BIN" status "$M")" "data.records:write"
	has info "$(cat "$M/Product Catalog/Furniture/.airtable/info/Hammock Chair.json")" \
		"sent once the token has"
	eq queued "$(jq .unsent.queued "$M/.airtable/status.json")" 1
	eq rejected "$(jq .unsent.rejected "$M/.airtable/status.json")" 0
	# read-only now, before any request; other bases are not meant
	within 5 sh -c '[ "$(stat -c %a "$1")" = 555 ]' sh "$M/Product Catalog"
	sim_reset
	fails sh -c 'echo "{}" > "$1"' sh "$M/$chair"
	has words "$ERR" "ermission denied"
	eq writes "$(calls update)" 0
	has read "$(cat "$M/$chair")" '"Price": 199'
	scopes data.records:read data.records:write schema.bases:read
	"$BIN" refresh "$M" || fail refresh
	settle
	eq sent "$(record $CHAIR | jq .Price)" 199
	fails off "Product Catalog" writing
	within 5 sh -c '[ "$(stat -c %a "$1")" = 755 ]' sh "$M/Product Catalog"
	umnt || fail "umount: $(cat "$D/umount.out")"
}

test_P10_an_edit_of_a_record_that_may_not_be_read_waits() {
	sim; mnt -o writeback=0.1
	cat "$M/$chair" >/dev/null
	scopes data.records:write schema.bases:read
	sed -i 's/"Price": 250/"Price": 199/' "$M/$chair" || fail save
	within 10 off "Product Catalog" writing
	eq rejected "$(jq .unsent.rejected "$M/.airtable/status.json")" 0
	scopes data.records:read data.records:write schema.bases:read
	"$BIN" refresh "$M" || fail refresh
	settle
	eq sent "$(record $CHAIR | jq .Price)" 199
}

test_P11_what_may_not_be_read_any_more_stays_readable_and_is_marked() {
	sim; mnt -o ttl=0.3
	want=$(cat "$M/$chair")
	scopes user.email:read
	sleep 0.5
	ls "$M/Product Catalog/Furniture" >/dev/null || fail ls
	within 10 off "Product Catalog/Furniture" reading
	within 10 off "Product Catalog" "tables and fields"
	eq cached "$(cat "$M/$chair")" "$want"
	ls "$M/Product Catalog/Furniture" >/dev/null || fail "ls again"
	scopes data.records:read data.records:write schema.bases:read
	"$BIN" refresh "$M"
	within 10 jq -e '.off == []' "$M/.airtable/status.json"
}

test_P11_one_field_that_may_not_be_written_stops_only_that_edit() {
	sim; mnt -o writeback=0.1
	f="$M/Product Catalog/Furniture"
	cat "$M/$chair" >/dev/null
	field=$(jq -r '.fields[] | select(.name == "Price") | .id' \
		"$f/.airtable/schema.json")
	ctl POST /_sim/permission '{"field":"'"$field"'","write":false}' >/dev/null
	sed -i 's/"Price": 250/"Price": 199/' "$M/$chair" || fail save
	within 10 sh -c '[ "$(jq .unsent.rejected "$1")" = 1 ]' sh \
		"$M/.airtable/status.json"
	fails off "Product Catalog" writing
	eq mode "$(stat -c %a "$f")" 755
}
