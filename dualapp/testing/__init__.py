"""The test client: requests to an app without a server, on either entry and in code of either colour.

`app.py` imports it late, and nothing else in dualapp does. The client plays the server, so that `asgi_call.py` knows of
loops; the rest translates between Flask's client, which it extends, and Quart's. It knows the entries only as servers
do: it calls them. Tests import the public name from here: `from dualapp.testing import DualClient`.
"""

from .client import DualClient as DualClient
