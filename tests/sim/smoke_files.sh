# Part of smoke.sh: attachments and their host.
start --load "$here/data/smoke.json" --no-rate-limit --save "$tmp/saved.json" \
	--files-port-file "$tmp/fport"
F=http://127.0.0.1:$(cat "$tmp/fport")
U=$B/$C/Files/uploadAttachment
hello='{"contentType":"text/plain","file":"SGVsbG8gd29ybGQ=","filename":"sample.txt"}'
call POST $U "$hello"
answers 'upload' 200 '.fields.fldFiles000000001[0]|[.filename,.size,.type]' \
	'["sample.txt",11,"text/plain"]'
answers 'upload keys' 200 '[keys,(.fields|keys)]' \
	'[["createdTime","fields","id"],["fldFiles000000001"]]'
link=$(printf '%s' "$body" | jq -r '.fields[][0].url')
att=$(printf '%s' "$body" | jq -r '.fields[][0].id')
is 'fetch' "$(curl -s "$link")" 'Hello world'
is 'range' "$(curl -s -r 6-10 "$link")" world
is 'range status' "$(curl -s -o /dev/null -w '%{http_code}' -r 6- "$link")" 206
is 'range beyond' "$(curl -s -o /dev/null -w '%{http_code}' -r 50- "$link")" 416
call POST $B/$C/fldFiles000000001/uploadAttachment "$hello"
answers 'upload appends, by field id' 200 '.fields[]|length' 2
for b in '{}' '{"contentType":"a","file":"?","filename":"x"}' \
	'{"contentType":"a","file":"QQ==","filename":"x","x":1}'; do
	call POST $U "$b"
	is "upload refused: $b" "$code" 422
done
call POST $B/$C/Name/uploadAttachment "$hello"
answers 'upload into a text field' 422 $TYPE $BAD
call POST $B/$C/Nope/uploadAttachment "$hello"
answers 'upload into no field' 422 $TYPE '"UNKNOWN_FIELD_NAME"'
call POST $B/recMissing0000001/Files/uploadAttachment "$hello"
is 'upload to a missing record' "$code" 403
{
	printf '{"contentType":"a/b","filename":"big","file":"'
	head -c 5000001 /dev/zero | base64 -w0
	printf '"}'
} >"$tmp/big"
call POST $U "@$tmp/big"
is 'upload over 5 MB' "$code" 413
token=patNoMail.x
call POST $U "$hello"
is 'upload without scope' "$code" 403
token=patOwner.x

call GET $T/$C
link2=$(printf '%s' "$body" | jq -r '.fields.Files[0].url')
is 'same file' "$(printf '%s' "$body" | jq -r '.fields.Files[0].id')" "$att"
is 'fresh URL' "$([ "$link" != "$link2" ] && echo fresh)" fresh
call POST /_sim/files '{"ttl_ms":-1}'
call GET $T/$C
old=$(printf '%s' "$body" | jq -r '.fields.Files[0].url')
is 'expired URL' "$(curl -s -o /dev/null -w '%{http_code}' "$old")" 410
call POST /_sim/files '{"ttl_ms":7200000,"expired_status":403}'
is 'expired URL by switch' "$(curl -s -o /dev/null -w '%{http_code}' "$old")" 403
is 'forged URL' "$(curl -s -o /dev/null -w '%{http_code}' "${link}0")" 403
call GET /_sim/files
answers 'no token came' 200 .with_authorization 0
curl -s -o /dev/null -H 'Authorization: Bearer x' "$link"
call GET /_sim/files
answers 'a token came' 200 '[.with_authorization,.entries[-1].auth]' '[1,true]'
call DELETE /_sim/files
call GET /_sim/files
answers 'file log emptied' 200 .requests 0

call PATCH $T/$C "{\"fields\":{\"Files\":[{\"id\":\"$att\"},{\"url\":\"$F/static/cat.png\",\"filename\":\"my cat.png\"},{\"url\":\"$link\"}]}}"
answers 'kept, fetched, copied' 200 '.fields.Files|[length,.[0].filename,.[1].filename,.[1].type,(.[1].thumbnails|keys),.[2].size]' \
	'[3,"sample.txt","my cat.png","image/png",["full","large","small"],11]'
is 'a copy has its own id' "$(printf '%s' "$body" |
	jq -r '.fields.Files[2].id')$(printf '%s' "$body" | jq -r \
	".fields.Files[2].id==\"$att\"" | sed s/false//)" \
	"$(printf '%s' "$body" | jq -r '.fields.Files[2].id')"
curl -s -o "$tmp/cat.png" "$(printf '%s' "$body" | jq -r '.fields.Files[1].url')"
is 'a real picture' "$(head -c 4 "$tmp/cat.png" | tail -c 3)" PNG
is 'its size' "$(wc -c <"$tmp/cat.png" | tr -d ' ')" \
	"$(printf '%s' "$body" | jq -r '.fields.Files[1].size')"
curl -s -o "$tmp/small.png" "$(printf '%s' "$body" |
	jq -r '.fields.Files[1].thumbnails.small.url')"
is 'a thumbnail' "$(head -c 4 "$tmp/small.png" | tail -c 3)" PNG
call PATCH $T/$C "{\"fields\":{\"Files\":[{\"url\":\"$F/static/a.bin?size=5000\"}]}}"
answers 'others are removed' 200 '.fields.Files|[length,.[0].size,.[0].filename]' \
	'[1,5000,"a.bin"]'
call POST /_sim/files '{"late_ms":3600000,"foreign":"fail","thumbnails":false}'
call PATCH $T/$C "{\"fields\":{\"Files\":[{\"url\":\"$F/static/b.png\"},{\"url\":\"https://example.com/gone.png\"}]}}"
answers 'late: no size yet' 200 '[.fields.Files[]|keys]' \
	'[["filename","id","url"],["filename","id","url"]]'
call POST /_sim/clock '{"advance_ms":3600005}'
call GET $T/$C
answers 'later: the one that failed is gone' 200 \
	'[.fields.Files[]|[.filename,has("size"),has("thumbnails")]]' \
	'[["b.png",true,false]]'
call POST /_sim/files '{"partial":1,"late_ms":0}'
call PATCH $T "{\"records\":[{\"id\":\"$C\",\"fields\":{\"Files\":[]}}]}"
answers 'partial success' 200 .details.reasons '["attachmentsFailedUploading"]'
call PATCH $T "{\"records\":[{\"id\":\"$C\",\"fields\":{\"Files\":[]}}]}"
answers 'once only' 200 'has("details")' false
call POST $U "$hello"
call POST /_sim/files '{"fail_status":503,"cut_count":1}'
is 'file host fails' "$(curl -s -o /dev/null -w '%{http_code}' \
	"$(call GET $T/$C; printf '%s' "$body" | jq -r '.fields.Files[0].url')")" 503
call GET $T/$C
link=$(printf '%s' "$body" | jq -r '.fields.Files[0].url')
curl -s -o /dev/null "$link"
is 'file host cuts' $? 18
is 'file host works' "$(curl -s "$link")" 'Hello world'
call POST /_sim/files '{"nonsense":1}'
is 'unknown switch' "$code" 400
stop
start --load "$tmp/saved.json" --no-rate-limit
call GET $T/$C
is 'bytes saved and loaded' "$(curl -s "$(printf '%s' "$body" |
	jq -r '.fields.Files[0].url')")" 'Hello world'
stop
