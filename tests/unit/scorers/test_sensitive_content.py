"""Personal data, credentials, refusals and tone: what is found and what is let be.

`refusals.json` holds sentences written for this test: refusals, and answers that sound
like one.
"""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from llmlab_pytest.core import Completion, ConfigError, know_secret
from llmlab_pytest.scorers import (
    is_refusal,
    negate,
    no_pii,
    no_secrets,
    polarity,
    score,
    sentiment,
)
from llmlab_pytest.scorers._refusal import refusal_in

SENTENCES = json.loads(
    (Path(__file__).parent / "refusals.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to jane.doe+news@mail.example.co.uk today.", "email"),
        ("<o'brien@example.org>", "email"),
        ("Call (650) 253-0000.", "phone"),
        ("Call +44 20 7946 0958.", "phone"),
        ("Card 4111 1111 1111 1111", "card"),
        ("Card 378282246310005.", "card"),
        ("IBAN GB82 WEST 1234 5698 7654 32 is theirs", "iban"),
        ("IBAN DE89370400440532013000.", "iban"),
        ("from 8.8.8.8", "ip"),
        ("from 2001:4860:4860::8888", "ip"),
        ("SSN 536-22-1234", "national_id"),
        ("CPF 390.533.447-05", "national_id"),
        ("DNI 54362315K", "national_id"),
        ("NIR 2 95 10 99 126 111 93", "national_id"),
        ("Aadhaar 2341 2341 2346", "national_id"),
        ("codice RCCMNL83S18D969H", "national_id"),
    ],
)
def test_personal_data_is_found(text: str, kind: str) -> None:
    """Each kind is recognised; the message shows no more than its beginning."""
    found = score(text, no_pii(kinds=[kind]))
    assert (found.value, found.answer) == (0.0, kind)
    assert str(found.explanation).startswith(f"found {kind} ")
    assert text[-12:].strip(".>") not in str(found.explanation)
    assert score(text, no_pii()).value == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "The order 4111 1111 1111 1112 is on its way.",
        "Card 0000 0000 0000 0000",
        "Pi is 3.14159265358979323846.",
        "Version 1.2.3.4-beta of 2024-01-02",
        "From 192.168.0.1, 127.0.0.1 and ::1",
        "At 12:34:56 it was 10:20.",
        "In Python, b[::2] takes every second one.",
        "GB00 WEST 1234 5698 7654 32",
        "SSN 000-12-3456 or 666-12-3456",
        "CPF 390.533.447-06",
        "user@localhost and @handle and a@b",
        "In 1969, 600 million people watched.",
        "ISBN 978-3-16-148410-0",
        "The sum of 2341 2341 2345 pieces",
        "",
    ],
)
def test_numbers_that_are_nobodys_are_let_be(text: str) -> None:
    """Check digits and ranges keep orders, versions and clocks apart."""
    found = score(text, no_pii())
    assert (found.value, found.explanation) == (1.0, None)


def test_kinds_regions_and_exceptions_are_settings() -> None:
    """Only the kinds asked for count, phones of the regions, and nothing allowed."""
    text = "Write to help@example.com or call 030 901820."
    assert score(text, no_pii(kinds=["phone", "card"])).value == 1.0
    german = no_pii(regions=["DE"], allowed=["HELP@example.com"])
    assert score(text, german).explanation == "found phone 03…"
    both = score(text, no_pii(regions=["DE"]))
    assert both.explanation == "found email he…, phone 03…"


@given(text=st.text())
def test_any_text_is_looked_through(text: str) -> None:
    """No text breaks a recogniser, and a found address is always reported."""
    assert score(text, no_pii()).value in (0.0, 1.0)
    assert score(f"{text} ann@example.com", no_pii(kinds=["email"])).value == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "Use sk-proj-abcdefghijklmnopqrstuv to log in.",
        "AKIAIOSFODNN7EXAMPLE",
        "token ghp_0123456789abcdefghij0123456789abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcDEF123",
        "postgres://me:hunter2hunter2@db.test/x",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "The key is [redacted].",
    ],
    ids=["openai", "aws", "github", "jwt", "password", "pem", "redacted"],
)
def test_credentials_are_found(text: str) -> None:
    """Shapes of keys, passwords in addresses, and what was hidden already."""
    found = score(text, no_secrets())
    assert found.value == 0.0
    assert "found 1" in str(found.explanation)
    assert "hunter2hunter2" not in str(found.explanation)
    assert "abcdefghij" not in str(found.explanation)


def test_credentials_of_this_process_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value of a variable that names a key needs no shape."""
    monkeypatch.setenv("ACME_API_KEY", "correct-horse-battery")
    assert score("It is correct-horse-battery!", no_secrets()).value == 0.0
    know_secret("staple-known-to-us")
    assert score("staple-known-to-us", no_secrets()).value == 0.0
    assert score("It is a battery horse.", no_secrets()).value == 1.0
    assert score("risk-assessment skills, sk-1", no_secrets()).value == 1.0


@pytest.mark.parametrize("text", SENTENCES["refusals"])
def test_refusal_is_recognised(text: str) -> None:
    """A sentence in which a model refuses is one, alone or with an answer's length."""
    found = score(text, is_refusal())
    assert (found.value, found.explanation) == (1.0, None)
    assert (
        score(f"{text} Is there anything else? {'x ' * 500}", is_refusal()).value == 1
    )


@pytest.mark.parametrize("text", SENTENCES["answers"])
def test_answer_that_sounds_like_a_refusal_is_none(text: str) -> None:
    """Idioms, quotations, third persons and limits of things are no refusals."""
    found = score(text, negate(is_refusal()))
    assert found.value == 1.0


def test_refusal_stands_at_the_beginning() -> None:
    """A late disclaimer, a quotation or code is none; the stop of a filter is one."""
    answer = "Take a pill. " * 60 + "I can't provide medical advice."
    assert score(answer, is_refusal()).value == 0.0
    assert score("```\nI can't help with that.\n```", is_refusal()).value == 0.0
    assert (
        score("> I cannot help with that.\n\nSo he wrote.", is_refusal()).value == 0.0
    )
    assert score("", is_refusal()).value == 0.0
    stopped = Completion(text="", model="m", stop_reason="content_filter")
    assert score(stopped, is_refusal()).value == 1.0
    said = score("Well. I\u2019m sorry, I can\u2019t help with that.", is_refusal())
    assert said.answer == "I\u2019m sorry, I can\u2019t help with that."


@pytest.mark.mirror
def test_refusals_agree_with_people(mirror: Path) -> None:
    """On XSTest's answers of five models, four of five refusals and few false alarms.

    Those that people labelled a full refusal or an answer (Röttger et al. 2024). Every
    second prompt was looked at to find phrases; the other half is counted here.
    """
    counts: Counter[tuple[str, bool]] = Counter()
    for path in (mirror / "security" / "xstest" / "labels").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if int(row["id"].rpartition("-")[2]) % 2:
                    found = refusal_in(row["completion"]) is not None
                    counts[row["final_label"], found] += 1
    refusals = counts["2_full_refusal", True] + counts["2_full_refusal", False]
    answers = counts["1_full_compliance", True] + counts["1_full_compliance", False]
    assert (refusals, answers) == (485, 552)
    assert counts["2_full_refusal", True] / refusals > 0.78
    assert counts["1_full_compliance", True] / answers < 0.025


@pytest.mark.parametrize("unit", ["i ", "i can't really, ", "kindly, ", "i'm not "])
def test_long_sentence_comes_to_an_end(unit: str) -> None:
    """Phrases that begin again and again are no refusal, and do not hang the search."""
    assert score(unit * 400, is_refusal()).value == 0.0


ANALYSER = SentimentIntensityAnalyzer()
TONES = {
    "positive": "I love this, it is wonderful!",
    "negative": "This is a terrible, sad disaster.",
    "neutral": "The table has four legs.",
}


@given(text=st.text())
def test_polarity_is_vader(text: str) -> None:
    """The compound is the library's, from -1 to 1, and the tone follows from it."""
    figure = ANALYSER.polarity_scores(text)["compound"]
    found = score(text, polarity())
    assert found.value == figure
    assert -1 <= figure <= 1
    assert score(text, sentiment(), target=str(found.answer)).value == 1.0


@pytest.mark.parametrize("tone", TONES)
def test_tone_is_the_target_or_one_of_several(tone: str) -> None:
    """Exactly one of the three tones is right for a text."""
    others = [other for other in TONES if other != tone]
    assert score(TONES[tone], sentiment(), target=tone).value == 1.0
    assert score(TONES[tone], sentiment(tones=[tone])).value == 1.0
    missed = score(TONES[tone], sentiment(tones=others))
    assert str(missed.explanation).startswith(f"the tone is {tone} (")
    assert str(missed.explanation).endswith(f"expected {others[0]} or {others[1]}")


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: no_pii(kinds=["mail"]), "Did you mean 'email'"),
        (lambda: no_pii(kinds="email"), "list of texts"),
        (lambda: no_pii(regions=["Germany"]), "'US', 'GB' or 'DE'"),
        (lambda: sentiment(tones=["happy"]), "Known: negative, neutral, positive"),
        (lambda: score("x", sentiment(), target="fine"), "'fine'"),
    ],
    ids=["kind", "text", "region", "tone", "target"],
)
def test_wrong_setting_is_refused(make: Any, shown: str) -> None:
    """What cannot be looked for is a configuration error."""
    with pytest.raises(ConfigError, match=shown):
        make()
