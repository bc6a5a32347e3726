# Saves: how long a program is held up by them, what goes out, how soon, and
# whether somebody who reads meanwhile notices.
#
# The limit is 5 calls per second and base: for N changed records of one table
# ceil(N / 10) PATCHes and at most ceil(N / 100) checks.

SAVES=${SAVES:-1000}

# saves DIR: each file written anew, one after the other; ms of each from open to
# close, p50 and p99
saves() {
	python3 - "$1" <<'P'
import os, re, sys, time
ms = []
for name in sorted(os.listdir(sys.argv[1])):
    path = os.path.join(sys.argv[1], name)
    with open(path, 'rb') as f:
        new = re.sub(rb'"In stock": \d+', b'"In stock": 77', f.read())
    t = time.perf_counter()
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(fd, new)
    os.close(fd)
    ms.append((time.perf_counter() - t) * 1000)
ms.sort()
print('%.3f %.3f' % (ms[len(ms) // 2], ms[len(ms) * 99 // 100]))
P
}

edit_all() {
	find "$1" -maxdepth 1 -name '*.json' -print0 |
		xargs -0 -n "$SAVES" sed -i 's/"In stock": [0-9]*/"In stock": 4242/'
}

# The record that is listed first (the least id) of each of the other tables, by
# the path that it has here.
others() {
	curl -s "$AIRTABLE_ENDPOINT_URL/_sim/state" | jq -r '.bases[0] |
		.name as $b | .tables[1:][] | .primaryFieldId as $p |
		(.fields[] | select(.id == $p).name) as $n |
		"\($b)/\(.name)/\(.records | min_by(.id).fields[$n]).json"'
}

# cats: reads them 2 s apart; seconds of each
cats() {
	local path
	while read -r path; do
		sleep 2
		took cat "$M/$path"
		echo
		[ -s "$M/$path" ] || echo "  (no $path)" >&2
	done <"$DIR/others"
}

ratio_line() {
	line "$1" "$2" "$3" "$(calc %.2f "$2 / $3")"
}

save_flush() {
	local a b t0 t1 calls limit slots
	count_anew
	b=$(took edit_all "$DIR/plain")
	t0=$(now)
	a=$(took edit_all "$1")
	cats >"$DIR/t.cats" &
	"$BUILD/airtablefs" flush "$M" --timeout 300 >/dev/null 2>&1
	t1=$(now)
	wait $!
	ratio_line "sed -i of $SAVES files, s" "$a" "$b"
	calls=$(counter '.by_kind | .update + .get')
	calls=$((calls + $(curl -s "$AIRTABLE_ENDPOINT_URL/_sim/log?since=0&body=1" |
		jq '[.entries[] | select(.kind == "list" and
			(.body | tostring | contains("RECORD_ID")))] | length')))
	limit=$(calc %.2f "$(counter .total) / 5")
	line "sent: PATCHes, checks" "$(counter .by_kind.update)" \
		$((calls - $(counter .by_kind.update)))
	line "all sent after, s; limit; ratio" "$(calc %.2f "$t1 - $t0")" \
		"$limit" "$(calc %.2f "($t1 - $t0) / $limit")"
	slots=$(calc %.2f "0.4 + $LATENCY / 1000")
	line "cold cat meanwhile, s: median, worst; limit" \
		"$(median <"$DIR/t.cats")" "$(sort -n "$DIR/t.cats" | tail -1)" \
		"$slots"
	line "most calls in any second, 429s" "$(most)" "$(counter .rate_limited)"
}

bench_save() {
	local table a b
	account 0 "bases=1,tables=6,records=$SAVES"
	mount_it
	others >"$DIR/others"
	table=$M/$(curl -s "$AIRTABLE_ENDPOINT_URL/_sim/state" |
		jq -r '.bases[0] | .name + "/" + .tables[0].name')
	cp -r "$table/." "$DIR/plain/"
	latency "$LATENCY"
	line "saving, $LATENCY ms latency" mount plain ratio
	a=$(saves "$table")
	b=$(saves "$DIR/plain")
	ratio_line "open to close, ms, p50" "${a% *}" "${b% *}"
	ratio_line "open to close, ms, p99" "${a#* }" "${b#* }"
	"$BUILD/airtablefs" flush "$M" --timeout 300 >/dev/null 2>&1
	save_flush "$table"
	rm -rf "$DIR/plain"
	mkdir "$DIR/plain"
}
