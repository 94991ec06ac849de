"""Broadcast to websockets: what is published in a channel is sent to all that have joined it.

In one process `channels.py` does it alone. With `BROADCAST_URL` every message goes through Redis (`redis_relay.py`),
and from there to the members in all processes. Each member is sent to by a task of its own (`member.py`).

Only `dualapp/__init__.py` imports this package, when `Broadcast` is first used. It knows the conversations of the
websockets that have joined; no entry, no pipeline, no request.
"""
