"""Task cards by name: in the project, in plugins' folders, among the shipped ones."""

from collections.abc import Sequence
from pathlib import Path

from llmlab_pytest.core import unknown_name

_PACKAGE = Path(__file__).parents[1]


def shipped_card_folders() -> tuple[Path, ...]:
    """Return the folder of the cards that ship: inside the wheel, or the checkout."""
    inside = _PACKAGE / "_shipped" / "benchmarks"
    return (inside if inside.is_dir() else _PACKAGE.parent / "benchmarks",)


def find_card(name: str, *, folders: Sequence[Path], where: str) -> Path:
    """Return the card of a registered task; earlier folders win.

    Raises:
        ConfigError: no folder has it; suggests close names.
    """
    for folder in folders:
        card = folder / name / "task.toml"
        if card.is_file():
            return card
    known = {card.parent.name for f in folders for card in f.glob("*/task.toml")}
    fix = "Or give the path of a card, or data= and prompt= for a task of your own."
    raise unknown_name("task", name, sorted(known), where=where, fix=fix)
