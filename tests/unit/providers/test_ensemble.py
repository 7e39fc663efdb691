"""Ensembles: entries, votes and ties, a judge, what all of it takes, and failures."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.core import (
    Completion,
    ConfigError,
    GenerateConfig,
    GenerateRequest,
    LlmlabError,
    LoglikelihoodRequest,
    MalformedReply,
    Message,
    Model,
    ModelSpec,
    PricedModel,
    RateLimited,
    Request,
    RetryingModel,
    Unsupported,
    Usage,
)
from llmlab_pytest.providers import (
    ModelRegistry,
    identity_of,
    load_model,
    portable_identity,
    provider_registry,
    usual_cost_usd,
    worst_cost_usd,
)
from llmlab_pytest.providers._ensemble import Ensemble
from llmlab_pytest.providers._ensemble_judge import judge_request, longest_request
from llmlab_pytest.providers._ensemble_vote import majority, vote_of
from llmlab_pytest.testing import ScriptedModel

ASKED = GenerateRequest(
    (Message("user", "What is 2 + 2?"),), GenerateConfig(max_tokens=8)
)
PRICED = {
    "input_usd_per_million_tokens": 1000.0,
    "output_usd_per_million_tokens": 2000.0,
}


def member(alias: str, **fields: object) -> ModelSpec:
    return ModelSpec(alias=alias, provider="scripted", id=alias, **fields)


def ensemble(
    models: Sequence[ScriptedModel], *, names: Sequence[str] = (), **options: object
) -> Ensemble:
    """An ensemble of doubles; the last is the judge where the options name one."""
    by_name = {model.spec.alias: model for model in models}
    voting = [n for n in by_name if n != options.get("judge")]
    spec = ModelSpec(
        alias="committee",
        provider="ensemble",
        id="majority",
        capabilities=frozenset({"chat", "seed"}),
        options={"members": list(names or voting), "rule": "majority", **options},
        members=tuple(model.spec for model in models),
    )
    return Ensemble(spec, lambda own: by_name[own.alias])


def double(
    alias: str, *replies: str | BaseException, **fields: object
) -> ScriptedModel:
    fields = {"capabilities": frozenset({"chat", "seed"})} | fields
    return ScriptedModel(replies, spec=member(alias, **fields))


def ask(model: Model, *requests: Request) -> list[Completion]:
    return list(asyncio.run(model.run(requests or (ASKED,))))


def test_majority_answers_with_the_first_member_of_it() -> None:
    """Its text as it stands; the note counts the votes."""
    model = ensemble(
        [double("a", "5"), double("b", "It is 4."), double("c", "It is 4")]
    )
    (answer,) = ask(model)
    assert (answer.text, answer.model) == ("It is 4.", "committee")
    assert answer.note == "2 of 3 for 'it is 4'"


def test_tie_is_said_and_goes_to_the_earliest_member() -> None:
    """Two answers of one vote each."""
    (answer,) = ask(ensemble([double("a", "5"), double("b", "4")]))
    assert answer.text == "5"
    assert answer.note == "a tie: 1 of 2 each for '5' and '4'; that of a is taken"


def test_pattern_finds_what_is_voted_on() -> None:
    """The last match, its group; who has none abstains."""
    texts = ["First 3. The answer is 4", "Clearly: the answer is 4.0!", "5, 5, 5"]
    poll = majority(["a", "b", "c"], texts, r"answer is (\S+)")
    assert poll == (0, "2 of 3 for '4'")
    nobody = majority(["a", "b"], ["x", "y"], r"answer is (\S+)")
    assert nobody.note == "nobody has an answer to vote on; that of a is taken"


@pytest.mark.parametrize(
    ("text", "vote"),
    [
        (" Paris.\n", "paris"),
        ("“Paris”", "paris"),
        ("$1,000.00", "1000"),
        ("1000", "1000"),
        ("4.50", "4.5"),
        ("1,2 and 3", "1,2 and 3"),
        ("-0.5%", "-0.5"),
        ("", ""),
    ],
)
def test_votes_are_equal_however_they_are_written(text: str, vote: str) -> None:
    """Case, marks around the text, spaces, and how a number is written do not count."""
    assert vote_of(text, "") == vote


@given(st.lists(st.sampled_from(["a", "b", "c", "A ", "b."]), min_size=1, max_size=9))
def test_winner_has_at_least_as_many_votes_as_anybody(texts: list[str]) -> None:
    """And the note says a tie exactly where another has as many."""
    votes = [vote_of(text, "") for text in texts]
    poll = majority([f"m{n}" for n in range(len(texts))], texts)
    most = max(map(votes.count, votes))
    assert votes.count(votes[poll.place]) == most
    leading = {vote for vote in votes if votes.count(vote) == most}
    assert poll.note.startswith("a tie") == (len(leading) > 1)


def test_what_members_take_is_added_up() -> None:
    """Tokens, dollars and rates of all of them."""
    model = ensemble([double("a", "4", **PRICED), double("b", "4 it is", **PRICED)])
    (answer,) = ask(model)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 4)
    assert answer.cost_usd == pytest.approx(10 * 0.001 + 4 * 0.002)
    assert answer.price is not None
    assert answer.price.usd_per_million_tokens == {
        "a.input": 1000.0,
        "a.output": 2000.0,
        "b.input": 1000.0,
        "b.output": 2000.0,
    }


class Unpriced(ScriptedModel):
    """A model whose answers have an unknown cost."""

    async def run(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer without a cost."""
        return [replace(c, cost_usd=None) for c in await super().run(requests)]


def test_unknown_cost_of_a_member_is_unknown() -> None:
    """It is not the sum of the others."""
    unknown = Unpriced(["4"], spec=member("b"))
    (answer,) = ask(ensemble([double("a", "4", **PRICED), unknown]))
    assert answer.cost_usd is None


def test_budget_holds_the_worst_case_of_every_member_and_the_judge() -> None:
    """It is the sum of what each could cost alone, and never less than was paid."""
    models = [
        double("a", "four", **PRICED),
        double("b", "five", **PRICED),
        double("judge", "1", **PRICED),
    ]
    model = ensemble(models, rule="judge", judge="judge")
    assert isinstance(model, PricedModel)
    assert isinstance(model, RetryingModel)
    alone = [worst_cost_usd(own, ASKED) for own in models[:2]]
    judged = worst_cost_usd(models[2], longest_request(ASKED, 2, models[2].spec))
    assert model.worst_cost_usd(ASKED) == pytest.approx(sum(alone) + judged)
    (answer,) = ask(model)
    assert answer.cost_usd is not None
    assert answer.cost_usd <= model.worst_cost_usd(ASKED)


@given(st.lists(st.text(max_size=6000), min_size=2, max_size=3))
def test_no_answers_make_the_judge_read_more_than_was_held(texts: list[str]) -> None:
    """Bytes of what it is asked, whatever the members wrote."""
    judge = member("judge")

    def length(request: GenerateRequest) -> int:
        return sum(len(turn.text.encode(errors="replace")) for turn in request.prompt)

    longest = longest_request(ASKED, len(texts), judge)
    assert length(judge_request(ASKED, texts, judge)) <= length(longest)


def test_judge_chooses_without_knowing_who_said_what() -> None:
    """The answers are shown in an order that the prompt draws; its choice is taken."""
    for number in ("1", "Answer 2."):
        judge = double("judge", number)
        model = ensemble(
            [double("a", "four"), double("b", "five"), judge],
            rule="judge",
            judge="judge",
        )
        (answer,) = ask(model)
        assert isinstance(judge.requests[0], GenerateRequest)
        shown = judge.requests[0].prompt[1].text
        first = "four" if shown.index("four") < shown.index("five") else "five"
        other = {"four": "five", "five": "four"}[first]
        assert answer.text == (first if number == "1" else other)
        assert answer.note == f"judge chose the answer of {'ab'[answer.text == 'five']}"
        assert answer.usage.output_tokens == 2 + len(number.split())


def test_equal_answers_need_no_judge() -> None:
    """It is not asked, and not paid."""
    judge = double("judge")
    model = ensemble(
        [double("a", "4"), double("b", "4"), judge], rule="judge", judge="judge"
    )
    (answer,) = ask(model)
    assert answer.note == "all answers are the same"
    assert judge.requests == []


@pytest.mark.parametrize("reply", ["neither", "3", "1 or 2", "0"])
def test_judge_that_names_no_answer_is_an_error(reply: str) -> None:
    """It is no vote for anybody; what members cost may be billed all the same."""
    models = [double("a", "4", **PRICED), double("b", "5"), double("judge", reply)]
    model = ensemble(models, rule="judge", judge="judge")
    with pytest.raises(MalformedReply, match="judge 'judge' of an ensemble") as caught:
        ask(model)
    assert caught.value.may_be_billed


@pytest.mark.parametrize(("fields", "is_billed"), [(PRICED, True), ({}, False)])
def test_member_that_fails_fails_the_whole(
    fields: dict[str, float], *, is_billed: bool
) -> None:
    """No answer of fewer; what another has answered by then is to be paid."""
    model = ensemble([double("a", "4", **fields), double("b", RateLimited("slow"))])
    with pytest.raises(RateLimited) as caught:
        ask(model)
    assert caught.value.may_be_billed is is_billed


def test_model_that_stands_there_several_times_draws_anew() -> None:
    """One load, and a seed of its own for each time."""
    model = double("a", "4", "5", "4")
    committee = ensemble([model], names=["a", "a", "a"])
    request = replace(ASKED, config=replace(ASKED.config, seed=7, temperature=0.5))
    (answer,) = ask(committee, request)
    seeds = [
        own.config.seed for own in model.requests if isinstance(own, GenerateRequest)
    ]
    assert sorted(filter(None, seeds)) == [7, 8, 9]
    assert answer.note == "2 of 3 for '4'"
    assert committee.concurrency == 16 // 3


def test_batches_of_free_members_are_answered_in_order() -> None:
    """Each request by all members, in batches that each takes."""
    model = ensemble([double("a", "1", "2", "3"), double("b", "1", "2", "3")])
    answers = ask(model, ASKED, ASKED, ASKED)
    assert [answer.text for answer in answers] == ["1", "2", "3"]


def test_likelihoods_are_not_voted_on() -> None:
    """The message says what an ensemble is for."""
    with pytest.raises(Unsupported, match="'committee'"):
        ask(ensemble([double("a"), double("b")]), LoglikelihoodRequest(()))


def test_closing_closes_all_and_a_failed_load_closes_the_others() -> None:
    """No member stays in memory."""
    models = [double("a"), double("b")]
    ensemble(models).close()
    assert all(model.is_closed for model in models)
    first = double("a")

    def load(spec: ModelSpec) -> Model:
        if spec.alias == "b":
            raise ConfigError("missing", fix="find it")
        return first

    spec = ensemble(models).spec
    with pytest.raises(ConfigError):
        Ensemble(spec, load)
    assert first.is_closed


REGISTRY = """
[[model]]
alias = "committee"
provider = "ensemble"
members = ["a", "b", "a"]
answer = 'is (\\S+)'

[[model]]
alias = "a"
provider = "scripted"
id = "shipped:scripted.toml"
capabilities = ["chat", "seed", "tools"]
input_usd_per_million_tokens = 10
output_usd_per_million_tokens = 20

[[model]]
alias = "b"
provider = "scripted"
id = "shipped:scripted.toml"
capabilities = ["chat", "seed"]
"""


@pytest.fixture
def registry(tmp_path: Path) -> Callable[[str], ModelRegistry]:
    """Read a registry file."""

    def read(text: str) -> ModelRegistry:
        path = tmp_path / "llmlab_models.toml"
        path.write_text(text, encoding="utf-8")
        return ModelRegistry.load([path])

    return read


def test_entry_names_members_that_stand_below_it(
    registry: Callable[[str], ModelRegistry],
) -> None:
    """It can do what all can, is called by its rule, and loads with its members."""
    (spec,) = registry(REGISTRY).resolve(["committee"], where="--llm")
    assert spec.id == "majority of a, b, a"
    assert [own.alias for own in spec.members] == ["a", "b"]
    assert spec.capabilities == frozenset({"chat", "seed"})
    model = load_model(spec, provider_registry())
    (answer,) = ask(model)
    assert answer.text == "4"
    assert answer.note == "nobody has an answer to vote on; that of a is taken"
    model.close()


def test_identity_of_an_ensemble_is_that_of_its_members(
    registry: Callable[[str], ModelRegistry],
) -> None:
    """Another member, rule or price of a member: only the last changes no answer."""
    texts = {
        "same": REGISTRY,
        "member": REGISTRY.replace('"a", "b", "a"', '"a", "b", "b"'),
        "answer": REGISTRY.replace("is (", "was ("),
        "price": REGISTRY.replace("= 20", "= 30"),
    }
    found = {}
    for name, text in texts.items():
        (spec,) = registry(text).resolve(["committee"], where="--llm")
        found[name] = (spec.fingerprint, identity_of(spec), portable_identity(spec))
        assert found[name][1] is not None
    assert found["same"] == found["price"]
    assert found["member"] != found["same"] != found["answer"]


def test_usual_cost_is_the_sum_of_members(
    registry: Callable[[str], ModelRegistry],
) -> None:
    """The one that stands there twice counts twice; a free one nothing."""
    (spec,) = registry(REGISTRY).resolve(["committee"], where="--llm")
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000)
    assert usual_cost_usd(spec, usage) == pytest.approx(2 * (10 + 2))


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ('["a", "b", "a"]', '["a"]', "fewer than 2 members"),
        ('["a", "b", "a"]', '["a", "nobody"]', "'nobody'"),
        ("answer = 'is (\\S+)'", "answer = '('", "no regular expression"),
        (
            "answer = 'is (\\S+)'",
            'rule = "judge"',
            "rule is 'judge', and judge is None",
        ),
        ("answer = 'is (\\S+)'", 'judge = "a"', "'majority', and judge is 'a'"),
        ("answer = 'is (\\S+)'", 'rule = "best"', "'rule' is 'best'"),
        ("answer = 'is (\\S+)'", 'capabilities = ["tools"]', "declares tools"),
        ("answer = 'is (\\S+)'", "options = { seed = 1 }", "'options' is set for an"),
        ('["a", "b", "a"]', '["a", "committee"]', "is an ensemble itself"),
        (
            'provider = "ensemble"',
            'provider = "scripted"\nid = "x"',
            "key of ensembles",
        ),
    ],
)
def test_wrong_entries_say_what_is_wrong_and_where(
    registry: Callable[[str], ModelRegistry], old: str, new: str, seen: str
) -> None:
    """Each names the file."""
    assert old in REGISTRY
    with pytest.raises(ConfigError) as caught:
        registry(REGISTRY.replace(old, new)).resolve(["committee"], where="--llm")
    assert seen in str(caught.value)
    assert "llmlab_models.toml:" in str(caught.value)


def test_ensemble_without_an_entry_says_how_to_make_one(
    registry: Callable[[str], ModelRegistry],
) -> None:
    """The direct form names no members."""
    with pytest.raises(LlmlabError, match="members"):
        registry(REGISTRY).resolve(["ensemble:mine"], where="--llm")
