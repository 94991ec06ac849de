"""Serve by gevent's own server: `python -m tests.support.pywsgi_server PORT MODULE:NAME`."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402 - gevent patches before anything else is imported
from importlib import import_module  # noqa: E402 - as above

from gevent.pywsgi import WSGIServer  # noqa: E402 - as above

module, _, name = sys.argv[2].partition(":")
server = WSGIServer(("127.0.0.1", int(sys.argv[1])), getattr(import_module(module), name))
try:
    server.serve_forever()
except KeyboardInterrupt:
    server.stop()
