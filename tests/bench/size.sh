# Size: how soon a mount with a full cache answers, and what memory it takes.
# SIZES names the numbers of records; half a million takes two minutes to read.

SIZES=${SIZES:-50000 500000}

size_line() {
	local n=$1 t files pid started listed walked
	many "$n" 50
	unmount_it
	kill -STOP "$SIM"
	t=$(took sh -c "'$BUILD/airtablefs' '$M' -o ttl=0 && ls '$M'")
	pid=$(daemon_pid)
	started=$(resident "$pid")
	files=$(find "$M" -name '*.json' | wc -l)
	listed=$(resident "$pid")
	grep -r nothing-has-this "$M" >/dev/null || true
	walked=$(resident "$pid")
	line "$files records" "$(calc %.0f "$t * 1000")" "$started" "$listed" \
		"$walked" "$(calc %.0f "64 + $files * 200 / 1048576")"
	kill -CONT "$SIM"
	forget
}

bench_size() {
	local n
	line "size" "mount ms" "MiB" "after find" "after grep" allowed
	for n in $SIZES; do
		size_line "$n"
	done
}
