"""The options of a run, read from command line, environment and ini, and checked."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, cast

import pytest

from llmlab_pytest.budget import Limit, parse_limits, parse_share
from llmlab_pytest.cache import bytes_of
from llmlab_pytest.core import ConfigError
from llmlab_pytest.covering import Declared, read_declared
from llmlab_pytest.judging import Calibration, read_calibration
from llmlab_pytest.options import OPTIONS
from llmlab_pytest.prompts import ChatMode

CacheMode = Literal["auto", "off", "refresh", "only"]
Inconclusive = Literal["fail", "skip"]
When = Literal["auto", "on", "off"]
_OUTPUTS = (
    "--llmlab-json",
    "--llmlab-html",
    "--llmlab-csv",
    "--llmlab-parquet",
    "--llmlab-markdown",
    "--llmlab-badge",
    "--llmlab-samples",
    "--llmlab-lm-eval",
)


class Setting(NamedTuple):
    """A raw value and the place it was written, for messages."""

    value: str | None
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of this run, checked and typed."""

    models: tuple[str, ...]
    models_where: str
    limit: int | None
    """`None`: each task's own limit; 0: all samples."""
    seed: int
    compat: str | None
    """A compat mode; `None`: that of each task's mark, else the card as it stands."""
    shots: int | None
    """`None`: each task's own number."""
    chat: ChatMode | None
    """`None`: as each task says."""
    system: str | None
    """`None`: each task's own text."""
    data_dir: Path | None
    store_url: str
    store_where: str
    resume: str | None
    """A run id, `LAST_RUN`, or `None`."""
    cache: CacheMode
    cache_dir: Path
    cache_max_bytes: int
    record: Path | None
    """The folder that answers are recorded to."""
    replay: Path | None
    """The folder that all answers are read from; then `record` is `None`."""
    registry: Path | None
    look_ahead: int
    judges: tuple[str, ...]
    judges_where: str
    calibrations: tuple[Calibration, ...]
    """What people say of answers that judges have judged, too."""
    budget: tuple[Limit, ...]
    budget_where: str
    budget_alert_ratio: float
    """The part of a budget from which on a warning is due."""
    estimate: bool
    """Whether to say what the run will take, and ask nothing."""
    predict: tuple[float, ...]
    """How many times as large the workloads are that a prediction is asked for."""
    inconclusive: Inconclusive
    is_sequential: bool
    """Whether tasks stop as soon as their gates are decided."""
    may_run_code: bool
    """Whether code that models write may be run."""
    may_run_commands: bool
    """Whether commands may be run that the registry names, to get keys."""
    baseline: str | None
    """What relative gates compare with: a run id, `LAST_RUN`, or a file of samples."""
    report: str | None
    """The earlier run to show: a run id, `LAST_RUN`, or `None`."""
    coverage: tuple[Declared, ...]
    """What the suite should exercise."""
    junit: Literal["case", "suite"]
    """Where a JUnit file has scores: of samples too, or of the run only."""
    annotations: When
    """When failed gates and errors are printed as annotations of GitHub."""
    outputs: Mapping[str, Path]
    """What to write of the run: the option that asks for it, and where to."""


def read_settings(config: pytest.Config) -> Settings:
    """Read and check every option.

    Raises:
        ConfigError: a value has the wrong type; names where it was written.
    """
    root = config.rootpath
    models = raw_setting(config, "--llm")
    judges = raw_setting(config, "--llmlab-judge")
    budget = raw_setting(config, "--llmlab-budget")
    alert = raw_setting(config, "--llmlab-budget-alert")
    data = raw_setting(config, "--llmlab-data").value
    registry = raw_setting(config, "--llmlab-registry").value
    cache_dir = raw_setting(config, "--llmlab-cache-dir").value
    limit = raw_setting(config, "--llmlab-cache-limit")
    store = raw_setting(config, "--llmlab-store")
    outputs = {flag: raw_setting(config, flag).value for flag in _OUTPUTS}
    recorded, replayed = _cassettes(config)
    return Settings(
        models=tuple(name for name in (models.value or "").split("\n") if name),
        models_where=models.where,
        limit=_integer(config, "--llmlab-limit", minimum=0),
        seed=_integer(config, "--llmlab-seed", minimum=0) or 0,
        compat=raw_setting(config, "--llmlab-compat").value,
        shots=_integer(config, "--llmlab-shots", minimum=0),
        chat=_chat(config),
        system=raw_setting(config, "--llmlab-system").value,
        data_dir=root / Path(data).expanduser() if data else None,
        store_url=store.value or str(root / ".llmlab" / "llmlab.db"),
        store_where=store.where,
        resume=raw_setting(config, "--llmlab-resume").value,
        cache=cast("CacheMode", _choice(config, "--llmlab-cache")),
        cache_dir=root / (cache_dir or ".llmlab/cache"),
        cache_max_bytes=bytes_of(limit.value or "0", where=limit.where),
        record=recorded,
        replay=replayed,
        registry=_existing(root / registry) if registry else None,
        look_ahead=_integer(config, "--llmlab-look-ahead", minimum=0) or 0,
        judges=tuple(name for name in (judges.value or "").split("\n") if name),
        judges_where=judges.where,
        calibrations=_calibrations(config),
        budget=parse_limits(budget.value or "", where=budget.where),
        budget_where=budget.where,
        budget_alert_ratio=parse_share(alert.value or "", where=alert.where),
        estimate=bool(raw_setting(config, "--llmlab-estimate").value),
        predict=_factors(config),
        inconclusive=cast("Inconclusive", _choice(config, "--llmlab-inconclusive")),
        is_sequential=_is_on(config, "--llmlab-sequential"),
        may_run_code=_is_on(config, "--llmlab-allow-code-execution"),
        may_run_commands=_is_on(config, "--llmlab-allow-commands"),
        baseline=_baseline(config),
        report=raw_setting(config, "--llmlab-report").value,
        coverage=_declared(config),
        junit=cast("Literal['case', 'suite']", _choice(config, "--llmlab-junit")),
        annotations=cast("When", _choice(config, "--llmlab-annotations")),
        outputs=_checked({flag: Path(p) for flag, p in outputs.items() if p}),
    )


def raw_setting(config: pytest.Config, flag: str) -> Setting:
    """Return an option as it was written last, and where."""
    option = next(option for option in OPTIONS if option.flag == flag)
    from_command_line = config.getoption(option.dest)
    if from_command_line is not None:
        values: Sequence[str] = (
            from_command_line if option.action == "append" else [from_command_line]
        )
        return Setting("\n".join(map(str, values)), option.flag)
    if option.env and os.environ.get(option.env):
        return Setting(os.environ[option.env], f"env {option.env}")
    if option.ini and (value := config.getini(option.ini)) not in ("", None):
        return Setting(str(value), f"ini {option.ini}")
    return Setting(option.default, f"the default of {option.flag}")


def _calibrations(config: pytest.Config) -> tuple[Calibration, ...]:
    """Read the files of `--llmlab-calibration`."""
    named = raw_setting(config, "--llmlab-calibration").value or ""
    return tuple(
        read_calibration(config.rootpath / Path(name))
        for name in named.split("\n")
        if name
    )


def _declared(config: pytest.Config) -> tuple[Declared, ...]:
    """Read the list of `--llmlab-coverage`."""
    named = raw_setting(config, "--llmlab-coverage").value
    return tuple(read_declared(config.rootpath / Path(named))) if named else ()


def _integer(config: pytest.Config, flag: str, *, minimum: int) -> int | None:
    raw = raw_setting(config, flag)
    if raw.value is None:
        return None
    try:
        number = int(raw.value)
    except ValueError:
        number = minimum - 1
    if number < minimum:
        msg = f"{raw.where} is {raw.value!r}."
        raise ConfigError(msg, allowed=f"It takes a whole number, at least {minimum}.")
    return number


def _is_on(config: pytest.Config, flag: str) -> bool:
    return raw_setting(config, flag).value is not None


def _choice(config: pytest.Config, flag: str) -> str:
    """Return one of the option's choices; argparse checks only the command line."""
    raw = raw_setting(config, flag)
    allowed = next(o.choices for o in OPTIONS if o.flag == flag) or ()
    if raw.value not in allowed:
        msg = f"{raw.where} is {raw.value!r}."
        raise ConfigError(msg, allowed=f"It takes {', '.join(map(repr, allowed))}.")
    return raw.value


def _factors(config: pytest.Config) -> tuple[float, ...]:
    """Return the factors of `--llmlab-predict`.

    Raises:
        ConfigError: one of them is no number above 0.
    """
    raw = raw_setting(config, "--llmlab-predict")
    factors = []
    for part in [] if raw.value is None else raw.value.split(","):
        try:
            factor = float(part.strip().removesuffix("x"))
        except ValueError:
            factor = 0.0
        if not 0 < factor < math.inf:
            raise ConfigError(
                f"{raw.where} is {raw.value!r}.",
                allowed="It takes numbers above 0, separated by commas.",
                fix="For example: --llmlab-predict 10x,100x",
            )
        factors.append(factor)
    return tuple(factors)


def _chat(config: pytest.Config) -> ChatMode | None:
    mode = _choice(config, "--llmlab-chat")
    return None if mode == "task" else cast("ChatMode", mode)


def _cassettes(config: pytest.Config) -> tuple[Path | None, Path | None]:
    """Return the folders to record to and to replay; at most one of them.

    Raises:
        ConfigError: both are asked for, or replaying with a cache, or a folder that
            does not exist.
    """
    record, replay = (
        raw_setting(config, "--llmlab-record"),
        raw_setting(config, "--llmlab-replay"),
    )
    root = config.rootpath
    if record.value and replay.where.startswith("ini "):
        replay = replay._replace(value=None)  # what a project replays is recorded so
    if not replay.value:
        return root / Path(record.value).expanduser() if record.value else None, None
    if record.value:
        raise ConfigError(
            f"{record.where} is {record.value!r} and {replay.where} is "
            f"{replay.value!r}.",
            allowed="A run records answers or replays them.",
            fix="Leave one of the two out.",
        )
    cache = raw_setting(config, "--llmlab-cache")
    if cache.value != "off":
        raise ConfigError(
            f"{replay.where} is {replay.value!r} and {cache.where} is {cache.value!r}.",
            allowed="A replayed answer has one source: with --llmlab-replay, "
            "--llmlab-cache is 'off'.",
            fix="Leave --llmlab-replay out, or add --llmlab-cache off.",
        )
    folder = root / Path(replay.value).expanduser()
    if folder.is_dir():
        return None, folder
    raise ConfigError(
        f"{replay.where} names the folder {str(folder)!r}, which does not exist.",
        fix=f"Correct it, or record it: --llmlab-record {replay.value}",
    )


def _baseline(config: pytest.Config) -> str | None:
    """Return the run, or the whole path of the file, that is named."""
    named = raw_setting(config, "--llmlab-baseline").value
    if named and named.endswith(".jsonl"):
        return str(config.rootpath / Path(named).expanduser())
    return named


def _checked(outputs: Mapping[str, Path]) -> Mapping[str, Path]:
    """Return what to write, if the endings say how.

    Raises:
        ConfigError: one does not.
    """
    badge = outputs.get("--llmlab-badge")
    if badge is not None and badge.suffix not in (".svg", ".json"):
        raise ConfigError(
            f"--llmlab-badge is {str(badge)!r}.", allowed="It ends in .svg or .json."
        )
    return outputs


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    msg = f"The model registry {str(path)!r} does not exist."
    raise ConfigError(msg, fix="Correct --llmlab-registry or llmlab_registry.")
