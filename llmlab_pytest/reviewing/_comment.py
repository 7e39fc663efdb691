"""The comment on a pull request: verdict, table, what it took, and what changed.

Its first line is a comment of HTML by which whoever posts it finds the one of an
earlier push. It is never longer than GitHub takes; what does not fit is counted.
"""

import math
import re
from collections.abc import Iterator, Sequence

from llmlab_pytest.comparing import Side
from llmlab_pytest.core import (
    ConfigError,
    SampleResult,
    escape_control,
    redactor,
    shorten,
)
from llmlab_pytest.metrics import Difference, MetricRegistry, compute
from llmlab_pytest.reporting import (
    block,
    escaped,
    html_code,
    markdown_table,
    marked,
    money,
    score,
    seconds,
    span,
)
from llmlab_pytest.reviewing._flips import Flip, FlipReader, flips_of
from llmlab_pytest.reviewing._verdicts import Review, Reviewed

LONGEST_COMMENT = 65_536
"""Characters of a comment on GitHub; GitLab takes a million."""
_NAME = re.compile(r"[\w.-]*", re.ASCII)
_SIGNS = {"not worse": "✅", "worse": "❌", "inconclusive": "❔", "error": "💥"}
_TITLES = {
    "not worse": "not worse than the base",
    "worse": "worse than the base",
    "inconclusive": "the samples cannot tell",
    "error": "not compared, errors or missing results",
}
_MOST_ROWS = 40
_MOST_FLIPS = 10
_LONGEST_PROMPT = 300
_LONGEST_DIFF = 1500
_LONGEST_FACTOR = 40
_COMMIT = 24
_SMALL_USD = 0.01
_FACTORS = re.compile(
    r"(version|model_digest|model|judge\w*):.*|python|platform|seed|limit|compat|shots"
    r"|chat|system|models|cache|cassettes|git_commit|git_branch"
)
_PLAN_FACTORS = ("task_version", "task_hash", "prompt_hash", "data_hash", "model")
_ROOM = 200
"""Characters kept for the sentence that says what does not fit."""


def render_comment(
    review: Review,
    registry: MetricRegistry,
    read: FlipReader,
    *,
    name: str = "",
    longest: int = LONGEST_COMMENT,
) -> str:
    """Return the comment as Markdown.

    Args:
        review: what was decided.
        registry: the known metrics, for what both runs took.
        read: reads the texts of samples that changed.
        name: tells several comments of one pull request apart.
        longest: how many characters it may have.

    Raises:
        ConfigError: the name has other characters than letters, digits and `._-`.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"--name is {name!r}.", allowed="Letters, digits, '.', '_' and '-'."
        )
    room = longest - _ROOM
    text, dropped = "", 0
    for part in _parts(review, registry, read, name):
        if _length(text) + _length(part) <= room:
            text += part
        else:
            dropped += 1
    if dropped:
        text += f"{dropped} more parts do not fit into a comment.\n"
    return text


def _length(text: str) -> int:
    """Return characters as GitHub may count them: those outside the BMP twice."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def _parts(
    review: Review, registry: MetricRegistry, read: FlipReader, name: str
) -> Iterator[str]:
    """Yield parts that stand on their own: any of them may be left out."""
    state = review.state
    marker = f"llmlab-review {name}".strip()
    title = f"### {_SIGNS[state]} llmlab: {_TITLES[state]}"
    yield f"<!-- {marker} -->\n{title}\n\n{_runs(review)}"
    yield _table(review)
    yield from _reasons(review)
    yield _folded("What both runs took", _taken(review, registry))
    if changed := _changed_factors(review):
        table = markdown_table(("of", "factor", "base", "now"), changed, names=4)
        yield _folded("What else differs", table)
    for reviewed in review.reviewed:
        yield from _flips(reviewed, read)


def _runs(review: Review) -> str:
    """Return which runs these are, as far as all tasks are of the same two."""
    pairs = [each.compared.pair for each in review.reviewed]
    if not pairs:
        return ""
    base, now = (_run(side) for side in pairs[0])
    return f"{now} against {base}\n\n"


def _run(side: Side) -> str:
    where = [side.factors.get(f"git_{name}", "") for name in ("branch", "commit")]
    told = ", ".join(span(shorten(text, _COMMIT)) for text in where if text)
    return f"{span(shorten(side.source))}{f' ({told})' if told else ''}"


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}</details>\n\n"


def _table(review: Review) -> str:
    percent = f"{100 * review.confidence:.4g}% interval"
    head = ("task", "model", "metric", "base", "now", "difference", percent)
    lines = [_cells(each) for each in review.reviewed[:_MOST_ROWS]]
    if not lines:
        return "The two runs have no task and model in common.\n\n"
    text = markdown_table((*head, "better", "worse", "n", "verdict"), lines, names=3)
    if (more := len(review.reviewed) - _MOST_ROWS) > 0:
        text += f"{more} more are no more serious.\n\n"
    text += f"A loss of up to {review.margin:g} is allowed."
    if len(review.reviewed) > 1:
        text += f" The {len(review.reviewed)} intervals hold together at 95 %."
    return f"{text}\n\n"


def _cells(each: Reviewed) -> list[str]:
    found, (base, now) = each.compared.found, each.compared.pair
    model = now.model if now.model == base.model else f"{base.model} → {now.model}"
    better, worse = _counts(found, is_lower_better=each.is_lower_better)
    ends = found.interval
    return [
        shorten(now.task),
        shorten(model),
        found.metric,
        score(found.second),
        score(found.first),
        "-" if found.value is None else f"{found.value:+.3f}",
        f"[{ends.low:+.3f}, {ends.high:+.3f}]" if ends else "-",
        better,
        worse,
        f"{found.n}",
        f"{_SIGNS[each.state]} {each.state}",
    ]


def _counts(found: Difference, *, is_lower_better: bool) -> tuple[str, str]:
    if not found.is_paired:
        return "-", "-"
    counts = (f"{len(found.wins)}", f"{len(found.losses)}")
    return (counts[1], counts[0]) if is_lower_better else counts


def _reasons(review: Review) -> Iterator[str]:
    """Yield a line for all that the table does not say."""
    hide = redactor()
    for each in review.reviewed:
        _, now = each.compared.pair
        where = span(f"{now.task} on {now.model}")
        for told in filter(None, (each.why, _needed(each), _left_out(each))):
            yield f"- {where}: {escaped(hide(told))}\n"
    for side in review.removed:
        yield f"- {span(f'{side.task} on {side.model}')}: ❔ only in the base\n"
    for side in review.added:
        where, n = span(f"{side.task} on {side.model}"), len(side.results)
        yield f"- {where}: new, {n} results, compared with nothing\n"
    yield "\n"


def _needed(each: Reviewed) -> str:
    more = each.needed
    if more is None:
        return ""
    if more.samples is None:
        return "the difference is the margin itself: no number of samples would decide"
    text = f"if it stays so, about {more.samples:,} more samples would decide it"
    if more.cost_usd:
        shown = f"{more.cost_usd:.2f}"
        if more.cost_usd < _SMALL_USD:
            shown = f"{more.cost_usd:.2g}"
        text += f", for about ${shown} in both runs"
    return text


def _left_out(each: Reviewed) -> str:
    count = each.compared.left_out
    return f"{count} samples are not in both runs, or differ" if count else ""


def _taken(review: Review, registry: MetricRegistry) -> str:
    head = ("task", "model", "run", "cost", "input tokens", "output tokens", "p50")
    lines = []
    for each in review.reviewed[:_MOST_ROWS]:
        for run, side in zip(("base", "now"), each.compared.pair, strict=True):
            read, written, p50_s = (
                compute(name, side.results, registry).value
                for name in ("input_tokens", "output_tokens", "latency_p50_s")
            )
            lines.append(
                [
                    shorten(side.task),
                    shorten(side.model),
                    run,
                    money(_cost_usd(side.results)),
                    f"{read or 0:,.0f}",
                    f"{written or 0:,.0f}",
                    seconds(p50_s),
                ]
            )
    return markdown_table(head, lines, names=3) if lines else ""


def _cost_usd(results: Sequence[SampleResult]) -> float | None:
    """Return what answers cost, those of a cache what they cost once."""
    costs = [r.original.cost_usd if r.original else r.cost_usd for r in results]
    known = [cost_usd for cost_usd in costs if cost_usd is not None]
    return math.fsum(known) if len(known) == len(costs) else None


def _changed_factors(review: Review) -> list[list[str]]:
    """Return what is another: of the runs once, then of each task."""
    lines: dict[tuple[str, str], list[str]] = {}
    for each in review.reviewed:
        base, now = each.compared.pair
        own = f"{now.task} on {now.model}"
        for name in sorted(base.factors.keys() | now.factors.keys()):
            of = own if name in _PLAN_FACTORS else "run"
            if of == "run" and not _FACTORS.fullmatch(name):
                continue
            before, after = (_factor(side, name) for side in (base, now))
            if before != after:
                lines.setdefault((of, name), [shorten(of), name, before, after])
    return list(lines.values())[:_MOST_ROWS]


def _factor(side: Side, name: str) -> str:
    return shorten(side.factors.get(name, "-"), _LONGEST_FACTOR)


def _flips(each: Reviewed, read: FlipReader) -> Iterator[str]:
    found, (_, now) = each.compared.found, each.compared.pair
    if not found.is_paired or not (found.wins or found.losses):
        return
    where = f"{html_code(shorten(now.task))} on {html_code(shorten(now.model))}"
    flips = flips_of(each, read, most=_MOST_FLIPS)
    for direction, is_loss in (("worse", True), ("better", False)):
        shown = [flip for flip in flips if flip.is_loss == is_loss]
        if not shown:
            continue
        counts = _counts(found, is_lower_better=each.is_lower_better)
        many = counts[1] if is_loss else counts[0]
        title = f"{where}: {many} {direction}"
        if len(shown) < int(many):
            title += f", the first {len(shown)}"
        yield _folded(title, "".join(map(_flip, shown)))


def _flip(flip: Flip) -> str:
    before, now = (score(value) for value in flip.values)
    text = f"**{span(flip.sample_id)}** {before} → {now}\n\n"
    told = flip.now or flip.before
    for name, shown in (
        ("prompt", told and told.prompt),
        ("target", told and told.target),
    ):
        if shown:
            text += f"{name}:\n{block(_safe(shorten(shown, _LONGEST_PROMPT)))}\n"
    return f"{text}{_answers(flip)}\n"


def _answers(flip: Flip) -> str:
    """Return both answers as one text with the words marked that differ."""
    before, now = (told and told.answer for told in (flip.before, flip.now))
    if before is None and now is None:
        return "The answers were not kept.\n"
    if before == now:
        return f"the same answer:\n{block(_cut(_safe(now or '')))}"
    lines = marked(_safe(before or ""), _safe(now or ""))
    return f"answer:\n{block(_cut(chr(10).join(lines)))}"


def _safe(text: str) -> str:
    return escape_control(redactor()(text))


def _cut(text: str) -> str:
    more = len(text) - _LONGEST_DIFF
    return f"{text[:_LONGEST_DIFF]}… ({more:,} more)" if more > 0 else text
