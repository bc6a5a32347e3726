# https: nginx with good and bad certificates before the simulator; proxies;
# what is never followed.

ports() {
	python3 -c 'import socket, sys
s = [socket.socket() for i in range(int(sys.argv[1]))]
[x.bind(("127.0.0.1", 0)) for x in s]
print(*[x.getsockname()[1] for x in s])' "$1"
}

# cert NAME SUBJECT DAYS [CA]: $D/NAME.pem with key, signed by CA or itself
cert() {
	openssl req -newkey rsa:2048 -nodes -keyout "$D/$1.key" -subj "/CN=$2" \
		-out "$D/$1.csr" 2>/dev/null || fail "key"
	printf 'subjectAltName=%s\n' "$2" | sed 's/=\([0-9]\)/=IP:\1/;
		s/=\([a-z]\)/=DNS:\1/' >"$D/$1.ext"
	if [ -n "${4:-}" ]; then
		openssl x509 -req -in "$D/$1.csr" -CA "$D/$4.pem" -CAkey \
			"$D/$4.key" -CAcreateserial -days "$3" -extfile \
			"$D/$1.ext" -out "$D/$1.pem" 2>/dev/null
	else
		openssl x509 -req -in "$D/$1.csr" -signkey "$D/$1.key" \
			-days "$3" -extfile "$D/$1.ext" -out "$D/$1.pem" \
			2>/dev/null
	fi || fail "certificate $1"
}

# tls: nginx before the simulator; $GOOD, $OLD, $SELF, $WRONG are its ports
tls() {
	command -v nginx openssl >/dev/null || skip "no nginx here"
	sim
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$D/ca.key" -out \
		"$D/ca.pem" -days 2 -subj /CN=authority 2>/dev/null || fail ca
	cert good 127.0.0.1 2 ca
	cert old 127.0.0.1 -1 ca
	cert self 127.0.0.1 2
	cert wrong elsewhere.example 2 ca
	read -r GOOD OLD SELF WRONG <<<"$(ports 4)"
	{
		echo "pid $D/nginx.pid; error_log $D/nginx.log; daemon on;"
		[ "$(id -u)" != 0 ] || echo "user root;"
		echo "events {} http { access_log off;"
		for p in client_body proxy fastcgi uwsgi scgi; do
			echo "${p}_temp_path $D/nginx.$p;"
		done
		for s in "$GOOD good" "$OLD old" "$SELF self" "$WRONG wrong"; do
			echo "server { listen 127.0.0.1:${s% *} ssl;
				ssl_certificate $D/${s#* }.pem;
				ssl_certificate_key $D/${s#* }.key;
				location / { proxy_pass $URL; } }"
		done
		echo "}"
	} >"$D/nginx.conf"
	nginx -c "$D/nginx.conf" -e "$D/nginx.log" || fail "nginx: $(cat "$D/nginx.log")"
	unset AIRTABLE_ENDPOINT_URL
	export XDG_CACHE_HOME=$D/cache XDG_STATE_HOME=$D/state
	mkdir -p "$M"
}

tls_stop() {
	kill "$(cat "$D/nginx.pid")"
}

# refused STATUS WORDS COMMAND...
refused() {
	local want=$1 words=$2 got
	shift 2
	OUT=$("$@" 2>&1 </dev/null)
	got=$?
	[ $got = "$want" ] || { tls_stop; fail "$*: status $got: $OUT"; }
	case $OUT in *"$words"*) ;; *) tls_stop; fail "$*: $OUT" ;; esac
}

test_https_is_verified() {
	tls
	ca="ca_file=$D/ca.pem"
	sim_reset
	refused 4 "expired" "$BIN" "$M" -o endpoint=https://127.0.0.1:$OLD,$ca
	refused 4 "certificate" "$BIN" "$M" -o endpoint=https://127.0.0.1:$SELF,$ca
	refused 4 "certificate subject name" "$BIN" "$M" \
		-o endpoint=https://127.0.0.1:$WRONG,$ca
	refused 4 "certificate" "$BIN" "$M" -o endpoint=https://127.0.0.1:$GOOD
	refused 4 "clock right" "$BIN" doctor --endpoint https://127.0.0.1:$OLD \
		--ca-file "$D/ca.pem"
	eq "the token went nowhere" "$(total)" 0
	"$BIN" "$M" -o endpoint=https://127.0.0.1:$GOOD,$ca || fail good
	eq bases "$(ls "$M" | wc -l)" 4
	f="$M/Product Catalog/Furniture/Hammock Chair.json"
	sed -i 's/"Price": 250/"Price": 199/' "$f" || fail save
	settle
	eq sent "$(record rec8vAzQ1b2c3d4e5 | jq .Price)" 199
	umnt || fail umount
	tls_stop
}

test_plain_http_is_spoken_with_this_machine_alone() {
	sim
	mkdir -p "$M"
	for url in http://example.com http://192.0.2.1:80 http://127.0.0.1.nip.io \
		http://me@127.0.0.1 ftp://127.0.0.1; do
		fails "$BIN" "$M" -o endpoint=$url
		has "$url" "$ERR" "is refused"
	done
}

test_P9_an_https_proxy_sees_no_token() {
	tls
	cat >"$D/proxy.py" <<-'END'
	import socket, sys, threading
	s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(16)
	open(sys.argv[1], "w").write(str(s.getsockname()[1]))
	log = open(sys.argv[2], "wb", 0)
	def pump(a, b, keep):
	    while True:
	        try: d = a.recv(65536)
	        except OSError: d = b""
	        if keep: log.write(d)
	        if not d: b.close(); return
	        try: b.sendall(d)
	        except OSError: return
	def serve(c):
	    head = b""
	    while b"\r\n\r\n" not in head: head += c.recv(1)
	    log.write(head)
	    host, port = head.split()[1].split(b":")
	    o = socket.create_connection((host.decode(), int(port)))
	    c.sendall(b"HTTP/1.1 200 fine\r\n\r\n")
	    threading.Thread(target=pump, args=(c, o, True), daemon=True).start()
	    pump(o, c, True)
	while True:
	    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
	END
	python3 "$D/proxy.py" "$D/proxy.port" "$D/proxy.log" &
	proxy=$!
	within 5 test -s "$D/proxy.port"
	https_proxy=http://127.0.0.1:$(cat "$D/proxy.port") http_proxy=http://127.0.0.1:1 \
		"$BIN" "$M" -o endpoint=https://127.0.0.1:$GOOD,ca_file="$D/ca.pem" ||
		fail mount
	eq bases "$(ls "$M" | wc -l)" 4
	grep -aq "^CONNECT 127.0.0.1:$GOOD" "$D/proxy.log" || fail "not used"
	! grep -aq patDEMO "$D/proxy.log" || fail "in the clear"
	umnt || fail umount
	# plain http goes by no proxy at all
	AIRTABLE_ENDPOINT_URL=$URL http_proxy=http://127.0.0.1:1 "$BIN" whoami \
		>/dev/null || fail "http by a proxy"
	kill $proxy
	tls_stop
}
