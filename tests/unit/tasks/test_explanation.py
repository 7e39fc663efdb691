"""`NAME.explain.toml`: two settings, and one between them per factor."""

from pathlib import Path

import pytest

from llmlab_pytest.core import ConfigError
from llmlab_pytest.tasks import Task, load_explanation, plan_task

CARD = """
scorers = ["exact"]
gate = "accuracy >= 1"
[compat.other]
prompt = "Other {{ input }}"
"""


def _never(name: str) -> Path:
    raise AssertionError(name)


def _settings(folder: Path, text: str) -> tuple[Task, ...]:
    (folder / "sums.task.toml").write_text(CARD, encoding="utf-8")
    rows = "".join(f'{{"id": "{n}", "input": "{n}"}}\n' for n in range(40))
    (folder / "sums.jsonl").write_text(rows, encoding="utf-8")
    path = folder / "why.explain.toml"
    path.write_text(text, encoding="utf-8")
    return load_explanation(path, _never)


def test_each_setting_between_changes_one_factor(tmp_path: Path) -> None:
    """A factor that only one end names has the card's own value at the other."""
    found = _settings(
        tmp_path,
        'task = "sums.task.toml"\n[from]\nchat = false\nsystem = "S"\nmax_tokens = 9\n'
        '[to]\nchat = "joined"\ncompat = "other"\nmax_tokens = 9\n',
    )
    assert [
        (task.name, task.chat, task.system, task.mode, task.max_tokens)
        for task in found
    ] == [
        ("why-from", "off", "S", "lm-eval", 9),
        ("why-chat", "joined", "S", "lm-eval", 9),
        ("why-system", "off", None, "lm-eval", 9),
        ("why-compat", "off", "S", "other", 9),
        ("why-to", "joined", None, "other", 9),
    ]
    assert found[3].prompt == "Other {{ input }}"
    assert all(task.gates == () for task in found)


def test_all_settings_draw_the_samples_that_the_card_draws(tmp_path: Path) -> None:
    """Only so are their differences those of the settings."""
    text = 'task = "sums.task.toml"\n[to]\nmax_tokens = 3\n'
    first, *others = _settings(tmp_path, text)
    ids = [
        [s.id for s in plan_task(task, limit=5, seed=1, data_dir=None).samples]
        for task in (first.with_changes(name="sums", setting=None), first, *others)
    ]
    assert ids[0] == ids[1] == ids[2] == ids[3]


def test_task_is_found_by_name(tmp_path: Path) -> None:
    """As in a mark."""
    path = tmp_path / "why.explain.toml"
    path.write_text('task = "capitals"\n[to]\nmax_tokens = 3\n', encoding="utf-8")
    card = tmp_path / "capitals" / "task.toml"
    card.parent.mkdir()
    card.write_text(CARD, encoding="utf-8")
    asked: list[str] = []

    def find(name: str) -> Path:
        asked.append(name)
        return card

    assert len(load_explanation(path, find)) == 3
    assert asked == ["capitals"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[to]\nchat = true\n", "'task' is missing"),
        ('task = "sums.task.toml"\n', "do not differ"),
        (
            'task = "sums.task.toml"\n[from]\nshots = 1\n[to]\nshots = 1',
            "do not differ",
        ),
        ('task = "sums.task.toml"\n[to]\nshoots = 1', "'shoots'.*'shots'"),
        ('task = "sums.task.toml"\n[too]\nshots = 1', "'too'.*'to'"),
    ],
)
def test_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    """The file is named."""
    with pytest.raises(ConfigError, match=said) as caught:
        _settings(tmp_path, text)
    assert "why.explain.toml" in str(caught.value)
