"""Which branch a run belongs to: what `llmlab review branch:main` finds."""

import subprocess
from pathlib import Path

import pytest

from llmlab_pytest.session import _factors

VARIABLES = ("GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "CI_MERGE_REQUEST_IID")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository on the branch `work`, and no variables of a CI."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for command in (["init", "-q"], ["symbolic-ref", "HEAD", "refs/heads/work"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_branch_is_that_of_the_checkout(checkout: Path) -> None:
    """Outside of a repository, and with a detached head, there is none."""
    assert _factors._git_branch(checkout) == "work"
    (checkout / ".git" / "HEAD").write_text("0" * 40 + "\n", encoding="utf-8")
    assert _factors._git_branch(checkout) is None


@pytest.mark.parametrize(
    ("variables", "branch"),
    [
        ({"GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "main"}, "12/merge"),
        ({"CI_COMMIT_REF_NAME": "main"}, "main"),
        (
            {"CI_COMMIT_REF_NAME": "main", "CI_MERGE_REQUEST_IID": "7"},
            "merge-request/7",
        ),
    ],
    ids=["github", "gitlab", "merge request"],
)
def test_pull_request_cannot_pass_for_the_branch_it_is_called(
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    branch: str,
) -> None:
    """Its author chooses the name of its branch: `main` would be a base for others."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _factors._git_branch(checkout) == branch
