"""gunicorn reads this file by itself when it is started here: `gunicorn examples.basic:app.wsgi` loads."""

from dualapp.gunicorn import post_worker_init, worker_exit

__all__ = ["post_worker_init", "worker_exit"]
