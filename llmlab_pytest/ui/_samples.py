"""Views of samples: a filtered list, and what was asked and answered in one."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

from llmlab_pytest.core import (
    ConfigError,
    Outcome,
    SampleRecord,
    redactor,
)
from llmlab_pytest.reporting import SampleTexts, money, score, seconds
from llmlab_pytest.store import Found, Wanted
from llmlab_pytest.ui._links import Query, address
from llmlab_pytest.ui._page import Cell, Head, pager_of, render, shown
from llmlab_pytest.ui._shelf import Shelf

_BY = 50
_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_BRIEF = 120
_SAMPLES = (
    Head("sample", "title opens"),
    Head("outcome", "wide outcome"),
    Head("score", "number value"),
    Head("answer", "wide"),
    Head("target", "wide"),
    Head("task", "wide where"),
    Head("model", "wide where"),
)
_CHOICES = (
    Head("choice", "title"),
    Head("log-likelihood", "number"),
    Head("tokens", "number"),
    Head("greedy", "wide"),
    Head("right", "wide"),
)
_SCORES = (
    Head("score", "title"),
    Head("value", "number"),
    Head("judged part", "wide"),
    Head("explanation", "wide why"),
)
_JUDGEMENTS = (
    Head("score", "title"),
    Head("judge", "wide"),
    Head("value", "number"),
    Head("calls", "number"),
    Head("tokens", "number"),
    Head("cost", "number"),
)


def wanted_of(query: Query) -> Wanted:
    """Read which results are wanted; what is no outcome is none."""
    outcomes = [known for known in _OUTCOMES if known == query.one("outcome")]
    return Wanted(
        task=query.one("task") or None,
        model=query.one("model") or None,
        outcome=outcomes[0] if outcomes else None,
        text=query.one("text"),
    )


def samples_view(shelf: Shelf, query: Query) -> str:
    """Return a page of a run's samples, those that are wanted."""
    run_id, wanted = query.part("run"), wanted_of(query)
    shelf.run(run_id)
    found = shelf.store.catalogue.find(run_id, wanted)
    pager, part = pager_of(
        len(found),
        query.number("page"),
        _BY,
        lambda n: _listing(run_id, wanted, page=n),
    )
    plans = shelf.store.plans(run_id)
    is_one = wanted.task is not None and wanted.model is not None
    columns = len(_SAMPLES) - 2 * is_one
    records = records_of(shelf, run_id, found[part])
    epochs = Counter({(plan.task, plan.model): plan.epochs for plan in plans})
    texts = SampleTexts(redactor())
    return render(
        "samples",
        here="/runs",
        run=run_id,
        wanted=wanted,
        tasks=sorted({plan.task for plan in plans}),
        models=sorted({plan.model for plan in plans}),
        outcomes=_OUTCOMES,
        heads=_SAMPLES[:columns],
        lines=[
            _line(run_id, each, texts, wanted, epochs)[:columns] for each in records
        ],
        pager=pager,
    )


def _listing(run_id: str, wanted: Wanted, *, page: int = 1) -> str:
    place = {"page": page} if page > 1 else {}
    return address("runs", run_id, "samples", **_filters(wanted), **place)


def _filters(wanted: Wanted) -> dict[str, str]:
    return {
        "task": wanted.task or "",
        "model": wanted.model or "",
        "outcome": wanted.outcome or "",
        "text": wanted.text,
    }


def records_of(
    shelf: Shelf, run_id: str, places: Sequence[Found]
) -> list[SampleRecord]:
    """Read the records of some results, in their order."""
    groups: dict[tuple[str, str], list[str]] = {}
    for place in places:
        groups.setdefault((place.task, place.model), []).append(place.sample_id)
    by_place = {}
    for (task, model), names in groups.items():
        ids = list(dict.fromkeys(names))
        for record in shelf.store.records(
            run_id, task=task, model=model, sample_ids=ids
        ):
            result = record.result
            by_place[task, model, result.sample_id, result.epoch] = record
    keys = [(each.task, each.model, each.sample_id, each.epoch) for each in places]
    return [by_place[key] for key in keys if key in by_place]


def _line(
    run_id: str,
    record: SampleRecord,
    texts: SampleTexts,
    wanted: Wanted,
    epochs: Counter[tuple[str, str]],
) -> list[Cell]:
    result = record.result
    name, epoch, outcome, _, value, prediction, target = texts.entry(record)
    place = Found(result.task, result.model, result.sample_id, epoch, None)
    return [
        Cell(
            f"{name} ({epoch})" if epochs[result.task, result.model] > 1 else name,
            sample_address(run_id, place, wanted),
        ),
        Cell(outcome, kind=f"state {outcome}"),
        Cell(value),
        Cell(prediction or _brief(record)),
        Cell(target),
        Cell(result.task),
        Cell(result.model),
    ]


def _brief(record: SampleRecord) -> str:
    """Return how an answer begins, where no scorer says which part it judged."""
    text = shown(record.completion.text) if record.completion else ""
    line = " ".join(text.split())
    return line if len(line) <= _BRIEF else f"{line[: _BRIEF - 1]}…"


def sample_address(run_id: str, place: Found, wanted: Wanted | None = None) -> str:
    """Return the address of a sample's transcript, within a list or alone."""
    filters = _filters(wanted) if wanted else {}
    within = {f"in_{name}": value for name, value in filters.items()}
    return address(
        *("runs", run_id, "sample"),
        task=place.task,
        model=place.model,
        id=place.sample_id,
        epoch=place.epoch,
        **within,
    )


def sample_view(shelf: Shelf, query: Query) -> str:
    """Return what was asked and answered in one sample, and how it was scored.

    Raises:
        ConfigError: the run has no such sample.
    """
    run_id = query.part("run")
    shelf.run(run_id)
    task, model = query.one("task"), query.one("model")
    name, epoch = query.one("id"), query.number("epoch")
    place = Found(task, model, name, epoch, None)
    records = records_of(shelf, run_id, [place])
    if not records:
        raise ConfigError(
            f"The run {run_id!r} has no sample {name!r} of {task!r} on {model!r}.",
            fix="It may not have been asked yet: open the list of samples.",
        )
    (record,) = records
    detail = SampleTexts(redactor()).detail(record)
    plan = shelf.plan(run_id, task, model)
    return render(
        "sample",
        here="/runs",
        run=run_id,
        task=task,
        model=model,
        sample=name,
        epoch=epoch,
        epochs=plan.epochs,
        outcome=record.result.outcome,
        detail=detail,
        is_test=record.sample is None and record.completion is None,
        choice_heads=_CHOICES,
        choices=_choice_lines(detail),
        score_heads=_SCORES,
        scores=[[Cell(text) for text in line] for line in detail["scores"]],
        judgement_heads=_JUDGEMENTS,
        judgements=_judgement_lines(record),
        facts=_facts(record),
        playground=_playground(run_id, place, record),
        **_neighbours(shelf, run_id, place, query),
    )


def _neighbours(
    shelf: Shelf, run_id: str, place: Found, query: Query
) -> dict[str, str]:
    """Return the samples before and after in the list that one came from."""
    inner = {name: [query.one(f"in_{name}")] for name in _filters(Wanted())}
    wanted = wanted_of(Query({}, inner))
    if wanted == Wanted():  # alone: its neighbours are those of its task and model
        wanted = Wanted(task=place.task, model=place.model)
    found = shelf.store.catalogue.find(run_id, wanted)
    keys = [each[:4] for each in found]
    told = {"earlier": "", "later": "", "place": ""}
    told["listing"] = _listing(run_id, wanted)
    if place[:4] in keys:
        index = keys.index(place[:4])
        told["place"] = f"{index + 1:,} of {len(keys):,}"
        told["listing"] = _listing(run_id, wanted, page=index // _BY + 1)
        if index:
            told["earlier"] = sample_address(run_id, found[index - 1], wanted)
        if index + 1 < len(keys):
            told["later"] = sample_address(run_id, found[index + 1], wanted)
    return told


def _choice_lines(detail: dict[str, Any]) -> list[list[Cell]]:
    return [
        [
            Cell(text),
            Cell(value),
            Cell(f"{tokens}"),
            Cell("yes" if is_greedy else ""),
            Cell("✓" if is_right else "", kind="hit"),
        ]
        for text, value, tokens, is_greedy, is_right in detail["choices"]
    ]


def _judgement_lines(record: SampleRecord) -> list[list[Cell]]:
    return [
        [
            Cell(given.scorer),
            Cell(judgement.judge),
            Cell(score(judgement.value)),
            Cell(f"{judgement.calls}"),
            Cell(f"{judgement.usage.tokens:,}"),
            Cell(money(judgement.cost_usd)),
        ]
        for given in record.result.scores
        for judgement in given.judgements
    ]


def _facts(record: SampleRecord) -> list[tuple[str, str]]:
    """Return what the answer took, by name; what is not known is left out."""
    result, done = record.result, record.completion
    facts = [
        ("cost", "" if result.error else money(result.cost_usd)),
        ("latency", seconds(result.latency_s) if result.latency_s is not None else ""),
        ("first token", seconds(result.ttft_s) if result.ttft_s is not None else ""),
        ("input tokens", _count(result.usage.input_tokens)),
        ("cached of them", _count(result.usage.cached_input_tokens)),
        ("output tokens", _count(result.usage.output_tokens)),
        ("reasoning of them", _count(result.usage.reasoning_tokens)),
        ("ended by", done.stop_reason if done else ""),
        ("attempts", f"{done.attempts}" if done and done.attempts > 1 else ""),
        ("price by", done.price.source if done and done.price else ""),
        ("read from", result.original.source if result.original else ""),
    ]
    config = (record.request or {}).get("config")
    if isinstance(config, dict):
        given = (
            f"{k} {v}"
            for k, v in config.items()
            if v not in (None, [], {}) and v is not False
        )
        facts.append(("decoding", ", ".join(given)))
    return [(name, shown(text)) for name, text in facts if text]


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _playground(run_id: str, place: Found, record: SampleRecord) -> str:
    """Return the address that opens a prompt in the playground, where it is text."""
    prompt = (record.request or {}).get("prompt")
    is_text = isinstance(prompt, str)
    if isinstance(prompt, list):
        is_text = [turn.get("role") for turn in prompt if isinstance(turn, dict)] in (
            ["user"],
            ["system", "user"],
        )
    if not is_text:
        return ""
    return address(
        "play",
        run=run_id,
        task=place.task,
        model=place.model,
        id=place.sample_id,
        epoch=place.epoch,
    )
