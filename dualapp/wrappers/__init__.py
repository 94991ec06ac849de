"""Requests and responses as users see them.

The two faces of a request, the websocket, the response classes, the conversion of a view's return value, error pages
and files. Shortcuts, the pipeline, the entries and the app import this package. It does not know how a request is
routed or which hooks run.
"""
