"""Crossing between threads and the event loop: how code of one colour calls code of the other.

The bridge (thread to loop), the thread pool (loop to thread), the host loop of a WSGI process, the loop that lends
itself to request threads, buffered iteration across threads, and coroutines that are stepped by hand.

Every package but `compat` may import this one. It knows nothing of HTTP: no request, no response, no app.
"""
