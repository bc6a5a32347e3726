# Part of smoke.sh: limits, faults and the control side.
start --load "$here/data/smoke.json" --penalty 1.5
get=$url$T/$A
is 'five in a second, then no more' "$(curl -s -g -w '%{http_code} ' \
	-H "Authorization: Bearer $token" -o /dev/null $get -o /dev/null $get \
	-o /dev/null $get -o /dev/null $get -o /dev/null $get \
	-o "$tmp/body" $get)" '200 200 200 200 200 429 '
code=429
body=$(cat "$tmp/body")
answers 'the sixth' 429 '.errors[0].error' '"RATE_LIMIT_REACHED"'
golden 'the sixth' error_429_array.json
call GET /v0/appOther000000001/Empty
is 'another base' "$code" 200
call GET $T/$A
is 'within the penalty' "$code" 429
sleep 1.6
call GET $T/$A
is 'after the penalty' "$code" 200
call GET /_sim/counters
answers 'counters' 200 '[.total,.rate_limited,.by_kind.get,
	.by_base.appAll0000000001.calls]' '[9,2,8,8]'
call GET '/_sim/log?since=8&body=1'
answers 'log' 200 '[.last,(.entries[]|[.seq,.method,.kind,.status,.auth])]' \
	'[9,[9,"GET","get",200,true]]'
call POST /_sim/reset
call GET /_sim/counters
answers 'reset' 200 .total 0
stop
start --load "$here/data/smoke.json" --no-rate-limit --body429 object \
	--missing-record 404

call GET $T/recMissing0000001
answers 'missing as in 2022' 404 $TYPE '"MODEL_ID_NOT_FOUND"'
golden 'missing as in 2022' error_404_record.json
call GET "$B/Unknown%20Table"
answers 'table as in 2022' 404 $TYPE '"TABLE_NOT_FOUND"'
call GET /v0/meta/bases/appNone0000000001/tables
golden 'schema as in 2022' error_404_object.json

fault() { call POST /_sim/fault "$1"; is "fault $1" "$code" 200; }
fault '{"action":"status","status":503,"retry_after":1,"match":{"kind":"get"}}'
call GET $T/$A
answers '503' 503 $TYPE '"RETRIABLE_ERROR"'
golden '503' error_503.json
call GET $T/$A
is 'once only' "$code" 200
fault '{"action":"status","status":429,"after":1,"match":{"method":"GET","path":"Things"}}'
call GET $T/$A
is 'first is skipped' "$code" 200
call GET $T/$A
golden '429 as object' error_429_object.json
fault '{"action":"reset_before","match":{"kind":"create"}}'
call POST $T '{"fields":{"Name":"lost"}}'
is 'reset before' "$code" 000
fault '{"action":"reset_after","match":{"kind":"create"}}'
call POST $T '{"fields":{"Name":"kept"}}'
is 'reset after' "$code" 000
call GET "$T?filterByFormula=OR(Name='lost',Name='kept')&fields[]=Name"
answers 'what was committed' 200 '[.records[].fields.Name]' '["kept"]'
fault '{"action":"cut"}'
curl -s -g -o /dev/null -H "Authorization: Bearer $token" "$url$T"
is 'cut body' $? 18
fault '{"action":"garbage"}'
call GET $T
printf '%s' "$body" | jq . >/dev/null 2>&1
is 'garbage' "$code $([ $? -ne 0 ] && echo bad)" '200 bad'
fault '{"action":"redirect","location":"http://127.0.0.1:1/x"}'
call GET $T
is 'redirect' "$code" 302
fault '{"action":"wrong_type"}'
is 'wrong type' "$(curl -s -o /dev/null -w '%{content_type}' \
	-H "Authorization: Bearer $token" "$url$T")" text/html
fault '{"action":"stall","ms":700}'
curl -s -m 0.3 -o /dev/null -H "Authorization: Bearer $token" "$url$T"
is 'stall' $? 28
fault '{"action":"drip","ms":100}'
curl -s -m 0.5 -o /dev/null -H "Authorization: Bearer $token" "$url$T"
is 'drip' $? 28
fault '{"action":"status","count":-1}'
call DELETE /_sim/fault
call GET $T
is 'faults cleared' "$code" 200

call POST /_sim/latency '{"ms":400}'
t0=$(date +%s%N)
for i in 1 2 3 4; do
	curl -s -o /dev/null -H "Authorization: Bearer $token" "$url$T" &
	eval "c$i=$!"
done
wait $c1 $c2 $c3 $c4
ms=$((($(date +%s%N) - t0) / 1000000))
is 'latency' "$([ $ms -ge 400 ] && echo waits)" waits
is 'latency runs side by side' "$([ $ms -lt 1200 ] && echo yes)" yes
call POST /_sim/latency '{"ms":0}'

call POST /_sim/reset
call POST /_sim/as "{\"user\":\"usrEditor00000001\",\"method\":\"PATCH\",\"path\":\"$T/$A\",\"body\":{\"fields\":{\"Number\":77}}}"
answers 'as another user' 200 '.fields|[.Number,."Touched by".id]' \
	'[77,"usrEditor00000001"]'
call GET /_sim/counters
answers 'leaves no trace' 200 .total 0
call GET "$T?pageSize=1"
off=$(printf '%s' "$body" | jq -r .offset)
call POST /_sim/iterators/expire
call GET "$T?offset=$off"
answers 'expired' 422 $TYPE '"LIST_RECORDS_ITERATOR_NOT_AVAILABLE"'
call POST /_sim/token '{"token":"patOwner.x","new_token":"patFresh.x"}'
call GET /v0/meta/whoami
is 'old token' "$code" 401
token=patFresh.x
call GET /v0/meta/whoami
is 'new token' "$code" 200
call POST /_sim/token '{"token":"patFresh.x","revoked":true}'
call GET /v0/meta/whoami
is 'revoked token' "$code" 401
opts() { grep -o -- '--[a-z0-9-]*[a-z0-9]' | sort -u | tr '\n' ' '; }
is 'README and --help know the same options' \
	"$(sed -n '/^## Options/,/^## State/p' "$here/README.md" | opts)" \
	"$("$sim" --help | opts)"
quirks=$(sed -n '/^### Guesses/,/^Other/p' "$here/README.md")
call GET /_sim/quirk
for q in $(printf '%s' "$body" | jq -r keys[]); do
	case $quirks in
	*"\`$q\`"*) ;;
	*) is "README knows the quirk $q" no yes ;;
	esac
done
call POST /_sim/nothing
is 'unknown control' "$code" 404
call GET /_sim/state
answers 'state' 200 '.bases|length' 2
stop

echo '{"bases":[{"id":"appX0000000000001","name":"x","tables":[{"id":"tblX","name":"t","fields":[{"id":"fldX","name":"n"}]}]}]}' >"$tmp/bad.json"
"$sim" --port 0 --load "$tmp/bad.json" 2>"$tmp/err"
is 'bad file (exit)' $? 1
is 'bad file' "$(sed 's/.*bad.json: //' "$tmp/err")" \
	"bases[0].tables[0].fields[0]: 'type' must be a string"

start --generate bases=1,tables=1,records=12,attachments=1,comments=1
token=patSIM.secret
call GET /v0/meta/bases
P=$(printf '%s' "$body" | jq -r '.bases[0].id')
call GET "/v0/$P/Furniture?recordMetadata[]=commentCount&fields[]=Files"
answers 'generated files and comments' 200 \
	'[([.records[].fields.Files[]?]|length),([.records[].commentCount//0]|add)]' \
	'[6,6]'
is 'a generated picture' "$(curl -s "$(printf '%s' "$body" | jq -r \
	'[.records[].fields.Files[]?.url][0]')" | head -c 4 | tail -c 3)" PNG
stop
for k in 1 2; do
	start --generate bases=2,tables=2,records=30 --seed 7
	call GET /_sim/state
	eval "state$k=\$(printf '%s' \"\$body\" | jq -c .bases | cksum)"
	stop
done
is 'same seed, same data' "$state1" "$state2"
