"""Rules of hosts and of subdomains."""

from __future__ import annotations

from dualapp import DualApp, request, url_for

from .registry import part


@part(
    "/domain",
    "/domain/{int}",
    "/other",
    options=(("subdomain_matching", True),),
)
def subdomains(app: DualApp) -> None:
    app.config["SERVER_NAME"] = "example.org"

    @app.get("/domain", subdomain="api")
    async def api():
        return {"api": request.host, "url": url_for("of_user", user="ann", a=1), "own": url_for("api")}

    @app.get("/domain/<int:a>", subdomain="<user>")
    async def of_user(user, a):
        return f"{user} {a}"

    @app.get("/domain")
    async def bare():
        return "bare"

    @app.get("/other", subdomain="<user>.deep")
    async def other(user):
        return user


@part("/host", "/host/{int}", "/any-host", options=(("host_matching", True), ("static_folder", None)))
def hosts(app: DualApp) -> None:
    @app.get("/host", host="example.org")
    async def example():
        return "example"

    @app.get("/host", host="api.example.org")
    async def api_host():
        return url_for("example")

    @app.get("/host/<int:a>", host="<name>.example.org")
    async def named(name, a):
        return f"{name} {a}"

    @app.get("/any-host", host="<any>")
    async def any_host(any):
        return f"{any} {request.url}"
