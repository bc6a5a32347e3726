# login, logout, whoami, doctor; where a token is found.

# env_clean: no token in the environment, state below $D
env_clean() {
	unset AIRTABLE_TOKEN
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	mkdir -p "$M" "$XDG_CONFIG_HOME/airtablefs"
}

# token JSON: makes or changes a token of the simulator
token() {
	ctl POST /_sim/token "$1" >/dev/null
}

# status_of WANT COMMAND...: its exit status; its words in $OUT
status_of() {
	local want=$1 got
	shift
	OUT=$("$@" 2>&1 </dev/null)
	got=$?
	[ "$got" = "$want" ] || fail "$*: status $got, want $want: $OUT"
}

ALL='["data.records:read","data.records:write","schema.bases:read",
	"schema.bases:write","data.recordComments:read",
	"data.recordComments:write","webhook:manage","user.email:read"]'

test_login_tries_stores_and_a_mount_finds_it() {
	sim; env_clean
	status_of 3 "$BIN" "$M"
	has hint "$OUT" "airtablefs login"
	umask 000
	OUT=$(echo patDEMO.sample | "$BIN" login --with-token \
		--token-store=file 2>&1) || fail "login: $OUT"
	has user "$OUT" "user: usr"
	has base "$OUT" "create   $CATALOG  Product Catalog"
	! printf %s "$OUT" | grep -q 'patDEMO' || fail "shown"
	file=$(find "$XDG_CONFIG_HOME/airtablefs/tokens" -type f)
	eq mode "$(stat -c %a "$file" "$(dirname "$file")")" "600
700"
	"$BIN" "$M" || fail mount
	eq bases "$(ls "$M" | wc -l)" 4
	has status "$(cat "$M/.airtable/status.json")" "$file"
	umnt || fail umount
	# stored for this endpoint and this profile alone
	status_of 3 "$BIN" whoami --profile other
	status_of 3 env AIRTABLE_ENDPOINT_URL=http://localhost:$PORT "$BIN" whoami
	chmod 640 "$file"
	status_of 3 "$BIN" whoami
	has mode "$OUT" "chmod 600"
	status_of 0 "$BIN" logout
	[ ! -e "$file" ] || fail "still there"
	status_of 3 "$BIN" logout
	status_of 3 "$BIN" "$M"
}

test_login_refuses_a_token_that_does_not_work() {
	sim; env_clean
	OUT=$(echo patNOTHING | "$BIN" login --with-token --token-store=file 2>&1)
	eq status $? 3
	has refused "$OUT" "token was refused"
	has hint "$OUT" "id alone"
	OUT=$(printf 'a\033b' | "$BIN" login --with-token --token-store=file 2>&1)
	eq status $? 3
	[ ! -e "$XDG_CONFIG_HOME/airtablefs/tokens" ] || fail "stored"
	status_of 2 setsid -w "$BIN" login --token-store=file
	has terminal "$OUT" "--with-token"
	status_of 2 "$BIN" login --token patX.y
	sim_stop
	OUT=$(echo patX.y | "$BIN" login --with-token --token-store=file 2>&1)
	eq status $? 4
	# without a keyring it says so before it asks
	status_of 1 "$BIN" login --with-token
	has way "$OUT" "--token-store=file"
}

test_login_asks_on_the_terminal_without_echo() {
	sim; env_clean
	cat >"$D/type.py" <<-'END'
	import os, pty, select, signal, sys, termios, time
	pid, fd = pty.fork()
	if pid == 0:
	    if sys.argv[2] == "stop": # only a shell's job can be stopped
	        os.execvp("dash", ["dash", "-i"])
	    os.execv(sys.argv[1], [sys.argv[1], "login", "--token-store=file"])
	def until(part):
	    seen = b""
	    while part not in seen:
	        if not select.select([fd], [], [], 10)[0]:
	            sys.exit("no %r in %r" % (part, seen))
	        seen += os.read(fd, 4096)
	    return seen
	def echo():
	    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)
	if sys.argv[2] == "stop":
	    os.write(fd, sys.argv[1].encode() + b" login --token-store=file\n")
	until(b"Token: "); time.sleep(0.2)
	assert not echo(), "echo is on"
	if sys.argv[2] == "stop":
	    os.write(fd, b"\x1a")
	    until(b"Stopped")
	    assert echo(), "echo is off while stopped"
	    os.write(fd, b"fg\n")
	    until(b"Token: "); time.sleep(0.2)
	    assert not echo(), "echo is on again"
	if sys.argv[2] == "end":
	    os.write(fd, b"pat\x03")
	    status = os.waitpid(pid, 0)[1]
	    assert os.WIFSIGNALED(status), status
	    assert echo(), "echo stays off"
	    sys.exit(0)
	os.write(fd, b"patDEMO.sample\n")
	seen = until(b"stored in")
	assert b"patDEMO" not in seen, seen
	if sys.argv[2] == "stop":
	    os.write(fd, b"exit\n")
	assert os.waitpid(pid, 0)[1] == 0
	END
	python3 "$D/type.py" "$BIN" end || fail end
	python3 "$D/type.py" "$BIN" stop || fail stop
	"$BIN" whoami >/dev/null || fail "not stored"
}

test_whoami_says_what_is_off_and_which_scope_switches_it_on() {
	sim; env_clean
	token '{"token":"patFULL.x","bases":"all","scopes":'"$ALL"'}'
	AIRTABLE_TOKEN=patFULL.x status_of 0 "$BIN" whoami --json
	eq on "$(printf %s "$OUT" | jq -c '[.rights[] | select(.state == "on")
		| .scope] | sort')" '["data.recordComments:read","data.records:read","schema.bases:read","user.email:read","webhook:manage"]'
	eq source "$(printf %s "$OUT" | jq -r .token_source)" '$AIRTABLE_TOKEN'
	eq bases "$(printf %s "$OUT" | jq '.bases | length')" 4
	token '{"token":"patMID.x","bases":"all","scopes":["schema.bases:read",
		"data.records:read"]}'
	AIRTABLE_TOKEN=patMID.x status_of 0 "$BIN" whoami
	for scope in data.recordComments:read webhook:manage; do
		has off "${OUT%%not known*}" "$scope"
	done
	token '{"token":"patLOW.x","bases":"all","scopes":["schema.bases:read"]}'
	AIRTABLE_TOKEN=patLOW.x status_of 0 "$BIN" whoami
	for scope in data.records:read webhook:manage; do
		has off "${OUT%%not known*}" "$scope"
	done
	has unknown "${OUT#*not known}" "data.records:write"
	token '{"token":"patNONE.x","bases":"all","scopes":["data.records:read"]}'
	AIRTABLE_TOKEN=patNONE.x status_of 0 "$BIN" whoami
	has schema "$OUT" "the scope schema.bases:read is missing"
	AIRTABLE_TOKEN=patGONE.x status_of 3 "$BIN" whoami
	has source "$OUT" 'from $AIRTABLE_TOKEN'
	sim_stop
	AIRTABLE_TOKEN=patFULL.x status_of 4 "$BIN" whoami
}

test_sources_that_disagree_are_told() {
	sim; env_clean
	echo patDEMO.sample | "$BIN" login --with-token --token-store=file \
		>"$D/out" 2>&1 || fail login
	token '{"token":"patTWO.x","bases":"all","scopes":'"$ALL"'}'
	AIRTABLE_TOKEN=patTWO.x status_of 0 "$BIN" whoami
	has note "$OUT" 'the token of $AIRTABLE_TOKEN is used; file'
	AIRTABLE_TOKEN=patDEMO.sample status_of 0 "$BIN" whoami
	! printf %s "$OUT" | grep -q 'another one' || fail "they agree"
	OUT=$(echo patDEMO.sample | AIRTABLE_TOKEN=patTWO.x "$BIN" login \
		--with-token --token-store=file 2>&1) || fail login
	has overruled "$OUT" '$AIRTABLE_TOKEN goes before what is stored'
	AIRTABLE_TOKEN=patTWO.x "$BIN" "$M" -f >"$D/log" 2>&1 &
	within 10 grep -q " $M " /proc/mounts
	has warned "$(cat "$D/log")" "holds another one"
	umnt || fail umount
}

test_configuration_has_a_command_and_profiles() {
	sim; env_clean
	unset AIRTABLE_ENDPOINT_URL
	token '{"token":"patTWO.x","bases":{"'$CATALOG'":"read"},"scopes":'"$ALL"'}'
	cat >"$XDG_CONFIG_HOME/airtablefs/config" <<-END
	endpoint = $URL
	token_command = echo patDEMO.sample
	[two]
	token_command = cat $D/two; touch $D/ran
	END
	echo patTWO.x >"$D/two"
	mkdir "$D/m2"
	"$BIN" "$M" || fail mount
	"$BIN" "$D/m2" -o profile=two || fail "mount two"
	eq bases "$(ls "$M" | wc -l)" 4
	eq bases "$(ls "$D/m2")" "Product Catalog"
	[ -e "$D/ran" ] || fail "not run"
	"$BIN" umount "$D/m2" || fail umount
	umnt || fail umount
	echo 'token_command = sleep 100' >"$XDG_CONFIG_HOME/airtablefs/config"
	chmod 666 "$XDG_CONFIG_HOME/airtablefs/config"
	status_of 1 "$BIN" "$M"
	has mode "$OUT" "chmod go-w"
}

test_a_systemd_credential_is_a_source() {
	sim; env_clean
	mkdir "$D/cred"
	echo patDEMO.sample >"$D/cred/airtable-token"
	chmod 440 "$D/cred/airtable-token"
	CREDENTIALS_DIRECTORY=$D/cred status_of 0 "$BIN" whoami
	has source "$OUT" "$D/cred/airtable-token"
}

test_doctor_has_a_line_and_a_remedy_for_each() {
	sim; mnt
	f="$M/Product Catalog/Furniture/Hammock Chair.json"
	cat "$f" >/dev/null
	ctl POST /_sim/fault '{"match":{"kind":"get"},"count":-1,"action":"status",
		"status":503}' >/dev/null
	sed -i 's/"Price": 250/"Price": 7/' "$f" || fail save
	OUT=$("$BIN" doctor) # its status also tells of others' dead mounts
	! printf %s "$OUT" | grep '^fail' | grep -v ' mount: ' || fail "$OUT"
	for part in "ok    FUSE" "ok    token: from" "ok    network" \
		"ok    clock" "ok    cache" " alive"; do
		has doctor "$OUT" "$part"
	done
	has unsent "$OUT" "not sent yet"
	AIRTABLE_TOKEN=patWRONG.x status_of 3 "$BIN" doctor --json
	printf %s "$OUT" | jq -e 'any(.level == "fail" and .what == "token" and
		(.remedy | contains("login")))' >/dev/null || fail "$OUT"
date >&2; 	kill -9 "$(daemon_pid)"
	sleep 0.2
	db=$(find "$D/cache" -name cache.db)
	rm -f "$db-wal" "$db-shm"
	printf 'no database at all, really' | dd of="$db" conv=notrunc 2>/dev/null
	status_of 1 "$BIN" doctor
	has stale "$OUT" "no process behind it"
	has remedy "$OUT" "airtablefs umount '$M'"
	has cache "$OUT" "warn  cache: '$db'"
	sim_stop
	status_of 4 "$BIN" doctor
	"$BIN" umount "$M"
}

test_doctor_does_not_wait_for_a_mount_that_hangs() {
	sim; mnt
	pid=$(daemon_pid)
	kill -STOP "$pid"
	from=$SECONDS
	OUT=$("$BIN" doctor)
	kill -CONT "$pid"
	has hangs "$OUT" "'$M' does not answer"
	[ $((SECONDS - from)) -lt 15 ] || fail "waited"
}
