"""What the settings of a folder may say. ``./minions.toml`` counts wherever the program is run, in the folder of a
stranger too: so it may keep more on the device, and never less.
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

_MOST_BYTES: Final = (
    8_000  # that max_egress never lets a run fall below by default (minions.privacy.outgoing)
)
# What takes the place of the user's own: lists, and limits that are wider.
_LISTS: Final = ("redact_words", "redact_patterns")
_LIMITS: Final = ("max_egress", "max_cost", "max_cloud_tokens")


def _stays_here(value: Any) -> bool:
    """Whether all endpoints of a reference are on this machine or left to the user, and its weights are no file."""
    provider, _, rest = str(value).partition(":")
    if provider == "llamacpp":
        return "/" not in rest and "\\" not in rest and not rest.endswith(".gguf")
    if "@" not in rest:
        return True
    return all(
        each.endpoint is None or is_loopback_url(each.endpoint)
        for each in ModelRef.parse(str(value)).each()
    )


def _is_local_host(value: Any) -> bool:
    text = str(value)
    return is_loopback_url(text if "://" in text else f"http://{text}")


_MAY: Final[Mapping[str, Callable[[Any], bool]]] = {
    "policy": lambda value: value == "strict",
    "redact": lambda value: value is True,
    "redact_people": lambda value: value is True,
    "retain_text": lambda value: value is False,
    "local_only": lambda value: value is True,
    "allow_remote_workers": lambda value: value is False,
    "max_egress": lambda value: isinstance(value, int) and value <= _MOST_BYTES,
    "planner": _stays_here,
    "worker": _stays_here,
    "openai_base_url": _is_local_host,
    "ollama_host": _is_local_host,
    "openai_api_key": lambda _: False,  # whose account it is sees what is asked
    "home": lambda _: False,
}


def refuse_loosening(path: Path, user: Path) -> None:
    """Raise ConfigError where the folder's file ``path`` would let more leave, or elsewhere, or keep it somewhere else,
    than without it; ``user`` is the user's own file. ValueError for a file that is no TOML.
    """
    if path.resolve() == user.resolve():
        return
    said, own = _read(path), _read(user)
    wrong = [name for name, value in said.items() if name in _MAY and not _MAY[name](value)]
    wrong += [name for name in _LISTS if name in said and name in own]
    wrong += [
        name
        for name in _LIMITS
        if name in said and name in own and _is_wider(said[name], own[name])
    ]
    if wrong:
        names = " and ".join(dict.fromkeys(wrong))
        raise ConfigError(
            f"{path} may not set {names}: anyone's folder would decide what leaves this machine, and where to",
            hint=f"if the file is yours, say so: --config {path}; or set it in {user}",
        )


def _is_wider(one: Any, other: Any) -> bool:
    try:
        return Decimal(str(one)) > Decimal(str(other))
    except InvalidOperation:
        return False  # no number at all: refused where settings are read


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return {
        name.casefold(): value for name, value in tomllib.loads(path.read_text("utf-8")).items()
    }
