"""Small programs, each of which runs as `gunicorn examples.NAME:app.wsgi` and as `uvicorn examples.NAME:app`."""
