from collections.abc import Sequence

import pytest
from jinja2 import TemplateError
from jinja2.exceptions import SecurityError

from llmlab_pytest.core import Message
from llmlab_pytest.providers._chat import ChatTemplate

HELLO = [Message("user", "hi <b>")]


def render(source: str, messages: Sequence[Message] = HELLO) -> str:
    special = {"bos_token": "<s>", "eos_token": "</s>"}
    return ChatTemplate(source, special_tokens=special).render(messages)


def test_template_sees_messages_special_tokens_and_generation_prompt() -> None:
    """The variables are those of transformers; nothing is escaped."""
    source = (
        "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m['content'] }}"
        "{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    assert render(source) == "<s>[user] hi <b></s>[assistant]"


def test_template_trims_blocks_like_transformers() -> None:
    """Newlines after blocks and blanks before them do not reach the prompt."""
    source = (
        "{% for m in messages %}\n  {% if true %}\n{{ m.content }}\n  {% endif %}\n"
        "{% endfor %}"
    )
    assert render(source) == "hi <b>\n"


def test_template_may_refuse_and_break() -> None:
    """`raise_exception`, loop controls and a Unicode `tojson` are there."""
    with pytest.raises(TemplateError, match="roles must alternate"):
        render("{{ raise_exception('roles must alternate') }}")
    assert render("{% for m in [1, 2] %}{% break %}{% endfor %}ok") == "ok"
    assert render("{{ {'é': '<'} | tojson }}") == '{"é": "<"}'
    assert render("{{ strftime_now('%Y') }}").isdecimal()


def test_template_of_a_stranger_stays_in_its_sandbox() -> None:
    """A template from a downloaded file reaches no Python internals."""
    with pytest.raises(SecurityError):
        render("{{ messages.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(SecurityError):
        render("{{ messages.append(1) }}")
