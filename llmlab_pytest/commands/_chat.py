"""`llmlab chat`: a conversation with a model, or with several side by side."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmlab_pytest.asking import (
    FIRST_SEED,
    Answer,
    Asking,
    Conversation,
    Decoding,
    check_path,
    is_too_long,
    save_conversation,
)
from llmlab_pytest.commands._arguments import LIST, count
from llmlab_pytest.commands._asking_options import (
    add_asking_options,
    check_budget,
    open_asking,
)
from llmlab_pytest.commands._line_reader import LineReader
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.commands._screen import screen_for
from llmlab_pytest.core import LlmlabError, ModelSpec
from llmlab_pytest.reporting import aligned, money

_DEFAULT_MODEL = "smollm2"
_NEARLY_FULL = 0.8
_COMMANDS = {
    "/save": "FILE: keep it as NAME.task.toml or test_NAME.py",
    "/undo": "take back the last turn",
    "/system": "TEXT: the system message from now on; without a text: none",
    "/model": "MODEL [MODEL …]: who answers from now on",
    "/cost": "tokens and cost up to now",
    "/help": "this list",
    "/quit": "end, as Ctrl-D does",
}
_HELP = (
    *(f"{name:8} {text}" for name, text in _COMMANDS.items()),
    'A line goes on after a \\ at its end; """ begins and ends several lines.',
    "Ctrl-C stops an answer; the turn is then not kept.",
)


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""

    def add(flag: str, text: str, **options: Any) -> None:
        parser.add_argument(flag, help=text, **options)

    add("--llm", "model, as for pytest; repeatable", **LIST, metavar="MODEL")
    add("--system", "the system message", metavar="TEXT")
    add("--temperature", "0 is greedy, the default", type=float, metavar="T")
    add("--max-tokens", "of an answer", type=count, metavar="N")
    add("--seed", "of the first answer (%(default)s)", type=int, default=FIRST_SEED)
    add("--save", "keep it: NAME.task.toml or test_NAME.py", type=Path, metavar="FILE")
    add_asking_options(parser)
    parser.set_defaults(act=chat)


def chat(given: argparse.Namespace) -> Outcome:
    """Talk until the user ends it.

    Raises:
        LlmlabError: a model is unknown, or the file to save cannot be.
    """
    if given.save is not None:
        check_path(given.save)
    with open_asking(given) as asking:
        models = asking.find(given.llm or [_DEFAULT_MODEL], where="--llm")
        check_budget(given, *models)
        decoding = Decoding(given.max_tokens, given.temperature, given.seed)
        conversation = Conversation(asking, decoding, system=given.system)
        talk = _Talk(asking, models, conversation)
        talk.run()
        lines = talk.cost_lines() if len(conversation) else []
    if given.save is not None and len(conversation):
        save_conversation(given.save, conversation.messages(talk.models[0]))
        lines.append(f"wrote {given.save}; run it: pytest {given.save}")
    return Outcome(lines)


class _Talk:
    """Reads what the user says, and does it."""

    def __init__(
        self, asking: Asking, models: Sequence[ModelSpec], conversation: Conversation
    ) -> None:
        self.models = list(models)
        self._asking = asking
        self._conversation = conversation
        self._acts: dict[str, Callable[[str], None]] = {
            "/save": self._save,
            "/undo": self._undo,
            "/system": self._system,
            "/model": self._model,
            "/cost": lambda _: _write(*self.cost_lines()),
            "/help": lambda _: _write(*_HELP),
        }

    def run(self) -> None:
        """Talk to the end."""
        if sys.stdin.isatty():
            names = ", ".join(spec.alias for spec in self.models)
            _write(f"{names} · /help lists what else can be done")
        reader = LineReader(_completions)
        try:
            while True:
                try:
                    said = reader.read()
                except KeyboardInterrupt:
                    _write("", "Ctrl-D or /quit ends the chat.")
                    continue
                if said is None or said.strip() == "/quit":
                    return
                self._take(said)
        finally:
            reader.close()

    def cost_lines(self) -> list[str]:
        """Return what each model took, and how budgets stand."""
        rows = [["model", "answers", "tokens in", "out", "cost"]]
        rows += [
            [
                spent.model,
                f"{spent.answers}",
                f"{spent.usage.input_tokens:,}",
                f"{spent.usage.output_tokens:,}",
                money(spent.cost_usd),
            ]
            for spent in self._conversation.spent()
        ]
        return [*aligned(rows, "<>>>>"), *self._asking.budget_lines()]

    def _take(self, said: str) -> None:
        """Do what a line asks for; a mistake in it is told, and the talk goes on."""
        word, _, rest = said.strip().partition(" ")
        if not word:
            return
        try:
            if word in self._acts:
                self._acts[word](rest.strip())
            elif word.startswith("/") and "/" not in word[1:]:
                _write(f"{word} is no command.", *_HELP)
            else:
                self._ask(said)
        except LlmlabError as error:
            _write(f"{type(error).__name__}: {error}")

    def _ask(self, said: str) -> None:
        answers = asyncio.run(self._answers(said))
        if len(answers) < len(self.models):
            _write("--- stopped by Ctrl-C; this turn is not kept")
            return
        if not self._conversation.keep(said, answers):
            _write("--- no answer; this turn is not kept")
        for answer in answers:
            alias = answer.spec.alias
            if is_too_long(answer):
                _write(f"--- too long for {alias}: /undo takes back the last turn")
            used = self._conversation.context_used(answer.spec)
            if used is not None and used >= _NEARLY_FULL:
                _write(f"--- {used:.0%} of the context of {alias} are used")

    async def _answers(self, said: str) -> list[Answer]:
        """Ask all models at once; fewer answers than models: Ctrl-C was pressed."""
        answers: dict[int, Answer] = {}
        names = [spec.alias for spec in self.models]
        with screen_for(names, is_talk=True) as screen:

            async def one(place: int) -> None:
                answers[place] = await self._conversation.answer(
                    self.models[place], said, listener=screen.listener(place)
                )
                screen.end(place, answers[place])

            with suppress(asyncio.CancelledError):
                await asyncio.gather(*map(one, range(len(names))))
        return [answers[place] for place in sorted(answers)]

    def _save(self, name: str) -> None:
        path = Path(name)
        files = save_conversation(path, self._conversation.messages(self.models[0]))
        _write(f"wrote {', '.join(map(str, files))}; run it: pytest {path}")

    def _undo(self, _: str) -> None:
        said = self._conversation.undo()
        _write("There is nothing to take back." if said is None else f"undone: {said}")

    def _system(self, text: str) -> None:
        self._conversation.system = text or None
        _write("system message set" if text else "no system message any more")

    def _model(self, names: str) -> None:
        if names:
            self.models = self._asking.find(names.split(), where="/model")
        _write(f"models: {', '.join(spec.alias for spec in self.models)}")


def _completions(beginning: str) -> list[str]:
    return [name for name in _COMMANDS if name.startswith(beginning or "/")]


def _write(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
