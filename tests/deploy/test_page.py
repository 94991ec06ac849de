"""The lines of docs/deployment.md, run in their order in a copy of examples/deploy, on a machine made of stubs."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.documentation.page import NOT_RUN, Page
from tests.documentation.walk import SETUP
from tests.support.server_process import HOST, ROOT

from .operator import Operator
from .site import FILES, Site

PAGE = Page(ROOT / "docs" / "deployment.md")
PROGRAMS = {"sudo": 'exec "$@"', "useradd": 'mkdir -p "$3"'}


def lines() -> list[tuple[str, str]]:
    """Return all but what nothing runs, and what makes the environment: test_installing.py does."""
    found = PAGE.commands()
    return [(line, said) for line, said in found if not (line.startswith(tuple(NOT_RUN)) or SETUP.match(line))]


def test_the_lines_of_the_page_serve_the_shop(site: Site) -> None:
    """First under gunicorn, which is reloaded, then under uvicorn, whose instances are restarted."""
    checkout = site.home.rename(site.home.with_name("checkout"))
    configured, site.units = site.home / "etc" / "nginx" / "conf.d", site.home / "etc" / "systemd" / "system"
    configured.mkdir(parents=True)
    site.units.mkdir(parents=True)
    site.configure_nginx(configured / "*.conf")
    with ExitStack() as stack:
        stack.push(site.stop)
        operator = stack.enter_context(Operator(site, {"shop.service": ("--workers", "2")}, checkout))
        for name, line in PROGRAMS.items():
            operator.program(name, line)
        connects = f"--insecure --connect-to shop.example.com:443:{HOST}:{site.ports[443]}"
        operator.program("curl", f'exec {shutil.which("curl")} --silent --show-error {connects} "$@"')
        for line, printed in lines():
            said = operator.run(site.relocated(line))
            assert not printed or said == printed, line
        assert len(site.servers) == 4  # gunicorn goes on beside the two instances, and there is nginx
        assert site.json("/where")["client"] == HOST


def test_the_page_names_each_file() -> None:
    table = PAGE.text.partition("## ")[0]
    named = {name for name in re.findall(r"`([\w./@*-]+)`", table) if not name.startswith("examples")}
    missing = [path for path in files() if not any(Path(path).match(name.rstrip("/")) for name in named)]
    assert missing == []


def files() -> list[str]:
    return sorted(str(path.relative_to(FILES)) for path in FILES.rglob("*") if path.is_file() and "__" not in str(path))


@pytest.mark.parametrize("tool", ["docker compose", "docker build", "kubectl"])
def test_what_is_not_run_names_files_that_are_there(tool: str) -> None:
    told = "".join(PAGE.blocks("console")).splitlines()
    (line,) = [line for line in told if line.startswith(f"$ {tool}") and "secret" not in line]
    named = re.findall(r"[\w.]+\.yaml", line) or ["compose.yaml" if "compose" in tool else "Dockerfile"]
    assert all((FILES / name).exists() for name in named)
