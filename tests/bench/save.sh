# Saves: how long a program is held up by them, and what goes out.

edit() {
	find "$1" -name '*.json' | sort | head -100 | tr '\n' '\0' |
		xargs -0 sed -i 's/"In stock": [0-9]*/"In stock": '"$2"'/'
}

bench_save() {
	local a b sent
	account 0 "bases=1,tables=5,records=$((RECORDS / 5))"
	mount_it
	cp -r "$M/." "$DIR/plain/"
	count_anew
	a=$(took edit "$M" 4242)
	b=$(took edit "$DIR/plain" 4242)
	line saving mount plain ratio
	line "sed -i of 100 files, one command" "$a" "$b" \
		"$(calc %.2f "$a / $b")"
	sent=$(took "$BUILD/airtablefs" flush "$M" --timeout 60)
	echo "sent in $sent s by $(counter .by_kind.update) PATCHes and" \
		"$(counter '.by_kind.list + .by_kind.get') checks"
	rm -rf "$DIR/plain"
	mkdir "$DIR/plain"
}
