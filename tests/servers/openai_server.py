r"""A small real server that speaks OpenAI's HTTP protocol, for tests and by hand.

    python tests/servers/openai_server.py --port 8000 --log requests.jsonl
    OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=none \
        pytest evals/ --llm openai/echo

It answers `/v1/chat/completions` and `/v1/completions`, streaming or not, from a
list of patterns, else with the prompt itself; where a request has tools, with calls of
them, if a pattern says so. The model's name (or the header
`X-Behaviour`) asks for trouble: see `BEHAVIOURS`. A token is a word.
"""

import argparse
import json
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeAlias

BEHAVIOURS = {
    "bad-json": "200 with JSON that ends in the middle",
    "bare": "200 without what is null: no content in an empty answer, no finish",
    "cut-stream": "a stream that ends after two words, without its last event",
    "drip": "200, a byte each 0.02 seconds",
    "drop": "the connection is closed without a reply",
    "empty": "200 without a body",
    "error-400": "400: an invalid request",
    "error-401": "401, quoting the key as careless servers do",
    "error-404": "404: no such model",
    "error-429": "429 with Retry-After, always",
    "error-500": "500, always",
    "error-503": "503, always",
    "flaky-429": "429 with Retry-After for the first request of each prompt",
    "flaky-500": "500 for the first request of each prompt",
    "flaky-drop": "a closed connection for the first request of each prompt",
    "error-in-stream": "a stream with an error after two words",
    "proxy-error-in-stream": "the same as litellm's proxy sends it, its code a status",
    "filtered": "400: content_filter",
    "filtered-reply": "200 with finish_reason content_filter",
    "error-body": "200 with an error of another server, code 429",
    "hang": "no answer until the server closes",
    "html": "200 with a web page",
    "moved": "307 to another server",
    "nameless-call": "calls of tools without a name",
    "no-index": "a stream of calls without their index",
    "no-choices": "200 without choices",
    "no-db": "400: what litellm's proxy says to a wrong key if it has no database",
    "no-usage": "200 without usage",
    "odd-finish": "200 with a finish_reason that nobody knows",
    "overflow": "400: context_length_exceeded",
    "parsed-call": "arguments of calls as JSON instead of a text",
    "repeats-name": "a stream of calls with id and name in each part",
    "reasoning": "200 with cached and reasoning tokens",
    "same-index": "a stream of calls that all have the index 0",
    "short": "200 with a body that is shorter than its Content-Length",
    "slow": "200 after 0.2 seconds",
    "thinks": "200 with a thought before the answer",
    "twice-ended": "a stream whose last events come twice",
    "used-up": "200, after which no request is left for 0.3 seconds",
    "wrong-types": "200 with numbers where texts should be",
}
Calls: TypeAlias = Sequence[tuple[str, str]]
DEFAULT_ANSWERS = {r"(?i)capital of france": "Paris is the capital of France."}
RETRY_AFTER_S = "0.05"
USED_UP = {
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "300ms",
}
SLOW_S = 0.2
EVENT_S = 0.02
NO_DB = {
    "error": {
        "message": "No connected db.",
        "type": "no_db_connection",
        "param": None,
        "code": "400",
    }
}
CUT_AFTER = 2
IN_STREAM = {"error-in-stream": "overloaded", "proxy-error-in-stream": "500"}
"""Codes of errors that come in the middle."""
BROKEN = ("bad-json", "drip", "empty", "short")


class Reply(NamedTuple):
    """A status and a JSON body or text."""

    status: int
    body: dict[str, Any] | str
    headers: Mapping[str, str] = {}


class OpenAIServer(ThreadingHTTPServer):
    """The server; a context manager that serves from a thread.

    Args:
        port: 0 takes a free one; `url` then says which.
        answers: regular expression -> answer, searched in the last user message.
        calls: regular expression -> names and arguments (JSON as a text) of tools to
            call, where a request has tools and does not end with a result.
        key: the bearer token that is asked for; `None` takes any or none.
        log: a file that gets one JSON line per request.
        certificate: a folder with `server.pem` and `server.key`; then it speaks TLS.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        port: int = 0,
        *,
        answers: Mapping[str, str] = DEFAULT_ANSWERS,
        calls: Mapping[str, Calls] | None = None,
        key: str | None = None,
        log: Path | None = None,
        certificate: Path | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.scheme = "http" if certificate is None else "https"
        if certificate is not None:
            shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            shown.load_cert_chain(
                certificate / "server.pem", certificate / "server.key"
            )
            self.socket = shown.wrap_socket(self.socket, server_side=True)
        self.answers = answers
        self.calls = calls or {}
        self.key = key
        self.log = log
        self.bodies: list[dict[str, Any]] = []
        """Every request's JSON body, in order of arrival."""
        self.keys: list[str] = []
        """Every request's `Authorization` header."""
        self.counts: Counter[str] = Counter()
        """Requests per prompt."""
        self.peak = 0
        """Most requests in flight at once."""
        self.stopping = threading.Event()
        self._in_flight = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The base URL, ending in `/v1`."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}/v1"

    def __enter__(self) -> Self:
        """Start serving in a thread."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop serving; requests that hang are let go."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def note(self, body: dict[str, Any], key: str) -> int:
        """Record a request; return how often its prompt was asked, this included."""
        prompt = prompt_of(body)
        with self._lock:
            self.bodies.append(body)
            self.keys.append(key)
            self.counts[prompt] += 1
            self._in_flight += 1
            self.peak = max(self.peak, self._in_flight)
            if self.log:
                line = {"model": body.get("model"), "prompt": prompt, "body": body}
                with self.log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
            return self.counts[prompt]

    def done(self) -> None:
        """Record that a request was answered."""
        with self._lock:
            self._in_flight -= 1

    def answer(self, prompt: str) -> str:
        """Return the answer of the first pattern found, else the prompt."""
        for pattern, text in self.answers.items():
            if re.search(pattern, prompt):
                return text
        return prompt

    def called(self, body: Mapping[str, Any]) -> Calls:
        """Return the calls of the first pattern found, if they are asked for."""
        if not body.get("tools") or body["messages"][-1]["role"] == "tool":
            return ()
        prompt = prompt_of(body)
        found = (
            made for pattern, made in self.calls.items() if re.search(pattern, prompt)
        )
        return next(found, ())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OpenAIServer
    _is_in_flight = False

    def do_GET(self) -> None:
        """List the models."""
        models = [{"id": name, "object": "model"} for name in ("echo", *BEHAVIOURS)]
        self._send(Reply(200, {"object": "list", "data": models}))

    def do_POST(self) -> None:
        """Answer a completion request."""
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length))
        key = self.headers.get("Authorization", "")
        asked = self.server.note(body, key)
        self._is_in_flight = True
        try:
            self._respond(body, key, asked)
        finally:
            self._leave()

    def _leave(self) -> None:
        """No longer count as in flight; before the client can know of the answer."""
        if self._is_in_flight:
            self._is_in_flight = False
            self.server.done()

    def _respond(self, body: dict[str, Any], key: str, asked: int) -> None:
        behaviour = self.headers.get("X-Behaviour") or str(body.get("model", ""))
        if self.server.key is not None and key != f"Bearer {self.server.key}":
            behaviour = "error-401"
        if behaviour == "hang":
            self.server.stopping.wait(60)
            self.close_connection = True
            return
        if behaviour == "drop" or (behaviour == "flaky-drop" and asked == 1):
            self.close_connection = True
            return
        if behaviour == "slow":
            time.sleep(SLOW_S)
        if reply := trouble(behaviour, key, asked):
            self._send(reply)
            return
        # Azure's paths go on with the version of its protocol.
        chat = self.path.partition("?")[0].endswith("/chat/completions")
        calls = self.server.called(body) if chat else ()
        text = "" if calls else cut(self.server.answer(prompt_of(body)), body)
        if body.get("stream"):
            self._stream(body, text, calls, chat=chat)
        else:
            self._send_whole(
                completion(body, text, behaviour, chat=chat), calls, behaviour
            )

    def _send_whole(self, whole: dict[str, Any], calls: Calls, behaviour: str) -> None:
        if calls:
            told = _told_calls(calls, behaviour)
            message = {"role": "assistant", "content": None, "tool_calls": told}
            whole["choices"][0] |= {"message": message, "finish_reason": "tool_calls"}
        if behaviour in BROKEN:
            self._break(behaviour, json.dumps(whole).encode())
        else:
            headers = USED_UP if behaviour == "used-up" else {}
            self._send(Reply(200, whole, headers))

    def _break(self, behaviour: str, data: bytes) -> None:
        """Send an answer as no server should."""
        sent = {"bad-json": data[: len(data) // 2], "empty": b""}.get(behaviour, data)
        extra = 9 if behaviour == "short" else 0
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent) + extra))
        self.end_headers()
        step = 1 if behaviour == "drip" else len(sent) or 1
        for start in range(0, len(sent), step):
            self.wfile.write(sent[start : start + step])
            if behaviour == "drip" and self.server.stopping.wait(EVENT_S):
                break
        self.close_connection = True

    def _send(self, reply: Reply) -> None:
        is_text = isinstance(reply.body, str)
        data = (reply.body if is_text else json.dumps(reply.body)).encode()
        self._leave()
        self.send_response(reply.status)
        self.send_header("Content-Type", "text/html" if is_text else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(
        self, body: dict[str, Any], text: str, calls: Calls, *, chat: bool
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number, event in enumerate(events(body, text, calls, chat=chat)):
            if body.get("model") == "cut-stream" and number == CUT_AFTER:
                self.close_connection = True
                return
            code = IN_STREAM.get(str(body.get("model")))
            if code and number == CUT_AFTER:
                told = {"message": "Overloaded", "type": None, "code": code}
                self.wfile.write(f"data: {json.dumps({'error': told})}\n\n".encode())
            time.sleep(EVENT_S)
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Stay quiet: `log` has everything."""


def prompt_of(body: Mapping[str, Any]) -> str:
    """Return the raw prompt, or the last user message."""
    if "prompt" in body:
        prompt = body["prompt"]
        return prompt if isinstance(prompt, str) else prompt[0]
    turns = body["messages"]
    if turns[-1]["role"] == "tool":
        return str(turns[-1]["content"])
    said = [said_in(turn) for turn in turns if turn["role"] == "user"]
    return said[-1] if said else ""


def said_in(turn: Mapping[str, Any]) -> str:
    """Return the texts of a turn; an image is a word."""
    content = turn.get("content", "")  # may be left out beside calls
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "[image]") for part in content)


def _told_calls(calls: Calls, behaviour: str) -> list[dict[str, Any]]:
    """Return calls as a reply has them."""
    told: list[dict[str, Any]] = []
    for number, (name, arguments) in enumerate(calls, 1):
        function = {"name": name, "arguments": arguments}
        if behaviour == "parsed-call":
            function["arguments"] = json.loads(arguments or "{}")
        if behaviour == "nameless-call":
            del function["name"]
        told.append({"id": f"call_{number}", "type": "function", "function": function})
    return told


def _call_deltas(calls: Calls, behaviour: str) -> Iterator[dict[str, Any]]:
    """Yield the parts of streamed calls: a head, then arguments of three letters."""
    for number, call in enumerate(_told_calls(calls, behaviour)):
        head = {"index": number, **call}
        whole = head["function"]["arguments"]
        if behaviour == "same-index":
            head["index"] = 0
        if behaviour == "no-index":
            del head["index"]
        rest = {"index": head["index"]} if "index" in head else {}
        head["function"] = {**head["function"], "arguments": ""}
        yield head
        for start in range(0, len(whole), 3):
            function = {"arguments": whole[start : start + 3]}
            if behaviour == "repeats-name":
                rest |= {"id": head["id"]}
                function["name"] = head["function"]["name"]
            yield {**rest, "function": function}


def cut(text: str, body: Mapping[str, Any]) -> str:
    """Apply `max_tokens` and `stop`."""
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    if limit:
        text = "".join(re.findall(r"\s*\S+", text)[:limit])
    stops = body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0]
    return text


def trouble(behaviour: str, key: str, asked: int) -> Reply | None:
    """Return the error that a behaviour asks for."""
    wait = {"Retry-After": RETRY_AFTER_S}
    token = key.removeprefix("Bearer ")
    if behaviour.startswith("flaky-") and asked == 1:
        behaviour = behaviour.replace("flaky", "error")
    replies = {
        "error-400": _error(400, "'temperature' must be at most 2", None),
        "error-401": _error(401, f"Incorrect key: {token}", "invalid_api_key"),
        "no-db": Reply(400, NO_DB),
        "error-404": _error(404, "The model does not exist", "model_not_found"),
        "error-429": _error(429, "Rate limit reached", "rate_limit_exceeded", wait),
        "error-500": _error(500, "The server had an error", None),
        "error-503": _error(503, "Overloaded", None),
        "filtered": _error(
            400,
            "The response was filtered due to the prompt triggering the content "
            "management policy.",
            "content_filter",
        ),
        "overflow": _error(
            400,
            "This model's maximum context length is 10 tokens. However, your messages "
            "resulted in 11 tokens.",
            "context_length_exceeded",
        ),
        "moved": Reply(307, "", {"Location": "http://127.0.0.1:9/v1"}),
        "bare": Reply(200, {"choices": [{"message": {"role": "assistant"}}]}),
        "error-body": Reply(200, {"error": {"message": "Slow down", "code": 429}}),
        "html": Reply(200, "<html><body>Welcome to the proxy</body></html>"),
        "wrong-types": Reply(200, {"choices": [{"message": 7, "finish_reason": []}]}),
        "no-choices": Reply(200, {"id": "x", "object": "chat.completion"}),
    }
    return replies.get(behaviour)


def _error(
    status: int, message: str, code: str | None, headers: Mapping[str, str] = {}
) -> Reply:
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": None, "code": code}
    return Reply(status, {"error": error}, headers)


def usage_of(body: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Count words; the model `reasoning` has cached and hidden ones too."""
    turns = [said_in(turn) for turn in body.get("messages", ())] or [prompt_of(body)]
    read = sum(len(turn.split()) for turn in turns)
    written = len(text.split())
    if (
        body.get("model") == "gpt-5.4"
    ):  # half read from the cache, as a vendor does unasked
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": read // 2},
        }
    if body.get("model") == "reasoning":
        return {
            "prompt_tokens": read,
            "completion_tokens": written + 7,
            "total_tokens": read + written + 7,
            "prompt_tokens_details": {"cached_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 7},
        }
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


def completion(
    body: Mapping[str, Any], text: str, behaviour: str, *, chat: bool
) -> dict[str, Any]:
    """Build a whole reply."""
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    finish = "length" if limit and len(text.split()) >= limit else "stop"
    if behaviour == "filtered-reply":
        text, finish = "", "content_filter"
    if behaviour == "odd-finish":
        finish = "tired"
    if behaviour == "thinks":
        text = f"<think>Where is it?\nIn France.</think>{text}"
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish, "logprobs": None}
    if chat:
        choice["message"] = {"role": "assistant", "content": text}
        if body.get("logprobs"):
            content = [
                {
                    "token": word,
                    "logprob": -0.5,
                    "bytes": None,
                    "top_logprobs": _top(word, body),
                }
                for word in text.split()
            ]
            choice["logprobs"] = {"content": content}
    else:
        choice["text"] = text
        if body.get("logprobs") is not None:
            words = text.split()
            choice["logprobs"] = {
                "tokens": words,
                "token_logprobs": [-0.5] * len(words),
                "top_logprobs": [_older_top(word, body["logprobs"]) for word in words],
            }
    reply = {**_envelope(body, chat=chat), "choices": [choice]}
    return reply if behaviour == "no-usage" else reply | {"usage": usage_of(body, text)}


def _top(word: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return so many tokens for a place as are asked for, the least likely first."""
    count = body.get("top_logprobs") or 0
    told = [(word, -0.5), *((f"{word}{n}", -0.5 - n) for n in range(1, count))][:count]
    return [{"token": t, "logprob": p, "bytes": None} for t, p in reversed(told)]


def _older_top(word: str, count: int) -> dict[str, float] | None:
    """Return the same as the protocol of raw prompts has it."""
    top = _top(word, {"top_logprobs": count})
    return {each["token"]: each["logprob"] for each in top} or None


def events(
    body: Mapping[str, Any], text: str, calls: Calls = (), *, chat: bool
) -> Iterator[dict[str, Any]]:
    """Build the events of a streamed reply, one word each."""
    head = _envelope(body, chat=chat, chunk=True)
    for part in _call_deltas(calls, str(body.get("model"))):
        delta = {"role": "assistant", "tool_calls": [part]}
        yield {**head, "choices": [{"index": 0, "finish_reason": None, "delta": delta}]}
    for word in re.findall(r"\s*\S+", text):
        part = (
            {"delta": {"role": "assistant", "content": word}}
            if chat
            else {"text": word}
        )
        yield {**head, "choices": [{"index": 0, "finish_reason": None, **part}]}
    last: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
    finish = "tool_calls" if calls else "stop"
    yield {**head, "choices": [{"index": 0, "finish_reason": finish, **last}]}
    if body.get("model") == "twice-ended":
        yield {**head, "choices": [{"index": 0, "finish_reason": "stop", **last}]}
    wants_usage = (body.get("stream_options") or {}).get("include_usage")
    if wants_usage and body.get("model") != "no-usage":
        yield {**head, "choices": [], "usage": usage_of(body, text)}


def _envelope(
    body: Mapping[str, Any], *, chat: bool, chunk: bool = False
) -> dict[str, Any]:
    kind = "chat.completion" if chat else "text_completion"
    tier = body.get("service_tier")
    return {
        **({"service_tier": tier} if tier else {}),
        "id": "cmpl-1",
        "object": f"{kind}.chunk" if chunk and chat else kind,
        "created": 1700000000,
        "model": body.get("model"),
    }


def main() -> None:
    """Serve until interrupted; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--log", type=Path, help="one JSON line per request")
    parser.add_argument("--answers", type=Path, help="JSON: {pattern: answer}")
    parser.add_argument("--key", help="the bearer token to ask for")
    options = parser.parse_args()
    answers = (
        json.loads(options.answers.read_text(encoding="utf-8"))
        if options.answers
        else DEFAULT_ANSWERS
    )
    server = OpenAIServer(
        options.port, answers=answers, key=options.key, log=options.log
    )
    print(server.url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
