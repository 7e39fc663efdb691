"""Render a model's own chat template, as transformers does, without transformers.

Follows the contract of `apply_chat_template` (transformers, "Chat templates"): a
sandboxed Jinja environment that trims blocks, loop controls, `raise_exception`,
`strftime_now`, a `tojson` that keeps Unicode, the texts of the special tokens, and
`add_generation_prompt`. Tools, documents and the tracking of assistant tokens are left
out.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llmlab_pytest.core import Message


class ChatTemplate:
    """One compiled template and the special tokens it may write."""

    def __init__(self, source: str, *, special_tokens: Mapping[str, str]) -> None:
        """Compile `source`.

        Args:
            source: Jinja text, as stored in the model file.
            special_tokens: e.g. `{"bos_token": "<s>"}`.

        Raises:
            TemplateError: the template is malformed.
        """
        # Text for a model, not for a browser: escaping would change the prompt.
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols"],
            autoescape=False,
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = _now
        self._template = environment.from_string(source)
        self._special_tokens = dict(special_tokens)

    def render(self, messages: Sequence[Message]) -> str:
        """Return the prompt for `messages`, with the start of the assistant's turn.

        Raises:
            TemplateError: the template refuses the messages.
        """
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        return self._template.render(
            messages=turns, add_generation_prompt=True, **self._special_tokens
        )


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _now(layout: str) -> str:
    return dt.datetime.now().astimezone().strftime(layout)


def _to_json(
    value: object,
    *,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )
