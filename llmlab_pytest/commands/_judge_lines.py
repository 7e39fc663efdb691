"""What `llmlab judge` says: how far a judge does what people do."""

from collections.abc import Sequence

from llmlab_pytest.core import Interval, Score
from llmlab_pytest.judging import Figures

_FIRST_WIDTH = 14
_WIDTH = 9
_PLACED = "its place decided"


def lines_of(title: str, figures: Figures, scores: Sequence[Score]) -> list[str]:
    """Return the table of both, and figures with their intervals.

    Args:
        title: scorer and judge.
        figures: the comparison.
        scores: of the judge, for what only they tell.
    """
    lines = [f"{title}: {figures.n} answers that people have rated"]
    if figures.classes:
        lines += ["", *_table(figures), ""]
        lines.append(
            f"same        {figures.same / figures.n:.3f}{_interval(figures.agreement)}"
        )
        lines.append(_kappa(figures))
    if figures.correlation is not None:
        value, interval = figures.correlation
        lines.append(f"correlation {value:.3f}{_interval(interval)}")
    lines += _classes(figures)
    lines.append(_lenient(figures))
    if figures.length_bias is not None:
        value, interval = figures.length_bias
        lines.append(
            f"length      r = {value:+.3f}{_interval(interval)} between the length of "
            "an answer and judge minus people"
        )
    placed = sum(_PLACED in (score.explanation or "") for score in scores)
    if placed:
        lines.append(
            f"position    in {placed} of {figures.n} the place of an answer decided"
        )
    return lines


def _table(figures: Figures) -> list[str]:
    head = "".join(f"{value:>{_WIDTH}g}" for value in figures.classes)
    lines = [f"{'people':<{_FIRST_WIDTH}}judge{head}"[: _FIRST_WIDTH + 5 + len(head)]]
    for human in figures.classes:
        counts = [figures.table[human, judge] for judge in figures.classes]
        cells = "".join(f"{count:>{_WIDTH}}" for count in counts)
        lines.append(f"{human:<{_FIRST_WIDTH + 5}g}{cells}")
    return lines


def _kappa(figures: Figures) -> str:
    if figures.kappa is None:
        return "kappa       not defined: all say the same"
    kind = " (quadratic weights)" if len(figures.classes) > len("ab") else ""
    value, interval = figures.kappa
    return f"kappa       {value:.3f}{_interval(interval)}{kind}"


def _classes(figures: Figures) -> list[str]:
    lines = []
    for found in figures.by_class:
        precision = _share(found.both, found.found, found.precision)
        recall = _share(found.both, found.true, found.recall)
        lines.append(f"value {found.name:g}: precision {precision}; recall {recall}")
    return lines


def _lenient(figures: Figures) -> str:
    told = f"{figures.difference:+.3f}{_interval(figures.difference_interval)}"
    return f"judge minus people, mean  {told}"


def _share(part: int, whole: int, interval: Interval | None) -> str:
    if not whole:
        return "-"
    return f"{part / whole:.3f}{_interval(interval)} of {whole}"


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f" [{interval.low:.3f}, {interval.high:.3f}]"
