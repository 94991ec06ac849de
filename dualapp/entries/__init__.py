"""The WSGI and ASGI entries, and what else meets a server or plays one: websockets, debuggers, mounted apps.

An entry makes an exchange, runs the pipeline at its home, and sends the response by its protocol. Only the app, and
what is made of it (adapters, commands), imports this package; the two entries do not import each other. No entry knows
what answers a request: that is for the pipeline to find.
"""
