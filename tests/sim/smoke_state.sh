# Part of smoke.sh: the state file brings everything back.
start --load "$here/data/smoke.json" --no-rate-limit --save "$tmp/s1.json"
call POST /_sim/files '{"late_ms":3600000}'
call PATCH $T/$C '{"fields":{"Files":[{"url":"http://example.com/late.png"}]}}'
call POST /_sim/files '{"late_ms":0}'
call PATCH $T/$BB '{"fields":{"Files":[{"url":"http://example.com/now.png"}],"All of them":["usrEditor00000001"]}}'
call POST $T/$A/comments '{"text":"one @[usrEditor00000001]"}'
call POST /_sim/clock '{"advance_ms":60000}'
token=patEditor.x
call PATCH $T/$A '{"fields":{"Number":12,"Percent":null}}'
call POST $T '{"records":[{"fields":{"Name":"by the editor"}},{"fields":{"Name":"goes"}}]}'
gone=$(printf '%s' "$body" | jq -r '.records[1].id')
auto=$(printf '%s' "$body" | jq '.records[1].fields.Auto')
call DELETE $T/$gone
token=patOwner.x
call POST /_sim/permission '{"table":"tblParts000000001","create":false,"delete":true}'
call POST /_sim/permission '{"field":"fldMoney000000001","write":false}'
call POST /_sim/token '{"token":"patBlock.x","user":"usrNobody00000001","scopes":["block:manage"],"bases":{"appAll0000000001":"read"},"oauth":true}'
call POST /v0/bases/appAll0000000001/webhooks '{"specification":{"options":{"filters":{"dataTypes":["tableData"]}}}}'
hook=$(printf '%s' "$body" | jq -r .id)
call PATCH $T/$BB '{"fields":{"Number":3}}'
by_number='LAST_MODIFIED_TIME({Number})&"/"&LAST_MODIFIED_TIME({Name})'
call POST /_sim/as "{\"method\":\"PATCH\",\"path\":\"/v0/meta/bases/appAll0000000001/tables/Things/fields/Formula\",\"body\":{\"options\":{\"formula\":$(printf '%s' "$by_number" | jq -Rs .)}}}"
# Every URL is new for each answer.
rows() {
	call GET "$T?sort[0][field]=Auto"
	printf '%s' "$body" | jq -Sc '[.records[]|del(.. | .url?)]'
}
before=$(rows)
stop
start --load "$tmp/s1.json" --no-rate-limit --save "$tmp/s2.json"
is 'the same rows after a restart' "$(rows)" "$before"
stop
is 'saved, loaded and saved again is the same file' \
	"$(cmp "$tmp/s1.json" "$tmp/s2.json" 2>&1)" ''
start --load "$tmp/s2.json" --no-rate-limit
call POST $T '{"fields":{"Name":"next"}}'
answers 'a number is not given twice' 200 '.fields.Auto' $((auto + 1))
is 'nor an id' "$(jq --arg id "$(printf '%s' "$body" | jq -r .id)" \
	'[.. | strings | select(. == $id)] | length' "$tmp/s2.json")" 0
call POST "$B/tblParts000000001" '{"fields":{}}'
is 'table permission kept' "$code" 403
call PATCH $T/$A '{"fields":{"Money":1}}'
is 'field permission kept' "$code" 403
call PATCH $T/$BB '{"fields":{"Number":3}}'
call GET "/v0/bases/appAll0000000001/webhooks/$hook/payloads"
answers 'an equal number is no change' 200 '[.payloads[].changedTablesById.tblThings00000001.changedRecordsById.recB0000000000001.current.cellValuesByFieldId.fldNumber00000001|values]' '[3]'
call GET $T/$C
answers 'a fetch under way goes on' 200 '.fields.Files[0]|keys' \
	'["filename","id","url"]'
call POST /_sim/clock '{"advance_ms":3600000}'
call GET $T/$C
answers 'and ends' 200 '.fields.Files[0]|[.type,has("thumbnails")]' \
	'["image/png",true]'
token=patBlock.x
call GET /v0/meta/whoami
answers 'tokens kept' 200 . '{"id":"usrNobody00000001","scopes":["block:manage"]}'
token=patOwner.x
stop

# What is generated is decided by the seed alone.
for k in 1 2 3; do
	start --generate bases=2,tables=3,records=40,attachments=1,comments=1 \
		--seed $((k / 3 + 5)) --save "$tmp/g$k.json"
	stop
done
is 'same seed, same bytes' "$(cmp "$tmp/g1.json" "$tmp/g2.json" 2>&1)" ''
is 'another seed, other bytes' \
	"$(cmp -s "$tmp/g1.json" "$tmp/g3.json" || echo other)" other
start --load "$tmp/g1.json" --save "$tmp/g4.json"
stop
is 'generated, loaded and saved is the same file' \
	"$(cmp "$tmp/g1.json" "$tmp/g4.json" 2>&1)" ''
echo '{"bases":[{"id":"appX0000000000001","name":"x","tables":[{"id":"tblX","name":"t","fields":[{"id":"fldX","name":"n","type":"singleLineText"}],"records":[{"id":"recX","touched":{"fldX":[1]}}]}]}]}' >"$tmp/bad.json"
"$sim" --port 0 --load "$tmp/bad.json" 2>"$tmp/err"
is 'bad history' "$(sed 's/.*bad.json: //' "$tmp/err")" \
	"bases[0].tables[0].records[0]: 'touched' must hold field:[time,user]"
