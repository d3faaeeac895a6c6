"""Files that are swapped while a folder is read: what was listed is read, or nothing."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import pytest

from minions.corpus import opening
from minions.corpus.discover import discover, open_found
from minions.corpus.index import Index
from minions.corpus.readers import read_document, read_open
from minions.errors import UnreadableError
from minions.values.events import Event, IndexEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.values.documents import Document

SECRET = "the password is moonraker"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stranger's folder, and beside it a folder of the user's own."""
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("The first document.\n")
    (folder / "sub" / "note.txt").write_text("The second document.\n")
    (folder / "z.txt").write_text("The last document.\n")
    own = tmp_path / "own"
    own.mkdir()
    for name in ("note.txt", "z.txt"):
        (own / name).write_text(SECRET)
    return folder


def to_link(path: Path) -> None:
    """Put a link to the user's own file or folder in a path's place."""
    (docs,) = [each for each in path.parents if each.name == "docs"]
    own = docs.parent / "own"
    if path.is_dir():
        shutil.rmtree(path)
        path.symlink_to(own, target_is_directory=True)
    else:
        path.unlink()
        path.symlink_to(own / path.name)


def to_other_file(path: Path) -> None:
    """Put the user's own file itself in a path's place, as a hard link does."""
    path.unlink()
    os.link(path.parents[1] / "own" / path.name, path)


def to_pipe(path: Path) -> None:
    """Put a pipe in a path's place, which nobody writes to."""
    path.unlink()
    os.mkfifo(path)


SWAPS = [
    pytest.param("z.txt", to_link, id="file-link"),
    pytest.param("z.txt", to_other_file, id="file-hard-link"),
    pytest.param("z.txt", to_pipe, id="file-pipe"),
    pytest.param("sub", to_link, id="folder-link"),
]


@pytest.mark.parametrize(("name", "swap"), SWAPS)
def test_a_file_swapped_after_it_was_listed_is_not_read(
    folder: Path, tmp_path: Path, name: str, swap: Callable[[Path], None]
) -> None:
    """Whatever stands in its place when it is its turn: it is unreadable, with the reason, and the rest is read."""
    swapped: list[bool] = []

    def observe(event: Event) -> None:
        assert isinstance(event, IndexEvent)
        if not swapped:
            swapped.append(True)
            swap(folder / name)

    texts: list[str] = []

    def read(path: Path, file: BinaryIO) -> Document:
        document = read_open(path, file)
        texts.append(document.text)
        return document

    with Index.open(tmp_path / "home" / "index.sqlite3") as index:
        _, report = index.update([folder], observe=observe, read=read)
    assert not any("moonraker" in text for text in texts)
    assert "The first document.\n" in texts
    assert len(texts) == 2
    assert [item.reason for item in report.unreadable] == [opening.CHANGED]


def test_a_file_swapped_while_a_folder_is_listed_is_not_listed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the listing of its folder and the question what it is."""
    real = os.scandir

    def listing(place: int | str) -> object:
        with real(place) as entries:
            found = list(entries)
        if any(entry.name == "z.txt" for entry in found) and not (folder / "z.txt").is_symlink():
            [entry.is_symlink() for entry in found]
            to_link(folder / "z.txt")
        return _Listed(found)

    monkeypatch.setattr(os, "scandir", listing)
    found = discover([folder])
    assert not any(file.path.endswith("z.txt") for file in found.files)
    for file in found.files:
        with open_found(file, found.roots) as opened:
            assert SECRET.encode() not in opened.read()


class _Listed(list[os.DirEntry[str]]):
    """Entries as `os.scandir` gives them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


def test_a_folder_swapped_before_it_is_listed_is_not_listed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the question what it is and its listing: not a name from elsewhere gets in."""

    def swapped(path: str, *others: Any, **named: Any) -> Any:
        if Path(path).name == "sub":
            to_link(folder / "sub")
        return opening.listed_folder(path, *others, **named)

    monkeypatch.setattr("minions.corpus.discover.listed_folder", swapped)
    found = discover([folder])
    assert [Path(file.path).name for file in found.files] == ["a.txt", "z.txt"]
    assert len(found.unreadable) == 1


@pytest.mark.parametrize("has_proc", [True, False])
def test_a_link_that_is_turned_elsewhere_is_not_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_proc: bool
) -> None:
    """A link inside the folder is followed, and only as long as it leads inside: also where the system does not say
    where a handle is.
    """
    (folder / "z.txt").rename(folder / ".z.txt")
    inner = folder / "sub" / "inner"
    inner.symlink_to(folder / ".z.txt")
    found = discover([folder])
    (link,) = [file for file in found.files if file.path.endswith("inner")]
    if not has_proc:

        def unknown(path: Path) -> Path:
            raise FileNotFoundError(2, "No such file or directory", str(path))

        monkeypatch.setattr(Path, "readlink", unknown)
    with open_found(link, found.roots) as opened:
        assert b"last" in opened.read()
    inner.unlink()
    inner.symlink_to(tmp_path / "own" / "z.txt")
    with pytest.raises(UnreadableError, match="replaced by something else"):
        open_found(link, found.roots)


def test_the_same_file_outside_of_the_folder_is_not_read(folder: Path, tmp_path: Path) -> None:
    """One that was listed and moved away is the same file, and no longer one of the folder's."""
    found = discover([folder])
    (folder / "sub").rename(tmp_path / "moved")
    (folder / "sub").symlink_to(tmp_path / "moved")
    (file,) = [file for file in found.files if file.path.endswith("note.txt")]
    with pytest.raises(UnreadableError, match="replaced by something else"):
        open_found(file, found.roots)


def test_a_file_is_opened_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is checked, hashed and parsed are bytes of one handle, also of a file that changed."""
    opened: Counter[str] = Counter()
    real = os.open

    def counted(path: str | Path, flags: int, *mode: int) -> int:
        opened[Path(path).name] += 1
        return real(path, flags, *mode)

    monkeypatch.setattr(os, "open", counted)
    with Index.open(tmp_path / "home" / "index.sqlite3") as index:
        index.update([folder])
        (folder / "z.txt").write_text("Another last document.\n")
        index.update([folder])
    assert (opened["a.txt"], opened["note.txt"], opened["z.txt"]) == (1, 1, 2)


def test_a_named_file_is_opened_before_it_is_looked_at(folder: Path) -> None:
    """A pipe is not waited on, and a link that the user named is followed."""
    os.mkfifo(folder / "pipe")
    with pytest.raises(UnreadableError, match="not a regular file"):
        read_document(folder / "pipe")
    link = folder / "link.txt"
    link.symlink_to(folder / "z.txt")
    assert read_document(link).text == "The last document.\n"
