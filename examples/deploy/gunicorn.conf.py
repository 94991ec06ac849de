"""gunicorn's settings for the shop: `gunicorn shop:app` reads them in the directory of this file."""

from dualapp.gunicorn import post_worker_init, worker_exit

__all__ = ["post_worker_init", "worker_exit"]

bind = "127.0.0.1:8000"
# "asgi" serves the ASGI entry instead, where event streams and waiting `async def` views occupy no threads.
worker_class = "gthread"
workers = 2
threads = 16
# A worker that is replaced has so many seconds for the requests that it has begun. Then it is ended: browsers whose
# event streams break off connect again, to its successor.
graceful_timeout = 30
