"""flask-talisman

Security headers and policies, nonces in pages and headers, HTTPS by redirect, secure cookies, exceptions for single
views.
"""

from __future__ import annotations

import re

from flask_talisman import ALLOW_FROM, DENY, Talisman

from dualapp import DualApp, render_template_string, session

from ..conftest import Serve
from ..support.entry_driver import Client

SECURE = ("X-Forwarded-Proto", "https")
POLICY = {"default-src": "'self'", "img-src": "*", "script-src": ["'self'", "cdn.example"]}


def guarded(app: DualApp) -> None:
    app.secret_key = "secret"
    talisman = Talisman(
        app,
        content_security_policy=POLICY,
        permissions_policy={"geolocation": "()", "camera": "(self)"},
        strict_transport_security_preload=True,
    )

    @app.get("/")
    async def index():
        session["visited"] = True
        return "index"

    @app.get("/embeddable")
    @talisman(frame_options=ALLOW_FROM, frame_options_allow_from="https://partner.example", force_https=False)
    async def embeddable():
        return "embeddable"

    @app.get("/report")
    @talisman(content_security_policy="default-src 'none'; style-src 'self'")
    async def report():
        return "report"

    @app.get("/fail")
    async def fail():
        raise LookupError


def test_plain_http_is_sent_to_https(serve: Serve) -> None:
    client = serve(guarded)
    answer = client.get("/?q=%C3%BC")
    assert (answer.status, answer.header("location")) == (302, "https://localhost/?q=%C3%BC")
    assert client.get("/nowhere").status == 302
    assert client.get("/embeddable").text == "embeddable"


def test_answers_have_the_headers(serve: Serve) -> None:
    client = serve(guarded)
    for path, status in (("/", 200), ("/fail", 500), ("/nowhere", 404)):
        answer = client.get(path, [SECURE])
        assert answer.status == status
        assert answer.header("content-security-policy") == (
            "default-src 'self'; img-src *; script-src 'self' cdn.example"
        )
        assert answer.header("permissions-policy") == "geolocation=(), camera=(self)"
        assert answer.header("x-frame-options") == "SAMEORIGIN"
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("referrer-policy") == "strict-origin-when-cross-origin"
        assert answer.header("strict-transport-security") == "max-age=31556926; includeSubDomains; preload"


def test_session_cookies_are_for_https_only(serve: Serve) -> None:
    cookie = serve(guarded).get("/", [SECURE]).header("set-cookie") or ""
    assert cookie.endswith("; Secure; HttpOnly; Path=/; SameSite=Lax")


def test_a_view_has_options_of_its_own(serve: Serve) -> None:
    client = serve(guarded)
    embedded = client.get("/embeddable", [SECURE])
    assert embedded.header("x-frame-options") == "ALLOW-FROM https://partner.example"
    report = client.get("/report", [SECURE])
    assert report.header("content-security-policy") == "default-src 'none'; style-src 'self'"
    assert report.header("x-frame-options") == "SAMEORIGIN"


def test_a_nonce_is_in_the_page_and_in_its_policy(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        Talisman(app, content_security_policy=POLICY, content_security_policy_nonce_in=["script-src"])

        @app.get("/page")
        async def page():
            return await render_template_string('<script nonce="{{ csp_nonce() }}"></script>{{ csp_nonce() }}')

    client = serve(build, twin=False)  # nonces are random
    first, second = nonce(client), nonce(client)
    assert first != second


def nonce(client: Client) -> str:
    answer = client.get("/page", [SECURE])
    found = re.fullmatch(r'<script nonce="([\w-]+)"></script>([\w-]+)', answer.text)
    assert found, answer.text
    assert found[1] == found[2]
    policy = f"default-src 'self'; img-src *; script-src 'self' cdn.example 'nonce-{found[1]}'"
    assert answer.header("content-security-policy") == policy
    return found[1]


def test_a_policy_may_only_be_reported_and_frames_be_denied(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        Talisman(
            app,
            content_security_policy_report_only=True,
            content_security_policy_report_uri="/csp",
            force_https_permanent=True,
            frame_options=DENY,
            strict_transport_security=False,
        )

        @app.get("/")
        async def index():
            return "index"

    client = serve(build)
    answer = client.get("/", [SECURE])
    assert answer.header("content-security-policy") is None
    assert (answer.header("content-security-policy-report-only") or "").endswith("; report-uri /csp")
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("strict-transport-security") is None
    assert client.get("/").status == 301
