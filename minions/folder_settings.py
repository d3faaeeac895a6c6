"""The order of every setting, and the check of a folder's file ``./minions.toml`` against it.

The file is read wherever the program runs, even in a folder that a stranger made. So it may set
only what `ORDER` lets it set, and only to a value that keeps at least as much on this machine as
the user's own settings do, that is flags, environment, the user's file and the defaults.
"""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from minions.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

FILE_NAME: Final = "minions.toml"
# The least limit of a run under policy findings (minions.privacy.outgoing).
FEWEST_BYTES: Final = 8_000
# A longer file is refused unread: it needs a few lines, and the time of the parser of TOML grows
# with the square of a name's length (0.8 s for 8 kB of "a.a.a", 36 s for 64 kB).
_MOST_BYTES: Final = 8 * 1024
_MOST_BYTES_TRUSTED: Final = 1024 * 1024
_HINT: Final = (
    "if the folder is your own: minions trust (again after each change of the file); else make the"
    " setting yourself, by its flag or as MINIONS_<NAME>"
)
_POLICIES: Final = ("strict", "findings", "open")


class Order(NamedTuple):
    """The values of a setting that a folder's file may choose."""

    keeps: Callable[[Any, Any], bool]
    """Return whether a value keeps at least as much on this machine as the user's own value."""
    kind: tuple[type, ...] = ()
    """The types of the value in the file; empty: a folder's file may not set it at all."""
    says: str = ""
    """The rule in the words of an error."""


def _is_the_same(value: Any, own: Any) -> bool:
    return bool(value == own)


def _is_at_most(unset: float) -> Callable[[Any, Any], bool]:
    """Compare limits; ``unset`` is the least value that None may stand for."""

    def compare(value: Any, own: Any) -> bool:
        if value is None:
            return own is None
        return bool(value <= (unset if own is None else own))

    return compare


def _is_no_looser_policy(value: Any, own: Any) -> bool:
    return _POLICIES.index(value) <= _POLICIES.index(own)


def _holds_all(value: Any, own: Any) -> bool:
    return set(own) <= set(value)


def _is_on_or_same(value: Any, own: Any) -> bool:
    return value is True or value is own


def _is_off_or_same(value: Any, own: Any) -> bool:
    return value is False or value is own


_NUMBER: Final = (int, float)
# To whom text goes, by what it is read, or what it costs: no value of it is safer than another.
_NEVER: Final = Order(_is_the_same, says="no folder may set it")
_ENDLESS: Final = Order(_is_at_most(float("inf")), _NUMBER, "not above your own limit")
# None leaves the number to the program, which uses at least one.
_ONE_OR_MORE: Final = Order(_is_at_most(1), _NUMBER, "not above your own number, or 1")
_ON: Final = Order(_is_on_or_same, (bool,), "true only")
_OFF: Final = Order(_is_off_or_same, (bool,), "false only")

ORDER: Final[Mapping[str, Order]] = {
    "planner": _NEVER,  # it receives the question and the findings
    "worker": _NEVER,  # it receives the documents
    "protocol": _NEVER,  # rag and remote send documents, and minions more than local
    "policy": Order(_is_no_looser_policy, (str,), "not looser than your own policy"),
    "home": _NEVER,  # the place of everything that is kept
    "local_only": _ON,
    "allow_remote_workers": _OFF,
    "fetch_weights": _OFF,  # a download tells an index which model is used
    # None leaves the limit to the policy; the least that it gives is FEWEST_BYTES.
    "max_egress": Order(_is_at_most(FEWEST_BYTES), _NUMBER, "not above your own limit, or 8000"),
    "redact": _ON,
    # More words replace more. They are added to the user's own, and cannot run without end, as
    # patterns can.
    "redact_words": Order(_holds_all, (list,), "a list of words"),
    "redact_patterns": _NEVER,  # a pattern may take for ever
    "redact_people": _ON,
    "retain_text": _OFF,
    "max_rounds": _ENDLESS,  # rounds, tasks, jobs and turns bound what a planner may ask for
    "max_tasks": _ENDLESS,
    "max_jobs": _ENDLESS,
    "chunks_per_task": _ENDLESS,
    "samples": _ENDLESS,
    "digest_tokens": _ENDLESS,  # the text that a round sends
    "near_misses": _ENDLESS,  # lines that are sent without a finding
    "low_confidence": _NEVER,  # it chooses which lines are sent; neither direction is safer
    "rag_chunks": _ENDLESS,
    "max_turns": _ENDLESS,
    "timeout_s": _ENDLESS,
    "max_cost": _ENDLESS,
    "max_cloud_tokens": _ENDLESS,
    "prices": _NEVER,  # a price of zero lifts max_cost
    "planner_output_tokens": _ENDLESS,  # a limit on what a call costs
    "concurrency": _ONE_OR_MORE,
    "rate_per_s": _ENDLESS,
    "attempts": _ENDLESS,  # each attempt sends the request again
    "patience_s": _ENDLESS,
    "connect_timeout_s": _ENDLESS,
    "first_token_timeout_s": _ENDLESS,
    "call_timeout_s": _ENDLESS,
    # How documents are cut and read decides which lines are found and sent; none of these has a
    # direction that always sends less.
    "chunk_tokens": _NEVER,
    "context_tokens": _NEVER,
    "threads": _ONE_OR_MORE,
    "whole_documents": _NEVER,
    "evidence": _NEVER,
    "min_relevance": _NEVER,
    "reasoning": _NEVER,
    "second_look": _NEVER,
    "enough": _NEVER,
    "enough_confidence": _NEVER,
    "cache": _NEVER,  # off costs work, and on keeps text
    "window": _ENDLESS,
    "openai_api_key": _NEVER,  # the owner of the account could see the requests
    "openai_base_url": _NEVER,  # it receives requests and the key, on this machine too
    "ollama_host": _NEVER,  # likewise
}


class FolderFile(NamedTuple):
    """A folder's file as it was read: once, so that what is checked is what is used."""

    path: Path
    """Absolute: the folder without symbolic links, and the file's name."""
    content: bytes

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the file of a folder; None where it has none. Raises OSError.

        What is beyond a megabyte is left out, so that such a file is trusted by no digest.
        """
        try:
            path = file_of(folder)
        except FileNotFoundError:  # the working directory is gone
            return None
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            return cls(path, stream.read(_MOST_BYTES_TRUSTED + 1))

    @property
    def sha256(self) -> str:
        """The digest of the content."""
        return hashlib.sha256(self.content).hexdigest()

    def values(self) -> dict[str, Any]:
        """Return the settings in the file. Raises ValueError where it is not TOML."""
        return tomllib.loads(self.content.decode("utf-8"))

    def settable(self, own: Mapping[str, Any], decided: set[str]) -> dict[str, Any]:
        """Return what the file sets, without ``decided``: names that flags or environment set.

        ``own`` are the user's own settings. Raises ConfigError where a value has the wrong type or
        its setting is not for folders, ValueError where the file is not TOML. Names that no setting
        has are returned as they are.
        """
        if len(self.content) > _MOST_BYTES:
            raise ConfigError(
                f"{self.path} has more than {_MOST_BYTES:,} bytes, too many for a file in a folder",
                hint=_HINT,
            )
        values: dict[str, Any] = {}
        refused: list[str] = []
        for name, value in self.values().items():
            order = ORDER.get(name.strip().casefold())
            if name in decided:
                continue
            if order is None or _has_kind(value, order.kind):
                values[name] = value
            else:
                refused.append(_refused(name, order))
        if refused:
            raise self._refusal(refused)
        if "redact_words" in values:
            words = (*own["redact_words"], *values["redact_words"])
            values["redact_words"] = tuple(dict.fromkeys(words))
        becomes_strict = values.get("policy") == "strict" and own["policy"] == "findings"
        if becomes_strict and own["max_egress"] is None:
            # Without this, policy strict would lift the limit that findings has by default.
            values.setdefault("max_egress", FEWEST_BYTES)
        return values

    def refuse_looser(self, result: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        """Compare the settings that result with the user's own, setting by setting.

        Raises ConfigError where one of them keeps less on this machine.
        """
        refused: list[str] = []
        for name, order in ORDER.items():
            if not order.keeps(result[name], own[name]):
                refused.append(_refused(name, order))
        if refused:
            raise self._refusal(refused)

    def _refusal(self, refused: list[str]) -> ConfigError:
        return ConfigError(
            f"{self.path} may not set {', '.join(refused)}: a file in a folder must not let more"
            " leave this machine than your own settings do",
            hint=_HINT,
        )


def file_of(folder: Path) -> Path:
    """Return the absolute path of a folder's file: its folder without links, and its own name.

    ``folder`` may also be the file. A file that is a link stays one, so that a link to a file that
    is trusted elsewhere is not trusted.
    """
    if folder.name == FILE_NAME and not folder.is_dir():
        folder = folder.parent
    return folder.resolve() / FILE_NAME


def _has_kind(value: Any, kind: tuple[type, ...]) -> bool:
    """Compare types exactly: a bool is no number here."""
    if type(value) not in kind:
        return False
    if isinstance(value, list):
        return all(type(item) is str for item in value)
    return True


def _refused(name: str, order: Order) -> str:
    return f"{name} ({order.says})"
