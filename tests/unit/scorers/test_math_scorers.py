"""Mathematical answers: found in a text, made comparable, compared."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmlab_pytest.core import Completion, ConfigError, Sample, Score, Target
from llmlab_pytest.scorers import _math as math
from llmlab_pytest.scorers import apply_scorer, make_scorer, scorer_registry
from llmlab_pytest.scorers._math_answer import boxed_answer, normalised, said_answer
from llmlab_pytest.scorers._math_strings import written_alike


def _score(name: str, text: str, target: Target) -> Score:
    _, scorer = make_scorer(name, scorer_registry(), where="here")
    return apply_scorer(
        name,
        scorer,
        completion=Completion(text=text, model="none"),
        sample=Sample(id="s", input="", target=target),
    )


def _said(answer: str) -> str:
    return f"So.\nFinal Answer: The final answer is ${answer}$. I hope it is correct."


# The second of each pair was computed with lm-eval 0.4.13's normalize_final_answer.
@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        (r"x = 5", "5"),
        (r"$\frac12$", r"\frac{1}{2}"),
        (r"\sqrt2 + \sqrt[3]4", r"\sqrt{2}+\sqrt[3]{4}"),
        (r"2\pi cm", r"2\pi"),
        (r"\left(3, 4\right)", r"\left(3,4\right)"),
        (r"1,204 \text{ square units}", r"1204"),
        ("0,1", "0,1"),
        (r"90^\circ", "90"),
        (r"a \boxed{7}", "7"),
        ("an hour", "hour"),
        ("", ""),
    ],
)
def test_answers_are_normalised_as_by_lm_eval(answer: str, plain: str) -> None:
    """Units, wrapping and shorthand go; commands and tuples stay whole."""
    assert normalised(answer) == plain


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        (r"$\boxed{1}$, no, $\boxed{2}$", "2"),
        (r"$\boxed 5$ it is", "5"),
        (r"\boxed{never closed", None),
        ("no box", None),
    ],
)
def test_box_is_read_to_its_closing_brace(text: str, answer: str | None) -> None:
    """The last box counts, with the braces inside it."""
    assert boxed_answer(text) == answer


def test_answer_is_what_minervas_words_say() -> None:
    """The sentence may end where the model was cut; other words say nothing."""
    assert said_answer(_said("5")) == "$5$"
    assert said_answer("Final Answer: The final answer is 5. ") == "5"
    assert said_answer("The answer is 5.") == "[invalidanswer]"


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (r"\frac{1}{2}", 1),
        ("0.5", 1),
        (r"\frac{2}{4}", 1),
        (r"\frac{1}{3}", 0),
        (r"(1, 2)", 0),
        (r"\frac", 0),
    ],
)
def test_equal_values_are_right_however_they_are_written(
    answer: str, value: int
) -> None:
    """Sympy decides where the texts differ; what it cannot read is not equal."""
    solution = r"It is $\boxed{\frac12}$."
    assert _score("minerva_math", _said(answer), solution).value == value
    assert _score("math_verify", f"I say ${answer}$", solution).value == value


def test_math_verify_needs_no_form() -> None:
    """An answer anywhere counts; a target may be a plain number."""
    assert _score("math_verify", "The result: 1,204 apples", 1204).value == 1
    assert _score("math_verify", "no number", "1204").value == 0
    assert _score("minerva_math", _said("1204"), 1204).value == 1


@pytest.mark.parametrize("name", ["minerva_math", "math_verify"])
def test_sample_without_a_solution_is_an_error(name: str) -> None:
    """It is never scored 0."""
    with pytest.raises(ConfigError, match=name):
        _score(name, "5", None)


@pytest.mark.parametrize("name", ["minerva_math", "math_verify"])
def test_other_threads_can_score(name: str) -> None:
    """Signals bound the work in the main thread only; elsewhere it is not bounded."""
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(_score, name, _said("0.5"), r"\boxed{\frac12}").result()
    assert found.value == 1


def test_work_without_end_is_stopped() -> None:
    """The bound interrupts a computation and leaves no timer behind."""
    assert threading.current_thread() is threading.main_thread()

    @math._at_most(0.05)
    def forever() -> None:
        while True:
            pass

    with pytest.raises(TimeoutError):
        forever()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_timer_of_others_goes_on() -> None:
    """A test's own time limit survives a comparison, less the time that it took."""
    heard = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: heard.set())
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with math._at_most(5):
            time.sleep(0.05)
        left_s, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left_s <= 0.25
        assert heard.wait(10)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("text", "solution", "value"),
    [
        (r"It is $\dfrac12$.", r"$\boxed{\frac{1}{2}}$", 1),
        (r"0.5", r"$\boxed{\frac12}$", 1),
        (r"1/2", r"$\boxed{\frac12}$", 1),
        (r"0.25", r"$\boxed{\frac14}$", 0),
        (r"It is \dfrac12.", r"$\boxed{\frac{1}{2}}$", 0),
        (r"$x = 2\sqrt3$", r"$\boxed{2\sqrt{3}}$", 1),
        (r"$15$", r"$\boxed{15\text{ cm}}$", 1),
        (r"$90^\circ$", r"$\boxed{90}$", 1),
        (r"$x/2$", r"$\boxed{x/2}$", 1),
        (r"$x / 2$", r"$\boxed{x/2}$", 0),
        ("", r"$\boxed{5}$", 0),
    ],
    ids=[
        "a fraction's ways",
        "the one decimal",
        "a slash",
        "nothing is computed",
        "words around it",
        "a name and a root",
        "a unit",
        "degrees",
        "as written",
        "as written but for spaces",
        "no answer",
    ],
)
def test_hendrycks_compares_strings(text: str, solution: str, value: float) -> None:
    """LaTeX's freedom is taken away, and nothing more, as MATH's authors do."""
    assert _score("hendrycks_math", text, solution).value == value


@pytest.mark.parametrize("answer", [r"\sqrt", r"\frac", r"5\text{ a}\text{ b}", "x/2"])
def test_hendrycks_refuses_what_the_reference_fails_at(answer: str) -> None:
    """Its rules raise there, and it falls back on the text as it was written."""
    with pytest.raises(ValueError, match=r"two units|nothing|invalid literal"):
        written_alike(answer)
    assert _score("hendrycks_math", answer, answer).value == 1
