# The cache file may go, be cut or be scribbled over at any time: it is made
# anew, the journal is not touched, and nothing wrong is ever shown.

CHAIR=rec8vAzQ1b2c3d4e5
F="Product Catalog/Furniture"

cache_db() {
	find "$D/cache" -name cache.db
}

as_the_server() {
	python3 "$ROOT/tests/mount/compare.py" "$URL" "$M" >"$D/compare" 2>&1
}

scribble() { # FILE OFFSET BYTES
	dd if=/dev/urandom of="$1" bs=1 seek="$2" count="$3" conv=notrunc status=none
}

# harmed HOW...: an unsent edit, a kill -9, the harm, and all is right again
harmed() {
	local chair="$M/$F/Hammock Chair.json" n
	n=$((RANDOM + 1000))
	mnt -o writeback=60
	cat "$M"/*/*/*.json >/dev/null
	printf '{"Price": %d}\n' "$n" >"$chair" || fail "$1: save"
	kill -9 "$(daemon_pid)"
	fusermount3 -uz "$M"
	"$@" || fail "harm"
	mnt -o writeback=60
	# as it was written, or sent already
	eq "$* shows the edit" "$(jq '.Price // .fields.Price' "$chair")" "$n"
	settle
	eq "$* sends it" "$(record $CHAIR | jq .Price)" "$n"
	"$BIN" refresh "$M"
	within 10 as_the_server
	umnt || fail umount
}

truncated() { truncate -s "$1" "$(cache_db)"; }
headless() { scribble "$(cache_db)" 0 100; }
spotted() {
	local db i
	db=$(cache_db)
	for i in 1 2 3 4 5 6 7 8; do
		scribble "$db" $((4096 * (i * 5) + RANDOM % 4000)) 3
	done
}
bad_wal() { scribble "$(cache_db)-wal" $((RANDOM % 9000)) 200; }
no_wal() { rm -f "$(cache_db)-wal" "$(cache_db)-shm"; }

test_P1_a_cache_that_is_deleted_cut_or_scribbled_over_is_made_anew() {
	sim
	harmed rm -rf "$D/cache"
	harmed truncated 5000
	harmed truncated 0
	harmed headless
	harmed bad_wal
	harmed no_wal
}

# Folded into the file by a clean end, then harmed in the middle.
test_P1_no_byte_of_a_scribbled_cache_is_shown() {
	sim
	mnt
	cat "$M"/*/*/*.json >/dev/null
	umnt || fail umount
	spotted
	mnt
	# what can be read is right, the rest an error; and it is said
	for f in "$M"/*/*/*.json; do
		cat "$f" 2>/dev/null | jq -c . 2>/dev/null
	done | sort >"$D/got"
	umnt || fail umount
	mnt
	within 20 as_the_server
	cat "$M"/*/*/*.json | jq -c . | sort >"$D/want"
	eq wrong "$(comm -23 "$D/got" "$D/want" | head -3)" ""
}

test_P1_a_cache_deleted_while_mounted_does_no_harm() {
	sim; mnt
	cat "$M"/*/*/*.json >/dev/null
	rm -rf "$D/cache"
	echo '{"Price": 78}' >"$M/$F/Hammock Chair.json" || fail save
	echo '{"Price": 4}' >"$M/$F/Later.json" || fail create
	settle
	"$BIN" refresh "$M"
	pids=()
	for i in $(seq 12); do
		find "$M" -name '*.json' -exec cat {} + >"$D/out$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	within 10 as_the_server
	eq server "$(record $CHAIR | jq .Price)" 78
	umnt || fail umount
	mnt
	within 10 as_the_server
}

test_P14_no_room_for_the_cache_is_said_and_never_looks_empty() {
	[ "$(id -u)" = 0 ] || skip "needs root to mount a small tmpfs"
	sim
	mkdir -p "$D/cache"
	mount -t tmpfs -o size=400k,mode=700 tmpfs "$D/cache" || skip "no tmpfs"
	trap 'clean_up; umount -l "$D/cache"' EXIT
	mnt
	if ls "$M/Product Catalog/Order Lines" >"$D/ls" 2>"$D/err"; then
		eq all "$(wc -l <"$D/ls")" 265
	else
		has why "$(cat "$D/err")" "No space left"
	fi
	fails ls "$M"/*/*
	has why "$ERR" "No space left"
	mount -o remount,size=64m "$D/cache" || fail remount
	within 20 sh -c 'ls "$0"/*/*' "$M"
	within 10 as_the_server
	umnt || fail umount
	# a disk that takes nothing: no mount, and the reason
	mount -o remount,ro "$D/cache"
	fails "$BIN" "$M"
	has why "$ERR" "Read-only"
	has which "$ERR" "$D/cache"
	mount -o remount,rw "$D/cache"
}
