"""random_ops.py URL MOUNT BIN SEED STEPS LOG - local and remote writers at once.

Does STEPS random things to the account, through the mount and through the
simulator's side door, with faults and latency in between, all from SEED. After
every dozen or so it lets things settle (flush, refresh) and then wants the
mount to show exactly what the simulator holds (compare.py), names that are gone
to be gone for look-ups too, and inode numbers to be what they were.

Within a round, a record is the business of one side, or both edit fields of
their own; so nothing may end as a conflict or a refusal. LOG gets a line for
each thing done; the exit status is 1 at the first difference."""
import json
import os
import random
import re
import subprocess
import sys
import time
import urllib.request

import compare

TEXT = {'singleLineText', 'multilineText'}
ROUND = 12
SETTLE_S = 60
SEEN_S = 20
ID_NAME = re.compile(r'rec\w{14}\.json$')


class Failed(Exception):
    pass


class Run:
    def __init__(self, url, mount, binary, seed, log):
        self.url, self.mount, self.bin = url, mount, binary
        self.r = random.Random(seed)
        self.log = open(log, 'w', buffering=1)
        self.n = 0
        self.inodes = {}
        self.names = {}
        self.new_round()
        self.read_state()

    def new_round(self):
        self.local, self.remote = set(), set()
        self.edited = set()     # fields with a save of ours in this round

    def say(self, *words):
        print(f'{time.time() - T0:7.2f}', *words, file=self.log)

    def ctl(self, method, path, body=None):
        req = urllib.request.Request(
            self.url + path, None if body is None else json.dumps(body).encode(),
            {'Content-Type': 'application/json'}, method=method)
        with urllib.request.urlopen(req) as f:
            return json.loads(f.read() or b'null')

    def as_(self, method, path, body=None):
        return self.ctl('POST', '/_sim/as',
                        {'method': method, 'path': path, 'body': body})

    def read_state(self):
        self.state = self.ctl('GET', '/_sim/state')
        self.tables = [(b, t) for b in self.state['bases'] for t in b['tables']]

    # ---- choosing

    def path(self, base, table):
        return os.path.join(self.mount,
                            compare.dir_name(base['name'], base['id']),
                            compare.dir_name(table['name'], table['id']))

    def fields(self, table, side):
        """The editable ones of one side: every other one."""
        all_ = [f for f in table['fields']
                if f['type'] in TEXT | {'number'} and
                f['id'] != table['primaryFieldId']]
        return all_[side::2]

    def word(self):
        n = self.r.choice([1, 5, 5, 20, 300])
        return ''.join(self.r.choice('abcdefg xyzäé€')
                       for _ in range(n)).strip() or 'w'

    def value(self, field):
        if field['type'] == 'number':
            return self.r.randrange(1, 10 ** self.r.choice([1, 3, 6]))
        return self.word()

    def fresh_name(self, side):
        self.n += 1
        return f'{side}{self.n} ' + self.r.choice(['x', 'long ' * 8 + 'name', 'é'])

    def file(self):
        """A record file nobody else touches in this round: path, content."""
        base, table = self.r.choice(self.tables)
        d = self.path(base, table)
        names = sorted(n for n in os.listdir(d)
                       if n.endswith('.json') and n[0] != '.')
        self.r.shuffle(names)
        for name in names[:10]:
            p = os.path.join(d, name)
            try:
                with open(p) as f:
                    doc = json.load(f)
            except FileNotFoundError:
                continue    # removed elsewhere since the listing
            if str(doc.get('id', '')).startswith('rec') and \
                    doc['id'] not in self.remote:
                return base, table, p, doc
        return None

    def row(self):
        """A record of the server that is not touched here in this round."""
        base, table = self.r.choice(self.tables)
        rows = list(compare.records(self.url, base['id'],
                                    table['id']).values())
        self.r.shuffle(rows)
        for row in rows:
            if row['id'] not in self.local:
                return base, table, row
        return None

    # ---- what is done here

    def write(self, path, text):
        how = self.r.choice(['over', 'pieces', 'rename', 'append', 'unlink'])
        self.say('  by', how)
        if how == 'over':
            with open(path, 'w') as f:
                f.write(text)
        elif how == 'pieces':
            with open(path, 'w') as f:
                for i in range(0, len(text), 100):
                    f.write(text[i:i + 100])
                    f.flush()
        elif how == 'rename':
            tmp = path[:path.rindex('/') + 1] + f'.tmp{self.n}'
            with open(tmp, 'w') as f:
                f.write(text)
            os.rename(tmp, path)
        elif how == 'append':
            with open(path, 'w') as f:
                f.write(text)
            with open(path, 'a') as f:
                f.write('\n')
        else:
            os.unlink(path)
            with open(path, 'w') as f:
                f.write(text)

    def local_save(self):
        found = self.file()
        if not found:
            return
        base, table, path, doc = found
        mine = self.fields(table, 0)
        if not mine:
            return
        f = self.r.choice(mine)
        if f['name'] not in doc['fields']:
            return
        doc['fields'][f['name']] = v = self.value(f)
        self.local.add(doc['id'])
        self.edited.add(f['id'])
        self.say('local save', path, f['name'], repr(v)[:30])
        self.write(path, json.dumps(doc, indent=2, ensure_ascii=False) + '\n')
        with open(path) as again:
            if json.load(again)['fields'][f['name']] != v:
                raise Failed(f'{path}: does not read back')

    def local_create(self):
        base, table = self.r.choice(self.tables)
        path = os.path.join(self.path(base, table), self.fresh_name('L') + '.json')
        f = self.r.choice(self.fields(table, 0))
        self.edited.add(f['id'])
        self.say('local create', path)
        with open(path, 'w') as out:
            json.dump({f['name']: self.value(f)}, out)

    def local_remove(self):
        found = self.file()
        if found:
            self.local.add(found[3]['id'])
            self.say('local rm', found[2])
            os.unlink(found[2])

    def local_rename(self):
        found = self.file()
        if not found:
            return
        to = os.path.join(os.path.dirname(found[2]),
                          self.fresh_name('M') + '.json')
        self.local.add(found[3]['id'])
        self.say('local mv', found[2], to)
        os.rename(found[2], to)

    def local_read(self):
        base, table = self.r.choice(self.tables)
        self.say('local walk', self.path(base, table))
        subprocess.run(['grep', '-rc', 'zzz', self.path(base, table)],
                       stdout=subprocess.DEVNULL)

    # ---- what is done elsewhere

    def remote_edit(self):
        found = self.row()
        if not found:
            return
        base, table, row = found
        theirs = self.fields(table, 1)
        if not theirs:
            return
        f = self.r.choice(theirs)
        self.remote.add(row['id'])
        self.say('remote edit', base['id'], table['id'], row['id'], f['name'])
        self.as_('PATCH', f'/v0/{base["id"]}/{table["id"]}/{row["id"]}',
                 {'fields': {f['id']: self.value(f)}})

    def remote_create(self):
        base, table = self.r.choice(self.tables)
        name = self.fresh_name('R')
        found = self.row()
        if found and found[1] is table and self.r.random() < 0.3:
            name = found[2]['fields'].get(table['primaryFieldId'])
        self.say('remote create', base['id'], table['id'], name)
        self.as_('POST', f'/v0/{base["id"]}/{table["id"]}',
                 {'fields': {table['primaryFieldId']: name}})

    def remote_delete(self):
        found = self.row()
        if not found:
            return
        base, table, row = found
        self.remote.add(row['id'])
        self.say('remote delete', row['id'])
        self.as_('DELETE', f'/v0/{base["id"]}/{table["id"]}/{row["id"]}')
        if self.r.random() < 0.4:
            name = row['fields'].get(table['primaryFieldId'])
            self.say('remote create again', name)
            self.as_('POST', f'/v0/{base["id"]}/{table["id"]}',
                     {'fields': {table['primaryFieldId']: name}})

    def remote_rename(self):
        found, other = self.row(), self.row()
        if not found:
            return
        base, table, row = found
        p = table['primaryFieldId']
        to = self.fresh_name('S')
        self.remote.add(row['id'])
        at = f'/v0/{base["id"]}/{table["id"]}'
        if other and other[1] is table and other[2]['id'] != row['id'] and \
                self.r.random() < 0.7:
            self.say('remote swap', row['id'], other[2]['id'])
            self.remote.add(other[2]['id'])
            self.as_('PATCH', at, {'records': [
                {'id': row['id'], 'fields': {p: other[2]['fields'].get(p)}},
                {'id': other[2]['id'], 'fields': {p: row['fields'].get(p)}}]})
            return
        self.say('remote rename', row['id'], to)
        self.as_('PATCH', f'{at}/{row["id"]}', {'fields': {p: to}})

    # ---- the last thing of a round, or trouble

    def remote_schema(self):
        base, table = self.r.choice(self.tables)
        at = f'/v0/meta/bases/{base["id"]}/tables/{table["id"]}'
        what = self.r.choice(['field', 'field', 'add', 'drop', 'table', 'base'])
        self.n += 1
        # a save of a field that is gone would rightly be refused
        added = [f for f in table['fields'] if f['name'].startswith('Added')
                 and f['id'] not in self.edited]
        self.say('remote schema', what, base['id'], table['id'])
        if what == 'field':
            f = self.r.choice(self.fields(table, self.r.randrange(2)))
            self.as_('PATCH', f'{at}/fields/{f["id"]}',
                     {'name': f'Field {self.n}'})
        elif what == 'add':
            f = self.as_('POST', at + '/fields', {'name': f'Added {self.n}',
                                                  'type': 'singleLineText'})
            rows = list(compare.records(self.url, base['id'], table['id']))
            if rows:
                self.as_('PATCH', f'/v0/{base["id"]}/{table["id"]}/'
                         + self.r.choice(sorted(rows)),
                         {'fields': {f'Added {self.n}': 'v'}})
        elif what == 'drop' and added:
            self.as_('DELETE', f'{at}/fields/{added[0]["id"]}')
        elif what == 'table':
            self.as_('PATCH', at, {'name': f'Table {self.n}'})
        elif what == 'base':
            self.as_('PATCH', f'/v0/meta/bases/{base["id"]}',
                     {'name': f'Base {self.n}'})

    def trouble(self):
        kind = self.r.choice(['list', 'get', 'schema', 'bases', 'update',
                              'create', 'delete'])
        action = self.r.choice(['status', 'status', 'reset_before',
                                'reset_after', 'cut', 'garbage', 'stall'])
        rule = {'match': {'kind': kind}, 'count': self.r.choice([1, 1, 2]),
                'action': action}
        if action == 'status':
            rule['status'] = self.r.choice([500, 502, 503])
        if action == 'stall':
            rule['ms'] = 400
        self.say('fault', kind, action)
        self.ctl('POST', '/_sim/fault', rule)

    def latency(self):
        ms = self.r.choice([0, 0, 50, 300])
        self.say('latency', ms)
        self.ctl('POST', '/_sim/latency', {'ms': ms})

    # ---- settling

    def command(self, *args):
        p = subprocess.run([self.bin, *args], capture_output=True, text=True)
        return p.returncode, p.stdout + p.stderr

    def check(self):
        d = compare.Differences()
        compare.check_all(d, self.url, self.mount, [], self.state)
        for base, table in self.tables:
            path = self.path(base, table)
            now = {}
            for e in os.scandir(path):
                if e.name.endswith('.json') and e.name[0] != '.':
                    with open(e.path) as f:
                        now[e.name] = json.load(f)['id']
                    before = self.inodes.get((table['id'], now[e.name]))
                    if before not in (None, e.inode()):
                        d.add('inode moved:', e.path)
            for name in self.names.get(table['id'], set()) - set(now):
                if ID_NAME.match(name):
                    continue    # an id's path opens under any name
                if os.path.lexists(os.path.join(path, name)):
                    d.add('not listed, but there:', path, name)
            self.found[table['id']] = now
            for name, ident in now.items():
                self.next_inodes[table['id'], ident] = os.lstat(
                    os.path.join(path, name)).st_ino
        return d.n

    def settle(self):
        self.ctl('DELETE', '/_sim/fault')
        self.ctl('POST', '/_sim/latency', {'ms': 0})
        self.say('settle')
        r, words = self.command('flush', self.mount, '--timeout', str(SETTLE_S))
        if r != 0:
            raise Failed(f'flush: {r}: {words}' +
                         self.command('errors', self.mount)[1])
        r, words = self.command('refresh', self.mount)
        if r != 0:
            raise Failed(f'refresh: {r}: {words}')
        self.read_state()
        end = time.time() + SEEN_S
        out, keep = sys.stdout, None
        while True:
            self.found, self.next_inodes = {}, {}
            with open(self.log.name + '.diff', 'w') as sys.stdout:
                try:
                    n = self.check()
                except OSError as e:
                    print(e)
                    n = 1
            sys.stdout = out
            if n == 0 and keep:
                break
            keep = n == 0       # twice in a row: nothing moves any more
            if not keep and time.time() > end:
                raise Failed('the mount is not as the server:\n'
                             + self.why_not())
            time.sleep(0.05)
        for t, names in self.found.items():
            self.names[t] = self.names.get(t, set()) | set(names)
        self.inodes = self.next_inodes
        self.new_round()

    def why_not(self):
        with open(self.log.name + '.diff') as f:
            words = f.read()
        with open(os.path.join(self.mount, '.airtable/status')) as f:
            words += f.read()
        c = self.ctl('GET', '/_sim/counters')
        return words + f'told to slow down: {c["rate_limited"]}\n'

    def step(self):
        do = self.r.choices(
            [self.local_save, self.local_create, self.local_remove,
             self.local_rename, self.local_read, self.remote_edit,
             self.remote_create, self.remote_delete, self.remote_rename,
             self.trouble, self.latency],
            [6, 3, 2, 2, 2, 6, 3, 2, 3, 2, 1])[0]
        do()

    def run(self, steps):
        self.settle()
        for i in range(1, steps + 1):
            self.step()
            if i % ROUND == 0 or i == steps:
                if self.r.random() < 0.6:
                    self.remote_schema()
                self.settle()


T0 = time.time()


def main():
    url, mount, binary, seed, steps, log = sys.argv[1:]
    run = Run(url, mount, binary, int(seed), log)
    try:
        run.run(int(steps))
    except (Failed, OSError) as e:
        print('what was done:')
        with open(log) as f:
            print(''.join(f.readlines()[-60:]))
        print(f'{type(e).__name__}: {e}')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
