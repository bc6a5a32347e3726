# Warm: what was read before, on the mount and on a plain directory.

bench_warm() {
	local first plain
	account 0 "bases=1,tables=5,records=$((RECORDS / 5))"
	mount_it
	cp -r "$M/." "$DIR/plain/"
	count_anew
	line "warm, $RECORDS records, median of 5" mount plain ratio
	pair "grep -r" grep -r nothing-has-this .
	pair "find" find . -name '*.json'
	pair "ls -lR" ls -lR .
	command -v rg >/dev/null && pair "rg" rg nothing-has-this .
	echo "calls while warm: $(counter .total)"

	# a mount that starts with a full cache and no network
	unmount_it
	kill -STOP "$SIM"
	mount_it
	cd "$M"; first=$(took grep -r nothing-has-this .)
	cd "$DIR/plain"; plain=$(took grep -r nothing-has-this .)
	cd "$DIR"
	line "grep -r, first touch, offline" "$first" "$plain" \
		"$(calc %.2f "$first / $plain")"
	kill -CONT "$SIM"
	rm -rf "$DIR/plain"
	mkdir "$DIR/plain"
}
