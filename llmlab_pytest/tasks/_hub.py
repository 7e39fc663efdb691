"""Files of the Hugging Face hub; addressed lazily.

The hub's own client resumes interrupted downloads and honours `HF_ENDPOINT`, `HF_HOME`,
`HF_TOKEN` and `HF_HUB_OFFLINE`. A hub that cannot be reached is asked once per process.
"""

import logging
from pathlib import Path

import httpx
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from llmlab_pytest.core import DataUnavailable, redact
from llmlab_pytest.tasks._task import HubFile

_LOG = logging.getLogger(__name__)
_TIMEOUT_S = 10
_unreachable: list[str] = []


def download(source: HubFile) -> Path:
    """Return the local path of a file at its pinned revision.

    Raises:
        DataUnavailable: offline, unreachable, gated, or not there.
    """
    where = f"{source.repository}@{source.revision[:7]}/{source.file}"
    if not _unreachable:
        _unreachable.extend(_why_unreachable())
    if _unreachable:
        raise DataUnavailable(_unreachable[0])
    _LOG.info("fetching %s from the Hugging Face hub", where)
    try:
        return Path(
            hf_hub_download(
                source.repository,
                source.file,
                repo_type="dataset",
                revision=source.revision,
                etag_timeout=_TIMEOUT_S,
            )
        )
    except (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        httpx.HTTPError,
        OSError,
    ) as error:
        reason = redact(str(error)).splitlines()[0]
        raise DataUnavailable(f"the hub does not give {where}: {reason}") from error


def _why_unreachable() -> list[str]:
    """Say why the hub cannot be used, or nothing.

    Its client retries for half a minute before it gives up; a machine without the hub
    would wait that long for each file.
    """
    if constants.HF_HUB_OFFLINE:
        return []  # the client still gives what its own cache holds
    try:
        httpx.head(constants.ENDPOINT, timeout=_TIMEOUT_S, follow_redirects=True)
    except httpx.HTTPError as error:
        return [f"the hub {constants.ENDPOINT} cannot be reached: {error}"]
    return []
