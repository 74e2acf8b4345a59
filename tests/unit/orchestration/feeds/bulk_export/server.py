"""A FHIR server that exports in bulk, in a thread: written from the standard, sharing nothing with the client.

What does not belong here: expectations; each test states its own.
"""

import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = "2026-03-01T12:00:00.000+00:00"


def lines(*resources: object) -> bytes:
    return b"".join(json.dumps(resource).encode() + b"\n" for resource in resources)


@dataclass
class Reply:
    """An answer that a test puts in the way of the usual one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_at: int | None = None  # promise the whole length, send so many bytes, hang up


@dataclass
class FakeServer:
    """State of the server: `files` by kind and type, `scripted` replies by path, and all that was asked."""

    public_key: object
    wants_token: bool = True
    progress: list[str] = field(default_factory=list)
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    counts: bool = True
    pages: int = 1
    scripted: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    assertions: list[dict[str, object]] = field(default_factory=list)
    jobs: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    life: int = 300
    base: str = ""
    file_base: str = ""
    transaction_time: str = NOW

    def paths(self, method: str = "GET") -> Counter[str]:
        return Counter(path for verb, path, _ in self.asked if verb == method)

    def reply(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        url = urlsplit(path)
        self.asked.append((method, url.path, headers))
        if self.scripted.get(url.path):
            return self.scripted[url.path].pop(0)
        if url.path == "/fhir/.well-known/smart-configuration":
            found = {"token_endpoint": f"{self.base}/token"}
            return Reply(200, {}, json.dumps(found).encode())
        if url.path == "/token":
            return self._token(parse_qs(body.decode()))
        if self.wants_token and headers.get("authorization", "") not in {f"Bearer {t}" for t in self.tokens}:
            return Reply(401, {"WWW-Authenticate": "Bearer"})
        return self._authorised(method, url.path, parse_qs(url.query), headers)

    def _token(self, form: dict[str, list[str]]) -> Reply:
        assertion = form["client_assertion"][0]
        clockless = {"verify_exp": False, "verify_iat": False}  # the client's clock does not wait
        claims = jwt.decode(
            assertion, self.public_key, algorithms=["ES384"], audience=f"{self.base}/token", options=clockless
        )
        self.assertions.append({**claims, **jwt.get_unverified_header(assertion), "scope": form["scope"][0]})
        token = uuid.uuid4().hex
        self.tokens.add(token)
        found = {"access_token": token, "token_type": "bearer", "expires_in": self.life}
        return Reply(200, {}, json.dumps(found).encode())

    def _authorised(self, method: str, path: str, query: dict[str, list[str]], headers: dict[str, str]) -> Reply:
        if path.endswith("$export"):
            assert (headers["accept"], headers["prefer"]) == ("application/fhir+json", "respond-async")
            job = f"job-{len(self.jobs) + 1}"
            self.jobs[job] = {**query, "path": [path]}
            return Reply(202, {"Content-Location": f"{self.base}/status/{job}"})
        if path.startswith("/status/"):
            return self._status(method, path.removeprefix("/status/"), query)
        kind, name = path.removeprefix("/files/").split("/")
        found = self.files.get((kind, name))
        return Reply(404) if found is None else Reply(200, {"Content-Type": "application/fhir+ndjson"}, found)

    def _status(self, method: str, job: str, query: dict[str, list[str]]) -> Reply:
        if job not in self.jobs:
            return Reply(404)
        if method == "DELETE":
            self.deleted.append(job)
            del self.jobs[job]
            return Reply(202)
        if self.progress:
            return Reply(202, {"X-Progress": self.progress.pop(0), "Retry-After": "7"})
        page = int(query.get("page", ["1"])[0])
        return Reply(200, {"Expires": "never"}, json.dumps(self.manifest(job, page)).encode())

    def manifest(self, job: str, page: int) -> dict[str, object]:
        found: dict[str, object] = {
            "transactionTime": self.transaction_time, "request": "x", "requiresAccessToken": self.wants_token,
            "output": [], "deleted": [], "error": [],
        }  # fmt: skip
        chosen = [item for n, item in enumerate(self.files.items()) if n % self.pages == page - 1]
        for (kind, name), content in chosen:
            entry = {"type": name.split("-")[0], "url": f"{self.file_base or self.base}/files/{kind}/{name}"}
            if self.counts:
                entry["count"] = sum(1 for line in content.splitlines() if line.strip())
            found[kind].append(entry)
        if page < self.pages:
            found["link"] = [{"relation": "next", "url": f"{self.base}/status/{job}?page={page + 1}"}]
        return found


@contextmanager
def running(server: FakeServer, port: int = 0) -> Iterator[FakeServer]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.reply(self.command, self.path, headers, body)
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body if reply.cut_at is None else reply.body[: reply.cut_at])
            if reply.cut_at is not None:
                self.close_connection = True

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    found = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    found.daemon_threads = True
    server.base = f"http://127.0.0.1:{found.server_address[1]}"
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        found.shutdown()
        found.server_close()
        thread.join()


def key_pair(path: Path) -> object:
    """Write a private key of ES384, readable by its owner alone; return the public one."""
    private = ec.generate_private_key(ec.SECP384R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return private.public_key()


Slept = Callable[[float], None]
