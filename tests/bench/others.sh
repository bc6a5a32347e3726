# others.sh - the files in $DIR/plain by other means, to compare with: a tmpfs,
# and file systems in user space, each with its own caching as large as it goes.
# Those that this machine has are named in OTHERS; each lies at $DIR/NAME.
OTHERS=

passthrough_build() {
	local src=/usr/share/doc/libfuse3-dev/examples flags
	[ -f $src/passthrough_ll.c ] || return 1
	flags=$(pkg-config fuse3 --cflags --libs) || return 1
	# shellcheck disable=SC2086
	cc -O2 -D_GNU_SOURCE -w "$src/passthrough_ll.c" -I$src $flags \
		-o "$DIR/passthrough_ll" 2>/dev/null
}

# other NAME COMMAND...: mounts one
other() {
	local name=$1
	shift
	mkdir "$DIR/$name"
	# passthrough_ll holds a descriptor of each file
	if (ulimit -n "$(ulimit -Hn)" && "$@") >/dev/null 2>&1 &&
		grep -q " $DIR/$name " /proc/mounts; then
		OTHERS="$OTHERS $name"
	else
		echo "  ($name cannot be mounted here: left out)"
	fi
}

others_mount() {
	other tmpfs mount -t tmpfs none "$DIR/tmpfs"
	case $OTHERS in *tmpfs*) cp -r "$DIR/plain/." "$DIR/tmpfs/" ;; esac
	if passthrough_build; then
		other passthrough "$DIR/passthrough_ll" -o cache=always \
			-o timeout=86400 -o "source=$DIR/plain" \
			"$DIR/passthrough"
	else
		echo "  (no passthrough_ll.c of libfuse here: left out)"
	fi
	if command -v rclone >/dev/null; then
		other rclone rclone mount --daemon --vfs-cache-mode full \
			--cache-dir "$DIR/rclone-cache" --attr-timeout 24h \
			--dir-cache-time 24h "$DIR/plain" "$DIR/rclone"
	else
		echo "  (no rclone here: left out)"
	fi
}

others_end() {
	local name
	for name in $OTHERS; do
		fusermount3 -uz "$DIR/$name" 2>/dev/null ||
			umount -l "$DIR/$name"
		rmdir "$DIR/$name" 2>/dev/null || true
	done
	OTHERS=
}
