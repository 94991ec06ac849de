"""A part of the fuzz of websockets; `python -m tests.fuzz.talks --talks 100000` goes on."""

from __future__ import annotations

import pytest

from dualapp.entries import websockets_under_wsgi

from ..support.workers import slow_after
from .talk_comparison import differences, search
from .talks import BLOCK, Talk, TalkWorld

TALKS = 2000
SEED = 0
TESTS = 10


@pytest.mark.parametrize("number", slow_after(3, range(TESTS)))
def test_no_talk_differs(number: int) -> None:
    for block in range(number, TALKS // BLOCK, TESTS):
        if found := search(SEED, block):
            pytest.fail("\n\n".join(found), pytrace=False)


def test_a_planted_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    scope_of = websockets_under_wsgi.websocket_scope
    monkeypatch.setattr(
        websockets_under_wsgi, "websocket_scope", lambda environ: {**scope_of(environ), "subprotocols": ["planted"]}
    )
    talk = Talk(says=("hello",))
    found = differences(TalkWorld(), [talk, Talk("/files/of-which-no-difference-is-seen")])
    assert found == [(talk, "wsgi-def"), (talk, "wsgi-async")]
