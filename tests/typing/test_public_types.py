"""The public surface has the types that it says it has."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def _mypy(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", *arguments],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )


def test_public_surface_is_typed(repository: Path) -> None:
    """Mypy strict agrees with every `assert_type`, and rejects every mistake."""
    result = _mypy(repository, str(HERE / "public_surface.py"))
    assert (result.stdout, result.returncode) == ("", 0)


def test_reveal_type_names_the_public_class(tmp_path: Path, repository: Path) -> None:
    """`reveal_type(llm(...))` is `Completion`, in a module that is not ours."""
    module = tmp_path / "module.py"
    module.write_text(
        "import llmlab_pytest\n"
        "def ask(llm: llmlab_pytest.Llm) -> None:\n"
        '    reveal_type(llm("Hi"))\n',
        encoding="utf-8",
    )
    result = _mypy(repository, str(module))
    assert 'Revealed type is "llmlab_pytest.core._records.Completion"' in result.stdout


def test_package_is_marked_as_typed(repository: Path) -> None:
    """The wheel carries `py.typed`, so that users' checkers read our annotations."""
    assert (repository / "llmlab_pytest" / "py.typed").is_file()
