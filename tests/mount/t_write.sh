# Saving, creating, removing, and what the server then saw. The programs are in
# t_editors.sh.

F="Product Catalog/Furniture"
CHAIR=rec8vAzQ1b2c3d4e5

ready() {
	sim; mnt "$@"
	T="$M/$F"
	C="$T/Hammock Chair.json"
	ls "$T" >/dev/null
	sim_reset
}

# one_patch WANT: one PATCH went out, with exactly these fields
one_patch() {
	settle
	eq patches "$(calls update)" 1
	eq fields "$(bodies update | jq -cS '.records[0].fields |
		to_entries | map(.value)')" "$1"
	eq creates "$(calls create)" 0
	eq deletes "$(calls delete)" 0
}

test_a_save_by_echo_of_a_bare_object() {
	ready
	echo '{"Price": 77}' >"$C" || fail echo
	one_patch '[77]'
	eq whole "$(jq -r .fields.Name "$C")" "Hammock Chair"
}

test_a_null_clears_and_an_absent_field_stays() {
	ready
	jq '.fields.Units = null | del(.fields.Price)' "$C" >"$D/new"
	cp "$D/new" "$C" || fail cp
	settle
	eq fields "$(bodies update | jq -c '[.records[0].fields[]]')" '[null]'
	eq price "$(record $CHAIR | jq .Price)" 250
	eq units "$(record $CHAIR | jq .Units)" null
}

test_a_save_without_a_change_sends_nothing() {
	ready
	cp "$C" "$D/same"; cp "$D/same" "$C" || fail cp
	jq -c . "$C" >"$D/compact"; cp "$D/compact" "$C" || fail "cp compact"
	cmp "$D/compact" "$C" || fail "reads back otherwise"
	touch "$C"; chmod 600 "$C"
	settle
	eq calls "$(total)" 0
}

test_P8_ten_quick_saves_leave_in_one_patch() {
	ready
	for f in $(ls "$T" | grep -v ' ' | head -10); do
		jq '.fields.Units = 7' "$T/$f" >"$D/x" && cp "$D/x" "$T/$f"
	done
	sleep 1.5
	settle
	eq patches "$(calls update)" 1
	eq records "$(bodies update | jq '.records | length')" 10
	[ "$(calls list)" -le 1 ] || fail "more than one check"
}

test_a_new_file_creates_a_record() {
	ready
	echo '{"Price": 5, "Status": "In stock"}' >"$T/Brand New.json" || fail echo
	settle
	eq creates "$(calls create)" 1
	eq patches "$(calls update)" 0
	id=$(jq -r .id "$T/Brand New.json")
	case $id in rec*) ;; *) fail "no id: $id" ;; esac
	eq name "$(record "$id" | jq -r .Name)" "Brand New"
	eq price "$(record "$id" | jq .Price)" 5
	umnt || fail umount
	mnt
	eq kept "$(jq -r .id "$T/Brand New.json")" "$id"
}

test_a_copy_creates_a_record() {
	ready
	cp "$C" "$T/Copy Chair.json" || fail cp
	settle
	eq creates "$(calls create)" 1
	id=$(jq -r .id "$T/Copy Chair.json")
	[ "$id" != $CHAIR ] || fail "the same record"
	eq price "$(record "$id" | jq .Price)" 250
}

test_rm_deletes_after_a_while() {
	ready -o delete_delay=1
	rm "$C" || fail rm
	! test -e "$C" || fail "still there"
	eq none "$(calls delete)" 0
	gone() { [ -z "$(record $CHAIR)" ]; }
	within 10 gone
	settle
	eq deletes "$(calls delete)" 1
	! test -e "$C" || fail "it came back"
	eq gone "$(record $CHAIR)" ""
}

test_rm_and_a_new_file_of_that_name_is_an_edit() {
	ready
	jq '.fields.Price = 61' "$C" >"$D/new"
	rm "$C" && cp "$D/new" "$C" || fail "rm, cp"
	one_patch '[61]'
	sim_reset
	jq '.fields.Price = 62' "$C" >"$D/Hammock Chair.json"
	tar cf "$D/a.tar" -C "$D" "Hammock Chair.json"
	tar xf "$D/a.tar" -C "$T" || fail tar
	one_patch '[62]'
}

test_mv_sets_the_primary_field() {
	ready
	mv "$C" "$T/Hanging Chair.json" || fail mv
	settle
	eq fields "$(bodies update | jq -c '[.records[0].fields[]]')" \
		'["Hanging Chair"]'
	eq server "$(record $CHAIR | jq -r .Name)" "Hanging Chair"
	! test -e "$C" || fail "the old name is still there"
	eq inside "$(jq -r .fields.Name "$T/Hanging Chair.json")" "Hanging Chair"
	mv "$T/Hanging Chair.json" "$T/One∕Two.json" && settle
	eq slash "$(record $CHAIR | jq -r .Name)" "One/Two"
}

test_links_by_name_and_by_id() {
	ready
	sup=$(ls "$M/Product Catalog/Suppliers" | grep -v '(rec' | sed -n 3p)
	sid=$(jq -r .id "$M/Product Catalog/Suppliers/$sup")
	key=$(jq -r '.fields | to_entries[] | select(.value | type == "array" and
		(.[0] | type == "string" and startswith("rec"))) | .key' "$C" | head -1)
	[ -n "$key" ] || key=Supplier
	jq --arg k "$key" --arg v "${sup%.json}" '.fields[$k] = [$v]' "$C" \
		>"$D/new"
	cp "$D/new" "$C" || fail "by name"
	settle
	eq sent "$(bodies update | jq -c '[.records[0].fields[]]')" "[[\"$sid\"]]"
}

test_scratch_files_are_local() {
	ready
	echo hello >"$T/notes.txt"; echo x >"$T/.hidden.json"
	mkdir "$T/.dir"; echo y >"$T/.dir/a.json"
	mv "$T/notes.txt" "$T/notes2.txt"
	eq content "$(cat "$T/notes2.txt")" hello
	settle
	eq calls "$(total)" 0
	kill -9 "$(daemon_pid)"
	fusermount3 -uz "$M" 2>/dev/null || umount -l "$M"
	mnt
	eq kept "$(cat "$T/notes2.txt")$(cat "$T/.dir/a.json")" helloy
	rm -r "$T/notes2.txt" "$T/.hidden.json" "$T/.dir"
}

test_git_works_in_a_table() {
	command -v git >/dev/null || skip "git is not installed"
	ready
	cd "$T" || fail cd
	git init -q . && git add -A && git -c user.name=a -c user.email=a@b \
		commit -qm one || fail git
	eq clean "$(git status --porcelain)" ""
	sed -i 's/"Price": 250/"Price": 71/' "Hammock Chair.json"
	settle
	eq patches "$(calls update)" 1
	git checkout -q -- "Hammock Chair.json" || fail checkout
	settle
	eq back "$(record $CHAIR | jq .Price)" 250
	cd "$D" || exit 1
}
