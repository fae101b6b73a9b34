"""What both apps answer, and the ledger line that each request leaves on stdout when it came and when it ended."""

import base64
import datetime
import fcntl
import itertools
import json
import os
import random
import time
import urllib.parse
from http.cookies import SimpleCookie

VERSION = os.environ.get("ASGI_VERSION", "1")
NAME = os.environ.get("ASGI_NAME", "asgi")
SWAGGER = int(os.environ.get("ASGI_SWAGGER", "200"))
LEDGER = os.environ.get("ASGI_LEDGER", "on") == "on"
LOCK = os.environ.get("ASGI_LOCK", "lock")  # a file, in the working folder by default
OTHERS = int(os.environ.get("WEB_CONCURRENCY", "1")) - 1  # of the workers, as gunicorn's users name their number
PEER = os.environ.get("ASGI_PEER_MS")  # instead of what a request says
numbers = itertools.count(1)


class Request:
    def __init__(self, method, path, query, headers):
        """headers: a dict with lower-case names."""
        self.method, self.path, self.headers = method, path, headers
        self.query = dict(urllib.parse.parse_qsl(query))
        self.record = {
            "n": next(numbers), "id": headers.get("x-request-id", ""), "method": method, "path": path,
            "user": user_of(headers), "version": VERSION, "came": now(),
        }
        self.tell()

    def began(self):
        self.record["began"] = now()

    def ended(self, status, size):
        self.record.update(status=status, bytes=size, ended=now())
        self.tell()

    def tell(self):
        if not LEDGER:
            return
        # One write, shorter than PIPE_BUF: lines of several workers do not mix.
        line = json.dumps({"pid": os.getpid(), **self.record}, separators=(",", ":"))
        os.write(1, b"ledger " + line.encode() + b"\n")

    def headers_out(self):
        out = {"X-Version": VERSION, "X-Backend": NAME, "Content-Type": "application/json"}
        if self.record["id"]:
            out["X-Request-Id"] = self.record["id"]
        if self.path == "/swagger" and 300 <= SWAGGER < 400:
            out["Location"] = "/swagger/"
        return out

    def milliseconds(self, name):
        return float(self.query.get(name, "0")) / 1000

    def body(self):
        user = self.record["user"]
        return json.dumps({"path": self.path, "version": VERSION, "user": user, "pid": os.getpid()}).encode()


def status_of(path):
    if path == "/swagger":
        return SWAGGER
    return 200 if path in ("/", "/healthz", "/slow", "/work", "/stuck", "/shared") else 404


def burn(seconds):
    """Uses so much of a processor, however many others want it."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


def stick(seconds):
    """Blocks the thread, as a call does that was not meant for an event loop."""
    time.sleep(seconds)


def share(request):
    """Waits for a database, and then changes, one worker at a time, what all share, and tells each of the others:
    contention and coherency. Both take as long as such things do, now more and now less, at random by the request's id."""
    draw = random.Random(request.record["id"])
    time.sleep(request.milliseconds("ms") * draw.expovariate(1))
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        peer = float(PEER) / 1000 if PEER else request.milliseconds("peer")
        time.sleep((request.milliseconds("lock") + peer * OTHERS) * draw.expovariate(1))


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def user_of(headers):
    kind, _, rest = headers.get("authorization", "").partition(" ")
    if kind == "Bearer":
        return rest
    if kind == "Basic":
        return base64.b64decode(rest).decode().partition(":")[0]
    cookie = SimpleCookie(headers.get("cookie", "")).get("user")
    return cookie.value if cookie else ""
