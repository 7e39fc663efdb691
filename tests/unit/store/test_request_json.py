"""A request as JSON: addresses of older answers stay, and what is new is told."""

import json

import pytest

from llmlab_pytest.core import (
    Continuation,
    GenerateConfig,
    GenerateRequest,
    Image,
    LoglikelihoodRequest,
    Message,
    Request,
    RollingRequest,
    Tool,
    ToolCall,
    digest_of,
)
from llmlab_pytest.store import request_json

TURNS = (Message("system", "a"), Message("user", "b"))
GREEDY = GenerateConfig(max_tokens=5, temperature=0.0, stop=("x",))
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
CLOCK = Tool("clock")


@pytest.mark.parametrize(
    ("request_", "digest"),
    [
        (
            GenerateRequest(TURNS, GREEDY),
            "07e421d30020d21ecb29122120e825c83c6159d3db19bc4de3d27f5afe706428",
        ),
        (
            GenerateRequest("raw"),
            "9412bdaee351132411f211009d7384fca5065e0dae769a8e8133b1d496e16413",
        ),
        (
            LoglikelihoodRequest((Continuation(TURNS, "c"),)),
            "fbd26ba27830f19ce2e96300423e0eaa2565fe9e2e2bd9e6c104e9a8c2f790b0",
        ),
        (
            RollingRequest("t"),
            "ed56dedd060d31107ede935299a281bef6510dbc6a50aa4e21e4130dc1f5cb9a",
        ),
    ],
    ids=["chat", "raw", "loglikelihood", "rolling"],
)
def test_requests_without_news_keep_their_address(
    request_: Request, digest: str
) -> None:
    """Digests as they were at 3977b9f, before tools: kept answers are still found."""
    assert digest_of(request_json(request_)) == digest


@pytest.mark.parametrize(
    "config",
    [
        GenerateConfig(tools=(CLOCK,)),
        GenerateConfig(tools=(Tool("clock", "Tells."),)),
        GenerateConfig(tools=(Tool("clock", parameters={}),)),
        GenerateConfig(tools=(CLOCK, Tool("other"))),
        GenerateConfig(tools=(CLOCK,), tool_choice="clock"),
        GenerateConfig(response_schema={"type": "object"}),
        GenerateConfig(response_schema={"type": "array"}),
        GenerateConfig(),
    ],
    ids=str,
)
def test_whatever_is_asked_is_in_the_address(config: GenerateConfig) -> None:
    """Each of these requests has an address of its own."""
    others = (GenerateConfig(tools=(CLOCK,)), GenerateConfig(tools=(CLOCK, CLOCK)))
    mine = digest_of(request_json(GenerateRequest(TURNS, config)))
    for other in others:
        theirs = digest_of(request_json(GenerateRequest(TURNS, other)))
        assert (mine == theirs) is (config == other)


def test_images_are_told_by_their_digest() -> None:
    """The bytes are not stored; an image by address is that address."""
    parts = ("What", Image.of(PNG), Image.of("https://a.example/x"))
    request = GenerateRequest((Message("user", parts),))
    (turn,) = request_json(request)["prompt"]
    assert turn["content"] == [
        {"text": "What"},
        {
            "image": {
                "media_type": "image/png",
                "sha256": Image.of(PNG).sha256,
                "size_bytes": 14,
            }
        },
        {"image": {"url": "https://a.example/x"}},
    ]


def test_ids_of_calls_are_numbered() -> None:
    """A conversation that is led again has the same address, whatever ids it gets."""

    def talk(first: str, second: str) -> dict[str, object]:
        calls = (ToolCall(first, "clock", {}), ToolCall(second, "clock", "{"))
        results = (
            Message("tool", "noon", tool_call_id=second),
            Message("tool", "one", tool_call_id=first),
        )
        turns = (*TURNS, Message("assistant", "", tool_calls=calls), *results)
        return request_json(GenerateRequest(turns))

    assert talk("call_x", "call_y") == talk("a", "b")
    told = json.loads(json.dumps(talk("a", "b")))["prompt"]
    assert told[2]["tool_calls"] == [
        {"id": "1", "name": "clock", "arguments": {}},
        {"id": "2", "name": "clock", "arguments": "{"},
    ]
    assert [turn["tool_call_id"] for turn in told[3:]] == ["2", "1"]
