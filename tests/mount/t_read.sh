# Reading: the tree, names, streaming, calls, the persistent cache, offline.

test_P13_the_tree_is_as_the_account() {
	sim; mnt
	eq bases "$(ls "$M" | tr '\n' ';')" \
		"CRM;Content Calendar;Product Catalog;Staff Handbook;"
	eq tables "$(ls "$M/Content Calendar" | tr '\n' ';')" \
		"Authors;Ideas ∕ Backlog 💡;Posts;"
	eq furniture "$(ls "$M/Product Catalog/Furniture" | wc -l)" 123
	# every awkward value has a name that is valid, unique and stable
	find "$M/Product Catalog/Furniture" -type f -name '*.json' | sort >"$D/a"
	eq count "$(wc -l <"$D/a")" 123
	eq unique "$(sort -u "$D/a" | wc -l)" 123
	while read -r f; do
		jq -e .id "$f" >/dev/null || fail "cannot be read: $f"
		n=$(basename "$f")
		[ "$(printf %s "$n" | wc -c)" -le 255 ] || fail "too long: $n"
		case $n in .*) fail "hidden: $n" ;; esac
	done <"$D/a"
	ls "$M/Product Catalog/Furniture" >"$D/b"
	grep -q '^AC∕DC' "$D/b" || fail "a slash became no U+2215"
	eq doubles "$(grep -c '^Oak Table' "$D/b")" 2
	grep -q '^Oak Table (rec[A-Za-z0-9]*).json' "$D/b" || fail "no id at a double"
	grep -qx 'rec[A-Za-z0-9]\{14\}.json' "$D/b" || fail "no id for an empty one"
}

test_P13_the_id_opens_but_is_not_listed() {
	sim; mnt
	t="$M/Product Catalog/Furniture"
	cmp "$t/rec8vAzQ1b2c3d4e5.json" "$t/Hammock Chair.json" || fail "differ"
	! ls "$t" | grep -q rec8vAzQ1b2c3d4e5 || fail "listed"
	eq inode "$(stat -c %i "$t/rec8vAzQ1b2c3d4e5.json")" \
		"$(stat -c %i "$t/Hammock Chair.json")"
}

test_the_record_file_is_as_documented() {
	sim; mnt
	f="$M/Product Catalog/Furniture/Hammock Chair.json"
	eq keys "$(jq -c keys_unsorted "$f")" \
		'["id","createdTime","fields","computed"]'
	eq id "$(jq -r .id "$f")" rec8vAzQ1b2c3d4e5
	eq price "$(jq .fields.Price "$f")" 250
	eq total "$(jq .computed.Total "$f")" 500
	eq empty "$(jq .fields.Notes "$f")" null
	eq size "$(stat -c %s "$f")" "$(wc -c <"$f")"
	eq newline "$(tail -c 1 "$f" | od -An -c | tr -d ' ')" '\n'
	eq layout "$(jq . "$f" | md5sum)" "$(md5sum <"$f")"
	# the same bytes each time
	eq same "$(md5sum <"$f")" "$(md5sum <"$f")"
}

test_modes_follow_the_permission_level() {
	sim; mnt
	eq rw "$(stat -c %a "$M/CRM/Deals")" 755
	eq ro "$(stat -c %a "$M/Staff Handbook/Pages")" 555
	f=$(find "$M/Staff Handbook/Pages" -name '*.json' | head -1)
	eq rof "$(stat -c %a "$f")" 444
	f=$(find "$M/CRM/Deals" -name '*.json' | head -1)
	eq rwf "$(stat -c %a "$f")" 644
	eq owner "$(stat -c %u "$f")" "$(id -u)"
	eq nlink "$(stat -c %h "$M/CRM")" 6
}

test_P11_a_base_without_write_permission_refuses_before_any_call() {
	sim; mnt
	f=$(find "$M/Staff Handbook/Pages" -name '*.json' | head -1)
	sim_reset
	fails sh -c 'echo "{}" > "$1"' sh "$f"
	has words "$ERR" "ermission denied"
	fails touch "$M/Staff Handbook/Pages/New.json"
	fails rm "$f"
	eq calls "$(total)" 0
}

test_P8_a_walk_costs_the_pages_and_a_second_one_nothing() {
	sim; mnt
	sim_reset
	grep -r . "$M" >/dev/null || fail "grep"
	# 13 tables: one page for each hundred begun, and one for the empty one
	want=$(jq '[.bases[].tables[] | [1, (.records | length / 100 | ceil)]
		| max] | add' "$SAMPLE")
	eq lists "$(calls list)" "$want"
	eq schemas "$(calls schema)" 4
	eq records "$(find "$M" -name '*.json' | wc -l)" \
		"$(jq '[.bases[].tables[].records[]] | length' "$SAMPLE")"
	sim_reset
	grep -r . "$M" >/dev/null
	find "$M" | wc -l >/dev/null
	ls -lR "$M" >/dev/null
	du -s "$M" >/dev/null
	eq again "$(total)" 0
}

test_P1_what_was_read_is_there_offline_and_after_a_restart() {
	sim; mnt
	grep -rc . "$M" | sort >"$D/before"
	find "$M" -printf '%i %P\n' | sort >"$D/inodes"
	umnt || fail umount
	sim_stop
	mnt
	grep -rc . "$M" | sort >"$D/after"
	cmp "$D/before" "$D/after" || fail "other content"
	find "$M" -printf '%i %P\n' | sort >"$D/inodes2"
	cmp "$D/inodes" "$D/inodes2" || fail "other inode numbers"
}

test_P1_a_second_mount_makes_no_call() {
	sim; mnt
	grep -r . "$M" >/dev/null
	umnt || fail umount
	sim_reset
	mnt
	grep -r . "$M" >/dev/null
	eq calls "$(total)" 0
}

test_names_stream_while_a_table_is_read() {
	sim --generate bases=1,tables=1,records=1000 --latency 300
	export AIRTABLE_TOKEN=patSIM.secret
	mnt
	t=$(find "$M" -mindepth 2 -maxdepth 2 -type d | head -1)
	start=$(date +%s%N)
	first=$(ls -U "$t" | head -1) || true
	python3 - "$t" <<'P' || fail "the first names come late"
import os, sys, time
t0 = time.time()
n = 0
first = None
for e in os.scandir(sys.argv[1]):
    n += 1
    if first is None:
        first = time.time() - t0
sys.exit(0 if n == 1000 else 1)
P
	eq all "$(ls "$t" | wc -l)" 1000
	eq lists "$(calls list)" 10
	: "$start" "$first"
}

test_P2_a_cached_file_is_not_stuck_behind_a_slow_fetch() {
	sim; mnt
	cat "$M/CRM/Deals"/*.json >/dev/null
	ctl POST /_sim/latency '{"ms":20000}' >/dev/null
	pids=()
	for i in $(seq 50); do
		ls "$M/CRM/Contacts" >/dev/null 2>&1 &
		pids+=($!)
	done
	sleep 0.5
	timeout 5 sh -c 'cat "$1"/*.json >/dev/null; ls "$1" >/dev/null' \
		sh "$M/CRM/Deals" || fail "stuck"
	timeout 5 stat "$M/Product Catalog" >/dev/null || fail "stat stuck"
	kill "${pids[@]}"
	ctl POST /_sim/latency '{"ms":0}' >/dev/null
	wait "${pids[@]}" || true
}

test_P2_an_interrupt_ends_a_waiting_ls() {
	sim; mnt
	ls "$M/CRM" >/dev/null
	ctl POST /_sim/latency '{"ms":30000}' >/dev/null
	ls "$M/CRM/Contacts" >/dev/null 2>&1 &
	pid=$!
	sleep 0.5
	kill -INT $pid 2>/dev/null
	kill -TERM $pid 2>/dev/null
	for i in $(seq 40); do
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	! kill -0 $pid 2>/dev/null || fail "still waiting after 4 s"
	ctl POST /_sim/latency '{"ms":0}' >/dev/null
}

test_P14_trouble_is_never_absence() {
	sim; mnt
	ls "$M/CRM" >/dev/null
	sim_stop
	fails ls "$M/CRM/Contacts"
	case $ERR in
	*"No such file"*) fail "a lie: $ERR" ;;
	esac
	fails cat "$M/CRM/Contacts/Nobody.json"
	case $ERR in
	*"No such file"*) fail "a lie: $ERR" ;;
	esac
	fails ls "$M/Product Catalog"
	has words "$ERR" "unreachable"
}

test_P14_a_server_error_in_the_middle_is_an_error() {
	sim; mnt
	ls "$M/Product Catalog" >/dev/null
	ctl POST /_sim/fault '{"match":{"kind":"list"},"after":1,"count":50,
		"action":"status","status":500}' >/dev/null
	fails ls "$M/Product Catalog/Order Lines"
	ctl DELETE /_sim/fault >/dev/null
	within 20 sh -c "ls '$M/Product Catalog/Order Lines'"
	eq all "$(ls "$M/Product Catalog/Order Lines" | wc -l)" 265
}

test_an_expired_iterator_restarts_without_loss_or_doubles() {
	sim; mnt
	ls "$M/Product Catalog" >/dev/null
	ctl POST /_sim/fault '{"match":{"kind":"list"},"after":1,"count":1,
		"action":"status","status":422,"body":"{\"error\":{\"type\":\"LIST_RECORDS_ITERATOR_NOT_AVAILABLE\"}}"}' >/dev/null
	eq all "$(ls "$M/Product Catalog/Order Lines" | sort -u | wc -l)" 265
	eq lists "$(calls list)" 5
}

test_the_side_room_opens_by_name_and_is_not_listed() {
	sim; mnt
	f="$M/CRM/Deals"
	n=$(ls "$f" | head -1)
	! ls -a "$f" | grep -q airtable || fail listed
	eq state "$(jq -r .state "$f/.airtable/info/$n")" clean
	jq -e .pid "$M/.airtable/status.json" >/dev/null || fail status.json
	grep -q unsent "$M/.airtable/status" || fail status
	jq -e .id "$M/CRM/.airtable/base.json" >/dev/null || fail base.json
	jq -e .fields "$f/.airtable/schema.json" >/dev/null || fail schema.json
	test -s "$M/.airtable/README" || fail README
}

test_programs_find_an_ordinary_directory() {
	sim; mnt
	t="$M/Product Catalog/Furniture"
	tree "$M/CRM" >/dev/null || fail tree
	rg -q Hammock "$t" || fail rg
	jq -s 'length' "$t"/*.json | grep -qx 123 || fail jq
	tar cf "$D/x.tar" -C "$M" . || fail tar
	eq tar "$(tar tf "$D/x.tar" | grep -c 'json$')" \
		"$(jq '[.bases[].tables[].records[]] | length' "$SAMPLE")"
	cp -r "$M/CRM" "$D/copy" || fail cp
	diff -r "$M/CRM" "$D/copy" || fail diff
	df "$M" >/dev/null || fail df
	eq du "$(du -sb --apparent-size "$t" | wc -l)" 1
}

test_P7_never_more_than_five_calls_in_a_second_to_a_base() {
	sim; mnt
	pids=()
	for b in "$M"/*; do
		for t in "$b"/*; do
			ls "$t" >/dev/null &
			pids+=($!)
		done
	done
	wait "${pids[@]}"
	eq refused "$(ctl GET /_sim/counters | jq .rate_limited)" 0
	max=$(ctl GET /_sim/counters | jq '[.by_base[].max_per_second] | max')
	[ "$max" -le 5 ] || fail "$max calls within a second"
}

# A relative path below a directory that is held open asks for no directory.
test_a_file_alone_revalidates_its_table_after_ttl() {
	sim; mnt -o ttl=1
	cd "$M/Product Catalog/Furniture" || fail "cd"
	ls -l . >"$D/ls"
	eq before "$(jq .fields.Price 'Hammock Chair.json')" 250
	as PATCH "/v0/$CATALOG/Furniture/rec8vAzQ1b2c3d4e5" \
		'{"fields":{"Price":333}}' >/dev/null
	sleep 1.2
	priced() { [ "$(jq .fields.Price 'Hammock Chair.json')" = 333 ]; }
	within 10 priced
	cd "$D" || fail "cd back"
}

test_P8_of_a_large_table_only_what_changed_is_asked_for() {
	sim --generate bases=1,tables=1,records=600
	export AIRTABLE_TOKEN=patSIM.secret
	mnt -o ttl=1s,full_ttl=6s
	t=$(echo "$M"/*/*)
	eq records "$(ls "$t" | wc -l)" 600
	one=$(ls -d "$t"/*.json | sed -n 300p)
	id=$(jq -r .id "$one")
	path=$(ctl GET /_sim/state | jq -r '.bases[0] | .id + "/" + .tables[0].id')
	field=$(ctl GET /_sim/state | jq -r '.bases[0].tables[0] as $t |
		[$t.fields[] | select(.type == "multilineText" or
		(.type == "singleLineText" and .id != $t.primaryFieldId))][0].name')
	gone=$(ls -d "$t"/*.json | sed -n 500p)
	as PATCH "/v0/$path/$id" "$(jq -n --arg f "$field" \
		'{fields: {($f): "seen soon"}}')" >/dev/null
	as DELETE "/v0/$path/$(jq -r .id "$gone")" '{}' >/dev/null
	sim_reset
	sleep 1.2
	ls "$t" >/dev/null
	within 4 grep -q 'seen soon' "$one"
	lists=$(calls list)
	[ "$lists" -ge 1 ] && [ "$lists" -le 3 ] || fail "$lists lists for one change"
	within 12 sh -c 'ls "$1" >/dev/null; ! [ -e "$2" ]' sh "$t" "$gone"
}
