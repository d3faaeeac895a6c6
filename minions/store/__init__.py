"""The one SQLite database of a home: schema, migrations, runs, ledger, egress."""

from minions.store.runs import Run, Runs, RunStatus, new_run_id
from minions.store.store import Store

__all__ = ["Run", "RunStatus", "Runs", "Store", "new_run_id"]
