"""Limits on the settings that the file ``./minions.toml`` may make.

The file is read wherever the program runs, even in a folder that a stranger made. So it may make
the settings stricter, so that less is sent, and never looser.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from minions.errors import ConfigError
from minions.network.reference import ModelRef, is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

# The smallest default of max_egress (minions.privacy.outgoing).
_MOST_BYTES: Final = 8_000
# These would replace the user's own: lists, and limits that are wider.
_LISTS: Final = ("redact_words", "redact_patterns")
_LIMITS: Final = ("max_egress", "max_cost", "max_cloud_tokens")


def _is_local_reference(value: Any) -> bool:
    """Return whether a model reference names no endpoint elsewhere, and no file of weights.

    A reference without an endpoint leaves that choice to the user.
    """
    reference = str(value)
    provider, _, rest = reference.partition(":")
    if provider == "llamacpp":
        return "/" not in rest and "\\" not in rest and not rest.endswith(".gguf")
    if "@" not in rest:
        return True
    return all(is_loopback_url(url) for url in ModelRef.parse(reference).endpoints)


def _is_local_host(value: Any) -> bool:
    url = str(value)
    if "://" not in url:
        url = f"http://{url}"
    return is_loopback_url(url)


# The values that a folder's file may set; it may set any value of a setting that is not listed.
_MAY: Final[Mapping[str, Callable[[Any], bool]]] = {
    "policy": lambda value: value == "strict",
    "redact": lambda value: value is True,
    "redact_people": lambda value: value is True,
    "retain_text": lambda value: value is False,
    "local_only": lambda value: value is True,
    "allow_remote_workers": lambda value: value is False,
    "max_egress": lambda value: isinstance(value, int) and value <= _MOST_BYTES,
    "planner": _is_local_reference,
    "worker": _is_local_reference,
    "openai_base_url": _is_local_host,
    "ollama_host": _is_local_host,
    "openai_api_key": lambda _: False,  # the owner of the account could see the requests
    "home": lambda _: False,
}


def refuse_loosening(path: Path, user: Path) -> None:
    """Check a folder's file ``path`` against the user's own file ``user``.

    Raises ConfigError if the folder's file would let more be sent, or to another place, or would
    keep data in another place, than without it. Raises ValueError if a file is not TOML.
    """
    if path.resolve() == user.resolve():
        return
    folder = _read(path)
    own = _read(user)
    wrong: list[str] = []
    for name, value in folder.items():
        if name in _MAY and not _MAY[name](value):
            wrong.append(name)
    both = folder.keys() & own.keys()
    wrong += [name for name in _LISTS if name in both]
    for name in _LIMITS:
        if name not in both:
            continue
        if _is_wider(folder[name], own[name]):
            wrong.append(name)
    if wrong:
        names = " and ".join(dict.fromkeys(wrong))
        raise ConfigError(
            f"{path} may not set {names}: a file in a folder must not decide what is sent from this"
            " machine, or to whom",
            hint=f"if the file is your own, type --config {path}, or make the setting in {user}",
        )


def _is_wider(limit: Any, own: Any) -> bool:
    try:
        return Decimal(str(limit)) > Decimal(str(own))
    except InvalidOperation:
        return False  # not a number: it is refused when the settings are read


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    values = tomllib.loads(path.read_text("utf-8"))
    return {name.casefold(): value for name, value in values.items()}
