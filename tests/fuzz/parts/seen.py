"""What a view sees of a request, but for its body."""

from __future__ import annotations

from dualapp import DualApp, request

from ...parity.apps import attributes
from .registry import part

part("/see/{text}", "POST /see/{text}", "/see/{text}/{text}?{query}")(attributes)


@part("/cookies", "/all-headers", "/conditions", "/authorization")
def headers(app: DualApp) -> None:
    @app.route("/cookies", methods=["GET", "POST"])
    async def cookies():
        return request.cookies.to_dict(flat=False)

    @app.route("/all-headers", methods=["GET", "POST"])
    async def all_headers():
        return sorted([name, value] for name, value in request.headers)

    @app.get("/conditions")
    async def conditions():
        return {
            "match": str(request.if_match),
            "none_match": str(request.if_none_match),
            "since": str(request.if_modified_since),
            "unmodified": str(request.if_unmodified_since),
            "range": str(request.range),
            "if_range": str(request.if_range),
            "accept": [str(request.accept_mimetypes), str(request.accept_charsets), str(request.accept_encodings)],
            "best": request.accept_mimetypes.best_match(["text/html", "application/json"]),
            "languages": str(request.accept_languages),
            "cache": str(request.cache_control),
            "agent": str(request.user_agent),
            "control": [request.access_control_request_method, str(request.access_control_request_headers)],
        }

    @app.get("/authorization")
    async def authorization():
        auth = request.authorization
        return [auth.type, auth.parameters, auth.token] if auth else "none"
