"""A part of the fuzz of websockets; `python -m tests.fuzz.talks --talks 100000` goes on."""

from __future__ import annotations

from typing import Any

import pytest

from dualapp.exchange.conversation import Conversation

from .talk_comparison import differences, search
from .talks import BLOCK, Talk, TalkWorld

TALKS = 2000
SEED = 0
#: So many tests share them: as many can run at once.
TESTS = 10


@pytest.mark.parametrize("number", range(TESTS))
def test_no_talk_differs(number: int) -> None:
    for block in range(number, TALKS // BLOCK, TESTS):
        if found := search(SEED, block):
            pytest.fail("\n\n".join(found), pytrace=False)


def test_a_planted_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    send = Conversation.send

    async def sending(self: Conversation, data: Any) -> None:
        await send(self, data.upper() if self.scope.get("type") and "method" in self.scope else data)

    monkeypatch.setattr(Conversation, "send", sending)
    found = differences(TalkWorld(), [Talk(says=("hello",)), Talk(says=("HELLO",))])
    assert found == [(Talk(says=("hello",)), "wsgi-def"), (Talk(says=("hello",)), "wsgi-async")]
