"""A small real web server for downloads that break: a hub or a package index.

It serves bytes by path, with ranges and entity tags as the Hugging Face hub does, and
on request answers with an error, closes in the middle, or gives other bytes.
"""

import hashlib
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FileServer(ThreadingHTTPServer):
    """A context manager that serves `files` from a thread.

    Args:
        files: content by path, which starts with a slash.
        status: answers with an error, by path.
        cuts: how often a path's download is closed after half of what was asked.
    """

    daemon_threads = True

    def __init__(
        self,
        files: Mapping[str, bytes],
        *,
        status: Mapping[str, int] | None = None,
        cuts: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = dict(files)
        self.status = dict(status or {})
        self.cuts = dict(cuts or {})
        self.log: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Return the address without a final slash."""
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and close the socket."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        start = self._start()
        self.server.log.append(f"{self.command} {path} from {start}")
        status = self.server.status.get(path)
        content = self.server.files.get(path)
        if status is not None or content is None:
            self._head(status or 404, length=0)
            return
        body = content[start:]
        self._head(206 if start else 200, length=len(body), content=content)
        if not with_body:
            return
        if self.server.cuts.get(path, 0):
            self.server.cuts[path] -= 1
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)

    def _start(self) -> int:
        found = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found.group(1)) if found else 0

    def _head(self, status: int, *, length: int, content: bytes = b"") -> None:
        self.send_response(status)
        if self.path.endswith("/"):
            self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""
