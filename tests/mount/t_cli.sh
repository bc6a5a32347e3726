# The command: errors in one line, exit status, two mounts, healing.

# one_line STATUS PART COMMAND...
one_line() {
	local want=$1 part=$2 got
	shift 2
	ERR=$("$@" 2>&1 </dev/null)
	got=$?
	eq "status of $*" $got "$want"
	eq "lines of '$ERR'" "$(printf '%s\n' "$ERR" | wc -l)" 1
	has "words of $*" "$ERR" "$part"
}

env_dirs() {
	mkdir -p "$M"
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
}

test_errors_at_the_start_are_one_clear_line() {
	sim; env_dirs
	one_line 1 "missing" "$BIN" "$D/missing"
	touch "$D/file"
	one_line 1 "irectory" "$BIN" "$D/file"
	AIRTABLE_TOKEN= one_line 3 "AIRTABLE_TOKEN" "$BIN" "$M"
	AIRTABLE_TOKEN=patWRONG.token one_line 3 "token" "$BIN" "$M"
	one_line 2 "ttl" "$BIN" "$M" -o ttl=soon
	one_line 2 "nonsense" "$BIN" "$M" -o nonsense
	one_line 1 "NoSuchBase" "$BIN" NoSuchBase "$M"
	sim_stop
	one_line 4 "127.0.0.1" "$BIN" "$M"
	! grep -q " $M " /proc/mounts || fail "mounted all the same"
}

test_the_token_is_not_taken_on_the_command_line() {
	sim; env_dirs
	ERR=$("$BIN" "$M" --token patDEMO.sample 2>&1) && fail "taken"
	has words "$ERR" "token"
	! printf %s "$ERR" | grep -q patDEMO || fail "printed"
}

test_a_busy_mount_point_is_said() {
	sim; mnt
	one_line 1 "" "$BIN" "$M"
	ls "$M" >/dev/null || fail "the first one suffered"
}

test_a_second_daemon_on_one_account_is_refused() {
	sim; mnt
	mkdir "$D/other"
	one_line 1 "mounted already" "$BIN" "$D/other"
	"$BIN" "$D/other" -o profile=second || fail "another profile"
	eq bases "$(ls "$D/other" | wc -l)" 4
	"$BIN" umount "$D/other" || fail umount
}

test_one_base_alone() {
	sim; mnt CRM
	eq bases "$(ls "$M")" CRM
	umnt || fail umount
	mnt appyfL7tb7mxxU39T
	eq bases "$(ls "$M")" "Product Catalog"
}

test_a_stale_mount_point_is_healed() {
	sim; mnt
	kill -9 "$(daemon_pid)"
	sleep 0.2
	fails ls "$M"
	mnt
	eq bases "$(ls "$M" | wc -l)" 4
}

test_status_flush_and_version() {
	sim; mnt
	"$BIN" --version | grep -q '^airtablefs [0-9]' || fail version
	"$BIN" --help | grep -q umount || fail help
	"$BIN" status "$M" | grep -q unsent || fail status
	"$BIN" status "$M" --json | jq -e .pid >/dev/null || fail json
	"$BIN" flush "$M" || fail flush
	cd "$M/CRM" && "$BIN" status >/dev/null || fail "status of the cwd"
	cd "$D"
	"$BIN" status --nonsense >/dev/null 2>&1
	eq usage $? 2
	umnt || fail umount
	"$BIN" status "$M" >/dev/null 2>&1 && fail "status of nothing"
	return 0
}

test_read_only_mount() {
	sim; mnt -o ro
	f=$(find "$M/CRM/Deals" -name '*.json' | head -1)
	fails sh -c 'echo "{}" > "$1"' sh "$f"
	has words "$ERR" "ead-only"
	fails rm "$f"
}

test_P9_the_token_is_in_no_file_and_no_environment() {
	sim; mnt
	grep -r . "$M" >/dev/null
	pid=$(daemon_pid)
	! grep -rqs "$AIRTABLE_TOKEN" "$D/cache" "$D/state" || fail "in a file"
	! tr '\0' '\n' <"/proc/$pid/environ" | grep -q "$AIRTABLE_TOKEN" ||
		fail "in the environment"
	! tr '\0' '\n' <"/proc/$pid/cmdline" | grep -q "$AIRTABLE_TOKEN" ||
		fail "on the command line"
	eq dirs "$(find "$D/cache" "$D/state" -mindepth 1 -type d ! -perm 700)" ""
	eq files "$(find "$D/cache" "$D/state" -type f ! -perm 600 | grep -v scratch)" ""
}

test_names_by_id() {
	sim; mnt -o names=id
	eq all "$(ls "$M/CRM/Deals" | grep -vc '^rec[A-Za-z0-9]\{14\}.json$')" 0
	jq -e .id "$M/CRM/Deals/$(ls "$M/CRM/Deals" | head -1)" >/dev/null ||
		fail "cannot be read"
}

test_status_watch_shows_how_far_a_table_is() {
	sim --generate bases=1,tables=2,records=600
	export AIRTABLE_TOKEN=patSIM.secret
	mnt
	set -- "$M"/*/*
	ctl POST /_sim/latency '{"ms":700}' >/dev/null
	"$BIN" status "$M" --watch >"$D/lines" &
	lines=$!
	"$BIN" status "$M" --watch --json >"$D/json" &
	json=$!
	TERM=xterm script -qfc "'$BIN' status '$M' --watch" "$D/picture" \
		</dev/null >/dev/null &
	picture=$!
	ls "$1" >/dev/null
	sleep 1.2
	kill $lines $json $picture
	within 5 sh -c '! kill -0 $1' sh $lines
	grep -q ': [1-5]00 records read' "$D/lines" || fail "$(cat "$D/lines")"
	jq -se 'map(.tables[] | select(.fetching) | .fetched) | max >= 100' \
		"$D/json" >/dev/null || fail "$(tail -1 "$D/json")"
	grep -q '\[\.*\] [1-5]00  ' "$D/picture" || fail "$(cat "$D/picture")"
	grep -q '1 of 2 tables read' "$D/picture" || fail "no count"
	fails "$BIN" status "$D" --watch
}
