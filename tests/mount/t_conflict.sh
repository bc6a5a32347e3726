
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

in_conflict() {
	ready "$@"
	jq '.fields.Notes = "mine" | .fields.Price = 99' "$C" >"$D/new"
	cat "$D/new" >"$C" || fail save
	remote '{"Notes":"theirs"}'
	fails "$BIN" flush "$M" --timeout 20
	within 5 test -d "$T/.airtable/conflicts/Hammock Chair"
}

test_P5_a_conflict_has_three_files_and_a_list() {
	in_conflict
	X="$T/.airtable/conflicts/Hammock Chair"
	eq listed "$(ls "$T/.airtable/conflicts")" "Hammock Chair"
	eq files "$(echo $(ls "$X"))" "base.json mine.json theirs.json"
	eq base "$(jq -r .fields.Notes "$X/base.json")" null
	eq mine "$(jq -r .fields.Notes "$X/mine.json")" mine
	eq theirs "$(jq -r .fields.Notes "$X/theirs.json")" theirs
	has list "$("$BIN" conflicts "$M")" 'Notes: mine "mine", theirs "theirs"'
	"$BIN" conflicts "$M" --json >"$D/c.json"
	eq exit $? 6
	eq path "$(jq -r '.[0].path' "$D/c.json")" "$F/Hammock Chair.json"
	"$BIN" conflicts "$M/CRM" || fail "CRM has none"
	! test -e "$T/.airtable/conflicts/Daybed" || fail "no conflict there"
	# by hand: one of the versions over the record ends it
	cat "$X/theirs.json" >"$C" || fail "cp theirs"
	settle
	eq server "$(record $CHAIR | jq -r .Notes)" theirs
	"$BIN" conflicts "$M" || fail "still in conflict"
}

test_P5_resolve_mine_theirs_both() {
	in_conflict
	fails "$BIN" resolve "$C"
	fails "$BIN" resolve --mine "$T/Daybed.json"
	has why "$ERR" "in no conflict"
	"$BIN" resolve --mine "$C" || fail mine
	settle
	eq mine "$(record $CHAIR | jq -r '.Notes, .Price' | paste -sd' ')" \
		"mine 99"
	umnt; sim_stop; rm -rf "$D/cache" "$D/state"
	in_conflict
	cd "$T" && "$BIN" resolve --theirs "Hammock Chair.json" && cd "$D" ||
		fail theirs
	settle
	eq theirs "$(record $CHAIR | jq -r '.Notes, .Price' | paste -sd' ')" \
		"theirs 99"
	eq shown "$(jq -r .fields.Notes "$C")" theirs
	umnt; sim_stop; rm -rf "$D/cache" "$D/state"
	in_conflict
	"$BIN" resolve --both "$C" || fail both
	settle
	eq both "$(record $CHAIR | jq -r .Notes | paste -sd'|')" \
		"theirs||---||mine"
}

# Nobody has read the record since the change came in, so what is saved was made
# from what was there before it.
test_P5_the_same_field_in_a_buffer_that_is_surely_older() {
	ready
	cp "$C" "$D/buffer"
	remote '{"Notes":"theirs"}'
	"$BIN" refresh "$T"
	within 5 grep -q elsewhere "$T/.airtable/history/Hammock Chair/log.json"
	jq '.fields.Notes = "mine"' "$D/buffer" >"$D/saved"
	cat "$D/saved" >"$C" || fail save
	fails "$BIN" flush "$M" --timeout 20
	eq theirs "$(record $CHAIR | jq -r .Notes)" theirs
	has listed "$("$BIN" conflicts "$M")" 'mine "mine", theirs "theirs"'
}

test_P5_vim_with_an_older_buffer() {
	command -v vim >/dev/null && command -v tmux >/dev/null ||
		skip "vim or tmux is not installed"
	ready
	S=atfsv$$
	TERM=xterm tmux -f /dev/null -L $S new-session -d -x 100 -y 40 \
		"TERM=xterm vim -u NONE -N '$C'"
	up() { tmux -L $S capture-pane -p | grep -q '"Price": 250'; }
	within 10 up
	remote '{"Units":9,"Notes":"theirs"}'
	"$BIN" refresh "$T"
	within 5 grep -q elsewhere "$T/.airtable/history/Hammock Chair/log.json"
	tmux -L $S send-keys ':%s/"Price": 250/"Price": 251/' Enter
	sleep 0.3
	tmux -L $S send-keys ':wq!' Enter
	sleep 0.5
	tmux -L $S send-keys y Enter # "has been changed since reading it"
	within 10 grep -q '"Price": 251' "$C"
	tmux -L $S kill-server 2>/dev/null
	settle
	eq server "$(record $CHAIR | jq -c '[.Price, .Units, .Notes]')" \
		'[251,9,"theirs"]'
}
