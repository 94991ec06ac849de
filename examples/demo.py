"""Serve `examples.basic` with gunicorn and with uvicorn, ask both for everything, and compare.

python -m examples.demo           # then serve until Ctrl-C
python -m examples.demo --once    # then end: status 0 only if all answers are the same
"""

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from werkzeug.routing import Rule

from examples.basic import app
from tests.support.http_client import Answer, ask
from tests.support.server_process import HOST, free_port, serving


@dataclass(frozen=True)
class Sample:
    """What to send to a route: the arguments of its path, and the JSON of its body."""

    arguments: dict[str, Any] = field(default_factory=dict)
    body: Any = None


SAMPLES = {
    "square": Sample({"number": 12}),
    "greet": Sample(body={"name": "Ada"}),
    "greet_later": Sample(body={"name": "Grace"}),
    "countdown": Sample({"start": 3}),
    "static": Sample({"filename": "hello.txt"}),
}


@dataclass(frozen=True)
class Question:
    method: str
    path: str
    body: bytes | None

    def sent_to(self, url: str) -> Answer:
        headers = {"Content-Type": "application/json"} if self.body else {}
        return ask(url, self.path, method=self.method, body=self.body, headers=headers)


def questions() -> Iterator[Question]:
    """Ask for every route of the app; HEAD and OPTIONS come with every route and are left out."""
    paths = app.url_map.bind(HOST)
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            sample = sample_of(rule, method)
            body = None if sample.body is None else json.dumps(sample.body).encode()
            yield Question(method, paths.build(rule.endpoint, sample.arguments, method), body)


def sample_of(rule: Rule, method: str) -> Sample:
    if rule.endpoint not in SAMPLES and (rule.arguments or method != "GET"):
        raise LookupError(f"{method} {rule} needs a sample: add {rule.endpoint!r} to SAMPLES")
    return SAMPLES.get(rule.endpoint, Sample())


def compare(wsgi: str, asgi: str) -> bool:
    """Print a row for each question, and say whether the answers to all of them were the same."""
    print(f"{'route':<24} {'status':<7} {'body':<44} same")
    same = [row(question, question.sent_to(wsgi), question.sent_to(asgi)) for question in questions()]
    return all(same)


def row(question: Question, wsgi: Answer, asgi: Answer) -> bool:
    same = wsgi == asgi
    route = f"{question.method:<4} {question.path}"
    print(f"{route:<24} {wsgi.status:<7} {shortened(wsgi.body):<44} {'yes' if same else 'NO'}")
    if not same:
        print(f"    wsgi: {wsgi}\n    asgi: {asgi}")
    return same


def shortened(body: bytes) -> str:
    line = " ".join(body.decode(errors="replace").split())
    return line if len(line) <= 44 else line[:41] + "..."


def main(once: bool) -> int:
    # As Ctrl-C does: leave the blocks below, which stop the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # A shell has the jobs that it starts in the background ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gunicorn_port, uvicorn_port = free_port(), free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "examples.basic:app.wsgi", "--bind", f"{HOST}:{gunicorn_port}"]
    uvicorn = [sys.executable, "-m", "uvicorn", "examples.basic:app", "--host", HOST, "--port", str(uvicorn_port)]
    with serving(gunicorn, gunicorn_port) as wsgi, serving(uvicorn, uvicorn_port) as asgi:
        same = compare(wsgi, asgi)
        print(f"\ngunicorn examples.basic:app.wsgi    {wsgi}\nuvicorn  examples.basic:app         {asgi}", flush=True)
        if not once:
            print("\nCtrl-C stops them.", flush=True)
            signal.pause()
    return 0 if same else 1


if __name__ == "__main__":
    try:
        sys.exit(main(once="--once" in sys.argv[1:]))
    except KeyboardInterrupt:
        print()
