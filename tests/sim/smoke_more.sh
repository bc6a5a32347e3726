# Part of smoke.sh: string cells, zones, views, caps, permissions.
jq '.bases[0].tables[0].views += [{"id":"viwBig00000000001","name":"Big",
	"type":"grid","filterByFormula":"{Number}&\"\"!=\"\"",
	"sort":[{"field":"Number","direction":"desc"}]}]
	| .bases[0].tables[0].fields += [{"id":"fldTokyo000000001","name":"Tokyo",
	"type":"dateTime","options":{"dateFormat":{"name":"iso","format":"YYYY-MM-DD"},
	"timeFormat":{"name":"24hour","format":"HH:mm"},"timeZone":"Asia/Tokyo"}},
	{"id":"fldAi00000000001","name":"Ai","type":"aiText"}]' \
	"$here/data/smoke.json" >"$tmp/more.json"
start --load "$tmp/more.json" --no-rate-limit --save "$tmp/saved.json"
call GET "$T?view=Big&fields[]=Name"
answers 'a view filters and sorts' 200 '[.records[].fields.Name]' '["A","B"]'
call GET "$T?view=Big&sort[0][field]=Number&fields[]=Name"
answers 'a sort goes first' 200 '[.records[].fields.Name]' '["B","A"]'
call GET "$T?view=Big&filterByFormula=%7BNumber%7D%3D0"
answers 'view and filter' 200 '[.records[].id]' "[\"$BB\"]"
call GET /v0/meta/bases/appAll0000000001/tables
answers 'its filter is not told' 200 '.tables[0].views[1]|keys' '["id","name","type"]'

call POST /_sim/paging '{"mode":"live"}'
call GET "$T?sort[0][field]=Number&sort[0][direction]=desc&pageSize=1"
off=$(printf '%s' "$body" | jq -r .offset)
call PATCH $T/$BB '{"fields":{"Number":9}}'
call GET "$T?sort[0][field]=Number&sort[0][direction]=desc&pageSize=1&offset=$off"
answers 'a row comes twice when rows move' 200 '.records[0].id' "\"$A\""
call POST /_sim/paging '{"mode":"fixed"}'
call PATCH $T/$BB '{"fields":{"Number":0}}'

call PATCH $T/$A '{"fields":{"Number":1234.5,"Money":-7.5,"Percent":0.125,"Duration":4890.25,"Check":true,"Multi":["Red","Blue"],"Date":"2024-02-09","Time":"2024-02-09T17:05:00.000Z","Tokyo":"2024-02-09 09:30","Who":{"id":"usrEditor00000001"},"Code":{"text":"A1"},"Rating":3,"All of them":["usrEditor00000001","usrOwner000000001"]}}'
answers 'a time without zone is the field'"'"'s' 200 .fields.Tokyo '"2024-02-09T00:30:00.000Z"'
call PATCH $T/$A '{"fields":{"Tokyo":"2024-02-09T09:30:00+01:00"}}'
answers 'one with a zone is its own' 200 .fields.Tokyo '"2024-02-09T08:30:00.000Z"'
call GET "$T/$A?cellFormat=string&timeZone=America/New_York&userLocale=en-gb"
answers 'string cells' 200 '.fields|[.Number,.Money,.Percent,.Duration,.Check,.Multi,.Date,.Time,.Tokyo,.Who,.Code,.Rating,."All of them",.Parts,.Lookup]' \
	'["1234.50","-$7.50","13%","1:21","checked","Red, Blue","2024-02-09","2024-02-09 17:05","2024-02-09 17:30","Ed Editor","A1","3","Ed Editor, Olga Owner","Leg, Top","3, 8"]'
answers 'empty ones are left out' 200 '.fields|has("Mail")' false
for q in 'timeZone=UTC&userLocale=en' 'timeZone=Mars/Base&userLocale=en' \
	'timeZone=utc&userLocale=xx' 'timeZone=utc' 'userLocale=en'; do
	call GET "$T?cellFormat=string&$q"
	answers "string refused: $q" 422 $TYPE '"INVALID_REQUEST_UNKNOWN"'
done
call POST "$T/listRecords?timeZone=utc&userLocale=de" '{"cellFormat":"string","fields":["Made"]}'
answers 'local dates' 200 '.records[0].fields.Made' '"1.1.2024 10:00am"'
call POST $T/listRecords '{"cellFormat":"string","timeZone":"utc","userLocale":"de"}'
is 'zone and locale belong into the query' "$code" 422
call GET $T/$A
answers 'AI text' 200 '.fields.Ai|[.state,.isStale,.value]' \
	'["generated",false,"A few words about A."]'
call GET $T/$C
answers 'AI text of nothing' 200 '.fields.Ai|[.state,.value]' '["empty",null]'
answers 'a button in every row' 200 '.fields.Button|keys' '["label","url"]'

call POST /_sim/permission '{"table":"tblParts000000001","create":false,"delete":false}'
call POST "$B/tblParts000000001" '{"fields":{}}'
answers 'creating forbidden' 403 .error.message \
	'"You are not permitted to create records in table Parts & pieces/1 (tblParts000000001)"'
call POST $T '{"fields":{"Parts":["Fresh one"]},"typecast":true}'
answers 'by typecast too' 403 $TYPE '"INVALID_PERMISSIONS"'
call DELETE "$B/tblParts000000001/$P1"
is 'deleting forbidden' "$code" 403
call POST /_sim/permission '{"field":"fldNumber00000001","write":false}'
call PATCH $T/$A '{"fields":{"Number":1}}'
answers 'writing forbidden' 403 .error.message \
	'"You are not permitted to write cell values in field Number (fldNumber00000001)"'
call POST /_sim/as "{\"user\":\"usrOwner000000001\",\"method\":\"PATCH\",\"path\":\"$T/$A\",\"body\":{\"fields\":{\"Number\":1}}}"
answers 'but not in the grid' 200 .fields.Number 1
call POST /_sim/permission '{"field":"fldNumber00000001","write":true}'
call PATCH $T/$A '{"fields":{"Number":2}}'
is 'and not for ever' "$code" 200
call POST /_sim/base '{"base":"appAll0000000001","level":"read"}'
call PATCH $T/$A '{"fields":{"Number":3}}'
answers 'role lowered while running' 403 $TYPE '"INVALID_PERMISSIONS"'
call POST /_sim/base '{"base":"appAll0000000001","level":"create"}'
call POST /_sim/token '{"token":"patEditor.x","bases":{}}'
token=patEditor.x
call GET $T
is 'grant removed while running' "$code" 403
token=patOwner.x

call POST /_sim/cap '{"enabled":true,"after":1}'
call GET $T/$A
is 'the last call of the month' "$code" 200
call GET $T/$A
golden 'monthly cap' error_429_monthly_cap.json
answers 'monthly cap' 429 '.errors[0].error' '"PUBLIC_API_BILLING_LIMIT_EXCEEDED"'
call GET /v0/meta/bases
is 'meta is still served' "$code" 200
call POST /_sim/cap '{"enabled":true,"form":"object","meta":true}'
call GET /v0/meta/bases
answers 'or not' 429 $TYPE '"PUBLIC_API_BILLING_LIMIT_EXCEEDED"'
call POST /_sim/cap '{"enabled":false}'
call GET $T/$A
is 'a new month' "$code" 200
call POST /_sim/fault '{"match":{"body":"Needle"},"action":"status","status":503}'
call PATCH $T/$A '{"fields":{"Name":"Hay"}}'
is 'fault by body: another one' "$code" 200
call PATCH $T/$A '{"fields":{"Name":"Needle"}}'
is 'fault by body' "$code" 503
call GET "$T?view=Big"
want=$(printf '%s' "$body" | jq -Sc '[.records[].id]')
stop
start --load "$tmp/saved.json" --no-rate-limit
call GET "$T?view=Big"
is 'views saved and loaded' "$(printf '%s' "$body" | jq -Sc '[.records[].id]')" "$want"
stop
