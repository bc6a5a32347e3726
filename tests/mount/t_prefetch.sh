# Prefetch: who walks from table to table finds the next ones read already.

# account TABLES: their folders in the order in which a walk meets them
account() {
	sim --generate "bases=2,tables=$1,records=250" --latency 20
	export AIRTABLE_TOKEN=patSIM.secret
	mnt -o ttl=0
	mapfile -t TABLE < <(find "$M" -mindepth 2 -maxdepth 2 -type d)
	sim_reset
}

lists_are() {
	[ "$(calls list)" = "$1" ]
}

test_P8_prefetch_reads_what_a_walk_comes_to_and_no_more() {
	account 3
	eq tables ${#TABLE[@]} 6
	ls "${TABLE[0]}" >"$D/ls"
	sleep 1
	eq "one table alone" "$(calls list)" 3
	ls "${TABLE[1]}" >"$D/ls"
	# the third of this base, then the next base; nobody has asked for them
	within 20 lists_are 18
	ls "${TABLE[2]}" "${TABLE[3]}" "${TABLE[4]}" "${TABLE[5]}" >"$D/ls"
	eq names "$(grep -c 'json$' "$D/ls")" 1000
	eq "calls for them" "$(calls list)" 18
	eq "told to slow down" "$(ctl GET /_sim/counters | jq .rate_limited)" 0
}

test_P8_no_prefetch_for_tables_that_are_no_neighbours() {
	account 6
	ls "${TABLE[0]}" "${TABLE[2]}" "${TABLE[4]}" >"$D/ls"
	sleep 1
	eq lists "$(calls list)" 9
}

# A reader who comes to a table that is just read ahead does not wait in its
# class: what he asks for goes before all prefetch.
test_P2_a_reader_overtakes_prefetch() {
	account 6
	ls "${TABLE[0]}" >"$D/ls"
	ls "${TABLE[1]}" >"$D/ls"
	ls "${TABLE[5]}" >"$D/ls"
	[ "$(calls list)" -le 15 ] || fail "waited for $(calls list) lists"
	eq names "$(wc -l <"$D/ls")" 250
	within 20 lists_are 18
}
