"""The settings file of a folder: anyone may have made it, so it keeps more on the device and never less."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import chdir
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minions import Minions
from minions.errors import ConfigError
from minions.folder_settings import ORDER
from minions.privacy import outgoing
from minions.settings import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and a configuration folder of the user's own beside it."""
    (tmp_path / "theirs").mkdir()
    monkeypatch.chdir(tmp_path / "theirs")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(
        "platformdirs.user_config_path", lambda name, **_: tmp_path / "config" / name
    )
    monkeypatch.delenv("MINIONS_FETCH_WEIGHTS")
    return tmp_path / "theirs"


def _user(folder: Path, text: str) -> None:
    own = folder.parent / "config" / "minions"
    own.mkdir(parents=True)
    (own / "minions.toml").write_text(text, "utf-8")


def _folder(folder: Path, text: str) -> None:
    (folder / "minions.toml").write_text(text, "utf-8")


@pytest.mark.parametrize(
    "line",
    [
        'policy = "open"',
        "redact = false",
        "redact_people = false",
        "allow_remote_workers = true",
        "max_egress = 1000000",
        # A model and its server get the question, the documents or the key, on this machine too.
        'planner = "openai:gpt-5.4"',
        'planner = "local"',
        'planner = "openai:x@https://evil.example/v1"',
        'planner = "openai:x@http://127.0.0.1:9/v1"',
        'planner = "scripted:replies.json"',
        'worker = " scripted:replies.json"',
        'worker = "llamacpp:./model.gguf"',
        'worker = " llamacpp:/file.gguf"',
        'worker = "\\tllamacpp:/file.gguf"',
        'worker = "LLAMACPP:/file.gguf"',
        'worker = "openai:x@http://127.0.0.1:9/v1"',
        'worker = "ollama:x@http://127.0.0.1:11434,http://evil.example"',
        'openai_base_url = "http://127.0.0.1:9/v1"',
        'openai_base_url = "https://evil.example/v1"',
        'OPENAI_BASE_URL = "http://127.0.0.1:9/v1"',
        'Openai_Base_Url = "http://127.0.0.1:9/v1"',
        '" openai_base_url" = "http://127.0.0.1:9/v1"',
        'ollama_host = "localhost"',
        'openai_api_key = "sk-theirs"',
        'home = "."',
        'protocol = "minions"',
        'protocol = "remote"',
        # A limit that counts nothing is none.
        'prices = ["openai:gpt-5.4=0/0"]',
        'redact_patterns = ["(a+)+$"]',
        # How documents are cut and read has no direction that always sends less.
        "low_confidence = 0.1",
        "chunk_tokens = 100",
        "context_tokens = 1000",
        "whole_documents = false",
        'evidence = "quote"',
        "min_relevance = 0.9",
        'reasoning = "draft"',
        "second_look = true",
        "enough = 1",
        "enough_confidence = 0.9",
        "cache = false",
        "max_rounds = 3",
        "max_tasks = 7",
        "max_jobs = 401",
        "chunks_per_task = 9",
        "digest_tokens = 901",
        "near_misses = 3",
        "max_turns = 5",
        "planner_output_tokens = 2001",
        "attempts = 5",
        "patience_s = 1",
        "connect_timeout_s = 11",
        "first_token_timeout_s = 601",
        "call_timeout_s = 901.5",
        # Types: text is no number, and neither is true.
        'max_egress = "100"',
        'max_cost = "0.10"',
        'max_rounds = " 1"',
        "max_rounds = true",
        "redact = 1",
        'redact = "true"',
        'redact_words = "Heron"',
        "redact_words = [1]",
    ],
)
def test_a_folder_lets_nothing_more_leave(
    folder: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused by name, with the line that says that the folder is one's own."""
    if line.startswith("home"):
        monkeypatch.delenv("MINIONS_HOME")  # a user's own choice wins, and nothing is refused
        monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: folder.parent / "home")
    _folder(folder, f"max_rounds = 1\n{line}\n" if "max_rounds" not in line else line)
    with pytest.raises(ConfigError, match="may not set") as refused:
        Settings.load()
    name = line.partition(" =")[0].strip('" ')
    assert name in refused.value.message
    assert "minions trust" in (refused.value.hint or "")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ('planner = "local"', 'planner = "openai:gpt-5.4"'),
        ('protocol = "local"', 'protocol = "minions"'),
        ('policy = "open"', 'protocol = "remote"'),
        ('policy = "strict"', 'policy = "findings"'),
        ('max_cost = "1"', 'prices = ["openai:gpt-5.4=0/0"]'),
        ('max_cost = "1"', "max_cost = 5"),
        ('max_cost = "1"', "max_cost = 1.0000001"),
        ("max_cloud_tokens = 10", "max_cloud_tokens = 11"),
        ("max_egress = 0", "max_egress = 100"),
        ("max_rounds = 1", "max_rounds = 2"),
        ("max_tasks = 1", "max_tasks = 2"),
        ("digest_tokens = 100", "digest_tokens = 900"),
        ("near_misses = 0", "near_misses = 2"),
        ("timeout_s = 5", "timeout_s = 6"),
        ("concurrency = 2", "concurrency = 3"),
        ("rate_per_s = 2", "rate_per_s = 2.5"),
        ("local_only = true", "local_only = false"),
        ("retain_text = false", "retain_text = true"),
        ("fetch_weights = false", "fetch_weights = true"),
    ],
)
def test_a_folder_widens_nothing_of_the_users_own(folder: Path, own: str, theirs: str) -> None:
    """Each value is compared with the one that holds without the folder's file."""
    _user(folder, own)
    _folder(folder, theirs)
    with pytest.raises(ConfigError, match="may not set"):
        Settings.load()


@pytest.mark.parametrize(
    "line",
    [
        'policy = "strict"',
        'policy = "findings"',
        "redact = true",
        "redact_people = true",
        "retain_text = false",
        "local_only = true",
        "allow_remote_workers = false",
        "max_egress = 0",
        'redact_words = ["Project Heron"]',
        "max_cost = 0.10",
        "max_cloud_tokens = 1000",
        "max_rounds = 1",
        "attempts = 2",
        "timeout_s = 10",
    ],
)
def test_a_folder_may_keep_more_here(folder: Path, line: str) -> None:
    """A project's own file with tighter settings works as it is."""
    _folder(folder, line)
    name = line.partition(" =")[0]
    assert name in Settings.load().model_fields_set


def test_a_folders_words_are_added_to_the_users_own(folder: Path) -> None:
    """Neither list takes the place of the other."""
    _user(folder, 'redact_words = ["Project Heron"]')
    _folder(folder, 'redact_words = ["Tern"]')
    assert Settings.load().redact_words == ("Project Heron", "Tern")


def test_the_policy_strict_of_a_folder_lifts_no_limit(folder: Path) -> None:
    """Policy findings has a limit in bytes by default, and policy strict has none."""
    _folder(folder, 'policy = "strict"')
    assert Settings.load().max_egress == outgoing.FEWEST_BYTES
    assert Settings.load({"max_egress": 20_000}).max_egress == 20_000


def test_a_setting_that_the_user_gives_is_the_users(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag or a variable decides by itself: the folder's value is neither used nor refused."""
    _folder(folder, 'planner = "openai:x@http://127.0.0.1:9/v1"\nmax_rounds = 9\n')
    monkeypatch.setenv("MINIONS_MAX_ROUNDS", "3")
    chosen = Settings.load({"planner": "local"})
    assert (chosen.planner, chosen.max_rounds) == ("local", 3)


def test_a_key_in_the_environment_is_not_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two spellings of one setting: the folder's does not win over the user's."""
    _folder(folder, 'openai_base_url = "http://127.0.0.1:9/v1"\nopenai_api_key = "theirs"\n')
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "own")
    endpoints = Settings.load().endpoints()
    assert (endpoints.openai_url, endpoints.openai_key) == ("http://127.0.0.1:1/v1", "own")


def test_the_users_own_file_may_say_everything(folder: Path) -> None:
    """A file in the user's configuration folder belongs to the user, also where it is the folder's."""
    text = 'policy = "open"\nredact = false\nhome = "/tmp/x"\n'
    _user(folder, text)
    _folder(folder, "max_rounds = 1")
    chosen = Settings.load()
    assert (chosen.policy, chosen.redact, chosen.max_rounds) == ("open", False, 1)
    with chdir(folder.parent / "config" / "minions"):
        assert Settings.load().policy == "open"


def test_the_bound_of_a_folder_is_the_least_of_any_run(folder: Path) -> None:
    """A folder's max_egress lowers every run's limit or leaves it; both modules mean the same number."""
    _folder(folder, f"max_egress = {outgoing.FEWEST_BYTES}")
    assert Settings.load().max_egress == outgoing.FEWEST_BYTES
    _folder(folder, f"max_egress = {outgoing.FEWEST_BYTES + 1}")
    with pytest.raises(ConfigError):
        Settings.load()


@pytest.mark.parametrize(
    "text",
    [
        "planner = " + "[" * 5000,
        "a = " + "{a = " * 1500,
        "a." * 4000 + "a = 1",
        "a." * 400_000 + "a = 1",
        "a = 1\n" * 2_000_000,
        "=",
        "\x00",
    ],
)
def test_a_broken_file_ends_in_words_and_soon(folder: Path, text: str) -> None:
    """No TOML, nested without end, or longer than such a file is."""
    _folder(folder, text)
    start = time.monotonic()
    with pytest.raises(ConfigError, match=r"minions\.toml|no setting is called"):
        Settings.load()
    assert time.monotonic() - start < 5


def test_a_working_directory_that_is_gone_has_no_file(folder: Path) -> None:
    """As ever: the paths of documents may be absolute."""
    folder.rmdir()
    assert Settings.load().policy == "findings"


def test_a_name_that_no_setting_has_is_answered_as_ever(folder: Path) -> None:
    """With the nearest name."""
    _folder(folder, "max_taks = 3")
    with pytest.raises(ConfigError, match="did you mean 'max_tasks'"):
        Settings.load()


_LOOSE = 'planner = "openai:x@http://127.0.0.1:9/v1"\npolicy = "open"\n'


def test_a_trusted_file_may_set_everything_until_it_changes(folder: Path) -> None:
    """Trust is for one place and one content; it is said by the user, in a folder or for it."""
    _folder(folder, _LOOSE)
    assert Minions.trust().unchanged
    assert Settings.load().policy == "open"
    assert Settings.load({"policy": "strict"}).policy == "strict"
    _folder(folder, f"{_LOOSE}max_rounds = 9\n")
    assert [file.unchanged for file in Minions.trusted()] == [False]
    with pytest.raises(ConfigError, match="may not set planner"):
        Settings.load()
    Minions.trust(folder / "minions.toml")
    assert Settings.load().max_rounds == 9
    assert Minions.distrust(folder)
    assert not Minions.distrust(folder)
    assert Minions.trusted() == []
    with pytest.raises(ConfigError, match="may not set planner"):
        Settings.load()


def test_trust_does_not_move_to_another_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same content elsewhere is not trusted, and neither is a link to the trusted file."""
    _folder(folder, _LOOSE)
    Minions.trust()
    other = folder.parent / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    _folder(other, _LOOSE)
    with pytest.raises(ConfigError, match="may not set planner"):
        Settings.load()
    (other / "minions.toml").unlink()
    (other / "minions.toml").symlink_to(folder / "minions.toml")
    with pytest.raises(ConfigError, match="may not set planner"):
        Settings.load()


def test_a_link_to_a_trusted_folder_is_that_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way one goes there."""
    _folder(folder, _LOOSE)
    Minions.trust()
    (folder.parent / "way").symlink_to(folder)
    monkeypatch.chdir(folder.parent / "way")
    assert Settings.load().policy == "open"


@pytest.mark.parametrize("home", ["state", "{folder}/state", "../elsewhere"])
def test_a_folder_cannot_trust_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """A record in a home that may have come with the folder counts for nothing, and none is made there."""
    _folder(folder, _LOOSE)
    Minions.trust()
    record = (folder.parent / "home" / "trusted.json").read_text("utf-8")
    place = Path(home.format(folder=folder))
    place.mkdir()
    (place / "trusted.json").write_text(record, "utf-8")
    monkeypatch.setenv("MINIONS_HOME", str(place))
    with pytest.raises(ConfigError, match="may not set planner"):
        Settings.load()
    with pytest.raises(ConfigError, match="home"):
        Minions.trust()


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"a": 1}', "\ud800"])
def test_a_broken_record_trusts_nothing(folder: Path, text: str) -> None:
    """Torn, of another shape, or nested without end; trusting again writes it anew, for its owner only."""
    _folder(folder, _LOOSE)
    record = folder.parent / "home" / "trusted.json"
    record.parent.mkdir()
    record.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError, match="may not set planner"):
        Settings.load()
    Minions.trust()
    assert Settings.load().policy == "open"
    assert record.stat().st_mode & 0o777 == 0o600


def test_there_must_be_a_file_to_trust(folder: Path) -> None:
    """A folder without one, or none at all."""
    for path in (folder, folder / "minions.toml", folder / "absent"):
        with pytest.raises(ConfigError, match="there is no"):
            Minions.trust(path)


def test_every_setting_has_its_order() -> None:
    """A new setting does not land before somebody decides what a stranger's folder may do with it."""
    assert set(ORDER) == set(Settings.model_fields)


# What a folder's file may set, written a second time and in another way, on purpose: for each
# setting, a number that is larger the more it lets out.
_MUCH = 10.0**12
_POLICY = {"strict": 0, "findings": 1, "open": 2}
_SAFE_OFF = ("allow_remote_workers", "fetch_weights", "retain_text")
_SAFE_ON = ("local_only", "redact", "redact_people")
_LIMITS = """
max_egress max_rounds max_tasks max_jobs chunks_per_task samples digest_tokens near_misses rag_chunks max_turns
timeout_s max_cost max_cloud_tokens planner_output_tokens concurrency rate_per_s attempts patience_s
connect_timeout_s first_token_timeout_s call_timeout_s threads window
""".split()  # noqa: SIM905 - a list to review by eye


def _lets_out(name: str, chosen: Settings) -> float:
    """How much a setting lets out; one without a direction is compared by equality elsewhere."""
    value = getattr(chosen, name)
    if name == "policy":
        return _POLICY[value]
    if name in _SAFE_OFF:
        return float(value)
    if name in _SAFE_ON:
        return 1 - float(bool(value))
    if value is not None:
        return float(value)
    # None under policy findings is a limit, of at least as much as the fewest bytes.
    finite = name == "max_egress" and chosen.policy == "findings"
    return float(outgoing.FEWEST_BYTES) if finite else _MUCH


def _toml(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


_VALUES = (
    st.booleans()
    | st.integers(-1, 20)
    | st.integers()
    | st.floats()
    | st.sampled_from(["strict", "findings", "open", "local", "remote", "minions", "lines", "none"])
    | st.sampled_from([" local", "llamacpp:/x.gguf", "scripted:x", "http://127.0.0.1:1", ""])
    | st.lists(st.sampled_from(["Heron", "a=0/0", "(a+)+$"]), max_size=2)
    | st.text(max_size=5)
)
# What a project's own file may well say: values that a user may have, too, tighter or looser.
_LISTED: dict[str, st.SearchStrategy[Any]] = {
    "policy": st.sampled_from(["strict", "findings", "open"]),
    "redact": st.booleans(),
    "redact_people": st.booleans(),
    "retain_text": st.booleans(),
    "local_only": st.booleans(),
    "redact_words": st.lists(st.sampled_from(["Heron", "Tern"]), max_size=2),
    "max_egress": st.integers(0, 20_000),
    "max_cost": st.integers(0, 10),
    "max_rounds": st.integers(1, 10),
    "concurrency": st.integers(1, 10),
    "timeout_s": st.integers(1, 10) | st.floats(0.1, 10),
}
_FILES = st.dictionaries(st.sampled_from(sorted(ORDER)), _VALUES, max_size=4)
_FILES |= st.sampled_from(sorted(_LISTED)).flatmap(
    lambda name: st.fixed_dictionaries({name: _LISTED[name]})
)
_OWN = st.fixed_dictionaries(
    {},
    optional={
        **_LISTED,
        "protocol": st.sampled_from(["local", "minions", "rag"]),
        "planner": st.sampled_from(["local", "openai:gpt-5.4"]),
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_OWN, _FILES, st.fixed_dictionaries({}, optional={"max_rounds": st.integers(1, 10)}))
def test_whatever_a_folder_says_no_more_leaves(
    own: dict[str, Any], theirs: dict[str, Any], flags: dict[str, Any]
) -> None:
    """The settings that result keep at least as much as the user's own, one by one; or none result."""
    with (
        tempfile.TemporaryDirectory() as place,
        patch("platformdirs.user_config_path", lambda *_, **__: Path(place, "config")),
        patch.dict(os.environ),
    ):
        os.environ.pop("MINIONS_FETCH_WEIGHTS", None)
        for name, values in (("config", own), ("theirs", theirs)):
            Path(place, name).mkdir()
            lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
            Path(place, name, "minions.toml").write_text("\n".join(lines), "utf-8")
        without = Settings.load(flags)
        with chdir(Path(place, "theirs")):
            try:
                chosen = Settings.load(flags)
            except ConfigError:
                return
    directed = {"policy", *_SAFE_OFF, *_SAFE_ON, *_LIMITS}
    for name in directed:
        assert _lets_out(name, chosen) <= _lets_out(name, without), name
    assert set(chosen.redact_words) >= set(without.redact_words)
    for name in set(Settings.model_fields) - directed - {"redact_words"}:
        assert getattr(chosen, name) == getattr(without, name), name
