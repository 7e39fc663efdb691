"""Task cards and marks: one set of keys, checked the same way."""

from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.core import ConfigError, DataError
from llmlab_pytest.tasks import (
    Task,
    chat_mode_on,
    find_card,
    load_card,
    needed_capability,
    override,
    shipped_card_folders,
    task_from_spec,
)

HUB = '{ repository = "a/b", revision = "c", file = "d" }'
SPLIT = 'digest = "x"\nrows = 1\ndirectory = "d.jsonl"\n'


def _card(folder: Path, text: str, name: str = "own.task.toml") -> Task:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load_card(path)


def _spec(**settings: Any) -> Task:
    return task_from_spec(
        name="own", base_dir=Path(), where="test_it.py:3", data=[{"a": 1}], **settings
    )


@pytest.mark.parametrize(
    ("file", "name", "rows"),
    [
        ("capitals.task.toml", "capitals", "capitals.jsonl"),
        ("capitals/task.toml", "capitals", "capitals/capitals.jsonl"),
        ("two.dots.task.toml", "two.dots", "two.dots.jsonl"),
    ],
)
def test_names_follow_the_file(tmp_path: Path, file: str, name: str, rows: str) -> None:
    """A card without a name is called like its file and reads the JSONL beside it."""
    task = _card(tmp_path, 'scorers = ["exact"]\n', file)
    assert task.name == name
    assert task.data.file == tmp_path / rows


def test_every_key_arrives(tmp_path: Path) -> None:
    """Keys of a card become fields of the task; one text stands for a list of one."""
    task = _card(
        tmp_path,
        'name = "n"\nversion = "2"\nkind = "generate"\nprompt = "{{ q }}"\n'
        'system = ""\nchat = false\nid = "q"\ntarget = "t"\nchoices = "c"\n'
        'target_delimiter = ""\nshots = 2\nmax_tokens = 5\ntemperature = 0\n'
        'stop = "\\n"\nscorers = ["exact", { name = "regex", pattern = "x" }]\n'
        'gate = ["accuracy >= 0.5", "errors == 0"]\nepochs = 3\nlimit = 0\n'
        'data = "other.jsonl"\n[demonstrations]\nsplit = "train"\nsampler = "first"\n',
    )
    assert (task.name, task.version, task.prompt) == ("n", "2", "{{ q }}")
    assert (task.system, task.chat, task.target_delimiter) == ("", "off", "")
    assert (task.shots, task.max_tokens, task.epochs, task.limit) == (2, 5, 3, 0)
    assert task.stop == ("\n",)
    assert task.gates == ("accuracy >= 0.5", "errors == 0")
    assert task.scorers == ("exact", {"name": "regex", "pattern": "x"})
    assert task.demonstrations is not None
    assert task.demonstrations.sampler == "first"
    assert task.data.file == tmp_path / "other.jsonl"


WRONG = {
    'scorer = "exact"': ("'scorer'", "'scorers'", ":1"),
    'scorers = "exact"': ("scorers", "a list of names", ":1"),
    "\n\nshots = -1": ("shots", "-1", ":3"),
    "shots = true": ("shots", "True"),
    "epochs = 0": ("epochs", "0"),
    'kind = "chat"': ("'chat'", "'loglikelihood'"),
    'chat = "multi"': ("'multi'", "'multiturn'", ":1"),
    'limit = "10"': ("limit", "'10'"),
    "prompt = 3": ("prompt", "3"),
    "max_tokens = 0": ("max_tokens", "0"),
    "shots = 2": ("shots = 2", "[demonstrations]"),
    'contexts = "c"': ("contexts", "'generate'"),
    "unconditional = true": ("unconditional", "'generate'"),
    'kind = "loglikelihood"\ncontexts = "c"\nunconditional = true': ("nothing to",),
    'kind = "perplexity"\nsystem = "s"': ("system", "whole text"),
    'kind = "perplexity"\ndescription = "d"': ("description", "whole text"),
    "[demonstrations]\nshots = 1": ("'shots'", "own.task.toml:1"),
    '[demonstrations]\nsampler = "last"\nsplit = "a"': ("'last'", "'first'"),
    '[demonstrations]\nsampler = "first"': ("'split' or 'file'",),
    '[demonstrations]\nsplit = "a"\nfile = "b.jsonl"': ("'split' or 'file'",),
    "[groups]\nstem = ['a']": ("[groups] and no 'group'",),
    "group = 's'\n[groups]\nstem = 'a'": ("'stem'", "list"),
    "group = 's'\n[groups]\nx = ['a']\ny = ['a']": ("'a' is named 2 times",),
    '[data]\nsplit = "test"': ("'identity' is missing",),
    '[data]\nsplit = "test"\nidentity = ["a"]': ("'test' is not described",),
    '[data]\nsplit = "t"\nidentity = ["a"]\n[data.t]\nrows = 1': (
        "'digest'",
        "split t",
    ),
    f'[data]\nsplit = "t"\nidentity = ["a"]\n[data.t]\n{SPLIT}hub = {{}}': (
        "'repository' is missing",
    ),
    f'[data]\nsplit = "t"\nidentity = ["a"]\n[data.t]\n{SPLIT}url = "x"': ("'url'",),
    "data = 3": ("data", "3"),
    'prompt = "a" "b"': (":1",),
    "prompt = 'a'\nprompt = 'b'": (":2",),
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_card_says_key_value_and_line(tmp_path: Path, text: str) -> None:
    """Every fault of a card names the file, what was seen and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        _card(tmp_path, text + "\n")
    for part in (*WRONG[text], "own.task.toml"):
        assert part in str(caught.value)


def test_perplexity_shows_every_perplexity_unless_the_card_chooses(
    tmp_path: Path,
) -> None:
    """A card needs no more than its kind and its text."""
    task = _card(tmp_path, 'kind = "perplexity"\n')
    assert task.scorers == ("nats_per_word", "nats_per_byte", "nats_per_token")
    assert task.metrics[:2] == ("word_perplexity", "byte_perplexity")
    task = _card(
        tmp_path,
        'kind = "perplexity"\nscorers = ["nats_per_byte"]\n'
        'metrics = ["bits_per_byte"]\n',
    )
    assert (task.scorers, task.metrics) == (("nats_per_byte",), ("bits_per_byte",))


def test_split_takes_hub_and_wheel(tmp_path: Path) -> None:
    """A published split names its sources and its digest."""
    task = _card(
        tmp_path,
        f'[data]\nsplit = "t"\nidentity = ["a"]\n[data.t]\n{SPLIT}hub = {HUB}\n'
        'wheel = { member = "m", row = { q = "question" } }\n',
    )
    split = task.data.splits["t"]
    assert (split.name, split.rows, split.digest) == ("t", 1, "x")
    assert split.hub is not None
    assert split.hub.repository == "a/b"
    assert split.wheel is not None
    assert split.wheel.row == {"q": "question"}


def test_demonstrations_of_a_file_are_read_and_hashed(tmp_path: Path) -> None:
    """Demonstrations beside the card are part of the task: other ones, other hashes."""
    text = 'shots = 1\n[demonstrations]\nfile = "shown.jsonl"\n'
    shown = tmp_path / "shown.jsonl"
    shown.write_text('{"input": "1 + 1?", "target": "2"}\n', encoding="utf-8")
    before = _card(tmp_path, text)
    assert before.demonstrations is not None
    assert before.demonstrations.rows == ({"input": "1 + 1?", "target": "2"},)
    shown.write_text('{"input": "1 + 2?", "target": "3"}\n', encoding="utf-8")
    after = _card(tmp_path, text)
    assert before.hash != after.hash
    assert before.prompt_hash != after.prompt_hash
    shown.unlink()
    with pytest.raises(DataError, match=r"shown\.jsonl"):
        _card(tmp_path, text)


def test_mark_takes_the_keys_of_a_card(tmp_path: Path) -> None:
    """Tuples count as lists; a relative file is beside the test file."""
    task = task_from_spec(
        name="own",
        base_dir=tmp_path,
        where="mark",
        data="rows.jsonl",
        scorers=("exact",),
        stop=("a", "b"),
        gate="accuracy > 0",
    )
    assert task.data.file == tmp_path / "rows.jsonl"
    assert task.scorers == ("exact",)
    assert task.stop == ("a", "b")
    assert task.gates == ("accuracy > 0",)


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"scorer": "exact"}, "'scorers'"),
        ({"demonstrations": {}}, "'demonstrations'"),
        ({"shots": "3"}, "'3'"),
        ({"shots": 3}, "[demonstrations]"),
    ],
)
def test_wrong_mark_names_the_mark(settings: dict[str, Any], shown: str) -> None:
    """A mark's fault is told like a card's, with the mark as its place."""
    with pytest.raises(ConfigError) as caught:
        _spec(**settings)
    assert shown in str(caught.value)
    assert "test_it.py:3" in str(caught.value)


def test_mark_without_data_says_how() -> None:
    """A task needs rows, a file, or a registered name."""
    with pytest.raises(ConfigError, match="has no data"):
        task_from_spec(name="own", base_dir=Path(), where="mark")


def test_mark_with_odd_rows_names_row_and_field() -> None:
    """A row that could not be hashed is refused where it is written."""
    with pytest.raises(DataError, match="mark, row 1, image:"):
        task_from_spec(
            name="own", base_dir=Path(), where="mark", data=[{"a": 1}, {"image": b"x"}]
        )


def test_override_changes_what_it_names_only(tmp_path: Path) -> None:
    """A mark may change keys of a registered card; the rest stays."""
    task = _card(tmp_path, 'scorers = ["exact"]\nmax_tokens = 5\nlimit = 3\n')
    changed = override(task, where="mark", limit=0, stop="x")
    assert (changed.limit, changed.stop, changed.max_tokens) == (0, ("x",), 5)
    assert task.limit == 3
    with pytest.raises(ConfigError, match=r"'max_token'.*'max_tokens'"):
        override(task, where="mark", max_token=7)
    with pytest.raises(ConfigError, match="shots = 5"):
        override(task, where="mark", shots=5)


@pytest.mark.parametrize(
    ("change", "asks", "scores"),
    [
        ({"prompt": "x"}, True, True),
        ({"system": "x"}, True, True),
        ({"chat": False}, True, True),
        ({"chat": "joined"}, True, True),
        ({"target_delimiter": ""}, True, True),
        ({"kind": "loglikelihood", "unconditional": True}, True, True),
        ({"scorers": ["numeric"]}, False, True),
        ({"max_tokens": 3}, False, True),
        ({"temperature": 0.5}, False, True),
        ({"target": "t"}, False, True),
        ({"gate": "accuracy > 0"}, False, False),
        ({"limit": 7}, False, False),
        ({"epochs": 2}, False, False),
        ({"metrics": ["errors"]}, False, False),
        ({"group": "a"}, False, False),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_hashes_tell_what_changes_a_number(
    change: dict[str, Any], asks: bool, scores: bool
) -> None:
    """The prompt hash moves with the words asked, the task hash with any number."""
    before, after = _spec(scorers=["exact"]), _spec(**{"scorers": ["exact"], **change})
    assert (before.prompt_hash != after.prompt_hash) is asks
    assert (before.hash != after.hash) is scores
    assert before.key != after.key or {"metrics", "group"} & {*change}


@pytest.mark.parametrize(
    ("settings", "mode", "on_chat_model"),
    [
        ({}, "multiturn", "multiturn"),
        ({"chat": True}, "multiturn", "multiturn"),
        ({"chat": "joined"}, "joined", "joined"),
        ({"chat": False}, "off", "joined"),
        ({"kind": "loglikelihood"}, "off", "off"),
        ({"kind": "loglikelihood", "chat": True}, "multiturn", "multiturn"),
    ],
)
def test_chat_mode_follows_card_kind_and_model(
    settings: dict[str, Any], mode: str, on_chat_model: str
) -> None:
    """By default choices are compared after raw text, answers written in a chat."""
    task = _spec(**settings)
    assert task.chat_mode == mode
    assert chat_mode_on(task, {"chat", "completion"}) == mode
    assert chat_mode_on(task, {"chat"}) == on_chat_model


def test_default_chat_mode_and_the_same_written_out_hash_alike() -> None:
    """What changes no number starts no new benchmark."""
    assert _spec().hash == _spec(chat=True).hash
    assert _spec().hash != _spec(chat="joined").hash


LIKELIHOOD_CHAT = {"kind": "loglikelihood", "chat": "multiturn"}


@pytest.mark.parametrize(
    ("settings", "capabilities", "needed"),
    [
        ({}, {"chat", "completion"}, "chat"),
        ({"chat": False}, {"chat", "completion"}, "completion"),
        ({"chat": False}, {"chat"}, "chat"),
        ({"kind": "loglikelihood"}, {"chat"}, "loglikelihood"),
        ({"kind": "perplexity"}, {"chat"}, "loglikelihood"),
        (LIKELIHOOD_CHAT, {"chat"}, "loglikelihood"),
        (LIKELIHOOD_CHAT, {"loglikelihood"}, "chat"),
        (LIKELIHOOD_CHAT, {"chat", "loglikelihood"}, "loglikelihood"),
    ],
)
def test_capability_follows_kind_and_model(
    settings: dict[str, Any], capabilities: set[Any], needed: str
) -> None:
    """A raw prompt goes through the chat where a model can do nothing else."""
    assert needed_capability(_spec(**settings), capabilities) == needed


def test_cards_are_found_by_name_and_earlier_folders_win(tmp_path: Path) -> None:
    """A project's card of a shipped name is the project's; a typo gets a suggestion."""
    own = tmp_path / "arc_easy" / "task.toml"
    own.parent.mkdir()
    own.write_text("")
    folders = (tmp_path, *shipped_card_folders())
    assert find_card("arc_easy", folders=folders, where="mark") == own
    assert find_card("gsm8k", folders=folders, where="mark").is_file()
    with pytest.raises(ConfigError, match=r"'helaswag'.*'hellaswag'"):
        find_card("helaswag", folders=folders, where="mark")


@pytest.mark.parametrize(
    "card",
    [c for f in shipped_card_folders() for c in sorted(f.glob("*/task.toml"))],
    ids=lambda card: card.parent.name,
)
def test_shipped_cards_name_source_licence_and_reference(card: Path) -> None:
    """Each shipped benchmark is pinned, licensed and names its reference."""
    task = load_card(card)
    assert task.version
    assert task.licence
    assert "lm-eval 0.4.13" in task.reference
    for split in task.data.splits.values():
        assert len(split.digest) == 64 or (split.digest == "" and split.hub is not None)
        assert split.rows > 0
        if split.hub is not None:
            assert len(split.hub.revision) == 40
