# Part of smoke.sh: answers that are wrong on the wire.
start --generate bases=1,tables=1,records=60 --no-rate-limit
token=patSIM.secret
call GET /v0/meta/bases
L=/v0/$(printf '%s' "$body" | jq -r '.bases[0].id')/Furniture
wire() {	# wire NAME FAULT WANT [CURL OPTIONS...]: curl's exit status
	name=$1
	call POST /_sim/fault "{\"match\":{\"kind\":\"list\"},\"action\":\"$2\"}"
	want=$3
	shift 3
	curl -s -m 10 -o "$tmp/body" -H "Authorization: Bearer $token" "$@" \
		"$url$L"
	is "$name" $? "$want"
}
wire 'more promised than sent' long_length 18
wire 'less promised than sent' short_length 0
is 'and the rest is not taken' "$(jq . "$tmp/body" >/dev/null 2>&1 || echo cut)" cut
wire 'chunked' chunked 0
is 'whole when chunked' "$(jq '.records|length' "$tmp/body")" 60
wire 'chunked, cut' chunked_cut 18
wire 'chunked, no size' chunked_bad 56
wire 'gzip, cut' gzip_cut 0
head -c 2 "$tmp/body" | od -An -tx1 | tr -d ' \n' >"$tmp/magic"
is 'it is gzip' "$(cat "$tmp/magic")" 1f8b
is 'of half' "$(gzip -dc <"$tmp/body" 2>/dev/null | jq . >/dev/null 2>&1 || echo half)" half
wire 'gzip, garbage' gzip_garbage 61 --compressed
wire 'no HTTP' no_http 1 --http1.1
wire 'none left' status 0
call GET $L
is 'and well again' "$code" 200
curl -s -D "$tmp/head" -o "$tmp/body" -H 'Accept-Encoding: gzip' \
	-H "Authorization: Bearer $token" "$url$L"
is 'gzip when asked for' "$(tr -d '\r' <"$tmp/head" |
	sed -n 's/^content-encoding: //ip')" gzip
is 'with the plain size' "$(tr -d '\r' <"$tmp/head" |
	sed -n 's/^airtable-uncompressed-content-length: //p')" \
	"$(gzip -dc <"$tmp/body" | wc -c | tr -d ' ')"
stop
token=patOwner.x
