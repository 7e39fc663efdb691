"""From rows to samples: ids, targets, subsets and demonstrations."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import ConfigError, DataError, Unsupported
from llmlab_pytest.tasks import (
    DataSource,
    Demonstrations,
    PlannedTask,
    Split,
    Task,
    plan_task,
    rows_digest,
)

IDENTITY = ("input",)


def _task(rows: list[dict[str, Any]], **fields: Any) -> Task:
    data = DataSource(rows=tuple(rows))
    return Task(name="own", data=data, where="test_it.py:3", **fields)


def _planned(
    rows: list[dict[str, Any]],
    *,
    limit: int | None = None,
    seed: int = 0,
    **fields: Any,
) -> PlannedTask:
    return plan_task(_task(rows, **fields), limit=limit, seed=seed, data_dir=None)


def _ids(planned: PlannedTask) -> list[str]:
    return [sample.id for sample in planned.samples]


def _numbered(count: int) -> list[dict[str, Any]]:
    return [
        {"input": f"{n}", "target": n % 3, "choices": list("abc")} for n in range(count)
    ]


@pytest.mark.parametrize(
    ("rows", "fields", "ids"),
    [
        ([{"id": "a/b c"}, {"id": 7}], {}, ["a-b-c", "7"]),
        ([{"q": 1}, {"q": 2}], {}, ["0000", "0001"]),
        ([{"q": "x"}, {"q": "y"}], {"id": "q"}, ["x", "y"]),
        (
            [{"s": "law"}, {"s": "law"}],
            {"id": "s ~ '-' ~ row_number"},
            ["law-0000", "law-0001"],
        ),
    ],
)
def test_ids_are_readable_and_stable(
    rows: list[dict[str, Any]], fields: dict[str, Any], ids: list[str]
) -> None:
    """By the card's expression, else the row's `id`, else its number in the dataset."""
    assert _ids(_planned(rows, **fields)) == ids


def test_numbers_have_the_width_of_the_dataset() -> None:
    """Ids of one dataset sort as its rows do, whatever its size and the subset."""
    ids = _ids(_planned([{"q": n} for n in range(12_000)], limit=50))
    assert {len(name) for name in ids} == {5}
    assert ids == sorted(ids)


def test_equal_ids_name_both_places(tmp_path: Path) -> None:
    """Results are kept by id, so two rows cannot share one."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a"}\n{"id": "b"}\n{"id": "a"}\n', encoding="utf-8")
    task = Task(name="own", data=DataSource(file=path), where="card")
    with pytest.raises(DataError) as caught:
        plan_task(task, limit=1, seed=0, data_dir=None)
    for part in ("'a'", "2 times", f"{path}:1", f"{path}:3"):
        assert part in str(caught.value)


@pytest.mark.parametrize("rows", [[], None])
def test_task_without_rows_is_an_error(rows: list[dict[str, Any]] | None) -> None:
    """Nothing to ask is a mistake, not a pass."""
    data = DataSource(rows=None if rows is None else ())
    task = Task(name="own", data=data, where="test_it.py:3")
    with pytest.raises(DataError, match=r"test_it\.py:3 has no rows"):
        plan_task(task, limit=None, seed=0, data_dir=None)


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("Paris", "Paris"),
        (3, 3),
        (2.5, 2.5),
        (True, "True"),
        (None, None),
        (["a", "b"], ("a", "b")),
        ([1, 0], (1, 0)),
    ],
    ids=repr,
)
def test_target_keeps_its_kind(value: object, target: object) -> None:
    """Text, number or list; a truth value is the word that a model would say."""
    assert _planned([{"target": value}]).samples[0].target == target


@pytest.mark.parametrize("value", [{"a": 1}, [["a"]], ["a", 1]], ids=repr)
def test_target_of_another_kind_is_refused(value: object) -> None:
    """What no scorer compares with is an error of the row."""
    with pytest.raises(
        DataError, match=r"The target in test_it\.py:3 \(row 0 of own\)"
    ):
        _planned([{"target": value}])


def test_expressions_fail_with_card_and_row() -> None:
    """An undefined field is an error naming both places; a bad one is the card's."""
    with pytest.raises(DataError, match=r"test_it\.py:3 \(row 1 of own\).*answer"):
        _planned([{"answer": 1}, {"anser": 1}], target="answer")
    with pytest.raises(ConfigError, match="answer ="):
        _planned([{"answer": 1}], target="answer =")
    with pytest.raises(ConfigError, match="is empty"):
        _planned([{"answer": 1}], target=" ")


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.integers(1, 70),
    st.integers(0, 5),
)
def test_subset_keeps_the_strata_in_proportion(
    strata: list[int], limit: int, seed: int
) -> None:
    """Each stratum is off its exact share by less than one; the order stays."""
    rows = [{"input": str(n), "kind": kind} for n, kind in enumerate(strata)]
    planned = _planned(rows, limit=limit, seed=seed, stratify="kind")
    size = min(limit, len(rows))
    assert len(planned.samples) == size
    assert planned.available == len(rows)
    assert _ids(planned) == sorted(_ids(planned))
    drawn = Counter(sample.metadata["kind"] for sample in planned.samples)
    for kind, count in Counter(strata).items():
        assert abs(drawn[kind] - size * count / len(rows)) < 1


@pytest.mark.parametrize("limit", [None, 0, 30, 31])
def test_no_limit_takes_all(limit: int | None) -> None:
    """0, nothing, and more than there is: every row, in order."""
    planned = _planned(_numbered(30), limit=limit)
    assert _ids(planned) == [f"{n:04}" for n in range(30)]


def test_subset_follows_seed_and_name_only() -> None:
    """The same draw on every worker and machine; another seed, another draw."""
    rows = _numbered(90)
    first = _ids(_planned(rows, limit=9, seed=1))
    assert first == _ids(_planned(rows, limit=9, seed=1))
    assert first == [
        "0001", "0006", "0027", "0029", "0032", "0041", "0043", "0058", "0081",
    ]  # fmt: skip
    assert first != _ids(_planned(rows, limit=9, seed=2))
    assert set(first) <= set(_ids(_planned(rows, limit=30, seed=1)))


def _published(folder: Path, train: list[dict[str, Any]], **fields: Any) -> Task:
    """Return a task of ten rows with a train split, both in a directory."""
    splits = {}
    for name, rows in {"test": _numbered(10), "train": train}.items():
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )
        splits[name] = Split(
            name=name,
            digest=rows_digest(rows, IDENTITY),
            rows=len(rows),
            directory=f"{name}.jsonl",
        )
    data = DataSource(split="test", splits=splits, identity=IDENTITY)
    return Task(name="own", data=data, where="card", **fields)


def _shown(planned: PlannedTask) -> dict[str, list[str]]:
    return {
        name: [row["input"] for row in rows]
        for name, rows in planned.demonstrations.items()
    }


def test_demonstrations_do_not_depend_on_the_subset(tmp_path: Path) -> None:
    """A sample is shown the same rows alone, in a subset, and among all."""
    train = [{"input": f"t{n}"} for n in range(40)]
    task = _published(
        tmp_path, train, shots=3, demonstrations=Demonstrations(split="train")
    )
    whole = _shown(plan_task(task, limit=0, seed=0, data_dir=tmp_path))
    assert all(len(set(shown)) == 3 for shown in whole.values())
    assert len({tuple(shown) for shown in whole.values()}) > 1
    for limit in (1, 4, 9):
        part = _shown(plan_task(task, limit=limit, seed=limit, data_dir=tmp_path))
        assert len(part) == limit
        assert part.items() <= whole.items()


def test_sample_is_not_its_own_demonstration(tmp_path: Path) -> None:
    """Where both come from one split, a row is never shown its own answer."""
    how = Demonstrations(split="test", pool_may_hold_row=True)
    task = _published(tmp_path, [{"input": "t"}], shots=9, demonstrations=how)
    planned = plan_task(task, limit=0, seed=0, data_dir=tmp_path)
    for sample in planned.samples:
        shown = [row["input"] for row in planned.demonstrations[sample.id]]
        assert sample.input not in shown
        assert len(shown) == 9


def test_demonstrations_of_the_same_kind(tmp_path: Path) -> None:
    """The first rows that share a field with the sample, as MMLU's dev split."""
    train = [{"input": f"t{n}", "target": n % 3} for n in range(9)]
    how = Demonstrations(split="train", sampler="first", same="target")
    task = _published(tmp_path, train, shots=2, demonstrations=how)
    shown = _shown(plan_task(task, limit=0, seed=0, data_dir=tmp_path))
    assert shown["0000"] == ["t0", "t3"]
    assert shown["0004"] == ["t1", "t4"]
    missing = Demonstrations(split="train", sampler="first", same="subject")
    with pytest.raises(DataError, match="'subject'"):
        plan_task(
            task.with_changes(demonstrations=missing),
            limit=0,
            seed=0,
            data_dir=tmp_path,
        )


def test_demonstrations_of_a_file_are_shown_in_its_order() -> None:
    """What the benchmark defines is shown from the first on, and read from no split."""
    how = Demonstrations(rows=({"input": "a"}, {"input": "b"}), sampler="first")
    for shots, shown in ((1, ["a"]), (2, ["a", "b"])):
        task = _task(_numbered(3), shots=shots, demonstrations=how)
        planned = plan_task(task, limit=0, seed=0, data_dir=None)
        assert set(map(tuple, _shown(planned).values())) == {tuple(shown)}


def test_samples_know_their_groups() -> None:
    """The part by its expression, after the group that names it."""
    groups = {"even": ("0", "2"), "odd": ("1",)}
    task = _task(_numbered(3), group="target", groups=groups)
    planned = plan_task(task, limit=0, seed=0, data_dir=None)
    assert [sample.groups for sample in planned.samples] == [
        ("even", "0"),
        ("odd", "1"),
        ("even", "2"),
    ]
    (sample, *_) = _planned(_numbered(1), group="target").samples
    assert sample.groups == ("0",)
    lacking = _task(_numbered(3), group="target", groups={"even": ("0", "2")})
    with pytest.raises(DataError, match=r"'1' of .*row 1.*in no group.*even"):
        plan_task(lacking, limit=0, seed=0, data_dir=None)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (None, r"no \[demonstrations\]"),
        (Demonstrations(split="train"), "'train' has 2 of them"),
        (Demonstrations(split="train", sampler="first"), "'train' has 2 of them"),
    ],
)
def test_more_shots_than_there_are_demonstrations_are_refused(
    tmp_path: Path, how: Demonstrations | None, said: str
) -> None:
    """Fewer than asked for would be another setting under the same name."""
    train = [{"input": "a"}, {"input": "b"}]
    task = _published(tmp_path, train, shots=3, demonstrations=how)
    with pytest.raises(Unsupported, match=rf"'own'.*3 demonstrations.*{said}"):
        plan_task(task, limit=0, seed=0, data_dir=tmp_path)


def test_no_shots_read_no_demonstrations(tmp_path: Path) -> None:
    """A split that is not needed is not asked for."""
    how = Demonstrations(split="train")
    task = _published(tmp_path, [{"input": "t"}], demonstrations=how)
    (tmp_path / "train.jsonl").unlink()
    planned = plan_task(task, limit=2, seed=0, data_dir=tmp_path)
    assert _shown(planned) == {}
