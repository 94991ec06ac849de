"""One app for both entries, in which apps of both kinds are mounted."""

from __future__ import annotations

from pathlib import Path

import prometheus_client
from flask import Flask
from whitenoise import WhiteNoise

from dualapp import DualApp

from . import chat, dashboard, django_site, service, starlette_site, tools

app = DualApp(__name__)
app.mount("/service", service.app, name="service")
app.mount("/starlette", starlette_site.app)
app.mount("/django", django_site.application)
app.mount("/django-asgi", django_site.asgi_application)
app.mount("/dash", dashboard.app)
app.mount("/mcp", tools.app)
app.mount("/chat", chat.app)
app.mount("/metrics/wsgi", prometheus_client.make_wsgi_app())
app.mount("/metrics/asgi", prometheus_client.make_asgi_app())
app.mount("/files", WhiteNoise(Flask("none"), root=Path(__file__).parent / "files"))


@app.get("/")
async def index() -> str:
    return "the site itself"
