"""The suites of Flask and of extensions, with DualApp in the place of the framework's class, on each entry.

What comes out otherwise with DualApp than without it stands in `suites/known/`, with its reason; the lists are exact.
"""

from __future__ import annotations

import pytest

from tests.support.workers import one_worker_each

from .run import run, run_in
from .suite import HERE, SUITES

#: They take as long as all others together.
SLOW = {"flask_limiter", "flask_smorest", "flask_sqlalchemy"}
each_suite = pytest.mark.parametrize("name", one_worker_each(SUITES, SLOW))


@pytest.mark.parametrize("app", ["plain", "wsgi", "asgi"])
def test_a_suite_runs_on_what_it_is_said_to_run_on(app: str) -> None:
    probe = run_in(HERE, app, "probe.py", "--override-ini=python_files=probe.py", "-p", "no:cacheprovider")
    others = {f"probe.py::test_{other}" for other in ("plain", "wsgi", "asgi") if other != app}
    assert {test for test, outcome in probe.outcomes.items() if outcome != "passed"} == others, probe.output
    assert len(probe.outcomes) == 7


@pytest.mark.slow  # only another version of a suite, or of what it needs, changes that
@each_suite
def test_without_us_a_suite_comes_out_as_is_known(name: str) -> None:
    plain = run(name, "plain")
    assert plain.counts == SUITES[name].counts["plain"], plain.output


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
@each_suite
def test_with_us_a_suite_comes_out_as_without_but_for_what_is_known(name: str, entry: str) -> None:
    ours, suite = run(name, entry), SUITES[name]
    assert ours.differences(run(name, "plain")) == suite.differing(entry), ours.output
    assert ours.counts == suite.counts[entry]
