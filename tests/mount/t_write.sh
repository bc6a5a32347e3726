# Saving: every program's way, and what the server then saw.

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

test_a_save_by_sed_sends_one_patch_of_one_field() {
	ready
	sed -i 's/"Price": 250/"Price": 199/' "$C" || fail sed
	eq there "$(jq .fields.Price "$C")" 199
	one_patch '[199]'
	eq server "$(record $CHAIR | jq .Price)" 199
	eq computed "$(jq .computed.Total "$C")" 398
	eq names "$(ls -A "$T" | grep -c sed)" 0
}

test_a_save_by_sed_with_backup() {
	ready
	sed -i.bak 's/"Price": 250/"Price": 198/' "$C" || fail sed
	one_patch '[198]'
	grep -q '"Price": 250' "$C.bak" || fail "no backup"
	rm "$C.bak"
}

test_a_save_by_redirect() {
	ready
	jq '.fields.Price = 12.5' "$C" >"$D/new"
	cat "$D/new" >"$C" || fail "cat >"
	cmp "$D/new" "$C" || fail "reads back otherwise"
	one_patch '[12.5]'
}

test_a_save_by_echo_of_a_bare_object() {
	ready
	echo '{"Price": 77}' >"$C" || fail echo
	one_patch '[77]'
	eq whole "$(jq -r .fields.Name "$C")" "Hammock Chair"
}

test_a_save_by_cp_and_mv_over() {
	ready -o writeback=4 # longer than a slow jq takes, so that nothing leaves
	jq '.fields.Price = 13' "$C" >"$D/new"
	cp "$D/new" "$C" || fail cp
	one_patch '[13]'
	sim_reset
	jq '.fields.Price = 14' "$C" >"$D/new"
	mv "$D/new" "$C" || fail mv
	one_patch '[14]'
	sim_reset
	jq '.fields.Price = 15' "$C" >"$T/tmp" && mv "$T/tmp" "$C" || fail "mv inside"
	one_patch '[15]'
	sim_reset
	jq '.fields.Price = 16' "$C" >"$T/t.json" && mv "$T/t.json" "$C" ||
		fail "mv of a .json inside"
	one_patch '[16]'
	eq names "$(ls "$T" | wc -l)" 123
}

test_a_save_by_sponge_perl_rsync_tee_python() {
	ready
	jq '.fields.Price = 21' "$C" | sponge "$C" || fail sponge
	one_patch '[21]'; sim_reset
	perl -pi -e 's/"Price": 21/"Price": 22/' "$C" || fail perl
	one_patch '[22]'; sim_reset
	mkdir "$D/in"
	# (another size each time: rsync looks at size and mtime alone)
	jq '.fields.Price = 2300' "$C" >"$D/in/Hammock Chair.json"
	rsync -a "$D/in/" "$T/" || fail rsync
	one_patch '[2300]'; sim_reset
	jq '.fields.Price = 24000' "$C" >"$D/in/Hammock Chair.json"
	rsync -a --inplace "$D/in/" "$T/" || fail "rsync --inplace"
	one_patch '[24000]'; sim_reset
	jq '.fields.Price = 25' "$C" >"$D/x"; tee "$C" <"$D/x" >/dev/null || fail tee
	one_patch '[25]'; sim_reset
	python3 - "$C" <<'P' || fail python
import json, sys
d = json.load(open(sys.argv[1]))
d["fields"]["Price"] = 26
with open(sys.argv[1], "w") as f:
    json.dump(d, f, indent=2, ensure_ascii=False)
P
	one_patch '[26]'
}

test_a_save_by_appending_in_pieces() {
	ready
	jq '.fields.Price = 31' "$C" >"$D/new"
	{ head -c 40 "$D/new"; sleep 0.1; tail -c +41 "$D/new"; } | cat >"$C" ||
		fail "in pieces"
	one_patch '[31]'
}

test_a_save_by_vim() {
	command -v vim >/dev/null || skip "vim is not installed"
	ready
	n=40
	for how in "" "set backupcopy=yes" "set nowritebackup" "set backup"; do
		sim_reset
		n=$((n + 1))
		vim -es -u NONE -N -c "$how" -c "%s/\"Price\": [0-9.]*/\"Price\": $n/" \
			-c wq "$C" </dev/null >/dev/null 2>&1 || fail "vim ($how)"
		eq there "$(jq .fields.Price "$C")" $n
		one_patch "[$n]"
	done
	rm -f "$C~"
	eq names "$(ls -A "$T" | wc -l)" 123
}

test_a_save_by_nano() {
	command -v nano >/dev/null && command -v tmux >/dev/null ||
		skip "nano or tmux is not installed"
	ready
	S=atfs$$
	TERM=xterm tmux -f /dev/null -L $S new-session -d -x 80 -y 24 \
		"TERM=xterm nano --ignorercfiles '$C'"
	sleep 1
	# search and replace: 250 by 251, all
	tmux -L $S send-keys C-\\ ; sleep 0.3
	tmux -L $S send-keys '"Price": 250' Enter; sleep 0.3
	tmux -L $S send-keys '"Price": 251' Enter; sleep 0.3
	tmux -L $S send-keys a; sleep 0.3
	tmux -L $S send-keys C-s; sleep 0.5
	tmux -L $S send-keys C-x; sleep 0.5
	tmux -L $S kill-server 2>/dev/null
	eq there "$(jq .fields.Price "$C")" 251
	one_patch '[251]'
}

test_a_save_by_emacs() {
	command -v emacs >/dev/null || skip "emacs is not installed"
	ready
	emacs -Q --batch --eval "(progn (find-file \"$C\")
		(re-search-forward \"\\\"Price\\\": 250\")
		(replace-match \"\\\"Price\\\": 252\") (save-buffer))" \
		>/dev/null 2>&1 || fail emacs
	one_patch '[252]'
	rm -f "$C~"
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
