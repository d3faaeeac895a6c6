"""The command line: thin over `minions.api`."""
