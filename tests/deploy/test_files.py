"""The files that no test can run are read by the tools of those who run them, and name only what is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.http_client import ask
from tests.support.server_process import HOST, ROOT, Server

from .site import FILES, Site

KUBERNETES = list(yaml.safe_load_all((FILES / "kubernetes.yaml").read_text()))
COMPOSE = yaml.safe_load((FILES / "compose.yaml").read_text())
DOCKERFILE = dict[str, list[str]]()
for line in (FILES / "Dockerfile").read_text().splitlines():
    if line and not line.startswith("#"):
        DOCKERFILE.setdefault(line.split()[0], []).append(line.partition(" ")[2])


@pytest.mark.parametrize("unit", ["shop.service", "shop@.service"])
def test_systemd_accepts_its_units(site: Site, unit: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd on this machine")
    path = site.home / "systemd" / unit
    if "@" in unit:
        path = path.rename(path.with_name(unit.replace("@", "@8001")))
    verified = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
    told = [line for line in verified.stderr.splitlines() if path.name in line]  # not of the machine's own units
    assert (verified.returncode, told) == (0, [])


@pytest.mark.parametrize("resource", KUBERNETES, ids=lambda resource: resource["kind"])
def test_kubernetes_accepts_its_resources(resource: dict[str, Any]) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed here").validate
    validate(resource, "1.34", strict=True)


def test_a_pod_has_time_to_end() -> None:
    pod = KUBERNETES[0]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > pause + setting("graceful_timeout")


def setting(name: str) -> int:
    return int(re.findall(rf"^{name} = (\d+)$", (FILES / "gunicorn.conf.py").read_text(), re.MULTILINE)[0])


@pytest.mark.parametrize("unit", ["shop.service", "shop@.service"])
def test_a_service_has_time_to_end(site: Site, unit: str) -> None:
    assert int(site.unit(unit, "TimeoutStopSec")) > setting("graceful_timeout")


def test_a_container_has_time_to_end() -> None:
    assert int(COMPOSE["services"]["shop"]["stop_grace_period"].removesuffix("s")) > setting("graceful_timeout")


def test_compose_mounts_files_that_are_there() -> None:
    mounted = [volume.split(":")[0] for volume in COMPOSE["services"]["nginx"]["volumes"]]
    missing = [path for path in mounted if not (FILES / path).exists()]
    assert missing == ["./tls/shop.crt", "./tls/shop.key"]  # they are the operator's
    assert "server shop:8000;" in (FILES / "nginx" / "upstream.compose.conf").read_text()


def test_the_image_has_what_the_shop_needs(tmp_path: Path) -> None:
    ignored = (FILES / ".dockerignore").read_text().splitlines()
    copied = [source for line in DOCKERFILE["COPY"] for source in line.split()[:-1]]
    assert ignored == ["*", *(f"!{source}" for source in copied)]
    for source in copied:
        assert (FILES / source).exists(), source


def test_the_image_serves_and_knows_that_it_does(site: Site) -> None:
    port = site.ports[8000]
    command = json.loads(DOCKERFILE["CMD"][0].replace("0.0.0.0:8000", f"{HOST}:{port}"))
    check = json.loads(DOCKERFILE["HEALTHCHECK"][0].partition("CMD ")[2].replace(":8000", f":{port}"))
    command[0] = str(Path(sys.executable).with_name(command[0]))
    environment = {"REDIS_URL": site.redis_url, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, *check[1:]], stderr=subprocess.DEVNULL).returncode != 0
    with Server(command, port, cwd=site.home, environment=environment) as server:
        assert ask(server.url, "/healthz").text == '{"status":"ok"}\n'
        assert subprocess.run([sys.executable, *check[1:]]).returncode == 0


def test_the_requirements_are_those_of_the_program() -> None:
    names = [re.split(r"[>=]", line)[0] for line in (FILES / "requirements.txt").read_text().splitlines()]
    imported = re.findall(r"^(?:from|import) (\w+)", (FILES / "shop.py").read_text(), re.MULTILINE)
    assert {re.sub(r"\[.*", "", name).replace("-", "_") for name in names} == set(imported) - {*sys.stdlib_module_names}
    assert any('extra == "servers"' in line for line in requires("dualapp") or [])
