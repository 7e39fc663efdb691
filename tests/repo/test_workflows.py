"""The workflows of docs/ci.md are valid by their vendors' own schemas."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

_BLOCK = re.compile(r"^```yaml\n# file: (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SCHEMAS = {
    ".github/workflows/evals.yml": "vendor.github-workflows",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
}


def _check(schema: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", _SCHEMAS)
def test_workflow_is_valid(name: str, repository: Path, tmp_path: Path) -> None:
    """And the check would see a mistake."""
    page = (repository / "docs" / "ci.md").read_text("utf-8")
    text = dict(_BLOCK.findall(page))[name]
    file = tmp_path / "workflow.yml"
    file.write_text(text, encoding="utf-8")
    done = _check(_SCHEMAS[name], file)
    assert done.returncode == 0, done.stdout
    file.write_text(
        text.replace("script:", "scripts: 3\n  x:").replace("steps:", "step:")
    )
    assert _check(_SCHEMAS[name], file).returncode != 0
