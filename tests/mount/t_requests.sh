# What the kernel asks us: warm reads are its own business.

F="Product Catalog/Furniture"

# A mount that writes each request of the kernel into $D/trace.
traced() {
	mkdir -p "$M"
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	# shellcheck disable=SC2086
	$WRAP "$BIN" "$M" -f -o "debug${1:+,$1}" >"$D/trace" 2>&1 &
	within 20 mountpoint -q "$M"
}

# requests [OPCODE]: how many since the last look
LOOKED=0
requests() {
	# one that ends later is written later
	sleep 0.2
	tail -n "+$((LOOKED + 1))" "$D/trace" | grep -c "opcode: ${1:-}"
}

look() {
	sleep 0.2
	LOOKED=$(wc -l <"$D/trace")
}

test_P8_a_warm_read_asks_nothing() {
	sim; traced
	t="$M/$F"
	ls -l "$t" >/dev/null
	sleep 0.5 # contents are pushed behind the listing
	grep -r . "$t" >/dev/null
	grep -r . "$t" >/dev/null
	for c in 'cat "$0"/*.json' 'grep -r . "$0"' 'find "$0" -type f' 'ls -l "$0"'; do
		look
		sh -c "$c" "$t" >/dev/null
		# opening a directory is heard; nothing else, and no file
		n=$(requests)
		d=$(($(requests OPENDIR) + $(requests RELEASEDIR) +
			$(requests STATFS)))
		[ "$n" = "$d" ] || tail -n "+$((LOOKED + 1))" "$D/trace" |
			grep opcode: | grep -v 'DIR\|STATFS' | head -3
		eq "$c" "$((n - d))" 0
		[ "$d" -le 6 ] || fail "$c: $d for directories"
	done
	# names that editors look for are asked for once
	for i in 1 2 3; do
		for n in .a.swp RCS CVS .git '#a.json#' Nobody.json; do
			[ ! -e "$t/$n" ] || fail "$n is there"
		done
		[ $i != 1 ] || look
	done
	eq misses "$(requests LOOKUP)" 0
}

test_the_first_walk_reads_no_file_for_itself() {
	sim; traced
	t="$M/$F"
	ls "$t" >/dev/null
	sleep 1 # contents are pushed after the listing
	look
	cat "$t"/*.json >/dev/null
	# A kernel that reclaims what it thinks cold (DAMON) takes a few of 123.
	n=$(requests 'READ ')
	[ "$n" -le 12 ] || fail "reads of what was pushed: $n"
}

# With open and flush kept, as on a kernel that cannot do without them.
test_with_open_and_flush_kept_all_is_as_fresh() {
	sim; traced close=sync,ttl=1
	t="$M/$F"
	c="$t/Hammock Chair.json"
	cat "$t"/*.json >/dev/null
	[ "$(requests OPEN)" -gt 0 ] || fail "no open was kept"
	as PATCH "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" '{"fields":{"Price":12345}}' >/dev/null
	seen() { [ "$(jq .fields.Price "$c")" = 12345 ]; }
	within 8 seen
	eq size "$(stat -c %s "$c")" "$(wc -c <"$c")"
	sed -i 's/"Price": 12345/"Price": 5/' "$c" || fail sed
	settle
	eq server "$(record rec8vAzQ1b2c3d4e5 | jq .Price)" 5
	fails cp /dev/stdin "$c" <<<'{"Price": "much"}'
	echo '{"Price": 6}' >"$c"
	settle
	eq server "$(record rec8vAzQ1b2c3d4e5 | jq .Price)" 6
	as POST "/v0/$CATALOG/Furniture" '{"fields":{"Name":"New"}}' >/dev/null
	listed() { ls "$t" | grep -qx New.json; }
	within 8 listed
	rm "$t/New.json" || fail rm
	[ ! -e "$t/New.json" ] || fail "still there"
	python3 "$ROOT/tests/mount/compare.py" "$URL" "$M" CRM || fail compare
}
