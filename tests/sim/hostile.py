"""Sends requests that mean harm to every route of airtable-sim.

    hostile.py SIM STATE

Each request goes out on a connection of its own. What counts: the simulator
answers or closes, every answer that claims to be JSON is JSON, no sanitizer
says a word, and a plain call works at the end. The same requests every time.
Build it with -Db_sanitize=address,undefined to make this worth most. Prints
TAP.
"""
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

B = "/v0/appAll0000000001"
T = B + "/Things"
A = "recA0000000000001"
TOKEN = "patOwner.x"

# Every route once, with a body that is fine where there is one.
ROUTES = [
    ("GET", "/v0/meta/whoami", None),
    ("GET", "/v0/meta/bases", None),
    ("POST", "/v0/meta/bases",
     {"name": "n", "workspaceId": "wspX",
      "tables": [{"name": "t", "fields": [{"name": "f",
                                           "type": "singleLineText"}]}]}),
    ("GET", "/v0/meta/bases/appAll0000000001", None),
    ("GET", "/v0/meta/bases/appAll0000000001/tables", None),
    ("POST", "/v0/meta/bases/appAll0000000001/tables",
     {"name": "t", "fields": [{"name": "f", "type": "singleLineText"}]}),
    ("PATCH", "/v0/meta/bases/appAll0000000001/tables/tblThings00000001",
     {"description": "d"}),
    ("POST", "/v0/meta/bases/appAll0000000001/tables/tblParts000000001/fields",
     {"name": "g", "type": "number", "options": {"precision": 1}}),
    ("PATCH", "/v0/meta/bases/appAll0000000001/tables/tblThings00000001/fields/"
     "fldLong0000000001", {"description": "d"}),
    ("GET", T, None),
    ("POST", T + "/listRecords",
     {"filterByFormula": "{Number}>0", "sort": [{"field": "Name"}],
      "fields": ["Name"], "recordMetadata": ["commentCount"]}),
    ("GET", T + "/" + A, None),
    ("POST", T, {"records": [{"fields": {"Name": "x", "Number": 1}}]}),
    ("PATCH", T, {"records": [{"id": A, "fields": {"Name": "x"}}],
                  "performUpsert": {"fieldsToMergeOn": ["Name"]}}),
    ("PATCH", T + "/" + A, {"fields": {"Multi": ["Red"], "Parts": [],
                                       "Code": {"text": "1"}},
                            "typecast": True}),
    ("PUT", T + "/" + A, {"fields": {"Name": "x", "Who":
                                     {"id": "usrEditor00000001"}}}),
    ("DELETE", T + "/recMissing0000001", None),
    ("DELETE", T + "?records[]=recMissing0000001", None),
    ("POST", B + "/" + A + "/Files/uploadAttachment",
     {"contentType": "text/plain", "filename": "x", "file": "aGVsbG8="}),
    ("GET", T + "/" + A + "/comments", None),
    ("POST", T + "/" + A + "/comments", {"text": "hi @[usrEditor00000001]"}),
    ("PATCH", T + "/" + A + "/comments/comX", {"text": "hi"}),
    ("DELETE", T + "/" + A + "/comments/comX", None),
    ("POST", "/v0/bases/appAll0000000001/webhooks",
     {"specification": {"options": {"filters": {"dataTypes":
                                                ["tableData"]}}}}),
    ("GET", "/v0/bases/appAll0000000001/webhooks", None),
    ("GET", "/v0/bases/appAll0000000001/webhooks/achX/payloads", None),
    ("POST", "/v0/bases/appAll0000000001/webhooks/achX/refresh", None),
    ("POST", "/v0/bases/appAll0000000001/webhooks/achX/enableNotifications",
     {"enable": True}),
    ("DELETE", "/v0/bases/appAll0000000001/webhooks/achX", None),
    ("POST", "/_sim/fault", {"action": "status", "count": 0}),
    ("POST", "/_sim/as", {"method": "GET", "path": T}),
    ("POST", "/_sim/token", {"token": "patT.x", "scopes": [], "bases": {}}),
    ("POST", "/_sim/base", {"base": "appOther000000001", "level": "edit"}),
    ("POST", "/_sim/permission", {"table": "tblOther000000001",
                                  "create": True}),
    ("POST", "/_sim/quirk", {"dedupe": 0}),
    ("POST", "/_sim/files", {"ranges": True}),
    ("POST", "/_sim/webhook", {"base": "appOther000000001"}),
    ("POST", "/_sim/cap", {"enabled": False}),
    ("POST", "/_sim/paging", {"mode": "fixed"}),
    ("POST", "/_sim/clock", {"advance_ms": 1}),
    ("POST", "/_sim/penalty", {"seconds": 0}),
    ("POST", "/_sim/latency", {"ms": 0}),
    ("GET", "/_sim/log?since=0&body=1", None),
    ("GET", "/_sim/counters", None),
    ("GET", "/_sim/state", None),
    ("GET", "/_sim/files", None),
]

ODD_VALUES = [
    None, True, False, 0, -1, 1e308, -1e308, 1e18, 0.1, "", "x", "\0", "a\0b",
    "\ud7ff\U0010ffff", "x" * 70000, [], {}, [None], [[]], [{}], [[[]]],
    {"": ""}, {"id": None}, {"id": A}, {"url": "http://"}, ["rec"], [A, A],
    {"text": 1}, "2024-02-30", "9999999999-01-01", "{", "\\", "\"", "%00",
    [{"id": "att"}], [{"url": "https://" + "x" * 3000}], {"specialValue": 1},
    "9" * 400, "-" * 400, [1] * 3000,
]

ODD_TAILS = [
    "/", "//", "/..", "/%00", "/%", "/%2", "/%zz", "/%ff", "/%2f", "?", "?&",
    "?=", "?%", "?a[=1", "?a]=1", "?[]=1", "?sort[0][field]=", "?fields[]=%ff",
    "?sort[999999999999999999999][field]=Name", "?sort[-1][field]=Name",
    "?sort[0]=Name", "?sort[0][field][x]=1", "?sort[1000][field]=Name",
    "?fields[0][x]=1&fields=2", "?pageSize=99999999999999999999",
    "?pageSize=-1", "?maxRecords=1e9", "?offset=itr/rec", "?offset=/",
    "?offset=" + "x" * 5000, "?view=" + "%F0%9F%98%80" * 900,
    "?filterByFormula=" + "(" * 9000, "?filterByFormula=%7B",
    "?filterByFormula=REPT(%22x%22,1000000000)",
    "?filterByFormula=REGEX_MATCH(%22x%22,%22(x%7B255%7D)%7B255%7D%22)",
    "?cellFormat=string&timeZone=../../etc/passwd&userLocale=en",
    "?cellFormat=string&timeZone=" + "A" * 5000 + "&userLocale=" + "b" * 5000,
    "?recordMetadata[]=" + "x" * 100, "?records[]=" + A + "&records[]=" + A,
    "?cursor=-9223372036854775809&limit=0", "?include[]=%00", "?" + "a&" * 7000,
    "?x=" + "y" * 16500, "/" + "a/" * 2000,
]

RAW = [
    b"", b"\r\n", b"\0" * 500, b"GET", b"GET \r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
    b"GET " + b"/" * 200000 + b" HTTP/1.1\r\n\r\n",
    b"GE\"T /v0/meta/bases HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v0/meta/bases HTTP/1.1\r\nAuthorization: " + b"B" * 100000 +
    b"\r\n\r\n",
    b"GET /v0/meta/bases HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"GET /v0/meta/bases HTTP/1.1\r\nAuthorization: Bearer \0\xff\r\n\r\n",
    b"POST /v0/appAll0000000001/Things HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    b"POST /v0/appAll0000000001/Things HTTP/1.1\r\n"
    b"Content-Length: 99999999999999999999\r\n\r\n",
    b"POST /v0/appAll0000000001/Things HTTP/1.1\r\n"
    b"Content-Length: 1000\r\n\r\nshort",
    b"POST /v0/appAll0000000001/Things HTTP/1.1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /v0/appAll0000000001/Things HTTP/1.1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    b"GET /v0/meta/bases\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /v0/meta/whoami HTTP/1.1\r\nHost: x\r\n\r\n",
]

BODIES = [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b"\0", b"{\"fields\":{}}\0",
    b"{\"fields\":{\"Name\":\"\\ud800\"}}", b"{\"fields\":{\"\\u0000\":1}}",
    b"{\"fields\":{\"Name\":1e999}}", b"{\"a\":1,\"a\":2}",
    b"[" * 100000, b"{\"a\":" * 100000, b"\"" + b"x" * 3000000 + b"\"",
    b"x" * (17 << 20),
]


class Suite:
    def __init__(self, sim, state):
        self.dir = tempfile.TemporaryDirectory()
        self.err = open(self.dir.name + "/err", "wb+")
        ports = [self.dir.name + "/port", self.dir.name + "/files"]
        self.sim = subprocess.Popen(
            [sim, "--port", "0", "--port-file", ports[0], "--files-port-file",
             ports[1], "-q", "--no-rate-limit", "--load", state, "--save",
             self.dir.name + "/saved"], stderr=self.err)
        for path in ports:
            for _ in range(400):
                if os.path.exists(path):
                    break
                time.sleep(0.05)
        self.port, self.files = (int(open(p).read()) for p in ports)
        self.sent = 0
        self.bad = []

    def send(self, method, path, body=None, port=None):
        """One request; what came of it is checked for form alone."""
        self.sent += 1
        c = http.client.HTTPConnection("127.0.0.1", port or self.port,
                                       timeout=20)
        try:
            c.putrequest(method, path, skip_host=False,
                         skip_accept_encoding=True)
            c.putheader("Authorization", "Bearer " + TOKEN)
            if body is not None:
                c.putheader("Content-Type", "application/json")
                c.putheader("Content-Length", str(len(body)))
            c.endheaders(body)
            r = c.getresponse()
            text = r.read()
            if "json" in (r.getheader("Content-Type") or "") and text:
                json.loads(text.decode("utf-8"))
            return r.status
        except (http.client.HTTPException, ConnectionError, BrokenPipeError):
            return 0
        except TimeoutError:
            self.bad.append("no answer: %s %.200s" % (method, path))
            return 0
        except ValueError as e:
            self.bad.append("bad answer: %s %.200s %.200r: %s" %
                            (method, path, body, e))
            return 0
        finally:
            c.close()

    def raw(self, data, port):
        self.sent += 1
        with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except TimeoutError:
                self.bad.append("left open: %.100r" % data)
            except OSError:
                pass

    def alive(self, what):
        status = self.send("GET", T + "?maxRecords=1")
        ok = self.sim.poll() is None and status == 200
        for line in self.bad:
            print("# " + line)
        print("%s - hostile: %s" % ("ok" if ok and not self.bad else "not ok",
                                    what))
        if not ok:
            print("# the simulator answers %d, exit %s" %
                  (status, self.sim.poll()))
        failed = not ok or bool(self.bad)
        self.bad = []
        sys.stdout.flush()
        return failed

    def end(self, what):
        self.sim.send_signal(signal.SIGTERM)
        code = self.sim.wait(60)
        self.err.seek(0)
        text = self.err.read().decode("utf-8", "replace")
        ok = code == 0 and "Sanitizer" not in text and \
            "runtime error" not in text
        try:
            json.load(open(self.dir.name + "/saved"))
        except (OSError, ValueError) as e:
            ok = False
            text += str(e)
        print("%s - %s: ends in peace and saves" %
              ("ok" if ok else "not ok", what))
        if not ok:
            print("# exit %s\n# %s" % (code, text[:3000].replace("\n", "\n# ")))
        return not ok


def places(value, path=()):
    """Every place inside a JSON value, the whole one first."""
    yield path
    items = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, list) else ()
    for k, v in items:
        yield from places(v, path + (k,))


def put(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], new)
    return copy


def dumps(value):
    return json.dumps(value).encode()


def main():
    s = Suite(sys.argv[1], sys.argv[2])
    rnd = random.Random(1)
    failed = False
    for port in (s.port, s.files):
        for data in RAW:
            s.raw(data, port)
    failed |= s.alive("bytes that are no HTTP")
    for method, path, body in ROUTES:
        for tail in ODD_TAILS:
            s.send(method, path + tail, None if body is None else dumps(body))
    failed |= s.alive("odd paths and parameters")
    for method, path, body in ROUTES:
        if body is None:
            continue
        for data in BODIES[:-2]:
            s.send(method, path, data)
    for data in BODIES[-2:]:
        s.send("POST", T, data)
        s.send("POST", "/_sim/token", data)
    failed |= s.alive("bodies that are no JSON, too deep or too large")
    for method, path, body in ROUTES:
        if body is None:
            continue
        for where in places(body):
            for value in ODD_VALUES:
                s.send(method, path, dumps(put(body, where, value)))
        s.send("DELETE", "/_sim/fault")
        s.send("POST", "/_sim/latency", b'{"ms":0}')
        s.send("POST", "/_sim/token", dumps({"token": TOKEN, "scopes": "all",
                                             "bases": "all",
                                             "user": "usrOwner000000001"}))
    failed |= s.alive("odd values in every place of a body")
    schema = json.load(open(sys.argv[2]))["bases"][0]["tables"][0]["fields"]
    for f in schema:
        for value in ODD_VALUES:
            for cast in (False, True):
                s.send("PATCH", T + "/" + A,
                       dumps({"fields": {f["id"]: value}, "typecast": cast}))
    s.send("GET", T + "?cellFormat=string&timeZone=utc&userLocale=de")
    failed |= s.alive("odd values in every type of cell")
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    for _ in range(2000):
        _, path, body = rnd.choice(ROUTES)
        cut = path.split("/")
        rnd.shuffle(cut)
        path = "/" + "/".join(cut) if rnd.random() < 0.5 else \
            path + rnd.choice(ODD_TAILS)[:2000]
        if path.startswith("/_sim"):
            continue
        s.send(rnd.choice(methods), path, rnd.choice([None, dumps(body)]))
    for path in ("/v3/u/29/29/", "/v3/u/29/29/99999999999999999999/x/att/x",
                 "/static/?size=-1", "/static/x.png?size=18446744073709551615",
                 "/%00", "/../../etc/passwd"):
        for method in methods:
            s.send(method, path, port=s.files)
    failed |= s.alive("other methods, shuffled paths, the attachment host")
    failed |= s.end("hostile")
    return failed


if __name__ == "__main__":
    sys.exit(main())
