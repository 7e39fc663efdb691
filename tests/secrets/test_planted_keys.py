"""No key is in anything that a run writes or shows, whatever goes wrong."""

import sys
import textwrap
from types import ModuleType
from typing import Any

import pytest

SUITE = """
    import logging

    import pytest

    from llmlab_pytest import llm_task

    SHAPES = {shapes}


    @pytest.mark.parametrize("shape", SHAPES)
    def test_shape(llm, shape):
        logging.getLogger("mine").debug("asking %s", llm)
        completion = llm(
            f"quote as {{shape}}",
            stream=shape in ("cut", "stream", "streamed"),
            token_logprobs=shape == "answer",
        )
        print(completion)
        assert completion.text == "nothing", completion


    @llm_task(
        data=[
            {{"id": shape, "input": f"quote as {{shape}}", "target": "x"}}
            for shape in SHAPES if shape in {few}
        ],
        scorers=["exact"],
        gate="exact >= 0.5",
    )
    def test_task(score): ...
"""
FEW = ("answer", "empty", "error")
"""What a task asks for."""
IN_WORKERS = ("answer", "empty", "error", "html", "stream", "streamed")
"""What is asked for in workers: what they send home does not differ by the rest."""
OUTPUTS = (
    *("-vv", "--showlocals", "--tb=long", "-rA"),
    *("--log-level=DEBUG", "--log-file=log.txt", "--log-file-level=DEBUG"),
    *("--junitxml=junit.xml", "-ojunit_logging=all", "--alluredir=allure"),
    *("--llmlab-json=table.json", "--llmlab-html=page.html", "--llmlab-csv=rows.csv"),
    "--llmlab-markdown=rows.md",
    *("--llmlab-samples=samples.jsonl", "--llmlab-lm-eval=harness"),
    *("--llmlab-store=kept.db", "--llmlab-cache=auto", "--llmlab-record=cassettes"),
    "--llmlab-look-ahead=0",  # CPython 3.11 fails if two threads format tracebacks
)
RUN = (
    *(sys.executable, "-m", "pytest"),
    *("--llmlab-env-file=keys.env", "--llmlab-allow-commands"),
)
MODELS = "*-auto,file-litellm,command-litellm,aws-litellm,jwt-litellm"
LEFT = "allure harness home junit.xml kept.db log.txt page.html rows.csv samples.jsonl"
"""What a run writes, so that the search is not one of nothing."""


def _files(shapes: tuple[str, ...]) -> dict[str, str]:
    return {
        "test_it.py": textwrap.dedent(SUITE.format(shapes=shapes, few=FEW)),
        "pytest.ini": "[pytest]\nasyncio_default_fixture_loop_scope = function\n",
    }


@pytest.mark.parametrize(
    ("workers", "models"),
    [("-n0", "unnamed-litellm,openai-auto"), ("-n2", "unnamed-auto,openai-litellm")],
)
def test_no_key_is_in_what_a_run_leaves_whatever_a_server_answers(
    project: Any, quoting: Any, quoting_server: ModuleType, workers: str, models: str
) -> None:
    """A key of no known shape and one of OpenAI's, in both transports."""
    shapes = tuple(quoting_server.SHAPES) if workers == "-n0" else IN_WORKERS
    project.write(quoting.url, _files(shapes))
    _run(project, workers, f"--llm={models}")
    assert {shape for shape, _ in quoting.quoted} == set(shapes)
    # litellm follows redirects; the key stays behind.
    assert not any("Bearer " in said for _, said in quoting.other.quoted)


def test_no_vendors_key_is_in_what_a_run_leaves(project: Any, quoting: Any) -> None:
    """Keys in all shapes, of the environment, a file, a command; a password."""
    project.write(quoting.url, _files(("error",)))
    _run(project, f"--llm={MODELS}")
    unsent = project.unsent(" ".join(said for _, said in quoting.quoted))
    assert unsent == {"address"}  # beside a key, clients refuse it before they send


def _run(project: Any, *arguments: str) -> None:
    """Run the suite with all outputs, and search all that it has written."""
    code = project.end(project.start(*RUN, *arguments, *OUTPUTS))
    assert code == pytest.ExitCode.TESTS_FAILED
    written = [name for name in LEFT.split() if not (project.folder / name).exists()]
    assert written == []
    assert project.leaks() == {}
