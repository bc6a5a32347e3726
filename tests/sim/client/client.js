// Runs the vendor's JavaScript client, unchanged, against airtable-sim.
//   node client.js PATH/TO/airtable-sim
// Prints TAP. Its packages come from `npm ci` in this folder.
'use strict';

const {spawn} = require('child_process');
const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const Airtable = require('airtable');

const sim = path.resolve(process.argv[2]);
const state = path.join(__dirname, '..', 'data', 'smoke.json');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'airtable-sim-'));
const running = [];
let failed = 0;

async function start(...options) {
	const file = path.join(dir, `port${running.length}`);
	const child = spawn(sim, ['--port', '0', '--port-file', file, '-q',
		'--load', state, ...options], {stdio: 'ignore'});

	running.push(child);
	for (let i = 0; i < 400 && !fs.existsSync(file); i++)
		await new Promise(done => setTimeout(done, 25));
	return `http://127.0.0.1:${fs.readFileSync(file, 'utf8').trim()}`;
}

function connect(url, more) {
	return new Airtable({endpointUrl: url, apiKey: 'patOwner.x', ...more})
		.base('appAll0000000001');
}

async function test(name, body) {
	try {
		await body();
		console.log(`ok - airtable.js: ${name}`);
	} catch (e) {
		failed++;
		console.log(`not ok - airtable.js: ${name}`);
		console.log(String(e && e.stack || e).replace(/^/gm, '# '));
	}
}

// The error a call ends with.
async function refusal(call) {
	try {
		await call();
	} catch (e) {
		return e;
	}
	throw new Error('no error came');
}

async function records(t) {
	await test('select().all() over pages', async () => {
		const all = await t.select({pageSize: 1}).all();

		assert.deepStrictEqual(all.map(r => r.get('Name')),
			['A', 'B', undefined]);
	});
	await test('eachPage()', async () => {
		const sizes = [];

		await t.select({pageSize: 2}).eachPage((page, next) => {
			sizes.push(page.length);
			next();
		});
		assert.deepStrictEqual(sizes, [2, 1]);
	});
	await test('firstPage() with fields, sort, maxRecords', async () => {
		const page = await t.select({fields: ['Name', 'Number'],
			sort: [{field: 'Name', direction: 'desc'}],
			maxRecords: 1}).firstPage();

		assert.deepStrictEqual(page.map(r => r.fields),
			[{Name: 'B', Number: 0}]);
	});
	await test('view and returnFieldsByFieldId', async () => {
		const page = await t.select({view: 'Grid view',
			returnFieldsByFieldId: true}).firstPage();

		assert.strictEqual(page[0].get('fldName0000000001'), 'A');
	});
	await test('recordMetadata', async () => {
		const page = await t.select({recordMetadata: ['commentCount']})
			.firstPage();

		assert.deepStrictEqual(page.map(r => r.commentCount),
			[undefined, 2, undefined]);
	});
	await test('method post', async () => {
		const all = await t.select({method: 'post', pageSize: 2,
			fields: ['Name']}).all();

		assert.strictEqual(all.length, 3);
	});
	await test('cellFormat string', async () => {
		const page = await t.select({cellFormat: 'string',
			timeZone: 'Europe/Paris', userLocale: 'de',
			fields: ['Made', 'Parts']}).firstPage();

		assert.strictEqual(page[0].get('Parts'), 'Leg, Top');
		assert.ok(page[0].get('Made').startsWith('1.1.2024 '));
	});
	await test('find()', async () => {
		const r = await t.find('recA0000000000001');

		assert.strictEqual(r.getId(), 'recA0000000000001');
		assert.strictEqual(r.get('Formula'), 'A-1');
	});
}

async function formulas(t) {
	const rows = [
		['equal', '{Name} = "A"', ['A']],
		['by id', '{fldName0000000001} = "B"', ['B']],
		['and, not, blank', 'AND({Number} = 0, NOT({Name} = BLANK()))',
			['B']],
		['record ids', 'OR(RECORD_ID() = "recA0000000000001", ' +
			'RECORD_ID() = "recB0000000000001")', ['A', 'B']],
		['created', 'IS_AFTER(CREATED_TIME(), ' +
			'DATETIME_PARSE("2024-01-01T12:00:00.000Z"))',
			['B', undefined]],
		['links as names', 'FIND("Leg", ARRAYJOIN({Parts}))', ['A']],
	];

	for (const [name, filterByFormula, want] of rows)
		await test(`formula: ${name}`, async () => {
			const all = await t.select({filterByFormula}).all();

			assert.deepStrictEqual(all.map(r => r.get('Name')),
				want);
		});
	await test('a formula of 20,000 characters goes by POST', async () => {
		const ids = Array(500).fill('RECORD_ID()="recA0000000000001"');
		const all = await t.select({
			filterByFormula: `OR(${ids.join(',')})`}).all();

		assert.strictEqual(all.length, 1);
	});
}

async function writes(t, parts) {
	let id, ids;

	await test('create one', async () => {
		const r = await t.create({Name: 'New', Number: 1.5,
			Multi: ['Red'], Check: true});

		id = r.getId();
		assert.deepStrictEqual(r.get('Multi'), ['Red']);
	});
	await test('create many', async () => {
		const all = await t.create([{fields: {Name: 'x'}},
			{fields: {Name: 'y'}}]);

		ids = all.map(r => r.getId());
		assert.deepStrictEqual(all.map(r => r.get('Name')),
			['x', 'y']);
	});
	await test('create with typecast', async () => {
		const r = await t.create({Number: '2', Select: 'Fresh'},
			{typecast: true});

		ids.push(r.getId());
		assert.strictEqual(r.get('Number'), 2);
		assert.strictEqual(r.get('Select'), 'Fresh');
	});
	await test('update leaves the rest', async () => {
		const r = await t.update(id, {Number: 2});

		assert.deepStrictEqual([r.get('Name'), r.get('Number')],
			['New', 2]);
	});
	await test('update many', async () => {
		const all = await t.update([{id, fields: {Number: 3}},
			{id: ids[0], fields: {Number: 4}}]);

		assert.deepStrictEqual(all.map(r => r.get('Number')), [3, 4]);
	});
	await test('replace clears the rest', async () => {
		const r = await t.replace(id, {Name: 'Only'});

		assert.strictEqual(r.get('Number'), undefined);
		assert.strictEqual(r.get('Check'), undefined);
	});
	await test('replace many', async () => {
		const all = await t.replace([{id, fields: {Name: 'p'}}]);

		assert.strictEqual(all[0].get('Name'), 'p');
	});
	await test('upsert', async () => {
		const r = await t.update([{fields: {Name: 'p', Number: 8}},
			{fields: {Name: 'q'}}],
			{performUpsert: {fieldsToMergeOn: ['Name']}});

		assert.strictEqual(r[0].getId(), id);
		assert.strictEqual(r[0].get('Number'), 8);
		ids.push(r[1].getId());
	});
	await test('save and patch of a record', async () => {
		// Without computed fields: save() sends all it has read.
		const r = await parts.find('recP0000000000001');

		r.set('Weight', 9);
		await r.save();
		await r.patchUpdate({Part: 'Foot'});
		await r.fetch();
		assert.deepStrictEqual([r.get('Weight'), r.get('Part')],
			[9, 'Foot']);
	});
	await test('destroy', async () => {
		const gone = await t.destroy(id);

		assert.strictEqual(gone.getId(), id);
	});
	await test('destroy many', async () => {
		const gone = await t.destroy(ids);

		assert.deepStrictEqual(gone.map(r => r.getId()), ids);
	});
}

async function errors(base, url) {
	const t = base('Things');
	const rows = [
		['unknown table', () => base('Nope').select().all(), 403],
		['unknown record', () => t.find('recMissing0000001'), 403],
		['unknown field', () => t.select({fields: ['Nmae']}).all(), 422,
			'UNKNOWN_FIELD_NAME'],
		['bad formula', () => t.select({filterByFormula: '{'}).all(), 422,
			'INVALID_FILTER_BY_FORMULA'],
		['bad value', () => t.create({Number: 'x'}), 422,
			'INVALID_VALUE_FOR_COLUMN'],
		['unknown choice', () => t.create({Select: 'Nope'}), 422,
			'INVALID_MULTIPLE_CHOICE_OPTIONS'],
		['computed field', () => t.create({Auto: 1}), 422,
			'INVALID_VALUE_FOR_COLUMN'],
		['eleven at once', () => t.create(Array(11).fill({fields: {}})),
			422, 'INVALID_RECORDS'],
		['unknown view', () => t.select({view: 'Foo'}).all(), 422,
			'VIEW_NAME_NOT_FOUND'],
		['wrong token', () => connect(url, {apiKey: 'wrong'})('Things')
			.select().all(), 401, 'AUTHENTICATION_REQUIRED'],
	];

	for (const [name, call, status, type] of rows)
		await test(`error: ${name}`, async () => {
			const e = await refusal(call);

			assert.strictEqual(e.statusCode, status);
			if (type)
				assert.strictEqual(e.error, type);
		});
}

async function limits() {
	const url = await start('--penalty', '0.3');
	const strict = connect(url, {noRetryIfRateLimited: true})('Things');
	const patient = connect(url)('Things');
	const random = Math.random;
	const six = t => Promise.all(Array.from({length: 6},
		() => t.select({maxRecords: 1}).firstPage()));

	await test('rate limit as an error', async () => {
		const e = await refusal(() => six(strict));

		assert.strictEqual(e.statusCode, 429);
		assert.strictEqual(e.error, 'TOO_MANY_REQUESTS');
	});
	// The client waits for a random part of five seconds and more.
	Math.random = () => 0.1;
	await test('rate limit waited out', async () => {
		await new Promise(done => setTimeout(done, 1400));
		assert.strictEqual((await six(patient)).length, 6);
	});
	Math.random = random;
}

async function main() {
	const url = await start('--no-rate-limit');
	const base = connect(url);

	await records(base('Things'));
	await formulas(base('Things'));
	await writes(base('Things'), base('tblParts000000001'));
	await errors(base, url);
	await limits();
}

main().catch(e => {
	console.log(`Bail out! ${e}`);
	failed++;
}).finally(() => {
	running.forEach(child => child.kill('SIGKILL'));
	fs.rmSync(dir, {recursive: true, force: true});
	process.exitCode = failed ? 1 : 0;
});
