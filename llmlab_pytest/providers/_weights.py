"""From the id of a local model to its files, and to the digest of those files.

An id is one of: a path of a `.gguf` file or of a folder with safetensors (absolute, or
relative to the working directory), or `package:NAME/FILE`, a file inside an installed
package. The package is located, never imported: the one that carries SmolLM2 would
otherwise pull in a command-line tool. Ids of the form `hf:` are reserved.
"""

import importlib.util
import re
from pathlib import Path, PureWindowsPath

from llmlab_pytest.core import (
    ConfigError,
    LlmlabError,
    MissingDependency,
    ModelError,
    ModelSpec,
    digest_of,
    digest_of_file,
)

_PACKAGE_SCHEME = "package:"
_HUB_SCHEME = "hf:"
_PROVIDERS = ("llamacpp", "transformers")
"""Those whose ids name files."""
_FORMS = (
    "The id of a local model is a path of a .gguf file or of a safetensors folder, or "
    "'package:NAME/FILE' for a file of an installed package."
)
# What decides an answer in a model folder: weights, configuration, tokenizer, template.
_FOLDER_PATTERNS = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")

_digests: dict[tuple[str, int, int], str] = {}


def find_weights(spec: ModelSpec) -> Path:
    """Return the existing file or folder that the id of `spec` names.

    Raises:
        ConfigError: the id has a form that is not known.
        MissingDependency: the package of a `package:` id is not installed.
        ModelError: nothing is there.
    """
    if spec.id.startswith(_PACKAGE_SCHEME):
        return _find_in_package(spec)
    if spec.id.startswith(_HUB_SCHEME):
        msg = f"The id {spec.id!r} of {_name(spec)} asks for a download from the hub."
        fix = "Download the model first and give its path as the id."
        raise ConfigError(msg, allowed=_FORMS, fix=fix)
    path = Path(spec.id).expanduser()
    if not path.exists():
        msg = (
            f"The weights {spec.id!r} of {_name(spec)} do not exist: {path.absolute()}."
        )
        fix = "Correct the id, or put the file there."
        raise ModelError(msg, allowed=_FORMS, fix=fix)
    return path.resolve()


def _find_in_package(spec: ModelSpec) -> Path:
    package, _, inner = spec.id.removeprefix(_PACKAGE_SCHEME).partition("/")
    if not package.isidentifier() or not inner:
        msg = f"The id {spec.id!r} of {_name(spec)} does not name a file of a package."
        raise ConfigError(msg, allowed=_FORMS)
    found = importlib.util.find_spec(package)
    folders = list(found.submodule_search_locations or ()) if found else []
    if not folders:
        raise MissingDependency(
            f"{_name(spec)} needs the package {package!r}, which is not installed.",
            fix=f"Run: pip install {package.replace('_', '-')}",
        )
    for folder in folders:
        path = Path(folder, inner)
        if path.exists():
            return path.resolve()
    msg = f"The package {package!r} in {folders[0]} has no file {inner!r}."
    fix = f"Correct the id of {_name(spec)}, or install the version that has the file."
    raise ModelError(msg, fix=fix)


def name_of_weights(model_id: str) -> str:
    """Return what an id calls its weights on every machine: of a path the last part."""
    if re.match(r"[a-z]{2,}:", model_id):  # `package:`, `shipped:`; `C:` is a drive
        return model_id
    return PureWindowsPath(model_id).name or model_id


def weights_text(spec: ModelSpec) -> str | None:
    """Return what is read to load a model, as `model.gguf, 98 MB`.

    `None` for a model elsewhere, and where nothing is found: loading it says why.
    """
    if spec.provider not in _PROVIDERS:
        return None
    try:
        path = find_weights(spec)
        files = [path] if path.is_file() else path.glob("*.safetensors")
        megabytes = sum(file.stat().st_size for file in files) / 1e6
    except (LlmlabError, OSError):
        return None
    return f"{path.name}, {megabytes:,.0f} MB"


def digest_of_weights(path: Path) -> str:
    """Return the sha256 of a file, or of all deciding files of a folder.

    Remembered in this process by path, size and modification time.
    """
    if path.is_file():
        return _digest_of_file_once(path)
    files = sorted({file for glob in _FOLDER_PATTERNS for file in path.glob(glob)})
    return digest_of([[file.name, _digest_of_file_once(file)] for file in files])


def _digest_of_file_once(path: Path) -> str:
    status = path.stat()
    key = (str(path), status.st_size, status.st_mtime_ns)
    if key not in _digests:
        _digests[key] = digest_of_file(path)
    return _digests[key]


def _name(spec: ModelSpec) -> str:
    origin = f" ({spec.source})" if spec.source else ""
    return f"model {spec.alias!r}{origin}"
