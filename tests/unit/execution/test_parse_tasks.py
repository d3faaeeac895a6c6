"""Tasks as a planner writes them, with sensitive words in them."""

from __future__ import annotations

import pytest

from minions.execution.parse_tasks import read_tasks
from minions.redaction.detector import detector
from minions.redaction.placeholders import Placeholders, keeping


@pytest.mark.parametrize("before", range(560, 600, 7))
@pytest.mark.parametrize("value", ["Zanzibar Shipping Company", "jane.roe@example.com"])
def test_a_long_task_is_cut_before_a_value_that_stays_here(value: str, before: int) -> None:
    """Half a sensitive value would not be recognised, and would be sent with the task."""
    placeholders = Placeholders(detector())
    placeholders.hold("Zanzibar Shipping Company")
    written = {
        "instruction": f"{'x' * before} {value} y",
        "options": [f"{'z' * (before - 515)} {value}"],
    }
    with keeping(placeholders):
        ((task,), _) = read_tasks([written], 3)
    for text in (task.instruction, *task.options):
        assert value in text or not any(value[:length] in text for length in range(3, len(value)))
