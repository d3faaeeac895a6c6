"""Citations are checked against the files themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.values.answers import Answer
from minions.values.findings import Citation
from minions.verify import check_quote, verify_answer, verify_citations

if TYPE_CHECKING:
    from pathlib import Path

    from minions.values.documents import Document

TEXT = "Skerrow stands on rock.\nIt is 41 metres tall.\nIt is 41 metres tall.\nThe end.\n"
QUOTE = "It is 41 metres tall."


def citing(path: str, quote: str = QUOTE, start: int | None = None) -> Citation:
    begin = TEXT.index(quote) if start is None else start
    return Citation(
        id="f1",
        document_id="d",
        path=path,
        page=None,
        start=begin,
        end=begin + len(quote),
        quote=quote,
        status="exact",
        score=1.0,
    )


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    """A file with the text."""
    path = tmp_path / "guide.txt"
    path.write_text(TEXT)
    return path


def test_a_quote_that_stands_is_ok(guide: Path) -> None:
    """Same file, same offsets, same words."""
    (check,) = verify_citations([citing(str(guide))])
    assert (check.status, check.reason) == ("ok", None)


def test_relative_paths_are_below_the_folder(guide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result made elsewhere can be checked by naming the folder it was made in; the default is the current one."""
    answer = Answer(
        run_id="r",
        question="q",
        answer="41 metres",
        confidence=1,
        stop_reason="answered",
        citations=(citing("guide.txt"),),
    )
    assert verify_answer(answer, folder=guide.parent)[0].status == "ok"
    assert verify_answer(answer)[0].status == "missing"
    monkeypatch.chdir(guide.parent)
    assert verify_answer(answer)[0].status == "ok"


def test_a_quote_that_moved_is_found_again(guide: Path) -> None:
    """Text inserted above: the quote stands elsewhere, and the nearest place is told."""
    guide.write_text("Preface.\n" + TEXT)
    (check,) = verify_citations([citing(str(guide))])
    assert (check.status, check.found_start) == ("moved", TEXT.index(QUOTE) + len("Preface.\n"))


def test_a_changed_file_is_told_from_a_missing_one(guide: Path) -> None:
    """An edited quote is changed; a file that is gone, empty or unreadable is missing, with the reason."""
    guide.write_text(TEXT.replace("41", "14"))
    assert verify_citations([citing(str(guide))])[0].status == "changed"
    guide.write_text("")
    (empty,) = verify_citations([citing(str(guide))])
    assert (empty.status, empty.reason) == ("missing", "empty file")
    guide.unlink()
    (gone,) = verify_citations([citing(str(guide))])
    assert gone.status == "missing"
    assert gone.reason


def test_a_citation_without_a_quote_proves_nothing(guide: Path) -> None:
    """An empty quote stands everywhere, so it counts as failed."""
    assert verify_citations([citing(str(guide), quote="")])[0].status == "changed"


def test_each_file_is_read_once(guide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty citations of one large file cost one reading."""
    read: list[Any] = []
    from minions.corpus import readers

    original = readers.read_document

    def counting(path: Path) -> Document:
        read.append(path)
        return original(path)

    monkeypatch.setattr(readers, "read_document", counting)
    assert len(verify_citations([citing(str(guide))] * 40)) == 40
    assert len(read) == 1


@given(
    text=st.text(max_size=60),
    start=st.integers(0, 60),
    length=st.integers(1, 20),
    shift=st.integers(0, 70),
)
def test_offsets_decide(text: str, start: int, length: int, shift: int) -> None:
    """A quote taken from a text is ok at its place, and anywhere else it is moved, or ok where it stands twice."""
    quote = text[start : start + length]
    if not quote:
        return
    assert check_quote(text, quote, start) == ("ok", None)
    status, found = check_quote(text, quote, shift)
    if text[shift : shift + len(quote)] == quote:
        assert status == "ok"
    else:
        assert status == "moved"
        assert found is not None
        assert text[found : found + len(quote)] == quote


@pytest.mark.parametrize(("start", "end"), [(-5, 1), (10**30, 10**30 + 1), (1, 99)])
def test_offsets_that_cannot_be_are_not_ok(tmp_path: Path, start: int, end: int) -> None:
    """A result that anyone may have written: its numbers are checked, too, and the right ones are told."""
    path = tmp_path / "b.txt"
    path.write_text("abc")
    wrong = citing(str(path), quote="b", start=1).model_copy(update={"start": start, "end": end})
    (check,) = verify_citations([wrong])
    assert (check.status, check.found_start) == ("moved", 1)


def test_the_home_of_a_user_who_is_not_there_is_missing() -> None:
    """A path of another machine is told of, like any other that leads nowhere."""
    (check,) = verify_citations([citing("~nobody-of-that-name/report.txt")])
    assert (check.status, check.reason) == ("missing", "there is no such folder")


def test_a_quote_that_stands_everywhere_is_found_at_once() -> None:
    """The nearest of a million places, without looking at the others."""
    assert check_quote("a" * 1_000_000 + "b" + "a" * 500_000, "a" * 500_000 + "b", 3) == (
        "moved",
        500_000,
    )
