"""Basic credentials arrive parsed; who sends none, or wrong ones, is asked for them."""

from hmac import compare_digest

from werkzeug.datastructures import WWWAuthenticate

from dualapp import DualApp, abort, request

# A real program keeps hashes: see werkzeug.security.
PASSWORDS = {"ada": "countess"}

app = DualApp(__name__)


@app.get("/")
def hello() -> dict[str, str]:
    return {"hello": user_name()}


@app.get("/later")
async def hello_later() -> dict[str, str]:
    return {"hello": user_name()}


def user_name() -> str:
    login = request.authorization
    if login is None or login.type != "basic" or not knows(login.username, login.password):
        abort(401, www_authenticate=WWWAuthenticate("basic", {"realm": "The examples"}))
    return login.username


def knows(name: str, password: str) -> bool:
    expected = PASSWORDS.get(name)
    return expected is not None and compare_digest(expected.encode(), password.encode())


if __name__ == "__main__":
    app.run()
