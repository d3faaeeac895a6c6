"""The home is its owner's, however it was made and whatever the umask."""

from __future__ import annotations

import ast
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from minions.corpus.index import Index
from minions.store import Store, private
from minions.store.private import (
    append_private,
    create_folder,
    private_folder,
    replace_private,
    write_private,
)
from minions.weights.files import require_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILES = ("minions.sqlite3", "minions.sqlite3-wal", "minions.sqlite3-shm")
INDEX_FILES = ("index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm")
START = "INSERT OR REPLACE INTO batches VALUES ('b', '2026', 'o')"


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """A umask that keeps nothing from anybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """The permissions of a path."""
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def opened(home: Path) -> Iterator[None]:
    """A home at work: its store and its index are open, and something was written to both."""
    with Store.open(home / FILES[0]) as store, Index.open(home / INDEX_FILES[0]):
        store.write(START)
        yield


def test_a_new_home_is_private(tmp_path: Path) -> None:
    """The folder, those above it that had to be made, and every file, also what SQLite keeps beside a database."""
    home = tmp_path / "state" / "home"
    with opened(home):
        assert [mode(folder) for folder in (home, home.parent)] == [0o700, 0o700]
        assert {file.name: mode(file) for file in home.iterdir()} == dict.fromkeys(
            (*FILES, *INDEX_FILES), 0o600
        )


def test_weights_make_a_private_home_too(tmp_path: Path) -> None:
    """Whoever pulls a model first has made the home."""
    require_space(tmp_path / "home" / "models", 1)
    assert [mode(folder) for folder in (tmp_path / "home", tmp_path / "home" / "models")] == [
        0o700,
        0o700,
    ]


def test_a_home_that_was_open_is_closed_and_the_log_says_so_once(tmp_path: Path) -> None:
    """One made by hand, or by an earlier version, with its files."""
    home = tmp_path / "home"
    with opened(home):
        pass
    home.chmod(0o755)
    for name in (FILES[0], INDEX_FILES[0]):
        (home / name).chmod(0o644)
    with capture_logs() as logs, opened(home), opened(home):
        assert mode(home) == 0o700
        assert {mode(file) for file in home.iterdir()} == {0o600}
    closed = [entry for entry in logs if entry["event"] == "closed_to_others"]
    assert [(entry["was"], entry["now"]) for entry in closed] == [
        ("0755", "0700"),
        ("0644", "0600"),
        ("0644", "0600"),
    ]


@pytest.mark.parametrize("case", ["working", "shared", "of others", "unknown"])
def test_a_folder_that_is_not_a_home_alone_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """Where the program works, a shared folder, somebody else's, any where nobody can tell which is the user's own:
    closing it would break what is none of ours.
    """
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    if case == "working":
        monkeypatch.chdir(folder)
    elif case == "shared":
        folder.chmod(0o1777)
    elif case == "of others":
        monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    else:
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # the user has no folder
    before = mode(folder)
    with opened(folder):
        assert mode(folder) == before
        assert mode(folder / FILES[0]) == 0o600


def test_closing_takes_from_others_and_gives_nobody_anything(tmp_path: Path) -> None:
    """A home that its owner may not write to stays so; a file in a home's place keeps its mode."""
    home, file = tmp_path / "home", tmp_path / "file"
    home.mkdir(mode=0o755)
    home.chmod(0o555)
    file.touch()
    file.chmod(0o644)
    private_folder(home)
    with suppress(OSError):
        private_folder(file)
    assert (mode(home), mode(file)) == (0o500, 0o644)
    home.chmod(0o700)


@pytest.mark.parametrize("umask", [0, 0o022, 0o277, 0o777])
def test_a_folder_is_private_from_its_first_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    """It is made with its mode, not made and closed: nobody enters in between. Its owner always can."""
    made: list[int] = []
    mkdir = os.mkdir

    def watched(path: str, rights: int = 0o777) -> None:
        mkdir(path, rights)
        made.append(mode(Path(path)))

    monkeypatch.setattr(os, "mkdir", watched)
    os.umask(umask)
    private_folder(tmp_path / "a" / "home")
    assert len(made) == 2
    assert not any(first & 0o077 for first in made)
    assert [mode(folder) for folder in (tmp_path / "a", tmp_path / "a" / "home")] == [0o700, 0o700]


@pytest.mark.parametrize("write", [append_private, write_private, replace_private])
@pytest.mark.parametrize("umask", [0, 0o022])
def test_a_new_file_is_private_and_an_old_one_keeps_its_mode(
    tmp_path: Path, write: Callable[[Path, bytes], None], umask: int
) -> None:
    """However it is written. Where others can read an old one, the log says so."""
    os.umask(umask)
    path = tmp_path / "a"
    with capture_logs() as logs:
        write(path, b"one")
        assert mode(path) == 0o600
        write(path, b"two")
    assert logs == []
    path.chmod(0o640)
    with capture_logs() as logs:
        write(path, b"three")
    assert mode(path) == 0o640
    assert [(entry["event"], entry["mode"]) for entry in logs] == [("readable_by_others", "0640")]
    assert path.read_bytes().endswith(b"three")
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    """`create_folder` is for folders of the user's; only a home is closed."""
    folder = tmp_path / "answers"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    create_folder(folder / "documents")
    assert (mode(folder), mode(folder / "documents")) == (0o755, 0o700)


def test_nothing_writes_a_file_on_its_own() -> None:
    """Each file that the package writes is opened by `minions.store.private`, but for one that was made there."""
    package = Path(private.__file__).parents[1]
    found = []
    for module in sorted(package.rglob("*.py")):
        name = module.relative_to(package).as_posix()
        if name in {"store/private.py", "corpus/opening.py"}:  # the latter opens to read
            continue
        for call in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(call, ast.Call) and _writes(call):
                found.append(f"{name}: {ast.unparse(call)}")
    assert found == [
        "cli/main.py: os.open(os.devnull, os.O_WRONLY)",
        "weights/downloads.py: partial.open('r+b')",
    ]


def _writes(call: ast.Call) -> bool:
    """True for a call that makes a folder, or opens a file for writing."""
    name = ast.unparse(call.func)
    if name == "os.open":
        return "O_RDONLY" not in ast.unparse(call)
    if name.endswith((".write_text", ".write_bytes", ".mkdir", ".touch", ".makedirs")):
        return True
    if name != "open" and not name.endswith(".open"):
        return False
    given = [*call.args, *[keyword.value for keyword in call.keywords]]
    modes = [each.value for each in given if isinstance(each, ast.Constant)]
    return any(
        isinstance(each, str) and set(each) & set("wax+") and len(each) < 4 for each in modes
    )
