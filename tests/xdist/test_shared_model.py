"""The workers of a run share one loaded model, and its answers stay the same."""

import json
from pathlib import Path
from typing import Any

import pytest

CONFTEST = """
def pytest_llmlab_register_providers(register):
    register("shared", "shared_model:Shared", is_shared=True)
"""
MODULE = '''
"""A model that notes its process, and can be told to die once."""

import asyncio
import os
import signal
from pathlib import Path

from llmlab_pytest import Completion, Usage

FOLDER = Path(__file__).parent


class Shared:
    concurrency = 1
    batch_size = 4

    def __init__(self, spec):
        self.spec, self.digest = spec, "shared"
        with (FOLDER / "loads.txt").open("a") as file:
            file.write(f"{os.getpid()} {os.getppid()}\\n")

    async def run(self, requests):
        await asyncio.sleep(0.02)
        prompts = [request.prompt[-1].content for request in requests]
        if "city 17" in prompts and (FOLDER / "bomb").exists():
            (FOLDER / "bomb").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return [self.answer(prompt) for prompt in prompts]

    def answer(self, prompt):
        return Completion(
            text="Paris" if int(prompt[-1]) % 2 == 0 else "London",
            model=self.spec.alias,
            usage=Usage(input_tokens=len(prompt), output_tokens=1),
            stop_reason="stop",
            latency_s=0.02,
            cost_usd=0.0,
        )

    def close(self):
        pass
'''
MODELS = '[[model]]\nalias = "counter"\nprovider = "{}"\nid = "{}"\n'
SHORT = 'capabilities = ["chat", "loglikelihood"]\ndefaults = { max_tokens = 12 }\n'
SHORT += 'options = { threads = 1, dtype = "float32" }\n'
SAMPLES = """
from llmlab_pytest import llm_task

ROWS = [{"id": f"q{n}", "input": f"abc {n}", "target": "a"} for n in range(16)]

@llm_task(data=ROWS, scorers=["contains_any"])
def test_letters(completion):
    assert completion.usage.output_tokens
"""
LIKELIER = """
prompt = "{{ q }}"
kind = "loglikelihood"
choices = "options"
target = "right"
scorers = ["acc", "acc_norm"]
"""
WHERE = """
import os
import sys

def test_where(llm):
    llm("where")
    assert ("torch" in sys.modules) == (os.environ["LOADS_HERE"] == "yes")
"""


@pytest.fixture
def shared_project(bare_project: Any) -> Any:
    """The project whose model is loaded once for all workers."""
    return bare_project.write(
        conftest__py=CONFTEST,
        shared_model__py=MODULE,
        llmlab_models__toml=MODELS.format("shared", "shared"),
    )


def _loads(project: Any) -> list[list[str]]:
    """Return process and parent of every load, and forget them."""
    file = project.folder / "loads.txt"
    loads = [line.split() for line in file.read_text().splitlines()]
    file.unlink()
    return loads


@pytest.mark.parametrize("workers", ["2", "4"])
def test_workers_load_a_shared_model_once(shared_project: Any, workers: str) -> None:
    """However many workers there are, one process has loaded the model."""
    alone = shared_project.run("-n", "0")
    assert len(_loads(shared_project)) == 1
    together = shared_project.run("-n", workers)
    assert len(_loads(shared_project)) == 1
    assert together.rows() == alone.rows()
    assert together.verdicts() == alone.verdicts()
    assert together.code == alone.code == pytest.ExitCode.OK


def test_only_worker_loads_the_model_itself(shared_project: Any) -> None:
    """With one worker there is nobody to share with: no further process."""
    code = "import os\ndef test_here(llm):\n    llm('city 1')\n    print(os.getpid())\n"
    shared_project.write(test_here__py=code)
    run = shared_project.run("-n", "1", "-rP")
    ((pid, _),) = _loads(shared_project)
    assert pid in run.out.split()


def test_model_that_is_killed_costs_no_sample(shared_project: Any) -> None:
    """A process killed in a batch is replaced, which is said; the table is the same."""
    alone = shared_project.run("-n", "0")
    _loads(shared_project)
    (shared_project.folder / "bomb").touch()
    together = shared_project.run("-n", "2")
    assert not (shared_project.folder / "bomb").exists()
    assert len(_loads(shared_project)) == 2
    assert together.rows() == alone.rows()
    assert together.code == pytest.ExitCode.OK
    assert "was killed by signal 9 (SIGKILL)" in together.out


def test_killed_run_leaves_no_model_behind(shared_project: Any) -> None:
    """After kill -9 of a whole run the shared process ends by itself."""
    process = shared_project.start("-n", "2", latency_s=0.0)
    try:
        shared_project.wait((shared_project.folder / "loads.txt").exists)
    finally:
        shared_project.stop(process)
    ((pid, _),) = _loads(shared_project)
    shared_project.wait(lambda: not _is_running(int(pid)))


def _is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def tiny_llama(tmp_path: Path) -> Path:
    """Weights of a random Llama with a token per letter."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    letters = [*special.values(), *map(chr, range(32, 127))]
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    splits = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, letters[0]))
    splits.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    splits.decoder = tokenizers.decoders.Fuse()
    folder = tmp_path / "tiny"
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=splits,
        **special,
        chat_template="{% for m in messages %}{{ m.content }}{% endfor %}",
    ).save_pretrained(folder)
    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=len(letters),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.5,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.live
def test_torch_gives_the_same_table_shared_or_not(
    bare_project: Any, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real Llama answers alike for -n 0, 1 and 2, where workers load no torch."""
    rows = [
        {
            "id": f"c{n}",
            "q": f"{n} and so",
            "options": [" on", " it", " be"],
            "right": 0,
        }
        for n in range(16)
    ]
    bare_project.write(
        conftest__py="",
        llmlab_models__toml=MODELS.format("transformers", tiny_llama) + SHORT,
        test_letters__py=SAMPLES,
        cities__task__toml=LIKELIER,
        cities__jsonl="".join(json.dumps(row) + "\n" for row in rows),
        test_where__py=WHERE,
    )
    tables, texts = {}, {}
    for workers in ("0", "1", "2"):
        monkeypatch.setenv("LOADS_HERE", "no" if workers == "2" else "yes")
        samples = bare_project.folder / f"{workers}.jsonl"
        run = bare_project.run("-n", workers, "--llmlab-samples", str(samples))
        assert run.code == pytest.ExitCode.OK, run.out
        tables[workers] = run.rows()
        for row in tables[workers]:  # what was read once depends on the batches
            del row["usage"]["cached_input_tokens"]
        texts[workers] = _answers(samples)
    # What else is in a batch moves the seventh digit of a log-likelihood.
    for other in ("1", "2"):
        assert texts[other].keys() == texts["0"].keys()
        for sample, answer in texts["0"].items():
            found = texts[other][sample]
            is_text = isinstance(answer, str)
            assert found == (answer if is_text else pytest.approx(answer))
    assert len({text for text in texts["0"].values() if isinstance(text, str)}) > 10
    assert tables["0"] == tables["1"] == tables["2"]


def _answers(samples: Path) -> dict[str, Any]:
    """Return each sample's text, or the log-likelihoods of its choices."""
    answers: dict[str, Any] = {}
    for line in samples.read_text("utf-8").splitlines():
        sample = json.loads(line)
        scored = [c["loglikelihood"] for c in sample["continuations"]]
        answers[f"{sample['task']} {sample['sample_id']}"] = (
            scored or sample["completion"]
        )
    return answers
