"""The command line: one file per command, each a thin face over the public Python API."""
