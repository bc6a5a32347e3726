# The state directory in trouble: damaged, of a newer version, full, read-only;
# and what is said of what is left when the mount goes.

CHAIR=rec8vAzQ1b2c3d4e5

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

journal() {
	find "$D/state" -name journal.db
}

# flip FILE OFFSET: one byte of it becomes another
flip() {
	local b
	b=$(od -An -tu1 -j "$2" -N1 "$1")
	printf '%b' "\\x$(printf %x $((b ^ 85)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# a small disk of its own for the state, 2 MB
small_disk() {
	mkdir -p "$D/state"
	mount -t tmpfs -o size=2m tmpfs "$D/state" 2>/dev/null ||
		skip "no tmpfs can be mounted here"
	trap 'clean_up; umount -l "$D/state" 2>/dev/null' EXIT
}

fill_disk() {
	dd if=/dev/zero of="$D/state/filler" bs=4k status=none 2>/dev/null
	dd if=/dev/zero of="$D/state/filler2" bs=1 count=4096 status=none 2>/dev/null
	return 0
}

test_P4_a_damaged_journal_is_salvaged_and_said() {
	ready -o writeback=60
	for i in 1 2 3 4 5 6 7 8; do echo "{\"Price\": $i}" >"$T/New $i.json"; done
	sed -i 's/"Price": 250/"Price": 81/' "$C"
	kill9
	sim_stop # nothing is to leave
	cp -a "$D/state" "$D/kept"
	for part in 1 3 5 7 9; do
		for file in -wal ''; do
			rm -rf "$D/state"; cp -a "$D/kept" "$D/state"
			f=$(journal)$file
			flip "$f" $(($(stat -c %s "$f") * part / 10))
			mnt -o writeback=60
			n=$(ls "$T" | grep -c '^New ')
			if [ "$n" -lt 7 ] || [ "$(jq .fields.Price "$C")" != 81 ]; then
				grep -q 'damaged journal' "$D/mount.out" ||
					fail "$file at $part/10: $n left, and nothing is said"
				ls "$(journal)".damaged-* >/dev/null ||
					fail "$file at $part/10: not kept"
			fi
			[ "$n" -ge 4 ] || fail "$file at $part/10: $n left"
			kill9
		done
	done
	rm -rf "$D/state"; mv "$D/kept" "$D/state"
	sim
	mnt
	settle
	eq made "$(ctl GET /_sim/state | jq '[.bases[].tables[].records[] |
		select(.fields.Name // "" | test("^New [1-8]$"))] | length')" 8
}

test_P4_a_journal_cut_short_is_opened() {
	ready -o writeback=60
	for i in 1 2 3 4; do echo "{\"Price\": $i}" >"$T/New $i.json"; done
	kill9
	sim_stop
	cp -a "$D/state" "$D/kept"
	for part in 0 2 5 8; do
		rm -rf "$D/state"; cp -a "$D/kept" "$D/state"
		f=$(journal)-wal
		truncate -s $(($(stat -c %s "$f") * part / 10)) "$f"
		mnt -o writeback=60
		ls "$T" >/dev/null || fail "cut at $part/10"
		sed -i 's/"Price": 250/"Price": 82/' "$C"
		eq "saved after a cut at $part/10" "$(jq .fields.Price "$C")" 82
		kill9
	done
	rm -rf "$D/state"; cp -a "$D/kept" "$D/state"
	truncate -s 5000 "$(journal)"
	mnt -o writeback=60
	ls "$T" >/dev/null || fail "cut file"
}

test_a_journal_of_a_newer_version_is_not_touched() {
	ready
	umnt || fail umount
	sqlite3 "$(journal)" 'PRAGMA user_version = 99' 2>/dev/null ||
		python3 -c "import sqlite3, sys
c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version = 99')
c.commit(); c.close()" "$(journal)" 2>/dev/null || skip "no sqlite3 here"
	cp "$(journal)" "$D/before"
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	fails "$BIN" "$M"
	has words "$ERR" 'newer version'
	has words "$ERR" journal.db
	cmp "$D/before" "$(journal)" || fail "it was changed"
	ls "$(journal)".* 2>/dev/null && fail "something was made beside it"
	return 0
}

test_P3_a_full_disk_refuses_the_save_and_recovers() {
	small_disk
	ready
	before=$(cat "$C")
	fill_disk
	ERR=$( (jq '.fields.Price = 83' <<<"$before" >"$C") 2>&1) &&
		fail "saved on a full disk"
	has words "$ERR" 'No space left'
	ERR=$( (echo '{"Price": 1}' >"$T/New.json") 2>&1) &&
		fail "created on a full disk"
	ls "$T" >/dev/null || fail "cannot be read"
	eq sent "$(calls update) $(calls create)" "0 0"
	rm "$D/state/filler" "$D/state/filler2"
	within 8 test "$before" = "$(cat "$C")"
	jq '.fields.Price = 83' <<<"$before" >"$C" || fail "not saved again"
	echo '{"Price": 1}' >"$T/New.json" || fail "not created again"
	settle
	eq server "$(record $CHAIR | jq .Price)" 83
	eq once "$(ctl GET /_sim/state | jq '[.bases[].tables[].records[] |
		select(.fields.Name == "New")] | length')" 1
}

test_a_read_only_state_directory_is_said() {
	small_disk
	ready
	umnt || fail umount
	mount -o remount,ro "$D/state" || fail remount
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	fails "$BIN" "$M"
	has words "$ERR" 'Read-only'
	has words "$ERR" "$D/state"
	mount -o remount,rw "$D/state"
	mnt
	sed -i 's/"Price": 250/"Price": 84/' "$C"
	settle
	eq server "$(record $CHAIR | jq .Price)" 84
}

test_P12_sigterm_offline_says_what_is_left() {
	ready -o drain=1
	sim_stop
	sed -i 's/"Price": 250/"Price": 85/' "$C"
	echo '{"Price": 1}' >"$T/New.json"
	pid=$(daemon_pid)
	kill -TERM "$pid"
	within 20 sh -c "! kill -0 $pid"
	! grep -q " $M " /proc/mounts || fail "still mounted"
	eq noted "$(find "$D/state" -name 'last-exit*' -exec jq .unsent {} +)" 2
	sim
	mnt
	settle
	eq server "$(record $CHAIR | jq .Price)" 85
}

test_P12_in_the_foreground_the_count_is_on_stderr() {
	sim
	mkdir -p "$M"
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	$WRAP "$BIN" -f -o drain=1 "$M" >"$D/words" 2>&1 &
	pid=$!
	within 20 mountpoint -q "$M"
	C="$M/Product Catalog/Furniture/Hammock Chair.json"
	cat "$C" >/dev/null
	sim_stop
	sed -i 's/"Price": 250/"Price": 85/' "$C"
	kill -TERM $pid
	wait $pid
	eq status $? 5
	has words "$(cat "$D/words")" '1 change is kept'
}

test_flush_tells_why_by_its_status() {
	ready
	"$BIN" flush "$M" || fail "nothing to send"
	ctl POST /_sim/fault '{"match":{"kind":"update"},"count":1,
		"action":"stall","ms":6000}' >/dev/null
	sed -i 's/"Price": 250/"Price": 86/' "$C"
	"$BIN" flush "$M" --timeout 1 2>"$D/err"
	eq "time is up" $? 5
	has words "$(cat "$D/err")" '1 change not sent'
	settle
	ctl POST /_sim/fault '{"match":{"kind":"update"},"count":1,
		"action":"status","status":422,"body":"{\"error\":{\"type\":\"INVALID_VALUE_FOR_COLUMN\",\"message\":\"no\"}}"}' >/dev/null
	sed -i 's/"Price": 86/"Price": 87/' "$C"
	"$BIN" flush "$M" --timeout 20 2>/dev/null
	eq refused $? 5
	sed -i 's/"Price": 87/"Price": 88/' "$C"
	settle
	sim_stop
	sed -i 's/"Price": 88/"Price": 89/' "$C"
	"$BIN" flush "$M" --timeout 3 2>"$D/err"
	eq offline $? 4
	has words "$(cat "$D/err")" offline
	sim
}
