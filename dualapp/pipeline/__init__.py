"""From a matched request to its response: context, plan, hooks, view, errors, teardown.

Written once, for both entries and both colours. The entries and the app import it. It does not know which server a
request came from: it sees an exchange, and gives a response or what is left of one.
"""
