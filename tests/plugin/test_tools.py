"""Tools, schemas and images as tests use them: asked, kept, resumed and replayed."""

import base64
import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

SUITE = """
    import base64
    import json
    from pathlib import Path

    from llmlab_pytest import Image, Message, Tool, ToolCall

    WEATHER = Tool("weather", "Tells the weather.", {"type": "object"})
    DOT = base64.b64decode("%s")

    def test_conversation(llm):
        asked = [Message("user", "the weather in Paris?")]
        reply = llm(asked, tools=[WEATHER], tool_choice="auto")
        (call,) = reply.tool_calls
        assert (call.name, call.arguments) == ("weather", {"city": "Paris"})
        turns = [*asked, reply.message, Message("tool", "rain", tool_call_id=call.id)]
        assert llm(turns, tools=[WEATHER]).text == "rain"

    def test_mappings(llm):
        weather = {"name": "weather", "parameters": {"type": "object"}}
        (call,) = llm("the weather?", tools=[weather]).tool_calls
        told = {"id": call.id, "name": call.name, "arguments": call.arguments}
        turns = [
            {"role": "user", "content": "the weather?"},
            {"role": "assistant", "tool_calls": [told]},
            {"role": "tool", "content": "sun", "tool_call_id": call.id},
        ]
        assert llm(turns, tools=[weather], stream=True).text == "sun"

    def test_image(llm):
        content = ["What is it?", Image.of(DOT)]
        reply = llm([{"role": "user", "content": content}])
        assert reply.text == "What is it? [image]"

    def test_schema(llm):
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
        assert json.loads(llm('{"a": 1}', response_schema=schema).text) == {"a": 1}
"""
DOT = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"pixels").decode()
MODEL = """
[[model]]
alias = "mine"
provider = "litellm"
id = "openai/echo"
capabilities = %s
input_usd_per_million_tokens = 1.0
output_usd_per_million_tokens = 1.0
options = { base_url = "%s" }
"""
ALL = '["chat", "streaming", "tools", "images", "json_schema"]'
CALLS = {"the weather": [("weather", '{"city": "Paris"}')]}
ASKED = 6


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_it=SUITE % DOT)
    return pytester


def run(
    project: pytest.Pytester, url: str, *arguments: str, capabilities: str = ALL
) -> pytest.RunResult:
    registry = project.path / "llmlab_models.toml"
    registry.write_text(MODEL % (capabilities, url), encoding="utf-8")
    return project.runpytest_subprocess("-pno:cacheprovider", "--llm=mine", *arguments)


def test_a_run_with_tools_is_kept_and_resumed(
    project: pytest.Pytester, openai_server: Any
) -> None:
    """The store has calls and digests of images; a resumed run asks nothing again."""
    with openai_server.OpenAIServer(calls=CALLS) as server:
        run(project, server.url, "--llmlab-budget=10usd").assert_outcomes(passed=4)
        assert len(server.bodies) == ASKED
        again = run(project, server.url, "--llmlab-resume", "--llmlab-budget=10usd")
        again.assert_outcomes(passed=4)
        assert len(server.bodies) == ASKED
    with closing(sqlite3.connect(project.path / ".llmlab/llmlab.db")) as store:
        kept = store.execute("SELECT request, content FROM completions").fetchall()
    assert len(kept) == ASKED
    text = json.dumps(kept)
    assert DOT not in text
    assert "sha256" in text
    called = [json.loads(content).get("tool_calls") for _, content in kept]
    assert [calls[0]["arguments"] for calls in called if calls] == [
        {"city": "Paris"},
        {"city": "Paris"},
    ]


def test_a_run_with_tools_is_recorded_and_replayed(
    project: pytest.Pytester, openai_server: Any
) -> None:
    """Conversations too: the answer that a call led to is found by what was asked."""
    with openai_server.OpenAIServer(calls=CALLS) as server:
        run(project, server.url, "--llmlab-record=tape").assert_outcomes(passed=4)
    files = sorted((project.path / "tape").rglob("*.json"))
    assert len(files) == ASKED
    assert DOT not in "".join(path.read_text("utf-8") for path in files)
    (asked,) = (path for path in files if path.name.startswith("test_image"))
    parts = json.loads(asked.read_text("utf-8"))["call"]["request"]["prompt"]
    assert parts[0]["content"][0] == {"text": "What is it?"}
    replay = run(project, "http://127.0.0.1:9/v1", "--llmlab-replay=tape")
    replay.assert_outcomes(passed=4)


def test_the_cache_answers_a_conversation_that_is_led_again(
    project: pytest.Pytester, openai_server: Any
) -> None:
    """Ids of calls, which are made up anew, are no part of the address."""
    with openai_server.OpenAIServer(calls=CALLS) as server:
        run(project, server.url, "--llmlab-cache=auto").assert_outcomes(passed=4)
        only = run(project, server.url, "--llmlab-cache=only")
        only.assert_outcomes(passed=4)
        assert len(server.bodies) == ASKED


def test_a_model_that_declares_none_is_refused_before_a_call(
    project: pytest.Pytester, openai_server: Any
) -> None:
    """Each test says which capability is missing, and no request is sent."""
    with openai_server.OpenAIServer(calls=CALLS) as server:
        result = run(project, server.url, capabilities='["chat", "streaming"]')
        assert server.bodies == []
    assert result.parseoutcomes()["errors"] == 4
    shown = result.stdout.str()
    for capability in ("tools", "images", "json_schema"):
        assert f"needs the capability '{capability}' of 'mine'." in shown


def test_the_mark_skips_where_a_capability_is_missing(
    pytester: pytest.Pytester, openai_server: Any
) -> None:
    """`llm_requires` knows the capabilities of tools, images and schemas."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.llm_requires("tools")
        def test_it(llm):
            assert llm("Hi", tools=[{"name": "f"}]).text
        """
    )
    with openai_server.OpenAIServer() as server:
        run(pytester, server.url, capabilities='["chat"]').assert_outcomes(skipped=1)
        run(pytester, server.url).assert_outcomes(passed=1)
