# What a person does by hand, with one file or with a whole tree: nothing that
# was not meant goes out, and what cannot be is said by the program that tried.

F="Product Catalog/Furniture"
FURNITURE=appyfL7tb7mxxU39T/tblYpRDSn1m5N9ASi
CHAIR=rec8vAzQ1b2c3d4e5

ready() {
	sim; mnt -o "writeback=30${1:+,$1}"
	T="$M/$F"
	C="$T/Hammock Chair.json"
	cat "$T"/*.json >/dev/null
	cp "$C" "$D/was"
	ls -A "$T" | sort >"$D/names"
	sim_reset
}

state() {
	jq -r .state "$T/.airtable/info/${1:-Hammock Chair.json}"
}

is_state() {
	[ "$(state "${2:-Hammock Chair.json}")" = "$1" ]
}

came() {
	[ "$(ctl GET /_sim/log?since=0 | jq "[.entries[] | select(.kind == \"$1\")] | length")" -ge "${2:-1}" ]
}

nothing_was_sent() {
	settle
	eq "$1: requests" "$(total)" 0
	eq "$1: names" "$(ls -A "$T" | sort | comm -3 - "$D/names")" ""
}

price_is() {
	[ "$(record $CHAIR | jq .Price)" = "$1" ]
}

# ---- no edit at all

test_times_modes_and_sizes_are_no_edit() {
	ready
	touch "$C" && touch -d yesterday "$C" && touch -m "$C" || fail touch
	chmod 600 "$C" && chmod u+x "$C" && chmod -R g+r "$T" || fail chmod
	chown "$(id -u):$(id -g)" "$C" && chgrp "$(id -g)" "$C" || fail chown
	truncate -s "$(stat -c %s "$C")" "$C" && truncate -s +0 "$C" || fail truncate
	cp -a --attributes-only "$D/was" "$C" || fail cp
	: >>"$C" || fail "nothing appended"
	dd if=/dev/null of="$C" conv=notrunc status=none || fail "dd of nothing"
	fails fallocate -l 100000 "$C"
	has "fallocate" "$ERR" "not supported"
	sync "$C" && sync -f "$C" || fail sync
	python3 -c 'import os, sys
open(sys.argv[1], "r+").close()
open(sys.argv[1], "a").close()
fd = os.open(sys.argv[1], os.O_RDWR)
os.fsync(fd)
os.utime(fd)' "$C" || fail python
	cmp "$D/was" "$C" || fail "it changed"
	nothing_was_sent "no edit"
	eq state "$(state)" clean
	[ ! -s "$M/.airtable/errors.ndjson" ] ||
		fail "errors: $(cat "$M/.airtable/errors.ndjson")"
}

test_a_table_copied_out_and_back_sends_nothing() {
	ready
	mkdir "$D/out"
	rsync -a "$T/" "$D/out/" || fail "rsync out"
	rsync -a "$D/out/" "$T/" || fail "rsync back"
	rsync -rcI "$D/out/" "$T/" || fail "rsync of all"
	nothing_was_sent rsync
	rsync -aI --inplace "$D/out/" "$T/" || fail "rsync --inplace"
	nothing_was_sent "rsync --inplace"
	cp -a "$D/out/." "$T/" || fail "cp -a"
	nothing_was_sent "cp -a"
	cp -a "$D/out/." "$D/out2" && mv -f "$D/out2"/* "$T/" || fail mv
	nothing_was_sent mv
	sed -i 's/"Price": 250,/"Price": 251,/' "$D/out/Hammock Chair.json"
	rsync -rc "$D/out/" "$T/" || fail "rsync of one"
	settle
	eq sent "$(bodies update | jq -c '[.records[] | [.id, (.fields | to_entries[].value)]]')" \
		"[[\"$CHAIR\",251]]"
}

# More than max_deletes of them: each file is removed first, and comes back.
test_a_table_unpacked_over_itself_sends_nothing() {
	ready max_deletes=50
	tar cf "$D/a.tar" -C "$T" . || fail "tar c"
	tar xf "$D/a.tar" -C "$T" || fail "tar x"
	nothing_was_sent tar
	eq files "$(ls "$T" | wc -l)" 123
}

test_git_checkout_of_an_old_version_over_the_tree() {
	command -v git >/dev/null || skip "git is not installed"
	ready
	cd "$T" || fail cd
	git init -q . && git add -A && git -c user.name=a -c user.email=a@b \
		commit -qm one || fail git
	ls | head -12 | tr '\n' '\0' | xargs -0 sed -i 's/"Units": .*,/"Units": 4242,/'
	settle
	eq changed "$(bodies update | jq -s '[.[].records[]] | length')" 12
	git -c user.name=a -c user.email=a@b commit -qam two || fail "commit"
	sim_reset
	git checkout -q HEAD~1 || fail checkout
	eq clean "$(git status --porcelain)" ""
	settle
	eq records "$(bodies update | jq -s '[.[].records[]] | length')" 12
	eq fields "$(bodies update | jq -s '[.[].records[].fields | length] | unique | .[]')" 1
	eq writes "$(ctl GET /_sim/counters | jq -c '.by_kind | [.update, .create, .delete]')" '[2,0,0]'
	eq there "$(ctl GET /_sim/state | grep -c 4242)" 0
	# what the server computed anew is a change to git
	git checkout -qf - || fail "checkout of the new one"
	settle
	eq again "$(jq .fields.Units "$(ls | head -1)")" 4242
	cd "$D" || exit 1
}

test_cp_of_a_table_into_another_creates() {
	ready
	S="$M/Product Catalog/Suppliers"
	n=$(ls "$S" | wc -l)
	before=$(ls "$T" | wc -l)
	cp -a "$S/." "$T/" 2>"$D/cp.err" || fail "cp -a: $(cat "$D/cp.err")"
	settle
	eq created "$(bodies create | jq -s '[.[].records[]] | length')" "$n"
	eq requests "$(calls create)" $(((n + 9) / 10))
	eq others "$(ctl GET /_sim/counters | jq -c '.by_kind | [.update, .delete]')" '[0,0]'
	eq files "$(ls "$T" | wc -l)" $((before + n))
	eq sources "$(ls "$S" | wc -l)" "$n"
}

# ---- names

test_names_swapped_and_handed_on() {
	ready
	mv "$T/Daybed.json" "$T/x.json" && mv "$T/Cot.json" "$T/Daybed.json" &&
		mv "$T/x.json" "$T/Cot.json" || fail swap
	settle
	eq swapped "$(bodies update | jq -cs '[.[].records[].fields[]] | sort')" '["Cot","Daybed"]'
	eq writes "$(ctl GET /_sim/counters | jq -c '.by_kind | [.create, .delete]')" '[0,0]'
	sim_reset
	# a backup of the backup, then the new one under the old name
	cp "$C" "$C~" && mv "$C~" "$C~~" && mv "$C" "$C~" && mv "$C~" "$C.1" || fail chain
	sed 's/"Price": 250,/"Price": 251,/' "$D/was" >"$T/tmp"
	mv "$T/tmp" "$T/tmp2" && mv "$T/tmp2" "$C" || fail "chain's end"
	settle
	eq sent "$(bodies update | jq -c '[.records[].fields[]]')" '[251]'
	eq writes "$(ctl GET /_sim/counters | jq -c '.by_kind | [.create, .delete]')" '[0,0]'
	cmp "$D/was" "$C.1" && cmp "$D/was" "$C~~" || fail "backups"
	rm "$C.1" "$C~~"
	sim_reset
	mv "$C" "$C~" && mv "$C~" "$C" || fail "there and back"
	nothing_was_sent "there and back"
}

test_files_without_a_name_and_second_names() {
	ready
	python3 - "$T" "$C" <<'P' || fail "python"
import errno, os, sys
table, chair = sys.argv[1:]
try:
    os.close(os.open(table, os.O_TMPFILE | os.O_RDWR, 0o600))
    sys.exit('a file without a name was made')
except OSError as e:
    assert e.errno == errno.EOPNOTSUPP, e
try:
    os.link(chair, chair + '~')
    sys.exit('a record has two names')
except OSError as e:
    assert e.errno == errno.EPERM, e
with open(table + '/tmp', 'w') as f:
    f.write('{"Price": 1}')
for to in chair, table + '/Another.json':
    try:
        os.link(table + '/tmp', to)
        sys.exit('linked to ' + to)
    except OSError as e:
        assert e.errno in (errno.EPERM, errno.EEXIST), e
os.unlink(table + '/tmp')
P
	cmp "$D/was" "$C" || fail "it changed"
	nothing_was_sent "names"
}

# ---- side by side

test_two_editors_of_one_file() {
	ready
	sed 's/"Price": 250,/"Price": 251,/' "$D/was" >"$D/one"
	sed 's/"Units": [0-9]*,/"Units": 77,/' "$D/was" >"$D/two"
	cat "$D/one" >"$C" && cat "$D/two" >"$C" || fail "in turn"
	cmp "$D/two" "$C" || fail "not as written last"
	settle
	eq sent "$(bodies update | jq -cs '[.[].records[].fields[]]')" '[77]'
	eq there "$(record $CHAIR | jq -c '[.Price, .Units]')" '[250,77]'
	sim_reset
	# both opened it, and write in turns; whoever ends last wrote the file
	cp "$C" "$D/was"
	sed 's/"Units": 77,/"Units": 78,/' "$D/was" >"$D/one"
	sed 's/"Units": 77,/"Units": 79,/' "$D/was" >"$D/two"
	for f in "$D/plain" "$C"; do
		exec 3>"$f" 4>"$f"
		head -c 100 "$D/one" >&3; head -c 200 "$D/two" >&4
		tail -c +101 "$D/one" >&3; tail -c +201 "$D/two" >&4
		exec 3>&- 4>&-
	done
	cmp "$D/plain" "$C" || fail "not as in a plain directory"
	settle
	eq there "$(record $CHAIR | jq -c '[.Price, .Units]')" \
		"$(jq -c '.fields | [.Price, .Units]' "$D/plain")"
}

test_saves_while_one_is_on_its_way() {
	ready
	for how in "sed -i" redirect vim; do
		old=$(jq .fields.Price "$C")
		ctl POST /_sim/fault '{"match":{"kind":"update"},"count":1,"action":"stall","ms":2000}' >/dev/null
		sim_reset
		sed -i "s/\"Price\": $old,/\"Price\": 901,/" "$C" || fail one
		"$BIN" flush "$M" --timeout 30 >/dev/null 2>&1 &
		flush=$!
		within 10 came update
		sed 's/"Price": 901,/"Price": 902,/' "$C" >"$D/want"
		case $how in
		sed*) sed -i 's/"Price": 901,/"Price": 902,/' "$C" ;;
		redirect) cat "$D/want" >"$C" ;;
		vim) vim -es -u NONE -i NONE -N -c "set backupskip=" \
			-c '%s/"Price": 901,/"Price": 902,/' -c wq "$C" </dev/null >/dev/null 2>&1 ;;
		esac || fail "$how"
		cmp "$D/want" "$C" || fail "$how: reads otherwise"
		wait $flush || fail "$how: flush"
		settle
		eq "$how: sent" "$(bodies update | jq -cs '[.[].records[].fields[]]')" '[901,902]'
		eq "$how: there" "$(record $CHAIR | jq .Price)" 902
		eq "$how: state" "$(state)" clean
		eq "$how: writes" "$(ctl GET /_sim/counters | jq -c '.by_kind | [.create, .delete]')" '[0,0]'
		echo '{"Price": 250}' >"$C" && settle
	done
}

test_a_save_of_what_was_deleted_there_keeps_its_bytes() {
	ready
	as DELETE "/v0/$FURNITURE/$CHAIR" null >/dev/null
	sed 's/"Price": 250,/"Price": 251,/' "$D/was" >"$D/want"
	sed -i 's/"Price": 250,/"Price": 251,/' "$C" || fail sed
	"$BIN" flush "$M" --timeout 20 >/dev/null 2>&1
	within 10 is_state rejected
	cmp "$D/want" "$C" || fail "the bytes are not kept"
	grep -q 'deleted on the server' "$M/.airtable/errors.ndjson" || fail "not said"
	eq writes "$(ctl GET /_sim/counters | jq -c '.by_kind | [.update, .create, .delete]')" '[0,0,0]'
	# a copy of it is a new record, and the old one can go
	cp "$C" "$T/Again.json" && rm "$C" || fail "cp, rm"
	settle
	id=$(jq -r .id "$T/Again.json")
	eq made "$(record "$id" | jq -c '[.Name, .Price]')" '["Hammock Chair",251]'
	[ ! -e "$C" ] || fail "it is still there"
}

# ---- refusals, as each program says them

# cannot WHAT WORDS COMMAND...: it fails with these words; nothing is sent, what
# was written or what was there before can be read, and the record can be mended
cannot() {
	local what=$1 words=$2
	shift 2
	"$@" >"$D/by.out" 2>&1 </dev/null && fail "$what: nothing said"
	[ -z "$words" ] || has "$what" "$(cat "$D/by.out")" "$words"
	mendable "$what"
}

mendable() {
	cmp -s "$C" "$D/was" || grep -q 'cheap\|2x0' "$C" ||
		fail "$1: neither the old nor the new bytes: $(cat "$C")"
	settle_refused
	eq "$1: sent" "$(total)" 0
	find "$T" -maxdepth 1 ! -name '*.json' ! -path "$T" -exec rm -r {} + || fail "$1: rm"
	cat "$D/was" >"$C" || fail "$1: mend"
	eq "$1: mended" "$(state)" clean
	eq "$1: names" "$(ls -A "$T" | sort | comm -3 - "$D/names")" ""
}

settle_refused() {
	"$BIN" flush "$M" --timeout 5 >"$D/flush.out" 2>&1
}

test_P6_each_program_says_that_a_save_is_refused() {
	ready
	inv="Invalid argument"
	msg="Bad message" # of a rename
	bad='s/"Price": 250,/"Price": "cheap",/'
	sed "$bad" "$D/was" >"$D/bad"
	mkdir "$D/in"; I="$D/in/Hammock Chair.json"; cp "$D/bad" "$I"
	cannot cp "$inv" cp "$D/bad" "$C"
	cannot "cp -a" "$inv" cp -a "$D/bad" "$C"
	cannot "mv from elsewhere" "$inv" mv "$I" "$C"
	[ -s "$I" ] || fail "mv: the source is gone"
	cannot "cat >" "$inv" sh -c 'cat "$1" >"$2"' sh "$D/bad" "$C"
	cannot "echo >" "" sh -c 'echo "{\"Price\": \"cheap\"}" >"$1"' sh "$C"
	cannot tee "$inv" sh -c 'tee "$2" <"$1"' sh "$D/bad" "$C"
	cannot dd "$inv" dd if="$D/bad" of="$C"
	cannot sponge "" sh -c 'sponge "$2" <"$1"' sh "$D/bad" "$C"
	cannot "sed -i" "$msg" sed -i "$bad" "$C"
	cannot "sed -i.bak" "$msg" sed -i.bak "$bad" "$C"
	cannot "perl -pi" "$msg" perl -e '$SIG{__WARN__} = sub { print @_; $w = 1 };
		$^I = ""; @ARGV = ($ARGV[0]); while (<>) { s/"Price": 250,/"Price": "cheap",/; print } exit $w' "$C"
	cannot "jq, mv" "$msg" sh -c 'jq ".fields.Price = \"cheap\"" "$1" >"$2/tmp" &&
		mv "$2/tmp" "$1"' sh "$C" "$T"
	cannot "python open" "$inv" python3 -c 'import sys
with open(sys.argv[2], "w") as f:
    f.write(open(sys.argv[1]).read())' "$D/bad" "$C"
	cannot "python replace" "$msg" python3 -c 'import os, sys
with open(sys.argv[2] + ".tmp", "w") as f:
    f.write(open(sys.argv[1]).read())
os.replace(sys.argv[2] + ".tmp", sys.argv[2])' "$D/bad" "$C"
	cannot "rsync" "$msg" rsync -rI "$D/in/" "$T/"
	cannot "rsync --inplace" "$inv" rsync -rI --inplace "$D/in/" "$T/"
	tar cf "$D/a.tar" -C "$D/in" .
	cannot "tar x" "$inv" tar xf "$D/a.tar" -C "$T"
	diff -u "$D/was" "$D/bad" >"$D/diff"
	cannot patch "$msg" patch -s "$C" "$D/diff"
	cannot ed "" sh -c 'printf "%s\nw\nq\n" ",$1" | ed -s "$2"' sh "$bad" "$C"
	cannot vim "" vim -es -u NONE -i NONE -N -c "set backupskip=" -c "%$bad" -c wq "$C"
	cannot "vim backupcopy=yes" "" vim -es -u NONE -i NONE -N \
		-c "set backupskip= backupcopy=yes" -c "%$bad" -c wq "$C"
	cannot "vim nowritebackup" "" vim -es -u NONE -i NONE -N \
		-c "set nowritebackup" -c "%$bad" -c wq "$C"
	cannot emacs "$inv" emacs -Q --batch --eval "(progn (find-file \"$C\")
		(re-search-forward \"250,\") (replace-match \"\\\"cheap\\\",\") (save-buffer))"
	cannot "emacs, precious" "$msg" emacs -Q --batch --eval "(progn (setq file-precious-flag t)
		(find-file \"$C\") (re-search-forward \"250,\")
		(replace-match \"\\\"cheap\\\",\") (save-buffer))"
}

test_P6_an_mmap_writer_hears_of_a_refusal_by_msync() {
	ready
	cannot msync "$(python3 -c 'import os, errno; print(os.strerror(errno.EINVAL))')" \
		python3 -c 'import mmap, sys
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 0)
    i = m.find(b"250,")
    m[i:i + 4] = b"2x0,"
    m.flush()' "$C"
}

test_P6_git_says_that_a_checkout_is_refused() {
	command -v git >/dev/null || skip "git is not installed"
	ready
	mkdir "$D/repo"
	cd "$D/repo" || fail cd
	git init -q . && cp "$C" . && git add -A && git -c user.name=a \
		-c user.email=a@b commit -qm good || fail git
	sed -i 's/"Price": 250,/"Price": "cheap",/' "Hammock Chair.json"
	git -c user.name=a -c user.email=a@b commit -qam bad || fail git
	cannot "git checkout" "" git --work-tree "$T" checkout -f HEAD -- "Hammock Chair.json"
	cd "$D" || exit 1
}

test_P6_nano_says_that_a_save_is_refused() {
	command -v nano >/dev/null && command -v tmux >/dev/null ||
		skip "nano or tmux is not installed"
	ready
	S=atfs$$
	TERM=xterm tmux -f /dev/null -L $S new-session -d -x 100 -y 24 \
		"TERM=xterm nano --ignorercfiles '$C'"
	screen() { tmux -L $S capture-pane -p | grep -q -- "$1"; }
	within 20 screen '"Price"'
	tmux -L $S send-keys C-\\; within 20 screen 'Search (to replace)'
	tmux -L $S send-keys 250, Enter; within 20 screen 'Replace with'
	tmux -L $S send-keys '"cheap",' Enter; within 20 screen 'Replace this'
	tmux -L $S send-keys a; within 20 screen 'Replaced'
	tmux -L $S send-keys C-s; within 20 screen 'Invalid argument'
	tmux -L $S kill-server 2>/dev/null
	mendable nano
}
