"""The playground: prompts tried on models, shown as they come, saved as evals."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from llmlab_pytest.asking import (
    Answer,
    Asking,
    Try,
    Trying,
    asks_judge,
    known_scorers,
)
from llmlab_pytest.core import (
    ConfigError,
    DataError,
    LlmlabError,
    ModelSpec,
    Score,
    judging,
)
from llmlab_pytest.judging import JUDGE_SCORERS
from llmlab_pytest.meaning import MEANING_SCORERS
from llmlab_pytest.prompts import variables
from llmlab_pytest.reporting import money, score, seconds
from llmlab_pytest.scorers import ScorerRegistry, make_scorer
from llmlab_pytest.ui._page import shown
from llmlab_pytest.ui._wish import Wish

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:/[A-Za-z0-9_][A-Za-z0-9_-]*)*")
_MOST_NAME = 100
_WHERE = "the playground"
Send = Callable[[dict[str, Any]], Awaitable[None]]
"""Hands an event to the page."""


class _Asked(NamedTuple):
    """One answer that is asked for."""

    place: int
    spec: ModelSpec
    number: int
    """From 0, of this model's answers."""


class Playground:
    """Tries prompts.

    Args:
        asking: the models.
        root: the folder of the project: nothing is saved outside of it.
    """

    def __init__(self, asking: Asking, root: Path) -> None:
        self._asking = asking
        self._root = root.resolve()
        self._spent_usd = 0.0
        self._is_known = True

    def models(self) -> list[ModelSpec]:
        """Return the models of the registry that chat."""
        return [spec for spec in self._asking.known() if "chat" in spec.capabilities]

    def scorers(self) -> ScorerRegistry:
        """Return the scorers that can be named."""
        return known_scorers(JUDGE_SCORERS, MEANING_SCORERS)

    def needs(self, template: str, given: Sequence[str]) -> dict[str, Any]:
        """Say which variables a template has, and which of them are not given."""
        try:
            names = sorted(variables(template, where=_WHERE))
        except (ConfigError, DataError) as error:
            return {"variables": [], "missing": [], "trouble": shown(str(error))}
        missing = [name for name in names if name not in given]
        return {"variables": names, "missing": missing, "trouble": ""}

    async def ask(self, wish: Wish, send: Send) -> None:
        """Ask everything at once; send answers while they are written, and scored.

        Raises:
            LlmlabError: the prompt, a model or a scorer cannot be used; nothing was
                asked then.
        """
        specs = await asyncio.to_thread(self._checked, wish)
        asked = [
            _Asked(place, spec, place % wish.answers)
            for place, spec in enumerate(
                spec for spec in specs for _ in range(wish.answers)
            )
        ]
        trying = Trying(
            self._asking,
            wish.prompt,
            decoding=wish.decoding,
            scorers=self._made(wish),
            target=wish.target,
        )
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        tell = events.put_nowait
        tell({"kind": "begin", "answers": [_named(one, wish) for one in asked]})
        costs: list[float | None] = []

        async def answer(one: _Asked) -> None:
            heard = _Heard(one.place, tell)
            given = await trying.answer(one.spec, one.number, listener=heard)
            costs.append(self._book(given, wish))
            tell(_answer_event(one, given, costs[-1]))

        async with asyncio.TaskGroup() as sending:
            sending.create_task(_send_all(events, send))
            with judging(lambda names: self._judges(names or wish.judges)):
                async with asyncio.TaskGroup() as group:
                    for one in asked:
                        group.create_task(answer(one))
            told = {"kind": "end", "cost": money(_sum(costs)), "spent": self.spent}
            tell(told)
            tell(None)

    @property
    def spent(self) -> str:
        """What was spent since the page was started, with a sign where it is more."""
        return money(self._spent_usd) + ("" if self._is_known else " and more")

    def save(self, wish: Wish, name: str, kind: str) -> str:
        """Save a try as a task card or a test; return its path from the root.

        Raises:
            ConfigError: the name leads out of the project, is taken or is none.
            DataError: a variable is missing.
        """
        self._checked_prompt(wish)
        self._made(wish)
        path = self._path(name, kind)
        Try(
            wish.prompt.template,
            wish.prompt.variables,
            system=wish.prompt.system,
            target=wish.target,
            scorers=wish.scorers,
        ).save(path)
        return str(path.relative_to(self._root))

    def _path(self, name: str, kind: str) -> Path:
        if not _NAME.fullmatch(name) or len(name) > _MOST_NAME:
            raise ConfigError(
                f"The name is {name!r}.",
                allowed=f"It has up to {_MOST_NAME} letters, digits, - and _; folders "
                "stand before a /.",
            )
        folder, _, last = name.rpartition("/")
        file = f"test_{last.removeprefix('test_')}.py"
        if kind == "card":
            file = f"{last}.task.toml"
        parent = (self._root / folder).resolve()
        if not parent.is_relative_to(self._root) or not parent.is_dir():
            raise ConfigError(
                f"There is no folder {folder!r} in this project.",
                fix="Make it first, or leave it out.",
            )
        return parent / file

    def _checked(self, wish: Wish) -> list[ModelSpec]:
        """Find mistakes before anything is asked."""
        self._checked_prompt(wish)
        known = {spec.alias: spec for spec in self._asking.known()}
        for name in (*wish.models, *wish.judges):
            if name not in known:
                raise ConfigError(
                    f"The model {name!r} is not in the registry.",
                    fix="Add it to llmlab_models.toml, and start the page again.",
                )
        if not wish.models:
            raise ConfigError("No model is chosen.", fix="Choose one or several.")
        if not wish.judges and any(map(asks_judge, wish.scorers)):
            raise ConfigError(
                "A scorer asks a judge, and none is chosen.", fix="Choose a judge."
            )
        self._judges(wish.judges)
        return [known[name] for name in wish.models]

    def _checked_prompt(self, wish: Wish) -> None:
        if not wish.prompt.text.strip():
            raise ConfigError("The prompt is empty.", fix="Write one.")

    def _made(self, wish: Wish) -> list[Any]:
        registry = self.scorers()
        return [make_scorer(spec, registry, where=_WHERE) for spec in wish.scorers]

    def _judges(self, names: Sequence[str]) -> list[Any]:
        found = self._asking.find(names, where=_WHERE) if names else []
        return [self._asking.judge(spec, where=_WHERE) for spec in found]

    def _book(self, given: Answer, wish: Wish) -> float | None:
        """Add up what an answer cost, judges included; `None` where it is not known."""
        cost_usd = _cost_of(given, wish)
        self._is_known = self._is_known and cost_usd is not None
        self._spent_usd += cost_usd or 0.0
        return cost_usd


class _Heard:
    """Hears an answer while it is written.

    Args:
        place: of the answer on the page.
        tell: takes an event.
    """

    def __init__(self, place: int, tell: Callable[[dict[str, Any]], None]) -> None:
        self._place = place
        self._tell = tell

    def begin(self) -> None:
        """Tell that the text starts anew."""
        self._told("", is_new=True)

    def add(self, text: str) -> None:
        """Tell the next piece."""
        self._told(text, is_new=False)

    def _told(self, text: str, *, is_new: bool) -> None:
        place = {"kind": "text", "place": self._place}
        self._tell({**place, "text": text, "fresh": is_new})


async def _send_all(events: "asyncio.Queue[dict[str, Any] | None]", send: Send) -> None:
    while (event := await events.get()) is not None:
        await send(event)


def _cost_of(given: Answer, wish: Wish) -> float | None:
    if given.completion is None:
        # Of a judge that failed it is not known what had been paid before.
        may_be_billed = bool(wish.judges) or (
            given.error is not None and given.error.may_be_billed
        )
        return None if may_be_billed else 0.0
    judged = [each for one in given.scores for each in one.judgements]
    paid = [each.cost_usd for each in judged if each.calls]
    return _sum([given.completion.cost_usd, *paid])


def _sum(costs: Sequence[float | None]) -> float | None:
    known = [cost_usd for cost_usd in costs if cost_usd is not None]
    return sum(known) if len(known) == len(costs) else None


def _named(one: _Asked, wish: Wish) -> dict[str, Any]:
    name = shown(one.spec.alias)
    number = f" {one.number + 1}" if wish.answers > 1 else ""
    return {"place": one.place, "name": f"{name}{number}"}


def _answer_event(one: _Asked, given: Answer, cost_usd: float | None) -> dict[str, Any]:
    event: dict[str, Any] = {"kind": "answer", "place": one.place}
    event |= {"cost": money(cost_usd), "error": _told(given.error)}
    done = given.completion
    if done is None:
        return event | {"text": "", "facts": [], "scores": []}
    facts = [seconds(done.latency_s)]
    if done.ttft_s is not None:
        facts.append(f"first token {seconds(done.ttft_s)}")
    facts += [f"{done.usage.output_tokens} tokens", money(cost_usd)]
    if done.stop_reason not in ("stop", "tool_calls"):
        facts.append(f"ended by {done.stop_reason}")
    scores = [_score_event(each) for each in given.scores]
    return event | {"text": shown(done.text), "facts": facts, "scores": scores}


def _told(error: LlmlabError | None) -> str:
    return "" if error is None else shown(f"{type(error).__name__}: {error}")


def _score_event(given: Score) -> dict[str, Any]:
    return {
        "scorer": shown(given.scorer),
        "value": score(given.value),
        "why": shown(given.explanation),
        "is_right": given.value == 1.0,
        "is_wrong": given.value == 0.0,
    }
