"""One request as the server delivered it: an environ (WSGI) or a scope (ASGI), and its body.

The entries make exchanges; wrappers, shortcuts and the pipeline read them. This package translates between environ and
scope, and knows nothing of what answers a request: no view, no app, no response.
"""
