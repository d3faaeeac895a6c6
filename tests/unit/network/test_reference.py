"""References name a model, and say whether it is on this machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import ConfigError
from minions.network.reference import PROVIDERS, ModelRef, is_cloud_tag, is_loopback_url, shown_url


@pytest.mark.parametrize(
    ("text", "provider", "model", "endpoints"),
    [
        ("openai:gpt-5.4", "openai", "gpt-5.4", ()),
        ("ollama:llama3.2:3b", "ollama", "llama3.2:3b", ()),
        ("openai:org/name", "openai", "org/name", ()),
        ("openai:m@http://127.0.0.1:8080/v1/", "openai", "m", ("http://127.0.0.1:8080/v1",)),
        ("openai:org/n:tag@https://h.example/v1", "openai", "org/n:tag", ("https://h.example/v1",)),
        (
            "openai:m@http://h1:1/v1,http://h2:2/v1/",
            "openai",
            "m",
            ("http://h1:1/v1", "http://h2:2/v1"),
        ),
        ("ollama:m:3b@http://h1:1, http://h2:2", "ollama", "m:3b", ("http://h1:1", "http://h2:2")),
        ("openai:name@revision", "openai", "name@revision", ()),
        ("llamacpp:/models/a.gguf", "llamacpp", "/models/a.gguf", ()),
        ("scripted:a@b:1/plan.json", "scripted", "a@b:1/plan.json", ()),
        (" openai:gpt-5.4\n", "openai", "gpt-5.4", ()),
    ],
)
def test_a_reference_is_read(
    text: str, provider: str, model: str, endpoints: tuple[str, ...]
) -> None:
    """Names with colons, slashes and endpoints are taken as their providers write them."""
    assert ModelRef.parse(text) == ModelRef.model_validate(
        {"provider": provider, "model": model, "endpoints": endpoints}
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("gpt-5.4", "openai:"),
        ("openai:", "openai:"),
        ("", "openai:"),
        ("opnai:gpt-5.4", "did you mean openai:gpt-5.4"),
        ("llama.cpp:x", "did you mean llamacpp:x"),
        ("llama3.2:3b", "ollama:llama3.2:3b"),
        ("openai:m@127.0.0.1:8080/v1", "@http://127.0.0.1:8080/v1"),
        ("openai:m@localhost", "@http://localhost"),
        ("openai:@http://127.0.0.1:1/v1", "openai:"),
        ("openai:m@http://", "openai:"),
        ("openai:m@http://h:99999/v1", "openai:"),
        ("openai:m@http://h1:1/v1,h2:2/v1", "@http://h2:2/v1"),
        ("openai:m@http://h1:1/v1,", "MODEL@URL,URL"),
        ("openai:m@http://h1:1/v1,,http://h2:2/v1", "MODEL@URL,URL"),
        ("openai:m@http://h1:1/v1,http://h2:99999/v1", "openai:"),
        ("openai:m@http://h1:1/v1,http://h1:1/v1/", "name each endpoint once"),
    ],
)
def test_a_malformed_reference_says_how_to_write_it(text: str, hint: str) -> None:
    """A slip in a reference is answered with the reference that was probably meant."""
    with pytest.raises(ConfigError) as caught:
        ModelRef.parse(text)
    assert hint in str(caught.value.hint)


def test_a_reference_to_several_servers_is_one_to_each() -> None:
    """Each server is named on its own, the first stands for them, and without any the reference stays what it is."""
    ref = ModelRef.parse("openai:m@http://h1:1/v1,http://h2:2/v1")
    assert [each.endpoints for each in ref.each()] == [("http://h1:1/v1",), ("http://h2:2/v1",)]
    assert (ref.endpoint, str(ref)) == ("http://h1:1/v1", "openai:m")
    assert (ModelRef.parse("openai:m").each(), ModelRef.parse("openai:m").endpoint) == (
        (ModelRef.parse("openai:m"),),
        None,
    )


@given(
    st.sampled_from(PROVIDERS),
    st.from_regex(r"[a-z0-9][a-z0-9./:_-]{0,30}[a-z0-9]", fullmatch=True),
)
def test_writing_and_reading_are_inverse(provider: str, model: str) -> None:
    """A model's name in the ledger can be typed as its reference."""
    assert str(ModelRef.parse(f"{provider}:{model}")) == f"{provider}:{model}"


@given(st.text(max_size=60))
def test_reading_raises_nothing_but_its_own_error(text: str) -> None:
    """Whatever is typed, the answer is a reference or a ConfigError with a hint."""
    try:
        shown = ModelRef.parse(text).model
    except ConfigError as error:
        shown = error.hint or ""
    assert shown


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:11434", True),
        ("http://127.0.0.1/v1", True),
        ("http://127.8.9.10:1", True),
        ("http://[::1]:8080/v1", True),
        ("http://[::ffff:127.0.0.1]/", True),
        ("127.0.0.1:11434", True),
        ("HTTP://LOCALHOST", True),
        ("http://0.0.0.0:11434", False),
        ("http://192.168.1.2", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example/", False),
        ("http://127.0.0.1@elsewhere.example/", False),
        ("http://elsewhere.example\\@127.0.0.1/", False),
        ("http://elsewhere.example#@127.0.0.1/", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, local: bool) -> None:
    """A worker's endpoint counts as local only when it cannot be anything else."""
    assert is_loopback_url(url) is local


@pytest.mark.parametrize(
    ("text", "cloud"),
    [
        ("ollama:gpt-oss:120b-cloud", True),
        ("ollama:glm-4.6:cloud", True),
        ("ollama:glm-4.6:CLOUD", True),
        ("ollama:llama3.2:3b", False),
        ("ollama:cloudy:3b", False),
        ("openai:x:cloud", False),
    ],
)
def test_models_in_the_cloud_of_ollama_are_told_apart(text: str, cloud: bool) -> None:
    """A local server may run a model elsewhere; its tag says so."""
    assert is_cloud_tag(ModelRef.parse(text)) is cloud


def test_a_shown_url_has_no_secrets() -> None:
    """Endpoints in logs and ledgers carry no password and no key."""
    assert shown_url("https://me:secret@h.example:1/v1?key=secret#x") == "https://h.example:1/v1"
