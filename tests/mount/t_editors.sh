# Saving from any program: each changes one field of a record that is there, in
# its own way, and the server sees one PATCH of that field and nothing else.

F="Product Catalog/Furniture"
FURNITURE=appyfL7tb7mxxU39T/tblYpRDSn1m5N9ASi
CHAIR=rec8vAzQ1b2c3d4e5
PRICE=$(jq -r '.bases[0].tables[0].fields[] | select(.name == "Price").id' "$SAMPLE")
N=300

# Nothing leaves before it is asked for, however slow the machine is.
ready() {
	sim; mnt -o "writeback=30${1:+,$1}"
	T="$M/$F"
	C="$T/Hammock Chair.json"
	ls -A "$T" >"$D/names"
	sim_reset
}

# next: what the save is to make of the file, in $D/want; OLD and N are prices
next() {
	sim_reset
	OLD=$(jq .fields.Price "$C")
	N=$((N + 1))
	cp "$C" "$D/was"
	sed "s/\"Price\": $OLD,/\"Price\": $N,/" "$D/was" >"$D/want"
	! cmp -s "$D/was" "$D/want" || fail "no price to change"
}

# the file reads as written, whatever else lies about
as_written() {
	cmp "$D/want" "$C" || fail "$1: reads back otherwise: $(diff "$D/want" "$C")"
}

# leftovers WHAT [NAME...]: what lies in the table now beside its records; gone
# after it
leftovers() {
	local what=$1
	shift
	ls -A "$T" | sort >"$D/now"
	eq "$what: names" "$(sort "$D/names" | comm -13 - "$D/now" | tr '\n' ' ')" \
		"${*:+$* }"
	eq "$what: lost" "$(sort "$D/names" | comm -23 - "$D/now")" ""
	for f; do rm -r "${T:?}/$f" || fail "$what: rm $f"; done
}

# one_patch WHAT [FIELDS]: of the chair alone; with at most one check, that was all
one_patch() {
	settle
	eq "$1: sent" "$(bodies update | jq -cS .records)" \
		"[{\"fields\":${2:-{\"$PRICE\":$N\}},\"id\":\"$CHAIR\"}]"
	eq "$1: writes" "$(ctl GET /_sim/counters | jq -c '.by_kind |
		[.update, .create, .delete, .schema_write, .upload]')" '[1,0,0,0,0]'
	[ "$(total)" -le 2 ] || fail "$1: $(total) requests"
	eq "$1: then" "$(jq .fields.Price "$C")" "$(record $CHAIR | jq .Price)"
	eq "$1: state" "$(jq -r .state "$T/.airtable/info/Hammock Chair.json")" clean
}

# saved WHAT [LEFTOVER...]
saved() {
	as_written "$1"
	leftovers "$@"
	one_patch "$1"
}

# by WHAT COMMAND...: one way to save
by() {
	local what=$1
	shift
	next
	"$@" >"$D/by.out" 2>&1 || fail "$what: $(cat "$D/by.out")"
	saved "$what"
}

change() {
	sed "s/\"Price\": $OLD,/\"Price\": $N,/"
}

# ---- a terminal, with bounded waits

term_run() {
	TERM_NAME=atfs$$
	TERM=xterm tmux -f /dev/null -L "$TERM_NAME" new-session -d -x 100 -y 30 \
		"TERM=xterm $*; echo ended with \$? >'$D/term.end'; sleep 60"
}

term_shows() {
	tmux -L "$TERM_NAME" capture-pane -p | grep -q -- "$1"
}

keys() {
	tmux -L "$TERM_NAME" send-keys "$@"
}

term_wait() {
	within 20 term_shows "$1"
}

term_end() {
	within 20 test -s "$D/term.end"
	tmux -L "$TERM_NAME" kill-server 2>/dev/null
	rm -f "$D/term.end"
}

# ---- vim

# (by itself vim makes no backup of what lies below /tmp, nor does emacs)
vim_save() {
	vim -es -u NONE -i NONE -N -c "set backupskip=" -c "$1" \
		-c "%s/\"Price\": $OLD,/\"Price\": $N,/" -c "$2" "$C" \
		</dev/null >"$D/by.out" 2>&1
}

test_vim_with_each_backupcopy() {
	ready
	for how in backupcopy=auto backupcopy=yes backupcopy=no \
		backupcopy=auto,breaksymlink backupcopy=auto,breakhardlink; do
		next; vim_save "set $how" wq || fail "vim $how"
		saved "vim $how"
	done
}

test_vim_with_and_without_backups_and_swap_files() {
	ready
	for how in nowritebackup "nowritebackup nobackup" "noswapfile" \
		"directory=." "nofsync" "noswapfile nofsync nowritebackup"; do
		next; vim_save "set $how" wq || fail "vim $how"
		saved "vim $how"
	done
	for how in "backup" "backup backupcopy=yes" "backup backupcopy=no"; do
		next; vim_save "set $how backupdir=." wq || fail "vim $how"
		as_written "vim $how"
		cmp "$D/was" "$C~" || fail "vim $how: another backup"
		saved "vim $how" "Hammock Chair.json~"
	done
	next; vim_save "set undofile undodir=." wq || fail "vim undofile"
	saved "vim undofile" ".Hammock Chair.json.un~"
	next; vim_save "set patchmode=.orig" wq || fail "vim patchmode"
	saved "vim patchmode" "Hammock Chair.json.orig"
}

test_vim_writes_twice_and_leaves() {
	ready
	for copy in auto yes no; do
		next
		cp "$D/was" "$D/first"
		term_run vim -u NONE -i NONE -N -c "'set directory=. backupskip= backupcopy=$copy'" "'$C'"
		term_wait '"Price"'
		[ -e "$T/.Hammock Chair.json.swp" ] || fail "no swap file"
		keys ":%s/\"Price\": $OLD,/\"Price\": $N,/" Enter ":w" Enter
		term_wait 'written'
		as_written "vim :w"
		leftovers_stay
		one_patch "vim :w"
		next
		keys ":%s/\"Price\": [0-9]*,/\"Price\": $N,/" Enter ":w" Enter
		# it warns that the file changed: the answer came meanwhile
		within 20 term_shows "changed since\|written"
		! term_shows "changed since" || keys y Enter
		price_now() { [ "$(jq .fields.Price "$C")" = $N ]; }
		within 20 price_now
		keys ":wq" Enter
		term_end
		leftovers "vim :wq"
		one_patch "vim :w, :wq"
	done
}

leftovers_stay() {
	eq names "$(ls -A "$T" | grep -c 'swp')" 1
}

# ---- nano and emacs

nano_save() {
	term_run nano --ignorercfiles "$@" "'$C'"
	term_wait '"Price"'
	keys C-\\; term_wait 'Search (to replace)'
	keys "\"Price\": $OLD," Enter; term_wait 'Replace with'
	keys "\"Price\": $N," Enter; term_wait 'Replace this'
	keys a; term_wait 'Replaced 1'
	keys C-s
}

test_nano() {
	command -v nano >/dev/null && command -v tmux >/dev/null ||
		skip "nano or tmux is not installed"
	ready
	next; nano_save
	term_wait 'Wrote'; keys C-x; term_end
	saved nano
	next; nano_save -B
	term_wait 'Wrote'; keys C-x; term_end
	as_written "nano -B"
	cmp "$D/was" "$C~" || fail "another backup"
	saved "nano -B" "Hammock Chair.json~"
	next; nano_save -G # its lock file
	term_wait 'Wrote'; keys C-x; term_end
	saved "nano -G"
}

emacs_change() {
	echo "(progn (setq backup-enable-predicate (lambda (_) t)) ${1:-}
		(find-file \"$C\")
		(re-search-forward \"\\\"Price\\\": $OLD,\")
		(replace-match \"\\\"Price\\\": $N,\") (save-buffer))"
}

test_emacs() {
	command -v emacs >/dev/null || skip "emacs is not installed"
	ready
	next; emacs -Q --batch --eval "$(emacs_change)" >"$D/by.out" 2>&1 ||
		fail "$(cat "$D/by.out")"
	as_written emacs
	cmp "$D/was" "$C~" || fail "another backup"
	saved emacs "Hammock Chair.json~"
	for how in "(setq make-backup-files nil)" \
		"(setq make-backup-files nil file-precious-flag t)" \
		"(setq make-backup-files nil write-region-inhibit-fsync nil)"; do
		next; emacs -Q --batch --eval "$(emacs_change "$how")" \
			>"$D/by.out" 2>&1 || fail "$how: $(cat "$D/by.out")"
		saved "emacs $how"
	done
	next; emacs -Q --batch --eval "$(emacs_change "(setq backup-by-copying t)")" \
		>"$D/by.out" 2>&1 || fail "$(cat "$D/by.out")"
	saved "emacs backup-by-copying" "Hammock Chair.json~"
}

test_emacs_in_a_terminal() {
	command -v emacs >/dev/null && command -v tmux >/dev/null ||
		skip "emacs or tmux is not installed"
	ready
	next
	term_run emacs -nw -Q --eval "'(setq backup-enable-predicate (lambda (_) t))'" \
		"'$C'"
	term_wait '"Price"'
	keys M-% ; term_wait 'Query replace'
	keys "\"Price\": $OLD," Enter; term_wait ' with'
	keys "\"Price\": $N," Enter; term_wait 'y or n\|Query replacing'
	keys '!'; term_wait 'Replaced 1'
	[ -L "$T/.#Hammock Chair.json" ] || fail "no lock"
	keys C-x C-s; term_wait 'Wrote'
	keys C-x C-c; term_end
	as_written emacs
	saved "emacs -nw" "Hammock Chair.json~"
}

# ---- by the line

test_sed_perl_ed_and_their_like() {
	ready
	by "sed -i" sed -i "s/\"Price\": [0-9]*,/\"Price\": $((N + 1)),/" "$C"
	eq computed "$(jq -c '.computed.Total' "$C")" $((2 * N))
	by "sed -i of two commands" sed -i -e "s/\"Price\": [0-9]*,/\"Price\": $((N + 1)),/" \
		-e "s/no such thing//" "$C"
	next; sed -i.bak "s/\"Price\": $OLD,/\"Price\": $N,/" "$C" || fail "sed -i.bak"
	as_written "sed -i.bak"
	cmp "$D/was" "$C.bak" || fail "another backup"
	saved "sed -i.bak" "Hammock Chair.json.bak"
	by "perl -pi" perl -pi -e "s/\"Price\": [0-9]*,/\"Price\": $((N + 1)),/" "$C"
	next; perl -pi.old -e "s/\"Price\": $OLD,/\"Price\": $N,/" "$C" || fail "perl -pi.old"
	saved "perl -pi.old" "Hammock Chair.json.old"
	next; printf ',s/"Price": %s,/"Price": %s,/\nw\nq\n' "$OLD" "$N" |
		ed -s "$C" || fail ed
	saved ed
	next; printf '%%s/"Price": %s,/"Price": %s,/\nwq\n' "$OLD" "$N" |
		ex -s "$C" || fail ex
	saved ex
	next; diff -u "$D/was" "$D/want" >"$D/diff"
	patch -s "$C" "$D/diff" || fail patch
	saved patch
	next; diff -u "$D/was" "$D/want" >"$D/diff"
	patch -s -b "$C" "$D/diff" || fail "patch -b"
	saved "patch -b" "Hammock Chair.json.orig"
}

test_cp_mv_tar_rsync_and_their_like() {
	ready
	mkdir "$D/in"
	I="$D/in/Hammock Chair.json"
	next; cp "$D/want" "$C" || fail cp
	saved cp
	next; cp -a "$D/want" "$C" || fail "cp -a"
	saved "cp -a"
	next; cp --remove-destination "$D/want" "$C" || fail "cp --remove-destination"
	saved "cp --remove-destination"
	next; cp -b "$D/want" "$C" || fail "cp -b"
	saved "cp -b" "Hammock Chair.json~"
	next; cp "$D/want" "$I"; mv "$I" "$C" || fail mv
	saved mv
	next; cp "$D/want" "$I"; mv -b "$I" "$C" || fail "mv -b"
	saved "mv -b" "Hammock Chair.json~"
	next; cp "$D/want" "$I"; install -m 600 "$I" "$C" || fail install
	saved install
	next; cp "$D/want" "$I"; tar cf "$D/a.tar" -C "$D/in" . &&
		tar xf "$D/a.tar" -C "$T" || fail "tar x"
	saved "tar x"
	next; cp "$D/want" "$I"; tar cf "$D/a.tar" -C "$D/in" . &&
		tar xf "$D/a.tar" --overwrite -C "$T" || fail "tar --overwrite"
	saved "tar --overwrite"
	for how in -a "-a --inplace" "-a --no-whole-file --inplace" -rc "-a --backup" \
		"-a --delay-updates" "-a --append-verify"; do
		next; cp "$D/want" "$I"; touch -d "now - 1 hour" "$I"
		# shellcheck disable=SC2086
		rsync $how -I "$D/in/" "$T/" 2>"$D/by.out" || fail "rsync $how: $(cat "$D/by.out")"
		case $how in
		*backup) saved "rsync $how" "Hammock Chair.json~" ;;
		*append*) # does nothing to a file of the same length
			eq "rsync $how" "$(jq .fields.Price "$C")" "$OLD" ;;
		*) saved "rsync $how" ;;
		esac
	done
	next; dd if="$D/want" of="$C" conv=notrunc status=none || fail dd
	saved "dd, all of it"
	next; dd if="$D/want" of="$C" status=none || fail dd
	saved "dd, truncated first"
	next # three bytes in the middle
	at=$(grep -bo '"Price": ' "$C" | cut -d: -f1)
	printf %s "$N" | dd of="$C" bs=1 seek=$((at + 9)) conv=notrunc status=none ||
		fail "dd in the middle"
	saved "dd in the middle"
}

test_redirects_pipes_and_python() {
	ready
	next; cat "$D/want" >"$C" || fail "cat >"
	saved "cat >"
	next; tee "$C" <"$D/want" >/dev/null || fail tee
	saved tee
	next; change <"$C" | sponge "$C" || fail sponge
	saved sponge
	next; change <"$C" >"$T/tmp" && mv "$T/tmp" "$C" || fail "> tmp, mv"
	saved "> tmp, mv"
	next; jq ".fields.Price = $N" "$C" >"$T/.tmp.json" && mv "$T/.tmp.json" "$C" ||
		fail "jq > .tmp.json, mv"
	saved "jq > .tmp.json, mv"
	next; change <"$C" >"$T/t.json" && mv "$T/t.json" "$C" || fail "> t.json, mv"
	# (a new record's file takes the place of another's: no bytes of its own)
	cp "$C" "$D/want"; eq "> t.json, mv" "$(jq .fields.Price "$C")" "$N"
	saved "> t.json, mv"
	next; exec 3>"$C"; cat "$D/want" >&3 || fail "exec 3>"; exec 3>&-
	saved "exec 3>"
	next; exec 3>"$C" 4>&3; head -c 50 "$D/want" >&3; exec 3>&-
	tail -c +51 "$D/want" >&4 || fail "dup"; exec 4>&-
	saved "duplicated descriptor"
	next; exec 3<>"$C"; cat "$D/want" >&3 || fail "exec 3<>"; exec 3>&-
	saved "exec 3<>"
	next; head -c 200 "$D/want" >"$C"; tail -c +201 "$D/want" >>"$C" || fail ">>"
	saved "> and >>"
	next; { head -c 40 "$D/want"; sleep 0.5; tail -c +41 "$D/want"; } | cat >"$C" ||
		fail "slow pipe"
	saved "slow pipe"
	next; while IFS= read -r line; do printf '%s\n' "$line"; done <"$D/want" >"$C" ||
		fail "by lines"
	saved "line by line"
	for how in open replace precious rplus code mmap mmap_sync byte pwrite; do
		next
		python3 - $how "$D/want" "$C" <<'P' || fail "python $how"
import mmap, os, sys, tempfile
how, want, path = sys.argv[1:]
data = open(want, 'rb').read()
if how == 'open':
    with open(path, 'w') as f:
        f.write(data.decode())
elif how == 'replace':
    with open(path + '.tmp', 'wb') as f:
        f.write(data)
    os.replace(path + '.tmp', path)
elif how == 'precious':      # as careful programs do
    fd, tmp = tempfile.mkstemp(dir=os.path.dirname(path))
    os.write(fd, data)
    os.fchmod(fd, os.stat(path).st_mode & 0o777)
    os.fsync(fd)
    os.close(fd)
    os.rename(tmp, path)
    d = os.open(os.path.dirname(path), os.O_RDONLY)
    os.fsync(d)
    os.close(d)
elif how == 'rplus':
    with open(path, 'r+b') as f:
        f.seek(0)
        f.write(data)
        f.truncate()
elif how == 'code':          # VS Code: truncate, write, fsync
    fd = os.open(path, os.O_WRONLY)
    os.ftruncate(fd, 0)
    os.write(fd, data)
    os.fdatasync(fd)
    os.close(fd)
elif how.startswith('mmap'):
    with open(path, 'r+b') as f:
        assert os.fstat(f.fileno()).st_size == len(data)
        m = mmap.mmap(f.fileno(), len(data))
        m[:] = data
        if how == 'mmap_sync':
            m.flush()
        m.close()
elif how == 'byte':
    with open(path, 'wb', buffering=0) as f:
        for i in range(len(data)):
            f.write(data[i:i + 1])
elif how == 'pwrite':        # the second half first
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    half = len(data) // 2
    os.pwrite(fd, data[half:], half)
    os.pwrite(fd, data[:half], 0)
    os.close(fd)
P
		[ $how != mmap ] || within 10 dirty
		saved "python $how"
	done
}

dirty() {
	cmp -s "$D/want" "$C" &&
		[ "$(jq -r .state "$T/.airtable/info/Hammock Chair.json")" = dirty ]
}
