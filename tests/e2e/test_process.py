"""Commands as processes of their own, one of each family: the other tests of this folder run them in the test's.

Batches and evaluations as processes are in test_every_byte.py and in tests/faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

QUESTION = "How tall is the lighthouse at Skerrow?"


def test_a_question_through_pipes(minions: Any, guide: Path, crew: Any) -> None:
    """The question comes through stdin, the answer goes to stdout, the bill to stderr; what was sent is on record."""
    ended = minions.process("ask", "-", guide, *crew, stdin=QUESTION + "\n")
    assert (ended.code, ended.out.splitlines()[0]) == (0, "41 metres"), ended.err
    assert "planner" in ended.err
    assert minions.process("egress", "last") == minions("egress", "last")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("search lighthouse docs --json", 0),
        ("runs", 0),
        ("purge", 2),
        ("verify result.json", 0),
        ("models", 0),
        ("show nobody --json", 2),
    ],
)
def test_a_process_says_what_the_function_says(
    minions: Any, guide: Path, crew: Any, command: str, code: int
) -> None:
    """The same exit code, and to the byte the same on stdout and stderr."""
    minions.write("result.json", minions("ask", QUESTION, guide, *crew, "--json").out)
    minions("index", "docs")
    ended = minions.process(*command.split())
    assert ended.code == code
    assert ended == minions(*command.split())


def test_a_reader_who_leaves_is_no_error(minions: Any) -> None:
    """`minions ... | head` ends with code 1, and says nothing about it."""
    with minions.start("doctor", "--json") as process:
        process.stdout.close()
        process.wait(timeout=50)
        assert (process.returncode, process.stderr.read()) == (1, b"")
