// Lists all tables of all bases, one after the other, with the vendor's client
// as its README shows it. AIRTABLE_ENDPOINT_URL and AIRTABLE_TOKEN as ours.
'use strict';

const Airtable = require('airtable');

const url = process.env.AIRTABLE_ENDPOINT_URL;
const apiKey = process.env.AIRTABLE_TOKEN;

async function meta(path) {
	const answer = await fetch(`${url}/v0/meta/${path}`,
		{headers: {Authorization: `Bearer ${apiKey}`}});

	return answer.json();
}

async function main() {
	const airtable = new Airtable({endpointUrl: url, apiKey});
	let n = 0;

	for (const {id} of (await meta('bases')).bases)
		for (const table of (await meta(`bases/${id}/tables`)).tables)
			n += (await airtable.base(id)(table.id).select().all())
				.length;
	console.log(n);
}

main();
