"""IFEval: does a response follow instructions that a program can check?

Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models"
(arXiv:2311.07911), with the checks and scores of lm-eval 0.4.13's `ifeval` 4.0. Strict
judges the response as it is; loose also what is left of it without its first line, its
last line, both, and without asterisks: models add "Sure, here is:" and bold type.

Two things differ. The language of a text is drawn with a fixed seed, where lm-eval's
verdict may change from run to run. A sign such as `#` in `keywords:letter_frequency` is
counted, where lm-eval counts a letter of its own at random (two prompts of 541).
"""

from typing import Literal

from llmlab_pytest.core import Completion, ConfigError, Sample, Score
from llmlab_pytest.scorers._ifeval_instructions import Instruction, instructions_of
from llmlab_pytest.scorers._protocol import Scorer, text_of

Per = Literal["prompt", "instruction"]


def ifeval(*, per: Per = "prompt", loose: bool = False) -> Scorer:
    """Score whether a response follows the instructions of its row.

    Args:
        per: `"prompt"`: 1 if all are followed, else 0; `"instruction"`: the share that
            is followed, which counts in the mean as often as there are instructions.
        loose: accept what one of eight variants of the response follows.

    Raises:
        ConfigError: an option is none of these.
    """
    if per not in ("prompt", "instruction"):
        raise ConfigError(
            f"per is {per!r}.", allowed="It is 'prompt' or 'instruction'."
        )
    variants_of = loose_variants if loose else _as_it_is

    def score(completion: Completion | str, sample: Sample) -> Score:
        instructions = instructions_of(sample)
        variants = variants_of(text_of(completion))
        failed = [each for each in instructions if not _is_followed(each, variants)]
        followed = len(instructions) - len(failed)
        is_whole = per == "prompt"
        return Score(
            scorer="ifeval",
            value=float(not failed) if is_whole else followed / len(instructions),
            weight=1.0 if is_whole else float(len(instructions)),
            answer=f"{followed} of {len(instructions)} followed",
            explanation="not followed: " + "; ".join(map(str, failed))
            if failed
            else None,
        )

    return score


def loose_variants(response: str) -> list[str]:
    """Return eight texts, the response first.

    It as it is, less its first line, its last, and both; these four without asterisks.
    """
    lines = response.split("\n")
    shorter = ("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))
    variants = [response, *shorter]
    return variants + [variant.replace("*", "") for variant in variants]


def _as_it_is(response: str) -> list[str]:
    return [response]


def _is_followed(instruction: Instruction, variants: list[str]) -> bool:
    return any(map(instruction.is_followed, variants))
