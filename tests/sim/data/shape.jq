# Does an answer have the shape of a golden one? In: {want, got}; $ignore is a
# pattern of paths that may differ. Out: a line per difference.
# A path is keys joined by dots; ids are *, places in arrays are [].
def step: if type == "number" then "[]"
	elif test("^(app|tbl|fld|rec|viw|usr|ugp|com|ach|sel|att|pbd|inv|pki)[0-9A-Za-z]{10,}$")
	then "*" else . end;
def leaves: [paths(type != "object" and type != "array") as $p
	| {path: ($p | map(step) | join(".")), type: (getpath($p) | type)}]
	| unique;
def nulls: map(select(.type == "null") | .path);
def minus($a; $b): ($b | map(.path)) as $known | ($a | nulls) as $na
	| ($b | nulls) as $nb
	| $a | map(select(. as $x | ($b | index($x)) == null))
	| map(select((.path | IN($nb[])) or (.type == "null" and
	(.path | IN($known[]))) | not))
	| map(select(.path | test($ignore) | not));
(.want | leaves) as $w | (.got | leaves) as $g
| (minus($w; $g)[] | "missing \(.path) (\(.type))"),
  (minus($g; $w)[] | "unexpected \(.path) (\(.type))")
