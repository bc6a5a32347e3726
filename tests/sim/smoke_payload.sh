# Part of smoke.sh: what payloads tell: V2 cells, computed cells, views.
jq '(.bases[0].tables[0].views) += [{"id":"viwHeavy000000001","name":"Heavy",
	"type":"grid","filterByFormula":"{Rollup}>=10"}]
	| .bases[0].tables[0].fields += [
	{"id":"fldTwice000000001","name":"Twice","type":"formula",
	 "options":{"formula":"{Rollup}*2"}},
	{"id":"fldSource00000001","name":"Source","type":"externalSyncSource",
	 "options":{"choices":[{"id":"selSync0000000001","name":"CRM","color":"blueLight2"}]}},
	{"id":"fldNames000000001","name":"Names","type":"formula",
	 "options":{"formula":"ARRAYJOIN({Parts},\"+\")"}}]
	| .bases[0].tables[0].records[2].fields.Source = "CRM"' \
	"$here/data/smoke.json" >"$tmp/payload.json"
start --load "$tmp/payload.json" --no-rate-limit
W=/v0/bases/appAll0000000001/webhooks
T1=.changedTablesById.tblThings00000001
T2=.changedTablesById.tblParts000000001
CUR=current.cellValuesByFieldId
spec() { printf '{"specification":{"options":%s}}' "$1"; }
hook() {	# hook OPTIONS; prints its id
	call POST $W "$(spec "$1")"
	printf '%s' "$body" | jq -r .id
}
next() {	# next HOOK: what came since the last look
	call GET "$W/$1/payloads?cursor=${cursor:-1}"
	cursor=$(printf '%s' "$body" | jq .cursor)
}
h=$(hook '{"filters":{"dataTypes":["tableData"]},"includes":{"includePreviousCellValues":true}}')
cursor=1
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":7}}'
next $h
answers 'rows that look it up are told too' 200 \
	"[.payloads|length,(.[0]|[$T2.changedRecordsById.$P1.$CUR,$T1.changedRecordsById.$A.$CUR])]" \
	'[1,[{"fldWeight00000001":7},{"fldLookup00000001":{"linkedRecordIds":["recP0000000000001","recP0000000000002"],"valuesByLinkedRecordId":{"recP0000000000001":[7],"recP0000000000002":[8]}},"fldRollup00000001":7.5,"fldTwice000000001":15}]]'
answers 'with what they were' 200 \
	"[.payloads[0]$T1.changedRecordsById.$A.previous.cellValuesByFieldId|.fldRollup00000001,.fldTwice000000001,.fldLookup00000001.valuesByLinkedRecordId.$P1]" \
	'[5.5,11,[3]]'
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Part":"Hoof"}}'
next $h
answers 'a name is seen through links' 200 \
	".payloads[0]$T1.changedRecordsById.$A.$CUR" '{"fldNames000000001":"Hoof+Top"}'
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":7}}'
next $h
answers 'nothing new, no payload' 200 '.payloads' '[]'
call DELETE "$B/tblParts000000001/$P2"
next $h
answers 'deleted: links, lookups and names follow' 200 \
	".payloads[0]|[$T2.destroyedRecordIds,($T1.changedRecordsById.$A.$CUR|[.fldLink0000000001,.fldCount000000001,.fldRollup00000001,.fldNames000000001])]" \
	"[[\"$P2\"],[[{\"id\":\"$P1\",\"name\":\"Hoof\"}],1,7,\"Hoof\"]]"
call POST /_sim/webhook '{"computed":"system"}'
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":8}}'
next $h
answers 'or in a payload of their own' 200 \
	"[.payloads[]|[.actionMetadata,($T1.changedRecordsById.$A.$CUR|.fldRollup00000001?),($T2.changedRecordsById.$P1.$CUR|.fldWeight00000001?)]]|map(.[0]|=.source)" \
	'[["publicApi",null,8],["system",8,null]]'
answers 'of the same transaction' 200 \
	'[.payloads[]|[.baseTransactionNumber,.timestamp]]|unique|length' 1
sys=$(hook '{"filters":{"dataTypes":["tableData"],"fromSources":["system"]}}')
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":9}}'
call GET $W/$sys/payloads
answers 'which can be asked for alone' 200 \
	"[.payloads[]|[.actionMetadata,$T2]]" '[[{"source":"system"},null]]'
call POST /_sim/webhook '{"computed":"none"}'
cursor=1
next $h
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":3}}'
next $h
answers 'or not at all' 200 "[.payloads[]|$T1]" '[null]'
call POST /_sim/webhook '{"computed":"often"}'
is 'no such mode' "$code" 400
call POST /_sim/webhook '{"computed":"same"}'

view=$(hook '{"filters":{"dataTypes":["tableData"],"recordChangeScope":"viwHeavy000000001"}}')
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":50}}'
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":60}}'
call PATCH "$B/tblParts000000001/$P1" '{"fields":{"Weight":1}}'
call GET $W/$view/payloads
V=$T1.changedViewsById.viwHeavy000000001
answers 'a row enters, changes in and leaves a view' 200 \
	"[.payloads[]|$V|[(.createdRecordsById//{}|keys),.changedRecordsById.$A.$CUR.fldRollup00000001,.destroyedRecordIds]]" \
	"[[[\"$A\"],null,null],[[],60,null],[[],null,[\"$A\"]]]"
call DELETE $W/$view

cursor=1
next $h
call POST $T "{\"fields\":{\"Name\":\"all\",\"Long\":\"l\",\"Rich\":\"r\",\"Mail\":\"a@b.c\",\"Number\":0,\"Percent\":0.5,\"Duration\":60,\"Rating\":2,\"Check\":true,\"Select\":\"Todo\",\"Multi\":[\"Red\",\"Blue\"],\"Date\":\"2024-02-09\",\"Time\":\"2024-02-09T01:02:03.000Z\",\"Who\":{\"id\":\"usrEditor00000001\"},\"All of them\":[\"usrEditor00000001\"],\"Parts\":[\"$P1\"],\"Files\":[{\"url\":\"http://example.com/a.png\"}],\"Code\":{\"text\":\"12\",\"type\":\"ean8\"}}}"
new=$(printf '%s' "$body" | jq -r .id)
next $h
answers 'V2 cells of a created row' 200 \
	".payloads[0]$T1.createdRecordsById.$new.cellValuesByFieldId|[.fldLong0000000001,.fldRich0000000001,.fldNumber00000001,.fldPercent0000001,.fldRating00000001,.fldCheck000000001,.fldSelect00000001,.fldMulti000000001,.fldDate0000000001,.fldTime0000000001,.fldCode0000000001,.fldLink0000000001,.fldCount000000001]" \
	"[\"l\",\"r\\n\",0,0.5,2,true,{\"id\":\"selTodo0000000001\",\"name\":\"Todo\"},[{\"id\":\"selRed00000000001\",\"name\":\"Red\"},{\"id\":\"selBlue0000000001\",\"name\":\"Blue\"}],\"2024-02-09\",\"2024-02-09T01:02:03.000Z\",{\"text\":\"12\",\"type\":\"ean8\"},[{\"id\":\"$P1\",\"name\":\"Hoof\"}],1]"
answers 'people come with their level' 200 \
	".payloads[0]$T1.createdRecordsById.$new.cellValuesByFieldId|[.fldWho00000000001,.fldWhoAll00000001[0],.fldMadeBy00000001,.fldTouchedBy00001]|map([.id,.permissionLevel])" \
	'[["usrEditor00000001","create"],["usrEditor00000001","create"],["usrOwner000000001","create"],["usrOwner000000001","create"]]'
answers 'a file with its address' 200 \
	".payloads[0]$T1.createdRecordsById.$new.cellValuesByFieldId.fldFiles000000001[0]|[.filename,.type,(.url|startswith(\"http://127.0.0.1:\"))]" \
	'["a.png","image/png",true]'
wide=$(hook '{"filters":{"dataTypes":["tableData"]},"includes":{"includeCellValuesInFieldIds":["fldSource00000001","fldLookup00000001"]}}')
call PATCH $T/$C '{"fields":{"Name":"c","Rich":null}}'
call GET $W/$wide/payloads
answers 'unchanged ones that were asked for' 200 \
	".payloads[0]$T1.changedRecordsById.$C.unchanged.cellValuesByFieldId" \
	'{"fldSource00000001":{"id":"selSync0000000001","name":"CRM","color":"blueLight2"}}'
cursor=1
next $h
for k in $(seq 1 55); do
	call PATCH $T/$C "{\"fields\":{\"Number\":$k}}"
done
next $h
answers 'fifty to a page' 200 '[(.payloads|length),.mightHaveMore]' '[50,true]'
next $h
answers 'then the rest' 200 '[(.payloads|length),.mightHaveMore]' '[5,false]'

# Payloads are kept for seven days, the hook lives as long as it is read.
call POST /_sim/clock '{"advance_ms":345600000}'
call PATCH $T/$C '{"fields":{"Number":1000}}'
next $h
call POST /_sim/clock '{"advance_ms":345600000}'
call GET $W/$h/payloads?cursor=1
answers 'older than seven days are gone' 200 \
	"[.payloads[]$T1.changedRecordsById.$C.$CUR.fldNumber00000001]" '[1000]'
answers 'the cursor does not go back' 200 .cursor "$cursor"
stop
