"""A real model, found as users' models are: in MINIONS_HOME, in this checkout's own home, or in installed packages.

``MINIONS_REAL_MODEL`` names the model, and makes its absence a failure; without it the tests are skipped where the
weights are not.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from minions.errors import ModelNotFoundError
from minions.weights import catalogue, resolving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from minions.models.llamacpp import LlamaCppModel

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "examples" / "documents" / "skerrow-annual-report-2023.md"
# Read before a test's environment is stripped.
_WANTED = os.environ.get("MINIONS_REAL_MODEL")
_HOMES = [Path(home) for home in (os.environ.get("MINIONS_HOME"), ROOT / ".make" / "home") if home]


@pytest.fixture(scope="session")
def model_name() -> str:
    """The model these tests run with."""
    return _WANTED or catalogue.MODELS[0].name


@pytest.fixture(scope="session")
def model_home(model_name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose cache holds the model, verified."""
    reason = "the embedded extra is not installed"
    if find_spec("xllamacpp") is not None:
        for home in (*_HOMES, tmp_path_factory.mktemp("weights")):
            try:
                resolving.resolve(model_name, home=home)
            except ModelNotFoundError as error:
                reason = f"{error.message}: {error.hint}"
            else:
                return home
    if _WANTED:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedded(model_name: str, model_home: Path) -> AsyncIterator[LlamaCppModel]:
    """The loaded model, one slot of 2,048 tokens, shared by a module's tests."""
    from minions.models.llamacpp import open_llamacpp
    from minions.network.reference import ModelRef

    model = await open_llamacpp(
        ModelRef.parse(f"llamacpp:{model_name}"), home=model_home, context_tokens=2048
    )
    yield model
    await model.aclose()


@pytest.fixture(scope="session")
def sections() -> dict[str, str]:
    """The sections of the example report, by heading."""
    parts = re.split(r"^#{2,3} (.+)$", REPORT.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))
