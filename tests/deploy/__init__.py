"""The files of examples/deploy, run as they are, but for addresses and paths."""
