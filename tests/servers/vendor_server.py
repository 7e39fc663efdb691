"""What the strict local servers of vendors' own protocols share.

A server takes a request apart as its vendor documents it and refuses what the vendor
would refuse; a subclass knows the protocol. It answers by pattern, else with the last
text of the user itself; a token is a word. A text of `TROUBLES` asks for an error, and
`nothing-ran` for what a proxy says when the server behind it failed.
"""

import base64
import binascii
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self, TypeAlias

Body: TypeAlias = dict[str, Any]
Event: TypeAlias = tuple[str, Body]
"""The event's name, empty where the protocol has none, and its data."""
Calls: TypeAlias = Sequence[tuple[str, Mapping[str, Any]]]

CACHED_TOKENS = 2
"""Tokens of a prompt that begins with `cached` which were read from a cache."""
RETRY_AFTER_S = "0.05"
MEDIA_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
TROUBLES = {
    "error-400": 400,
    "error-403": 403,
    "error-404": 404,
    "error-429": 429,
    "error-500": 500,
    "error-503": 503,
    "error-529": 529,
}
TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Refused(Exception):
    """A request that the vendor would refuse, or trouble that was asked for."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


class Asked(NamedTuple):
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: Body


class Said(NamedTuple):
    """An answer, before it is put in the form of a protocol."""

    text: str
    calls: Calls
    stop: str
    """`stop`, `length`, `tool_calls` or `filtered`."""
    input_tokens: int
    cached_tokens: int

    @property
    def output_tokens(self) -> int:
        """Words of the text, and one for each call."""
        return len(self.text.split()) + len(self.calls)

    @property
    def parts(self) -> list[str]:
        """The text in words, each with the space before it."""
        return re.findall(r"\s*\S+", self.text)


class VendorServer(ThreadingHTTPServer):
    """A context manager that serves from a thread.

    Args:
        answers: regular expression -> answer, searched in the user's last text.
        calls: regular expression -> names and arguments of tools to call, where a
            request has tools and does not end with a result.
        key: the key that is asked for.
    """

    daemon_threads = True
    has_retry_after = True
    """Whether the vendor says in a header how long to wait."""

    def __init__(
        self,
        *,
        answers: Mapping[str, str] | None = None,
        calls: Mapping[str, Calls] | None = None,
        key: str,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers or {}
        self.calls = calls or {}
        self.key = key
        self.asked: list[Asked] = []
        """Every request, in order of arrival."""
        self.counts: Counter[str] = Counter()
        """Requests per prompt."""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """The base URL, without a path."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def bodies(self) -> list[Body]:
        """Every request's JSON body."""
        return [asked.body for asked in self.asked]

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop serving."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def check(self, asked: Asked) -> None:
        """Raise `Refused` for what the vendor would refuse."""
        raise NotImplementedError

    def prompt(self, asked: Asked) -> str:
        """Return the last text of the user, or of a tool."""
        raise NotImplementedError

    def limits(self, asked: Asked) -> tuple[int | None, Sequence[str]]:
        """Return the most tokens of an answer and the texts that end it."""
        raise NotImplementedError

    def wants_call(self, asked: Asked) -> str | None:
        """Return the tool that must be called, empty if any may, else `None`."""
        raise NotImplementedError

    def is_streamed(self, asked: Asked) -> bool:
        """Whether the answer is asked for in parts."""
        raise NotImplementedError

    def whole(self, asked: Asked, said: Said) -> Body:
        """Return the reply in one piece."""
        raise NotImplementedError

    def events(self, asked: Asked, said: Said) -> Iterator[Event]:
        """Yield the parts of a reply."""
        raise NotImplementedError

    def encode(self, event: Event) -> bytes:
        """Return a part of a reply as it is sent, by default as an event of the web."""
        name, data = event
        head = f"event: {name}\n" if name else ""
        return f"{head}data: {json.dumps(data)}\n\n".encode()

    def refusal(self, refused: Refused) -> Body:
        """Return the body of an error."""
        raise NotImplementedError

    def say(self, asked: Asked) -> Said:
        """Check a request and answer it."""
        with self._lock:
            self.asked.append(asked)
        self.check(asked)
        prompt = self.prompt(asked)
        with self._lock:
            self.counts[prompt] += 1
        if status := TROUBLES.get(prompt):
            raise Refused(status, "trouble that was asked for")
        if prompt == "flaky-429" and self.counts[prompt] == 1:
            raise Refused(429, "slow down")
        if prompt == "nothing-ran":
            return Said("", (), "stop", 0, 0)
        calls = self._called(prompt, self.wants_call(asked))
        text, stop = self._text(asked, prompt) if not calls else ("", "tool_calls")
        cached_tokens = CACHED_TOKENS if prompt.startswith("cached") else 0
        return Said(text, calls, stop, len(prompt.split()), cached_tokens)

    def _called(self, prompt: str, wanted: str | None) -> Calls:
        if wanted is None:
            return ()
        for pattern, calls in self.calls.items():
            if re.search(pattern, prompt):
                return calls
        return [(wanted, json.loads(self._answer(prompt)))] if wanted else ()

    def _answer(self, prompt: str) -> str:
        found = (
            said for regex, said in self.answers.items() if re.search(regex, prompt)
        )
        return next(found, prompt)

    def _text(self, asked: Asked, prompt: str) -> tuple[str, str]:
        if prompt == "filtered-reply":
            return "", "filtered"
        text = self._answer(prompt)
        most_tokens, ends = self.limits(asked)
        words = re.findall(r"\s*\S+", text)
        stop = "stop"
        if most_tokens is not None and len(words) > most_tokens:
            text, stop = "".join(words[:most_tokens]), "length"
        for end in ends:
            if end in text:
                text, stop = text.partition(end)[0], "stop"
        return text, stop


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: VendorServer

    def do_POST(self) -> None:
        """Answer a request."""
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, json.loads(raw))
        try:
            said = self.server.say(asked)
        except Refused as refused:
            self._send(refused.status, self.server.refusal(refused))
            return
        if self.server.is_streamed(asked):
            self._stream(asked, said)
        else:
            self._send(200, self.server.whole(asked, said))

    def _send(self, status: int, body: Body) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status == 429 and self.server.has_retry_after:
            self.send_header("Retry-After", RETRY_AFTER_S)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, asked: Asked, said: Said) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        is_cut = self.server.prompt(asked).startswith("cut-stream")
        for number, event in enumerate(self.server.events(asked, said)):
            if is_cut and number == 4:
                break
            self.wfile.write(self.server.encode(event))
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Stay quiet: `asked` has everything."""


def need(is_so: object, said: str, status: int = 400) -> None:
    """Refuse a request unless something holds."""
    if not is_so:
        raise Refused(status, said)


def need_only(body: Mapping[str, Any], allowed: Sequence[str], place: str) -> None:
    """Refuse fields that the vendor does not know."""
    extra = sorted(body.keys() - set(allowed))
    need(not extra, f"{place}: unknown fields {extra}")


def need_schema(schema: Any, place: str) -> None:
    """Refuse parameters of a tool that are no schema of an object."""
    is_object = isinstance(schema, dict) and schema.get("type") == "object"
    need(is_object, f"{place}: must be a schema of an object")


def need_image(media_type: Any, data: Any) -> None:
    """Refuse what is no image in base64 of a type that the vendors take."""
    need(media_type in MEDIA_TYPES, f"image: media type {media_type!r}")
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Refused(400, "image: no base64") from None
