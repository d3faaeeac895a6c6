"""Index updates: the files that are read, those that are not read again, and recovery from damage."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO

import pytest

from minions.corpus.fts import schema
from minions.corpus.index import Index, IndexReport
from minions.corpus.readers import read_document, read_open
from minions.errors import CorpusError, StoreError
from minions.values.events import Event, IndexEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.corpus.local import LocalCorpus
    from minions.values.documents import Document


class CountingReader:
    """Reads as the real reader does, and counts the files it was asked for."""

    def __init__(self) -> None:
        self.reads: Counter[str] = Counter()

    def __call__(self, path: Path, file: BinaryIO) -> Document:
        self.reads[path.name] += 1
        return read_open(path, file)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Three small documents in a folder."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("The supplier delivers apples.\n")
    (folder / "b.md").write_text(
        "# Prices\n\nApples cost 3 euros.\n\n## Pears\n\nPears cost 4 euros.\n"
    )
    (folder / "c.txt").write_text("Nothing about fruit stands here.\n")
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An open, empty index."""
    with Index.open(tmp_path / "home" / "index.sqlite3") as opened:
        yield opened


def _update(
    index: Index, *paths: Path, read: CountingReader | None = None
) -> tuple[LocalCorpus, IndexReport]:
    return index.update(list(paths), read=read or CountingReader())


def _counts(report: IndexReport) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.unchanged, report.removed


def test_a_corpus_gives_back_the_text_of_its_files(index: Index, docs: Path) -> None:
    """The index holds the extracted text to the letter, in the order of the files."""
    corpus, report = _update(index, docs)
    assert [facts.path for facts in corpus.documents] == [
        str(docs / name) for name in ("a.txt", "b.md", "c.txt")
    ]
    assert [corpus.text(facts.id) for facts in corpus.documents] == [
        read_document(docs / name).text for name in ("a.txt", "b.md", "c.txt")
    ]
    assert (report.files, report.documents, report.chunks) == (3, 3, len(list(corpus.chunks())))
    assert report.tokens == sum(chunk.tokens for chunk in corpus.chunks()) > 0


def test_facts_carry_title_and_outline(index: Index, docs: Path) -> None:
    """The card can be written from the index alone."""
    facts = {os.path.basename(item.path): item for item in _update(index, docs)[0].documents}  # noqa: PTH119 - text is compared
    assert facts["a.txt"].title == "a.txt"
    assert [heading.text for heading in facts["b.md"].outline] == ["Prices", "Pears"]


def test_unchanged_files_are_not_opened_again(index: Index, docs: Path) -> None:
    """The second run over the same folder reads nothing."""
    assert _counts(_update(index, docs)[1]) == (3, 0, 0, 0)
    (docs / "c.txt").chmod(0)  # opening it now would fail, or be counted
    read = CountingReader()
    corpus, report = _update(index, docs, read=read)
    assert _counts(report) == (0, 0, 3, 0)
    assert not read.reads
    assert len(corpus.documents) == 3


def test_only_the_changed_file_is_read_again(index: Index, docs: Path) -> None:
    """An edit costs one file; its old words are no longer found."""
    _update(index, docs)
    (docs / "c.txt").write_text("Bananas are mentioned here after all.\n")
    read = CountingReader()
    corpus, report = _update(index, docs, read=read)
    assert (_counts(report), dict(read.reads)) == ((0, 1, 2, 0), {"c.txt": 1})
    assert [chunk.path for chunk in corpus.search(["bananas"], limit=5)] == [str(docs / "c.txt")]
    assert corpus.search(["nothing fruit"], limit=5) == []


def test_a_touched_file_is_hashed_but_not_chunked_again(index: Index, docs: Path) -> None:
    """A checkout that renews every time of change does not cost a new index."""
    _update(index, docs)
    os.utime(docs / "a.txt", ns=(1, 1))
    read = CountingReader()
    assert _counts(_update(index, docs, read=read)[1]) == (0, 0, 3, 0)
    assert not read.reads


def test_files_that_vanish_leave_the_index_and_new_ones_enter(index: Index, docs: Path) -> None:
    """A search finds only text of files that exist."""
    _update(index, docs)
    (docs / "a.txt").rename(docs / "z.txt")
    (docs / "b.md").unlink()
    corpus, report = _update(index, docs)
    assert _counts(report) == (1, 0, 1, 2)
    assert {chunk.path for chunk in corpus.search(["apples"], limit=9)} == {str(docs / "z.txt")}


def test_files_elsewhere_stay_but_are_not_part_of_the_run(
    index: Index, docs: Path, tmp_path: Path
) -> None:
    """Two folders share one index without seeing each other."""
    other = tmp_path / "docs2"
    other.mkdir()
    (other / "x.txt").write_text("Apples of another folder.")
    _update(index, other)
    corpus, report = _update(index, docs)
    assert report.removed == 0
    assert all(
        chunk.path.startswith(str(docs) + os.sep) for chunk in corpus.search(["apples"], limit=9)
    )
    assert _counts(_update(index, other)[1]) == (0, 0, 1, 0)


def test_files_of_the_same_content_are_one_document(index: Index, docs: Path) -> None:
    """A copy is neither read by workers twice nor counted twice."""
    (docs / "d.txt").write_bytes((docs / "a.txt").read_bytes())
    corpus, report = _update(index, docs)
    assert (report.files, report.documents) == (4, 3)
    assert [chunk.path for chunk in corpus.search(["supplier"], limit=9)] == [str(docs / "a.txt")]
    (docs / "a.txt").unlink()
    corpus, _ = _update(index, docs)
    assert [chunk.path for chunk in corpus.search(["supplier"], limit=9)] == [str(docs / "d.txt")]


def test_another_chunk_size_makes_other_chunks(index: Index, tmp_path: Path) -> None:
    """The setting takes effect on documents that are indexed already."""
    path = tmp_path / "long.txt"
    path.write_text("A sentence that is repeated many times over. " * 200)
    few = index.update([path], chunk_tokens=800)[1].chunks
    many = index.update([path], chunk_tokens=100)[1].chunks
    assert few < many
    assert index.update([path], chunk_tokens=100)[1].unchanged == 1


def test_unreadable_files_are_listed_and_the_rest_is_read(index: Index, docs: Path) -> None:
    """One broken file among many does not stop the run."""
    (docs / "empty.txt").write_text("")
    (docs / "broken.pdf").write_bytes(b"no pdf at all")
    corpus, report = _update(index, docs)
    assert {os.path.basename(item.path) for item in corpus.unreadable} == {  # noqa: PTH119 - text is compared
        "empty.txt",
        "broken.pdf",
    }
    assert report.unreadable == tuple(corpus.unreadable)
    assert report.files == 3


def test_a_file_that_becomes_unreadable_leaves_the_index(index: Index, docs: Path) -> None:
    """Nobody is answered from a text that is no longer in the file."""
    _update(index, docs)
    (docs / "a.txt").write_text("")
    corpus, report = _update(index, docs)
    assert (report.files, report.removed) == (2, 1)
    assert corpus.search(["supplier"], limit=5) == []


def test_a_folder_without_documents_says_so(index: Index, tmp_path: Path) -> None:
    """An empty folder is a mistake of the path, and the message says what to do."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="no files in") as caught:
        _update(index, tmp_path / "empty")
    assert "name a folder" in (caught.value.hint or "")


def test_a_folder_of_unreadable_files_names_them(index: Index, tmp_path: Path) -> None:
    """When nothing could be read, the reasons are in the hint."""
    (tmp_path / "none").mkdir()
    for number in range(5):
        (tmp_path / "none" / f"{number}.txt").write_text("")
    with pytest.raises(CorpusError, match="nothing readable") as caught:
        _update(index, tmp_path / "none")
    assert "0.txt: empty file" in (caught.value.hint or "")
    assert "and 2 more" in (caught.value.hint or "")


def test_progress_is_told_file_by_file(index: Index, docs: Path) -> None:
    """Events say which file is read, and when the update ends."""
    seen: list[Event] = []
    index.update([docs], observe=seen.append)
    assert all(isinstance(event, IndexEvent) and event.total == 3 for event in seen)
    assert [getattr(event, "done", None) for event in seen] == [0, 1, 2, 3]


def test_a_damaged_index_is_moved_aside_and_built_again(docs: Path, tmp_path: Path) -> None:
    """An index that is no database costs time, not an error."""
    path = tmp_path / "index.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    with Index.open(path) as index:
        assert _update(index, docs)[1].documents == 3
    assert (tmp_path / "index.sqlite3.damaged").read_bytes().startswith(b"this is no database")


def test_damage_found_while_updating_is_mended_too(docs: Path, tmp_path: Path) -> None:
    """Pages overwritten in the middle of the file are noticed when they are read, and the index is rebuilt."""
    path = tmp_path / "index.sqlite3"
    with Index.open(path) as index:
        _update(index, docs)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\x5a" * (len(data) - 4096)
    path.write_bytes(data)
    with Index.open(path) as index:
        assert _counts(_update(index, docs)[1]) == (3, 0, 0, 0)


def test_an_index_of_another_version_is_built_again(docs: Path, tmp_path: Path) -> None:
    """After an upgrade the documents are read again, without a question."""
    path = tmp_path / "index.sqlite3"
    with Index.open(path) as index:
        _update(index, docs)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with Index.open(path) as index:
        assert _counts(_update(index, docs)[1]) == (3, 0, 0, 0)


def test_a_home_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    """The message names the path that cannot be used, and the hint an option for another one."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        Index.open(tmp_path / "file" / "index.sqlite3")
    assert "--home" in (caught.value.hint or "")


def test_an_index_locked_for_too_long_is_a_store_error(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that waits in vain for another says what it waited for."""
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "index.sqlite3"
    with Index.open(path) as index, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked") as caught:
            _update(index, docs)
        other.execute("ROLLBACK")
        assert "another run" in (caught.value.hint or "")
        assert _update(index, docs)[1].documents == 3


def test_two_processes_index_at_the_same_time(docs: Path, tmp_path: Path) -> None:
    """Concurrent runs over one home wait for each other and both get a whole corpus."""
    for number in range(60):
        (docs / f"more-{number}.txt").write_text(
            f"Document number {number} speaks of item{number}. " * 20
        )
    path = tmp_path / "index.sqlite3"
    code = (
        "import sys; from pathlib import Path; from minions.corpus.index import Index\n"
        "with Index.open(Path(sys.argv[1])) as index: sys.exit(index.update([sys.argv[2]])[1].documents != 63)"
    )
    command = [sys.executable, "-c", code, str(path), str(docs)]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    with Index.open(path) as index:
        corpus, report = _update(index, docs)
        assert report.unchanged == 63
        assert len(corpus.search(["item7"], limit=9)) == 1
