# The desktop's keyring: a real gnome-keyring-daemon on a bus of its own.

# on_bus FUNCTION: runs it with a session bus and an unlocked keyring
on_bus() {
	command -v gnome-keyring-daemon dbus-run-session >/dev/null ||
		skip "no gnome-keyring here"
	export HOME=$D/home XDG_RUNTIME_DIR=$D/run XDG_DATA_HOME=$D/data
	mkdir -p "$HOME" "$D/run" "$D/data/keyrings" "$M"
	chmod 700 "$D/run"
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	unset AIRTABLE_TOKEN
	export -f "$1" lock ring fail has eq within status_of
	export BIN M D URL AIRTABLE_ENDPOINT_URL ROOT
	dbus-run-session -- bash -c "set -u; ring; $1" || exit 1
}

ring() {
	printf secret | gnome-keyring-daemon --unlock --components=secrets \
		>/dev/null 2>"$D/ring.log"
	within 10 gdbus wait --session --timeout 10 org.freedesktop.secrets
}

lock() {
	gdbus call --session --dest org.freedesktop.secrets \
		--object-path /org/freedesktop/secrets \
		--method org.freedesktop.Secret.Service.Lock \
		"['/org/freedesktop/secrets/collection/login']" >/dev/null
}

status_of() {
	local want=$1 got
	shift
	OUT=$("$@" 2>&1 </dev/null)
	got=$?
	[ "$got" = "$want" ] || fail "$*: status $got, want $want: $OUT"
}

keeps() {
	OUT=$(echo patDEMO.sample | "$BIN" login --with-token 2>&1) ||
		fail "login: $OUT"
	has where "$OUT" "stored in the keyring"
	has label "$(secret-tool search --all profile default 2>&1)" \
		"attribute.endpoint = $URL"
	status_of 0 "$BIN" whoami
	has source "$OUT" "from the keyring"
	"$BIN" "$M" || fail mount
	eq bases "$(ls "$M" | wc -l)" 4
	! grep -rqs patDEMO "$D/cache" "$D/state" "$D/config" || fail "in a file"
	"$BIN" umount "$M" || fail umount
	status_of 3 env AIRTABLE_ENDPOINT_URL=http://localhost:1 "$BIN" whoami
	status_of 0 "$BIN" logout
	status_of 3 "$BIN" whoami
	eq gone "$(secret-tool lookup profile default)" ""
	status_of 3 "$BIN" "$M"
}

test_a_token_in_the_keyring_is_stored_found_and_removed() {
	sim
	on_bus keeps
}

two() {
	echo patDEMO.sample | "$BIN" login --with-token --profile one \
		>"$D/out" 2>&1 || fail "$(cat "$D/out")"
	echo patTWO.x | "$BIN" login --with-token --profile two \
		>"$D/out" 2>&1 || fail "$(cat "$D/out")"
	mkdir "$D/m2"
	"$BIN" "$M" -o profile=one || fail "mount one"
	"$BIN" "$D/m2" -o profile=two || fail "mount two"
	eq one "$(ls "$M" | wc -l)" 4
	eq two "$(ls "$D/m2")" "Product Catalog"
	"$BIN" logout --profile one || fail logout
	status_of 0 "$BIN" whoami --profile two
	"$BIN" umount "$M" && "$BIN" umount "$D/m2" || fail umount
}

test_two_profiles_in_the_keyring_at_once() {
	sim
	ctl POST /_sim/token '{"token":"patTWO.x","bases":{"'$CATALOG'":"edit"},
		"scopes":["schema.bases:read","data.records:read"]}' >/dev/null
	on_bus two
}

is_locked() {
	echo patDEMO.sample | "$BIN" login --with-token >"$D/out" 2>&1 ||
		fail "$(cat "$D/out")"
	lock || fail "lock"
	from=$(date +%s%N)
	status_of 3 "$BIN" "$M"
	has words "$OUT" "keyring is locked"
	status_of 1 "$BIN" login --with-token
	has words "$OUT" "keyring is locked"
	has way "$OUT" "--token-store=file"
	status_of 3 "$BIN" logout # could not be removed: that is no success
	[ $((($(date +%s%N) - from) / 1000000)) -lt 9000 ] || fail "slow"
	# a file does without
	echo patDEMO.sample | "$BIN" login --with-token --token-store=file \
		>"$D/out" 2>&1 || fail "$(cat "$D/out")"
	status_of 0 "$BIN" whoami
}

test_a_locked_keyring_counts_as_none_and_says_so() {
	sim
	on_bus is_locked
}

test_a_silent_or_missing_bus_takes_three_seconds_at_most() {
	sim
	mkdir -p "$M"
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	unset AIRTABLE_TOKEN
	status_of 3 "$BIN" "$M"
	has words "$OUT" "no session bus"
	export DBUS_SESSION_BUS_ADDRESS=unix:path=$D/nobody
	status_of 3 "$BIN" "$M"
	has words "$OUT" "bus cannot be reached"
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8)
time.sleep(60)' "$D/bus" &
	silent=$!
	within 5 test -S "$D/bus"
	export DBUS_SESSION_BUS_ADDRESS=unix:path=$D/bus
	from=$(date +%s%N)
	status_of 3 "$BIN" "$M"
	took=$((($(date +%s%N) - from) / 1000000))
	kill $silent
	has words "$OUT" "does not answer within 3 s"
	[ $took -lt 4000 ] || fail "$took ms"
	# where the token is elsewhere nobody asks the bus
	from=$(date +%s%N)
	AIRTABLE_TOKEN=patDEMO.sample "$BIN" "$M" || fail mount
	took=$((($(date +%s%N) - from) / 1000000))
	[ $took -lt 2500 ] || fail "asked: $took ms"
}
