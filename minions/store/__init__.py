"""The SQLite database of a home folder: connection, migrations, runs, batches and deletion."""

from minions.store.runs import Run, Runs, RunStatus, new_run_id
from minions.store.store import Store

__all__ = ["Run", "RunStatus", "Runs", "Store", "new_run_id"]
