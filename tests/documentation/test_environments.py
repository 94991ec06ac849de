"""The environments of tox: the workflow runs all of them, and CONTRIBUTING.md says what each runs."""

from __future__ import annotations

import configparser
import re

from tests.support.server_process import ROOT


def environments() -> set[str]:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    listed = re.sub(r"py\{(.*)\}", lambda found: "py" + found[1].replace(",", ",py"), tox["tox"]["env_list"])
    return set(re.findall(r"\w+", listed))


def test_the_workflow_runs_each() -> None:
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    (listed,) = re.findall(r"environment: \[(.*)\]", workflow)
    assert {*listed.split(", "), *re.findall(r"environment: (\w+),", workflow)} == environments()


def test_the_table_says_what_each_runs() -> None:
    cells = re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert set(re.findall(r"\w+", " ".join(cells))) == environments()
