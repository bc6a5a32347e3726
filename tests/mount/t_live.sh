# -o live: a webhook's payload cursor tells what changed, one call a base.

TTL=3

# The sample account, one table of more than a page read, its calls from here.
live() {
	sim "$@"
	mnt -o live,ttl=$TTL
	T="$M/Product Catalog/Furniture"
	ls "$T" >"$D/ls"
	within 5 hooked
	sim_reset
}

hooked() {
	[ "$(live_is '.state')" = on ]
}

# Of the first base.
live_is() {
	jq -r '.live[] | select(.base == "Product Catalog") | '"$1" \
		"$M/.airtable/status.json"
}

# look PATH: what somebody does after ttl; then the time that it takes, and
# what it has cost
look() {
	sleep $((TTL + 1)).1
	ls -l "$1" >/dev/null
	sleep 1.3
	COST="$(calls payloads) $(calls list) $(calls schema) $(($(total) - $(calls whoami)))"
}

# cost PAYLOADS LISTS SCHEMAS
cost() {
	eq "payloads lists schemas in all" "$COST" "$1 $2 $3 $(($1 + $2 + $3))"
}

hooks_of() {
	ctl GET /_sim/state | jq --arg b "$CATALOG" \
		'[.bases[] | select(.id == $b) | .webhooks[]?] | length'
}

test_P8_live_an_edit_is_told_by_one_call() {
	live
	eq before "$(jq .fields.Price "$T/Hammock Chair.json")" 250
	as PATCH "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" \
		'{"fields":{"Price":333}}' >/dev/null
	look "$T/Hammock Chair.json"
	eq after "$(jq .fields.Price "$T/Hammock Chair.json")" 333
	# the poll, and the one row of 123
	cost 1 1 0
}

test_P8_live_names_come_and_go() {
	live
	cd "$T" || fail cd
	as POST "/v0/$CATALOG/Furniture" \
		'{"records":[{"fields":{"Name":"Fresh"}}]}' >/dev/null
	as DELETE "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" '{}' >/dev/null
	look .
	[ -e Fresh.json ] || fail "not created"
	[ ! -e 'Hammock Chair.json' ] || fail "not removed"
	eq names "$(ls | wc -l)" "$(wc -l <"$D/ls")"
	cost 1 1 0
	cd "$D" || fail "cd back"
}

test_P8_live_a_field_and_a_table_are_renamed() {
	live
	ids=$(ctl GET /_sim/state | jq -r --arg b "$CATALOG" '.bases[] |
		select(.id == $b) | .tables[] | select(.name == "Furniture") |
		.id + " " + (.fields[] | select(.name == "Price") | .id)')
	# shellcheck disable=SC2086
	set -- $ids
	cat "$T/Hammock Chair.json" >/dev/null
	as PATCH "/v0/meta/bases/$CATALOG/tables/$1/fields/$2" \
		'{"name":"Cost"}' >/dev/null
	look "$T/Hammock Chair.json"
	eq renamed "$(jq .fields.Cost "$T/Hammock Chair.json")" 250
	cost 1 0 1
	as PATCH "/v0/meta/bases/$CATALOG/tables/$1" '{"name":"Wood"}' >/dev/null
	look "$M/Product Catalog"
	eq table "$(jq .fields.Cost "$M/Product Catalog/Wood/Hammock Chair.json")" 250
	[ ! -e "$T" ] || fail "the old name is there"
	cost 2 0 2
}

test_P8_live_a_walk_costs_two_calls_more_a_base() {
	sim
	mnt -o live,ttl=60
	grep -r . "$M" >/dev/null || fail grep
	eq lists "$(calls list)" "$(jq '[.bases[].tables[] |
		[1, (.records | length / 100 | ceil)] | max] | add' "$SAMPLE")"
	eq schemas "$(calls schema)" 4
	# in the fourth base this user may only read
	eq "hooks looked for" "$(calls webhooks)" 4
	eq "hooks made" "$(calls webhook_write)" 3
	sim_reset
	grep -r . "$M" >/dev/null
	eq again "$(total)" 0
	eq refused "$(ctl GET /_sim/counters | jq .rate_limited)" 0
}

test_P8_live_idle_costs_nothing() {
	live
	as PATCH "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" \
		'{"fields":{"Price":333}}' >/dev/null
	sleep $((2 * TTL + 1))
	eq calls "$(total)" 0
}

test_live_a_remount_catches_up() {
	live
	umnt || fail umount
	as PATCH "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" \
		'{"fields":{"Price":333}}' >/dev/null
	as POST "/v0/$CATALOG/Furniture" \
		'{"records":[{"fields":{"Name":"Fresh"}}]}' >/dev/null
	sleep $((TTL + 1))
	sim_reset
	mnt -o live,ttl=$TTL
	ls "$T" >/dev/null
	sleep 1.3
	COST="$(calls payloads) $(calls list) $(calls schema) $(($(total) - $(calls whoami)))"
	[ -e "$T/Fresh.json" ] || fail "not created"
	eq price "$(jq .fields.Price "$T/Hammock Chair.json")" 333
	cost 1 1 0
	eq hooks "$(hooks_of)" 1
}

test_live_a_lost_cache_keeps_its_hook() {
	live
	umnt || fail umount
	rm -r "$D/cache"
	mnt -o live,ttl=60
	ls "$T" >/dev/null
	eq made "$(calls webhook_write)" 0
	eq hooks "$(hooks_of)" 1
	eq state "$(live_is .state)" on
}

test_live_a_dead_hook_is_made_anew_and_all_is_listed() {
	live
	ctl POST /_sim/webhook \
		"{\"base\":\"$CATALOG\",\"code\":\"INTERNAL_ERROR\"}" >/dev/null
	as PATCH "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" \
		'{"fields":{"Price":333}}' >/dev/null
	look "$T"
	priced() { [ "$(jq .fields.Price "$T/Hammock Chair.json")" = 333 ]; }
	within 5 priced
	listed() { [ "$(calls list)" = 2 ]; }
	within 5 listed
	eq hooks "$(hooks_of)" 1
	eq state "$(live_is .state)" on
}

test_live_a_forgotten_hook_is_made_anew() {
	live
	ctl POST /_sim/clock '{"advance_ms":1400000000}' >/dev/null
	as PATCH "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" \
		'{"fields":{"Price":333}}' >/dev/null
	look "$T"
	priced() { [ "$(jq .fields.Price "$T/Hammock Chair.json")" = 333 ]; }
	within 5 priced
	eq made "$(calls webhook_write)" 1
	eq hooks "$(hooks_of)" 1
}

test_P10_live_without_the_scope_goes_by_ttl() {
	sim
	ctl POST /_sim/token '{"token":"patDEMO.sample","scopes":["data.records:read","data.records:write","schema.bases:read"]}' >/dev/null
	mnt -o live,ttl=1
	T="$M/Product Catalog/Furniture"
	ls "$T" >/dev/null
	has reason "$(live_is .reason)" webhook:manage
	has text "$("$BIN" status "$M")" "Product Catalog: off (its webhooks"
	as PATCH "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" \
		'{"fields":{"Price":333}}' >/dev/null
	priced() {
		ls "$T" >/dev/null
		[ "$(jq .fields.Price "$T/Hammock Chair.json")" = 333 ]
	}
	sleep 1.1
	within 6 priced
	eq "asked for hooks" "$(calls webhooks)" 1
}

test_live_ten_hooks_are_there_already() {
	sim
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		as POST "/v0/bases/$CATALOG/webhooks" '{"specification":{"options":{"filters":{"dataTypes":["tableData"]}}}}' >/dev/null
	done
	mnt -o live,ttl=60
	ls "$M/Product Catalog/Furniture" >/dev/null
	eq state "$(live_is .state)" off
	has reason "$(live_is .reason)" "as many webhooks"
	eq hooks "$(hooks_of)" 10
}

test_P4_live_an_unsent_edit_of_a_record_deleted_elsewhere_is_kept() {
	sim
	mnt -o live,ttl=1,writeback=600
	T="$M/Product Catalog/Furniture"
	ls "$T" >/dev/null
	sed -i 's/"Price": 250/"Price": 251/' "$T/Hammock Chair.json" || fail sed
	as DELETE "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" '{}' >/dev/null
	as DELETE "/v0/$CATALOG/Furniture/$(jq -r .id "$T/Bar Stool 1.json" 2>/dev/null ||
		jq -r .id "$(ls -d "$T"/*.json | tail -1)")" '{}' >/dev/null
	sleep 1.2
	ls "$T" >/dev/null
	fewer() { [ "$(ls "$T" | wc -l)" = 122 ]; }
	within 5 fewer
	eq kept "$(jq .fields.Price "$T/Hammock Chair.json")" 251
	fails "$BIN" flush "$M" --timeout 10
	eq state "$(jq -r .state "$T/.airtable/info/Hammock Chair.json")" rejected
	eq bytes "$(jq .fields.Price "$T/Hammock Chair.json")" 251
}
