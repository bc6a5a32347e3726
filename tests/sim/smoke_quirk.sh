# Part of smoke.sh: the other way where nothing settles which it is.
start --load "$here/data/smoke.json" --no-rate-limit --penalty 1
quirk() { call POST /_sim/quirk "$1"; is "quirk $1" "$code" 200; }
W=/v0/bases/appAll0000000001/webhooks
hook='{"specification":{"options":{"filters":{"dataTypes":["tableData"]}}}}'
call GET /_sim/quirk
answers 'all are off' 200 '[to_entries[]|select(.value!=0)|[.key,.value]]' \
	'[["base_rate",5]]'
for q in '{"nothing":1}' '{"base_rate":0}' '{"base_rate":"x"}' '[]' \
	'{"dedupe":true,"clamp_page_size":2}'; do
	call POST /_sim/quirk "$q"
	is "quirk refused: $q" "$code" 400
done
call GET /_sim/quirk
answers 'a refused one changes nothing' 200 .dedupe 0

call GET "$T?pageSize=101"
is 'pageSize over 100 is refused' "$code" 422
quirk '{"clamp_page_size":true}'
call GET "$T?pageSize=101"
answers 'or is 100' 200 '.records|length' 3
call PATCH $T/$A nonsense
is 'no JSON' "$code" 422
quirk '{"bad_body_400":true}'
call PATCH $T/$A nonsense
is 'no JSON (400)' "$code" 400
token=patNobody.x
call GET $T
answers 'bad token' 401 $TYPE '"AUTHENTICATION_REQUIRED"'
golden 'bad token' error_401.json
quirk '{"unauthorized":true}'
call GET $T
answers 'bad token' 401 $TYPE '"UNAUTHORIZED"'
token=patOwner.x
F=/v0/meta/bases/appAll0000000001/tables/Things/fields
call POST $F '{"name":"Sum","type":"formula","options":{"formula":"{Number}+1"}}'
answers 'formulas are not created' 422 $TYPE \
	'"UNSUPPORTED_FIELD_TYPE_FOR_CREATE"'
quirk '{"create_formula":true}'
call POST $F '{"name":"Sum","type":"formula","options":{"formula":"{Number}+1"}}'
is 'or are' "$code" 200
call GET $T/$A
answers 'and computed' 200 .fields.Sum 2

call POST $W "$hook"
answers 'no cursor in the answer' 200 'has("cursorForNextPayload")' false
h=$(printf '%s' "$body" | jq -r .id)
quirk '{"hook_cursor":true,"silent_equal":true}'
call POST $W "$hook"
answers 'or one' 200 .cursorForNextPayload 1
call GET $T/$A
touched=$(printf '%s' "$body" | jq -c .fields.Touched)
call PATCH $T/$A '{"fields":{"Number":1}}'
answers 'an equal value stamps nothing' 200 .fields.Touched "$touched"
call GET $W/$h/payloads
answers 'and makes no payload' 200 '.payloads|length' 0
quirk '{"silent_equal":false,"payload_equal":true}'
call PATCH $T/$A '{"fields":{"Number":1}}'
is 'or stamps' "$([ "$(printf '%s' "$body" | jq -c .fields.Touched)" != \
	"$touched" ] && echo new)" new
call GET $W/$h/payloads
answers 'and makes one' 200 '[.payloads[].changedTablesById.tblThings00000001.changedRecordsById.recA0000000000001.current.cellValuesByFieldId]' \
	'[{"fldNumber00000001":1}]'

call PATCH $T/$A '{"fields":{"Long":"a\r\nb  ","Number":1.23456}}'
answers 'text and numbers as sent' 200 '.fields|[.Long,.Number]' \
	'["a\r\nb  ",1.23456]'
quirk '{"trim_text":true,"round_numbers":true}'
call PATCH $T/$A '{"fields":{"Long":"a\r\nb  ","Number":1.23456,"Name":"  "}}'
answers 'or normalised' 200 '.fields|[.Long,.Number,.Name]' '["a\nb",1.23,null]'
quirk '{"max_text":5}'
call PATCH $T/$A '{"fields":{"Long":"123456"}}'
answers 'too long a text' 422 $TYPE $BAD
quirk '{"max_text":0,"max_records":6}'
call POST $T '{"records":[{"fields":{}},{"fields":{}}]}'
answers 'too many records' 422 $TYPE '"RECORD_LIMIT_REACHED"'
call POST $T '{"records":[{"fields":{"Name":"A2"}}]}'
is 'just enough' "$code" 200
quirk '{"max_records":0}'

call PATCH $T/$A "{\"fields\":{\"Parts\":[\"$P1\",\"$P1\"]}}"
answers 'an id twice' 422 $TYPE $BAD
quirk '{"dedupe":true}'
call PATCH $T/$A "{\"fields\":{\"Parts\":[\"$P1\",\"$P1\"]}}"
answers 'or once' 200 .fields.Parts "[\"$P1\"]"
call POST $T '{"fields":{}}'
new=$(printf '%s' "$body" | jq -r .id)
call DELETE "$T?records[]=$new&records[]=$new"
answers 'also where rows are deleted' 200 '.records|length' 1
token=patEditor.x
call PATCH $T/$A '{"fields":{"Select":"New"},"typecast":true}'
answers 'choices are made by creators' 422 $TYPE \
	'"INVALID_MULTIPLE_CHOICE_OPTIONS"'
quirk '{"choice_by_editor":true}'
call PATCH $T/$A '{"fields":{"Select":"New"},"typecast":true}'
answers 'or by editors' 200 .fields.Select '"New"'
token=patOwner.x

call POST /_sim/permission '{"table":"tblParts000000001","synced":true}'
Q=$B/tblParts000000001
call PATCH $Q/$P1 '{"fields":{"Weight":1}}'
answers 'a synced table' 422 $TYPE $BAD
call POST $Q '{"fields":{}}'
is 'takes no rows' "$code" 403
call DELETE $Q/$P1
is 'and loses none' "$code" 403
quirk '{"synced_403":true}'
call PATCH $Q/$P1 '{"fields":{"Weight":1}}'
answers 'a synced table (403)' 403 $TYPE '"INVALID_PERMISSIONS"'
call POST /_sim/as "{\"method\":\"PATCH\",\"source\":\"sync\",\"path\":\"$Q/$P1\",\"body\":{\"fields\":{\"Weight\":1}}}"
is 'a sync writes there' "$code" 200
call GET $W/$h/payloads
answers 'and says so' 200 '.payloads[-1].actionMetadata' '{"source":"sync"}'

quirk '{"hook_revive":true,"hook_404":true,"hook_old_cursor":true}'
call POST /_sim/clock '{"advance_ms":950400000}'
call GET "$W/$h/payloads?cursor=1"
is 'a cursor that is gone' "$code" 422
call POST $W/$h/refresh
is 'a dead hook lives again' "$code" 200
call GET $W
answers 'indeed' 200 "[.webhooks[]|select(.id==\"$h\")|.isHookEnabled]" '[true]'
call GET $W/achNone0000000001/payloads
is 'unknown hook (404)' "$code" 404
jq -nc '{contentType:"text/plain",filename:"x",file:("A"*6700000)}' >"$tmp/big"
call POST $B/$C/Files/uploadAttachment @"$tmp/big"
is 'over 5 MB' "$code" 413
quirk '{"upload_422":true}'
call POST $B/$C/Files/uploadAttachment @"$tmp/big"
is 'over 5 MB (422)' "$code" 422

call POST /_sim/penalty '{"seconds":60}'
quirk '{"base_rate":2,"extend_block":true}'
call POST /_sim/ratelimit '{"enabled":true}'
call POST /_sim/reset
get=$url$T/$A
is 'two calls a second' "$(curl -s -g -w '%{http_code} ' \
	-H "Authorization: Bearer $token" -o /dev/null $get \
	-o /dev/null $get -o /dev/null $get)" '200 200 429 '
call GET /_sim/counters
answers 'counted for the user' 200 '.by_user.usrOwner000000001' \
	'{"calls":3,"rate_limited":1,"max_per_second":3}'
call POST /_sim/cap '{"enabled":true,"after":4}'
is 'a 429 counts in the month' "$(curl -s -g -w '%{http_code} ' \
	-H "Authorization: Bearer $token" -o /dev/null $get \
	-o /dev/null $get -o /dev/null $get -o /dev/null $get)" '429 429 429 429 '
call POST /_sim/ratelimit '{"enabled":false}'
call GET $T/$A
answers 'which is over then' 429 '.errors[0].error' \
	'"PUBLIC_API_BILLING_LIMIT_EXCEEDED"'
call POST /_sim/cap '{"enabled":false}'

# Date dependencies: predecessors with what lies between.
call POST /_sim/as '{"method":"POST","path":"/v0/meta/bases/appAll0000000001/tables/Things/fields","body":{"name":"After","type":"multipleRecordLinks","options":{"linkedTableId":"tblThings00000001"}}}'
after=$(printf '%s' "$body" | jq -r .id)
call PATCH $T/$A "{\"fields\":{\"After\":[\"$BB\"]}}"
D=includeDateDependencyMetadata=true
call GET "$T/$A?$D"
answers 'no predecessor field' 200 .fields.After "[\"$BB\"]"
call PATCH /v0/meta/bases/appAll0000000001/tables/Things "{\"dateDependencySettings\":{\"isEnabled\":true,\"startDateFieldId\":\"fldDate0000000001\",\"endDateFieldId\":null,\"durationFieldId\":null,\"predecessorFieldId\":\"$after\",\"reschedulingMode\":\"flexible\",\"shouldSkipWeekendsAndHolidays\":false,\"holidays\":[]}}"
answers 'date dependencies are settings of the table' 200 \
	.dateDependencySettings.predecessorFieldId "\"$after\""
call GET "$T/$A?$D"
answers 'predecessors are objects' 200 .fields.After "[{\"id\":\"$BB\"}]"
call GET $T/$A
answers 'where asked for' 200 .fields.After "[\"$BB\"]"
call PATCH /v0/meta/bases/appAll0000000001/tables/Things "{\"dateDependencySettings\":{\"isEnabled\":true,\"startDateFieldId\":\"fldDate0000000001\",\"endDateFieldId\":null,\"durationFieldId\":null,\"predecessorFieldId\":\"$after\",\"reschedulingMode\":\"fixed\",\"shouldSkipWeekendsAndHolidays\":false,\"holidays\":[]}}"
call POST $T/listRecords '{"includeDateDependencyMetadata":true,"fields":["After"],"filterByFormula":"{Name}&{After}!=\"\""}'
answers 'with metadata where the mode is fixed' 200 \
	"[.records[]|select(.id==\"$A\")|.fields.After]" \
	"[[{\"id\":\"$BB\",\"dateDependencyMetadata\":{\"dependencyType\":\"finishToStart\",\"buffer\":0}}]]"
for q in $D=x includeDateDependencyMetadata=maybe; do
	call GET "$T/$A?$q"
	is "refused: $q" "$code" 422
done
stop
