"""What may answer a request, or a part of the work on it, before the pipeline does.

Each is one class with a switch. A shortcut gives what the general road would give, to the byte, or None: then nothing
has happened, no code of the user's has run, and the general road does the work. Only what stands above may import it,
and it knows nothing of the order in which the pipeline works.
"""
