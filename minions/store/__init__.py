"""The one SQLite database of a home: schema, migrations, runs, ledger, egress."""
