"""False keys in the shapes of real ones, a project full of them, and a search for them.

Keys are put together here, so that no scanner of repositories takes one for real.
"""

import base64
import gzip
import json
import os
import random
import sqlite3
import string
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import pytest

_DRAW = random.Random(1234)
_WORD = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def _drawn(count: int, alphabet: str = _WORD) -> str:
    return "".join(_DRAW.choices(alphabet, k=count))


class Planted(NamedTuple):
    """A false key: who would issue it, and the variable where it stands."""

    vendor: str
    variable: str
    key: str
    id: str = ""
    """What asks with it: some vendors' protocols are spoken by litellm only."""


_ANTHROPIC = f"sk-{'ant'}-api03-{_drawn(80)}-{_drawn(8)}AA"
_GOOGLE = f"AI{'za'}Sy{_drawn(33)}"
PLANTED = (
    Planted("openai", "OPENAI_API_KEY", f"sk-{'proj'}-{_drawn(74)}-_{_drawn(40)}"),
    Planted("unnamed", "MY_GATEWAY", _drawn(24)),
    Planted("anthropic", "ANTHROPIC_API_KEY", _ANTHROPIC, "anthropic/claude-haiku-4-5"),
    Planted("google", "GEMINI_API_KEY", _GOOGLE, "gemini/gemini-2.5-flash"),
    Planted("azure", "AZURE_API_KEY", _drawn(32, _HEX), "azure/gpt-4o-mini"),
    Planted("aws-id", "AWS_ACCESS_KEY_ID", f"AK{'IA'}{_drawn(16, _WORD[26:].upper())}"),
    Planted("aws", "AWS_SECRET_ACCESS_KEY", f"{_drawn(18)}/{_drawn(10)}+{_drawn(10)}"),
    Planted("mistral", "MISTRAL_API_KEY", _drawn(32), "mistral/mistral-small-latest"),
    Planted(
        "groq", "GROQ_API_KEY", f"gs{'k_'}{_drawn(52)}", "groq/llama-3.1-8b-instant"
    ),
    Planted("openrouter", "OPENROUTER_API_KEY", f"sk-{'or'}-v1-{_drawn(64, _HEX)}"),
    Planted("huggingface", "HF_TOKEN", f"h{'f_'}{_drawn(34)}"),
    Planted("deepseek", "DEEPSEEK_API_KEY", f"sk{'-'}{_drawn(32, _HEX)}"),
    Planted("xai", "XAI_API_KEY", f"xa{'i-'}{_drawn(80)}"),
    Planted("together", "TOGETHERAI_API_KEY", _drawn(64, _HEX)),
    Planted("cohere", "COHERE_API_KEY", _drawn(40), "cohere_chat/command-r"),
    Planted(
        "jwt", "GATEWAY_JWT", f"ey{'J'}{_drawn(20)}.ey{'J'}{_drawn(60)}.{_drawn(43)}"
    ),
)
"""Those that stand in the environment."""
_OF_FILE = Planted("file", "OF_THE_FILE", _drawn(30))
_OF_COMMAND = Planted("command", "", _drawn(31))
_OF_ADDRESS = Planted("address", "", f"{_drawn(14)}%2F{_drawn(14)}")
_ALL = (*PLANTED, _OF_FILE, _OF_COMMAND, _OF_ADDRESS)
_INPUTS = ("llmlab_models.toml", "keys.env", "key.py")
"""Files of the project that its user has written keys into."""
_MODEL = """
[[model]]
alias = "{alias}"
provider = "litellm"
id = "{id}"
capabilities = ["chat", "streaming", "token_logprobs"]
options = {{ transport = "{transport}", timeout_s = 20, {options} }}
"""


def _registry(url: str) -> str:
    """Return the entries of all models: each key in both transports."""
    script = f"['{sys.executable}', 'key.py']"
    address = url.replace("://", f"://me:{_OF_ADDRESS.key}@")
    ways = [
        *((p, f'base_url = "{url}", api_key_env = "{p.variable}"') for p in PLANTED),
        (_OF_FILE, f'base_url = "{url}", api_key_env = "{_OF_FILE.variable}"'),
        (_OF_COMMAND, f'base_url = "{url}", api_key_command = {script}'),
        (_OF_ADDRESS, f'base_url = "{address}"'),
    ]
    return "".join(
        _MODEL.format(
            alias=f"{planted.vendor}-{transport}",
            id=planted.id or f"openai/of-{planted.vendor}",
            transport=transport,
            options=options,
        )
        for planted, options in ways
        for transport in ("auto", "litellm")
    )


@dataclass
class Project:
    """A folder with its own home and place for temporary files."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    shown: dict[str, bytes] = field(default_factory=dict)
    """What commands wrote to their streams."""

    def write(self, url: str, files: Mapping[str, str]) -> None:
        """Write files, and those with keys for a server of that address."""
        keys = {
            "llmlab_models.toml": _registry(url),
            "keys.env": f"{_OF_FILE.variable}={_OF_FILE.key}\n",
            "key.py": f"print({_OF_COMMAND.key!r})\n",
        }
        for name, text in {**keys, **files}.items():
            path = self.folder / name
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start a command in the project."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait for a command, keep what it shows, return its code."""
        out, err = process.communicate(timeout=120)
        self.shown |= {f"stdout {process.pid}": out, f"stderr {process.pid}": err}
        return process.returncode

    def unsent(self, said: str) -> set[str]:
        """Return whose keys were not in any request, by what the server was sent."""
        return {planted.vendor for planted in _ALL if not _is_in(planted.key, said)}

    def leaks(self) -> dict[str, list[str]]:
        """Return where keys are found, in any form: vendor -> places."""
        forms = {planted.vendor: _forms(planted.key) for planted in _ALL}
        found: dict[str, list[str]] = {}
        for place, content in self._contents():
            for vendor, needles in forms.items():
                if any(needle in content for needle in needles):
                    found.setdefault(vendor, []).append(place)
        return found

    def _contents(self) -> Iterator[tuple[str, bytes]]:
        yield from self.shown.items()
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            yield f"the name {name}", name.encode()
            if path.is_file() and name not in _INPUTS:
                content = path.read_bytes()
                yield name, content
                yield from _inside(name, content, path)


def _inside(name: str, content: bytes, path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what a reader of a file sees that its bytes do not show."""
    for unpack in (gzip.decompress, zlib.decompress):
        with suppress(OSError, EOFError, zlib.error):
            yield f"{name}, unpacked", unpack(content)
    if content.startswith(b"SQLite format 3"):  # a long value is cut into pages
        with closing(sqlite3.connect(path)) as database:
            tables = "select name from sqlite_master where type = 'table'"
            for (table,) in database.execute(tables).fetchall():
                for row in database.execute(f'select * from "{table}"'):  # noqa: S608 -- names of its own tables
                    yield f"{name}, table {table}", repr(row).encode()


def _is_in(key: str, said: str) -> bool:
    return any(form.decode() in said for form in _forms(key))


def _forms(key: str) -> set[bytes]:
    """Return how a key may be written; a half of it is too much, too."""
    forms = set()
    for text in {key, unquote(key), quote(key, safe="")}:
        half = len(text) // 2
        forms |= {text, text[:half], text[half:], json.dumps(text)[1:-1]}
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + text.encode()).decode()[4:-4]
            forms |= {encoded, encoded.replace("+", "-").replace("/", "_")}
    return {form.encode() for form in forms}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project, with every false key in its environment."""
    kept = ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    environment |= {planted.variable: planted.key for planted in PLANTED}
    environment |= {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "LLMLAB_CACHE": str(tmp_path / "home" / "cache"),
        "AZURE_API_VERSION": "2024-10-21",
        "EXECNET_DEBUG": "1",  # writes every message of xdist into TMPDIR
        "LITELLM_LOG": "DEBUG",
        "OPENAI_LOG": "debug",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Project(tmp_path, environment)


@pytest.fixture
def quoting(quoting_server: ModuleType) -> Iterator[Any]:
    """A running server that quotes keys, and redirects to one that notes them."""
    with (
        quoting_server.QuotingServer() as other,
        quoting_server.QuotingServer(other.url) as running,
    ):
        running.other = other
        yield running
