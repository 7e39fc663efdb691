"""Ways to reach models: the model registry, the providers, and how they load."""

from llmlab_pytest.providers._catalog import (
    LazyProvider,
    ProviderRegistry,
    load_model,
    provider_registry,
    share_model,
)
from llmlab_pytest.providers._identity import (
    identity_of,
    portable_identity,
    weights_digest,
)
from llmlab_pytest.providers._key_command import check_commands
from llmlab_pytest.providers._most_input import TURN_TOKENS, RequestSize, request_size
from llmlab_pytest.providers._plain_http import plain_http_warning
from llmlab_pytest.providers._price import is_free, usual_cost_usd, worst_cost_usd
from llmlab_pytest.providers._price_cost import price_now, usage_cost_usd
from llmlab_pytest.providers._price_lists import PriceList, read_price_list
from llmlab_pytest.providers._price_names import rates_of
from llmlab_pytest.providers._price_rates import (
    PRICE_PARTS,
    Rates,
    StatedPrice,
    stated_price,
)
from llmlab_pytest.providers._registry import PROJECT_REGISTRY, ModelRegistry
from llmlab_pytest.providers._requests import effective_request, filled, require_for
from llmlab_pytest.providers._shipped import (
    shipped_models_dir,
    shipped_registry_files,
)
from llmlab_pytest.providers._weights import find_weights, weights_text

__all__ = [
    "PRICE_PARTS",
    "PROJECT_REGISTRY",
    "TURN_TOKENS",
    "LazyProvider",
    "ModelRegistry",
    "PriceList",
    "ProviderRegistry",
    "Rates",
    "RequestSize",
    "StatedPrice",
    "check_commands",
    "effective_request",
    "filled",
    "find_weights",
    "identity_of",
    "is_free",
    "load_model",
    "plain_http_warning",
    "portable_identity",
    "price_now",
    "provider_registry",
    "rates_of",
    "read_price_list",
    "request_size",
    "require_for",
    "share_model",
    "shipped_models_dir",
    "shipped_registry_files",
    "stated_price",
    "usage_cost_usd",
    "usual_cost_usd",
    "weights_digest",
    "weights_text",
    "worst_cost_usd",
]
