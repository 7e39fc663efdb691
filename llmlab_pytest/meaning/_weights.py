"""Where the weights of a text model are: here, in a package, or on the hub."""

from llmlab_pytest.core import ConfigError, ModelSpec
from llmlab_pytest.providers import find_weights

_HUB = "hf:"


def place_of(model: str, *, option: str) -> str:
    """Return what sentence-transformers loads: a folder, or a name on the hub.

    Args:
        model: a folder, `package:NAME/FOLDER` in an installed package, or
            `hf:OWNER/NAME`, which is downloaded once.
        option: names it in messages.

    Raises:
        ConfigError: it has another form.
        ModelError: there is no such folder.
        MissingDependency: the package is not installed.
    """
    if model.startswith(_HUB):
        name = model.removeprefix(_HUB)
        if name.count("/") != 1:
            raise ConfigError(
                f"{option} is {model!r}.", allowed="On the hub it is hf:OWNER/NAME."
            )
        return name
    spec = ModelSpec(alias=model, provider="transformers", id=model, source=option)
    return str(find_weights(spec))
