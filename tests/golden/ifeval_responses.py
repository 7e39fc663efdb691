"""Responses to IFEval's prompts, made up to reach every branch of every check.

Used by compare_ifeval.py: texts that follow a prompt's instructions, texts that just
miss them, stock texts in several languages, and hypothesis's own of the signs that the
checks look at.
"""

import random
import re

from hypothesis import strategies as st

ABBREVIATED = """\
Dr. Smith went to Washington, D.C., on Jan. 5th. He met Mr. J. K. Doe at 3 p.m. They
talked for e.g. two hours... or more! Was it useful? Yes: 3.5 million people saw it.
"Really?" she asked. 'Of course.' It's what the U.S. Army does."""
CAPITALS = """\
The quick brown fox jumps over the lazy dog. IT IS NOT TRUE. We'll see what can't be
done by NASA or the E.U. (see Fig. 3). The end"""
PLAIN = """\
It was a dark and stormy night; the rain fell in torrents, except at occasional
intervals, when it was checked by a violent gust of wind."""
PROSE = (ABBREVIATED, CAPITALS, PLAIN)
STOCK = (
    "",
    " \n\t ",
    "ok",
    "12345 67890 !!! ???",
    "www.example.com",
    '{"a": [1, 2, {"b": null}], "c": "x, y"}',
    '```json\n{"a": 1}\n```',
    '```JSON\n["x"]```',
    "```\n{'a': 1}\n```",
    "```json```",
    '"A quoted answer, with a comma."',
    '"',
    '""',
    "My answer is yes.",
    "I think: My answer is maybe. Any other questions?",
    "My answer is YES.",
    "THIS ENTIRE ANSWER IS WRITTEN IN CAPITAL LETTERS, AS YOU WISHED.",
    "this entire answer is written in small letters, as you wished.",
    "Das ist eine Antwort auf Deutsch, die nicht sehr lang ist.",
    "GROSSBUCHSTABEN SIND AUCH AUF DEUTSCH MÖGLICH, UND ZWAR ALLE.",
    "यह हिंदी में एक उत्तर है और इसमें कोई अन्य भाषा नहीं है।",
    "Это ответ на русском языке, без других языков.",
    "这是一个中文回答没有其他语言",
    "Hii ni jibu kwa lugha ya Kiswahili, bila lugha nyingine yoyote.",
    "to jest odpowiedź po polsku i nic więcej",
    "<<>>",
    "<< >>\n<<<Title>>>",
    "<<poem of joy>>\nRoses are red\n\n***\n\nViolets are blue",
    "One.\n******\nTwo.",
    'One! It begins.\n\n"Two" goes on. Three ends.',
    "Same\n******\nSame",
    "******One******Two******",
    "One******\n******Two",
    "***First***Second***",
    "First\n***\n***\nSecond",
    "* one\n* two\n- three\n** four\n*five*",
    "  * one\n\n\n  - two\n*\n* *",
    "*a* **b** ***c*** * * ** ** *d\ne*",
    "[name] [] [a\nb] [c][d] [[e]]",
    "Text\nP.S. more\nP.P.S more",
    "text p. s. more p.p. s",
    "SECTION 1\nfoo\nSECTION2 bar SECTION\t3",
)
FRAMES = (
    "Sure, here is my answer:\n{}",
    "{}\nI hope this helps, dear friend!",
    "Sure:\n{}\nBye, now.",
    "**{}**",
    '"{}"',
    "\n{}\n",
    "  {}  ",
    "{}\n\n\n\n{}",
    "{}******{}",
)
SIGNS = (
    *"*-.,!?\"'<>[]#`\n\t ",
    "**",
    "***",
    "******",
    "\n\n",
    "<<",
    ">>",
    "P.S.",
    "P.P.S",
    "Mr.",
    "U.S.",
    "3.5",
    "I'm",
    "can't",
    "HELLO",
    "World",
    "naïve",
    "Straße",
    "\u017f",  # a long s, which ignoring case equates with s
    "İ",
    "Σ",
    "日本語",
    "नमस्ते",
    "SECTION 1",
    "Day 2",
    "```",
    "{}",
)
MARKS = st.lists(
    st.one_of(
        st.sampled_from(SIGNS), st.text(max_size=5).filter(lambda t: t.isprintable())
    ),
    max_size=40,
).map("".join)
INSTRUCTIONS = (
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 3, "capital_relation": "at least"},
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "less than"},
    ),
    ("change_case:english_capital", {}),
    ("change_case:english_lowercase", {}),
    ("combination:repeat_prompt", {"prompt_to_repeat": "The quick brown FOX"}),
    ("combination:two_responses", {}),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}),
    ("detectable_format:constrained_response", {}),
    ("detectable_format:json_format", {}),
    (
        "detectable_format:multiple_sections",
        {"num_sections": 2, "section_spliter": "SECTION"},
    ),
    ("detectable_format:number_bullet_lists", {"num_bullets": 3}),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 3}),
    ("detectable_format:title", {}),
    ("keywords:existence", {"keywords": ["fox", "dog"]}),
    ("keywords:forbidden_words", {"forbidden_words": ["fox", "she", "answer"]}),
    (
        "keywords:frequency",
        {"keyword": "answer", "frequency": 2, "relation": "at least"},
    ),
    (
        "keywords:letter_frequency",
        {"letter": "s", "let_frequency": 4, "let_relation": "less than"},
    ),
    ("language:response_language", {"language": "de"}),
    ("language:response_language", {"language": "hi"}),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "one"},
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 3, "relation": "at least"},
    ),
    ("length_constraints:number_words", {"num_words": 9, "relation": "less than"}),
    ("punctuation:no_comma", {}),
    ("startend:end_checker", {"end_phrase": "gust of wind."}),
    ("startend:quotation", {}),
)
"""Instructions of our own, for the verdicts kept beside the unit tests."""


def golden_rows() -> list[dict]:
    """Return `INSTRUCTIONS` as rows of one instruction each."""
    return [
        {"key": 0, "prompt": "", "instruction_id_list": [name], "kwargs": [arguments]}
        for name, arguments in INSTRUCTIONS
    ]


def golden_responses() -> list[str]:
    """Return the stock texts and each of some in every frame."""
    framed = [frame.format(text, text) for frame in FRAMES for text in STOCK[17:24]]
    return [*STOCK, *PROSE, *framed]


def responses_for(row: dict, draw: random.Random) -> list[str]:
    """Return responses that are worth checking for one row."""
    told = zip(row["instruction_id_list"], row["kwargs"], strict=True)
    aimed = [aimed_at(name, arguments, draw) for name, arguments in told]
    whole = "\n\n".join(aimed)
    framed = draw.choice(FRAMES).format(*[whole] * 2)
    spoilt = re.sub(r"[aeiou,]", lambda m: draw.choice(["", m[0]]), whole)
    return [
        *aimed,
        whole,
        framed,
        draw.choice(FRAMES).format(*[aimed[0]] * 2),
        spoilt,
        whole.lower(),
        whole.upper(),
        whole.replace("\n\n", "\n"),
        *draw.sample(STOCK, 4),
        draw.choice(FRAMES).format(*[draw.choice(STOCK)] * 2),
    ]


def aimed_at(name: str, arguments: dict, draw: random.Random) -> str:
    """Return a text that follows an instruction, or misses it by one."""
    off = draw.choice((-1, 0, 0, 1))
    some = draw.choice(PROSE)
    numbers = [value for value in arguments.values() if isinstance(value, int)]
    number = max(0, (numbers[0] if numbers else 1) + off)
    filling = {
        "keywords:existence": lambda: " ".join(arguments["keywords"][: 9 + off]),
        "keywords:forbidden_words": lambda: " x".join(arguments["forbidden_words"]),
        "keywords:frequency": lambda: f"{arguments['keyword']}, " * number,
        "keywords:letter_frequency": lambda: arguments["letter"].upper() * number,
        "length_constraints:number_sentences": lambda: "It was Mr. X. " * number,
        "length_constraints:number_words": lambda: "well-known " * (number // 2),
        "length_constraints:number_paragraphs": lambda: "\n***\n".join([some] * number),
        "length_constraints:nth_paragraph_first_word": lambda: "\n\n".join(
            [f"{draw.choice(['', chr(34)])}{arguments['first_word'].title()}, {some}"]
            * number
        ),
        "detectable_content:number_placeholders": lambda: "[name] and " * number,
        "detectable_content:postscript": lambda: (
            f"{some}\n{arguments['postscript_marker']} Bye"
        ),
        "detectable_format:number_bullet_lists": lambda: "* point\n" * number,
        "detectable_format:number_highlighted_sections": lambda: (
            "*a* **b** " * ((number + 1) // 2)
        ),
        "detectable_format:multiple_sections": lambda: "\n".join(
            f"{arguments['section_spliter']} {n}\n{some}" for n in range(number)
        ),
        "detectable_format:json_format": lambda: '```json\n{"a": "b"}\n```',
        "detectable_format:title": lambda: f"<<{some[:9]}>>\n{some}",
        "detectable_format:constrained_response": lambda: "My answer is no.",
        "combination:two_responses": lambda: f"{some}\n******\n{draw.choice(PROSE)}",
        "combination:repeat_prompt": lambda: f"{arguments['prompt_to_repeat']}\n{some}",
        "startend:end_checker": lambda: f'{some} "{arguments["end_phrase"]}"',
        "startend:quotation": lambda: f'"{some}"',
        "change_case:capital_word_frequency": lambda: "YOU'LL sing. " * number,
        "change_case:english_capital": some.upper,
        "change_case:english_lowercase": some.lower,
        "punctuation:no_comma": lambda: some.replace(",", ""),
        "language:response_language": lambda: draw.choice(STOCK),
    }
    return filling[name]()
