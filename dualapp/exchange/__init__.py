"""One request as a server gave it: an environ or a scope, and the body that arrives with it.

The entries make exchanges; wrappers, shortcuts and the pipeline read them. It knows the words of WSGI and of ASGI and
the translation between them, and nothing of what answers a request: no view, no app, no response.
"""
