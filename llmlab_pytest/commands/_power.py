"""`llmlab power`: how many samples a question takes, before any is asked."""

import argparse

from llmlab_pytest.commands._arguments import chance, count
from llmlab_pytest.commands._outcome import Outcome
from llmlab_pytest.core import ConfigError
from llmlab_pytest.stats import (
    detectable_pairs,
    paired_power,
    proportion_power,
    samples_for_pairs,
    samples_for_proportion,
)


def describe(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.set_defaults(act=power)
    parser.add_argument("--rate", type=float, help="a model's true rate, e.g. 0.85")
    parser.add_argument("--bound", type=float, help="the number of a gate, e.g. 0.8")
    parser.add_argument("--difference", type=float, help="of two models' rates")
    parser.add_argument(
        "--discordant",
        type=float,
        metavar="SHARE",
        help="of the samples that only one of the two has right",
    )
    parser.add_argument("--n", type=count, help="also: what so many samples do")
    parser.add_argument(
        "--confidence", type=chance, default=0.95, help="(default: %(default)s)"
    )
    parser.add_argument(
        "--power",
        type=chance,
        default=0.8,
        help="how likely the decision is wanted (default: %(default)s)",
    )


def power(given: argparse.Namespace) -> Outcome:
    """Say how many samples decide a gate, or find a difference of two models.

    Raises:
        ConfigError: neither question is asked, or both, or a number is not possible.
    """
    is_rate = given.rate is not None and given.bound is not None
    is_pair = given.difference is not None and given.discordant is not None
    is_mixed = (is_rate and (given.difference, given.discordant) != (None, None)) or (
        is_pair and (given.rate, given.bound) != (None, None)
    )
    if is_rate == is_pair or is_mixed:
        raise ConfigError(
            "llmlab power is asked for neither or both of a rate and a difference.",
            allowed="It takes --rate and --bound, or --difference and --discordant.",
            fix="For example: llmlab power --rate 0.85 --bound 0.8",
        )
    return Outcome(_of_rate(given) if is_rate else _of_pairs(given))


def _of_rate(given: argparse.Namespace) -> list[str]:
    """Answer for one model and a gate on its rate."""
    rate, bound = _share("--rate", given.rate), _share("--bound", given.bound)
    options = {"confidence": given.confidence}
    needed = samples_for_proportion(rate, bound, power=given.power, **options)
    what = f"a true rate of {rate:g} against the number {bound:g}"
    if needed is None:
        return [f"{what}: no number of samples would decide"]
    lines = [f"{what}: {_found(given, needed)}"]
    if given.n is not None:
        chance = proportion_power(rate, bound, given.n, **options)
        lines.append(f"{given.n:,} samples decide {chance:.0%} of the time")
    return lines


def _of_pairs(given: argparse.Namespace) -> list[str]:
    """Answer for two models on the same samples."""
    difference = _share("--difference", given.difference)
    discordant = _share("--discordant", given.discordant)
    if difference >= discordant:
        raise ConfigError(
            f"--difference is {difference:g} and --discordant {discordant:g}.",
            allowed="Two rates differ by less than the share of samples that only one "
            "model has right.",
        )
    options = {"confidence": given.confidence}
    needed = samples_for_pairs(difference, discordant, power=given.power, **options)
    what = f"a difference of {difference:g}, {discordant:g} of the samples differing"
    lines = [f"{what}: {_found(given, needed or 1)}"]
    if given.n is not None:
        chance = paired_power(difference, discordant, given.n, **options)
        lines.append(f"{given.n:,} samples find it {chance:.0%} of the time")
        least = detectable_pairs(discordant, given.n, power=given.power, **options)
        if least is not None:
            lines.append(f"{least:.3f} is the smallest that they find so often")
    return lines


def _found(given: argparse.Namespace, needed: int) -> str:
    return (
        f"{needed:,} samples decide {given.power:.0%} of the time, at "
        f"{given.confidence:.0%} confidence"
    )


def _share(flag: str, value: float) -> float:
    if 0 < value < 1:
        return value
    msg = f"{flag} is {value:g}."
    raise ConfigError(msg, allowed="It lies between 0 and 1, both excluded.")
