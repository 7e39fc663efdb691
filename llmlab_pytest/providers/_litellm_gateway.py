"""Keeps litellm from importing `mcp`, which it needs for OpenAI's responses only.

litellm 1.106 asks before each request of that API whether a tool is one of its own
gateway, in a module that imports `mcp`; litellm does not depend on it. Our requests
never have such tools, so where `mcp` is not installed the question is answered here.
"""

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from types import ModuleType

_NAME = "litellm.responses.mcp.litellm_proxy_mcp_handler"


class NoGateway:
    """Stands for litellm's class of the same module."""

    @staticmethod
    def should_use_litellm_mcp_gateway(tools: Iterable[object] | None) -> bool:
        """Tell litellm that no tool is one of its gateway."""
        del tools  # none of ours ever is
        return False


def stand_in_for_gateway() -> None:
    """Answer litellm's question for it, unless it can do so itself."""
    if find_spec("mcp") is None and _NAME not in sys.modules:
        module = ModuleType(_NAME, __doc__)
        vars(module)["LiteLLM_Proxy_MCP_Handler"] = NoGateway
        sys.modules[_NAME] = module
