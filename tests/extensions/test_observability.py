"""Sentry, OpenTelemetry and Prometheus watch an app at both entries: which endpoint answered, and with which status.

What watches a Flask app through its hooks, its signals or `Flask.__call__` is used as its pages say. The ASGI entry
wants the tool's own ASGI middleware around `app.asgi_app` besides.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as ASGITracing
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as WSGITracing
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from prometheus_flask_exporter import PrometheusMetrics
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.transport import Transport

from dualapp import DualApp, request

from ..conftest import Serve
from ..support.entry_driver import Ask, Client
from ..support.recolour import Build
from ..support.server_process import ROOT


def shop(app: DualApp) -> None:
    @app.get("/item/<int:number>")
    async def item(number):
        await asyncio.sleep(0)
        return {"number": number}

    @app.post("/order")
    async def order():
        await asyncio.sleep(0)
        raise LookupError("sold out")

    @app.get("/export")
    async def export():
        async def lines():
            for line in ("a", "b"):
                await asyncio.sleep(0)
                yield line

        return lines()


def visit(client: Client) -> None:
    assert client.get("/item/3").json() == {"number": 3}
    assert client.post("/order", json={"count": 1}).status == 500
    assert client.get("/missing").status == 404
    assert client.get("/export").text == "ab"


# Sentry: the integration for Flask, and the ASGI middleware.


class Mailbox(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[tuple[str, Any]] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.items += [(item.type, item.payload.json) for item in envelope.items]

    def of_type(self, kind: str) -> list[Any]:
        return [payload for type_, payload in self.items if type_ == kind]


@pytest.fixture
def sentry() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    sentry_sdk.init(
        dsn="https://key@sentry.test/1",
        transport=mailbox,
        traces_sample_rate=1,
        # Flask's alone: the others look after logging, threads and everything else in this process for good.
        integrations=[FlaskIntegration()],
        default_integrations=False,
        auto_enabling_integrations=False,
    )
    yield mailbox
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


def sentry_around_asgi(app: DualApp) -> None:
    app.asgi_app = SentryAsgiMiddleware(app.asgi_app)


def test_sentry_names_each_request_and_its_outcome(serve: Serve, sentry: Mailbox) -> None:
    visit(serve(shop, sentry_around_asgi, twin=False))
    seen = [
        (sent["transaction"], sent["contexts"]["trace"]["op"], sent["tags"]["http.status_code"])
        for sent in sentry.of_type("transaction")
    ]
    assert [row for row in seen if row[0] in ("item", "order", "export")] == [
        ("item", "http.server", "200"),
        ("order", "http.server", "500"),
        ("export", "http.server", "200"),
    ]
    # What has no endpoint is named by the middleware, each in its own way.
    assert [status for _, _, status in seen] == ["200", "500", "404", "200"]


def test_sentry_gets_each_error_once_with_its_request(serve: Serve, sentry: Mailbox) -> None:
    client = serve(shop, sentry_around_asgi, twin=False)
    client.post("/order?from=mail", json={"count": 1})
    (event,) = sentry.of_type("event")
    assert event["transaction"] == "order"
    (error,) = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("LookupError", "sold out")
    assert error["stacktrace"]["frames"][-1]["function"] == "order"
    asked = event["request"]
    assert (asked["method"], asked["url"]) == ("POST", "http://localhost/order")
    assert (asked["query_string"], asked["data"]) == ("from=mail", {"count": 1})


def tagging(app: DualApp) -> None:
    @app.get("/tag/<name>")
    async def tag(name):
        sentry_sdk.set_tag(f"only-{name}", name)
        with sentry_sdk.start_span(op="db", name="select"):
            await asyncio.sleep(0.01)
        return name


def test_what_code_tells_sentry_stays_with_its_request(serve: Serve, sentry: Mailbox) -> None:
    client = serve(tagging, sentry_around_asgi, twin=False)
    client.many([Ask(target=f"/tag/{name}") for name in "abcd"])
    tags = [{key for key in sent["tags"] if key.startswith("only")} for sent in sentry.of_type("transaction")]
    assert sorted(map(sorted, tags)) == [["only-a"], ["only-b"], ["only-c"], ["only-d"]]
    assert [[span["op"] for span in sent["spans"]] for sent in sentry.of_type("transaction")] == [["db"]] * 4


# OpenTelemetry: its middleware around each entry, and one hook that says which route it was.

SERVER, INTERNAL = trace.SpanKind.SERVER, trace.SpanKind.INTERNAL
Row = tuple[str, str, Any, Any]


class Traces:
    """What OpenTelemetry records, kept in memory."""

    def __init__(self) -> None:
        self.exporter, self.provider = InMemorySpanExporter(), TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def rows(self, kind: trace.SpanKind) -> list[Row]:
        """The name of each span, whether it failed, its route and its status."""
        return [row_of(span) for span in self.exporter.get_finished_spans() if span.kind is kind]


def row_of(span: ReadableSpan) -> Row:
    found = span.attributes or {}
    return span.name, span.status.status_code.name, found.get("http.route"), found.get("http.status_code")


@pytest.fixture
def traces() -> Traces:
    return Traces()


def traced_at_both_entries(provider: TracerProvider) -> Build:
    def build(app: DualApp) -> None:
        app.wsgi_app = WSGITracing(app.wsgi_app, tracer_provider=provider)
        app.asgi_app = ASGITracing(app.asgi_app, tracer_provider=provider, exclude_spans=["receive", "send"])

        @app.before_request
        async def name_the_route():
            if rule := request.url_rule:
                span = trace.get_current_span()
                span.update_name(f"{request.method} {rule}")
                span.set_attribute("http.route", str(rule))

        @app.get("/work")
        async def work():
            with trace.get_tracer("shop", tracer_provider=provider).start_as_current_span("query"):
                await asyncio.sleep(0)
            return "done"

    return build


def test_opentelemetry_sees_the_same_at_both_entries(serve: Serve, traces: Traces) -> None:
    visit(serve(shop, traced_at_both_entries(traces.provider), twin=False))
    item, order, missing, export = traces.rows(SERVER)
    assert item == ("GET /item/<int:number>", "UNSET", "/item/<int:number>", 200)
    assert order == ("POST /order", "ERROR", "/order", 500)
    assert (missing[2], missing[3]) == (None, 404)
    assert export == ("GET /export", "UNSET", "/export", 200)


def test_spans_of_views_belong_to_the_trace_that_the_client_started(serve: Serve, traces: Traces) -> None:
    client = serve(shop, traced_at_both_entries(traces.provider), twin=False)
    client.get("/work", [("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01")])
    query, request = traces.exporter.get_finished_spans()
    assert (query.name, request.name) == ("query", "GET /work")
    assert request.parent is not None
    assert f"{request.parent.trace_id:x} {request.parent.span_id:x}" == f"{'ab' * 16} {'cd' * 8}"
    assert query.parent == request.context


# OpenTelemetry's instrumentation of Flask: hooks of the app, and a wrapper of `app.wsgi_app`.


def instrumented(provider: TracerProvider) -> Build:
    def build(app: DualApp) -> None:
        FlaskInstrumentor().instrument_app(app, tracer_provider=provider)

    return build


@pytest.mark.parametrize("colour", ["def", "async"])
def test_opentelemetry_for_flask_at_the_wsgi_entry(colour: str, traces: Traces) -> None:
    visit(Serve("wsgi", colour)(shop, instrumented(traces.provider), twin=False))
    assert traces.rows(SERVER) == [
        ("GET /item/<int:number>", "UNSET", "/item/<int:number>", 200),
        ("POST /order", "ERROR", "/order", 500),
        ("GET /missing", "UNSET", None, 404),
        ("GET /export", "UNSET", "/export", 200),
    ]


@pytest.mark.parametrize("colour", ["def", "async"])
def test_opentelemetry_for_flask_beside_its_asgi_middleware(colour: str, traces: Traces) -> None:
    client = Serve("asgi", colour)(shop, instrumented(traces.provider), twin=False)
    client.app.asgi_app = ASGITracing(
        client.app.asgi_app, tracer_provider=traces.provider, exclude_spans=["receive", "send"]
    )
    visit(client)
    # The middleware's spans have the status, and those of the hooks, within them, the route.
    assert [(outcome, status) for _, outcome, _, status in traces.rows(SERVER)] == [
        ("UNSET", 200),
        ("ERROR", 500),
        ("UNSET", 404),
        ("UNSET", 200),
    ]
    assert [(name, route) for name, _, route, _ in traces.rows(INTERNAL)] == [
        ("GET /item/<int:number>", "/item/<int:number>"),
        ("POST /order", "/order"),
        ("GET /missing", None),
        ("GET /export", "/export"),
    ]


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
@pytest.mark.parametrize("colour", ["def", "async"])
def test_opentelemetry_for_flask_leaves_its_variables_as_they_were(
    entry: str, colour: str, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    client = Serve(entry, colour)(shop, instrumented(traces.provider), twin=False)
    with caplog.at_level(logging.ERROR, "opentelemetry"):
        client.get("/item/3")
    assert caplog.messages == []


INSTRUMENTED_FIRST = """
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.name + "\\n")))
FlaskInstrumentor().instrument(tracer_provider=provider)

from dualapp import DualApp
from tests.support.entry_driver import Client

app = DualApp("shop")
app.add_url_rule("/item/<int:number>", view_func=lambda number: str(number))
for entry in ("wsgi", "asgi"):
    Client(app, entry).get("/item/3")
"""


def test_opentelemetry_for_flask_finds_an_app_that_is_imported_after_it() -> None:
    """As `opentelemetry-instrument` does it, before the program starts."""
    done = subprocess.run([sys.executable, "-c", INSTRUMENTED_FIRST], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "GET /item/<int:number>\n" * 2), done.stderr


# Prometheus: hooks of the app, a decorator, and a page for the collector.


def measured(registry: CollectorRegistry) -> Build:
    def build(app: DualApp) -> None:
        metrics = PrometheusMetrics(app, registry=registry, group_by="endpoint")
        metrics.info("build", "What is running", version="1.2")

        @app.get("/buy/<kind>")
        @metrics.counter("purchases", "What was bought", labels={"kind": lambda: request.view_args["kind"]})
        async def buy(kind):
            await asyncio.sleep(0)
            return {"bought": kind}, 201

    return build


def test_prometheus_counts_each_request_by_endpoint_and_status(serve: Serve) -> None:
    registry = CollectorRegistry()
    client = serve(shop, measured(registry), twin=False)
    visit(client)
    for kind in ("tea", "tea", "milk"):
        assert client.get(f"/buy/{kind}").status == 201
    page = client.get("/metrics").text
    for method, endpoint, status, count in [
        ("GET", "item", 200, 1),
        ("POST", "order", 500, 1),
        ("GET", "export", 200, 1),
        ("GET", "buy", 201, 3),
    ]:
        labels = {"endpoint": endpoint, "method": method, "status": str(status)}
        assert registry.get_sample_value("flask_http_request_duration_seconds_count", labels) == count
    assert 'flask_http_request_total{method="GET",status="404"} 1.0' in page
    assert 'purchases_total{kind="tea"} 2.0' in page
    assert 'build{version="1.2"} 1.0' in page
