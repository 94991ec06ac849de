"""Serve by the app's own development server: `python -m tests.support.development_server PORT MODULE:NAME`."""

import sys
from importlib import import_module

module, _, name = sys.argv[2].partition(":")
getattr(import_module(module), name).run(port=int(sys.argv[1]))
