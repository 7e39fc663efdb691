"""`llmlab cache`: what is kept, whether it is whole, and what to remove."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmlab_pytest.cache import AnswerCache, CacheEntry, age_of, bytes_of, open_cache
from llmlab_pytest.commands._outcome import Action, Outcome
from llmlab_pytest.core import CacheError, redactor, shorten

_SHOWN_DIGITS = 12
_MEGA = 1e6


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--dir",
        type=Path,
        default=Path(".llmlab", "cache"),
        help="the cache, as --llmlab-cache-dir names it (default: %(default)s)",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, act: Action, text: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text, parents=[shared])
        action.set_defaults(act=act)
        return action

    add("info", info, "how much is kept, by model")
    add("list", listing, "one line per answer, that used last first")
    add("verify", verify, "find damaged entries; exit code 1 if there are any")
    pruning = add("prune", prune, "remove damaged, unused or too many answers")
    pruning.add_argument("--older-than", metavar="AGE", help="not used for, e.g. 30d")
    pruning.add_argument("--max-bytes", metavar="SIZE", help="keep at most, e.g. 500MB")


def info(given: argparse.Namespace) -> Outcome:
    """Say how much is kept, by model."""
    answers: Counter[str] = Counter()
    stored_bytes: Counter[str] = Counter()
    with _opened(given) as cache:
        for entry in cache.entries():
            answers[_model(entry)] += 1
            stored_bytes[_model(entry)] += entry.stored_bytes
        total, total_bytes = cache.totals()
    lines = [f"{cache.path}: {total} answers, {total_bytes / _MEGA:.1f} MB"]
    lines += [
        f"{count:7}  {stored_bytes[model] / _MEGA:8.1f} MB  {model}"
        for model, count in sorted(answers.items())
    ]
    return Outcome(lines)


def listing(given: argparse.Namespace) -> Outcome:
    """Show one line per answer: address, last use, model, request and text."""
    hide = redactor()
    with _opened(given) as cache:
        lines = [_line(entry, hide) for entry in cache.entries()]
    return Outcome(lines)


def verify(given: argparse.Namespace) -> Outcome:
    """Check that every entry is what was written."""
    with _opened(given) as cache:
        found = cache.damaged()
        total, _ = cache.totals()
    lines = [f"{address[:_SHOWN_DIGITS]}  {trouble}" for address, trouble in found]
    lines.append(f"{total} answers, {len(found)} damaged")
    if found:
        lines.append("They are asked again; remove them with: llmlab cache prune")
    return Outcome(lines, is_good=not found)


def prune(given: argparse.Namespace) -> Outcome:
    """Remove damaged answers, those unused for long, and those above a size."""
    since = most_bytes = None
    if given.older_than is not None:
        oldest = datetime.now(UTC) - age_of(given.older_than, where="--older-than")
        since = oldest.isoformat(timespec="milliseconds")
    if given.max_bytes is not None:
        most_bytes = bytes_of(given.max_bytes, where="--max-bytes")
    with _opened(given) as cache:
        damaged = [address for address, _ in cache.damaged()]
        cache.drop(damaged)
        dropped = cache.prune(unused_since=since, max_bytes=most_bytes)
        total, total_bytes = cache.totals()
    removed = len(damaged) + dropped
    left = f"{total} left, {total_bytes / _MEGA:.1f} MB"
    return Outcome([f"{removed} answers removed, {left}"])


@contextmanager
def _opened(given: argparse.Namespace) -> Iterator[AnswerCache]:
    """Open the cache; looking at one that does not exist must not make it.

    Raises:
        CacheError: there is none, or it cannot be used.
    """
    if not given.dir.is_dir():
        raise CacheError(
            f"There is no cache in {str(given.dir)!r}.",
            fix="Name its folder with --dir; pytest --llmlab-cache auto makes one.",
        )
    with open_cache(given.dir) as cache:
        yield cache


def _model(entry: CacheEntry) -> str:
    model = entry.asked["model"]
    return shorten(f"{model.get('provider')}:{model.get('id')}")


def _line(entry: CacheEntry, hide: Callable[[str], str]) -> str:
    parts = (
        entry.address[:_SHOWN_DIGITS],
        entry.used_at[:19],
        _model(entry),
        shorten(hide(_text(entry.asked["request"])), 40),
        shorten(hide(_answer(entry.answer)), 40),
    )
    return "  ".join(parts)


def _answer(answer: Mapping[str, Any]) -> str:
    """Return the text, or the names of the tools that were called."""
    names = (call["name"] for call in answer.get("tool_calls", ()))
    return answer["text"] or ", ".join(names)


def _text(request: dict[str, Any]) -> str:
    """Return what is asked last: the end of a prompt is where prompts differ."""
    prompt = request.get("prompt", request.get("text"))
    if prompt is None:
        prompt = request["continuations"][0]["context"]
    if isinstance(prompt, str):
        return prompt
    content = prompt[-1]["content"]
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "[image]") for part in content)
