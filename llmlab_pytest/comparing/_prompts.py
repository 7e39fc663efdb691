"""The prompts of one task side by side, as models are: on the same samples and model.

A matrix of prompts is a task for each of them. Here each becomes a side of one task
again, so that all that is known of models side by side is known of prompts: which is
better, what it costs, how often another wording gets another answer.
"""

from collections.abc import Sequence
from dataclasses import replace

from llmlab_pytest.comparing._sides import Side
from llmlab_pytest.tasks import PROMPTS_OF

_DATA = "data_hash"
_LEAST = 2


def prompt_sides(sides: Sequence[Side]) -> list[Side]:
    """Return further sides: for each model of a run, the prompts of a task.

    The prompt stands where the model stands elsewhere, and the task names the model.
    Of several runs there are none: there a prompt is compared with itself before.

    Args:
        sides: tasks on models.
    """
    if len({side.source for side in sides}) != 1:
        return []
    groups: dict[tuple[str, str, str], list[Side]] = {}
    for side in sides:
        if matrix := side.factors.get(PROMPTS_OF):
            key = (matrix, side.factors.get(_DATA, ""), side.model)
            groups.setdefault(key, []).append(side)
    found = [(key, own) for key, own in groups.items() if len(own) >= _LEAST]
    names = [f"{matrix} on {model}" for (matrix, _, model), _ in found]
    return [
        replace(side, of="prompt", task=_title(names, place), model=side.task)
        for place, (_, own) in enumerate(found)
        for side in own
    ]


def _title(names: Sequence[str], place: int) -> str:
    """Return the name of a group; those on other data are numbered."""
    name = names[place]
    number = names[: place + 1].count(name)
    return f"{name} ({number})" if names.count(name) > 1 else name
