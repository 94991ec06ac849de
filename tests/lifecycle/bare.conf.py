# gunicorn reads this file instead of the project's gunicorn.conf.py, and learns nothing from it.
