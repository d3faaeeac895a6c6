"""Columns: a protocol each, and rag once for every number of chunks."""

from __future__ import annotations

import pytest

from minions.errors import UsageError
from minions.evals.columns import Column, read_columns
from minions.run.protocols import PROTOCOLS


def test_a_protocol_is_a_column_and_rag_takes_a_number() -> None:
    """Each comes once, in the order asked for, with files of its own and the settings it changes."""
    columns = read_columns(["minions", " rag:5 ", "rag", "rag:20", "", "minions", "rag:05"])
    assert [(column.name, column.file) for column in columns] == [
        ("minions", "minions"),
        ("rag:5", "rag-5"),
        ("rag", "rag"),
        ("rag:20", "rag-20"),
    ]
    assert [column.settings.get("rag_chunks") for column in columns] == [None, 5, None, 20]
    assert {column.settings["protocol"] for column in columns} == {"minions", "rag"}


def test_whatever_the_program_can_run_can_be_a_column() -> None:
    """A protocol that is added is known here at once; those that begin with a plan can be given one."""
    columns = read_columns(PROTOCOLS)
    assert [column.protocol for column in columns] == list(PROTOCOLS)
    assert {column.name for column in columns if column.plans} == {"minions", "local"}
    assert not Column("rag:5", "rag", 5).plans


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("riddle", "unknown protocol 'riddle'"),
        ("minions:5", "unknown protocol 'minions:5'"),
        (":5", "unknown protocol ':5'"),
        ("rag:", "rag:: '' is not a number of chunks (expected e.g. rag:5)"),
        ("rag:0", "rag:0: '0' is not a number of chunks (expected e.g. rag:5)"),
        ("rag:-5", "rag:-5: '-5' is not a number of chunks (expected e.g. rag:5)"),
        ("rag:five", "rag:five: 'five' is not a number of chunks (expected e.g. rag:5)"),
        ("rag:5.0", "rag:5.0: '5.0' is not a number of chunks (expected e.g. rag:5)"),
        ("rag:\u0665", "rag:\u0665: '\u0665' is not a number of chunks (expected e.g. rag:5)"),
        ("rag:9999999", "rag:9999999: '9999999' is not a number of chunks (expected e.g. rag:5)"),
    ],
)
def test_an_unknown_protocol_is_named(name: str, message: str) -> None:
    """A wrong name or number is refused, and the hint lists what can be chosen."""
    with pytest.raises(UsageError) as refused:
        read_columns(["minions", name])
    assert refused.value.message == message
    assert "rag:5" in str(refused.value.hint)


def test_a_list_without_protocols_is_refused() -> None:
    """Blank names are no protocol."""
    with pytest.raises(UsageError, match="no protocol given"):
        read_columns(["", " "])
