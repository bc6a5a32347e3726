# Local and remote writers at once, from a seed.
#   SEED=n STEPS=n tests/run random      that very run once more

test_P14_random_writers_on_both_sides_and_the_mount_shows_the_truth() {
	local seed=${SEED:-$((RANDOM * 32768 + RANDOM))} steps=${STEPS:-60}
	echo "# replay: SEED=$seed STEPS=$steps tests/run random"
	# pacing has tests of its own; here a base that rests would only be late
	sim --generate bases=2,tables=2,records=40 --seed "$((seed % 1000))" \
		--no-rate-limit
	export AIRTABLE_TOKEN=patSIM.secret
	mnt -o ttl=2,writeback=200ms,delete_delay=300ms,max_deletes=0
	cat "$M"/*/*/*.json >/dev/null
	python3 "$ROOT/tests/mount/random_ops.py" "$URL" "$M" "$BIN" "$seed" \
		"$steps" "$D/steps" || fail "seed $seed"
	# what was cached serves the next mount, and so does an empty cache
	umnt || fail "umount: $(cat "$D/umount.out")"
	mnt
	within 10 true_to_the_server_now
	umnt || fail "umount: $(cat "$D/umount.out")"
	rm -rf "$D/cache"
	mnt
	within 10 true_to_the_server_now
}

true_to_the_server_now() {
	python3 "$ROOT/tests/mount/compare.py" "$URL" "$M" >"$D/compare"
}
