"""The command line: a thin layer over `minions.api`."""
