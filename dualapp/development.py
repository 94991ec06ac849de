"""The arguments of Quart's `app.run` for Flask's development server."""

from __future__ import annotations

from typing import Any


def server_options(certfile: str | None, keyfile: str | None, ca_certs: str | None) -> dict[str, Any]:
    """Return the options of Werkzeug's server for a TLS certificate; none if there is no certificate.

    Raises ValueError for a key or CA certificates without a certificate: the server would not be encrypted.
    """
    if certfile is None:
        if keyfile or ca_certs:
            raise ValueError("app.run(): `keyfile` and `ca_certs` are of use only with `certfile`, which is missing.")
        return {}
    from werkzeug.serving import load_ssl_context  # imported late: no other server needs it

    context = load_ssl_context(certfile, keyfile)
    if ca_certs is not None:
        context.load_verify_locations(ca_certs)
    return {"ssl_context": context}
