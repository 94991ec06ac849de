"""Shortcuts: faster ways to match, answer or sign, which stand in for parts of the pipeline.

Each is a module with a switch. A shortcut returns what the general road would return, to the byte, or None: then it
has run no code of the user's and has had no effect, and the general road does the work. The pipeline, the entries and
the app import this package; it knows nothing of the order in which the pipeline works.
"""
