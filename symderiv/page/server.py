"""The page at 127.0.0.1: three files, and one address that answers questions.

Contract: answers this machine alone, to its own page; reads no file that is asked for and runs
nothing; what is computed is computed by workers with limits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from ..core.plaintext import json_text
from .assets import app_page, asset
from .worker import SECONDS, Worker

LOOPBACK = "127.0.0.1"
_LARGEST = 100_000  # bytes of a question
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src data:; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FILES = {
    "/app.css": ("app.css", "text/css"),
    "/app.js": ("app.js", "text/javascript"),
    "/asking.js": ("asking.js", "text/javascript"),
}
_QUICK = frozenset(["read", "examples", "example"])  # what is asked while something is typed


class PageServer(ThreadingHTTPServer):
    """Serves the page on the loopback address; use as a context, so that the workers end."""

    daemon_threads = True

    def __init__(self, port: int = 0, seconds: float = SECONDS) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.quick, self.slow = Worker(seconds), Worker(seconds)
        for worker in (self.quick, self.slow):  # ready when the page first asks
            Thread(target=worker.ask, args=({"what": "read", "text": "x"},), daemon=True).start()

    @property
    def address(self) -> str:
        """Return where the page is."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    @property
    def hosts(self) -> set[str]:
        """Return the names by which the page may be asked for: no other name leads here."""
        return {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}

    def answered(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of a worker; what is typed does not wait for what is derived."""
        worker = self.quick if asked.get("what") in _QUICK else self.slow
        return worker.ask(asked)

    def server_close(self) -> None:
        """Close the socket, and end the workers."""
        super().server_close()
        self.quick.close()
        self.slow.close()


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version, sys_version = "symderiv", ""
    protocol_version = "HTTP/1.1"
    timeout = 75

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        """Send the page, its style or its scripts."""
        if not self._is_ours():
            return
        path = self.path.split("?")[0]
        if path == "/":
            self._send(HTTPStatus.OK, "text/html", app_page())
        elif path in _FILES:
            name, kind = _FILES[path]
            self._send(HTTPStatus.OK, kind, asset(name))
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "there is no such page")

    def do_POST(self) -> None:  # noqa: N802
        """Answer a question of the page."""
        if not self._is_ours():
            return
        kind = self.headers.get("Content-Type", "").split(";")[0]
        length = self.headers.get("Content-Length", "")
        origin = self.headers.get("Origin", "")
        if origin.removeprefix("http://") not in self.server.hosts:
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "only the page itself may ask")
        elif self.path != "/answer" or kind != "application/json":
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "ask /answer, in JSON")
        elif not length.isdecimal() or int(length) > _LARGEST:
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", "this is too long")
        else:
            self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes) -> None:
        try:
            asked = json.loads(body)
            if not isinstance(asked, dict):
                raise ValueError
        except (ValueError, RecursionError):
            self._send(HTTPStatus.BAD_REQUEST, "text/plain", "this is no question in JSON")
            return
        self._send(HTTPStatus.OK, "application/json", json_text(self.server.answered(asked)))

    def _is_ours(self) -> bool:
        """Whether the page is asked for by its own name; another name may be a page elsewhere."""
        if self.headers.get("Host", "") in self.server.hosts:
            return True
        self._send(HTTPStatus.FORBIDDEN, "text/plain", "this page is for this machine alone")
        return False

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        if status != HTTPStatus.OK:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: what is asked is nobody else's business."""
