"""Which methods a route takes, and how an OPTIONS view of one's own lets browsers come from elsewhere (CORS)."""

from dualapp import DualApp, Response, request

app = DualApp(__name__)


@app.route("/plain")
def plain() -> str:
    return "GET, and with it HEAD and OPTIONS"


@app.route("/thing", methods=["GET", "PUT", "DELETE"])
async def thing() -> dict[str, str]:
    return {"method": request.method}


@app.get("/shared", provide_automatic_options=False)
def shared() -> dict[str, str]:
    return {"shared": "with every origin"}


@app.route("/shared", methods=["OPTIONS"], provide_automatic_options=False)
async def shared_options() -> tuple[str, int, dict[str, str]]:
    return "", 204, {"Access-Control-Allow-Methods": "GET", "Access-Control-Max-Age": "600"}


@app.after_request
def allow_every_origin(response: Response) -> Response:
    if request.path == "/shared":
        response.headers["Access-Control-Allow-Origin"] = "*"
    return response


if __name__ == "__main__":
    app.run()
