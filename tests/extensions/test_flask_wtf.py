"""Flask-WTF

Forms and their errors, hidden fields in templates, uploads, JSON, CSRF protection by field and by header, exempt
views.
"""

from __future__ import annotations

import re

from flask_wtf import CSRFProtect, FlaskForm
from flask_wtf.csrf import CSRFError, generate_csrf
from flask_wtf.file import FileAllowed, FileField, FileRequired, FileSize
from wtforms import EmailField, IntegerField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, ValidationError

from dualapp import Blueprint, DualApp, redirect, render_template_string, request, session

from ..conftest import Serve
from ..support.entry_driver import Client


class Guest(FlaskForm):
    name = StringField("Name", validators=[DataRequired(), Length(max=20)])
    email = EmailField("Email", default="you@example.org")
    seats = IntegerField("Seats", default=1, validators=[NumberRange(1, 4)])

    def validate_name(self, field):
        if field.data == "admin":
            raise ValidationError("Taken.")


class Photo(FlaskForm):
    photo = FileField(validators=[FileRequired(), FileAllowed(["png"], "Images only!"), FileSize(200_000)])


PAGE = """
<form method="post">{{ form.hidden_tag() }}
{% for field in form if field.widget.input_type != "hidden" %}{{ field.label }} {{ field(class="wide") }}
{{ field.errors|join(" ") }}{% endfor %}</form>
"""


def forms(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.route("/book", methods=["GET", "POST"])
    async def book():
        await request.form  # forms are sync code: in async code the body is awaited before
        form = Guest()
        if form.validate_on_submit():
            session["guest"] = form.name.data
            return redirect("/booked")
        return await render_template_string(PAGE, form=form), 400 if form.is_submitted() else 200

    @app.get("/booked")
    async def booked():
        return {"guest": session["guest"]}

    @app.post("/photo")
    async def photo():
        await request.files
        form = Photo()
        if not form.validate():
            return form.errors, 400
        data = form.photo.data.read()
        return {"name": form.photo.data.filename, "size": len(data), "start": data[:4].decode()}

    @app.put("/api/book")
    async def api():
        await request.get_json()
        form = Guest(meta={"csrf": False})
        return {"ok": form.validate(), "errors": form.errors, "seats": form.seats.data}


def without_csrf(app: DualApp) -> None:
    app.config["WTF_CSRF_ENABLED"] = False


def protected(app: DualApp) -> None:
    csrf = CSRFProtect(app)
    hooks = Blueprint("hooks", "tests.parity", url_prefix="/hooks")

    @hooks.post("/paid")
    async def paid():
        return "noted"

    app.register_blueprint(hooks)
    csrf.exempt(hooks)

    @app.get("/token")
    async def token():
        return generate_csrf()

    @app.get("/page")
    async def page():
        return await render_template_string("{{ csrf_meta_tag() }}")

    @app.delete("/book")
    async def cancel():
        return "cancelled"

    @app.post("/echo")
    async def echo():
        return (await request.form)["word"]

    @app.post("/open")
    @csrf.exempt
    async def unprotected():
        return "open"

    @app.errorhandler(CSRFError)
    async def refuse(error):
        return {"refused": error.description}, 400


def csrf_client(serve: Serve) -> tuple[Client, tuple[str, str], str]:
    """A client with a session, the cookie of the session, and a token."""
    client = serve(forms, protected)
    # Tokens are random and bear the time; Flask's twin, which has the same key, takes those that we are given.
    answer = Client(client.app, client.entry).get("/token")
    return client, answer.cookie, answer.text


def upload(client: Client, name: str, data: bytes) -> tuple[int, object]:
    body = b"".join(
        [
            b'--limit\r\nContent-Disposition: form-data; name="photo"; filename="%s"\r\n' % name.encode(),
            b"Content-Type: application/octet-stream\r\n\r\n%s\r\n--limit--\r\n" % data,
        ]
    )
    answer = client.post("/photo", [("Content-Type", "multipart/form-data; boundary=limit")], body)
    return answer.status, answer.json()


def test_a_form_is_shown_checked_and_taken(serve: Serve) -> None:
    client = serve(forms, without_csrf)
    assert 'value="you@example.org"' in client.get("/book").text
    wrong = client.post("/book", form={"name": "x" * 21, "seats": "9"})
    assert wrong.status == 400
    assert "Field cannot be longer than 20 characters." in wrong.text
    assert "Number must be between 1 and 4." in wrong.text
    assert "Taken." in client.post("/book", form={"name": "admin"}).text
    taken = client.post("/book", form={"name": "Ada", "seats": "2"})
    assert (taken.status, taken.header("location")) == (302, "/booked")
    assert client.get("/booked", [taken.cookie]).json() == {"guest": "Ada"}


def test_uploads_are_checked_and_read(serve: Serve) -> None:
    client = serve(forms, without_csrf)
    assert upload(client, "me.png", b"\x7fPNG") == (200, {"name": "me.png", "size": 4, "start": "\x7fPNG"})
    large = b"\x7fPNG" * 40_000
    assert upload(client, "large.png", large) == (200, {"name": "large.png", "size": 160_000, "start": "\x7fPNG"})
    assert upload(client, "me.exe", b"MZ") == (400, {"photo": ["Images only!"]})
    status, errors = upload(client, "huge.png", large * 2)
    assert (status, "File must be between" in str(errors)) == (400, True)


def test_forms_take_json(serve: Serve) -> None:
    client = serve(forms)
    assert client.put("/api/book", json={"name": "Ada", "seats": 3}).json() == {"ok": True, "errors": {}, "seats": 3}
    refused = {"ok": False, "errors": {"name": ["This field is required."]}, "seats": 1}
    assert client.put("/api/book", json={"seats": 1}).json() == refused


def test_the_token_in_the_form_is_the_one_that_is_asked_for(serve: Serve) -> None:
    client, cookie, _ = csrf_client(serve)
    page = Client(client.app, client.entry).get("/book", [cookie])
    found = re.search(r'<input id="csrf_token" name="csrf_token" type="hidden" value="([^"]+)">', page.text)
    assert found, page.text
    fields = {"name": "Ada", "seats": "1", "csrf_token": found[1]}
    assert client.post("/book", [cookie], form=fields).status == 302
    meta = Client(client.app, client.entry).get("/page", [cookie]).text
    assert re.fullmatch(r'<meta name="csrf-token" content="[\w.-]+">', meta)


def test_a_token_is_taken_from_the_form_or_a_header(serve: Serve) -> None:
    client, cookie, token = csrf_client(serve)
    assert client.post("/echo", [cookie], form={"word": "hi", "csrf_token": token}).text == "hi"
    assert client.delete("/book", [cookie, ("X-CSRFToken", token)]).text == "cancelled"


def test_requests_without_the_right_token_are_refused(serve: Serve) -> None:
    client, cookie, token = csrf_client(serve)
    missing = client.post("/echo", [cookie], form={"word": "hi"})
    assert (missing.status, missing.json()) == (400, {"refused": "The CSRF token is missing."})
    assert client.delete("/book", [cookie, ("X-CSRFToken", "forged")]).json() == {
        "refused": "The CSRF token is invalid."
    }
    assert client.delete("/book", [("X-CSRFToken", token)]).json() == {"refused": "The CSRF session token is missing."}


def test_exempt_views_and_blueprints_need_none(serve: Serve) -> None:
    client, _, _ = csrf_client(serve)
    assert client.post("/hooks/paid").text == "noted"
    assert client.post("/open").text == "open"
