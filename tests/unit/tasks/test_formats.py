"""Datasets of other tools, of databases and of spreadsheets become rows."""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from llmlab_pytest.core import ConfigError, DataError
from llmlab_pytest.tasks import (
    PlannedTask,
    load_card,
    load_matrix,
    load_rows,
    plan_task,
)

FORMATS = Path(__file__).parent / "formats"


def planned(folder: Path, card: str) -> PlannedTask:
    """Plan the task of a card."""
    path = folder / "t.task.toml"
    path.write_text(card, encoding="utf-8")
    return plan_task(load_card(path), limit=None, seed=1, data_dir=None)


def rows_of(folder: Path, name: str, text: str, form: str) -> list[dict[str, Any]]:
    """Return the rows that a file of another tool becomes."""
    (folder / name).write_text(text, encoding="utf-8")
    task = planned(folder, f'data = "{name}"\nformat = "{form}"\n')
    return [dict(sample.metadata) for sample in task.samples]


def test_inspect_rows_are_what_inspect_reads(tmp_path: Path) -> None:
    """The samples that inspect_ai 0.3.285 makes of the same file, recorded."""
    recorded = json.loads((FORMATS / "inspect.json").read_text("utf-8"))
    text = (FORMATS / "inspect.jsonl").read_text("utf-8")
    rows = rows_of(tmp_path, "d.jsonl", text, "inspect")
    for row, theirs in zip(rows, recorded, strict=True):
        turns = [[turn["role"], turn["content"]] for turn in row["messages"]]
        asked = theirs["input"]
        assert turns == (asked if isinstance(asked, list) else [["user", asked]])
        assert row["target"] == theirs["target"]
        assert row.get("choices", []) == theirs["choices"]
        assert row.get("id") == theirs["id"]
        assert {name: row[name] for name in theirs["metadata"]} == theirs["metadata"]


def test_inspect_rows_of_agents_are_refused(tmp_path: Path) -> None:
    """A sandbox would be missing, and nobody would know."""
    with pytest.raises(DataError, match=r"d\.jsonl:1: the row has 'sandbox'"):
        rows_of(tmp_path, "d.jsonl", '{"input": "a", "sandbox": "docker"}', "inspect")


def test_openai_rows_are_conversations(tmp_path: Path) -> None:
    """Of the repository, with demonstrations as turns, and of the service's files."""
    lines = [
        {
            "input": [
                {"role": "system", "content": "Translate."},
                {"role": "system", "name": "example_user", "content": "cat"},
                {"role": "system", "name": "example_assistant", "content": "chat"},
                {"role": "user", "content": "dog"},
            ],
            "ideal": ["chien", "un chien"],
        },
        {"input": "2 + 2?", "ideal": "4", "topic": "sums"},
        {"item": {"input": "Hi", "kind": "greeting"}},
    ]
    text = "\n".join(map(json.dumps, lines))
    first, second, third = rows_of(tmp_path, "d.jsonl", text, "openai-evals")
    roles = [turn["role"] for turn in first["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert (first["input"], first["target"]) == ("dog", ["chien", "un chien"])
    assert (second["target"], second["topic"]) == ("4", "sums")
    assert third["messages"] == [{"role": "user", "content": "Hi"}]
    assert third["kind"] == "greeting"


def test_deepeval_rows_keep_their_texts(tmp_path: Path) -> None:
    """In JSON of both spellings, and in CSV."""
    golden = [
        {
            "input": "Who?",
            "expectedOutput": "Ann",
            "retrievalContext": ["Ann did it.", {"context": "So she did."}],
            "expectedTools": [{"name": "ask", "inputParameters": {"who": "Ann"}}],
            "additionalMetadata": {"topic": "people"},
            "actualOutput": None,
        }
    ]
    (row,) = rows_of(tmp_path, "d.json", json.dumps(golden), "deepeval")
    assert row == {
        "topic": "people",
        "input": "Who?",
        "target": "Ann",
        "retrieval_context": ["Ann did it.", "So she did."],
        "tool_calls": [{"name": "ask", "arguments": {"who": "Ann"}}],
    }
    text = (
        "input,expected_output,context,additional_metadata,expected_tools\n"
        'Who?,Ann,one|two,"{""topic"": ""people""}",ask; tell\n'
    )
    (row,) = rows_of(tmp_path, "d.csv", text, "deepeval")
    assert row["context"] == ["one", "two"]
    assert row["topic"] == "people"
    assert row["tool_calls"] == [{"name": "ask"}, {"name": "tell"}]


def test_ragas_rows_have_their_contexts(tmp_path: Path) -> None:
    """Of one turn, of several, and in the cells of a table."""
    lines = [
        {
            "user_input": "Who?",
            "retrieved_contexts": ["Ann did it."],
            "reference": "Ann",
            "response": None,
        },
        {
            "user_input": [
                {"content": "Hi", "type": "human"},
                {"content": "Hello", "type": "ai"},
                {"content": "Bye", "type": "human"},
            ]
        },
    ]
    text = "\n".join(map(json.dumps, lines))
    first, second = rows_of(tmp_path, "d.jsonl", text, "ragas")
    assert (first["input"], first["target"]) == ("Who?", "Ann")
    assert first["context"] == first["retrieved_contexts"] == ["Ann did it."]
    assert "response" not in first
    roles = [turn["role"] for turn in second["messages"]]
    assert roles == ["user", "assistant", "user"]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ["user_input", "retrieved_contexts", "reference"])
    writer.writeheader()
    contexts = ["a", 'it\'s "b"']
    for cell in (contexts, json.dumps(contexts)):
        writer.writerow({"user_input": "Who?", "retrieved_contexts": cell})
    for row in rows_of(tmp_path, "d.csv", buffer.getvalue(), "ragas"):
        assert row["context"] == contexts
        assert "target" not in row


def test_langsmith_rows_have_fields_by_name(tmp_path: Path) -> None:
    """Inputs, one output, metadata; a chat is asked turn by turn."""
    lines = [
        {
            "id": "1",
            "inputs": {"question": "2 + 2?"},
            "outputs": {"answer": "4"},
            "metadata": {"topic": "sums"},
            "dataset_id": "x",
        },
        {"inputs": {"messages": [{"role": "user", "content": "Hi"}]}},
        {"inputs": {"a": 1, "b": 2}, "outputs": {"c": 3, "d": 4}},
    ]
    text = "\n".join(map(json.dumps, lines))
    first, second, third = rows_of(tmp_path, "d.jsonl", text, "langsmith")
    assert first == {
        "id": "1",
        "outputs": {"answer": "4"},
        "topic": "sums",
        "question": "2 + 2?",
        "input": "2 + 2?",
        "target": "4",
    }
    assert second["input"] == "Hi"
    assert (third["a"], third["outputs"]["d"]) == (1, 4)
    assert "target" not in third


def test_promptfoo_rows_have_a_target(tmp_path: Path) -> None:
    """By the one assertion that says what is right, of tables and of YAML."""
    text = (
        "country,__expected,__description,__metadata:area\n"
        'France,Paris,easy,Europe\nJapan,"contains-any: Tokyo, Kyoto",,\n'
    )
    first, second = rows_of(tmp_path, "d.csv", text, "promptfoo")
    assert first["target"] == "Paris"
    assert (first["country"], first["area"]) == ("France", "Europe")
    assert second["target"] == ["Tokyo", "Kyoto"]
    text = (
        "- vars: {country: Peru}\n  description: far\n"
        "  assert: [{type: icontains, value: Lima}]\n"
    )
    (row,) = rows_of(tmp_path, "d.yaml", text, "promptfoo")
    assert row == {"description": "far", "country": "Peru", "target": "Lima"}


@pytest.mark.parametrize(
    ("form", "name", "text", "message"),
    [
        ("inspect", "d.jsonl", '{"target": "a"}', "d.jsonl:1: the row"),
        ("openai-evals", "d.jsonl", '{"ideal": "a"}', "d.jsonl:1: the row"),
        (
            "openai-evals",
            "d.jsonl",
            '{"input": [{"role": "user", "content": [{"type": "image_url"}]}]}',
            "d.jsonl:1: {'type': 'image_url'}",
        ),
        ("ragas", "d.jsonl", '{"question": "a"}', "d.jsonl:1: the row"),
        (
            "ragas",
            "d.jsonl",
            '{"user_input": [{"content": "a", "type": "tool"}]}',
            "is one of tools",
        ),
        ("langsmith", "d.jsonl", '{"outputs": {"a": 1}}', "d.jsonl:1: the row"),
        ("deepeval", "d.json", '[{"scenario": "A user is angry."}]', "is a scenario"),
        ("deepeval", "d.csv", 'input,context\na,"[1"\n', "d.csv:2: the cell"),
        ("deepeval", "d.json", '[{"output": "a"}]', "entry 0: the row"),
        ("promptfoo", "d.csv", "a,__expected\nb,fn:x\n", "d.csv:2: fn:x asserts"),
        ("promptfoo", "d.csv", "a,__expected\nb,is-json:\n", "d.csv:2"),
        (
            "promptfoo",
            "d.csv",
            "a,__expected1,__expected2\nb,c,d\n",
            "a second assertion",
        ),
        ("promptfoo", "d.csv", "a,__threshold\nb,0.5\n", "__threshold asserts"),
        (
            "promptfoo",
            "d.yaml",
            "- vars: {a: 1}\n  assert: [{type: llm-rubric, value: x}]\n",
            "d.yaml:1",
        ),
    ],
)
def test_row_that_is_not_of_its_form_is_named(
    tmp_path: Path, form: str, name: str, text: str, message: str
) -> None:
    """With file and line, never left out."""
    with pytest.raises(DataError) as error:
        rows_of(tmp_path, name, text, form)
    assert message in str(error.value)


def test_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    """A typing mistake is found before anything is asked."""
    with pytest.raises(ConfigError, match="'openai-evals'"):
        rows_of(tmp_path, "d.jsonl", "{}", "openai")


def test_yaml_rows_know_their_lines(tmp_path: Path) -> None:
    """A list of mappings; anything else is named."""
    path = tmp_path / "d.yaml"
    path.write_text("- input: a\n  target: no\n- input: b\n", encoding="utf-8")
    assert load_rows(path) == [{"input": "a", "target": "no"}, {"input": "b"}]
    path.write_text("- input: a\n- 3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"d\.yaml:2: not an object but 3"):
        load_rows(path)
    path.write_text("input: a\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a list of objects"):
        load_rows(path)


SHEET = (
    "\ufeffquestion,target,,\r\n"
    '"What is ""it""?\r\nSay it.",Paris,,\r\n'
    ",,,\r\n"
    "Which?,Rome,,\r\n"
    ",,,\r\n"
)


def test_table_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """As Google Sheets saves it: a mark, quoted newlines, empty rows and columns."""
    path = tmp_path / "d.csv"
    path.write_bytes(SHEET.encode())
    assert load_rows(path) == [
        {"question": 'What is "it"?\r\nSay it.', "target": "Paris"},
        {"question": "Which?", "target": "Rome"},
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,\nb,c\n", "d.csv:2: a value stands in a column without a name"),
        ("a,a\nb,c\n", "d.csv:1: the column 'a' stands there twice"),
    ],
)
def test_column_that_would_be_lost_is_named(
    tmp_path: Path, text: str, message: str
) -> None:
    """Two columns of one name would be one, and one without a name none."""
    path = tmp_path / "d.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as error:
        load_rows(path)
    assert message in str(error.value)


@pytest.fixture
def postgresql_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A PostgreSQL server that runs for one test."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    pgserver = pytest.importorskip("pgserver", reason="needs a PostgreSQL server")
    server = pgserver.get_server(tmp_path / "data", cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An SQLite file with three questions in two languages."""
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table asked (id text, question text, lang text)")
        connection.executemany(
            "insert into asked values (?, ?, ?)",
            [("a", "100%?", "en"), ("b", "Quoi?", "fr"), ("c", "Why?", "en")],
        )
    connection.close()
    return path


def ids(task: PlannedTask) -> list[str]:
    """Return the ids of a task's samples."""
    return [sample.id for sample in task.samples]


def test_query_gives_rows(tmp_path: Path, database: Path) -> None:
    """In one text, where a percent sign is one, and in a table with parameters."""
    assert database.parent == tmp_path
    one = "sqlite:///x.db?query=select * from asked where question like '1%'"
    assert ids(planned(tmp_path, f'data = "{one}"\n')) == ["a"]
    card = (
        '[data]\nurl = "sqlite:///x.db"\n'
        'query = "select id, question as input from asked where lang = :lang"\n'
        'parameters = { lang = "en" }\n'
    )
    assert ids(planned(tmp_path, card)) == ["a", "c"]


def test_parameter_is_never_part_of_the_query(tmp_path: Path, database: Path) -> None:
    """A value that looks like SQL is a value."""
    assert database.parent == tmp_path
    card = (
        '[data]\nurl = "sqlite:///x.db"\n'
        'query = "select * from asked where lang = :lang"\n'
        "parameters = { lang = \"en' or '1' = '1\" }\n"
    )
    with pytest.raises(DataError, match="gives no rows"):
        planned(tmp_path, card)


@pytest.mark.parametrize(
    "query",
    [
        "select 1 as id; select 2",
        "commit; delete from asked",
        "/* ; */ select 1; --\\n;x",
    ],
)
def test_several_statements_are_refused(
    tmp_path: Path, database: Path, query: str
) -> None:
    """One of them could end the transaction that only reads."""
    assert database.is_file()
    with pytest.raises(DataError, match="is several statements"):
        planned(tmp_path, f'[data]\nurl = "sqlite:///x.db"\nquery = "{query}"\n')


def test_semicolon_in_a_text_ends_nothing(tmp_path: Path, database: Path) -> None:
    """Nor does one at the end, or in a comment."""
    assert database.is_file()
    query = "select 'a;b''c;' as id -- one; only\\n;"
    task = planned(tmp_path, f'[data]\nurl = "sqlite:///x.db"\nquery = "{query}"\n')
    assert len(task.samples) == 1


def test_postgresql_cannot_be_written(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a statement returns, the session only reads."""
    monkeypatch.setenv("EVALS_DB", postgresql_url)
    card = '[data]\nurl = "env:EVALS_DB"\nquery = "{}"\n'
    engine = create_engine(postgresql_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("create table asked (id text)"))
        connection.execute(text("insert into asked values ('a')"))
    with pytest.raises(DataError, match="read-only transaction"):
        planned(tmp_path, card.format("delete from asked returning id"))
    assert ids(planned(tmp_path, card.format("select * from asked"))) == ["a"]


@pytest.mark.parametrize(
    "statement",
    ["delete from asked", "drop table asked", "insert into asked values (1, 2, 3)"],
)
def test_database_cannot_be_written(
    tmp_path: Path, database: Path, statement: str
) -> None:
    """The file is opened without the right to."""
    before = database.read_bytes()
    with pytest.raises(DataError, match="opened for reading only"):
        planned(tmp_path, f'[data]\nurl = "sqlite:///x.db"\nquery = "{statement}"\n')
    assert database.read_bytes() == before


def test_url_may_stand_in_the_environment(
    tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a card that is committed holds no password."""
    card = '[data]\nurl = "env:EVALS_DB"\nquery = "select * from asked"\n'
    monkeypatch.delenv("EVALS_DB", raising=False)
    with pytest.raises(DataError, match="the variable EVALS_DB, which is not set"):
        planned(tmp_path, card)
    monkeypatch.setenv("EVALS_DB", f"sqlite:///{database}")
    assert ids(planned(tmp_path, card)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("sqlite:///x.db", ConfigError, "the database has no query"),
        ("sqlite:///no.db?query=select 1", DataError, "no.db' does not exist"),
        ("sqlite:///x.db?query=select absent", DataError, "no such column"),
        ("postgresql+psycopg://u:hush@127.0.0.1:1/x?query=select 1", DataError, "fail"),
        ("nosuch://x?query=select 1", DataError, "driver"),
        ("hf:owner/name:file.parquet", ConfigError, "hf:OWNER/NAME@REVISION"),
    ],
)
def test_source_that_cannot_be_read_is_named(
    tmp_path: Path, database: Path, data: str, error: type[Exception], message: str
) -> None:
    """And no password is shown."""
    assert database.is_file()
    with pytest.raises(error) as found:
        planned(tmp_path, f'data = "{data}"\n')
    assert message in str(found.value)
    assert "hush" not in str(found.value)


def test_matrix_takes_every_source(tmp_path: Path, database: Path) -> None:
    """Files, queries and files of the hub, each with a name of its own."""
    assert database.is_file()
    (tmp_path / "t.task.toml").write_text('scorers = ["exact"]\n', encoding="utf-8")
    path = tmp_path / "m.matrix.toml"
    sources = [
        "rows.yaml",
        "sqlite:///x.db?query=select * from asked",
        "hf:owner/name@abc:data/test.parquet",
    ]
    path.write_text(
        f'task = "t.task.toml"\ndata = {json.dumps(sources)}\n'
        '[prompts]\nask = "{{ question }}"\n',
        encoding="utf-8",
    )
    tasks = load_matrix(path, lambda name: tmp_path / name)
    assert [task.name for task in tasks] == ["m-ask-rows", "m-ask-query2", "m-ask-test"]
    rows = plan_task(tasks[1], limit=None, seed=1, data_dir=None)
    assert ids(rows) == ["a", "b", "c"]
    assert tasks[2].source == "owner/name@abc:data/test.parquet"
    assert len({task.key for task in tasks}) == 3


def test_messages_are_asked_turn_by_turn(tmp_path: Path) -> None:
    """A card that has messages has no prompt; in raw text, turns are joined."""
    with pytest.raises(ConfigError, match="has messages, and a prompt"):
        planned(tmp_path, 'prompt = "{{ a }}"\nmessages = "turns"\ndata = "d.jsonl"\n')
