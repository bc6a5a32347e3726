# Part of smoke.sh: bases, tables and fields made and changed.
start --load "$here/data/smoke.json" --no-rate-limit --save "$tmp/saved.json"
M=/v0/meta/bases
S=$M/appAll0000000001/tables
tables='[{"name":"Apartments","description":"To visit","fields":[{"name":"Name","type":"singleLineText","description":"d"},{"name":"Visited","type":"checkbox","options":{"color":"greenBright","icon":"check"}}]}]'
call POST $M "{\"name\":\"Hunting\",\"workspaceId\":\"wspSimulator00001\",\"tables\":$tables}"
answers 'create base' 200 '[keys,.tables[0].name,(.tables[0].fields|map(.name)),.tables[0].views[0].name]' \
	'[["id","tables"],"Apartments",["Name","Visited"],"Grid view"]'
nb=$(printf '%s' "$body" | jq -r .id)
call GET $M
answers 'it is listed' 200 "[.bases[]|select(.id==\"$nb\")|.permissionLevel]" '["create"]'
call POST "/v0/$nb/Apartments" '{"fields":{"Name":"A","Visited":true}}'
is 'it can be written' "$code" 200
call POST $M "{\"name\":\"Hunting\",\"tables\":$tables}"
answers 'base without workspace' 422 $TYPE '"INVALID_REQUEST"'
call POST $M "{\"name\":\"H\",\"workspaceId\":\"wspOther000000001\",\"tables\":$tables}"
is 'unknown workspace' "$code" 403
call POST $M '{"name":"H","workspaceId":"wspSimulator00001","tables":[]}'
is 'base without tables' "$code" 422

call POST $S '{"name":"New","description":"d","fields":[{"name":"Title","type":"multilineText"},{"name":"Due","type":"dateTime","options":{"dateFormat":{"name":"iso"},"timeFormat":{"name":"24hour"},"timeZone":"Europe/Berlin"}},{"name":"Kind","type":"singleSelect","options":{"choices":[{"name":"One","color":"tealLight2"},{"name":"Two"}]}}]}'
answers 'create table' 200 '[.name,.description,(.fields[1].options.dateFormat.format),(.fields[2].options.choices|map(.name)),(.fields[2].options.choices[0].id[:3])]' \
	'["New","d","YYYY-MM-DD",["One","Two"],"sel"]'
nt=$(printf '%s' "$body" | jq -r .id)
call POST $S '{"name":"new","fields":[{"name":"N","type":"singleLineText"}]}'
answers 'table name taken' 422 $TYPE '"DUPLICATE_TABLE_NAME"'
call POST $S '{"name":"T","fields":[]}'
is 'table without fields' "$code" 422
call POST $S '{"name":"T","fields":[{"name":"N","type":"checkbox","options":{"icon":"check","color":"redBright"}}]}'
is 'primary of a wrong type' "$code" 422
call POST $S '{"name":"T","fields":[{"name":"N","type":"singleLineText"},{"name":"n","type":"email"}]}'
answers 'field twice' 422 $TYPE '"DUPLICATE_OR_EMPTY_FIELD_NAME"'
call POST $S '{"name":"T","fields":[{"name":"N","type":"singleLineText"},{"name":"F","type":"createdTime"}]}'
golden 'computed type' error_422_unsupported_field_type.json
call GET $S
answers 'nothing was made' 200 '[.tables[].name]' '["Things","Parts & pieces/1","New"]'
while read -r t o; do
	call POST $S/$nt/fields "{\"name\":\"f $t\",\"type\":\"$t\",\"options\":$o}"
	answers "create $t" 200 '[.name,.type]' "[\"f $t\",\"$t\"]"
done <<ROWS
number {"precision":2}
percent {"precision":0}
currency {"precision":2,"symbol":"€"}
duration {"durationFormat":"h:mm:ss"}
rating {"icon":"star","max":5,"color":"yellowBright"}
multipleSelects {"choices":[{"name":"a"}]}
date {"dateFormat":{"name":"european","format":"D/M/YYYY"}}
ROWS
for t in email url richText phoneNumber barcode singleCollaborator \
	multipleCollaborators multipleAttachments; do
	call POST $S/New/fields "{\"name\":\"f $t\",\"type\":\"$t\"}"
	answers "create $t" 200 .type "\"$t\""
done
while read -r t o want; do
	call POST $S/$nt/fields "{\"name\":\"bad\",\"type\":\"$t\",\"options\":$o}"
	answers "refused: $t $o" 422 $TYPE "\"$want\""
done <<ROWS
number {"precision":9} INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE
number {} INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE
checkbox {"icon":"check","color":"red"} INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE
rating {"icon":"star","max":11,"color":"redBright"} INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE
date {"dateFormat":{"name":"iso","format":"l"}} INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE
singleSelect {"choices":[{"name":"a"},{"name":"a"}]} INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE
singleSelect {"choices":[{"name":"a","color":"x"}]} INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE
multipleRecordLinks {"linkedTableId":"tblNone0000000001"} INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE
singleLineText {"x":1} INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE
formula {"formula":"1"} UNSUPPORTED_FIELD_TYPE_FOR_CREATE
count {} UNSUPPORTED_FIELD_TYPE_FOR_CREATE
noSuchType {} INVALID_REQUEST_UNKNOWN
ROWS
call POST $S/$nt/fields '{"name":"Visited","type":"checkbox"}'
golden 'options missing' error_422_field_options_missing.json
call POST $S/$nt/fields '{"name":"title","type":"email"}'
golden 'field name taken' error_422_duplicate_field_name.json
call POST $S/$nt/fields '{"name":"  ","type":"email"}'
answers 'empty field name' 422 $TYPE '"DUPLICATE_OR_EMPTY_FIELD_NAME"'
call POST $S/$nt/fields '{"name":"To things","type":"multipleRecordLinks","options":{"linkedTableId":"tblThings00000001"}}'
answers 'create a link' 200 '.options|keys' \
	'["inverseLinkFieldId","isReversed","linkedTableId","prefersSingleRecordLink"]'
back=$(printf '%s' "$body" | jq -r .options.inverseLinkFieldId)
call GET $S
answers 'the other side' 200 "[.tables[0].fields[]|select(.id==\"$back\")|[.name,.type]]" \
	'[["New","multipleRecordLinks"]]'
call POST "$B/New" "{\"fields\":{\"Title\":\"t\",\"To things\":[\"$A\"],\"Due\":\"2024-07-01T12:00\"}}"
answers 'a new table is written, its zone holds' 200 .fields.Due \
	'"2024-07-01T10:00:00.000Z"'
call GET $T/$A
answers 'and linked' 200 '.fields.New|length' 1

call PATCH $S/$nt '{"name":"Newer","description":"x"}'
answers 'update table' 200 '[.name,.description]' '["Newer","x"]'
call PATCH $S/$nt '{"name":"Things"}'
is 'table name taken on update' "$code" 422
call PATCH $S/$nt '{}'
is 'update with nothing' "$code" 422
call PATCH $S/$nt/fields/Title '{"name":"Headline","description":"I was changed!"}'
answers 'update field' 200 '[.name,.description]' '["Headline","I was changed!"]'
call PATCH $S/$nt/fields/Headline '{"name":"due"}'
is 'field name taken on update' "$code" 422
call PATCH $S/$nt/fields/Headline '{"options":{"formula":"1"}}'
is 'options of no formula' "$code" 422
call PATCH $S/$nt/fields/Headline '{"type":"email"}'
is 'type cannot change' "$code" 422
call PATCH $S/Things/fields/Formula '{"options":{"formula":"{fldName0000000001}&\"!\""}}'
answers 'formula changed' 200 .options.formula '"{fldName0000000001}&\"!\""'
call GET $T/$A
answers 'and computed' 200 .fields.Formula '"A!"'
call PATCH $S/Things/fields/Formula '{"options":{"formula":"{"}}'
is 'bad formula' "$code" 422
call PATCH $S/$nt/fields/Nope '{"name":"x"}'
is 'unknown field' "$code" 403
call DELETE $S/$nt
is 'no route deletes a table' "$code$body" '404{"error":"NOT_FOUND"}'
token=patEditor.x
call POST $S/$nt/fields '{"name":"e","type":"email"}'
answers 'schema wants a creator' 403 $TYPE '"INVALID_PERMISSIONS"'
token=patNoMail.x
call POST $S/$nt/fields '{"name":"e","type":"email"}'
answers 'schema wants the scope' 403 $TYPE '"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"'
token=patOwner.x

as() { call POST /_sim/as "{\"user\":\"usrOwner000000001\",\"method\":\"$1\",\"path\":\"$2\",\"body\":${3:-null}}"; }
as PATCH "$S/Things/fields/Mail" '{"type":"number","options":{"precision":1}}'
answers 'type changed in the grid' 200 .type '"number"'
as POST "$S/Things/fields" '{"name":"F2","type":"formula","options":{"formula":"1+1"}}'
call GET $T/$A
answers 'formula made in the grid' 200 .fields.F2 2
while read -r n f v; do
	as POST "$S/Things/fields" "{\"name\":\"$n\",\"type\":\"formula\",\"options\":{\"formula\":\"$f\"}}"
	call GET $T/$A
	answers "cell of $f" 200 ".fields.$n" "$v"
done <<ROWS
Fnan 0/0 {"specialValue":"NaN"}
Finf 1/0 {"specialValue":"Infinity"}
Fneg -1/0 {"specialValue":"-Infinity"}
Ferr ERROR() {"error":"#ERROR!"}
Ftrue TRUE() true
Ffalse FALSE() null
Fself {Fself}&'' {"error":"#ERROR!"}
ROWS
as DELETE "$S/Things/fields/Long"
as DELETE "$S/$nt"
call GET $S
answers 'deleted in the grid' 200 '[(.tables|length),([.tables[0].fields[].name]|index("Long")),([.tables[0].fields[].name]|index("New"))]' \
	'[2,null,null]'
call GET $T/$A
answers 'the rest is as it was' 200 '[.fields.Name,.fields.Count]' '["A",2]'
as PATCH $M/appAll0000000001 '{"name":"Renamed"}'
call GET "$M/appAll0000000001?include=collaborators&include=inviteLinks&include=interfaces"
answers 'one base' 200 '[.name,.workspaceId,.permissionLevel,(.individualCollaborators.baseCollaborators|map(.userId)),.inviteLinks.baseInviteLinks,.interfaces]' \
	'["Renamed","wspSimulator00001","create",["usrOwner000000001","usrEditor00000001"],[],{}]'
call GET "$M/appAll0000000001?include=x"
is 'unknown include' "$code" 422
stop
is 'clean end after schema writes' $? 0
start --load "$tmp/saved.json" --no-rate-limit
call GET "/v0/$nb/Apartments"
answers 'a made base is saved' 200 '.records[0].fields.Name' '"A"'
stop
