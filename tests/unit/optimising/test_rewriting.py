"""What a writer proposes is used if it is a prompt, and as a text only."""

import pytest

from llmlab_pytest.optimising import Candidate
from llmlab_pytest.optimising._rewriting import placeholders, read_proposal

BASE = Candidate(name="original", prompt="Say {{  input }} ({{ unit }})", system=None)
LOOP = Candidate(
    name="original",
    prompt="{% for word in words %}{{ word }}{% endfor %} {{ input }}",
    system=None,
)


@pytest.mark.parametrize(
    "written",
    [
        "Say {{ input }} ({{ unit }})",
        "no tags",
        "<prompt></prompt>",
        "<prompt>Say {{ input }}</prompt>",
        "<prompt>{{ input }} {{ unit }} {{ target }}</prompt>",
        "<prompt>{{ input }} {{ unit }} {% for x in y %}{% endfor %}</prompt>",
        "<prompt>{{ input }} {{ unit }} {{ input.__class__ }}</prompt>",
        "<prompt>{{ input }} {{ unit }} {# note #}</prompt>",
        "<prompt>{{ input }} {{ unit }} }}</prompt>",
        f"<prompt>{BASE.prompt}</prompt>",
    ],
)
def test_what_is_no_prompt_is_left_out(written: str) -> None:
    """Lost or other placeholders, and whatever else the template language has."""
    assert read_proposal(written, BASE, 0) is None


@pytest.mark.parametrize(
    "written",
    [
        "Sure!\n<prompt>\nUnit {{ unit }}: {{ input }}\n</prompt>\nIt is better.",
        "<prompt>Unit {{ unit }}: {{ input }}",
    ],
)
def test_a_prompt_is_taken_from_between_its_marks(written: str) -> None:
    """Also where the writer forgets the last one."""
    proposal = read_proposal(written, BASE, 2)
    assert proposal is not None
    assert (proposal.name, proposal.prompt) == (
        "rewriting 3",
        "Unit {{ unit }}: {{ input }}",
    )


def test_a_prompt_with_a_program_keeps_it() -> None:
    """The proposal stands before it."""
    proposal = read_proposal("<prompt>Be brief.</prompt>", LOOP, 0)
    assert proposal is not None
    assert proposal.prompt == f"Be brief.\n\n{LOOP.prompt}"
    assert read_proposal("<prompt>{{ input }}</prompt>", LOOP, 0) is None


def test_placeholders_are_compared_without_their_spaces() -> None:
    """And each is named once."""
    assert placeholders("{{ a }} {{b}} {{  a }}") == ["{{ a }}", "{{b}}"]


def test_a_secret_that_a_writer_repeats_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The prompt goes into a file."""
    monkeypatch.setenv("OF_MINE_KEY", "correct horse battery")
    written = "<prompt>correct horse battery {{ unit }}: {{ input }}</prompt>"
    proposal = read_proposal(written, BASE, 0)
    assert proposal is not None
    assert proposal.prompt.startswith("[redacted] ")
