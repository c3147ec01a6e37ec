"""A dCache door and its pool, as dCache's source and user guide describe them.

usage: dcache_door.py FOLDER never|read|both

Prints `door PORT pool PORT`, then serves FOLDER until its standard input ends. The door redirects to the pool
never, when a file is read, or also when one is written with `Expect: 100-continue` and no byte of it sent yet.
The token RW may do everything, RO may read. COPY fetches a file from another server. Without a token the door says 401; the pool wants no token, but the
ticket (`dcache-http-uuid`) in the address that the door gave. POST /__fault sets faults, GET /__log tells and
forgets the requests.
"""

import base64
import email.utils
import hashlib
import http.client
import json
import os
import re
import select
import shutil
import sys
import threading
import time
import urllib.parse
import uuid
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = os.path.realpath(sys.argv[1])
REDIRECTS = sys.argv[2]
DOOR, POOL = {}, {}
LOCK = threading.RLock()
TICKETS = {}  # ticket -> (path, method, wanted digest)
INCOMPLETE = set()  # entries that exist in the name space while their bytes are on the way
WITH_MD5 = set()  # files for which MD5 was asked for when they were written
LOG = []
FAULTS = dict(pool_503=0, pool_lost=0, drop=0, corrupt=0, quota=None, tape=[], dies=None)
FAULTS |= dict(sha256=False, copy_refused=None, copy_fails=0, copy_ends=0)
FAULTS |= dict(lost=[], stage_polls=2, archive_most=10_000)
STAGED = {}  # the state of each file, by request
BOTH = set()  # files that came from tape


def taken(fault):
    """Whether a counted fault is to happen now."""
    with LOCK:
        if FAULTS[fault]:
            FAULTS[fault] -= 1
            return True
        return False


def place(path):
    full = os.path.normpath(ROOT + "/" + urllib.parse.unquote(path))
    if full != ROOT and not full.startswith(ROOT + "/"):
        raise ValueError(path)
    return full


def name_of(full):
    return "/" + os.path.relpath(full, ROOT) if full != ROOT else "/"


def sums(full):
    adler, md5 = 1, hashlib.md5()
    with open(full, "rb") as file:
        while piece := file.read(1 << 20):
            adler = zlib.adler32(piece, adler)
            md5.update(piece)
    return f"{adler & 0xFFFFFFFF:08x}", base64.b64encode(md5.digest()).decode()


def digest(wanted, full):
    """The value of `Digest`: Adler32 always, MD5 only where it was asked for at the writing."""
    if not wanted:
        return None
    try:
        adler, md5 = sums(full)
    except (FileNotFoundError, IsADirectoryError):
        return None
    for name in (w.split(";")[0].strip().lower() for w in wanted.split(",")):
        if name == "adler32":
            return "adler32=" + adler
        if name == "md5" and full in WITH_MD5:
            return "md5=" + md5
        if name == "sha-256" and FAULTS["sha256"]:
            with open(full, "rb") as file:
                return "sha-256=" + base64.b64encode(hashlib.sha256(file.read()).digest()).decode()
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dCache/10.2 (stand-in)"
    sys_version = ""
    disable_nagle_algorithm = True
    expects = False
    body_done = False

    def log_message(self, *_):
        if not self.path.startswith("/__"):
            LOG.append([self.server.kind, self.command, self.path, dict(self.headers)])

    def parse_request(self):
        self.expects = self.body_done = False
        return super().parse_request()

    def handle_expect_100(self):
        self.expects = True  # whether to go on is decided later
        return True

    # --- bodies and answers

    def pieces(self):
        """The request's body."""
        self.body_done = True
        if self.expects:
            self.send_response_only(100)
            self.end_headers()
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            while left := int(self.rfile.readline().split(b";")[0], 16):
                while left:
                    piece = self.rfile.read(min(left, 1 << 16))
                    if not piece:
                        raise ConnectionError
                    left -= len(piece)
                    yield piece
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            if not piece:
                raise ConnectionError
            left -= len(piece)
            yield piece

    def finish_body(self):
        """The connection can't be used again if a body was announced and not sent."""
        if self.body_done:
            return
        if self.expects:
            self.close_connection = True
        else:
            for _ in self.pieces():
                pass
        self.body_done = True

    def answer(self, status, body=b"", **headers):
        self.finish_body()
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, status, value):
        self.answer(status, json.dumps(value).encode(), Content_Type="application/json")

    # --- files

    def take_in(self, full, wanted, location=None):
        part = full + ".up" + uuid.uuid4().hex
        adler, md5, size = 1, hashlib.md5(), 0
        try:
            with open(part, "wb") as file:
                for piece in self.pieces():
                    file.write(piece)
                    adler = zlib.adler32(piece, adler)
                    md5.update(piece)
                    size += len(piece)
        except (ConnectionError, OSError, ValueError):
            os.remove(part)
            self.forget(full)
            self.close_connection = True
            return
        told = self.headers.get("Content-MD5")
        if told and told != base64.b64encode(md5.digest()).decode():
            os.remove(part)
            self.forget(full)
            return self.answer(400, b"Checksum mismatch\n")
        if size and taken("corrupt"):
            with open(part, "r+b") as file:
                first = file.read(1)[0]
                file.seek(0)
                file.write(bytes([first ^ 255]))
        os.replace(part, full)
        INCOMPLETE.discard(full)
        if told or "md5" in (wanted or "").lower():
            WITH_MD5.add(full)
        self.answer(201, f"{size} bytes uploaded\r\n".encode(), Digest=digest(wanted, full), Location=location)

    def forget(self, full):
        if full in INCOMPLETE:
            INCOMPLETE.discard(full)
            os.path.exists(full) and os.remove(full)

    def give_out(self, full):
        try:
            file = open(full, "rb")
        except FileNotFoundError:
            # It went between the door's look at it and this.
            return self.answer(404)
        with file:
            self.give_out_open(full, file)

    def give_out_open(self, full, file):
        state = os.fstat(file.fileno())
        size = state.st_size
        common = dict(
            Accept_Ranges="bytes",
            ETag=f'"{state.st_ino:X}_{state.st_mtime_ns}"',
            Last_Modified=email.utils.formatdate(state.st_mtime, usegmt=True),
            Digest=digest(self.headers.get("Want-Digest"), full),
        )
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", (self.headers.get("Range") or "").strip())
        current = self.headers.get("If-Range") in (None, common["ETag"])
        if span and current and self.command == "GET":
            first = int(span[1])
            last = min(size - 1, int(span[2])) if span[2] else size - 1
            if first >= size:
                return self.answer(416, Content_Range=f"bytes */{size}")
            file.seek(first)
            body = file.read(last - first + 1)
            return self.answer(206, body, Content_Range=f"bytes {first}-{last}/{size}", **common)
        self.finish_body()
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        for name, value in common.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if taken("drop"):
            self.wfile.write(file.read(size // 2))
            self.close_connection = True
            return
        shutil.copyfileobj(file, self.wfile, 1 << 16)

    # --- the pool

    def pool(self):
        url = urllib.parse.urlsplit(self.path)
        ticket = (urllib.parse.parse_qs(url.query).get("dcache-http-uuid") or [""])[0]
        if taken("pool_503"):
            return self.answer(503, b"busy", Retry_After="1")
        if taken("pool_lost"):
            TICKETS.pop(ticket, None)
        full, method, wanted = TICKETS.get(ticket) or (None, None, None)
        if full != place(url.path) or (method == "PUT") != (self.command == "PUT"):
            return self.answer(400, b"Request is no longer valid. Please resubmit to door.")
        if self.command == "PUT":
            for name in self.headers:
                if name.lower().startswith("content-") and name.lower() not in ("content-length", "content-md5"):
                    return self.answer(501, f"{name} is not implemented".encode())
            del TICKETS[ticket]
            return self.take_in(full, (self.headers.get("Want-Digest") or "") + "," + (wanted or ""), url.path)
        whole = "Range" not in self.headers
        self.give_out(full)
        if whole:  # reading a file to its end uses the ticket up
            TICKETS.pop(ticket, None)

    def to_pool(self, full, path, status):
        ticket = str(uuid.uuid4())
        TICKETS[ticket] = (full, self.command, self.headers.get("Want-Digest"))
        self.answer(status, Location=f"http://127.0.0.1:{POOL['port']}{path}?dcache-http-uuid={ticket}")

    # --- the door

    def allowed(self, writes):
        told = self.headers.get("Authorization") or ""
        token = told[7:].strip() if told.lower().startswith("bearer ") else None
        if token == "RW" or (token == "RO" and not writes):
            return True
        if token == "RO":
            self.answer(403, b"Permission denied")
        else:
            self.answer(401, WWW_Authenticate='Basic realm=""')
        return False

    def body_is_coming(self):
        """Whether bytes of the body are there already: then the door takes them itself."""
        self.connection.setblocking(False)
        try:
            waiting = self.rfile.peek(1)
        except (BlockingIOError, ValueError):
            waiting = b""
        finally:
            self.connection.settimeout(None)
        return bool(waiting) or bool(select.select([self.connection], [], [], 0.02)[0])

    def door(self):
        url = urllib.parse.urlsplit(self.path)
        path, method = url.path, self.command
        if path == "/__fault":
            FAULTS.update(json.loads(b"".join(self.pieces())))
            return self.answer(200)
        if path == "/__log":
            told = json.dumps(LOG).encode()
            LOG.clear()
            return self.answer(200, told)
        # A method, and a text of the path: such a request is taken, and never answered.
        if FAULTS["dies"] and FAULTS["dies"][0] == method and FAULTS["dies"][1] in path:
            while FAULTS["dies"]:
                time.sleep(0.02)
            self.close_connection = True
            return
        reads = method in ("GET", "HEAD", "PROPFIND", "OPTIONS") or path.endswith("/tape/archiveinfo")
        if not self.allowed(not reads):
            return
        if path.startswith("/api/v1/tape/"):
            return self.tape(path.removeprefix("/api/v1/tape/"))
        try:
            full = place(path)
        except ValueError:
            return self.answer(400)
        getattr(self, "on_" + method.lower(), lambda *_: self.answer(501))(full, path)

    def on_get(self, full, path):
        if os.path.isdir(full):
            if self.command == "GET" and not path.endswith("/"):
                return self.answer(302, Location=path + "/")
            return self.answer(200, b"<html>a folder</html>", Content_Type="text/html")
        if not os.path.exists(full):
            return self.answer(404)
        if full in INCOMPLETE:
            return self.answer(500, b"File is incomplete")
        if self.command == "GET":
            if name_of(full) in FAULTS["tape"]:
                return self.answer(403, b"Staging not allowed")
            if REDIRECTS != "never":
                return self.to_pool(full, path, 302)
        self.give_out(full)

    on_head = on_get

    def on_put(self, full, path):
        if FAULTS["quota"] is not None and int(self.headers.get("Content-Length") or 0) > FAULTS["quota"]:
            return self.answer(507)
        if os.path.isdir(full):
            return self.answer(405)
        with LOCK:
            if full in INCOMPLETE:
                return self.answer(409)
            if os.path.exists(full):
                os.remove(full)  # the old file goes before the new one comes
            os.makedirs(os.path.dirname(full), exist_ok=True)
            open(full, "wb").close()
            INCOMPLETE.add(full)
        if self.expects and REDIRECTS == "both" and not self.body_is_coming():
            return self.to_pool(full, path, 307)
        self.take_in(full, self.headers.get("Want-Digest"))

    def on_mkcol(self, full, _):
        try:
            os.mkdir(full)
            self.answer(201)
        except FileExistsError:
            self.answer(405)
        except FileNotFoundError:
            self.answer(409)

    def on_delete(self, full, _):
        if not os.path.exists(full):
            return self.answer(404)
        INCOMPLETE.discard(full)
        shutil.rmtree(full) if os.path.isdir(full) else os.remove(full)
        self.answer(204)

    def on_move(self, full, _):
        target = place(urllib.parse.urlsplit(self.headers["Destination"]).path)
        with LOCK:
            if not os.path.exists(full):
                return self.answer(404)
            if not os.path.isdir(os.path.dirname(target)):
                return self.answer(409)
            there = os.path.exists(target)
            if there and self.headers.get("Overwrite") == "F":
                return self.answer(412)
            os.replace(full, target)
        self.answer(204 if there else 201)

    # --- third-party copies

    def on_copy(self, full, _):
        """Has a file fetched from another server. The status says that it is begun, the last line how it ended."""
        self.finish_body()
        source, target = self.headers.get("Source"), self.headers.get("Destination")
        if FAULTS["copy_refused"]:
            return self.answer(FAULTS["copy_refused"])
        if bool(source) == bool(target):
            return self.answer(400, b"exactly one of Source and Destination")
        if target:
            return self.answer(501)  # this stand-in pushes nothing
        if source.startswith("http:") and self.headers.get("Credential", "oidc") != "none":
            return self.answer(400, b"HTTP header 'Credential' value is not supported for transport http")
        with LOCK:
            if not os.path.isdir(os.path.dirname(full)):
                return self.answer(400, b"No such file or directory")
            if os.path.exists(full) and self.headers.get("Overwrite") == "F":
                return self.answer(412)
            open(full, "wb").close()
            INCOMPLETE.add(full)
        self.send_response(202)
        self.send_header("Content-Type", "text/perf-marker-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

        def say(text):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text.encode()))

        def marker(state, size=None):
            stripe = f"    Stripe Bytes Transferred: {size}\n    Stripe Status: RUNNING\n" if size is not None else ""
            say(
                f"Perf Marker\n    Timestamp: {int(time.time())}\n    State: {state}\n    Stripe Index: 0\n"
                f"{stripe}    Total Stripe Count: 1\nEnd\n"
            )

        problem = None
        try:
            marker(3)
            self.fetch(source, full, lambda size: marker(10, size))
        except BrokenPipeError:
            self.forget(full)  # who asked has gone: the copy is given up
            raise
        except OSError as error:
            problem = str(error)
            self.forget(full)
        INCOMPLETE.discard(full)
        if not taken("copy_ends"):
            say(f"failure: {problem}\n" if problem else "success: Created\n")
        self.wfile.write(b"0\r\n\r\n")

    def fetch(self, source, full, tell):
        """Brings a file here, with the headers that were given for that; `OSError` says why it can't be."""
        prefix = "transferheader"
        given = {n[len(prefix):]: v for n, v in self.headers.items() if n.lower().startswith(prefix)}

        def ask(method, url, headers):
            parts = urllib.parse.urlsplit(url)
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
            connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), headers=headers)
            return connection.getresponse()

        if taken("copy_fails"):
            raise OSError("connection to the remote server timed out")
        answer = ask("GET", source, given)
        for _ in range(5):
            if answer.status in (302, 307):  # the credential is not for where it leads
                answer = ask("GET", answer.headers["Location"], {})
        if answer.status != 200:
            raise OSError(f"rejected GET: {answer.status} {answer.reason}")
        adler, size = 1, 0
        with open(full, "wb") as file:
            while piece := answer.read(1 << 20):
                file.write(piece)
                adler, size = zlib.adler32(piece, adler), size + len(piece)
                tell(size)
        if self.headers.get("RequireChecksumVerification") == "true":
            told = ask("HEAD", source, given | {"Want-Digest": "adler32"}).headers.get("Digest")
            if told != f"adler32={adler & 0xFFFFFFFF:08x}":
                raise OSError(f"checksum mismatch: {told}")
        if taken("corrupt"):
            with open(full, "r+b") as file:
                first = file.read(1)[0]
                file.seek(0)
                file.write(bytes([first ^ 255]))

    def on_propfind(self, full, _):
        self.finish_body()
        if not os.path.exists(full):
            return self.answer(404)
        depth = {"0": 0, "1": 1}.get(self.headers.get("Depth"), 3)  # endless depth is cut at three levels
        told = ['<?xml version="1.0" encoding="utf-8" ?><d:multistatus xmlns:d="DAV:">']

        def one(at):
            folder, state = os.path.isdir(at), os.stat(at)
            href = urllib.parse.quote(name_of(at)) + ("/" if folder and at != ROOT else "")
            kind = "<d:collection/>" if folder else ""
            size = "" if folder else f"<d:getcontentlength>{state.st_size}</d:getcontentlength>"
            told.append(
                f"<d:response><d:href>{href}</d:href><d:propstat><d:prop><d:resourcetype>{kind}</d:resourcetype>"
                f"<d:getlastmodified>{email.utils.formatdate(state.st_mtime, usegmt=True)}</d:getlastmodified>"
                f"{size}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
            )

        def walk(at, left):
            try:
                one(at)
                if left and os.path.isdir(at):
                    for child in sorted(os.listdir(at)):
                        if ".up" not in child:
                            walk(at + "/" + child, left - 1)
            except FileNotFoundError:
                pass

        walk(full, depth)
        told.append("</d:multistatus>")
        self.answer(207, "".join(told).encode(), Content_Type="application/xml; charset=utf-8")

    # --- the REST interface's tape part

    def tape(self, what):
        """`tape` lists the files that are on tape alone, `lost` those that nobody has any more."""
        missing = (404, {"errors": [{"message": "Not Found", "status": "404"}]})
        if what == "archiveinfo":
            # A longer list is cut without a word.
            paths = json.loads(b"".join(self.pieces()))["paths"][: FAULTS["archive_most"]]
            return self.answer_json(200, [{"path": p} | self.locality(p) for p in paths])
        if what == "stage" and self.command == "POST":
            request, asked = str(uuid.uuid4()), json.loads(b"".join(self.pieces()))["files"]
            if not asked or not all(re.fullmatch(r"PT\d+S", f.get("diskLifetime", "PT1S")) for f in asked):
                return self.answer_json(400, {"errors": [{"message": "Bad request", "status": "400"}]})
            STAGED[request] = dict(polls=0, states={f["path"]: "SUBMITTED" for f in asked})
            door = f"http://127.0.0.1:{DOOR['port']}/api/v1/tape/stage/{request}"
            self.finish_body()
            body = json.dumps({"requestId": request}).encode()
            return self.answer(201, body, Content_Type="application/json", Location=door)
        _, request, *rest = what.split("/") + [""]
        stage = STAGED.get(request)
        if stage is None:
            return self.answer_json(*missing)
        states = stage["states"]
        if rest[0] == "cancel" and self.command == "POST":
            paths = json.loads(b"".join(self.pieces()))["paths"]
            if not all(p in states for p in paths):
                return self.answer(400, title="File missing from stage request")
            states.update({p: "CANCELLED" for p in paths if states[p] in ("SUBMITTED", "STARTED")})
            return self.answer(200)
        if self.command == "DELETE":
            del STAGED[request]
            return self.answer(200)
        # One file after another comes from its tape.
        stage["polls"] += 1
        errors = {}
        for n, (path, state) in enumerate(states.items()):
            place = self.locality(path)
            if place.get("locality") == "LOST" or "error" in place:
                states[path], errors[path] = "FAILED", place.get("error", "file is lost: no pool and no tape has it")
            elif state in ("SUBMITTED", "STARTED"):
                come = stage["polls"] > FAULTS["stage_polls"] + n
                states[path] = "COMPLETED" if come else "STARTED"
                if come and path in FAULTS["tape"]:
                    FAULTS["tape"].remove(path)
                    BOTH.add(path)
        files = [{"path": p, "state": s} | ({"error": errors[p]} if p in errors else {}) for p, s in states.items()]
        now = int(time.time() * 1000)
        self.answer_json(200, {"id": request, "createdAt": now, "startedAt": now, "files": files})

    def locality(self, path):
        if not os.path.exists(ROOT + path):
            return {"error": "CacheException(rc=10001;msg=No such file or directory)"}
        for name, files in (("LOST", FAULTS["lost"]), ("TAPE", FAULTS["tape"]), ("DISK_AND_TAPE", BOTH)):
            if path in files:
                return {"locality": name}
        return {"locality": "DISK"}

    def handle_any(self):
        try:
            (self.pool if self.server.kind == "pool" else self.door)()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any
    do_PROPFIND = do_MKCOL = do_MOVE = do_COPY = handle_any


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


for kind, ports in (("pool", POOL), ("door", DOOR)):
    server = Server(("127.0.0.1", 0), Handler)
    server.kind = kind
    ports["port"] = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("door", DOOR["port"], "pool", POOL["port"], flush=True)
sys.stdin.read()
