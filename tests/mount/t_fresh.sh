# What changes elsewhere is seen by the next cat, ls and stat: once the access
# after ttl, or a refresh, has asked the server.

FURNITURE=$CATALOG/tblYpRDSn1m5N9ASi
CHAIR=rec8vAzQ1b2c3d4e5
F="Product Catalog/Furniture"

# A mount that a shell stands in: all of a table is in the kernel's caches.
ready() {
	sim
	mnt "$@"
	T="$M/$F"
	cd "$T" || fail cd
	ls -l . >"$D/ls"
	cat ./*.json >"$D/cat"
	sim_reset
}

price() {
	[ "$(jq .fields.Price "${2:-Hammock Chair.json}")" = "$1" ]
}

gone() {
	! ls . | grep -qxF "$1" && ! [ -e "$1" ]
}

there() {
	ls . | grep -qxF "$1" && [ -e "$1" ]
}

cell() {
	[ "$(jq -r "$2" "$1")" = "$3" ]
}

sized() {
	[ "$(stat -c %s "$1")" = "$(wc -c <"$1")" ]
}

schema_of() {
	ctl GET /_sim/state | jq -r ".bases[].tables[] | select(.name == \"Furniture\") |
		.fields[] | select(.name == \"$1\") | .id"
}

# Every file of the table against the simulator's cells.
true_to_the_server() {
	python3 "$ROOT/tests/mount/compare.py" "$URL" "$M" "$@" >"$D/compare" 2>&1
}

test_a_remote_edit_shorter_longer_and_of_the_same_size() {
	ready -o ttl=1
	exec 5<"Hammock Chair.json"
	i=$(stat -c %i "Hammock Chair.json")
	for v in 251 7 123456.25 654321.25; do
		as PATCH "/v0/$FURNITURE/$CHAIR" "{\"fields\":{\"Price\":$v}}" >/dev/null
		within 8 price "$v"
		sized "Hammock Chair.json" || fail "size"
		eq inode "$(stat -c %i "Hammock Chair.json")" "$i"
		# the open descriptor sees it as well
		eq fd "$(python3 -c 'import os; print(os.pread(5, 1 << 20, 0).decode())' | jq .fields.Price)" "$v"
	done
	exec 5<&-
}

test_a_mapped_file_shows_a_remote_edit() {
	ready -o ttl=1
	python3 - "Hammock Chair.json" "$D/go" <<'P' &
import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY)
m = mmap.mmap(fd, os.fstat(fd).st_size, prot=mmap.PROT_READ)
assert b'"Price": 250' in m[:]
open(sys.argv[2], 'w').close()
end = time.time() + 8
while b'"Price": 777' not in m[:]:
    assert time.time() < end, m[:]
    os.stat(sys.argv[1])
    time.sleep(0.05)
P
	p=$!
	within 5 test -e "$D/go"
	as PATCH "/v0/$FURNITURE/$CHAIR" '{"fields":{"Price":777}}' >/dev/null
	wait $p || fail "the mapping is stale"
}

test_tail_f_of_a_record_does_no_harm() {
	ready -o ttl=1
	timeout 4 tail -f "Hammock Chair.json" >"$D/tail" 2>&1 &
	p=$!
	as PATCH "/v0/$FURNITURE/$CHAIR" '{"fields":{"Notes":"a longer text than before"}}' >/dev/null
	within 3 cell "Hammock Chair.json" .fields.Notes "a longer text than before"
	wait $p
	[ -s "$D/tail" ] || fail "nothing read"
}

test_remote_creates_and_deletes_in_a_directory_that_is_stood_in() {
	ready -o ttl=1
	[ ! -e New.json ] || fail "there already"
	r=$(as POST "/v0/$FURNITURE" '{"fields":{"Name":"New"}}')
	# by its name alone, which was missing a moment ago
	within 8 test -e New.json
	there New.json || fail "not listed: $(ls)"
	sized New.json || fail size
	as DELETE "/v0/$FURNITURE/$CHAIR" null >/dev/null
	within 8 gone "Hammock Chair.json"
	# gone and made again within one reading: the plain name is its own
	id=$(jq -r .id New.json)
	as DELETE "/v0/$FURNITURE/$id" null >/dev/null
	as POST "/v0/$FURNITURE" '{"fields":{"Name":"New","Price":5}}' >/dev/null
	within 8 price 5 New.json
	eq one "$(ls | grep -c '^New')" 1
	[ "$(jq -r .id New.json)" != "$id" ] || fail "the old one"
	: "$r"
}

test_remote_renames_and_a_swap_of_two_names() {
	ready -o ttl=1
	i=$(stat -c %i "Hammock Chair.json")
	as PATCH "/v0/$FURNITURE/$CHAIR" '{"fields":{"Name":"Another Chair"}}' >/dev/null
	within 8 gone "Hammock Chair.json"
	there "Another Chair.json" || fail "no new name"
	eq inode "$(stat -c %i "Another Chair.json")" "$i"
	fails cat "Hammock Chair.json"
	has words "$ERR" "No such file"
	o=$(ls | grep -v '(rec\|^rec\|Another' | head -1)
	other=$(jq -r .id "$o")
	j=$(stat -c %i "$o")
	# both at once, as in the grid
	as PATCH "/v0/$FURNITURE" "$(jq -n --arg a $CHAIR --arg b "$other" --arg n "${o%.json}" \
		'{records:[{id:$a,fields:{Name:$n}},{id:$b,fields:{Name:"Another Chair"}}]}')" >/dev/null
	swapped() {
		[ "$(stat -c %i "$o")" = "$i" ] &&
			[ "$(stat -c %i "Another Chair.json")" = "$j" ]
	}
	within 8 swapped
	eq a "$(jq -r .id "$o")" $CHAIR
	eq b "$(jq -r .id "Another Chair.json")" "$other"
	eq all "$(ls | wc -l)" 123
}

test_a_lowered_and_raised_role_shows_in_every_mode() {
	ready -o ttl=1
	modes() {
		[ "$(stat -c %a . "Hammock Chair.json" "$M/Product Catalog" | tr '\n' ' ')" = "$1" ] &&
			! ls -l . | grep -q "^$2"
	}
	ctl POST /_sim/base "{\"base\":\"$CATALOG\",\"level\":\"read\"}" >/dev/null
	within 8 modes "555 444 555 " -rw
	fails sh -c 'echo "{}" >"Hammock Chair.json"'
	has words "$ERR" "ermission denied"
	ctl POST /_sim/base "{\"base\":\"$CATALOG\",\"level\":\"create\"}" >/dev/null
	within 8 modes "755 644 755 " -r--r
	echo '{"Price": 9}' >"Hammock Chair.json" || fail "cannot write again"
}

test_bases_come_go_and_change_their_names() {
	ready -o ttl=1
	cd "$M" || fail cd
	i=$(stat -c %i CRM)
	as PATCH "/v0/meta/bases/appnX7W3xrkgcbYLH" '{"name":"Customers"}' >/dev/null
	within 8 gone CRM
	there Customers || fail "no new name"
	eq inode "$(stat -c %i Customers)" "$i"
	ls Customers/Deals >/dev/null || fail "not under the new name"
	# a token that sees less, then more
	ctl POST /_sim/token "{\"token\":\"$AIRTABLE_TOKEN\",\"bases\":{\"$CATALOG\":\"create\"}}" >/dev/null
	within 8 gone Customers
	eq nlink "$(stat -c %h .)" 3
	ctl POST /_sim/token "{\"token\":\"$AIRTABLE_TOKEN\",\"bases\":\"all\"}" >/dev/null
	within 8 there Customers
	eq inode "$(stat -c %i Customers)" "$i"
	w=$(as POST /v0/meta/bases '{"name":"Fresh","workspaceId":"wspSimulator00001","tables":[{"name":"T","fields":[{"name":"Name","type":"singleLineText"}]}]}')
	has made "$w" app
	within 8 there Fresh
	within 8 test -d Fresh/T
}

test_P8_the_list_of_bases_costs_one_call_after_ttl() {
	ready -o ttl=2
	sleep 2.2
	sim_reset
	for i in 1 2 3; do
		ls "$M" >/dev/null
		stat "$M" >/dev/null
		ls -l "$M" "$M/CRM" >/dev/null
	done
	sleep 0.7
	eq bases "$(calls bases)" 1
	# a base that was never read costs its schema, once; one that is only
	# looked at from above costs nothing
	eq schemas "$(calls schema)" 1
	eq lists "$(calls list)" 0
}

test_tables_come_go_and_change_their_names() {
	ready -o ttl=1
	ls "$M/Product Catalog/Suppliers" >/dev/null
	sup=$(jq -r '.bases[] | select(.name == "Product Catalog") | .tables[] |
		select(.name == "Suppliers") | .id' "$SAMPLE")
	i=$(stat -c %i .)
	cd "$M/Product Catalog" || fail cd
	# two swap their names
	as PATCH "/v0/meta/bases/$CATALOG/tables/$sup" '{"name":"Tmp"}' >/dev/null
	as PATCH "/v0/meta/bases/$FURNITURE" '{"name":"x"}' >/dev/null
	as PATCH "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi" '{"name":"Suppliers"}' >/dev/null
	as PATCH "/v0/meta/bases/$CATALOG/tables/$sup" '{"name":"Furniture"}' >/dev/null
	swapped() {
		[ "$(ls Suppliers | wc -l)" = 123 ] && [ "$(ls Furniture | wc -l)" = 24 ]
	}
	within 8 swapped
	eq inode "$(stat -c %i Suppliers)" "$i"
	as PATCH "/v0/meta/bases/$CATALOG/tables/$sup" '{"name":"Sellers"}' >/dev/null
	within 8 gone Furniture
	there Sellers || fail "no new name"
	as POST "/v0/meta/bases/$CATALOG/tables" '{"name":"Brand New","fields":[{"name":"Name","type":"singleLineText"}]}' >/dev/null
	within 8 there "Brand New"
	eq empty "$(ls "Brand New" | wc -l)" 0
	eq nlink "$(stat -c %h .)" "$((2 + $(ls | wc -l)))"
	as DELETE "/v0/meta/bases/$CATALOG/tables/$sup" null >/dev/null
	within 8 gone Sellers
	eq nlink "$(stat -c %h .)" "$((2 + $(ls | wc -l)))"
}

test_a_shell_in_a_table_that_is_renamed_or_removed_gets_sane_answers() {
	ready -o ttl=1
	as PATCH "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi" '{"name":"Goods"}' >/dev/null
	renamed() { [ -d ../Goods ] && ! [ -e ../Furniture ]; }
	within 8 renamed
	price 250 || fail "cannot read on"
	[ "$(cd ../Goods && /bin/pwd)" = "$M/Product Catalog/Goods" ] || fail pwd
	echo '{"Price": 31}' >"Hammock Chair.json" || fail "cannot write on"
	settle
	eq sent "$(record $CHAIR | jq .Price)" 31
	as DELETE "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi" null >/dev/null
	removed() { ! [ -e ../Goods ]; }
	within 8 removed
	fails ls .
	case $ERR in *Stale* | *"No such"*) ;; *) fail "ls: $ERR" ;; esac
	fails sh -c 'echo "{}" >Another.json'
	cd "$M/Product Catalog" || fail cd
	ls >/dev/null || fail "the base"
}

test_fields_come_go_and_change_and_every_file_follows() {
	ready -o ttl=1
	f=$(schema_of Units)
	as PATCH "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi/fields/$f" '{"name":"Pcs12"}' >/dev/null
	within 8 cell "Hammock Chair.json" '.fields | has("Pcs12") and (has("Units") | not)' true
	within 8 true_to_the_server "$F"
	# a name as long as the last one: no size gives it away
	as PATCH "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi/fields/$f" '{"name":"Pcs34"}' >/dev/null
	within 8 cell "Hammock Chair.json" '.fields | has("Pcs34")' true
	within 8 true_to_the_server "$F"
	as DELETE "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi/fields/$f" null >/dev/null
	within 8 cell "Hammock Chair.json" '.fields | has("Pcs34")' false
	within 8 true_to_the_server "$F"
	as POST "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi/fields" '{"name":"Extra","type":"singleLineText"}' >/dev/null
	as PATCH "/v0/$FURNITURE/$CHAIR" '{"fields":{"Extra":"more"}}' >/dev/null
	within 8 cell "Hammock Chair.json" .fields.Extra more
	within 8 true_to_the_server "$F"
	f=$(schema_of Extra)
	as PATCH "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi/fields/$f" '{"type":"number","options":{"precision":0}}' >/dev/null
	within 8 cell "Hammock Chair.json" .fields.Extra null
	within 8 true_to_the_server "$F"
	for x in ./*.json; do
		sized "$x" || fail "size of $x"
	done
	# an option that is new is known to the next save
	echo '{"Status": "Brand new"}' >"Hammock Chair.json" 2>/dev/null && fail "taken"
	f=$(schema_of Status)
	o=$(ctl GET /_sim/state | jq -c --arg f "$f" '.bases[].tables[].fields[] | select(.id == $f) |
		{options: {choices: (.options.choices + [{name: "Brand new"}])}}')
	as PATCH "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi/fields/$f" "$o" >/dev/null
	known() {
		ls . >/dev/null
		jq -e '[.fields[] | select(.name == "Status").options.choices[].name] |
			index("Brand new")' .airtable/schema.json
	}
	within 8 known
	echo '{"Status": "Brand new"}' >"Hammock Chair.json" || fail "not taken"
}

test_P8_a_renamed_field_needs_no_second_listing() {
	sim --generate bases=1,tables=1,records=600
	export AIRTABLE_TOKEN=patSIM.secret
	mnt -o ttl=1
	t=$(echo "$M"/*/*)
	cat "$t"/*.json >/dev/null
	ls -l "$t" >/dev/null
	st=$(ctl GET /_sim/state)
	b=$(jq -r '.bases[0].id' <<<"$st")
	tb=$(jq -r '.bases[0].tables[0].id' <<<"$st")
	f=$(jq -r '.bases[0].tables[0] as $t | [$t.fields[] | select(.type == "multilineText" and
		.id != $t.primaryFieldId)][0].id' <<<"$st")
	one=$(ls -d "$t"/*.json | sed -n 590p)
	sleep 1.2
	as PATCH "/v0/meta/bases/$b/tables/$tb/fields/$f" '{"name":"Renamed field"}' >/dev/null
	sim_reset
	ls "$t" >/dev/null
	within 8 cell "$one" '.fields | has("Renamed field")' true
	all() {
		[ "$(cat "$t"/*.json | jq -s '[.[] | select(.fields | has("Renamed field"))] | length')" = 600 ]
	}
	within 8 all
	# what changed since is asked for as always, one page or two at a time
	n=$(calls list)
	[ "$n" -le 4 ] || fail "$n lists"
}

test_another_primary_field_gives_other_names() {
	ready -o ttl=0
	st=$(ctl GET /_sim/state)
	sku=$(schema_of SKU)
	jq --arg t tblYpRDSn1m5N9ASi --arg f "$sku" \
		'(.bases[].tables[] | select(.id == $t)).primaryFieldId = $f' <<<"$st" >"$D/other.json"
	s=$(jq -r .fields.SKU "Hammock Chair.json")
	sim_stop
	sim --load "$D/other.json"
	"$BIN" refresh "$M" || fail refresh
	named() { [ -e "$s.json" ]; }
	within 8 named
	# a new name is asked for, of an old one the kernel has to be told
	within 3 gone "Hammock Chair.json"
	eq all "$(ls | wc -l)" 123
}

test_a_refresh_of_a_table_brings_what_ttl_would() {
	ready -o ttl=0
	as PATCH "/v0/$FURNITURE/$CHAIR" '{"fields":{"Price":11}}' >/dev/null
	as POST "/v0/$FURNITURE" '{"fields":{"Name":"Made elsewhere"}}' >/dev/null
	f=$(schema_of Units)
	as PATCH "/v0/meta/bases/$CATALOG/tables/tblYpRDSn1m5N9ASi/fields/$f" '{"name":"Pieces"}' >/dev/null
	sleep 0.3
	price 250 || fail "without being asked"
	eq calls "$(total)" 0
	"$BIN" refresh . || fail refresh
	within 8 price 11
	within 8 there "Made elsewhere.json"
	within 8 cell "Hammock Chair.json" '.fields | has("Pieces")' true
	within 8 true_to_the_server "$F"
}
