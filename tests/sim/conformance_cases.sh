# Part of conformance.sh: what is sent for each fixture.
B=/v0/appLkNDICXNqxSDhG
T=$B/Apartments
R=rec560UJdUtocSouk
A1=/v0/appA1Qak1T4cGoiP7
W=/v0/bases/appLkNDICXNqxSDhG/webhooks

start --no-rate-limit
call GET /v0/meta/whoami
fits whoami_pat_with_email
call POST /_sim/token '{"token":"patC.x","scopes":["data.records:read"]}'
call GET /v0/meta/whoami
fits whoami_pat
call POST /_sim/token "$(jq -c '{token: "patC.x", scopes, oauth: true}' \
	"$fx/whoami_oauth.json")"
call GET /v0/meta/whoami
fits whoami_oauth
call POST /_sim/token '{"token":"patC.x","scopes":"all","oauth":false,"bases":{"appLkNDICXNqxSDhG":"create","appSW9R5uCNmRmfl6":"edit"}}'
call GET /v0/meta/bases
same list_bases_last_page
fits list_bases . '^offset$'
call POST /_sim/token '{"token":"patC.x","bases":{"appA1Qak1T4cGoiP7":"create"}}'
call GET /v0/meta/bases
same list_bases_recorded_2022
call POST /_sim/token '{"token":"patC.x","bases":{}}'
call GET /v0/meta/bases
same list_bases_empty_org_blocks_api
call GET /v0/meta/bases/appA1Qak1T4cGoiP7/tables
same error_403_model_not_found
call POST /_sim/token '{"token":"patC.x","bases":"all"}'

call GET /v0/meta/bases/appSW9R5uCNmRmfl6/tables
same base_schema
call GET '/v0/meta/bases/appSW9R5uCNmRmfl6/tables?include[]=visibleFieldIds'
same base_schema_include_visible_field_ids
call GET /v0/meta/bases/app21Qak1T4cGoiP7/tables
same base_schema_recorded_2022
call GET /v0/meta/bases/appDepend00000001/tables
jq '.tables[0]' "$tmp/body" >"$tmp/x" && mv "$tmp/x" "$tmp/body"
same table_schema_date_dependency
call GET /v0/meta/bases/appFields00000001/tables
jq '{fields: (.tables[0].fields|map(.name|=sub(" fld.*";""))|sort_by(.id))}' \
	"$tmp/body" >"$tmp/x" && mv "$tmp/x" "$tmp/body"
same field_schemas_all_types '.fields|unique_by(.id)|map(select(.options!=null or .type!="manualSort"))|map(del(.options|nulls))|map(select(.type!="manualSort"))'
call GET '/v0/meta/bases/appLkNDICXNqxSDhG?include=collaborators&include=inviteLinks&include=interfaces'
fits base_collaborators . \
	'workspaceCollaborators|^groupCollab|nviteLinks|^interfaces|^packageInst'
call POST /v0/meta/bases "$(jq -c '.workspaceId="wspSimulator00001"' \
	"$fx/create_base_request.json")"
fits create_base_response
call POST /v0/meta/bases/appDepend00000001/tables \
	"$(jq -c '.name="Flats"' "$fx/create_table_request.json")"
fits create_table_response
call POST /v0/meta/bases/appDepend00000001/tables/Apartments/fields \
	"@$fx/create_field_request.json"
fits create_field_response
call PATCH /v0/meta/bases/appDepend00000001/tables/Apartments/fields/Name \
	"@$fx/update_field_request.json"
fits update_field_response
call PATCH /v0/meta/bases/appDepend00000001/tables/Flats \
	"@$fx/update_table_request.json"
taken update_table_request \
	'[.name,.description]==["Apartments (revised)","I was changed!"]'

call GET "$T?fields[]=Name&fields[]=Address&fields[]=Visited"
same list_records '.records|sort_by(.id)'
call GET "$T?pageSize=1&sort[0][field]=Name&sort[0][direction]=desc"
fits list_records_page1
off=$(jq -r .offset "$tmp/body")
call GET "$T?pageSize=1&sort[0][field]=Name&sort[0][direction]=desc&offset=$off"
fits list_records_page2
call GET /v0/app21Qak1T4cGoiP7/Empty
same list_records_empty
call POST $T/$R/comments '{"text":"one"}'
call POST $T/$R/comments '{"text":"two"}'
call GET "$T?returnFieldsByFieldId=true&recordMetadata[]=commentCount"
same list_records_by_field_id_with_comment_count '.records|sort_by(.id)'
files='(.. | objects | select(has("thumbnails"))) |= (del(.url, .thumbnails))
	| .records|sort_by(.id)|map(.fields|=del(.f_lastModifiedTime,
	.f_lastModifiedBy, .f_createdBy))'
call GET $A1/All
same list_records_all_types_recorded_2021 "$files"
call GET /v0/app21Qak1T4cGoiP7/tbl2dYOTFAzBLHXTr
same list_records_all_types_meta_base_recorded_2021 "$files"
call GET $A1/tbl273pmkdKl4Khj1/recyedy7O0z10OTGS
same get_record_recorded_2022 'del(.fields.f_lastModifiedTime, .fields.f_button)'
call GET $T/$R
fits get_record
call PATCH $A1/Empty/ "@$fx/update_records_request_recorded_2022.json"
fits update_records_response_recorded_2022
call DELETE "$A1/Empty?records[]=recyedy7O0z10OTGS&records[]=rec15q3jftnNiRiPt"
same delete_records_recorded_2022
# Without options these two cannot be computed for new rows.
call POST $A1/Empty/ "@$fx/create_records_all_writable_request_recorded_2022.json"
made=$(jq -r '.records[0].id' "$tmp/body")
lost='f_(count|rollup.*|formula)$'
fits create_records_all_writable_response_recorded_2022 . "$lost"
call PATCH $A1/Empty/ "$(jq -c --arg i "$made" '.records[0].id=$i' \
	"$fx/update_records_clear_all_request_recorded_2022.json")"
fits update_records_clear_all_response_recorded_2022 . "$lost"

call PATCH $T "@$fx/update_records_request.json"
same update_records_response
call PATCH $T/rec3lbPRG4aVqkeOQ "@$fx/update_record_single_request.json"
same update_record_single_response
call PATCH $T "@$fx/upsert_request.json"
fits upsert_response
call POST $T "@$fx/create_records_request.json"
fits create_records_response
call POST $T "@$fx/create_record_single_request.json"
fits create_record_single_response
new=$(jq -r .id "$tmp/body")
call POST /_sim/files '{"partial":1}'
call POST $T "@$fx/create_records_request.json"
fits create_records_partial_success
other=$(jq -r '.records[0].id' "$tmp/body")
call DELETE $T/$new
fits delete_record
call DELETE "$T?records[]=$other&records[]=$(jq -r '.records[1].id' "$tmp/body" 2>/dev/null || echo)"
call POST $T "@$fx/create_records_request.json"
call DELETE "$T?records[]=$(jq -r '.records|map(.id)|join("&records[]=")' "$tmp/body")"
fits delete_records
call POST $B/$R/Files/uploadAttachment "@$fx/upload_attachment_request.json"
fits upload_attachment_response
att=$(jq -r '.fields[][0].id' "$tmp/body")
call PATCH $T/$R "$(jq -c --arg id "$att" '{fields: {Files:
	(.keep_and_add | .[0].id = $id)}}' "$fx/attachment_write_cell.json")"
taken attachment_write_cell "[.fields.Files[]|.filename][1]==\"cat.png\" and
	.fields.Files[0].id==\"$att\" and (.fields.Files|length)==2"
call PATCH $T/$R "$(jq -c '{fields: {Files: .replace_all}}' \
	"$fx/attachment_write_cell.json")"
taken attachment_write_cell '[.fields.Files[].filename]==["dog.png"]'
call PATCH $T/$R "$(jq -c '{fields: {Files: .clear}}' \
	"$fx/attachment_write_cell.json")"
taken attachment_write_cell '.fields|has("Files")|not'
call POST $T/listRecords "@$fx/list_records_post_request.json"
taken list_records_post_request '(.records|length)>0 and
	(.records|map(.fields|keys-["fldEVzvQOoULO38yl","fldumZe00w09RYTW6"])|add==[])'

call GET $T/rec3lbPRG4aVqkeOQ/comments
same comments_list_empty
call POST $T/rec3lbPRG4aVqkeOQ/comments "@$fx/create_comment_request.json"
fits create_comment_response
com=$(jq -r .id "$tmp/body")
call PATCH $T/rec3lbPRG4aVqkeOQ/comments/$com "@$fx/update_comment_request.json"
fits update_comment_response
call POST $T/rec3lbPRG4aVqkeOQ/comments "$(jq -c --arg c "$com" \
	'.parentCommentId = $c' "$fx/create_comment_reply_request.json")"
taken create_comment_reply_request ".parentCommentId==\"$com\""
call DELETE $T/rec3lbPRG4aVqkeOQ/comments/$(jq -r .id "$tmp/body")
call POST $T/rec3lbPRG4aVqkeOQ/comments "{\"text\":\"Hello, @[usr00000mentioned]!\",\"parentCommentId\":\"$com\"}"
fits comment_full . '^(reactions|attachments)|author.name'
call GET "$T/rec3lbPRG4aVqkeOQ/comments?pageSize=1"
fits comments_list_page1 . 'mentioned|parentCommentId'
call GET $T/rec3lbPRG4aVqkeOQ/comments
fits comments_list . 'reactions|attachments'
call DELETE $T/rec3lbPRG4aVqkeOQ/comments/$com
fits delete_comment

call GET $W
same list_webhooks_empty
call POST $W "@$fx/create_webhook_poll_only_request.json"
fits create_webhook_response
hook=$(jq -r .id "$tmp/body")
call GET $W/$hook/payloads
fits webhook_payloads_empty
call POST $W "$(jq -c '.includes' "$fx/webhook_full.json" >/dev/null
	jq -c '{notificationUrl, specification} | .specification.options.filters
	|= (del(.watchDataInFieldIds, .watchSchemasOfFieldIds)
	| .recordChangeScope = "tbltp8DGLhqbUmjK1")' "$fx/webhook_full.json")"
call GET $W
fits webhook_full '.webhooks[1]' 'lastNotificationResult|watch'
fits list_webhooks . 'lastNotificationResult|watch|notificationUrl'
call POST $W/$hook/refresh
fits refresh_webhook
call POST $W "@$fx/create_webhook_request.json"
taken create_webhook_request 'has("macSecretBase64")'
ping=$(jq -r .id "$tmp/body")
call POST $W/$ping/enableNotifications "@$fx/enable_notifications_request.json"
[ "$code" = 200 ] || note enable_notifications_request "status $code"
call DELETE $W/$ping
call POST $W/$hook/refresh
call PATCH $T/$R '{"fields":{"Name":"test"}}'
call GET $W/$hook/payloads
fits webhook_payload_public_api_recorded_2024 '.payloads[0]'
fits webhook_payloads . 'changedTablesById|sourceMetadata.user.name'
as() { call POST /_sim/as "{\"user\":\"usrTestUser000001\",\"method\":\"$1\",\"path\":\"$2\",\"body\":${3:-null}}"; }
M=/v0/meta/bases/appLkNDICXNqxSDhG/tables
as POST $M '{"name":"Second","description":"d","fields":[{"name":"Name","type":"singleLineText"},{"name":"Pick","type":"singleSelect","options":{"choices":[{"name":"Todo","color":"redLight2"}]}},{"name":"Many","type":"multipleSelects","options":{"choices":[{"name":"One","color":"blueLight2"}]}},{"name":"Link","type":"multipleRecordLinks","options":{"linkedTableId":"tbltp8DGLhqbUmjK1"}}]}'
link=$(jq -r '.fields[3].id' "$tmp/body")
as POST $M/Second/fields "{\"name\":\"Look\",\"type\":\"multipleLookupValues\",\"options\":{\"recordLinkFieldId\":\"$link\",\"fieldIdInLinkedTable\":\"fldEVzvQOoULO38yl\"}}"
as POST $B/Second "{\"fields\":{\"Name\":\"text\",\"Pick\":\"Todo\",\"Many\":[\"One\"],\"Link\":[\"$R\"]}}"
cur=$(curl -s -H 'Authorization: Bearer patC.x' "$url$W" | jq '.webhooks[0].cursorForNextPayload-1')
call GET "$W/$hook/payloads?cursor=$cur"
fits webhook_payload_v2_cell_values '.payloads[0]|.changedTablesById|=with_entries(select(.value.createdRecordsById))' \
	'valuesByLinkedRecordId|sourceMetadata.user.profilePicUrl|\.\*$'
as PATCH $M/Second '{"name":"Third","description":"new"}'
as PATCH $M/Third/fields/Name '{"name":"Title"}'
as PATCH $M/Third/fields/Pick '{"type":"number","options":{"precision":0}}'
as POST $M/Third/fields '{"name":"More","type":"email"}'
as DELETE $M/Third/fields/Look
as DELETE $M/Third
call GET "$W/$hook/payloads?limit=50"
changed='[.payloads[].changedTablesById // {} | .[]] | reduce .[] as $x ({}; . * $x)'
fits webhook_payload_table_changed "$changed" \
	'previous|unchanged|changedViewsById|RecordsById|destroyedRecordIds'
fits webhook_payload_destroyed_tables '[.payloads[]|select(.destroyedTableIds)][0]' \
	'changedTablesById|sourceMetadata.user.name'
fits webhook_payloads_mixed_more . 'previous|unchanged|changedViewsById|cellValues|destroyed|createdRecordsById|recordsById|createdTime|source'
call POST /_sim/webhook "{\"base\":\"appLkNDICXNqxSDhG\",\"id\":\"$hook\",\"code\":\"INVALID_HOOK\"}"
call GET "$W/$hook/payloads?limit=50"
fits webhook_payload_error_invalid_hook '.payloads[-1]' \
	'changedTablesById|sourceMetadata'
call DELETE $W/$hook
[ -s "$tmp/body" ] || echo '{}' >"$tmp/body"
same webhook_delete_and_enable_response
skip webhook_ping 'pings are not sent'
skip view_metadata 'enterprise only'
skip cell_values_special 'a collection of cells, checked by smoke.sh'

call GET /v0/meta/bases/junk/tables
same error_404_string
call POST /_sim/token '{"token":"patC.x","revoked":true}'
call GET /v0/meta/bases
same error_401
call POST /_sim/token '{"token":"patC.x","revoked":false}'
call POST /_sim/token '{"token":"patC.x","bases":{"appLkNDICXNqxSDhG":"comment"}}'
call POST $T '{"fields":{}}'
same error_403_operation
call POST /_sim/token '{"token":"patC.x","bases":"all"}'
call POST /_sim/permission '{"table":"tbltp8DGLhqbUmjK1","create":false}'
call POST $T '{"fields":{}}'
same error_403_create_in_table '.error.message|=sub("table .*";"table")|.'
call POST /_sim/permission '{"field":"fldEVzvQOoULO38yl","write":false}'
call PATCH $T/$R '{"fields":{"Name":"x"}}'
same error_403_write_field '.error.message|=sub("field .*";"field")'
call POST /_sim/permission '{"field":"fldEVzvQOoULO38yl","write":true}'
call POST /_sim/permission '{"table":"tbltp8DGLhqbUmjK1","create":true}'
call GET "$T?nonsense=1"
same error_422_validation
call GET "$T?pageSize=1"
off=$(jq -r .offset "$tmp/body")
call POST /_sim/iterators/expire
call GET "$T?offset=$off"
same error_422_iterator_expired
call GET "$T?offset=$(jq -r '.error.message' "$fx/error_422_invalid_offset.json" |
	sed 's/.*offset //; s/ is.*//')"
same error_422_invalid_offset
field=$(jq -r '.error.message' "$fx/error_422_computed_field.json" |
	sed 's/^Field "//; s/".*//')
call POST $A1/Empty/ "{\"records\":[{\"fields\":{\"$field\":1}}]}"
same error_422_computed_field
name=$(jq -r '.error.message' "$fx/error_422_bad_value.json" | cut -d'"' -f2)
call PATCH $T "{\"records\":[{\"id\":\"$R\",\"fields\":{\"Name\":3}}]}"
same error_422_bad_value ".error.message|=sub(\"$name|Name\"; \"X\")"
name=$(jq -r '.error.message' "$fx/error_422_unknown_field.json" | cut -d'"' -f2)
call PATCH $T/$R "{\"fields\":{\"$name\":3}}"
same error_422_unknown_field
name=$(jq -r '.error.message' "$fx/error_422_select_option.json" | cut -d'"' -f2)
call POST $A1/Empty "{\"fields\":{\"f_singleSelect\":\"$name\"}}"
same error_422_select_option
id=$(jq -r '.error.message' "$fx/error_422_row_does_not_exist.json" | cut -d' ' -f3)
call PATCH $T "{\"records\":[{\"id\":\"$id\",\"fields\":{}}]}"
same error_422_row_does_not_exist
call PATCH $T '{"records":[]}'
same error_422_invalid_records
call POST $T '{}'
same error_422_missing_fields
call GET "$T?filterByFormula=%7B"
same error_422_formula
call GET "$T?view=Foo"
same error_422_view
view=$(jq -r '.tables[0].views[0].id' "$fx/base_schema.json")
call GET "/v0/appSW9R5uCNmRmfl6/Districts?view=$view"
same error_422_failed_state_check
call POST /v0/meta/bases/appDepend00000001/tables/Apartments/fields \
	'{"name":"visited","type":"email"}'
same error_422_duplicate_field_name
call POST /v0/meta/bases/appDepend00000001/tables \
	'{"name":"T","fields":[{"name":"N","type":"email"},{"name":"F","type":"createdTime"}]}'
same error_422_unsupported_field_type
call POST /v0/meta/bases/appDepend00000001/tables \
	'{"name":"T","fields":[{"name":"N","type":"email"},{"name":"Visited","type":"checkbox"}]}'
same error_422_field_options_missing
for i in 1 2 3 4 5 6 7 8 9 10 11; do
	call POST $W "@$fx/create_webhook_poll_only_request.json"
done
same error_422_too_many_webhooks
call POST /_sim/cap '{"enabled":true}'
call GET $T
same error_429_monthly_cap
call POST /_sim/cap '{"enabled":false}'
call POST /_sim/fault '{"action":"status","status":429}'
call GET $T
same error_429_array
call POST /_sim/fault '{"action":"status","status":503}'
call GET $T
same error_503
stop
start --no-rate-limit --missing-record 404 --body429 object
call POST /_sim/fault '{"action":"status","status":429}'
call GET $T
same error_429_object
call GET /v0/meta/bases/appNone0000000001/tables
same error_404_object
call GET $T/recNone0000000001
same error_404_record
call GET "$A1/Unknown%20Table"
same error_404_table
stop
