# Two users on one machine, and modes whatever the umask.

test_P9_modes_are_private_whatever_the_umask() {
	sim
	umask 000
	mnt
	grep -r . "$M" >/dev/null
	f="$M/Product Catalog/Furniture/Hammock Chair.json"
	sed -i.bak 's/"Price": 250/"Price": 199/' "$f" || fail save
	echo '{"Price":' >"$f" # a draft
	echo x >"$M/Product Catalog/Furniture/notes.txt"
	"$BIN" flush "$M" --timeout 5 >/dev/null 2>&1 # the draft stays
	eq dirs "$(find "$D/cache" "$D/state" -path '*/airtablefs*' -type d \
		! -perm 700 ! -path '*/scratch/*')" ""
	eq files "$(find "$D/cache" "$D/state" -type f ! -perm 600 \
		! -path '*/scratch/*')" ""
	eq scratch "$(find "$D/state" -type d -name scratch -perm 700 | wc -l)" 1
}

test_P9_another_user_reads_neither_cache_nor_journal_nor_token() {
	[ "$(id -u)" = 0 ] || skip "needs root to become two users"
	# fusermount3 wants users that have names
	one=$(id -u games) two=$(id -u mail)
	mode=$(stat -c %a /dev/fuse)
	sim
	chmod 755 "$D"
	mkdir -m 700 "$D/one" "$D/two" "$D/m1"
	chown $one "$D/one" "$D/m1"
	chown $two "$D/two"
	cat >"$D/run" <<-END
	export HOME=\$1 AIRTABLE_ENDPOINT_URL=$URL
	unset XDG_CACHE_HOME XDG_STATE_HOME XDG_CONFIG_HOME AIRTABLE_TOKEN
	shift; exec "\$@"
	END
	as_one="setpriv --reuid $one --regid $one --clear-groups sh $D/run $D/one"
	as_two="setpriv --reuid $two --regid $two --clear-groups sh $D/run $D/two"
	# the programs must be within their reach
	cp "$BIN" "$D/airtablefs" && chmod 755 "$D/airtablefs"
	chmod 666 /dev/fuse
	echo patDEMO.sample | $as_one "$D/airtablefs" login --with-token \
		--token-store=file >"$D/out" 2>&1 || fail "$(cat "$D/out")"
	$as_one "$D/airtablefs" "$D/m1" >"$D/out" 2>&1
	mounted=$?
	chmod "$mode" /dev/fuse
	eq "mount: $(cat "$D/out")" $mounted 0
	$as_one grep -r Hammock "$D/m1" >/dev/null || fail "own mount"
	chmod 711 "$D/one" # as homes often are
	token=$(find "$D/one/.config" -path '*tokens/*' -type f)
	cache=$(find "$D/one/.cache" -name cache.db)
	journal=$(find "$D/one/.local" -name journal.db)
	[ -n "$token" ] && [ -n "$cache" ] && [ -n "$journal" ] || fail "files"
	for f in "$token" "$cache" "$journal" "$D/m1/CRM"; do
		fails $as_two cat "$f"
		fails $as_two ls "$(dirname "$f")"
	done
	pid=$($as_one jq .pid "$D/m1/.airtable/status.json")
	fails $as_two cat "/proc/$pid/environ"
	fails $as_one cat "/proc/$pid/environ" # not even himself
	$as_one "$D/airtablefs" umount "$D/m1" || fail umount
}

test_allow_other_shows_the_tree_and_nothing_below_it() {
	[ "$(id -u)" = 0 ] || skip "needs root to become another user"
	sim
	chmod 755 "$D"
	mnt -o allow_other
	two="setpriv --reuid 8 --regid 8 --clear-groups"
	$two ls "$M/CRM" >/dev/null || fail "the tree is open"
	f="$M/Product Catalog/Furniture/Hammock Chair.json"
	$two cat "$f" >/dev/null || fail "a record"
	fails $two sh -c 'echo "{}" >"$1"' sh "$f"
	chmod 755 "$D"
	for f in "$(find "$D/cache" -name cache.db)" \
		"$(find "$D/state" -name journal.db)"; do
		fails $two cat "$f"
	done
}
