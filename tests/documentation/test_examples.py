"""Every example, served by its two commands: the answers are right, and the same from both servers."""

import json
import re
import runpy
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dualapp import DualApp
from examples import basic, demo
from tests.support.http_client import Answer, ask
from tests.support.server_process import HOST, ROOT, free_port, serving
from tests.support.waiting import LIMIT

NAMES = sorted(path.stem for path in (ROOT / "examples").glob("*.py") if path.stem not in ("__init__", "demo"))
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=edge"}
UPLOAD = b'--edge\r\nContent-Disposition: form-data; name="note"; filename="note.txt"\r\n\r\nhi\r\n--edge--\r\n'
PLAIN = {"content-type": "text/plain; charset=utf-8"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "x-accel-buffering": "no"}
TICK_1 = ':\n\nevent: tick\nid: 2\ndata: {"tick": 1}\n\nevent: end\ndata: \n\n'
NOT_FOUND = re.compile("<title>404 Not Found</title>")


def basic_auth(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


@dataclass(frozen=True)
class Case:
    """A request, and its answer: the status, the body (JSON, a text or a pattern) and some of the headers."""

    request: str
    answer: Any
    status: int = 200
    sent: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    answered: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.request.split()[0]

    @property
    def path(self) -> str:
        return self.request.split()[1]

    def ask(self, url: str) -> Answer:
        return ask(url, self.path, method=self.method, body=self.sent, headers=self.headers)


def echoed(**said: Any) -> dict[str, Any]:
    silence = {"args": {}, "cookies": {}, "files": {}, "form": {}, "language": None, "view_args": {"name": "ada"}}
    return {**silence, **said}


def echo_cases(prefix: str) -> list[Case]:
    path = f"{prefix}/echo/ada"
    return [
        Case(
            f"GET {path}?q=1&q=2",
            echoed(method="GET", path=path, args={"q": ["1", "2"]}, language="fr", cookies={"seen": "yes"}),
            headers={"Accept-Language": "fr", "Cookie": "seen=yes"},
        ),
        Case(
            f"POST {path}",
            echoed(method="POST", path=path, form={"name": "Jürgen"}),
            sent=b"name=J%C3%BCrgen",
            headers=FORM,
        ),
        Case(
            f"POST {path}",
            echoed(method="POST", path=path, files={"note": "note.txt"}),
            sent=UPLOAD,
            headers=MULTIPART,
        ),
    ]


def auth_cases(path: str) -> list[Case]:
    challenge = {"www-authenticate": 'Basic realm="The examples"'}
    refused = re.compile("<title>401 Unauthorized</title>")
    return [
        Case(f"GET {path}", {"hello": "ada"}, headers=basic_auth("ada", "countess")),
        Case(f"GET {path}", refused, 401, answered=challenge),
        Case(f"GET {path}", refused, 401, headers=basic_auth("ada", "wrong"), answered=challenge),
        Case(f"GET {path}", refused, 401, headers=basic_auth("nobody", ""), answered=challenge),
        Case(f"GET {path}", refused, 401, headers={"Authorization": "Bearer countess"}, answered=challenge),
    ]


CASES = {
    "basic": [
        Case("GET /", {"hello": "world"}, answered={"content-type": "application/json"}),
        Case("GET /later", {"hello": "from a coroutine"}),
        Case("GET /square/12", {"number": 12, "square": 144}),
        Case("GET /square/twelve", NOT_FOUND, 404, answered={"content-type": "text/html; charset=utf-8"}),
        Case("POST /greet", {"greeting": "Hello, Ada!"}, sent=b'{"name": "Ada"}', headers=JSON),
        Case("POST /greet/later", {"greeting": "Hello, Ada, at last!"}, sent=b'{"name": "Ada"}', headers=JSON),
        Case("POST /greet/later", re.compile("400 Bad Request"), 400, sent=b'{"name": ', headers=JSON),
        Case("GET /countdown/2", "2\n1\nliftoff\n", answered=PLAIN),
        Case("GET /static/hello.txt", "Hello from a file.\n", answered=PLAIN),
        Case("HEAD /", "", answered={"content-length": str(len('{"hello":"world"}\n'))}),
    ],
    "basic_auth": auth_cases("/") + auth_cases("/later"),
    "converters": [
        Case("GET /person/3", {"id": 3}),
        Case("GET /person/simon", NOT_FOUND, 404),
        Case("GET /name/J%C3%BCrgen", {"name": "Jürgen"}),
        Case("GET /name/a/b", NOT_FOUND, 404),
        Case("GET /either/12", {"number": 12}),
        Case("GET /either/twelve", {"text": "twelve"}),
        Case("GET /price/2.25", {"twice": 4.5}),
        Case("GET /price/2", NOT_FOUND, 404),
        Case("GET /file/a/b/c.txt", {"parts": ["a", "b", "c.txt"]}),
        Case("GET /help", "<h1>help</h1>"),
        Case("GET /helping", NOT_FOUND, 404),
        Case("GET /order/6ba7b810-9dad-11d1-80b4-00c04fd430c8", {"version": 1}),
        Case("GET /order/6ba7b810", NOT_FOUND, 404),
    ],
    "custom_converter": [
        Case("GET /day/2024-02-28", {"weekday": "Wednesday", "next": "/day/2024-02-29"}),
        Case("GET /later/day/2023-02-28", {"weekday": "Tuesday", "next": "/later/day/2023-03-01"}),
        Case("GET /day/2023-02-29", NOT_FOUND, 404),
        Case("GET /later/day/tomorrow", NOT_FOUND, 404),
    ],
    "database": [
        Case("GET /notes", []),
        Case("POST /notes", {"added": "buy milk"}, 201, sent=b'{"text": "buy milk"}', headers=JSON),
        Case("POST /notes", {"added": "ask Ada"}, 201, sent=b'{"text": "ask Ada"}', headers=JSON),
        Case("GET /notes", ["ask Ada", "buy milk"]),
    ],
    "details": [
        *echo_cases(""),
        *echo_cases("/later"),
        Case("GET /text", "<p>A str is an HTML page.</p>", answered={"content-type": "text/html; charset=utf-8"}),
        Case("GET /bytes", "bytes are sent as they are"),
        Case("GET /list", [1, 2, 3], answered={"content-type": "application/json"}),
        Case("GET /status", {"made": "something"}, 201),
        Case("GET /headers", "accepted", 202, answered={"content-type": "text/plain", "x-reason": "later"}),
        Case("GET /response", {"ready": True}, answered={"set-cookie": "seen=yes; HttpOnly; Path=/"}),
        Case("GET /later/response", {"ready": True}, answered={"set-cookie": "seen=yes; HttpOnly; Path=/"}),
        Case("GET /data", {"shown": "<Response 18 bytes [200 OK]>", "data": '{"hello":"world"}\n'}),
    ],
    "events": [
        Case("GET /", re.compile("new EventSource")),
        Case("GET /ticks/2", TICK_1, headers={"Last-Event-ID": "1"}, answered=EVENTS),
        Case("GET /later/ticks/2", TICK_1, headers={"Last-Event-ID": "1"}, answered=EVENTS),
    ],
    "methods": [
        Case("GET /plain", "GET, and with it HEAD and OPTIONS"),
        Case("HEAD /plain", "", answered={"content-length": "33"}),
        Case("OPTIONS /plain", "", answered={"allow": "GET, HEAD, OPTIONS"}),
        Case("POST /plain", re.compile("405 Method Not Allowed"), 405, answered={"allow": "GET, HEAD, OPTIONS"}),
        Case("PUT /thing", {"method": "PUT"}),
        Case("DELETE /thing", {"method": "DELETE"}),
        Case("GET /shared", {"shared": "with every origin"}, answered={"access-control-allow-origin": "*"}),
        Case(
            "OPTIONS /shared",
            "",
            204,
            answered={"access-control-allow-origin": "*", "access-control-allow-methods": "GET"},
        ),
    ],
    "streaming": [
        Case("GET /lines/3", "line 0\nline 1\nline 2\n", answered=PLAIN),
        Case("GET /later/lines/3", "line 0\nline 1\nline 2\n", answered=PLAIN),
        Case("GET /shout?word=one&word=two", "ONE\nTWO\n"),
        Case("POST /size", {"bytes": 300_000}, sent=b"x" * 300_000),
        Case("POST /later/size", {"bytes": 300_000}, sent=b"x" * 300_000),
    ],
    "urls": [
        Case("GET /person/3", {"id": 3}),
        Case(
            "GET /links/3",
            {
                "path": "/person/3",
                "with query": "/person/3?tab=work",
                "whole": "https://example.test/person/3",
            },
            headers={"Host": "example.test"},
        ),
        Case("GET /link/3", '<a href="/person/3">3</a>'),
        Case("GET /later/link/3", '<a href="/person/3">3</a>'),
        Case("GET /go/3", re.compile("/person/3"), 302, answered={"location": "/person/3"}),
    ],
    "yaml_answers": [
        Case("GET /planets", "- Mercury\n- Venus\n- Earth\n", answered={"content-type": "application/x-yaml"}),
        Case("POST /planets", "added: Mars\n", 201, sent=b'{"name": "Mars"}', headers=JSON),
    ],
}
# Never ends: it has a test of its own.
ENDLESS = {"forever"}


@dataclass(frozen=True)
class Served:
    """The URLs of an example under both commands."""

    wsgi: str
    asgi: str


Command = Callable[[int, str], list[str]]


def gunicorn(port: int, name: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", f"{name}:app.wsgi", "--bind", f"{HOST}:{port}"]


def uvicorn(port: int, name: str) -> list[str]:
    return [sys.executable, "-m", "uvicorn", f"{name}:app", "--host", HOST, "--port", str(port)]


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    name, ports = f"examples.{request.param}", (free_port(), free_port())
    with serving(gunicorn(ports[0], name), ports[0]) as wsgi, serving(uvicorn(ports[1], name), ports[1]) as asgi:
        yield Served(wsgi, asgi)


@pytest.mark.parametrize(("served", "cases"), CASES.items(), ids=CASES, indirect=["served"])
def test_both_servers_give_the_right_answer(served: Served, cases: list[Case], subtests: pytest.Subtests) -> None:
    for case in cases:
        with subtests.test(request=case.request):
            wsgi, asgi = case.ask(served.wsgi), case.ask(served.asgi)
            assert wsgi == asgi
            check(wsgi, case)


def check(answer: Answer, case: Case) -> None:
    assert answer.status == case.status
    assert dict(answer.headers).items() >= case.answered.items()
    if isinstance(case.answer, re.Pattern):
        assert case.answer.search(answer.text)
    elif isinstance(case.answer, str):
        assert answer.text == case.answer
    else:
        assert json.loads(answer.body) == case.answer


@pytest.mark.parametrize("command", [gunicorn, uvicorn])
def test_an_endless_answer_ends_with_its_client(command: Command) -> None:
    port = free_port()
    # A stream that goes on would keep the server from answering (gunicorn's one worker) or from ending (uvicorn).
    with serving(command(port, "examples.streaming"), port) as url:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=LIMIT)
        connection.request("GET", "/forever")
        with connection.getresponse() as response:
            assert response.read(14) == b"tick 0\ntick 1\n"
        connection.close()
        assert ask(url, "/lines/1").text == "line 0\n"


@pytest.mark.parametrize("name", NAMES)
def test_no_route_is_forgotten(name: str) -> None:
    app = import_module(f"examples.{name}").app
    paths = app.url_map.bind("example.test")
    asked = {paths.match(urlsplit(case.path).path, case.method)[0] for case in CASES[name] if case.status < 404}
    assert asked | ENDLESS | {"static"} >= set(app.view_functions)


@pytest.mark.parametrize("name", NAMES)
def test_python_dash_m_serves_the_app(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[DualApp] = []
    monkeypatch.delitem(sys.modules, f"examples.{name}", raising=False)
    # pytest takes each file of a distribution that has a plugin for part of that, and runpy cannot run what it loads.
    monkeypatch.setattr(
        sys, "meta_path", [each for each in sys.meta_path if not type(each).__module__.startswith("_pytest.")]
    )
    monkeypatch.setattr(DualApp, "run", lambda app: ran.append(app))
    program = runpy.run_module(f"examples.{name}", run_name="__main__")
    assert ran == [program["app"]]


# The demo.


def demo_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "examples.demo", *arguments]


def urls_in(text: str) -> list[str]:
    return re.findall(r"http://\S+", text)


def refuses(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname or "", address.port or 0)) != 0


def test_the_demo_ends_after_a_table_of_the_same_answers() -> None:
    done = subprocess.run(demo_command("--once"), cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line for line in done.stdout.splitlines() if re.match(r"(GET|POST) +/", line)]
    assert len(rows) == len(list(demo.questions())) >= len(basic.app.view_functions)
    assert all(re.search(r" 200 .* yes$", row) for row in rows)
    assert len(urls_in(done.stdout)) == 2


def test_the_demo_serves_until_it_is_interrupted() -> None:
    with subprocess.Popen(
        demo_command(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ) as running:
        assert running.stdout
        said = ""
        while "Ctrl-C" not in said:
            said += running.stdout.readline()
        wsgi, asgi = urls_in(said)
        assert ask(wsgi, "/").text == ask(asgi, "/").text == '{"hello":"world"}\n'
        running.send_signal(signal.SIGINT)
        assert running.wait(LIMIT) == 0
    assert refuses(wsgi)
    assert refuses(asgi)


def test_the_demo_shows_why_a_server_does_not_come_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--no-such-option")
    done = subprocess.run(demo_command("--once"), cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 1
    assert "unrecognized arguments: --no-such-option" in done.stderr


def test_the_demo_tells_different_answers_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port, other = free_port(), free_port()
    stranger = [sys.executable, "-m", "http.server", str(other), "--bind", HOST, "--directory", str(tmp_path)]
    with serving(uvicorn(port, "examples.basic"), port) as url, serving(stranger, other) as strange:
        assert not demo.compare(url, strange)
        assert demo.compare(url, url)
    assert "NO" in capsys.readouterr().out


def test_a_new_route_that_needs_a_sample_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(demo.SAMPLES, "square")
    with pytest.raises(LookupError, match="/square/<int:number> needs a sample"):
        list(demo.questions())
