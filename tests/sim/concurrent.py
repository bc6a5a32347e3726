"""Writes, lists, uploads, faults and control calls side by side.

    concurrent.py SIM STATE

Build the simulator with -Db_sanitize=thread to make this worth most. What
counts: every answer is one of those expected, what was written is there once,
and no sanitizer says a word. Prints TAP.
"""
import json
import sys
import threading
import urllib.error
import urllib.request

from hostile import Suite, T, B, A

THREADS = 8
ROUNDS = 40
HOOKS = "/v0/bases/appAll0000000001/webhooks"


class Worker(threading.Thread):
    def __init__(self, suite, k):
        super().__init__()
        self.suite = suite
        self.k = k
        self.odd = []
        self.made = 0

    def call(self, method, path, body=None, want=(200,), port=None):
        r = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (port or self.suite.port, path),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "Bearer patOwner.x",
                     "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(r, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            status, text = e.code, e.read()
        if status not in want:
            self.odd.append("%s %s: %d %.200r" % (method, path, status, text))
        return json.loads(text) if text.startswith(b"{") else {}

    def round(self, i):
        made = self.call("POST", T, {"records": [
            {"fields": {"Name": "t%d-%d" % (self.k, i),
                        "Parts": ["recP0000000000001"],
                        "Files": [{"url": "http://example.com/a.png"}]}}]})
        self.made += 1
        rec = made["records"][0]["id"]
        url = made["records"][0]["fields"]["Files"][0]["url"]
        self.call("GET", url.split("/", 3)[3].join(["/", ""]),
                  port=self.suite.files)
        page = self.call("GET", T + "?pageSize=20&sort[0][field]=Name")
        if "offset" in page:
            self.call("GET", T + "?pageSize=20&offset=" +
                      page["offset"].replace("/", "%2F"))
        self.call("PATCH", T + "/" + A, {"fields": {"Number": self.k}})
        self.call("POST", T + "/" + rec + "/comments", {"text": "t"})
        self.call("GET", HOOKS + "/" + self.suite.hook + "/payloads?limit=5")
        self.call("GET", B + "/tblParts000000001?cellFormat=string&"
                  "timeZone=utc&userLocale=en")
        other = [
            ("POST", "/_sim/latency", {"ms": i % 3}),
            ("GET", "/_sim/log?since=0&body=1", None),
            ("GET", "/_sim/counters", None),
            ("GET", "/_sim/state", None),
            ("POST", "/_sim/files", {"latency_ms": i % 2}),
            ("POST", "/_sim/token", {"token": "patT%d" % self.k,
                                     "revoked": i % 2 == 0}),
            ("POST", "/_sim/quirk", {"trim_text": i % 2}),
            ("POST", "/_sim/as", {"method": "PATCH", "path": T + "/" + A,
                                  "body": {"fields": {"Long": "x"}}}),
        ][(i + self.k) % 8]
        self.call(*other)
        if i % 4 == 3:
            self.call("DELETE", T + "/" + rec)
            self.made -= 1

    def run(self):
        try:
            for i in range(ROUNDS):
                self.round(i)
        except Exception as e:
            self.odd.append(repr(e))


def main():
    s = Suite(sys.argv[1], sys.argv[2])
    first = Worker(s, 99)
    s.hook = first.call("POST", HOOKS, {"specification": {"options": {
        "filters": {"dataTypes": ["tableData"]}}}})["id"]
    workers = [Worker(s, k) for k in range(THREADS)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    odd = [o for w in workers for o in w.odd]
    for o in odd[:20]:
        print("# " + o)
    print("%s - concurrent: every answer is as it should be" %
          ("not ok" if odd else "ok"))
    first.call("POST", "/_sim/latency", {"ms": 0})
    names, offset = [], ""
    while offset is not None:
        page = first.call("GET", T + "?fields[]=Name&offset=" +
                          offset.replace("/", "%2F"))
        names += [r["fields"].get("Name", "") for r in page["records"]]
        offset = page.get("offset")
    mine = [n for n in names if n.startswith("t")]
    good = len(mine) == len(set(mine)) == sum(w.made for w in workers)
    print("%s - concurrent: what was written is there once" %
          ("ok" if good else "not ok"))
    return bool(odd) or not good or s.end("concurrent")


if __name__ == "__main__":
    sys.exit(main())
