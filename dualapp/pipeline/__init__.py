"""The pipeline from a request to its response: routing, context, plan, hooks, view, errors, teardown.

Written once, for both entries and both colours. The entries and the app import it. It does not know which server a
request came from: it takes an exchange and returns a response, possibly with a body yet to be streamed.
"""
