# A state file made of the fixtures, which come in as one object
# {"file name without .json": content}.
def links($t): [$t[].fields.f_multipleRecordLinks // [] | .[]] | unique
	| map({id: ., fields: {}});
def with_rows($schema; $all; $empty):
	$schema.tables | map(. + {records: (
		if .name == "All" then $all.records
		elif .name == "Empty" then $empty
		elif .id == "tblyM3d3KYX1fBXpA" then links($all.records)
		else [] end)});
def rows2022: [
	{id: "recyedy7O0z10OTGS", createdTime: "2022-01-08T00:09:19.000Z",
	 fields: {Name: "Jane", f_autoNumber: 219, f_singleLineText: "updated",
	 f_number: 5.7}},
	{id: "rec15q3jftnNiRiPt", createdTime: "2022-01-08T00:09:21.000Z",
	 fields: {Name: "John", f_autoNumber: 220, f_number: 6}}]
	| map(.fields += {f_count: 0, f_rollup: {specialValue: "NaN"},
	f_formula: (.fields.Name + "\(.fields.f_autoNumber)")});
{
	users: [
		{id: "usrTestUser000001", email: "user@example.com",
		 name: "Test User"},
		{id: "usrL2PNC5o3H4lBEi", email: "foo@bar.com",
		 name: "Foo Bar"},
		{id: "usr00000mentioned", email: "alice@example.com",
		 name: "Alice Doe"}],
	tokens: [{token: "patC.x", user: "usrL2PNC5o3H4lBEi", scopes: "all",
		bases: "all"}],
	bases: [
		{id: "appLkNDICXNqxSDhG", name: "Apartment Hunting",
		 tables: [{id: "tbltp8DGLhqbUmjK1", name: "Apartments",
		 primaryFieldId: "fldEVzvQOoULO38yl", fields: [
		 {id: "fldEVzvQOoULO38yl", name: "Name", type: "singleLineText"},
		 {id: "fldoi0c3GaRQJ3xnI", name: "Address", type: "singleLineText"},
		 {id: "fldumZe00w09RYTW6", name: "Visited", type: "checkbox",
		  options: {icon: "check", color: "greenBright"}},
		 {id: "fld00000000000000", name: "Files",
		  type: "multipleAttachments", options: {isReversed: false}}],
		 records: .list_records.records}]},
		{id: "appSW9R5uCNmRmfl6", name: "Project Tracker",
		 permissionLevel: "edit", tables: .base_schema.tables},
		{id: "appDepend00000001", name: "Dates",
		 tables: [.table_schema_date_dependency]},
		{id: "appFields00000001", name: "Fields", tables: [
		 {id: "tblFields00000001", name: "Fields",
		  fields: (.field_schemas_all_types.fields | unique_by(.id)
		  | sort_by(.type != "singleLineText") | map(.name += " " + .id)),
		  records: []}]},
		{id: "app21Qak1T4cGoiP7", name: "Meta", tables:
		 with_rows(.base_schema_recorded_2022;
		 .list_records_all_types_meta_base_recorded_2021; [])},
		{id: "appA1Qak1T4cGoiP7",
		 name: "[CI Test] Marketing Campaign Tracking", tables:
		 with_rows(.base_schema_recorded_2022;
		 .list_records_all_types_recorded_2021; rows2022)}]
}
