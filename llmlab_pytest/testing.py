r"""Test doubles for evaluations: models that need no weights, key or network.

>>> import asyncio
>>> from llmlab_pytest import GenerateRequest
>>> from llmlab_pytest.testing import ScriptedModel, echo
>>> model = ScriptedModel(["Paris"], rules={r"2 \+ 2": "4"}, fallback=echo)
>>> def ask(prompt):
...     return asyncio.run(model.run([GenerateRequest(prompt)]))[0].text
>>> ask("Capital of France?"), ask("What is 2 + 2?"), ask("Anything else")
('Paris', '4', 'Anything else')
>>> len(model.requests)
3

To choose such a model with `--llm`, register a provider that returns it (see
`pytest_llmlab_register_providers`), or write a script file: `--llm scripted:FILE.toml`.
"""

from llmlab_pytest.providers._scripted import FailingModel, ScriptedModel, echo

__all__ = ["FailingModel", "ScriptedModel", "echo"]
