# others.sh - the files in $DIR/plain by other means, to compare with: a tmpfs,
# and file systems in user space, each with its own caching as large as it goes.
# Those that this machine has are named in OTHERS; each lies at $DIR/NAME.
OTHERS=

# The one by paths: passthrough_ll holds a descriptor of every file.
passthrough_build() {
	local src=/usr/share/doc/libfuse3-dev/examples flags
	[ -f $src/passthrough.c ] || return 1
	flags=$(pkg-config fuse3 --cflags --libs) || return 1
	# shellcheck disable=SC2086
	cc -O2 -D_GNU_SOURCE -w "$src/passthrough.c" -I$src $flags \
		-o "$DIR/passthrough.bin" 2>/dev/null
}

# other NAME COMMAND...: mounts one
other() {
	local name=$1
	shift
	mkdir "$DIR/$name"
	if "$@" >/dev/null 2>&1 && grep -q " $DIR/$name " /proc/mounts; then
		OTHERS="$OTHERS $name"
	else
		echo "  ($name cannot be mounted here: left out)"
	fi
}

others_mount() {
	other tmpfs mount -t tmpfs none "$DIR/tmpfs"
	case $OTHERS in *tmpfs*) cp -r "$DIR/plain/." "$DIR/tmpfs/" ;; esac
	if passthrough_build; then
		other passthrough "$DIR/passthrough.bin" \
			-o "modules=subdir,subdir=$DIR/plain" -o kernel_cache \
			-o entry_timeout=86400,attr_timeout=86400 \
			"$DIR/passthrough"
	else
		echo "  (no passthrough.c of libfuse here: left out)"
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
