# Warm: what was read before, on the mount and on a plain directory with the
# same files, beside other file systems; and the first touch after a restart
# without a network.

ROUNDS=${ROUNDS:-5}

grep_all() { grep -r nothing-has-this .; }
rg_all() { rg nothing-has-this .; }
find_all() { find . -name '*.json'; }
ls_all() { ls -lR .; }
cat_all() { find . -name '*.json' -exec cat {} +; }
tar_all() { tar cf - . | cat; } # tar reads nothing for /dev/null

# compare NAME FUNCTION: on plain and mount in turn, ROUNDS times; on the others,
# which may be slow, once
compare() {
	local name=$1 fn=$2 i o plain cells=()
	: >"$DIR/t.plain"
	: >"$DIR/t.mnt"
	for ((i = 0; i < ROUNDS; i++)); do
		for o in plain mnt; do
			cd "$DIR/$o"
			echo "$(took "$fn")" >>"$DIR/t.$o"
		done
	done
	for o in $OTHERS; do
		cd "$DIR/$o"
		took "$fn" >"$DIR/t.$o"
	done
	cd "$DIR"
	plain=$(median <"$DIR/t.plain")
	for o in mnt $OTHERS; do
		cells+=("$(calc %.2f "$(median <"$DIR/t.$o") / $plain")")
	done
	line "$name" "$plain" "${cells[@]}"
}

# One walk by grep on a fresh mount, and the two after it.
first_touch() {
	local i k t p
	rm -f "$DIR"/t.walk*
	for ((i = 0; i < 3; i++)); do
		unmount_it
		mount_it
		for k in 1 2 3; do
			cd "$DIR/plain"
			p=$(took grep_all)
			cd "$M"
			t=$(took grep_all)
			cd "$DIR"
			calc '%.2f\n' "$t / $p" >>"$DIR/t.walk$k"
		done
	done
	line "grep -r after a restart, no network" first second third
	line "  median of 3 restarts" "$(median <"$DIR/t.walk1")" \
		"$(median <"$DIR/t.walk2")" "$(median <"$DIR/t.walk3")"
}

bench_warm() {
	local o
	many "$RECORDS" 10
	cp -r "$M/." "$DIR/plain/"
	others_mount
	for o in $OTHERS; do # their caches are warm too
		[ "$(cd "$DIR/$o" && cat_all | wc -c)" = \
			"$(cd "$DIR/plain" && cat_all | wc -c)" ] ||
			echo "  ($o does not show the same files)"
	done
	count_anew
	line "warm, $RECORDS records, x plain" "plain s" mount $OTHERS
	compare "grep -r" grep_all
	command -v rg >/dev/null && compare rg rg_all
	compare "find" find_all
	compare "ls -lR" ls_all
	compare "cat of all" cat_all
	compare "tar" tar_all
	echo "calls while warm: $(counter .total)"
	others_end
	kill -STOP "$SIM"
	first_touch
	kill -CONT "$SIM"
	rm -rf "$DIR/plain"
	mkdir "$DIR/plain"
}
