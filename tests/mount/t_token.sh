# A token that changes while the mount is up.

# token JSON: makes or changes a token of the simulator
token() {
	ctl POST /_sim/token "$1" >/dev/null
}

token_is() {
	[ "$(jq -r .token "$M/.airtable/status.json")" = "$1" ]
}

chair="Product Catalog/Furniture/Hammock Chair.json"
CHAIR=rec8vAzQ1b2c3d4e5

price() {
	record $CHAIR | jq .Price
}

# mounted: with the token in a file, the chair read
mounted() {
	unset AIRTABLE_TOKEN
	(umask 077; echo patDEMO.sample >"$D/token")
	mnt -o token_file="$D/token"
	ls "$M/Product Catalog/Furniture" >/dev/null
}

test_P10_a_regenerated_token_is_picked_up_and_writes_go_on() {
	sim; mounted
	token '{"token":"patDEMO.sample","new_token":"patNEW.x"}'
	sed -i 's/"Price": 250/"Price": 199/' "$M/$chair" || fail save
	within 10 token_is refused
	# read from the cache, saved into the journal, said in status
	has read "$(cat "$M/$chair")" '"Price": 199'
	sed -i 's/"Price": 199/"Price": 198/' "$M/$chair" || fail "second save"
	"$BIN" status "$M" >"$D/out"
	eq status $? 3
	has why "$(cat "$D/out")" "what is unsent waits"
	eq unsent "$(jq .unsent.queued "$M/.airtable/status.json")" 1
	eq server "$(price)" 250
	echo patNEW.x >"$D/token"
	kill -HUP "$(daemon_pid)"
	within 20 token_is ok
	settle
	eq sent "$(price)" 198
	umnt || fail "umount: $(cat "$D/umount.out")"
}

test_P10_without_a_signal_it_is_found_by_itself() {
	sim; mounted
	token '{"token":"patDEMO.sample","revoked":true}'
	sed -i 's/"Price": 250/"Price": 199/' "$M/$chair" || fail save
	within 10 token_is refused
	token '{"token":"patNEW.x","user":"usrNmrt41tZTksNEY","bases":"all"}'
	echo patNEW.x >"$D/token"
	within 65 token_is ok
	settle
	eq sent "$(price)" 199
}

test_P10_another_users_token_never_sends_the_first_ones_journal() {
	sim; mounted
	token '{"token":"patDEMO.sample","revoked":true}'
	user=$(ctl GET /_sim/state | jq -r '[.users[].id |
		select(. != "usrNmrt41tZTksNEY")][0]')
	token '{"token":"patOTHER.x","user":"'"$user"'","bases":"all"}'
	sed -i 's/"Price": 250/"Price": 199/' "$M/$chair" || fail save
	echo patOTHER.x >"$D/token"
	kill -HUP "$(daemon_pid)"
	within 10 token_is refused
	has who "$("$BIN" status "$M")" "belongs to user $user"
	sim_reset
	"$BIN" refresh "$M"
	"$BIN" flush "$M" --timeout 2 >/dev/null 2>&1
	eq flush $? 3
	eq unsent "$(jq .unsent.queued "$M/.airtable/status.json")" 1
	umnt
	eq umount $? 5
	# a new mount starts from the cache, and refuses it as well
	mnt -o token_file="$D/token"
	ls "$M/Product Catalog/Furniture" >/dev/null || fail "cached"
	sleep 1.5
	has who "$("$BIN" status "$M")" "belongs to user $user"
	eq writes "$(calls update)" 0
	eq reads "$(($(calls bases) + $(calls schema) + $(calls list)))" 0
	# in a profile of his own it is welcome
	mkdir "$D/m2"
	"$BIN" "$D/m2" -o token_file="$D/token",profile=his || fail his
	"$BIN" umount "$D/m2"
	token '{"token":"patDEMO.sample","new_token":"patNEW.x"}'
	echo patNEW.x >"$D/token"
	kill -HUP "$(daemon_pid)"
	settle
	eq sent "$(price)" 199
}

test_P10_a_token_of_the_environment_is_followed_by_a_stored_one() {
	sim; mnt
	ls "$M/Product Catalog/Furniture" >/dev/null
	token '{"token":"patDEMO.sample","new_token":"patNEW.x"}'
	sed -i 's/"Price": 250/"Price": 199/' "$M/$chair" || fail save
	within 10 token_is refused
	echo patNEW.x | env -u AIRTABLE_TOKEN "$BIN" login --with-token \
		--token-store=file >"$D/out" 2>&1 || fail "$(cat "$D/out")"
	kill -HUP "$(daemon_pid)"
	within 10 token_is ok
	settle
}
