"""Where references lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minions.network.reference import ModelRef
from minions.settings import Settings

if TYPE_CHECKING:
    import pytest


def hosts(*references: str, **settings: Any) -> set[str]:
    """The hosts of models."""
    return Settings.load(settings).endpoints().hosts_of(map(ModelRef.parse, references))


def test_each_endpoint_has_a_host() -> None:
    """Of a worker all; where a reference names none, the settings' or the provider's own."""
    several = (
        "openai:w@http://127.0.0.1:1/v1,http://me:secret@192.0.2.1:8080/v1,http://[2001:db8::1]/v1"
    )
    assert hosts(several) == {"127.0.0.1", "192.0.2.1", "2001:db8::1"}
    assert hosts("openai:p", "ollama:w") == {"api.openai.com", "127.0.0.1"}
    assert hosts("openai:p", openai_base_url="https://gateway.example/v1") == {"gateway.example"}
    assert hosts("llamacpp:w") == {"127.0.0.1"}


def test_proxies_count_for_what_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment puts them before a cloud; before this machine they do not stand."""
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")
    monkeypatch.setenv("ALL_PROXY", "other.example:1080")
    monkeypatch.setenv("FTP_PROXY", "http://ftp.example")
    assert hosts("openai:p") == {"api.openai.com", "proxy.example", "other.example"}
    assert hosts("ollama:w", "openai:w@http://localhost:1/v1") == {"127.0.0.1", "localhost"}
