# Cold: an account that nobody has read yet. The limit is what 5 calls per
# second and base (50 to all) allow for the calls that are needed: a page of 100
# records each, a schema per base, one list of bases, one whoami of the mount.

# cold_line NAME SECONDS NEEDED LIMIT
cold_line() {
	line "$1" "$2" "$4" "$(calc %.2f "$2 / $4")" \
		"$(counter .total)" "$3" "$(most)" "$(counter .rate_limited)"
}

# cold_walk NAME BASES TABLES RECORDS
cold_walk() {
	local each=$((($4 + 99) / 100)) needed per_base limit t
	per_base=$(($3 * each + 1))
	needed=$(($2 * per_base + 2)) # + the list of bases and whoami
	limit=$(calc %.2f "$per_base / 5")
	[ "$needed" -le $((per_base * 10)) ] ||
		limit=$(calc %.2f "$needed / 50")
	account "$LATENCY" "bases=$2,tables=$3,records=$4"
	mount_it
	t=$(took grep -r nothing-has-this "$M")
	cold_line "$1" "$t" "$needed" "$limit"
	forget
}

# cold_ls RECORDS: one table alone, which a single cursor reads as slowly as
# the latency of its pages says.
cold_ls() {
	local needed=$((($1 + 99) / 100)) t table one
	account 0 "bases=1,tables=1,records=$1"
	mount_it
	table=$(find "$M" -mindepth 2 -maxdepth 2 -type d)
	latency "$LATENCY"
	count_anew
	t=$(took ls "$table")
	cold_line "ls, one table of $1" "$t" "$needed" \
		"$(calc %.2f "$needed / 5")"
	one=$(calc %.1f "$needed * $LATENCY / 1000")
	echo "  (one cursor alone: $one s at least)"
	forget
}

# The packages go to a copy, so that the source tree stays as it is.
client_ready() {
	local dir=$BUILD/airtable-js/client
	command -v npm >/dev/null || return 1
	[ -d "$dir/node_modules/airtable" ] && return
	mkdir -p "$dir"
	cp "$ROOT"/tests/sim/client/package*.json \
		"$ROOT"/tests/sim/client/.npmrc "$dir"
	(cd "$dir" && npm ci --no-audit --no-fund) >/dev/null 2>&1
}

# cold_script TABLES RECORDS
cold_script() {
	local each=$((($2 + 99) / 100)) t
	if ! client_ready; then
		echo "  (no npm here: no script to compare with)"
		return
	fi
	account "$LATENCY" "bases=1,tables=$1,records=$2"
	t=$(NODE_PATH=$BUILD/airtable-js/client/node_modules \
		took node "$HERE/list.js")
	cold_line "the npm client, table after table" "$t" \
		$(($1 * each + 2)) "$(calc %.2f "($1 * $each + 1) / 5")"
}

bench_cold() {
	line "cold, $LATENCY ms latency" seconds limit ratio calls needed \
		"most/s" 429s
	cold_walk "grep -r, 1 base, 10 tables of 2000" 1 10 2000
	cold_script 10 2000
	cold_walk "grep -r, 12 bases, 3 tables of 500" 12 3 500
	cold_ls 20000
}
