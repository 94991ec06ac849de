"""The WSGI and ASGI entries, and the watch for clients that disconnect.

An entry makes an exchange, runs the pipeline at its home, and sends the response by its protocol. Only the app imports
this package; the two entries do not import each other.
"""
