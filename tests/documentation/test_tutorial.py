"""The tutorial, walked from an empty directory to the deployed app, by what its pages say and nothing else."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

import pytest

from tests.support.http_client import Answer, ask
from tests.support.waiting import wait_for

from .page import BIND, Page, first_lines
from .walk import CHAPTERS, TUTORIAL, Walk, walked

DEPLOYED = [line for line, _ in Page(TUTORIAL / "deployment.md").commands(*BIND)]
pytestmark = pytest.mark.xdist_group("tutorial")


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """The reader at the end of the tutorial."""
    return walked(Walk(tmp_path_factory.mktemp("empty")))


def test_the_contents_list_each_page(wall: Walk) -> None:
    assert {path.name for path in TUTORIAL.glob("*.md")} == set(CHAPTERS)


@pytest.mark.parametrize("line", DEPLOYED)
def test_the_deployed_app_answers(line: str, wall: Walk) -> None:
    with wall.started(line) as server:
        user = Visitor(server.url)
        name = line.split()[0]
        assert user.ask("POST", "/notes", {"text": "no"}).status == 302
        user.ask("POST", "/register", {"name": name, "password": "a long one"})
        user.ask("POST", "/notes", {"text": f"<from {name}>"})
        assert f"<li>{name}: &lt;from {name}&gt;</li>" in user.page
        body = name.encode() * 100_000
        uploaded = user.ask("PUT", f"/files/{name}.bin", body)
        assert (uploaded.status, uploaded.text) == (201, f'{{"name":"{name}.bin","size":{len(body)}}}\n')
        assert ask(server.url, f"/files/{name}.bin").body == body
        assert first_lines(f"curl -N {server.url}/events?after=0 | head -4", server.url)[-1].endswith(
            '"text": "Hello"}'
        )
        wait_for(lambda: hashlib.sha256(body).hexdigest() in user.page)


class Visitor:
    """A browser that keeps the cookie of the session."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookie = ""

    def ask(self, method: str, path: str, sent: dict[str, str] | bytes | None = None) -> Answer:
        headers = {"Cookie": self.cookie}
        if isinstance(sent, dict):
            sent, headers["Content-Type"] = urlencode(sent).encode(), "application/x-www-form-urlencoded"
        answer = ask(self.url, path, method=method, body=sent, headers=headers)
        for cookie in answer.get_all("set-cookie"):
            self.cookie = cookie.partition(";")[0]
        return answer

    @property
    def page(self) -> str:
        return self.ask("GET", "/").text
