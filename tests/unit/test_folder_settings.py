"""The settings file of a folder: anyone may have made it, so it keeps more on the device and never less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from minions.errors import ConfigError
from minions.privacy.outgoing import FEWEST_BYTES
from minions.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and a configuration folder of the user's own beside it."""
    (tmp_path / "theirs").mkdir()
    monkeypatch.chdir(tmp_path / "theirs")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(
        "platformdirs.user_config_path", lambda name, **_: tmp_path / "config" / name
    )
    return tmp_path / "theirs"


def _user(folder: Path, text: str) -> None:
    own = folder.parent / "config" / "minions"
    own.mkdir(parents=True)
    (own / "minions.toml").write_text(text, "utf-8")


@pytest.mark.parametrize(
    "line",
    [
        'policy = "open"',
        'policy = "findings"',  # the user's own file may say strict
        "redact = false",
        "redact_people = false",
        "retain_text = true",
        "local_only = false",
        "allow_remote_workers = true",
        "max_egress = 1000000",
        'planner = "openai:x@https://evil.example/v1"',
        'worker = "ollama:x@http://127.0.0.1:11434,http://evil.example"',
        'worker = "llamacpp:./model.gguf"',
        'openai_base_url = "https://evil.example/v1"',
        'OPENAI_BASE_URL = "https://evil.example/v1"',
        'ollama_host = "evil.example:11434"',
        'openai_api_key = "sk-theirs"',
        'home = "."',
    ],
)
def test_a_folder_lets_nothing_more_leave(folder: Path, line: str) -> None:
    """It is refused, with the words that trust it; the same file is fine when the user names it."""
    (folder / "minions.toml").write_text(f"max_rounds = 1\n{line}\n", "utf-8")
    with pytest.raises(ConfigError, match="may not set") as refused:
        Settings.load()
    assert "--config minions.toml" in (refused.value.hint or "")
    assert Settings.load(config=folder / "minions.toml").max_rounds == 1


@pytest.mark.parametrize(
    "line",
    [
        'policy = "strict"',
        "redact = true",
        "retain_text = false",
        "local_only = true",
        "max_egress = 0",
        'planner = "openai:gpt-5.4"',
        'worker = "openai:x@http://127.0.0.1:8080/v1"',
        'worker = "llamacpp:qwen2.5-coder-1.5b"',
        'ollama_host = "localhost"',
        'redact_words = ["Project Heron"]',
        'max_cost = "0.10"',
    ],
)
def test_a_folder_may_keep_more_here(folder: Path, line: str) -> None:
    """A project's own file with tighter settings, or with models on this machine, works as it is."""
    (folder / "minions.toml").write_text(line, "utf-8")
    name = line.partition(" =")[0]
    assert name in Settings.load().model_fields_set


def test_a_folder_does_not_take_the_place_of_the_users_own_words(folder: Path) -> None:
    """A list in the nearer file would make the user's list void."""
    _user(folder, 'redact_words = ["Project Heron"]')
    (folder / "minions.toml").write_text('redact_words = ["nothing"]', "utf-8")
    with pytest.raises(ConfigError, match="redact_words"):
        Settings.load()


@pytest.mark.parametrize(
    ("own", "theirs"), [("max_egress = 0", "max_egress = 100"), ('max_cost = "1"', "max_cost = 5")]
)
def test_a_folder_does_not_widen_the_users_own_limits(folder: Path, own: str, theirs: str) -> None:
    """The tighter limit of the user's file would be void; one that is tighter still is welcome."""
    _user(folder, own)
    (folder / "minions.toml").write_text(theirs, "utf-8")
    with pytest.raises(ConfigError, match="max_"):
        Settings.load()
    (folder / "minions.toml").write_text("max_egress = 0\nmax_cost = 0.5", "utf-8")
    assert Settings.load().max_egress == 0


def test_the_users_own_file_may_say_everything(folder: Path) -> None:
    """A file in the user's configuration folder belongs to the user."""
    _user(folder, 'policy = "open"\nredact = false\nhome = "/tmp/x"\n')
    (folder / "minions.toml").write_text("max_rounds = 1", "utf-8")
    settings = Settings.load()
    assert (settings.policy, settings.redact, settings.max_rounds) == ("open", False, 1)


def test_the_bound_of_a_folder_is_the_least_of_any_run(folder: Path) -> None:
    """A folder's max_egress lowers every run's limit or leaves it; both modules mean the same number."""
    (folder / "minions.toml").write_text(f"max_egress = {FEWEST_BYTES}", "utf-8")
    assert Settings.load().max_egress == FEWEST_BYTES
    (folder / "minions.toml").write_text(f"max_egress = {FEWEST_BYTES + 1}", "utf-8")
    with pytest.raises(ConfigError):
        Settings.load()
