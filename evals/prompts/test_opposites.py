"""Sample tests: the function runs once per row, and its asserts decide hit or miss."""

from llmlab_pytest import Completion, Sample, llm_task

OPPOSITES = [
    {"id": "hot", "word": "hot", "target": "cold"},
    {"id": "up", "word": "up", "target": "down"},
    {"id": "big", "word": "big", "target": "small"},
    {"id": "day", "word": "day", "target": "night"},
]


@llm_task(data=OPPOSITES, prompt="What is the opposite of {{ word }}?", max_tokens=40)
def test_opposites(sample: Sample, completion: Completion) -> None:
    assert str(sample.target) in completion.text.lower()
