"""The evidence is among the chunks that are read, over the development sets; skipped where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.measure_recall import INDEX, ranks, reached
from tests.benchmarks.retrieval import MOST, load

if TYPE_CHECKING:
    from tests.benchmarks.retrieval import Bench

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(not DATA.is_dir(), reason="the development sets are not here"),
]


@pytest.fixture(params=[("contracts", 0.95), ("passages", 0.98)], ids=lambda one: one[0])
def wanted(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Bench, float]:
    """A set, and the share of its questions that must be reached."""
    name, share = request.param
    return load(DATA, name, tmp_path), share


def test_the_evidence_is_among_the_first_twenty(wanted: tuple[Bench, float]) -> None:
    """With plans from the questions alone, the index brings up what answers them."""
    bench, share = wanted
    found = sum(reached(ranks(asked, asked.indexed), MOST) for asked in bench.asked)
    assert found >= share * len(bench.asked)


def test_the_formula_is_the_index_s_own(wanted: tuple[Bench, float]) -> None:
    """What is compared in plain Python ranks as the index does, but for equal scores."""
    bench, _ = wanted
    way = INDEX.way()
    differ = [
        asked.id
        for asked in bench.asked
        if ranks(asked, way(bench, asked)) != ranks(asked, asked.indexed)
    ]
    assert len(differ) <= len(bench.asked) // 20
