"""Tests of promptfoo get promptfoo's verdicts and scores, and ask what it asks."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import ConfigError
from llmlab_pytest.promptfoo import MAPPED, REFUSED, load_configuration
from llmlab_pytest.tasks import Task

Load = Callable[[str], tuple[Task, ...]]
KINDS: list[str] = re.findall(
    r"\S+",
    """
    agent-rubric answer-relevance bleu classifier contains contains-all contains-any
    contains-html contains-json contains-sql contains-xml context-faithfulness
    context-recall context-relevance conversation-relevance cost equals factuality
    finish-reason g-eval gleu guardrails icontains icontains-all icontains-any
    is-html is-json is-refusal is-sql is-valid-function-call
    is-valid-openai-function-call is-valid-openai-tools-call is-xml javascript
    latency levenshtein llm-rubric pi meteor model-graded-closedqa
    model-graded-factuality moderation perplexity perplexity-score python regex
    rouge-n ruby similar similar:cosine similar:dot similar:euclidean starts-with
    tool-call-f1 skill-used trajectory:goal-success trajectory:tool-args-match
    trajectory:step-count trajectory:tool-sequence trajectory:tool-used
    trace-error-spans trace-span-count trace-span-duration search-rubric webhook
    word-count select-best human max-score
    """,
)
"""What the schema of promptfoo 0.121.20 lists; `assert-set` is a form of its own."""
NEEDS_MODEL = {
    "cost",
    "finish-reason",
    "latency",
    "meteor",
    "perplexity",
    "perplexity-score",
    "similar",
    "similar:cosine",
}
"""Without a model they cannot be compared on texts; other tests have them."""
JUDGED = re.compile(r"rubric|graded|factuality|context-|g-eval|relevance")


def test_verdicts_and_scores_are_promptfoos(recorded: Any) -> None:
    """On 376 tests of every assertion that needs no model, recorded from promptfoo."""
    theirs = json.loads(recorded.VERDICTS.read_text("utf-8"))
    assert len(theirs) == 376
    assert recorded.differences(recorded.our_verdicts(), theirs) == []


def test_every_assertion_without_a_model_is_compared(recorded: Any) -> None:
    """An assertion that is said to be the same is among those that are compared."""
    compared = {kind for own in recorded.our_verdicts() for kind in own["kinds"]}
    same = {kind for kind, mapped in MAPPED.items() if mapped.is_same}
    assert same - compared - NEEDS_MODEL == set()


def test_prompts_are_promptfoos(recorded: Any) -> None:
    """Variables of all kinds, files, tables, scenarios and conversations."""
    asked = json.loads(recorded.ASKED.read_text("utf-8"))
    assert list(recorded.our_prompts().values()) == asked
    assert sum(map(len, asked)) == 73


@pytest.mark.parametrize("kind", KINDS)
def test_every_assertion_is_taken_over_or_refused(kind: str) -> None:
    """One of the two, never both, and never neither."""
    assert (kind in MAPPED) != (kind in REFUSED)


def test_no_assertion_is_made_up() -> None:
    """What is listed here is what promptfoo has."""
    assert {*MAPPED, *REFUSED} == set(KINDS)


@pytest.mark.parametrize("kind", [*REFUSED, "promptfoo:redteam:pii"])
@pytest.mark.parametrize("negation", ["", "not-"])
def test_refused_assertion_names_its_line_and_what_to_do(
    load: Load, kind: str, negation: str
) -> None:
    """Never silently skipped."""
    text = (
        "prompts: [hi]\ntests:\n  - assert:\n      - type: contains\n"
        f'        value: a\n      - type: "{negation}{kind}"\n        value: b\n'
    )
    with pytest.raises(ConfigError) as error:
        load(text)
    assert "promptfooconfig.yaml:6: the assertion" in str(error.value)
    assert error.value.fix


def spec_of(task: Task) -> Any:
    """Return the one scorer that the rows of a task use."""
    scorer: Any = task.scorers[0]
    (spec,) = scorer["scorers"]
    return spec


@pytest.mark.parametrize(
    ("assertion", "spec"),
    [
        (
            "{type: llm-rubric, value: 'polite to {{who}}'}",
            {
                "name": "rubric",
                "criteria": "polite to Ann",
                "scale": "boolean",
                "material": ["answer"],
            },
        ),
        (
            (
                "{type: llm-rubric, value: short, threshold: 0.8, provider: "
                "'openai:gpt-4o-mini'}"
            ),
            {
                "name": "rubric",
                "criteria": "short",
                "scale": "0-1",
                "material": ["answer"],
                "judge": "openai/gpt-4o-mini",
            },
        ),
        ("{type: factuality, value: it is 4}", {"name": "factuality"}),
        (
            "{type: model-graded-closedqa, value: short}",
            {"name": "closed_qa", "criterion": "short"},
        ),
        ("{type: answer-relevance}", {"name": "answer_relevancy"}),
        ("{type: context-faithfulness}", {"name": "faithfulness"}),
        ("{type: context-recall, value: a}", {"name": "context_recall"}),
        ("{type: context-relevance}", {"name": "context_relevance"}),
        (
            "{type: g-eval, value: clear}",
            {"name": "rubric", "criteria": "clear", "scale": "0-1", "weigh": True},
        ),
        ("{type: similar, value: a}", {"name": "similarity"}),
        ("{type: meteor, value: a}", {"name": "meteor", "synonyms": False}),
        (
            "{type: latency, threshold: 500}",
            {"name": "promptfoo_latency", "at_most_ms": 500},
        ),
        (
            "{type: cost, threshold: 0.01}",
            {"name": "promptfoo_cost", "at_most_usd": 0.01},
        ),
        (
            "{type: finish-reason, value: stop}",
            {"name": "stop_reason", "reasons": ["stop"]},
        ),
        ("{type: perplexity, threshold: 5}", {"name": "promptfoo_perplexity"}),
        ("{type: perplexity-score}", {"name": "promptfoo_perplexity_score"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_assertion_that_asks_models_becomes_our_scorer(
    load: Load, assertion: str, spec: dict[str, Any]
) -> None:
    """With its rule, bound and judge."""
    (task,) = load(
        "prompts: ['{{query}}']\ntests:\n"
        "  - vars: {query: q, who: Ann, context: c}\n"
        f"    assert: [{assertion}]\n"
    )
    made = spec_of(task)
    assert {**made, **spec} == made
    kind = assertion.split(",", maxsplit=1)[0]
    if JUDGED.search(kind):
        (entry,) = (task.data.rows or ())[0]["assertions"]  # type: ignore[misc, union-attr]
        assert "at_least" in entry


MISTAKES = [
    ("prompts: [a]\ntest: []", ":2. Did you mean 'tests'?"),
    ("prompts: [a]\nredteam: {x: 1}", ":2: 'redteam' of a promptfoo configuration"),
    ("prompts: [file://a.py]", "code"),
    ("prompts: [file://no.txt]", "no file matches 'no.txt'"),
    ("prompts: ['{{ country }}']", "'country' is undefined"),
    ("prompts: ['{{ a | shuffle }}']\ntests: [{vars: {a: 1}}]", "No filter named"),
    ("tests: [{vars: {prompt: a}, provider: x}]", "'provider' of a promptfoo test"),
    ("tests: [{vars: {prompt: a}, assert: [{value: x}]}]", "has no type"),
    ("tests: [{vars: {prompt: a}, assert: [{type: contain, value: x}]}]", "contains"),
    ("tests: [{vars: {prompt: a}, assert: [{type: contains}]}]", "has no value"),
    (
        "tests: [{vars: {prompt: a}, assert: [{type: cost}]}]",
        "has no threshold",
    ),
    (
        "tests: [{vars: {prompt: a}, assert: [{type: regex, value: '(?<=a+)b'}]}]",
        "the pattern '(?<=a+)b' cannot be read",
    ),
    (
        (
            "tests: [{vars: {prompt: a}, assert: [{type: contains, value: a, "
            "transform: output.x}]}]"
        ),
        "'transform' of a promptfoo assertion",
    ),
    ("tests: [{vars: {prompt: a}, options: {transform: x}}]", "'transform'"),
    ("tests: [{vars: {prompt: a}, prompts: [other]}]", "names the prompt 'other'"),
    ("tests: https://docs.google.com/spreadsheets/d/1", "Save the table as CSV"),
    ("tests: file://make.py:tests", "is code"),
    (
        "tests: [{vars: {prompt: a}, assert: [{type: context-recall, value: a}]}]",
        "reads the variable 'context'",
    ),
    (
        (
            "tests: [{vars: {prompt: a}, assert: [{type: similar, value: a, "
            "provider: 'openai:embedding:x'}]}]"
        ),
        "the provider of 'similar' is not taken over",
    ),
    ("prompts: [{label: a}]", "neither raw nor id"),
    (
        'prompts: [\'[{"role": "user", "content": [{"type": "image_url"}]}]\']',
        "where the turn of a chat stands",
    ),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=[m for _, m in MISTAKES])
def test_mistake_is_named(load: Load, text: str, message: str) -> None:
    """Nothing is guessed, and nothing is left out without a word."""
    with pytest.raises(ConfigError) as error:
        load(text)
    assert message in str(error.value)
    assert "promptfooconfig.yaml" in str(error.value)


def test_variable_of_other_tests_is_empty(load: Load) -> None:
    """As in promptfoo; one that no test has is an error."""
    (task,) = load(
        "prompts: ['{{a}}{% if b %} and {{b | upper}}{% endif %}']\n"
        "tests: [{vars: {a: 1}}, {vars: {a: 2, b: x}}]"
    )
    assert [row["input"] for row in task.data.rows or ()] == ["1", "2 and X"]


def test_table_with_an_unknown_column_is_refused(load: Load, tmp_path: Path) -> None:
    """A column of promptfoo that is not known would be an assertion that is lost."""
    (tmp_path / "t.csv").write_text("a,__expect\nb,c\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"t\.csv \(row 1\): the column '__expect'"):
        load("prompts: ['{{a}}']\ntests: t.csv")
    (tmp_path / "t.csv").write_text('a,__expected\nb,"fn: x"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="asserts by code"):
        load("prompts: ['{{a}}']\ntests: t.csv")


PROVIDERS = [
    ("openai:gpt-4o-mini", "openai/gpt-4o-mini"),
    ("openai:chat:gpt-4o", "openai/gpt-4o"),
    ("openai:responses:gpt-5", "openai/responses/gpt-5"),
    ("anthropic:messages:claude-haiku-4-5", "anthropic/claude-haiku-4-5"),
    ("ollama:chat:llama3.2:1b", "ollama_chat/llama3.2:1b"),
    ("google:gemini-2.5-flash", "gemini/gemini-2.5-flash"),
    ("openrouter:meta-llama/llama-3-8b", "openrouter/meta-llama/llama-3-8b"),
]


@pytest.mark.parametrize(("provider", "name"), PROVIDERS, ids=[p for p, _ in PROVIDERS])
def test_provider_becomes_a_model(tmp_path: Path, provider: str, name: str) -> None:
    """By the name that `--llm` takes, with its decoding."""
    found = configuration(tmp_path, f"'{provider}'")
    assert [model.name for model in found.models] == [name]
    settings = "{temperature: 0.5, max_tokens: 9}"
    found = configuration(tmp_path, f"{{id: '{provider}', config: {settings}}}")
    (model,) = found.models
    assert (model.name, model.temperature, model.max_tokens) == (name, 0.5, 9)


@pytest.mark.parametrize(
    "provider",
    [
        "echo",
        "exec:./run",
        "file://own.py",
        "https://example.com",
        "openai:embedding:x",
        "huggingface:text-generation:gpt2",
        "{id: 'openai:x', config: {tools: []}}",
        "{id: 'openai:x', transform: y}",
    ],
)
def test_provider_that_is_not_known_is_refused(tmp_path: Path, provider: str) -> None:
    """With the way out: `--llm` decides."""
    quoted = provider if provider.startswith("{") else f"'{provider}'"
    with pytest.raises(ConfigError) as error:
        configuration(tmp_path, quoted)
    assert error.value.fix


def configuration(folder: Path, provider: str) -> Any:
    """Read a file that names one provider, in a run that names no model."""
    path = folder / "promptfooconfig.yaml"
    path.write_text(f"prompts: [hi]\nproviders: [{provider}]\n", encoding="utf-8")
    return load_configuration(path, has_models=False, has_judge=False)
