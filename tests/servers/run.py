"""Serve by the app's own development server: `python -m tests.servers.run PORT`."""

import sys

from .app import app

app.run(port=int(sys.argv[1]))
