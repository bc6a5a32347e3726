# Part of smoke.sh: webhooks.
start --load "$here/data/smoke.json" --no-rate-limit
W=/v0/bases/appAll0000000001/webhooks
spec() { printf '{"specification":{"options":%s}}' "$1"; }
call GET $W
answers 'no webhooks' 200 . '{"webhooks":[]}'
call POST $W "$(spec '{"filters":{"dataTypes":["tableData","tableFields","tableMetadata"]},"includes":{"includePreviousCellValues":true}}')"
answers 'create without a URL' 200 keys \
	'["expirationTime","id","macSecretBase64"]'
h=$(printf '%s' "$body" | jq -r .id)
call GET $W
answers 'list webhooks' 200 '.webhooks[0]|[.areNotificationsEnabled,.cursorForNextPayload,.isHookEnabled,.notificationUrl,.lastNotificationResult]' \
	'[false,1,true,null,null]'
call GET $W/$h/payloads
answers 'creating makes no payload' 200 '[.payloads,.cursor,.mightHaveMore]' \
	'[[],1,false]'
call PATCH $T/$A '{"fields":{"Number":5,"Select":"Todo"}}'
call GET $W/$h/payloads
answers 'one write, one payload' 200 '[.cursor,(.payloads|length)]' '[2,1]'
answers 'source' 200 '.payloads[0].actionMetadata|[.source,.sourceMetadata.user.id,.sourceMetadata.user.permissionLevel]' \
	'["publicApi","usrOwner000000001","create"]'
answers 'current cells' 200 '.payloads[0].changedTablesById.tblThings00000001.changedRecordsById.recA0000000000001.current.cellValuesByFieldId|[.fldNumber00000001,.fldSelect00000001.name,.fldSelect00000001.id]' \
	'[5,"Todo","selTodo0000000001"]'
answers 'previous cells' 200 '.payloads[0].changedTablesById.tblThings00000001.changedRecordsById.recA0000000000001.previous.cellValuesByFieldId' \
	'{"fldNumber00000001":1,"fldSelect00000001":null}'
call PATCH $T/$A '{"fields":{"Number":5}}'
call GET "$W/$h/payloads?cursor=2"
answers 'an equal value makes none' 200 '[.payloads,.cursor]' '[[],2]'
call PATCH $T/$C "{\"fields\":{\"Parts\":[\"$P1\"]}}"
call GET "$W/$h/payloads?cursor=2"
answers 'links, both sides' 200 '.payloads[0].changedTablesById|[.tblThings00000001.changedRecordsById.recC0000000000001.current.cellValuesByFieldId.fldLink0000000001,(.tblParts000000001.changedRecordsById.recP0000000000001.current.cellValuesByFieldId.fldBack0000000001|map(.id))]' \
	'[[{"id":"recP0000000000001","name":"Leg"}],["recA0000000000001","recC0000000000001"]]'
answers 'computed cells too' 200 '.payloads[0].changedTablesById.tblThings00000001.changedRecordsById.recC0000000000001.current.cellValuesByFieldId|[.fldCount000000001,.fldLookup00000001]' \
	'[1,{"linkedRecordIds":["recP0000000000001"],"valuesByLinkedRecordId":{"recP0000000000001":[3]}}]'
call POST $T '{"records":[{"fields":{"Name":"x"}},{"fields":{"Name":"y"}}]}'
new=$(printf '%s' "$body" | jq -r '.records[0].id')
call DELETE $T/$new
call POST /_sim/as "{\"user\":\"usrEditor00000001\",\"method\":\"PATCH\",\"path\":\"$T/$A\",\"body\":{\"fields\":{\"Name\":\"UI\"}}}"
call GET "$W/$h/payloads?cursor=3"
answers 'created' 200 '.payloads[0].changedTablesById.tblThings00000001.createdRecordsById|[length,(.[]|.cellValuesByFieldId.fldName0000000001)]' \
	'[2,"x","y"]'
answers 'destroyed' 200 '.payloads[1].changedTablesById.tblThings00000001.destroyedRecordIds' \
	"[\"$new\"]"
answers 'by the grid' 200 '.payloads[2].actionMetadata|[.source,.sourceMetadata.user.id]' \
	'["client","usrEditor00000001"]'
answers 'numbers rise' 200 '[.payloads[].baseTransactionNumber]|.==(sort|unique)' true
call GET "$W/$h/payloads?cursor=1&limit=2"
answers 'limit' 200 '[(.payloads|length),.cursor,.mightHaveMore]' '[2,3,true]'
for q in limit=51 limit=0 cursor=0 cursor=x cursor=99 x=1; do
	call GET "$W/$h/payloads?$q"
	is "payloads refused: $q" "$code" 422
done
call POST /_sim/as '{"user":"usrOwner000000001","method":"PATCH","path":"/v0/meta/bases/appAll0000000001/tables/Things/fields/Number","body":{"name":"Amount"}}'
call GET "$W/$h/payloads?cursor=6"
answers 'field renamed' 200 '.payloads[0].changedTablesById.tblThings00000001.changedFieldsById.fldNumber00000001.current.name' '"Amount"'
call PATCH $T/$A '{"fields":{"Number":1}}'
answers 'the old name is gone' 422 $TYPE '"UNKNOWN_FIELD_NAME"'
call PATCH $T/$A '{"fields":{"Amount":1}}'
answers 'the new one works' 200 .fields.Amount 1

for o in '{}' '{"filters":{}}' '{"filters":{"dataTypes":["x"]}}' \
	'{"filters":{"dataTypes":[]}}' \
	'{"filters":{"dataTypes":["tableData"],"x":1}}' \
	'{"filters":{"dataTypes":["tableData"],"recordChangeScope":"Things"}}' \
	'{"filters":{"dataTypes":["tableData"],"watchDataInFieldIds":["Name"]}}' \
	'{"filters":{"dataTypes":["tableData"]},"includes":{"x":true}}'; do
	call POST $W "$(spec "$o")"
	is "webhook refused: $o" "$code" 422
done
call POST /_sim/token '{"token":"patW.x","user":"usrEditor00000001","scopes":["webhook:manage"],"bases":{"appAll0000000001":"create"}}'
token=patW.x
call POST $W "$(spec '{"filters":{"dataTypes":["tableData"]}}')"
is 'webhook wants the data scope too' "$code" 403
call GET $W
is 'list wants one scope' "$code" 200
call POST /_sim/token '{"token":"patW.x","scopes":"all","bases":{"appAll0000000001":"edit"}}'
call POST $W "$(spec '{"filters":{"dataTypes":["tableData"]}}')"
answers 'webhook wants a creator' 403 $TYPE '"INVALID_PERMISSIONS"'
call GET $W/$h/payloads
is 'payloads want a reader' "$code" 200
call POST /_sim/token '{"token":"patW.x","bases":"all","oauth":true}'
for i in 1 2; do
	call POST $W "$(spec '{"filters":{"dataTypes":["tableData"]}}')"
	is "oauth hook $i" "$code" 200
done
oauth=$(printf '%s' "$body" | jq -r .id)
call POST $W "$(spec '{"filters":{"dataTypes":["tableData"]}}')"
answers 'third of one integration' 422 $TYPE '"TOO_MANY_WEBHOOKS_IN_BASE"'
call GET $W
answers 'sees its own' 200 '.webhooks|length' 2
call DELETE $W/$oauth
is 'delete a hook' "$code$body" 200
token=patOwner.x

call POST $W "$(spec '{"filters":{"dataTypes":["tableData"],"fromSources":["client"],"recordChangeScope":"tblParts000000001"}}')"
narrow=$(printf '%s' "$body" | jq -r .id)
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":4}}'
call POST /_sim/as "{\"user\":\"usrEditor00000001\",\"method\":\"PATCH\",\"path\":\"$T/$A\",\"body\":{\"fields\":{\"Name\":\"UI2\"}}}"
call GET $W/$narrow/payloads
answers 'other sources and tables stay out' 200 '.payloads|length' 0
call POST /_sim/as "{\"user\":\"usrEditor00000001\",\"source\":\"client\",\"method\":\"PATCH\",\"path\":\"$B/tblParts000000001/$P1\",\"body\":{\"fields\":{\"Weight\":6}}}"
call GET $W/$narrow/payloads
answers 'its own come in' 200 '.payloads|length' 1
call POST $W "$(spec '{"filters":{"dataTypes":["tableData"],"watchDataInFieldIds":["fldWeight00000001"]},"includes":{"includeCellValuesInFieldIds":"all"}}')"
watch=$(printf '%s' "$body" | jq -r .id)
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Part":"Foot"}}'
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":9}}'
call GET $W/$watch/payloads
answers 'watched field only, the rest as unchanged' 200 \
	'[(.payloads|length),.payloads[0].changedTablesById.tblParts000000001.changedRecordsById.recP0000000000001.unchanged.cellValuesByFieldId.fldPart0000000001]' \
	'[1,"Foot"]'
call POST /_sim/as '{"user":"usrOwner000000001","method":"DELETE","path":"/v0/meta/bases/appAll0000000001/tables/tblParts000000001/fields/fldWeight00000001"}'
call GET "$W/$watch/payloads?cursor=2"
answers 'watched field deleted' 200 '.payloads[0]|[.error,.code]' \
	'[true,"INVALID_FILTERS"]'
call GET $W
answers 'hook is off' 200 "[.webhooks[]|select(.id==\"$watch\")|.isHookEnabled]" '[false]'
call POST /_sim/webhook "{\"base\":\"appAll0000000001\",\"id\":\"$narrow\",\"code\":\"INVALID_HOOK\"}"
call GET "$W/$narrow/payloads?cursor=2"
answers 'error by switch' 200 '.payloads[0].code' '"INVALID_HOOK"'

call GET "$W/$narrow/payloads?cursor=1"
payloads=$(printf '%s' "$body" | jq -Sc .)
call GET $W
hooks=$(printf '%s' "$body" | jq -Sc '[.webhooks[]|del(.expirationTime)]')
call GET /_sim/state
printf '%s' "$body" >"$tmp/hooks.json"

call POST /_sim/clock '{"advance_ms":518400000}'
call POST $W/$h/refresh
answers 'refresh' 200 keys '["expirationTime"]'
call POST /_sim/clock '{"advance_ms":518400000}'
call GET "$W/$h/payloads?cursor=7"
is 'reading extends' "$code" 200
call POST /_sim/clock '{"advance_ms":518400000}'
call GET $W
answers 'alive by reading' 200 "[.webhooks[]|select(.id==\"$h\")|.isHookEnabled]" '[true]'
call POST /_sim/clock '{"advance_ms":172800000}'
call GET $W
answers 'expired' 200 "[.webhooks[]|select(.id==\"$h\")|.isHookEnabled]" '[false]'
call POST $W/$h/refresh
is 'refresh of a dead one' "$code" 422
call POST /_sim/clock '{"advance_ms":605000000}'
call GET $W
answers 'forgotten' 200 '.webhooks|length' 0
call GET $W/$h/payloads
is 'unknown hook' "$code" 403
for i in 1 2 3 4 5 6 7 8 9 10; do
	call POST $W "$(spec '{"filters":{"dataTypes":["tableData"]}}')"
	h=$(printf '%s' "$body" | jq -r .id)
done
call POST $W "$(spec '{"filters":{"dataTypes":["tableData"]}}')"
answers 'the eleventh' 422 $TYPE '"TOO_MANY_WEBHOOKS_IN_BASE"'
golden 'the eleventh' error_422_too_many_webhooks.json
call POST $W/$h/enableNotifications '{"enable":true}'
is 'notifications without a URL' "$code" 422
call DELETE $W/$h
call POST $W '{"notificationUrl":"https://example.com/ping","specification":{"options":{"filters":{"dataTypes":["tableData"]}}}}'
h=$(printf '%s' "$body" | jq -r .id)
call POST $W/$h/enableNotifications '{"enable":false}'
is 'notifications off' "$code$body" 200
call GET $W
answers 'they are off' 200 '.webhooks[-1]|[.areNotificationsEnabled,.notificationUrl]' \
	'[false,"https://example.com/ping"]'

# a state file holds hooks, payloads and cursors
stop
start --load "$tmp/hooks.json" --no-rate-limit
call GET $W
is 'hooks saved and loaded' "$(printf '%s' "$body" |
	jq -Sc '[.webhooks[]|del(.expirationTime)]')" "$hooks"
call GET "$W/$narrow/payloads?cursor=1"
is 'payloads saved and loaded' "$(printf '%s' "$body" | jq -Sc .)" "$payloads"
stop
