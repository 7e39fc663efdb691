"""A careless server, for tests: whatever it answers quotes the keys that it was sent.

The last user's text says how, as in `quote as html`; see `SHAPES`. It takes a request
of any vendor's protocol, and quotes every header and address that may hold a key.
"""

import base64
import gzip
import json
import re
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import quote

SHAPES = {
    "answer": "200, with the key in the answer",
    "base64": "400, with the key in base64",
    "broken": "200 with JSON that ends in the middle",
    "cut": "a stream that breaks off",
    "empty": "200 without choices",
    "error": "401 in OpenAI's form",
    "field": "400, in a field that is no message",
    "gone": "503, to be tried again",
    "headers": "400, in all headers of the answer",
    "html": "403, a web page",
    "limit": "429",
    "odd": "200 with the key where a list should be",
    "overflow": "400: context_length_exceeded",
    "redirect": "307, in the address to go to",
    "slow": "200 after 0.3 seconds, with the key in the answer",
    "status": "418, also in the reason phrase",
    "stream": "a stream with an error in it",
    "streamed": "a stream with the key in the answer, in pieces",
    "text": "500, plain text",
    "zipped": "400, compressed",
}
_ASKED = re.compile(rb"quote as (\w+)")
_SAFE = ("host", "content-length", "accept", "connection", "content-type")


class Quote(NamedTuple):
    """An answer."""

    status: int
    body: str
    kind: str = "application/json"
    headers: Mapping[str, str] = {}


class QuotingServer(ThreadingHTTPServer):
    """The server; a context manager that serves from a thread.

    Args:
        elsewhere: the address that it redirects to.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, elsewhere: str = "http://127.0.0.1:9") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.elsewhere = elsewhere
        self.quoted: list[tuple[str, str]] = []
        """Every request: how it was answered, and all that it may have had a key in."""

    @property
    def url(self) -> str:
        """The address, without a path."""
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        """Start serving in a thread."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop serving."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: QuotingServer

    def do_POST(self) -> None:
        """Answer as the request's text asks."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = _ASKED.findall(body)
        shape = found[-1].decode() if found else "error"
        told = [v for n, v in self.headers.items() if n.lower() not in _SAFE]
        said = " ".join([*told, self.path])
        self.server.quoted.append((shape, said))
        if shape == "slow":
            time.sleep(0.3)
        if shape in ("cut", "stream", "streamed"):
            self._stream(shape, said)
        else:
            self._send(shape, _quote(shape, said, self.server.elsewhere))

    def _send(self, shape: str, answer: Quote) -> None:
        data = answer.body.encode()
        self.send_response(answer.status, answer.headers.get("reason"))
        if shape == "zipped":
            data = gzip.compress(data)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in answer.headers.items():
            if name != "reason":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, shape: str, said: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        events: list[Any] = [_part(said[:9]), _part(said[9:])]
        if shape == "stream":
            events.append({"error": {"message": f"bad key {said}", "code": said}})
        if shape == "streamed":
            events += [_part("", finish="stop"), "[DONE]"]
        for event in events:
            text = event if isinstance(event, str) else json.dumps(event)
            self.wfile.write(f"data: {text}\n\n".encode())
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Stay quiet."""


def _quote(shape: str, said: str, elsewhere: str) -> Quote:
    error = _error(f"Incorrect key {said}, sorry.")
    quotes = {
        "answer": Quote(200, _answer(f"Your key is {said}.")),
        "slow": Quote(200, _answer(f"Your key is {said}.")),
        "base64": Quote(400, _error(base64.b64encode(said.encode()).decode())),
        "broken": Quote(200, _answer(said)[:-30]),
        "empty": Quote(200, json.dumps({"id": said, "said": said})),
        "field": Quote(400, json.dumps({"detail": {"token": said}})),
        "gone": Quote(503, error, headers={"Retry-After": "0"}),
        "headers": Quote(400, error, headers={"X-Key": said, "X-Request-Id": said}),
        "html": Quote(403, f"<html><body>{said}</body></html>", "text/html"),
        "limit": Quote(429, error, headers={"Retry-After": "0", "X-Key": said}),
        "odd": Quote(200, json.dumps({"choices": said, "usage": said})),
        "overflow": Quote(400, _error(f"maximum context length of {said}")),
        "redirect": Quote(
            307, error, headers={"Location": f"{elsewhere}/?key={quote(said)}"}
        ),
        "status": Quote(418, error, headers={"reason": said}),
        "text": Quote(500, f"panic: {said}", "text/plain", {"Retry-After": "0"}),
        "zipped": Quote(400, error),
    }
    return quotes.get(shape) or Quote(401, error)


def _error(message: str) -> str:
    return json.dumps(
        {"error": {"message": message, "code": message, "param": message}}
    )


def _answer(text: str) -> str:
    message = {"role": "assistant", "content": text}
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": message,
        "logprobs": {"content": [{"token": text, "logprob": -0.5}]},
    }
    return json.dumps({"id": "x", "object": "chat.completion", "choices": [choice]})


def _part(text: str, *, finish: str | None = None) -> dict[str, Any]:
    delta = {"role": "assistant", "content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "choices": [choice]}
