"""What a request says, and what a response may say."""

from typing import Any

from dualapp import DualApp, Response, jsonify, make_response, request

app = DualApp(__name__)


@app.route("/echo/<name>", methods=["GET", "POST"])
def echo(name: str) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "view_args": {"name": name},
        "args": request.args.to_dict(flat=False),
        "language": request.headers.get("Accept-Language"),
        "cookies": request.cookies,
        "form": request.form.to_dict(),
        "files": {field: file.filename for field, file in request.files.items()},
    }


@app.route("/later/echo/<name>", methods=["GET", "POST"])
async def echo_later(name: str) -> dict[str, Any]:
    # What comes with the head of a request is there already; what comes with its body is awaited.
    form = await request.form
    files = await request.files
    return {
        "method": request.method,
        "path": request.path,
        "view_args": {"name": name},
        "args": request.args.to_dict(flat=False),
        "language": request.headers.get("Accept-Language"),
        "cookies": request.cookies,
        "form": form.to_dict(),
        "files": {field: file.filename for field, file in files.items()},
    }


@app.get("/text")
def text() -> str:
    return "<p>A str is an HTML page.</p>"


@app.get("/bytes")
async def octets() -> bytes:
    return b"bytes are sent as they are"


@app.get("/list")
def numbers() -> list[int]:
    return [1, 2, 3]


@app.get("/status")
def status() -> tuple[dict[str, str], int]:
    return {"made": "something"}, 201


@app.get("/headers")
async def headers() -> tuple[str, int, dict[str, str]]:
    return "accepted", 202, {"Content-Type": "text/plain", "X-Reason": "later"}


@app.get("/response")
def response() -> Response:
    answer = make_response(jsonify(ready=True), 200)
    answer.set_cookie("seen", "yes", httponly=True)
    return answer


@app.get("/later/response")
async def response_later() -> Response:
    answer = await make_response(jsonify(ready=True), 200)
    answer.set_cookie("seen", "yes", httponly=True)
    return answer


@app.get("/data")
async def data() -> dict[str, Any]:
    answer = jsonify(hello="world")
    return {"shown": repr(answer), "data": (await answer.get_data()).decode()}


if __name__ == "__main__":
    app.run()
