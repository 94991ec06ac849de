"""Requests and responses as users see them.

The two request classes that show one exchange to code of each colour, the response class, the conversion of what a view
returns, error pages and files. Shortcuts, the pipeline and the app import it. It does not know how a request is routed
or which hooks run.
"""
