"""What a hostile or broken writer puts where a text, a number or any JSON was asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from minions.cli.render.answers import answer_lines
from minions.store.runs import Runs
from minions.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.values.answers import Answer

# As many as the profile has (tests/conftest.py), or as one asks for.
EXAMPLES = int(os.environ.get("MINIONS_FUZZ_EXAMPLES", settings().max_examples))
# A busy machine is no bug: what takes for ever is tried in a process of its own, with time to spare.
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
SLOW = settings(FUZZ, max_examples=max(1, EXAMPLES // 4))  # for what opens files and databases

_CONTROLS = "\x00\x07\x08\x0b\x0c\x1b\x1c\x7f\x85\x9b\u200b\u202e\u2028\ufeff\ud800\udfff"
_ODD_TEXTS = (
    "",
    " ",
    "null",
    "None",
    "NaN",
    "-Infinity",
    "1e999999",
    "9" * 5000,
    "\u0663\u0664",
    "\u00b2",
    "[" * 500,
    "*" * 300,
    "[!a-\ud800]*?",
    "../../etc/passwd",
    "~nobody/x",
    "C:\\a",
    "{{9**9**9}}",
    "{{f1 / 0}}",
    "{{1}} million",
    "f1, F2 [f3] f" + "9" * 400,
    "\x1b[2J\x1b]0;title\x07",
    "a\x00b",
    "\ud83d",
    "<think>",
    "```json",
    "1-3, 7: x\n8: y",
    "x" * 2_000,
    "w " * 900,
)
TEXTS = (
    st.sampled_from(_ODD_TEXTS)
    | st.text(st.characters(), max_size=30)
    | st.text(st.sampled_from(_CONTROLS + "ab1 "), max_size=12)
)
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from(
        [0, -1, 2**31, 2**63, 10**30, 10**400, 10**4200, -(10**4200), 1e308, 5e-324, 0.5, 95]
    )
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any value under some of these names, and under others."""
    return st.dictionaries(st.sampled_from(names) | TEXTS, VALUES, max_size=len(names) + 1)


def changed(whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that are right but for up to three of their fields."""
    changes = st.dictionaries(st.sampled_from([*whole, "unknown"]), VALUES, max_size=3)
    return changes.map(lambda change: {**whole, **change})


@st.composite
def bent(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> str:
    """JSON of these values after up to four cuts, repetitions and insertions."""
    text = json.dumps(draw(values), ensure_ascii=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        put = draw(
            st.sampled_from(["", text[start:end] * 2])
            | st.text(st.sampled_from("{}[]\",:'\\ab1`/\n#"), max_size=4)
        )
        text = text[:start] + put + text[end:]
    return text


def json_lines(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """A file of JSON lines with torn and foreign ones among them."""
    whole = values.map(lambda value: json.dumps(value).encode())
    foreign = st.binary(max_size=20) | bent(values).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
    odd = st.sampled_from(
        [b"", b"\r", b"[" * 3000, b"\xef\xbb\xbf{}", '{"id": 1}'.encode("utf-16"), b"\xed\xa0\x80"]
    )
    return st.tuples(
        st.lists(whole | foreign | odd, max_size=6).map(b"\n".join),
        st.sampled_from([b"", b"\n", b"\r\n"]),
    ).map(b"".join)


def texts_in(value: Any) -> Iterator[str]:
    """All texts in a JSON value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from (name, *texts_in(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)


def assert_can_be_kept(answer: Answer, folder: Path) -> None:
    """An answer can be written as JSON, printed, and stored: what is read back is what was kept."""
    assert json.loads(answer.model_dump_json())["run_id"] == answer.run_id
    "\n".join(answer_lines(answer)).encode()
    with Store.open(Path(folder, "state.sqlite")) as store:
        runs = Runs(store)
        names: Any = {"planner": "p", "worker": "w", "protocol": "minions", "policy": "findings"}
        runs.start(
            answer.run_id, question=answer.question, started_at="2026-01-01T00:00:00Z", **names
        )
        runs.finish(answer)
        assert runs.get(answer.run_id).answer == answer
