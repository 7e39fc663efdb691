"""The server that speed is measured with answers, waits and counts as it says."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from types import ModuleType
from typing import Any

import pytest

PATH = "/v1/chat/completions"


@pytest.fixture
def server(latency_server: ModuleType) -> Iterator[Any]:
    with latency_server.LatencyServer(latency_s=0.0) as running:
        yield running


def address_of(server: Any) -> tuple[str, int]:
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    return host, int(port)


def body_of(*contents: Any, **settings: Any) -> bytes:
    turns = [{"role": "user", "content": content} for content in contents]
    return json.dumps({"model": "m", "messages": turns, **settings}).encode()


def ask(server: Any, body: bytes, path: str = PATH) -> tuple[int, Any]:
    with closing(HTTPConnection(*address_of(server))) as connection:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def as_bytes(body: bytes) -> bytes:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def read_answers(client: socket.socket, count: int) -> bytes:
    received = b""
    while received.count(b"total_tokens") < count:
        received += client.recv(65536)
    return received


def test_sums_are_answered_with_the_usage_of_their_words(server: Any) -> None:
    """A sum has its answer, and every message's words count as input tokens."""
    status, reply = ask(server, body_of("Answer shortly.", "What is 17 + 5?"))
    assert (status, reply["choices"][0]["message"]["content"]) == (200, "22")
    assert reply["choices"][0]["finish_reason"] == "stop"
    usage = {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}
    assert (reply["usage"], reply["model"]) == (usage, "m")


def test_every_tenth_sum_is_answered_wrong(latency_server: ModuleType) -> None:
    """One of ten first numbers, that which ends with 3, gives one too many."""
    answers = [latency_server.answer_to(f"What is {a} + 9?") for a in range(100, 120)]
    errors = [int(text) - number for number, text in enumerate(answers, start=109)]
    assert [at for at, error in enumerate(errors) if error] == [3, 13]
    assert sum(errors) == 2


def test_messages_in_parts_are_read(server: Any) -> None:
    """The text of a message may be a list of parts, as some clients send it."""
    parts = [{"type": "text", "text": "What is 1 "}, {"type": "text", "text": "+ 1?"}]
    _, reply = ask(server, body_of(parts))
    assert reply["choices"][0]["message"]["content"] == "2"


def test_requests_that_it_cannot_answer_are_refused_and_counted(
    latency_server: ModuleType,
) -> None:
    """No sum, no JSON, a stream, another path: an error each, never an answer."""
    with latency_server.LatencyServer(latency_s=0.0) as server:
        sum_body = body_of("What is 1 + 1?")
        statuses = [
            ask(server, body_of("What is the time?"))[0],
            ask(server, b"no json")[0],
            ask(server, body_of("What is 1 + 1?", stream=True))[0],
            ask(server, sum_body, "/v1/embeddings")[0],
            ask(server, sum_body)[0],
        ]
    assert statuses == [400, 400, 400, 404, 200]
    seen = server.seen
    assert (seen["refused"], seen["requests"], seen["prompts"]) == (4, 1, 1)


def test_counts_say_how_many_came_at_once_and_how_many_differ(
    latency_server: ModuleType,
) -> None:
    """Three requests in one piece are in flight together; two ask the same."""
    one, other = body_of("What is 1 + 1?"), body_of("What is 2 + 2?")
    with (
        latency_server.LatencyServer(latency_s=0.1) as server,
        socket.create_connection(address_of(server)) as client,
    ):
        client.sendall(as_bytes(one) + as_bytes(other) + as_bytes(one))
        received = read_answers(client, 3)
    texts = [part[1:2] for part in received.split(b'"content": ')[1:]]
    assert texts == [b"2", b"4", b"2"]
    seen = server.seen
    assert (seen["requests"], seen["prompts"], seen["refused"]) == (3, 2, 0)
    assert (seen["peak_in_flight"], seen["peak_connections"]) == (3, 1)
    assert seen["cpu_s"] > 0


def test_a_request_that_arrives_in_pieces_is_put_together(server: Any) -> None:
    """A head and a body that are cut anywhere are one request."""
    whole = as_bytes(body_of("What is 20 + 22?"))
    with socket.create_connection(address_of(server)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(whole), 40):
            client.sendall(whole[start : start + 40])
        assert b'"content": "42"' in read_answers(client, 1)


def test_an_answer_waits_for_the_latency(latency_server: ModuleType) -> None:
    """No answer is there before the latency is over."""
    with latency_server.LatencyServer(latency_s=0.15) as server:
        started = time.perf_counter()
        ask(server, body_of("What is 1 + 1?"))
        elapsed_s = time.perf_counter() - started
    assert elapsed_s >= 0.15


def test_a_raw_client_measures_what_the_server_can_do(
    latency_server: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--load` asks over as many connections as it says."""
    latency_server.print_load(3)
    assert capsys.readouterr().out.startswith("120 requests over 3 connections in ")
