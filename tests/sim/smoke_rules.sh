# Part of smoke.sh: order of checks, scopes and roles, types one by one.
jq '.bases[0].tables[0].fields += [
	{"id":"fldNext0000000001","name":"Next","type":"multipleRecordLinks",
	 "options":{"linkedTableId":"tblThings00000001","prefersSingleRecordLink":true,"isReversed":false,"inverseLinkFieldId":"fldPrev0000000001"}},
	{"id":"fldPrev0000000001","name":"Prev","type":"multipleRecordLinks",
	 "options":{"linkedTableId":"tblThings00000001","prefersSingleRecordLink":false,"isReversed":false,"inverseLinkFieldId":"fldNext0000000001"}},
	{"id":"fldLone0000000001","name":"Lone","type":"multipleRecordLinks",
	 "options":{"linkedTableId":"tblThings00000001","prefersSingleRecordLink":false,"isReversed":false}},
	{"id":"fldInf00000000001","name":"Over","type":"formula","options":{"formula":"{Number}/0"}},
	{"id":"fldErr00000000001","name":"Broken","type":"formula","options":{"formula":"IF({Number},ERROR(),\"\")"}},
	{"id":"fldErrs0000000001","name":"Broken ones","type":"multipleLookupValues",
	 "options":{"recordLinkFieldId":"fldNext0000000001","fieldIdInLinkedTable":"fldErr00000000001","isValid":true}},
	{"id":"fldRing0000000001","name":"Ring","type":"formula","options":{"formula":"{Ring}+1"}},
	{"id":"fldLookL000000001","name":"Links there","type":"multipleLookupValues",
	 "options":{"recordLinkFieldId":"fldNext0000000001","fieldIdInLinkedTable":"fldLink0000000001","isValid":true}}]' \
	"$here/data/smoke.json" >"$tmp/rules.json"
start --load "$tmp/rules.json" --no-rate-limit
MODEL='"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"'

# 5.2: shape, token, parameters, access, the rest
token=nobody
call GET "$B/Things/junk?foo=1"
is 'shape before the token' "$code" 404
call GET "$T?foo=1"
is 'token before parameters' "$code" 401
call POST "$T" nonsense
is 'and before the body' "$code" 401
call POST /_sim/token '{"token":"patOther.x","user":"usrEditor00000001","scopes":"all","bases":{"appOther000000001":"edit"}}'
token=patOther.x
call GET "$T?foo=1"
is 'parameters before access' "$code" 422
call POST "$T" '{"fields":{"Nope":1}}'
is 'access before fields' "$code" 403
call GET $T/$A
answers 'no grant' 403 $TYPE "$MODEL"

# one scope short, for every kind of call
hook='{"specification":{"options":{"filters":{"dataTypes":["tableFields"]}}}}'
M=/v0/meta/bases/appAll0000000001
token=patOwner.x
call POST $T/$A/comments '{"text":"x"}'
com=$(printf '%s' "$body" | jq -r .id)
call POST /v0/bases/appAll0000000001/webhooks "$hook"
ach=$(printf '%s' "$body" | jq -r .id)
all='["data.records:read","data.records:write","data.recordComments:read","data.recordComments:write","schema.bases:read","schema.bases:write","webhook:manage","user.email:read","workspacesAndBases:read"]'
with() {	# with SCOPES LEVEL: the token patS.x
	token=patOwner.x
	call POST /_sim/token "{\"token\":\"patS.x\",\"user\":\"usrEditor00000001\",\"scopes\":$1,\"bases\":{\"appAll0000000001\":\"$2\"}}"
	token=patS.x
}
# least level, scope, method, path, body
while read -r level scope method path data; do
	case $path in
	/*) ;;
	*) path=$B/$path ;;
	esac
	with "$(printf '%s' "$all" | jq -c --arg s "$scope" '.-[$s]')" create
	call "$method" "$path" ${data:+"$data"}
	answers "without $scope: $method $path" 403 $TYPE "$MODEL"
	case $level in
	create) less=edit ;;
	edit) less=comment ;;
	comment) less=read ;;
	*) continue ;;
	esac
	with '"all"' $less
	call "$method" "$path" ${data:+"$data"}
	answers "as $less: $method $path" 403 $TYPE '"INVALID_PERMISSIONS"'
done <<ROWS
read data.records:read GET Things
read data.records:read POST Things/listRecords {}
read data.records:read GET Things/$A
edit data.records:write POST Things {"fields":{}}
edit data.records:write PATCH Things/$A {"fields":{}}
edit data.records:write PUT Things/$A {"fields":{}}
edit data.records:write PATCH Things {"records":[{"id":"$A","fields":{}}]}
edit data.records:write DELETE Things/$A
edit data.records:write DELETE Things?records[]=$A
edit data.records:write POST $A/Files/uploadAttachment {"contentType":"text/plain","filename":"x","file":"aGk="}
read data.recordComments:read GET Things/$A/comments
comment data.recordComments:write POST Things/$A/comments {"text":"x"}
comment data.recordComments:write PATCH Things/$A/comments/$com {"text":"x"}
comment data.recordComments:write DELETE Things/$A/comments/$com
read schema.bases:read GET $M/tables
create schema.bases:write POST $M/tables {"name":"t","fields":[{"name":"f","type":"singleLineText"}]}
create schema.bases:write PATCH $M/tables/Things {"description":"d"}
create schema.bases:write POST $M/tables/tblThings00000001/fields {"name":"f","type":"singleLineText"}
create schema.bases:write PATCH $M/tables/tblThings00000001/fields/fldLong0000000001 {"description":"d"}
create webhook:manage POST /v0/bases/appAll0000000001/webhooks $hook
create schema.bases:read POST /v0/bases/appAll0000000001/webhooks $hook
read webhook:manage GET /v0/bases/appAll0000000001/webhooks
read webhook:manage GET /v0/bases/appAll0000000001/webhooks/$ach/payloads
read schema.bases:read GET /v0/bases/appAll0000000001/webhooks/$ach/payloads
create webhook:manage POST /v0/bases/appAll0000000001/webhooks/$ach/refresh
create webhook:manage POST /v0/bases/appAll0000000001/webhooks/$ach/enableNotifications {"enable":true}
create webhook:manage DELETE /v0/bases/appAll0000000001/webhooks/$ach
ROWS
with '["user.email:read"]' read
call GET /v0/meta/bases
answers 'list bases wants schema.bases:read' 403 $TYPE "$MODEL"
call GET /v0/meta/workspaces
answers 'workspaces are for enterprises' 403 $TYPE "$MODEL"
call GET $M/views
is 'so are views' "$code" 403
call GET $M
is 'a base wants one of two scopes' "$code" 403
with '["workspacesAndBases:read"]' read
call GET $M
answers 'either will do' 200 .permissionLevel '"read"'
token=patOwner.x

# every type takes its own and refuses the rest
while read -r f good bad; do
	call PATCH $T/$C "{\"fields\":{\"$f\":$good}}"
	answers "taken: $f = $good" 200 ".fields.$f|type" \
		"$(printf '%s' "$good" | jq -c type)"
	for v in $bad; do
		call PATCH $T/$C "{\"fields\":{\"$f\":$v}}"
		answers "refused: $f = $v" 422 $TYPE $BAD
	done
	call PATCH $T/$C "{\"fields\":{\"$f\":null}}"
	is "cleared: $f" "$code" 200
done <<ROWS
Name "x\\ny" 1 true [] {}
Long "x" 1 ["x"]
Rich "x\\n" 1 true
Mail "no-mail" 1 {}
Url "no-url" 1 []
Phone "x" 5551234
Number -1.5e300 "1" true [] {}
Percent 0.123 "12%" true
Money 1.005 "\$1" []
Duration 4890.25 "1:21" {}
Rating 5 "5" 6 0 -1 2.5
Check true "true" 1 []
Select "Todo" ["Todo"] 1 {"name":"Todo"}
Multi ["Red"] "Red" [1] [null]
Date "2024-02-29" "2023-02-29" "2024-2-9" "02/09/2024" 0
Time "2024-02-29T23:59:59.999Z" "2024-02-30T00:00:00Z" true []
Who {"email":"ed@example.com"} "ed@example.com" ["usrEditor00000001"] {}
Parts ["$P1"] "$P1" [1] [{"id":"$P1"}]
Code {"text":"1","type":"ean8"} "1" {"type":"ean8"} {"text":1} {"text":"1","x":1}
ROWS
call PATCH $T/$C '{"fields":{"Select":"","Multi":[],"Date":"","Check":false,"Parts":[],"Name":""}}'
is 'empty values are taken' "$code" 200

cast() {	# cast FIELD SENT WANT
	call PATCH $T/$C "{\"fields\":{\"$1\":$2},\"typecast\":true}"
	answers "typecast: $1 = $2" 200 ".fields.\"$1\"" "$3"
}
cast Name 12 '"12"'
cast Name true '"true"'
cast Name '["a","b"]' '"a, b"'
cast Number '"1,234.5"' 1234.5
cast Percent '"12.5%"' 0.125
cast Money '"$20.5"' 20.5
cast Duration '"1:02"' 3720
cast Duration '"1:02:03.5"' 3723.5
cast Duration '"-0:30"' -1800
cast Rating '"3"' 3
cast Check '"checked"' true
cast Check '"no"' null
cast Select '"todo"' '"Todo"'
cast Multi '"Red, Green"' '["Red","Green"]'
cast Date '"2024-02-09T10:00:00Z"' '"2024-02-09"'
cast Date '"2/9/2024"' '"2024-02-09"'
cast Time '"2024-02-09"' '"2024-02-09T00:00:00.000Z"'
cast Code '"123"' '{"text":"123"}'
cast Parts '"Leg"' "[\"$P1\"]"
call PATCH $T/$C '{"fields":{"Who":"ed editor"},"typecast":true}'
answers 'names of people are exact' 422 $TYPE $BAD
call PATCH $T/$C '{"fields":{"Who":"Ed Editor"},"typecast":true}'
answers 'typecast: a person' 200 .fields.Who.id '"usrEditor00000001"'
for v in '"Number":"x"' '"Date":"soon"' '"Duration":"1:x"' '"Auto":"1"'; do
	call PATCH $T/$C "{\"fields\":{$v},\"typecast\":true}"
	answers "typecast cannot: $v" 422 $TYPE $BAD
done

# links within one table, in all directions
call PATCH $T/$A "{\"fields\":{\"Next\":[\"$BB\",\"$C\"],\"Lone\":[\"$A\",\"$BB\"]}}"
answers 'several links where one is preferred' 200 .fields.Next \
	"[\"$BB\",\"$C\"]"
call GET $T/$BB
answers 'the other side' 200 '.fields|[.Prev,.Next]' "[[\"$A\"],null]"
call PATCH $T/$BB "{\"fields\":{\"Prev\":[\"$C\",\"$BB\"]}}"
call GET $T/$A
answers 'unlinked from there' 200 .fields.Next "[\"$C\"]"
call GET $T/$BB
answers 'linked to itself' 200 '.fields|[.Prev,.Next]' \
	"[[\"$C\",\"$BB\"],[\"$BB\"]]"
call PATCH $T/$BB '{"fields":{"Number":4}}'
answers 'special values' 200 '.fields|[.Over,.Broken,."Broken ones",.Ring]' \
	'[{"specialValue":"Infinity"},{"error":"#ERROR!"},[{"error":"#ERROR!"}],{"error":"#ERROR!"}]'
call PATCH $T/$BB '{"fields":{"Number":-4}}'
answers 'below zero' 200 .fields.Over '{"specialValue":"-Infinity"}'
call PATCH $T/$BB '{"fields":{"Number":0}}'
answers 'zero by zero' 200 .fields.Over '{"specialValue":"NaN"}'
call POST $T "{\"records\":[{\"fields\":{\"Prev\":[\"$C\"],\"Parts\":[\"$P1\"]}},{\"fields\":{\"Next\":[\"$A\"]}}]}"
made=$(printf '%s' "$body" | jq -c '[.records[].id]')
call GET $T/$C
answers 'created with a link' 200 '.fields.Next' \
	"$(jq -nc --argjson m "$made" --arg b "$BB" '[$b,$m[0]]')"
answers 'links seen through a link' 200 '."fields"."Links there"' "[\"$P1\"]"
call DELETE $T/$BB
call GET $T/$A
answers 'deleted from a one-way link' 200 .fields.Lone "[\"$A\"]"
call GET $T/$C
answers 'deleted from the other side' 200 .fields.Next \
	"$(printf '%s' "$made" | jq -c '[.[0]]')"
call GET "$T?filterByFormula=$(printf %s '{Prev}!=""' | jq -Rr @uri)&fields[]=Prev"
answers 'nothing hangs in the air' 200 "[.records[].fields.Prev[]]|map(select(.==\"$BB\"))" '[]'
call DELETE $T/$A
is 'a row linked to itself goes' "$code" 200

# upsert: PUT clears, keys by typecast, one row once
call POST $T '{"records":[{"fields":{"Name":"U","Number":1,"Rich":"x"}},{"fields":{"Name":"V"}}]}'
up='{"performUpsert":{"fieldsToMergeOn":["fldName0000000001"]},"records":'
call PUT $T "$up[{\"fields\":{\"Name\":\"U\",\"Long\":\"new\"}}]}"
answers 'upsert by PUT clears the rest' 200 '.records[0].fields|[.Number,.Long,.Rich]' \
	'[null,"new","\n"]'
call PATCH $T "$up[{\"fields\":{\"Name\":\"U\",\"Number\":2}},{\"fields\":{\"Name\":\"U\",\"Number\":3}}]}"
answers 'one row meant twice' 422 $TYPE '"INVALID_RECORDS"'
call PATCH $T '{"performUpsert":{"fieldsToMergeOn":["Number","Name"]},"typecast":true,"records":[{"fields":{"Name":"W","Number":"7"}}]}'
call PATCH $T '{"performUpsert":{"fieldsToMergeOn":["Number","Name"]},"typecast":true,"records":[{"fields":{"Name":"W","Number":"7.0"}}]}'
answers 'keys are compared as cells' 200 '[.createdRecords,(.updatedRecords|length)]' '[[],1]'
for m in '["Auto"]' '["Parts"]' '["Check"]' '[]' '["Name","Number","Long","Date"]' '"Name"'; do
	call PATCH $T "{\"performUpsert\":{\"fieldsToMergeOn\":$m},\"records\":[{\"fields\":{\"Name\":\"U\"}}]}"
	is "no merging on $m" "$code" 422
done
call PATCH $T '{"performUpsert":{"fieldsToMergeOn":["Nope"]},"records":[{"fields":{"Name":"U"}}]}'
answers 'merging on nothing known' 422 $TYPE '"UNKNOWN_FIELD_NAME"'

# pages of 10, 25 in all; the ten-record batches that made them
Q=$B/tblParts000000001
ten=$(jq -nc '{records:[range(10)|{fields:{Part:"n",Weight:.}}]}')
for k in 1 2 3; do
	call POST $Q "$ten"
done
pages=
off=
while :; do
	call GET "$Q?pageSize=10&maxRecords=25&offset=$off"
	pages="$pages$(printf '%s' "$body" | jq '.records|length') "
	off=$(printf '%s' "$body" | jq -r '.offset // ""')
	[ -n "$off" ] || break
done
is 'maxRecords over pages' "$pages" '10 10 5 '
call POST $Q/listRecords '{"maxRecords":12,"pageSize":10,"sort":[{"field":"Weight","direction":"desc"}]}'
off=$(printf '%s' "$body" | jq -r .offset)
call POST $Q/listRecords "{\"maxRecords\":12,\"pageSize\":10,\"offset\":\"$off\",\"sort\":[{\"field\":\"Weight\",\"direction\":\"desc\"}]}"
answers 'also by POST and sorted' 200 '[(.records|length),has("offset")]' '[2,false]'
call POST "$Q/listRecords?timeZone=utc&userLocale=en&pageSize=5" '{}'
is 'nothing else belongs into the query' "$code" 422
call POST "$Q/listRecords?timeZone=utc&userLocale=en" '{"cellFormat":"string","pageSize":1}'
is 'zone and locale do' "$code" 200
call GET "$Q?pageSize=1"
next=$(printf '%s' "$body" | jq -r .offset)
call DELETE "$Q/${next#*/}"
call GET "$Q?pageSize=1&offset=$next"
is 'a row that went between two pages is passed over' \
	"$code $(printf '%s' "$body" | jq --arg id "${next#*/}" \
	'[.records[].id>$id]|tostring')" '200 "[true]"'
call GET "$T/$C"
answers 'times are of whole seconds' 200 \
	'[.createdTime,.fields.Touched,.fields.Made]|all(endswith(".000Z"))' true
stop
start --generate bases=1001,tables=1,records=1 --no-rate-limit
token=patSIM.secret
call GET /v0/meta/bases
answers 'a thousand bases to a page' 200 '[(.bases|length),(.offset|type)]' \
	'[1000,"string"]'
off=$(printf '%s' "$body" | jq -r .offset | sed 's/\//%2F/')
call GET "/v0/meta/bases?offset=$off"
answers 'then the rest' 200 '[(.bases|length),has("offset")]' '[1,false]'
call GET '/v0/meta/bases?offset=junk'
answers 'no such page' 422 $TYPE '"INVALID_OFFSET_VALUE"'
stop
token=patOwner.x
start --load "$tmp/rules.json" --no-rate-limit --shuffle
orders=
for k in 1 2 3 4 5 6 7 8; do
	call GET "$T?fields[]=Name"
	orders="$orders$(printf '%s' "$body" | jq -c '[.records[].id]')
"
done
is 'shuffled: another order' "$([ "$(printf '%s' "$orders" | sort -u | wc -l)" \
	-gt 1 ] && echo yes)" yes
is 'shuffled: the same rows' "$(printf '%s' "$orders" | jq -c sort | sort -u |
	wc -l | tr -d ' ')" 1
stop
