"""compare.py URL MOUNT [PATH...] - is the mount what the simulator holds?

Compares every record file below PATH (BASE or BASE/TABLE, or all) with the
simulator's state: names, the parsed fields and computed values, and what stat
says of each: size, link count, inode numbers that are unique and the same for
ls, look-up and the id's path. Prints each difference; the exit status is 1 if
there is one, and 2 if something could not be read."""
import json
import os
import re
import stat
import sys
import urllib.request

# What the file shows otherwise than the API does, or leaves out.
SKIPPED = {'manualSort'}
COMPUTED = {'autoNumber', 'count', 'formula', 'rollup', 'multipleLookupValues',
            'lookup', 'createdTime', 'lastModifiedTime', 'createdBy',
            'lastModifiedBy', 'button', 'externalSyncSource', 'aiText'}


def dir_name(text, ident):
    out = []
    for c in text:
        if c == '/':
            c = '\u2215'
        elif ord(c) < 0x20:
            c = chr(0x2400 + ord(c))
        elif ord(c) == 0x7f:
            c = '\u2421'
        out.append(c)
    name = ''.join(out)
    if name.startswith('.'):
        name = '\u2024' + name[1:]
    return name or ident


class Differences:
    def __init__(self):
        self.n = 0

    def add(self, *words):
        self.n += 1
        if self.n <= 40:
            print(*words)


def fetch(url, ident):
    """All records of a table as the API answers them, by field id."""
    body = json.dumps({'method': 'GET', 'path': ident}).encode()
    req = urllib.request.Request(url + '/_sim/as', body,
                                 {'Content-Type': 'application/json'})
    with urllib.request.urlopen(req) as f:
        return json.load(f)


def records(url, base, table):
    out, offset = {}, ''
    while True:
        page = fetch(url, f'/v0/{base}/{table}?returnFieldsByFieldId=true'
                     + (f'&offset={offset}' if offset else ''))
        for r in page['records']:
            out[r['id']] = r
        offset = page.get('offset')
        if not offset:
            return out


def shown(value, kind):
    """A cell as a record file shows it."""
    if value is None or value == '' or value == [] or value is False:
        return None
    if kind == 'multipleAttachments':
        return [{k: a[k] for k in ('id', 'filename', 'size', 'type') if k in a}
                for a in value]
    if isinstance(value, float) and value == int(value):
        return int(value)
    if isinstance(value, list):
        return [shown(v, '') for v in value]
    return value


def same(mine, theirs, kind):
    a, b = shown(mine, kind), shown(theirs, kind)
    if a == b:
        return True
    if isinstance(a, str) and isinstance(b, str):
        return a.rstrip('\n') == b.rstrip('\n')
    # what is looked up or rolled up may be attachments, people, ...
    return kind in COMPUTED and isinstance(b, (list, dict))


def check_file(d, path, name, record, fields, inodes, dir_inode):
    st = os.lstat(path)
    if not stat.S_ISREG(st.st_mode) or st.st_nlink != 1:
        d.add('no file, or links:', path)
    if st.st_ino != dir_inode:
        d.add('inode of the listing:', path)
    if inodes.setdefault(st.st_ino, path) != path:
        d.add('one inode, two files:', path, inodes[st.st_ino])
    with open(path, 'rb') as f:
        data = f.read()
    if len(data) != os.stat(path).st_size:
        d.add('size', os.stat(path).st_size, 'but', len(data), 'bytes:', path)
    try:
        doc = json.loads(data)
    except ValueError as e:
        d.add('no JSON:', path, e)
        return
    mine = doc.get('fields', {}) | doc.get('computed', {})
    for f in fields:
        if f['type'] in SKIPPED:
            continue
        have, want = mine.pop(f['name'], None), record['fields'].get(f['id'])
        if not same(have, want, f['type']):
            d.add(f'{path}: {f["name"]} is {have!r}, not {want!r}')
    if mine:
        d.add('fields too many:', path, list(mine))


def check_table(d, url, top, base, table):
    path = os.path.join(top, dir_name(table['name'], table['id']))
    want = records(url, base['id'], table['id'])
    entries = {e.name: e.inode() for e in os.scandir(path)
               if e.name.endswith('.json') and not e.name.startswith('.')}
    if sorted(entries) != sorted(n for n in os.listdir(path)
                                 if n.endswith('.json') and n[0] != '.'):
        d.add('two listings differ:', path)
    if os.stat(path).st_nlink < 2:
        d.add('link count', path)
    inodes, ids = {}, {}
    primary = next((f for f in table['fields']
                    if f['id'] == table.get('primaryFieldId')), None)
    for name, ino in sorted(entries.items()):
        p = os.path.join(path, name)
        with open(p, 'rb') as f:
            try:
                ident = json.load(f).get('id')
            except ValueError:
                ident = None
        if ident not in want:
            d.add('not on the server:', p, ident)
            continue
        if ident in ids:
            d.add('twice:', p, ids[ident])
        ids[ident] = p
        check_file(d, p, name, want[ident], table['fields'], inodes, ino)
        by_id = os.path.join(path, ident + '.json')
        if os.lstat(by_id).st_ino != ino:
            d.add('another inode by id:', by_id)
        text = want[ident]['fields'].get(primary['id']) if primary else None
        if primary and primary['type'] == 'singleLineText':
            plain = dir_name(text or '', '')
            stem = name[:-len('.json')]
            if len(plain.encode()) < 200 and not plain.startswith('rec') and \
                    re.sub(r' \(rec\w{14}\)$', '', stem) != (plain or ident):
                d.add(f'{p}: its name should be {plain!r}')
    for ident in want.keys() - ids.keys():
        d.add('missing:', path, ident, want[ident]['fields'].get(
            primary['id'] if primary else ''))


def check_all(d, url, mount, only, state):
    if not only:
        have = sorted(n for n in os.listdir(mount) if n[0] != '.')
        want = sorted(dir_name(b['name'], b['id']) for b in state['bases'])
        if have != want:
            d.add('bases:', have, 'not', want)
        if os.stat(mount).st_nlink != 2 + len(want):
            d.add('link count of the root')
    for base in state['bases']:
        bname = dir_name(base['name'], base['id'])
        top = os.path.join(mount, bname)
        if not only:
            have = sorted(n for n in os.listdir(top) if n[0] != '.')
            want = sorted(dir_name(t['name'], t['id']) for t in base['tables'])
            if have != want:
                d.add('tables:', have, 'not', want)
            if os.stat(top).st_nlink != 2 + len(want):
                d.add('link count', top)
        for table in base['tables']:
            tname = bname + '/' + dir_name(table['name'], table['id'])
            if not only or bname in only or tname in only:
                check_table(d, url, top, base, table)


def main():
    url, mount, only = sys.argv[1], sys.argv[2], sys.argv[3:]
    with urllib.request.urlopen(url + '/_sim/state') as f:
        state = json.load(f)
    d = Differences()
    check_all(d, url, mount, only, state)
    if d.n:
        print(d.n, 'differences')
    return 1 if d.n else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except OSError as e:
        print('cannot be read:', e)
        sys.exit(2)
