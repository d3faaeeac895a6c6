"""The embedded model without weights: sharing, freeing, and refusals before loading."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from minions.errors import ConfigError, ModelError, ModelNotFoundError
from minions.models import llamacpp
from minions.models.llamacpp import open_llamacpp, physical_cores
from minions.network.reference import ModelRef

if TYPE_CHECKING:
    from pathlib import Path

    from minions.weights.catalogue import ModelEntry


class Loaded:
    """Stands for a loaded model; ``count`` says how many there are."""

    listening_address = "http://127.0.0.1:1"
    count = 0

    def __init__(self) -> None:
        type(self).count += 1

    def __del__(self) -> None:
        type(self).count -= 1


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRef:
    """A reference to a file of the user's own, whose loading is only counted."""
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setattr(llamacpp, "_serve", lambda *_: Loaded())
    monkeypatch.setattr(llamacpp, "find_spec", lambda name: name)
    return ModelRef.parse(f"llamacpp:{path}")


async def test_equal_references_share_one_loaded_model(own: ModelRef, home: Path) -> None:
    """Planner and worker on the same model take its memory once, and the last to close frees it."""
    first, second = await open_llamacpp(own, home=home), await open_llamacpp(own, home=home)
    assert Loaded.count == 0
    await first.warm()
    await second.warm()
    assert Loaded.count == 1
    await first.aclose()
    await first.aclose()
    assert Loaded.count == 1
    await second.aclose()
    assert Loaded.count == 0


async def test_other_settings_are_another_model(own: ModelRef, home: Path) -> None:
    """A larger context is not silently given a smaller one's memory."""
    first, second = (
        await open_llamacpp(own, home=home),
        await open_llamacpp(own, home=home, context_tokens=8192),
    )
    await first.warm()
    await second.warm()
    assert Loaded.count == 2
    await first.aclose()
    await second.aclose()


async def test_a_closed_model_says_so(own: ModelRef, home: Path) -> None:
    """Use after closing is an error of the tree, not a crash."""
    model = await open_llamacpp(own, home=home)
    await model.aclose()
    with pytest.raises(ModelError, match="was closed"):
        await model.warm()


async def test_it_is_in_process(own: ModelRef, home: Path) -> None:
    """Ledger and messages say where the model runs."""
    model = await open_llamacpp(own, home=home)
    assert (model.reference, model.endpoint) == (str(own), "in-process")
    await model.aclose()


async def test_without_xllamacpp_the_message_has_the_install_line(
    own: ModelRef, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing extra is named with the words that install it."""
    monkeypatch.setattr(llamacpp, "find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        await open_llamacpp(own, home=home)
    assert caught.value.hint == "pip install 'local-minions[embedded]'"


async def test_more_context_than_the_model_has_is_refused(
    own: ModelRef, entry: ModelEntry, home: Path
) -> None:
    """A context that the model was not trained for is a usage error, before anything is loaded."""
    with pytest.raises(ConfigError, match="32768 tokens at most"):
        await open_llamacpp(
            ModelRef.parse(f"llamacpp:{entry.name}"), home=home, context_tokens=40_000
        )


async def test_missing_weights_are_told_when_opening(
    own: ModelRef, entry: ModelEntry, home: Path
) -> None:
    """Missing weights fail the run before it starts, not in its first job."""
    with pytest.raises(ModelNotFoundError):
        await open_llamacpp(ModelRef.parse(f"llamacpp:{entry.name}"), home=home)


def test_hyperthreads_are_not_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four logical processors on two cores are two threads; there is always at least one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(llamacpp, "_siblings", lambda cpu: f"{cpu % 2},{cpu % 2 + 2}")
    assert physical_cores() == 2
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(), raising=False)
    assert physical_cores() == 1
