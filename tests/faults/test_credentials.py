"""A server may say in its words what it was told: no error repeats a key or a password, in whatever form it comes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import pytest

from minions.errors import ConfigError, MinionsError
from minions.models.ollama import OllamaModel
from minions.models.openai import OpenAIModel
from minions.network.credentials import credentials_of, without, without_login
from minions.network.reference import ModelRef
from minions.testing import Fault, LoopbackServer, faults
from minions.values.chat import ChatRequest, Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.ports import ChatModel

KEY: Final = "canary-5Fz81qLw9TtR"  # not one that looks like a key
PASSWORD: Final = "p4ss/canary Xy77Qm"
QUOTED: Final = "p4ss%2Fcanary%20Xy77Qm"
BASIC: Final = base64.b64encode(f"someone:{PASSWORD}".encode()).decode()
SECRETS: Final = (KEY, PASSWORD, QUOTED, BASIC)
SAID: Final = f"what is {KEY}, {PASSWORD}, {QUOTED}, Basic {BASIC}?"
ESCAPED: Final = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
FAULTS: Final = {
    "wrong key": faults.wrong_key(SAID),
    "refused": faults.refused(SAID),
    "a parameter": faults.refused(f"Unsupported parameter: 'temperature' with {SAID}"),
    "no such model": Fault(status=404, message=SAID, code="model_not_found"),
    "out of quota": Fault(status=429, message=SAID, code="insufficient_quota"),
    "fails": Fault(status=500, message=SAID, code=KEY),
    "passed on": Fault(status=502, message=f"Error code: 401 - {SAID}"),
    "bare": Fault(status=400, body=SAID.encode()),
    "escaped": Fault(status=400, body=f'{{"error": {{"message": "{ESCAPED}"}}}}'.encode()),
    "moved": faults.moved(f"http://x:{KEY}@127.0.0.1:9/x?key={QUOTED}"),
    "no JSON": Fault(body=f"<{SAID}".encode()),
    "another JSON": Fault(body=f'{{"choices": "{KEY}", "message": "{KEY}"}}'.encode()),
    "cut off": faults.cut_off(),
    "reset": faults.reset(),
}


@pytest.fixture(params=["openai", "ollama"])
def model(
    request: pytest.FixtureRequest, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> ChatModel:
    """A model of either stack, with a key, and a password in its URL."""
    monkeypatch.setenv("OLLAMA_API_KEY", KEY)
    url = server.url.replace("://", f"://someone:{QUOTED}@")
    if request.param == "ollama":
        return OllamaModel(ModelRef.parse("ollama:m"), host=url)
    return OpenAIModel(ModelRef.parse("openai:m"), base_url=f"{url}/v1", api_key=KEY)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """Where the model is."""
    with LoopbackServer(default="x") as running:
        yield running


def told(error: BaseException | None) -> str:
    """All that an error says, and what it carries along."""
    if error is None:
        return ""
    hint = getattr(error, "hint", None)
    inside = "" if error.__suppress_context__ else told(error.__context__)
    return f"{error!r} {error} {hint} {vars(error)} {told(error.__cause__)} {inside}"


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_error_repeats_a_credential(
    model: ChatModel, server: LoopbackServer, fault: str
) -> None:
    """Whatever the server answers; its other words are told."""
    server.fail_next(FAULTS[fault])
    with pytest.raises(MinionsError) as caught:
        await model.complete(
            ChatRequest(messages=(Message(role="user", content="q"),), max_output_tokens=9)
        )
    await model.aclose()
    assert len(server.requests) == 1
    said = told(caught.value)
    assert not [secret for secret in (*SECRETS, ESCAPED) if secret in said], said
    assert (
        fault not in {"wrong key", "refused", "no such model", "fails", "bare"}
        or "what is ***" in said
    )


@pytest.mark.parametrize(
    "typed",
    [
        f"openai:p@ftp://user:{KEY}@host/v1",
        f"openai:p@user:{KEY}@host:80/v1",
        f"openai:p@http://user:{KEY}@host:port/v1",
        f"openai:p@http://user:a/{KEY}@host:port/v1",
        f"openai:p@http://user:a@{KEY}@host:port/v1",
        f"openai:p@http://user:{KEY}@host/v1,",
        f"openai:p@http://user:{KEY}@host/v1,http://user:{KEY}@host/v1",
        f"http://user:{KEY}@host/v1",
    ],
)
def test_a_misspelt_reference_is_told_without_its_login(typed: str) -> None:
    """The message shows what was typed, but for the user and the password."""
    with pytest.raises(ConfigError) as caught:
        ModelRef.parse(typed)
    assert KEY not in told(caught.value)


def test_a_base_url_that_is_none_is_told_without_its_login() -> None:
    """OPENAI_BASE_URL without its scheme, say."""
    with pytest.raises(ConfigError) as caught:
        OpenAIModel(ModelRef.parse("openai:m"), base_url=f"//user:{KEY}@host/v1", api_key="")
    assert KEY not in told(caught.value)


def test_words_that_are_no_credentials_stay() -> None:
    """Placeholders for keys, and URLs without logins, are told as they are."""
    assert credentials_of("http://127.0.0.1:80/v1", "none", None, "") == ()
    assert without("none of it", credentials_of("http://host", "none")) == "none of it"
    assert without_login("http://host/v1") == "http://host/v1"
    assert credentials_of("http://[::1", KEY) == ()
    assert credentials_of("https://host/v1?api-version=2&sig=0123456789") == ("0123456789",)
