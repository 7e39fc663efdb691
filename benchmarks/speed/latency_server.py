"""A chat server of a fixed latency, cheap enough to measure its clients.

    python benchmarks/speed/latency_server.py [--port N] [--latency-s 0.2]
    python benchmarks/speed/latency_server.py --load 500

It answers OpenAI's `/v1/chat/completions` on this machine: "What is 17 + 5?" with "22",
and every tenth sum wrong, so that whoever asks all of them must find a known accuracy.
A token is a word. It prints its URL, serves until its standard input is closed, and
then prints as JSON what it has seen: a client that leaves calls out, asks twice, or has
fewer calls in flight than it says, is found out.

It is one asyncio protocol without a framework. `--load` says what it can do: a raw
client in a second process asks a server without latency over that many connections.
With 500 of them, on two cores of an AMD EPYC that others used too (2026-11-25), it
served 13,000 requests/s and used 46 us of CPU for each: a twentieth of a core at 1,000
samples/s. What is left out: streaming, tools, keys, chunked requests.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

PATH = b"POST /v1/chat/completions "
WRONG_DIGIT = 3
"""A sum whose first number ends with this digit is answered wrong."""

_SUM = re.compile(r"What is (\d+) \+ (\d+)\?")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_BACKLOG = 4096


def answer_to(prompt: str) -> str:
    """Return the sum that the prompt asks for, one too many for every tenth.

    Raises:
        ValueError: the prompt asks for no sum.
    """
    asked = _SUM.search(prompt)
    if asked is None:
        raise ValueError(f"No sum such as 'What is 17 + 5?' in {prompt[:80]!r}.")
    first, second = map(int, asked.groups())
    return str(first + second + (first % 10 == WRONG_DIGIT))


def reply_to(body: bytes) -> tuple[int, dict[str, Any], str]:
    """Return the status and body of the answer to a request, and its prompt."""
    try:
        asked = json.loads(body)
        contents = [text_of(turn["content"]) for turn in asked["messages"]]
        text = answer_to(contents[-1])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return 400, {"error": {"message": repr(error), "type": "bad_request"}}, ""
    if asked.get("stream"):
        return 400, {"error": {"message": "no streaming", "type": "bad_request"}}, ""
    input_tokens = sum(len(content.split()) for content in contents)
    output_tokens = len(text.split())
    reply = {
        "id": "chatcmpl-latency",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked.get("model", ""),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        },
    }
    return 200, reply, contents[-1]


def text_of(content: str | list[dict[str, Any]]) -> str:
    """Return a message's text, which clients may also send in parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


@dataclass
class Seen:
    """What the server has seen so far."""

    requests: int = 0
    """Requests that were answered with a sum."""
    refused: int = 0
    """Requests that were answered with an error."""
    prompts: set[str] = field(default_factory=set)
    connections: int = 0
    peak_connections: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0

    def to_json(self) -> str:
        """Return the counts as one line; of the prompts, how many differ."""
        return json.dumps({**asdict(self), "prompts": len(self.prompts)})


class Chat(asyncio.Protocol):
    """One connection of HTTP/1.1 that is kept alive.

    Args:
        seen: counts of all connections together.
        latency_s: from the last byte of a request to its answer.
    """

    def __init__(self, seen: Seen, latency_s: float) -> None:
        self._seen = seen
        self._latency_s = latency_s
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Count the connection."""
        self._transport = transport
        self._seen.connections += 1
        self._seen.peak_connections = max(
            self._seen.peak_connections, self._seen.connections
        )

    def connection_lost(self, _: Exception | None) -> None:
        """Count the connection out."""
        self._transport = None
        self._seen.connections -= 1

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete, after the latency."""
        self._received += data
        while (end := self._received.find(_HEAD_END)) >= 0:
            head = self._received[:end]
            length = _LENGTH.search(head)
            body_at = end + len(_HEAD_END)
            body_end = body_at + (int(length.group(1)) if length else 0)
            if len(self._received) < body_end:
                return
            body = self._received[body_at:body_end]
            self._received = self._received[body_end:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(PATH):
            status, reply, prompt = reply_to(body)
        else:
            status, reply, prompt = 404, {"error": {"message": "no such path"}}, ""
        seen = self._seen
        if status == 200:  # noqa: PLR2004 -- HTTP's own number
            seen.requests += 1
            seen.prompts.add(prompt)
        else:
            seen.refused += 1
        seen.in_flight += 1
        seen.peak_in_flight = max(seen.peak_in_flight, seen.in_flight)
        content = json.dumps(reply).encode()
        start = (
            f"HTTP/1.1 {status} {'OK' if prompt else 'Error'}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        loop = asyncio.get_running_loop()
        loop.call_later(self._latency_s, self._send, start.encode() + content)

    def _send(self, answer: bytes) -> None:
        self._seen.in_flight -= 1
        if self._transport is not None:  # else the client has gone in the meantime
            self._transport.write(answer)


async def serve(port: int, latency_s: float) -> Seen:
    """Print the URL, serve until standard input is closed; return what was seen."""
    seen = Seen()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Chat(seen, latency_s), "127.0.0.1", port, backlog=_BACKLOG
    )
    async with server:
        address = server.sockets[0].getsockname()
        print(f"http://127.0.0.1:{address[1]}/v1", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    return seen


class LatencyServer:
    """The server in a process of its own; a context manager.

    Attributes:
        url: the base URL, which ends with `/v1`.
        seen: after the end, what `Seen.to_json` says, and `cpu_s` of the process.
    """

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self.url = ""
        self.seen: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            SystemExit: it did not start.
        """
        command = [sys.executable, __file__, "--latency-s", str(self._latency_s)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise SystemExit("The latency server did not start; see above.")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and read its counts."""
        written, _ = self._process.communicate()
        self.seen = json.loads(written)


class Load(NamedTuple):
    """What a raw client has measured."""

    requests: int
    elapsed_s: float


async def load(url: str, connections: int, requests_each: int) -> Load:
    """Ask over many connections as fast as answers come, with next to no client."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    body = (
        b'{"model": "m", "messages": [{"role": "user", "content": "What is 1 + 2?"}]}'
    )
    head = PATH + b"HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests_each):
            writer.write(head + body)
            answer = await reader.readuntil(_HEAD_END)
            await reader.readexactly(int(_LENGTH.search(answer).group(1)))
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(connections)))
    elapsed_s = time.perf_counter() - started
    return Load(connections * requests_each, elapsed_s)


def print_load(connections: int) -> None:
    """Print how many requests the server answers in a second, and its own share."""
    with LatencyServer(latency_s=0) as server:
        done = asyncio.run(load(server.url, connections, requests_each=40))
    cpu_s = server.seen["cpu_s"]
    print(
        f"{done.requests} requests over {server.seen['peak_connections']} connections "
        f"in {done.elapsed_s:.2f} s: {done.requests / done.elapsed_s:,.0f} requests/s; "
        f"the server's CPU {1e6 * cpu_s / done.requests:.0f} us a request"
    )


def main() -> None:
    """Serve, or measure the server."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency-s", type=float, default=0.2)
    parser.add_argument("--load", type=int, metavar="CONNECTIONS")
    options = parser.parse_args()
    if options.load:
        print_load(options.load)
        return
    seen = asyncio.run(serve(options.port, options.latency_s))
    print(json.dumps({**json.loads(seen.to_json()), "cpu_s": time.process_time()}))


if __name__ == "__main__":
    main()
