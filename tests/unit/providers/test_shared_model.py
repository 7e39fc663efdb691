"""A model in a process of its own: real processes, killed and abandoned."""

import asyncio
import logging
import os
import random
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import (
    ConfigError,
    GenerateConfig,
    GenerateRequest,
    MissingDependency,
    ModelError,
    ModelSpec,
    ProviderError,
)
from llmlab_pytest.providers import LazyProvider, provider_registry, share_model
from llmlab_pytest.providers._shared_messages import Line
from llmlab_pytest.providers._shared_place import Place, shared_folder


def test_workers_share_one_load(bench: Any) -> None:
    """Two workers get the same process, which has loaded the model once."""
    first, second = bench.connect(), bench.connect()
    assert bench.texts(first, "abc") == ["cba"]
    assert bench.texts(second, "xyz") == ["zyx"]
    assert len(bench.pids()) == 1
    assert bench.pids()[0] != os.getpid()
    assert (first.digest, first.batch_size) == ("noted", 8)


def test_workers_that_start_together_share_one_load(bench: Any) -> None:
    """Only one of many starts the process; the others wait for it."""
    with ThreadPoolExecutor(6) as threads:
        waiting = [threads.submit(bench.connect, load_s=0.3) for _ in range(6)]
        models = [future.result() for future in waiting]
    assert [bench.texts(model, "ab") for model in models] == [["ba"]] * 6
    assert len(bench.pids()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_each_worker_gets_its_own_answers(bench: Any, seed: int) -> None:
    """However batches are merged, every answer comes to its place, once."""
    draw = random.Random(seed)
    models = [bench.connect(batch_size=draw.randint(4, 9)) for _ in range(3)]

    async def ask(name: int, model: Any) -> None:
        for turn in range(6):
            prompts = [f"{name}.{turn}.{n}" for n in range(draw.randint(1, 12))]
            config = GenerateConfig(max_tokens=draw.randint(1, 2))
            delivered: dict[int, str] = {}

            def deliver(index: int, completion: Any) -> None:
                assert index not in delivered  # noqa: B023 -- called within this turn
                delivered[index] = completion.text  # noqa: B023 -- likewise

            requests = [GenerateRequest(prompt, config) for prompt in prompts]
            await model.run_each(requests, deliver)
            assert [delivered[n][::-1] for n in range(len(prompts))] == prompts

    async def ask_all() -> None:
        await asyncio.gather(*(ask(n, model) for n, model in enumerate(models)))

    asyncio.run(ask_all())
    merged = [{prompt[0] for prompt in batch.split()} for batch in bench.notes("batch")]
    assert max(map(len, merged)) > 1, "no batch held requests of two workers"


def test_batches_hold_one_kind_and_no_more_than_fit(bench: Any) -> None:
    """Requests that wait are merged by their decoding, up to the batch size."""
    models = [bench.connect(batch_size=4, step_s=0.4) for _ in range(3)]

    async def ask(number: int, kind: GenerateConfig) -> None:
        requests = [GenerateRequest(f"{number}{i}", kind) for i in range(3)]
        await models[number].run(requests)

    async def ask_all() -> None:
        first = asyncio.create_task(ask(1, GenerateConfig(max_tokens=3)))
        # Then the others wait for it.
        await asyncio.to_thread(bench.wait_until, lambda: bench.notes("batch") != [])
        await asyncio.gather(first, *(ask(n, GenerateConfig()) for n in (0, 2)))

    asyncio.run(ask_all())
    batches = [batch.split() for batch in bench.notes("batch")]
    askers = [{prompt[0] for prompt in batch} for batch in batches]
    assert max(map(len, batches)) <= 4
    assert sum(map(len, batches)) == 9
    assert {"0", "2"} in askers
    assert [own for own in askers if "1" in own and len(own) > 1] == []


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("bad", r"^a bad prompt$"),
        ("odd", r"'noted' \(noted\) failed with ZeroDivisionError: an odd prompt"),
    ],
)
def test_bad_request_spoils_no_other_worker(
    bench: Any, prompt: str, message: str
) -> None:
    """An error of a merged batch reaches the worker whose request it was, alone."""
    busy, first, second = (bench.connect(step_s=0.02) for _ in range(3))

    async def ask_all() -> list[Any]:
        keeps_busy = asyncio.create_task(busy.run([GenerateRequest("busy")] * 4))
        await asyncio.sleep(0.03)
        done = await asyncio.gather(
            first.run([GenerateRequest("good"), GenerateRequest(prompt)]),
            second.run([GenerateRequest("fine"), GenerateRequest("well")]),
            return_exceptions=True,
        )
        await keeps_busy
        return done

    error, answers = asyncio.run(ask_all())
    assert any("good" in b and "fine" in b for b in bench.notes("batch"))
    with pytest.raises(ProviderError, match=message):
        raise error
    assert [answer.text for answer in answers] == ["enif", "llew"]
    assert bench.texts(first, "good") == ["doog"]


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("model", r"^no weights$"),
        ("odd", r"'noted' \(noted:noted\) could not be loaded: ZeroDivisionError"),
    ],
)
def test_loading_error_reaches_every_worker(
    bench: Any, reason: str, message: str
) -> None:
    """The model is loaded once, in vain; those who come later hear of it, too."""
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(bench.connect, refuses=reason) for _ in range(3)]
        errors = [future.exception() for future in waiting]
    bench.wait_until(lambda: not any(map(bench.is_running, bench.pids())))
    with pytest.raises(ModelError, match=message):
        bench.connect(refuses=reason)
    assert len(bench.pids()) == 1
    assert {type(error) for error in errors} == {ModelError}
    assert len({str(error) for error in errors}) == 1


def test_missing_package_is_named_as_without_sharing(tmp_path: Any) -> None:
    """What the provider needs is missing in the process: each worker says which."""
    providers = provider_registry()
    providers.register("odd", "no_such_package.models:Odd", is_shared=True)
    spec = ModelSpec(alias="odd", provider="odd", id="odd")
    with pytest.raises(MissingDependency, match="'no_such_package'") as shared:
        share_model(spec, providers, run=str(tmp_path))
    with pytest.raises(MissingDependency) as own:
        providers["odd"](spec)
    assert str(shared.value) == str(own.value)


@pytest.mark.parametrize("prompts", [["once"], ["ab", "once", "cd"]])
def test_killed_process_is_replaced(
    bench: Any, prompts: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """After kill -9 a single request is answered; of a batch, the asker decides."""
    model, other = bench.connect(), bench.connect()
    if len(prompts) > 1:
        with pytest.raises(ProviderError, match=r"signal 9 \(SIGKILL\); 2 requests"):
            bench.texts(model, *prompts)
    assert [bench.texts(model, prompt) for prompt in prompts] == [
        [prompt[::-1]] for prompt in prompts
    ]
    assert bench.texts(other, "xy") == ["yx"]
    assert len(bench.pids()) == 2
    assert "'noted' was killed by signal 9 (SIGKILL)" in caplog.text


def test_request_that_kills_is_an_error_and_others_go_on(bench: Any) -> None:
    """One deadly request costs two processes, names the reason, and spoils nothing."""
    model, other = bench.connect(), bench.connect()
    with pytest.raises(ProviderError, match=r"signal 6 \(SIGABRT\).*too small") as seen:
        bench.texts(model, "abort")
    assert "memory" in seen.value.fix
    assert bench.texts(other, "xy") == ["yx"]
    assert bench.texts(model, "xy") == ["yx"]
    assert len(bench.pids()) == 3


def test_innocent_worker_survives_a_deadly_request(bench: Any) -> None:
    """A request that shared the batch of a deadly one is answered in the end."""
    busy, first, second = (bench.connect(step_s=0.02) for _ in range(3))

    async def ask_all() -> list[Any]:
        keeps_busy = asyncio.create_task(busy.run([GenerateRequest("busy")] * 4))
        await asyncio.sleep(0.03)
        done = await asyncio.gather(
            first.run([GenerateRequest("deadly")]),
            second.run([GenerateRequest("fine")]),
            return_exceptions=True,
        )
        await keeps_busy
        return done

    error, answers = asyncio.run(ask_all())
    assert any("deadly" in b and "fine" in b for b in bench.notes("batch"))
    assert isinstance(error, ProviderError)
    assert [answer.text for answer in answers] == ["enif"]


def test_third_death_without_an_answer_ends_the_attempts(bench: Any) -> None:
    """A model that only dies is given up, for every worker and later call."""
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(bench.connect, dies_loading=True) for _ in range(2)]
        errors = [future.exception() for future in waiting]
    assert len(bench.pids()) == 3
    for error in errors:
        assert isinstance(error, ProviderError)
        assert "died 3 times without an answer in between" in str(error)
        assert "SIGKILL" in str(error)
    with pytest.raises(ProviderError, match="died 3 times"):
        bench.connect(dies_loading=True)
    assert len(bench.pids()) == 3


def test_answer_between_deaths_counts_them_anew(bench: Any) -> None:
    """Deaths that are far apart do not add up."""
    model = bench.connect()
    for _ in range(3):
        with pytest.raises(ProviderError, match="was killed by signal 9"):
            bench.texts(model, "deadly")
        assert bench.texts(model, "ab") == ["ba"]


@pytest.mark.parametrize("moment", ["waiting", "computed"])
def test_killed_worker_leaves_others_alone(bench: Any, moment: str) -> None:
    """What a killed worker had asked is dropped; the others get their answers."""
    model = bench.connect(step_s=0.05)
    options = {"step_s": 0.05}
    if moment == "waiting":
        keeps = bench.start_worker(*["busy"] * 8, **options)
        bench.wait_until(lambda: "busy" in " ".join(bench.notes("batch")))
        doomed = bench.start_worker(*["doomed"] * 8, **options)
        time.sleep(0.1)
    else:
        keeps = None
        doomed = bench.start_worker(*["doomed"] * 100, **options)
        bench.wait_until(lambda: "doomed" in " ".join(bench.notes("batch")))
    doomed.kill()
    doomed.communicate()
    assert bench.texts(model, "fine") == ["enif"]
    if keeps is not None:
        assert keeps.communicate()[0].split() == ["ysub"] * 8
    batches = [b for b in bench.notes("batch") if "doomed" in b]
    assert len(batches) <= 1, "requests of a dead worker were computed"
    assert len(bench.pids()) == 1


def test_cancelled_call_frees_its_place(bench: Any) -> None:
    """A call that is given up stops being computed; the model can be asked again."""
    model, other = bench.connect(step_s=0.05), bench.connect(step_s=0.05)

    async def give_up() -> None:
        task = asyncio.create_task(model.run([GenerateRequest("long")] * 100))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    assert bench.texts(other, "ab") == ["ba"]
    assert bench.texts(model, "cd") == ["dc"]
    assert sum("long" in batch for batch in bench.notes("batch")) <= 2
    assert len(bench.pids()) == 1


def test_process_and_folder_go_with_the_last_worker(bench: Any) -> None:
    """While a worker is left, the process stays; then nothing is left behind."""
    first, second = bench.connect(), bench.connect()
    (pid,) = bench.pids()
    first.close()
    time.sleep(1.5)
    assert bench.is_running(pid)
    assert bench.texts(second, "ab") == ["ba"]
    second.close()
    bench.wait_until(lambda: not bench.is_running(pid))
    assert not bench.run_folder.exists()


@pytest.mark.parametrize("option", ["step_s", "load_s"])
def test_nothing_is_left_of_workers_that_were_killed(bench: Any, option: str) -> None:
    """After kill -9 of all workers, also while it loads, the process ends by itself."""
    workers = [bench.start_worker("abc", **{option: 100.0}) for _ in range(2)]
    bench.wait_until(lambda: bench.pids() != [])
    if option == "step_s":
        bench.wait_until(lambda: bench.notes("batch") != [])
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.communicate()
    # Killed before it was heard, a worker is waited for: half a minute.
    bench.wait_until(lambda: not bench.is_running(bench.pids()[0]), limit_s=45)
    bench.wait_until(lambda: not bench.run_folder.exists())


def test_folder_goes_when_process_and_worker_have_died(bench: Any) -> None:
    """A worker that leaves after its process was killed cleans up for it."""
    model = bench.connect()
    died = bench.pids()[0]
    os.kill(died, signal.SIGKILL)
    # Its locks go with the last of its threads, which a dead one may still wait for.
    bench.wait_until(lambda: not Path(f"/proc/{died}").exists())
    model.close()
    assert not bench.run_folder.exists()


def test_records_are_logged_by_those_whom_they_concern(
    bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What is logged while loading reaches all; about a batch, its own workers."""
    first = bench.connect()
    second = bench.connect()
    assert caplog.messages.count("loaded noted") == 2
    bench.texts(second, "warn me")
    bench.texts(first, "ab")
    (record,) = [r for r in caplog.records if r.getMessage() == "about warn me"]
    assert (record.name, record.levelno) == ("noted", logging.WARNING)


def test_folder_is_private_and_the_key_is_nowhere_else(bench: Any) -> None:
    """Nobody else may enter the folder; no command line or environment has the key."""
    bench.connect()
    assert stat.S_IMODE(bench.run_folder.stat().st_mode) == 0o700
    key = Place(bench.run_folder).state().key
    assert len(key) == 32
    for name in ("cmdline", "environ"):
        content = Path(f"/proc/{bench.pids()[0]}/{name}").read_bytes()
        assert key not in content
        assert key.hex().encode() not in content


def test_folder_of_others_is_refused(bench: Any) -> None:
    """A folder that others may enter is not used: pickles are read from there."""
    bench.run_folder.mkdir(mode=0o755)
    with pytest.raises(ModelError, match="is no folder of this user alone"):
        bench.connect()


def test_folder_that_is_a_link_is_refused(bench: Any) -> None:
    """Nor is a link, wherever it leads."""
    (bench.folder / "elsewhere").mkdir(mode=0o700)
    bench.run_folder.symlink_to(bench.folder / "elsewhere")
    with pytest.raises(ModelError, match="is no folder of this user alone"):
        bench.connect()


def test_wrong_key_is_not_listened_to(bench: Any) -> None:
    """A peer without the key is hung up on before anything it says is read."""
    bench.connect()
    line = Line(bench.run_folder / "socket", b"x" * 32)
    with pytest.raises((EOFError, ConnectionError)):
        line.receive_now()
    line.close()


def test_long_folder_for_temporary_files_is_avoided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A socket's path is at most about 100 bytes long, whatever TMPDIR says."""
    monkeypatch.setattr("tempfile.tempdir", f"/{'x' * 90}")
    folder = shared_folder("0" * 64)
    assert len(str(folder / "socket")) < 60
    assert folder.parent.is_dir()


def test_only_declared_providers_are_shared(bench: Any) -> None:
    """A provider registered by address is loaded here, unless it says is_shared."""
    providers = provider_registry()
    shared = {
        name
        for name, provider in providers.items()
        if isinstance(provider, LazyProvider) and provider.is_shared
    }
    assert shared == {"transformers", "llamacpp"}
    providers.register("noted", "noted_model:Noted")
    model = share_model(bench.spec(), providers, run="a run")
    assert type(model).__name__ == "Noted"


def test_provider_that_cannot_be_imported_elsewhere_is_not_shared() -> None:
    """An object of this process means nothing to another one."""
    with pytest.raises(ConfigError, match=r"'mine' of a hook cannot be shared"):
        provider_registry().register(
            "mine", lambda spec: spec, source="a hook", is_shared=True
        )


def test_model_for_many_calls_at_once_is_not_shared(bench: Any) -> None:
    """Declared shared, a model with its own concurrency is refused with a reason."""
    with pytest.raises(ConfigError, match=r"is_shared=True, but 'noted' has concurr"):
        bench.connect(concurrency=4)
