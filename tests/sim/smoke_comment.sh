# Part of smoke.sh: comments.
token=patOwner.x
start --load "$here/data/smoke.json" --no-rate-limit --save "$tmp/saved.json"
K=$T/$A/comments
call GET $K
answers 'no comments' 200 . '{"comments":[],"offset":null}'
call GET $T/$BB/comments
answers 'as many comments as their number says' 200 '.comments|length' 2
call POST $K '{"text":"Hello"}'
answers 'comment' 200 '[.text,.author.id,.lastUpdatedTime]' \
	'["Hello","usrOwner000000001",null]'
answers 'comment keys' 200 keys '["author","createdTime","id","lastUpdatedTime","text"]'
first=$(printf '%s' "$body" | jq -r .id)
call POST $K '{"text":"@[ed@example.com] look"}'
answers 'mention by mail' 200 '[.text,.mentioned.usrEditor00000001.displayName]' \
	'["@[usrEditor00000001] look","Ed Editor"]'
call POST $K "{\"text\":\"reply\",\"parentCommentId\":\"$first\"}"
answers 'reply' 200 .parentCommentId "\"$first\""
reply=$(printf '%s' "$body" | jq -r .id)
call POST $K "{\"text\":\"x\",\"parentCommentId\":\"$reply\"}"
is 'reply to a reply' "$code" 422
call POST $K '{"text":"x","parentCommentId":"comNone0000000001"}'
is 'reply to nothing' "$code" 403
for b in '{}' '{"text":""}' '{"text":3}' '{"text":"x","author":"y"}'; do
	call POST $K "$b"
	answers "comment refused: $b" 422 $TYPE '"INVALID_REQUEST_UNKNOWN"'
done
call GET $K
answers 'newest first' 200 '[.comments[].text]' \
	'["reply","@[usrEditor00000001] look","Hello"]'
call GET "$K?pageSize=2"
answers 'first page of comments' 200 '[.comments[].text]' \
	'["reply","@[usrEditor00000001] look"]'
off=$(printf '%s' "$body" | jq -r .offset)
call GET "$K?pageSize=2&offset=$off"
answers 'last page of comments' 200 '[[.comments[].text],.offset]' \
	'[["Hello"],null]'
call GET "$K?pageSize=101"
is 'comments page too large' "$code" 422
call GET "$K?offset=nonsense"
is 'comments bad offset' "$code" 422
call GET "$T?recordMetadata[]=commentCount&fields[]=Name"
answers 'commentCount goes along' 200 '[.records[].commentCount]' '[3,2,null]'
call PATCH $K/$first '{"text":"Hello again"}'
answers 'edit' 200 '[.text,(.lastUpdatedTime|type)]' \
	'["Hello again","string"]'
token=patEditor.x
call PATCH $K/$first '{"text":"mine"}'
answers 'edit of a stranger' 403 $TYPE '"INVALID_PERMISSIONS"'
call DELETE $K/$first
answers 'delete of a stranger' 403 $TYPE '"INVALID_PERMISSIONS"'
call POST /_sim/token '{"token":"patC.x","user":"usrEditor00000001","scopes":["data.recordComments:read"],"bases":{"appAll0000000001":"read"}}'
token=patC.x
call GET $K
is 'comments by a reader' "$code" 200
call POST $K '{"text":"x"}'
answers 'comment scope missing' 403 $TYPE '"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"'
call POST /_sim/token '{"token":"patC.x","scopes":"all"}'
call POST $K '{"text":"x"}'
answers 'comment role too low' 403 $TYPE '"INVALID_PERMISSIONS"'
call POST /_sim/token '{"token":"patC.x","bases":{"appAll0000000001":"comment"}}'
call POST $K '{"text":"x"}'
is 'rights grown while running' "$code" 200
token=patNoMail.x
call GET $K
answers 'comments need their own scope' 403 $TYPE '"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"'
token=patOwner.x
call DELETE $K/$first
answers 'delete a comment' 200 . "{\"id\":\"$first\",\"deleted\":true}"
call DELETE $K/$first
is 'unknown comment' "$code" 403
call GET $T/recMissing0000001/comments
is 'comments of a missing record' "$code" 403
call GET $K
want=$(printf '%s' "$body" | jq -Sc .)
stop
start --load "$tmp/saved.json" --no-rate-limit
call GET $K
is 'comments saved and loaded' "$(printf '%s' "$body" | jq -Sc .)" "$want"
stop
