"""Discovery of the files that a run reads."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from minions.corpus.discover import Discovery, discover
from minions.errors import CorpusError


def grow(root: Path, *names: str) -> None:
    """Make files that hold their own name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def names(found: Discovery, root: Path) -> list[str]:
    """The paths found, relative to the folder."""
    return [Path(file.path).relative_to(root).as_posix() for file in found.files]


def test_a_folder_is_walked_in_the_same_order_every_time(tmp_path: Path) -> None:
    """Files come sorted by name, folder by folder, whatever the file system's order."""
    grow(tmp_path, "b.txt", "a/z.txt", "a/c/d.txt", "c.txt")
    assert names(discover([tmp_path]), tmp_path) == ["a/c/d.txt", "a/z.txt", "b.txt", "c.txt"]


def test_files_keep_the_order_in_which_they_were_named(tmp_path: Path) -> None:
    """The user's order is the order; a string is as good as a Path."""
    grow(tmp_path, "a.txt", "b.txt")
    assert names(discover([str(tmp_path / "b.txt"), tmp_path]), tmp_path) == ["b.txt", "a.txt"]


def test_a_found_file_tells_what_an_index_compares(tmp_path: Path) -> None:
    """Size in bytes and time of change in nanoseconds are the file system's own."""
    grow(tmp_path, "a.txt")
    os.utime(tmp_path / "a.txt", ns=(5, 1_700_000_000_123_456_789))
    (file,) = discover([tmp_path]).files
    assert (file.size, file.mtime_ns) == (5, (tmp_path / "a.txt").stat().st_mtime_ns)


def test_hidden_files_and_tool_folders_are_passed_by(tmp_path: Path) -> None:
    """A project folder yields its documents, not its version control, environment or dependencies; they are counted."""
    grow(
        tmp_path,
        "a.txt",
        ".env",
        ".git/config",
        ".venv/x.py",
        "node_modules/m/readme.md",
        "__pycache__/a.pyc",
    )
    found = discover([tmp_path])
    assert names(found, tmp_path) == ["a.txt"]
    assert found.skipped_hidden == 5


@pytest.mark.parametrize("name", [".notes/a.txt", ".secret.txt", "node_modules/a.txt"])
def test_what_is_named_is_read_even_if_hidden(tmp_path: Path, name: str) -> None:
    """Naming a hidden file, or a hidden folder, is asking for it."""
    grow(tmp_path, name)
    named = tmp_path / (name.split("/", maxsplit=1)[0])
    assert names(discover([named]), tmp_path) == [name]


def test_a_missing_path_is_a_usage_error_that_suggests_the_near_name(tmp_path: Path) -> None:
    """A typing slip is answered with the name that was meant."""
    grow(tmp_path, "reports/a.txt")
    with pytest.raises(CorpusError, match=r"no such path: .*report$") as caught:
        discover([tmp_path / "report"])
    assert caught.value.hint == f"did you mean {tmp_path / 'reports'}?"


def test_a_slip_in_the_middle_of_a_path_is_found_where_it_is(tmp_path: Path) -> None:
    """The suggestion is about the folder that does not exist, not about the file below it."""
    grow(tmp_path, "reports/a.txt")
    with pytest.raises(CorpusError) as caught:
        discover([tmp_path / "reprots" / "a.txt"])
    assert caught.value.hint == f"did you mean {tmp_path / 'reports'}?"


def test_an_unlike_name_is_told_where_it_was_looked_for(tmp_path: Path) -> None:
    """Without a similar name, the hint names the folder."""
    with pytest.raises(CorpusError) as caught:
        discover([tmp_path / "zzz"])
    assert str(tmp_path) in (caught.value.hint or "")


def test_an_empty_path_is_not_the_current_folder() -> None:
    """An empty shell variable does not quietly ask about everything here."""
    with pytest.raises(CorpusError, match="empty"):
        discover([""])


def test_an_empty_folder_is_no_error_here(tmp_path: Path) -> None:
    """An empty folder gives an empty list: the caller decides if that is an error."""
    assert discover([tmp_path]) == Discovery(())


def test_a_symlink_loop_ends(tmp_path: Path) -> None:
    """A folder that holds a link to its parent is walked once."""
    grow(tmp_path, "a/b/c.txt")
    (tmp_path / "a/b/up").symlink_to(tmp_path, target_is_directory=True)
    assert names(discover([tmp_path]), tmp_path) == ["a/b/c.txt"]


def test_one_real_file_is_listed_once(tmp_path: Path) -> None:
    """A file named twice, linked to, and in a named folder is one file."""
    grow(tmp_path, "a.txt")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.txt")
    assert len(discover([tmp_path / "a.txt", tmp_path / "a.txt", tmp_path]).files) == 1


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """The maker of a folder cannot have a user's other files read with it: such links are listed, with a reason."""
    grow(tmp_path, "elsewhere/x.txt", "docs/y.txt", "docs-2/z.txt")
    for name, target in (
        ("more", "elsewhere"),
        ("file", "elsewhere/x.txt"),
        ("near", "docs-2"),
        ("gone", "nowhere"),
    ):
        (tmp_path / "docs" / name).symlink_to(tmp_path / target)
    found = discover([tmp_path / "docs"])
    assert names(found, tmp_path) == ["docs/y.txt"]
    assert {Path(item.path).name for item in found.unreadable} == {"more", "file", "near", "gone"}
    assert (
        found.unreadable[0].reason
        == f"a link that leads out of {tmp_path / 'docs'}: name its target to read it"
    )


def test_a_link_is_followed_where_the_user_named_its_target(tmp_path: Path) -> None:
    """A link within the folder, to another path of the same command, or itself named, is read as what it leads to."""
    grow(tmp_path, "elsewhere/x.txt", "docs/sub/y.txt")
    (tmp_path / "docs/again").symlink_to(tmp_path / "docs/sub", target_is_directory=True)
    (tmp_path / "docs/more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    both = discover([tmp_path / "docs", tmp_path / "elsewhere"])
    assert (names(both, tmp_path), both.unreadable) == (["docs/again/y.txt", "docs/more/x.txt"], ())
    assert names(discover([tmp_path / "link"]), tmp_path) == ["link/x.txt"]


def test_what_cannot_be_listed_is_listed_as_unreadable(tmp_path: Path) -> None:
    """A broken link, a link to itself, a pipe and a socket are named with their reason, and the rest is found."""
    grow(tmp_path, "fine.txt")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        found = discover([tmp_path])
    assert names(found, tmp_path) == ["fine.txt"]
    assert {Path(item.path).name: item.reason for item in found.unreadable} == {
        "broken": "broken symbolic link",
        "self": "symbolic link that leads to itself",
        "pipe": "a pipe, not a file",
        "socket": "a socket, not a file",
    }


def test_a_folder_without_permission_does_not_stop_the_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed folder is listed as unreadable, and its neighbours are found."""
    grow(tmp_path, "closed/a.txt", "open/b.txt")
    if os.geteuid() == 0:  # root may open anything
        opened = os.open

        def refused(path: str, flags: int) -> int:
            if str(path).endswith("closed"):
                raise PermissionError(13, "Permission denied", path)
            return opened(path, flags)

        monkeypatch.setattr(os, "open", refused)
    else:
        (tmp_path / "closed").chmod(0)
    found = discover([tmp_path])
    assert names(found, tmp_path) == ["open/b.txt"]
    assert [item.reason for item in found.unreadable] == ["permission denied"]


def test_a_file_name_that_is_no_text_is_unreadable(tmp_path: Path) -> None:
    """A name in a broken encoding is shown with its odd bytes, and does not break the run."""
    odd = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    try:
        Path(os.fsdecode(odd)).write_text("x")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such name")
    (item,) = discover([tmp_path]).unreadable
    assert "rename" in item.reason
    assert item.path.encode().endswith(b"e9.txt")
