"""One table of options; command line, ini keys, environment and docs come from it.

Precedence: command line, then environment, then ini file, then the default here.
Secrets are never options: a command line is visible in `ps` and sent to workers.
"""

import time
from typing import Literal, NamedTuple

import pytest


class Option(NamedTuple):
    """One option in all its spellings."""

    flag: str
    metavar: str
    help: str
    ini: str | None = None
    env: str | None = None
    default: str | None = None
    action: Literal["store", "append", "store_true"] = "store"
    nargs: str | None = None
    const: str | None = None
    choices: tuple[str, ...] | None = None

    @property
    def dest(self) -> str:
        """Where argparse keeps the value; explicit, so that no plugin can clash."""
        name = self.flag.removeprefix("--").replace("-", "_")
        return name if name.startswith("llmlab_") else "llmlab_models"


LAST_RUN = "last"
OPTIONS: tuple[Option, ...] = (
    Option(
        flag="--llm",
        metavar="MODEL",
        ini="llmlab_models",
        env="LLMLAB_MODELS",
        default="smollm2",
        action="append",
        help="Model to evaluate: a registered name, a glob, a group (--llm=@group), "
        "provider:id, vendor/name or a .gguf path; repeatable, takes comma lists",
    ),
    Option(
        flag="--llmlab-limit",
        metavar="N",
        ini="llmlab_limit",
        help="Evaluate a seeded stratified subset of N samples per task; 0 means all "
        "(default: the task's own limit)",
    ),
    Option(
        flag="--llmlab-seed",
        metavar="N",
        ini="llmlab_seed",
        default="1234",
        help="Seed of every random choice: subsets and sampled decoding",
    ),
    Option(
        flag="--llmlab-compat",
        metavar="MODE",
        ini="llmlab_compat",
        help="Ask and score benchmarks as another harness does: a mode that their "
        "cards describe, e.g. lighteval or open-llm-leaderboard-v1 (default: lm-eval)",
    ),
    Option(
        flag="--llmlab-shots",
        metavar="N",
        ini="llmlab_shots",
        help="Demonstrations before each question of a benchmark "
        "(default: the task's own number)",
    ),
    Option(
        flag="--llmlab-chat",
        metavar="MODE",
        ini="llmlab_chat",
        default="task",
        choices=("task", "off", "joined", "multiturn"),
        help="How tasks use the chat template: as each task says, not at all (off), "
        "with all demonstrations in one user message (joined), or each as turns of "
        "its own (multiturn)",
    ),
    Option(
        flag="--llmlab-system",
        metavar="TEXT",
        ini="llmlab_system",
        help="System message of every task; a template over the fields of a row "
        "(default: the task's own)",
    ),
    Option(
        flag="--llmlab-data",
        metavar="DIR",
        ini="llmlab_data",
        env="LLMLAB_DATA",
        help="Directory with benchmark data, looked at before cache, hub and index",
    ),
    Option(
        flag="--llmlab-store",
        metavar="URL",
        ini="llmlab_store",
        env="LLMLAB_STORE",
        help="Where results go: a file path or an SQLAlchemy URL "
        "(default: .llmlab/llmlab.db in the root directory)",
    ),
    Option(
        flag="--llmlab-resume",
        metavar="RUN",
        nargs="?",
        const=LAST_RUN,
        help="Finish an interrupted run (the last one without RUN): completed calls "
        "are read from the store, not asked again",
    ),
    Option(
        flag="--llmlab-cache",
        metavar="MODE",
        ini="llmlab_cache",
        default="off",
        choices=("auto", "off", "refresh", "only"),
        help="Answers of earlier runs: use them and keep new ones (auto), neither "
        "(off), ask anew and keep the answers (refresh), or ask no model (only)",
    ),
    Option(
        flag="--llmlab-cache-dir",
        metavar="DIR",
        ini="llmlab_cache_dir",
        help="Where cached answers are kept "
        "(default: .llmlab/cache in the root directory)",
    ),
    Option(
        flag="--llmlab-cache-limit",
        metavar="SIZE",
        ini="llmlab_cache_limit",
        default="1GB",
        help="Most bytes of cached answers; those unused for longest are dropped",
    ),
    # Recording is asked for each time: a file that says so would overwrite answers in
    # every run.
    Option(
        flag="--llmlab-record",
        metavar="DIR",
        help="Also write every answer as a file to read, edit and commit, into this "
        "folder (from the root directory)",
    ),
    Option(
        flag="--llmlab-replay",
        metavar="DIR",
        ini="llmlab_replay",
        help="Ask no model: take every answer from this folder, which --llmlab-record "
        "wrote; one that is not there is an error",
    ),
    Option(
        flag="--llmlab-registry",
        metavar="FILE",
        ini="llmlab_registry",
        help="The project's own model registry "
        "(default: llmlab_models.toml in the root directory, if present)",
    ),
    Option(
        flag="--llmlab-env-file",
        metavar="FILE",
        ini="llmlab_env_file",
        help="Read variables, such as keys, from a .env file; those that are set "
        "already stay as they are",
    ),
    # On the command line only: a registry looks like data, and whoever
    # may change data may not thereby run programs with the keys of others.
    Option(
        flag="--llmlab-allow-commands",
        metavar="",
        action="store_true",
        help="Run the commands that models of the registry take their keys from: "
        "their option api_key_command",
    ),
    Option(
        flag="--llmlab-look-ahead",
        metavar="N",
        ini="llmlab_look_ahead",
        default="64",
        help="Model calls started ahead of the test that needs them; 0 turns it off",
    ),
    Option(
        flag="--llmlab-judge",
        metavar="MODEL",
        ini="llmlab_judge",
        env="LLMLAB_JUDGE",
        action="append",
        help="Model that judges answers for scorers that ask one, named as for --llm; "
        "several are a jury",
    ),
    Option(
        flag="--llmlab-calibration",
        metavar="FILE",
        ini="llmlab_calibration",
        action="append",
        help="How far a judge agrees with people, as `llmlab judge --out` wrote it: "
        "what people would have said is then shown; repeatable",
    ),
    Option(
        flag="--llmlab-budget",
        metavar="LIMIT",
        ini="llmlab_budget",
        env="LLMLAB_BUDGET",
        action="append",
        help="What may be spent: 5usd in this run, gpt-4o-mini=1usd by one model, "
        "20usd/day or /month by all runs of the store; repeatable, takes comma lists",
    ),
    Option(
        flag="--llmlab-budget-alert",
        metavar="PERCENT",
        ini="llmlab_budget_alert",
        default="80%",
        help="Warn when this part of a budget is spent",
    ),
    Option(
        flag="--llmlab-estimate",
        metavar="",
        action="store_true",
        help="Ask nothing: say how many calls, tokens, dollars and seconds the run "
        "will take, by earlier runs or by its prompts",
    ),
    Option(
        flag="--llmlab-predict",
        metavar="FACTORS",
        help="After the run, or with --llmlab-report: what a workload so many times as "
        "large will take, with intervals, e.g. 10x,100x",
    ),
    Option(
        flag="--llmlab-inconclusive",
        metavar="WHAT",
        ini="llmlab_inconclusive",
        default="fail",
        choices=("fail", "skip"),
        help="What an inconclusive gate does to the exit code: fail or skip",
    ),
    Option(
        flag="--llmlab-baseline",
        metavar="RUN",
        ini="llmlab_baseline",
        env="LLMLAB_BASELINE",
        help="What gates on a 'baseline' compare with: an earlier run of the store, "
        "'last', or a .jsonl file of --llmlab-samples",
    ),
    Option(
        flag="--llmlab-sequential",
        metavar="",
        action="store_true",
        help="Ask the samples of tasks with gates in random order, and stop a task as "
        "soon as its gates are decided; their error rates stay what they say",
    ),
    # On the command line only: a variable or a file that somebody else has set may not
    # decide that models run code here.
    Option(
        flag="--llmlab-allow-code-execution",
        metavar="",
        action="store_true",
        help="Run the code that models write, confined, to score tasks such as "
        "humaneval and mbpp; without it they are skipped",
    ),
    Option(
        flag="--llmlab-coverage",
        metavar="FILE",
        ini="llmlab_coverage",
        help="What the suite should exercise (risks, rules, tools, prompts, slices of "
        "data), e.g. llmlab_coverage.toml: a table of it, and a gate",
    ),
    Option(
        flag="--llmlab-json",
        metavar="FILE",
        ini="llmlab_json",
        help="Also write the final table and the verdicts as JSON",
    ),
    Option(
        flag="--llmlab-html",
        metavar="FILE",
        ini="llmlab_html",
        help="Also write a result page: one HTML file with every sample",
    ),
    Option(
        flag="--llmlab-csv",
        metavar="FILE",
        ini="llmlab_csv",
        help="Also write one line per sample for spreadsheets",
    ),
    Option(
        flag="--llmlab-parquet",
        metavar="FILE",
        ini="llmlab_parquet",
        help="Also write the columns of the CSV as Parquet, for data frames; needs the "
        "extra benchmarks",
    ),
    Option(
        flag="--llmlab-markdown",
        metavar="FILE",
        ini="llmlab_markdown",
        help="Also write gates, table and the first samples that went wrong as "
        "Markdown, for a pull request or the summary of a job",
    ),
    Option(
        flag="--llmlab-badge",
        metavar="FILE",
        ini="llmlab_badge",
        help="Also write a badge of gates or score: an .svg, or the .json from which "
        "shields.io draws one",
    ),
    Option(
        flag="--llmlab-junit",
        metavar="WHERE",
        ini="llmlab_junit",
        default="case",
        choices=("case", "suite"),
        help="Where pytest's --junitxml has scores, costs and times: of samples and of "
        "the run (case), or of the run only (suite), for strict readers",
    ),
    Option(
        flag="--llmlab-annotations",
        metavar="WHEN",
        ini="llmlab_annotations",
        default="auto",
        choices=("auto", "on", "off"),
        help="Print failed gates and errors as annotations of GitHub: in its Actions "
        "only (auto), always (on) or never (off)",
    ),
    Option(
        flag="--llmlab-samples",
        metavar="FILE",
        ini="llmlab_samples",
        help="Also write everything that is kept of each sample as JSON lines",
    ),
    Option(
        flag="--llmlab-lm-eval",
        metavar="DIR",
        ini="llmlab_lm_eval",
        help="Also write results and samples in the files of lm-eval 0.4.13, "
        "a folder per model",
    ),
    Option(
        flag="--llmlab-report",
        metavar="RUN",
        nargs="?",
        const=LAST_RUN,
        help="Run nothing: show an earlier run (the last one without RUN) and write "
        "the files that are asked for",
    ),
)


run_id_key = pytest.StashKey[str]()
"""The id of this run; under xdist the controller hands it to its workers."""


def new_run_id(unique: str) -> str:
    """Return a run id that sorts by start time, e.g. `20261123-180501-3f2a9c`."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{unique}"


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and ini key."""
    group = parser.getgroup("llmlab", "llmlab: evaluate language models")
    for option in OPTIONS:
        keywords: dict[str, object] = {
            "dest": option.dest,
            "action": option.action,
            "default": None,
            "help": option.help,
        }
        if option.action != "store_true":
            keywords["metavar"] = option.metavar
        if option.nargs is not None:
            keywords |= {"nargs": option.nargs, "const": option.const}
        if option.choices is not None:
            keywords["choices"] = option.choices
        group.addoption(option.flag, **keywords)
        if option.ini is not None:
            parser.addini(option.ini, help=option.help, default="", type=_INI_TYPE)


_INI_TYPE = int | str
