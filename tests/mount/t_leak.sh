# P9: a marked token is searched for in everything that we leave or show.

MARK=patLEAKleakLEAKle.secretsecretsecret

# nowhere WHAT FILE...: the mark is in none of them
nowhere() {
	local what=$1
	shift
	! grep -raqsF -e "$MARK" -e secretsecret "$@" || fail "in $what"
}

# listener: a server elsewhere that notes whatever it hears, $ELSEWHERE
listener() {
	python3 -c '
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open(sys.argv[2], "a").write(self.requestline + "\n" + str(self.headers))
        self.send_response(200); self.end_headers()
    do_POST = do_PATCH = do_GET
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
open(sys.argv[1], "w").write(str(s.server_port))
s.serve_forever()' "$D/elsewhere.port" "$D/elsewhere.log" &
	LISTENER=$!
	within 5 test -s "$D/elsewhere.port"
	ELSEWHERE=http://127.0.0.1:$(cat "$D/elsewhere.port")
}

fault() {
	ctl POST /_sim/fault "$1" >/dev/null
}

# One thing of each kind that a person does.
drive() {
	f="$M/Product Catalog/Furniture/Hammock Chair.json"
	grep -r Hammock "$M" >/dev/null
	sed -i "s/\"Price\": [0-9]*/\"Price\": $1/" "$f"
	echo '{"Price": "cheap"}' >"$f"
	echo '{"fields":{"Units":3}}' >"$M/Product Catalog/Furniture/New $1.json"
	cat "$M"/.airtable/* "$M/Product Catalog/Furniture/.airtable/info/"* \
		"$M/Product Catalog/Furniture/.airtable/schema.json" \
		>>"$D/side.txt" 2>&1
	for c in status errors queue; do
		"$BIN" $c "$M" >>"$D/side.txt" 2>&1
		"$BIN" $c "$M" --json >>"$D/side.txt" 2>&1
	done
	"$BIN" refresh "$M" >>"$D/side.txt" 2>&1
	"$BIN" flush "$M" --timeout 1 >>"$D/side.txt" 2>&1
}

test_P9_a_marked_token_is_found_nowhere() {
	sim; listener
	ctl POST /_sim/token '{"token":"'$MARK'","bases":"all"}' >/dev/null
	ctl DELETE /_sim/files >/dev/null
	export AIRTABLE_TOKEN=$MARK XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	mkdir -p "$M" "$D/work"
	cd "$D/work"
	ulimit -c unlimited
	"$BIN" "$M" -d -o debug,ttl=0.2 >"$D/daemon.log" 2>&1 &
	within 10 grep -q " $M " /proc/mounts
	unset AIRTABLE_TOKEN
	pid=$(daemon_pid)
	drive 1
	for how in '"status","status":401' '"status","status":403' \
		'"status","status":422,"body":{"error":{"type":"X","message":"bad '$MARK'"}}' \
		'"status","status":502,"body":"<html>Authorization: Bearer '$MARK'</html>"' \
		'"garbage"' '"cut"' '"reset_before"' '"reset_after"' '"wrong_type"' \
		'"redirect","location":"'$ELSEWHERE'/elsewhere"'; do
		fault '{"match":{},"count":3,"action":'"$how"'}'
		drive $((RANDOM % 1000))
		ctl DELETE /_sim/fault >/dev/null
	done
	drive 2
	echo "$MARK-other" | "$BIN" login --with-token --token-store=file \
		>>"$D/side.txt" 2>&1
	AIRTABLE_TOKEN=$MARK "$BIN" whoami >>"$D/side.txt" 2>&1 || fail whoami
	AIRTABLE_TOKEN=$MARK "$BIN" doctor --json >>"$D/side.txt" 2>&1
	grep -q debug: "$D/daemon.log" || fail "no debug log"
	[ "$(grep -c . "$D/side.txt")" -gt 50 ] || fail "nothing was driven"

	nowhere "the environment" "/proc/$pid/environ"
	nowhere "the command line" "/proc/$pid/cmdline" "/proc/$pid/status"
	eq "readable by" "$(stat -c %U "/proc/$pid/mem" "/proc/$pid/environ" |
		sort -u)" root
	nowhere "what side rooms and commands show" "$D/side.txt"
	nowhere "the log" "$D/daemon.log"
	nowhere "the journal and cache" "$D/cache" "$D/state" "$D/config"
	[ ! -e "$D/elsewhere.log" ] || fail "a redirect was followed"
	eq "attachment host" "$(ctl GET /_sim/files | jq .with_authorization)" 0

	kill -ABRT "$pid"
	within 5 sh -c '! kill -0 $1' sh "$pid"
	nowhere "the last words" "$D/daemon.log" "$D/cache" "$D/state"
	eq core "$(find "$D/work" / -maxdepth 1 -name 'core*' -newer "$D/port" -type f)" ""
	kill $LISTENER
}

test_P9_memory_of_another_process_cannot_be_read_by_the_user() {
	[ "$(id -u)" = 0 ] || skip "needs root to become somebody else"
	sim; mnt
	pid=$(daemon_pid)
	eq limit "$(awk '/^Max core/ {print $5}' "/proc/$pid/limits")" 0
	# what is not dumpable belongs to root, whoever runs it
	eq owner "$(stat -c %u "/proc/$pid/mem")" 0
}
