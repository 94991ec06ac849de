"""gunicorn reads this file by itself when it is started here.

It makes `gunicorn examples.basic:app.wsgi` load, and has the app start and stop with each worker.
"""

from dualapp.gunicorn import allow_dotted_names, post_worker_init, worker_exit

__all__ = ["post_worker_init", "worker_exit"]

allow_dotted_names()
