
# Both sides change a record: old views, lists, conflicts and their end.

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

remote() { as PATCH "$TBL/$CHAIR" "{\"fields\":$1}" >/dev/null; }

test_P5_a_buffer_older_than_a_refresh_does_not_overwrite() {
	ready
	cp "$C" "$D/buffer"
	remote '{"Units":9}'
	"$BIN" refresh "$T" && within 5 grep -q '"Units": 9' "$C"
	jq '.fields.Price = 199' "$D/buffer" >"$D/saved"
	cat "$D/saved" >"$C" || fail save
	settle
	eq mine "$(record $CHAIR | jq .Price)" 199
	eq theirs "$(record $CHAIR | jq .Units)" 9
	has told "$("$BIN" errors "$M")" "the server's value stays"
}

test_P5_lists_changed_on_both_sides_are_merged() {
	ready -o writeback=20
	eq at_first "$(jq -c .fields.Materials "$C")" '["Cotton","Ash"]'
	jq '.fields.Materials = ["Cotton","Oak"]' "$C" >"$D/new"
	cat "$D/new" >"$C" || fail save
	remote '{"Materials":["Cotton","Ash","Glass"]}'
	settle
	eq merged "$(record $CHAIR | jq -c .Materials)" '["Cotton","Glass","Oak"]'
	eq shown "$(jq -c .fields.Materials "$C")" '["Cotton","Glass","Oak"]'
}
