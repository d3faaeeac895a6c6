"""The corpus of a run stays what it was when the run began, whatever others do to the index they share."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from minions.corpus.index import Index
from minions.errors import CorpusError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.corpus.local import LocalCorpus


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The path of the index, which does not exist yet."""
    return tmp_path / "home" / "index.sqlite3"


@pytest.fixture
def fruit(tmp_path: Path) -> Path:
    """A folder of two documents, one of them with two hundred chunks."""
    folder = tmp_path / "fruit"
    folder.mkdir()
    (folder / "apples.txt").write_text("Apples cost 3 euros a kilo.")
    (folder / "pears.txt").write_text(
        "".join(f"Pears of tree {n} cost 4 euros a kilo. " * 10 for n in range(200))
    )
    return folder


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Another user's folder, whose document shares words with the first folder."""
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "diary.txt").write_text("Apples, euros, kilo: the combination of the safe is 4711.")
    return folder


@pytest.fixture
def corpus(home: Path, fruit: Path) -> Iterator[LocalCorpus]:
    """The first folder as a run has it, in an index of its own connection."""
    with Index.open(home) as index:
        yield index.update([fruit], chunk_tokens=100)[0]


def _texts(corpus: LocalCorpus) -> list[str]:
    return [chunk.text for chunk in corpus.search(["apples euros kilo"], limit=500)]


def _elsewhere(home: Path, *paths: Path) -> None:
    with Index.open(home) as index:
        index.update(paths)


def test_a_folder_indexed_during_a_run_is_not_searched(
    corpus: LocalCorpus, home: Path, private: Path
) -> None:
    """A run over one folder of a fresh home goes on undisturbed when another one begins, and sees none of it."""
    before = _texts(corpus)
    _elsewhere(home, private)
    assert _texts(corpus) == before
    assert "4711" not in "".join(chunk.text for chunk in corpus.chunks())


def test_a_dropped_document_is_not_replaced_by_anothers(
    corpus: LocalCorpus, home: Path, fruit: Path, private: Path
) -> None:
    """A document that another run drops stays readable in this one, and no other text comes under its name."""
    (pears,) = [facts.id for facts in corpus.documents if facts.path.endswith("pears.txt")]
    before = corpus.text(pears), _texts(corpus)
    (fruit / "pears.txt").unlink()
    _elsewhere(home, fruit)
    _elsewhere(home, private)
    assert (corpus.text(pears), _texts(corpus)) == before
    assert corpus.page_at(pears, 0) is None
    kept = corpus.search(["pears"], documents=[pears], limit=3)
    assert {chunk.document_id for chunk in kept} == {pears}


def test_the_row_of_a_dropped_document_is_never_used_again(
    home: Path, fruit: Path, private: Path
) -> None:
    """A document's row means this document or none, for ever."""
    _elsewhere(home, fruit)
    (fruit / "pears.txt").unlink()
    _elsewhere(home, fruit)
    _elsewhere(home, private)
    with closing(sqlite3.connect(home)) as connection:
        assert [row for (row,) in connection.execute("SELECT pk FROM documents ORDER BY pk")] == [
            1,
            3,
        ]


def test_updates_of_one_index_give_corpora_that_do_not_touch_each_other(
    home: Path, fruit: Path, private: Path
) -> None:
    """A program may keep two corpora of one open index and search them in turn."""
    with Index.open(home) as index:
        first = index.update([fruit])[0]
        second = index.update([private])[0]
        for _ in range(2):
            assert {chunk.document_id for chunk in first.search(["apples"], limit=9)} == {
                first.documents[0].id
            }
            assert {chunk.document_id for chunk in second.search(["apples"], limit=9)} == {
                second.documents[0].id
            }


def test_a_run_does_not_keep_others_from_writing(
    corpus: LocalCorpus, home: Path, private: Path
) -> None:
    """While a corpus is searched the index can be written, and its companion files go when all have closed."""
    corpus.search(["apples"], documents=[corpus.documents[0].id], limit=1)
    with Index.open(home) as index:
        assert index.update([private])[1].added == 1


def test_nothing_stays_behind(home: Path, fruit: Path, private: Path) -> None:
    """Closing the index closes every corpus over it: no file but the index remains."""
    with Index.open(home) as index:
        index.update([fruit])
        index.update([private])
    assert [path.name for path in home.parent.iterdir()] == [home.name]


def test_chunks_come_in_order_however_many(corpus: LocalCorpus) -> None:
    """A document of hundreds of chunks is read piece by piece, without gap or repetition."""
    pears = corpus.documents[1]
    indices = [chunk.index for chunk in corpus.chunks(documents=[pears.id, "unknown"])]
    assert indices == list(range(pears.chunks))
    assert len(indices) > 128
    assert next(chunk.document_id for chunk in corpus.chunks()) == corpus.documents[0].id


def test_an_unknown_document_is_said(corpus: LocalCorpus) -> None:
    """Asking for a document that is not in the run raises CorpusError."""
    for ask in (lambda: corpus.text("nobody"), lambda: corpus.page_at("nobody", 0)):
        with pytest.raises(CorpusError, match="not among the documents"):
            ask()


def test_a_corpus_ends_with_its_index(home: Path, fruit: Path) -> None:
    """A search after its index was closed raises StoreError with a hint."""
    with Index.open(home) as index:
        corpus, _ = index.update([fruit])
    for ask in (
        lambda: corpus.search(["apples"], limit=1),
        lambda: corpus.text(corpus.documents[0].id),
    ):
        with pytest.raises(StoreError) as caught:
            ask()
        assert "while its index is open" in (caught.value.hint or "")


def test_damage_found_by_a_search_is_said(home: Path, fruit: Path) -> None:
    """A damaged page that a search meets ends the run with what to delete, not with a stranger's exception."""
    with Index.open(home) as index:
        index.update([fruit], chunk_tokens=100)
    with Index.open(home) as index:
        corpus, _ = index.update([fruit], chunk_tokens=100)
        data = bytearray(home.read_bytes())
        data[8 * 4096 :] = b"\x5a" * (len(data) - 8 * 4096)
        home.write_bytes(data)
        with pytest.raises(StoreError, match=r"index\.sqlite3 cannot be used") as caught:
            corpus.text(corpus.documents[1].id)
        assert f"delete {home}" in (caught.value.hint or "")


def test_the_index_is_its_owners(home: Path, fruit: Path) -> None:
    """The text of every document is in it: nobody else on the machine may read the file or list the folder."""
    with Index.open(home) as index:
        index.update([fruit])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 3
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
