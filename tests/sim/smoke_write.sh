# Part of smoke.sh: routes that write.
start --load "$here/data/smoke.json" --no-rate-limit --save "$tmp/saved.json"

call POST $T '{"fields":{"Name":"One","fldNumber00000001":2.5}}'
answers 'create one' 200 '.fields|[.Name,.Number,.Auto]' '["One",2.5,4]'
answers 'create keys' 200 keys '["createdTime","fields","id"]'
new=$(printf '%s' "$body" | jq -r .id)
call POST $T '{"records":[{"fields":{"Name":"x"}},{"fields":{}}],"returnFieldsByFieldId":true}'
answers 'create batch' 200 '[.records[].fields.fldName0000000001]' '["x",null]'
answers 'made by' 200 '.records[0].fields.fldMadeBy00000001.id' \
	'"usrOwner000000001"'

all='{"Long":"l1\nl2","Rich":"#header\n* bullet","Mail":"m","Url":"u",
"Phone":"p","Number":7.1,"Percent":33.3,"Money":20.34,"Duration":4890,
"Rating":1,"Check":true,"Select":"Done","Multi":["Red","Blue"],
"Date":"2021-12-26","Time":1640520000000,"Who":{"email":"ed@example.com"},
"All of them":["usrOwner000000001"],"Parts":["recP0000000000001"],
"Files":[{"url":"https://example.com/a/b.png"}],"Code":{"text":"A1"}}'
call PATCH $T/$C "{\"fields\":$all}"
answers 'every type' 200 '.fields|[.Long,.Rich,.Number,.Rating,.Check,.Select,
	.Multi,.Date,.Time,.Who.id,."All of them"[0].name,.Parts,
	.Files[0].filename,.Code,.Count]' \
	'["l1\nl2","#header\n- bullet\n",7.1,1,true,"Done",["Red","Blue"],"2021-12-26","2021-12-26T12:00:00.000Z","usrEditor00000001","Olga Owner",["recP0000000000001"],"b.png",{"text":"A1"},1]'
call GET $B/tblParts000000001/$P1
answers 'inverse link' 200 '.fields.Things' "[\"$A\",\"$C\"]"
clear=$(printf '%s' "$all" | jq -c 'map_values(null)')
call PATCH $T/$C "{\"fields\":$clear}"
answers 'null clears' 200 '.fields|[.Rich,.Number,.Check,.Multi,.Parts]' \
	'["\n",null,null,null,null]'
call PATCH $T/$C '{"fields":{"Name":"","Multi":[],"Check":false,"Parts":[]}}'
answers 'empty values clear' 200 '.fields|has("Name") or has("Multi") or
	has("Check")' false
call GET $B/tblParts000000001/$P1
answers 'inverse unlinked' 200 '.fields.Things' "[\"$A\"]"

while read -r f v t; do
	call PATCH $T/$C "{\"fields\":{\"$f\":$v}}"
	answers "refused: $f = $v" 422 $TYPE "\"$t\""
done <<ROWS
Name 3 INVALID_VALUE_FOR_COLUMN
Name ["a"] INVALID_VALUE_FOR_COLUMN
Number "3" INVALID_VALUE_FOR_COLUMN
Number true INVALID_VALUE_FOR_COLUMN
Rating 0 INVALID_VALUE_FOR_COLUMN
Rating 6 INVALID_VALUE_FOR_COLUMN
Rating 1.5 INVALID_VALUE_FOR_COLUMN
Check "yes" INVALID_VALUE_FOR_COLUMN
Check 1 INVALID_VALUE_FOR_COLUMN
Select 1 INVALID_VALUE_FOR_COLUMN
Select "Blocked" INVALID_MULTIPLE_CHOICE_OPTIONS
Select "done" INVALID_MULTIPLE_CHOICE_OPTIONS
Multi "Red" INVALID_VALUE_FOR_COLUMN
Multi ["Pink"] INVALID_MULTIPLE_CHOICE_OPTIONS
Date "2021-02-30" INVALID_VALUE_FOR_COLUMN
Date "2021-12-26T00:00:00.000Z" INVALID_VALUE_FOR_COLUMN
Date 5 INVALID_VALUE_FOR_COLUMN
Time "soon" INVALID_VALUE_FOR_COLUMN
Who "usrOwner000000001" INVALID_VALUE_FOR_COLUMN
Who {"id":"usrNobody00000001"} INVALID_VALUE_FOR_COLUMN
Parts "recP0000000000001" INVALID_VALUE_FOR_COLUMN
Parts ["Leg"] INVALID_VALUE_FOR_COLUMN
Parts ["recNone0000000001"] ROW_DOES_NOT_EXIST
Parts ["recA0000000000001"] ROW_DOES_NOT_EXIST
Parts ["recP0000000000001","recP0000000000001"] INVALID_VALUE_FOR_COLUMN
Files "x" INVALID_VALUE_FOR_COLUMN
Files [{"url":"data:,x"}] INVALID_ATTACHMENT_OBJECT
Files [{"id":"attNone0000000001"}] INVALID_ATTACHMENT_OBJECT
Code "A1" INVALID_VALUE_FOR_COLUMN
Auto 5 INVALID_VALUE_FOR_COLUMN
Formula "x" INVALID_VALUE_FOR_COLUMN
Rollup null INVALID_VALUE_FOR_COLUMN
Made "2020-01-01" INVALID_VALUE_FOR_COLUMN
Newest 1 INVALID_VALUE_FOR_COLUMN
Nope 1 UNKNOWN_FIELD_NAME
ROWS
call PATCH $T/$C '{"fields":{"Select":"Blocked"}}'
golden 'unknown choice' error_422_select_option.json
call PATCH $T/$C '{"fields":{"Name":1}}'
golden 'bad value' error_422_bad_value.json
call PATCH $T/$C '{"fields":{"Auto":1}}'
answers 'computed' 422 .error.message \
	'"Field \"Auto\" cannot accept a value because the field is computed"'

call PATCH $T "{\"records\":[{\"id\":\"$A\",\"fields\":{\"Number\":5}},{\"id\":\"$BB\",\"fields\":{\"Number\":\"x\"}}]}"
answers 'one bad record' 422 $TYPE $BAD
call GET $T/$A
answers 'fails the whole batch' 200 .fields.Number 1
call PATCH $T "{\"records\":[{\"id\":\"$BB\",\"fields\":{\"Number\":6}},{\"id\":\"$A\",\"fields\":{\"Number\":5}}]}"
answers 'batch in request order' 200 '[.records[]|[.id,.fields.Number]]' \
	"[[\"$BB\",6],[\"$A\",5]]"
answers 'PATCH leaves the rest' 200 '.records[1].fields.Name' '"A"'
call PUT $T/$A '{"fields":{"Name":"A"}}'
answers 'PUT clears the rest' 200 '.fields|[.Name,.Number,.Parts,.Rich]' \
	'["A",null,null,"\n"]'

ten=$(jq -nc '{records:[range(11)|{fields:{Name:"n"}}]}')
call POST $T "$ten"
answers 'create of 11' 422 $TYPE '"INVALID_RECORDS"'
call PATCH $T "$(printf '%s' "$ten" | jq -c \
	'.records|=map(.id="recA0000000000001")|{records}')"
answers 'update of 11' 422 $TYPE '"INVALID_RECORDS"'
golden 'update of 11' error_422_invalid_records.json
call PATCH $T '{"records":[]}'
answers 'update of none' 422 $TYPE '"INVALID_RECORDS"'
call POST $T '{}'
answers 'no fields' 422 $TYPE '"INVALID_REQUEST_MISSING_FIELDS"'
golden 'no fields' error_422_missing_fields.json
call POST $T '{"fields":{},"x":1}'
answers 'unknown key' 422 $TYPE '"INVALID_REQUEST_UNKNOWN"'
call PATCH $T/rec00000000000000 '{"fields":{}}'
answers 'update missing' 422 $TYPE '"ROW_DOES_NOT_EXIST"'
golden 'update missing' error_422_row_does_not_exist.json

call POST $T '{"fields":{"Number":"1,234.5","Select":"Fresh","Check":"yes","Parts":["Leg","Bolt"],"Date":"1/2/2024"},"typecast":true}'
answers 'typecast' 200 '.fields|[.Number,.Select,.Check,(.Parts|length),.Date]' \
	'[1234.5,"Fresh",true,2,"2024-01-02"]'
call GET "$B/tblParts000000001?filterByFormula=%7BPart%7D%3D'Bolt'"
answers 'typecast makes the row' 200 '.records|length' 1
token=patEditor.x
call POST $T '{"fields":{"Select":"Blocked"},"typecast":true}'
answers 'typecast by an editor' 422 $TYPE '"INVALID_MULTIPLE_CHOICE_OPTIONS"'
token=patNoMail.x
call POST $T '{"fields":{}}'
answers 'scope missing' 403 $TYPE '"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"'
token=patOwner.x
call POST /_sim/token '{"token":"patReader.x","user":"usrEditor00000001","scopes":"all","bases":{"appAll0000000001":"comment"}}'
token=patReader.x
call POST $T '{"fields":{}}'
answers 'role too low' 403 $TYPE '"INVALID_PERMISSIONS"'
golden 'role too low' error_403_operation.json
token=patOwner.x

up='{"performUpsert":{"fieldsToMergeOn":["Name"]},"records":'
call PATCH $T "$up[{\"fields\":{\"Name\":\"A\",\"Number\":9}},{\"fields\":{\"Name\":\"Z\"}},{\"fields\":{\"Name\":null}}]}"
answers 'upsert' 200 '[(.createdRecords|length),.updatedRecords]' \
	"[2,[\"$A\"]]"
answers 'upsert keys' 200 keys '["createdRecords","records","updatedRecords"]'
call POST $T '{"fields":{"Name":"Z"}}'
call PATCH $T "$up[{\"fields\":{\"Name\":\"Z\"}}]}"
is 'upsert with two matches' "$code" 422
call PATCH $T "$up[{\"fields\":{\"Number\":1}}]}"
is 'upsert without the key' "$code" 422

call PATCH $T/$A "{\"fields\":{\"Parts\":[\"$P2\"]}}"
call DELETE "$B/tblParts000000001/$P2"
answers 'delete' 200 . "{\"id\":\"$P2\",\"deleted\":true}"
call GET $T/$A
answers 'deleted from links' 200 '.fields|[.Parts,.Count]' '[null,0]'
call DELETE "$B/tblParts000000001/$P2"
answers 'delete again' 422 $TYPE '"ROW_DOES_NOT_EXIST"'
call DELETE "$T?records[]=$A&records[]=$new"
answers 'delete two' 200 '[.records[].deleted]' '[true,true]'
call DELETE "$T?records=$BB&records=$C"
answers 'delete two, bare' 200 '[.records[].id]' "[\"$BB\",\"$C\"]"
call DELETE $T
answers 'delete none' 422 $TYPE '"INVALID_RECORDS"'

call GET $T
want=$(printf '%s' "$body" | jq -Sc .records)
stop
is 'clean end after writes' $? 0
start --load "$tmp/saved.json" --no-rate-limit
call GET $T
is 'saved and loaded' "$(printf '%s' "$body" | jq -Sc .records)" "$want"
stop
