"""Threads and the event loop: how code of one colour is called from code of the other.

The bridge (from a thread to the loop and back), the host loop that a WSGI process has, the loop that lends itself to
request threads, streams that are read ahead, and coroutines that are stepped by hand.

Everything above may import it. It knows nothing of HTTP: no request, no response, no app.
"""
