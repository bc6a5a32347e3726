# Part of smoke.sh: routes that read.
start --load "$here/data/smoke.json" --no-rate-limit

call GET /v0/meta/whoami
answers 'whoami' 200 . '{"id":"usrOwner000000001","email":"owner@example.com"}'
token=patNoMail.x
call GET /v0/meta/whoami
answers 'whoami without mail' 200 . '{"id":"usrOwner000000001"}'
token=patOauth.x
call GET /v0/meta/whoami
answers 'whoami by OAuth' 200 '.scopes' '["data.records:read"]'
token=wrong
call GET /v0/meta/whoami
answers 'bad token' 401 $TYPE '"AUTHENTICATION_REQUIRED"'
golden 'bad token' error_401.json
call GET /v0/junk/junk
answers 'path before token' 404 . '{"error":"NOT_FOUND"}'
golden 'unknown route' error_404_string.json
token=patOwner.x

call GET /v0/meta/bases
answers 'bases' 200 '[.bases[].id]' '["appAll0000000001","appOther000000001"]'
answers 'base levels' 200 '[.bases[].permissionLevel]' '["create","edit"]'
call GET '/v0/meta/bases?pageSize=3'
answers 'bases take no pageSize' 422 $TYPE '"INVALID_REQUEST_UNKNOWN"'
golden 'bad parameter' error_422_validation.json
token=patNoMail.x
call GET /v0/meta/bases
answers 'granted bases' 200 '[.bases[]|[.id,.permissionLevel]]' \
	'[["appAll0000000001","read"]]'
call GET /v0/meta/bases/appOther000000001/tables
answers 'base not granted' 403 $TYPE '"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"'
golden 'base not granted' error_403_model_not_found.json
token=patOwner.x

call GET /v0/meta/bases/appAll0000000001/tables
answers 'schema' 200 '[.tables[].name]' '["Things","Parts & pieces/1"]'
answers 'schema keys' 200 '.tables[0]|keys' \
	'["fields","id","name","primaryFieldId","views"]'
answers 'rollup formula is hidden' 200 \
	'[.tables[0].fields[]|select(.type=="rollup")|.options.formula]' '[null]'
answers 'unknown type kept' 200 '.tables[0].fields[-1]|[.type,.options.x]' \
	'["typeOfTomorrow",1]'
call GET '/v0/meta/bases/appAll0000000001/tables?include[]=visibleFieldIds'
answers 'visible fields' 200 '.tables[1].views[0].visibleFieldIds|length' 3
call GET '/v0/meta/bases/appAll0000000001/tables?include[]=nonsense'
answers 'bad include' 422 $TYPE '"INVALID_REQUEST_UNKNOWN"'

call GET $T/$A
answers 'get' 200 '[.id,.createdTime,.fields.Name]' \
	'["recA0000000000001","2024-01-01T10:00:00.000Z","A"]'
answers 'computed cells' 200 \
	'.fields|[.Auto,.Count,.Formula,.Lookup,.Rollup,.Made,.Touched]' \
	'[1,2,"A-1",[3,8],5.5,"2024-01-01T10:00:00.000Z","2024-01-01T10:00:00.000Z"]'
answers 'button kept' 200 '.fields.Button' '{"label":"Open","url":null}'
call GET $T/$C
answers 'empty cells are left out' 200 '.fields|keys' \
	'["Auto","Button","Count","Formula","Made","Made by","Rollup","Touched","Touched by"]'
answers 'rollup over nothing' 200 '.fields|[.Count,.Rollup]' \
	'[0,{"specialValue":"NaN"}]'
call GET "$B/tblParts000000001/$A?returnFieldsByFieldId=true"
answers 'get from another table, by id' 200 '.fields.fldName0000000001' '"A"'
call GET "$T/$A?fields[]=Name"
answers 'get takes no fields' 422 $TYPE '"INVALID_REQUEST_UNKNOWN"'
call GET $T/recMissing0000001
answers 'get missing' 403 $TYPE '"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"'
call GET $T/junk
answers 'malformed record id' 404 .error '"NOT_FOUND"'
call GET $B/Nope
answers 'unknown table' 403 $TYPE '"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"'
call GET "$B/Parts%20%26%20pieces%2F1"
answers 'encoded table name' 200 '.records|length' 2
call GET "$B/Things/"
answers 'slash at the end' 200 '.records|length' 3

call GET $T
answers 'list' 200 '[.records[].id]' "[\"$A\",\"$BB\",\"$C\"]"
answers 'no offset on the last page' 200 'has("offset")' false
answers 'zero stays' 200 '.records[1].fields.Number' 0
answers 'inverse completed' 200 '.records[0].fields.Parts' "[\"$P1\",\"$P2\"]"
for q in 'fields[]=Name&fields[]=Number' 'fields=Name&fields=Number' \
	'fields[0]=Name&fields[1]=fldNumber00000001' \
	'fields%5B%5D=Name&fields%5B%5D=Number'; do
	call GET "$T?$q"
	answers "fields as $q" 200 '.records[0].fields' '{"Name":"A","Number":1}'
	answers "empty record with $q" 200 '.records[2].fields' '{}'
done
call GET "$T?fields[]=Nmae"
answers 'unknown field' 422 $TYPE '"UNKNOWN_FIELD_NAME"'
golden 'unknown field' error_422_unknown_field.json
call GET "$T?recordMetadata[]=commentCount&fields[]=Name"
answers 'commentCount' 200 '[.records[].commentCount]' '[null,2,null]'
call GET "$T?returnFieldsByFieldId=1&fields[]=Name"
answers 'keys by id' 200 '.records[0].fields' '{"fldName0000000001":"A"}'
for q in pageSize=0 pageSize=101 pageSize=x maxRecords=0 foo=1 \
	returnFieldsByFieldId=maybe recordMetadata[]=x cellFormat=string \
	'sort[0][direction]=asc' 'sort[0][field]=Name&sort[0][direction]=up'; do
	call GET "$T?$q"
	answers "refused: $q" 422 $TYPE '"INVALID_REQUEST_UNKNOWN"'
done
call GET "$T?pageSize=2"
answers 'first page' 200 '[.records[].id]' "[\"$A\",\"$BB\"]"
off=$(printf '%s' "$body" | jq -r .offset)
is 'offset form' "$(printf '%s' "$off" | sed 's/[0-9A-Za-z]\{14\}\//X\//')" \
	"itrX/$C"
call GET "$T?pageSize=2&offset=$(printf '%s' "$off" | sed 's/\//%2F/')"
answers 'last page' 200 '[[.records[].id],has("offset")]' "[[\"$C\"],false]"
call GET "$T?pageSize=2&offset=$off"
answers 'iterator used up' 422 $TYPE '"LIST_RECORDS_ITERATOR_NOT_AVAILABLE"'
golden 'iterator used up' error_422_iterator_expired.json
call GET "$T?offset=itrBAD/recBAD"
answers 'bad offset' 422 $TYPE '"INVALID_OFFSET_VALUE"'
golden 'bad offset' error_422_invalid_offset.json
call GET "$T?offset="
answers 'empty offset' 200 '.records|length' 3
call GET "$T?maxRecords=1"
answers 'maxRecords' 200 '[(.records|length),has("offset")]' '[1,false]'
call GET "$T?sort[0][field]=Number&sort[0][direction]=desc&fields[]=Name"
answers 'sort' 200 '[.records[].fields.Name]' '["A","B",null]'
call GET "$T?view=Grid%20view"
answers 'view' 200 '.records|length' 3
call GET "$T?view=Foo"
answers 'unknown view' 422 $TYPE '"VIEW_NAME_NOT_FOUND"'
golden 'unknown view' error_422_view.json
call GET "$T?view=viwParts000000001"
answers 'view of another table' 422 $TYPE '"FAILED_STATE_CHECK"'
golden 'view of another table' error_422_failed_state_check.json
call GET "$T?filterByFormula=%7BNumber%7D%3D1"
answers 'filter' 200 '[.records[].id]' "[\"$A\"]"
call GET "$T?filterByFormula=%7BNumber%7D%3D"
answers 'bad filter' 422 $TYPE '"INVALID_FILTER_BY_FORMULA"'
golden 'bad filter' error_422_formula.json
call GET "$T?filterByFormula=FIND('Top',%7BParts%7D)"
answers 'links are names in a filter' 200 '[.records[].id]' "[\"$A\"]"
call GET "$T?cellFormat=string&timeZone=utc&userLocale=en&fields[]=Parts"
answers 'string form' 200 '.records[0].fields.Parts' '"Leg, Top"'

call POST $T/listRecords '{"fields":["Name"],"pageSize":2,"filterByFormula":"OR(RECORD_ID()='"'$A'"',RECORD_ID()='"'$C'"')","returnFieldsByFieldId":true}'
answers 'POST list' 200 '[.records[].id]' "[\"$A\",\"$C\"]"
call POST $T/listRecords '{"pageSize":2}'
off=$(printf '%s' "$body" | jq -r .offset)
call POST $T/listRecords "{\"pageSize\":2,\"offset\":\"$off\"}"
answers 'POST second page' 200 '[.records[].id]' "[\"$C\"]"
call POST $T/listRecords '{"offset":""}'
answers 'POST empty offset' 200 '.records|length' 3
for b in '{"offset":null}' '{"fields":"Name"}' '{"pageSize":"2"}' \
	'{"returnFieldsByFieldId":"true"}' '{"x":1}'; do
	call POST $T/listRecords "$b"
	answers "POST refused: $b" 422 $TYPE '"INVALID_REQUEST_UNKNOWN"'
done
call POST $T/listRecords '{'
answers 'POST no JSON' 422 $TYPE '"INVALID_REQUEST_BODY"'

is 'gzip' "$(curl -s -g --compressed -D - -o "$tmp/plain" \
	-H "Authorization: Bearer $token" "$url$T" | tr -d '\r' |
	sed -n 's/^Content-Encoding: //Ip')" gzip
is 'gzip content' "$(jq '.records|length' "$tmp/plain")" 3
code=$(curl -s -o "$tmp/body" -w '%{http_code}' \
	-H "Authorization: Bearer $token" \
	"$url$T?filterByFormula=$(head -c 16000 /dev/zero | tr '\0' 1)")
is 'long URL' "$code" 414

stop
is 'clean end' $? 0
