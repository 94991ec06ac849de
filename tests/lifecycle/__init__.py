"""The host loop, and the life of a process from its start to its end, on every server."""
