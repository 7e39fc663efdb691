"""An answer as people read it: who, what it took, the text, the scores."""

from llmlab_pytest.asking import Answer
from llmlab_pytest.core import Completion, Score, escape_control, redact
from llmlab_pytest.reporting import money

_USUAL_ENDS = ("stop", "tool_calls")


def name_of(answer: Answer, *, epochs: int) -> str:
    """Return the model, and which of its answers this is if there are several."""
    return answer.spec.alias + (f" {answer.number + 1}" if epochs > 1 else "")


def text_of(answer: Answer) -> str:
    """Return the answer, or why there is none, fit for a terminal."""
    if answer.completion is None:
        return _trouble(answer)
    return escape_control(redact(answer.completion.text))


def facts_of(completion: Completion) -> str:
    """Return what an answer took; of a kept one, what it took once."""
    original = completion.original
    took = completion if original is None else original
    facts = [] if original is None else [f"from the {original.source}, where it took"]
    facts.append(f"{took.latency_s:.2f} s")
    if took.ttft_s is not None:
        facts.append(f"first token {took.ttft_s:.2f} s")
    facts += [f"{took.usage.output_tokens} tokens", money(took.cost_usd)]
    if completion.stop_reason not in _USUAL_ENDS:
        facts.append(f"ended by {completion.stop_reason}")
    return " · ".join(facts)


def score_lines(answer: Answer) -> list[str]:
    """Return a line per score, or why there is none."""
    if answer.completion is not None and answer.error is not None:
        return [f"  not scored: {_trouble(answer)}"]
    return [_told(score) for score in answer.scores]


def _trouble(answer: Answer) -> str:
    return escape_control(redact(f"{type(answer.error).__name__}: {answer.error}"))


def _told(score: Score) -> str:
    value = "-" if score.value is None else f"{score.value:.3g}"
    why = f": {score.explanation}" if score.explanation else ""
    return escape_control(redact(f"  {score.scorer} {value}{why}"))
