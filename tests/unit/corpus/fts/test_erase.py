"""An index that was emptied holds nothing, on the disk either, and is built again when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.corpus.fts.erase import forget_documents
from minions.corpus.index import Index

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "xylophonist"


def _on_disk(path: Path) -> bool:
    return any(SECRET.encode() in file.read_bytes() for file in path.parent.iterdir())


def test_documents_are_gone_from_the_disk_and_come_back_when_asked(tmp_path: Path) -> None:
    """A dry run counts. After erasing, no file of the index holds a word of them. Later they are read again."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text(f"Mary was a {SECRET} in her youth.\n")
    path = tmp_path / "home" / "index.sqlite3"
    with Index.open(path) as index:
        index.update([tmp_path / "docs"])
    path.with_name("index.sqlite3.damaged").write_text(SECRET)
    assert forget_documents(path, dry_run=True) == (1, False)
    assert _on_disk(path)
    assert forget_documents(path) == (1, True)
    assert not _on_disk(path)
    assert forget_documents(path) == (0, True)
    with Index.open(path) as index:
        corpus, report = index.update([tmp_path / "docs"])
        assert report.added == 1
        assert len(corpus.search([SECRET], limit=3)) == 1


def test_where_there_is_no_index_none_is_made(tmp_path: Path) -> None:
    """Erasing an index that does not exist creates no file."""
    assert forget_documents(tmp_path / "index.sqlite3") == (0, True)
    assert list(tmp_path.iterdir()) == []


def test_a_question_under_way_goes_on(tmp_path: Path) -> None:
    """An open corpus is read as it was, and the result says that something is left on the disk."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text(f"Mary was a {SECRET} in her youth.\n")
    path = tmp_path / "home" / "index.sqlite3"
    with Index.open(path) as index:
        corpus, _ = index.update([tmp_path / "docs"])
        assert forget_documents(path) == (1, False)
        assert len(corpus.search([SECRET], limit=3)) == 1
