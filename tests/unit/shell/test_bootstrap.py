"""The first minute on a machine with Python and make: how uv gets there."""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]

# Debian's Python without python3-pip and python3-venv.
WITHOUT_PIP = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        is_wheel = any(".whl" in place for place in sys.path)
        if name in ("pip", "venv", "ensurepip") and not is_wheel:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
"""
# What stands in for pip: it "installs" a uv that says who made it.
PIP = """
import pathlib, sys

arguments = sys.argv[1:]
folder = pathlib.Path(arguments[arguments.index("--target") + 1]) / "bin"
folder.mkdir(parents=True)
(folder / "uv").write_text("#!/bin/sh\\necho uv of pip {version}\\n")
(folder / "uv").chmod(0o755)
"""


def wheel(version: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pip/__init__.py", "")
        archive.writestr("pip/__main__.py", PIP.replace("{version}", version))
    return buffer.getvalue()


WHEELS = {"9.10": wheel("9.10"), "9.9": wheel("9.9")}


class Index(http.server.BaseHTTPRequestHandler):
    """A package index with two pips, and links relative to its page."""

    broken = False

    def do_GET(self) -> None:
        if self.path == "/simple/pip/":
            links = "".join(
                f'<a href="../../files/pip-{version}-py3-none-any.whl#sha256='
                f'{"0" * 64 if self.broken else hashlib.sha256(content).hexdigest()}">'
                "pip</a>\n"
                for version, content in WHEELS.items()
            )
            body = f"<html>{links}</html>".encode()
        else:
            body = WHEELS[self.path.split("-")[1]]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def index() -> Iterator[str]:
    """The address of a package index on this machine."""
    Index.broken = False
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
        server.shutdown()


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A clone on a machine without pip, venv and uv."""
    (tmp_path / "clone" / ".ci").mkdir(parents=True)
    shutil.copy(REPOSITORY / ".ci" / "bootstrap.py", tmp_path / "clone" / ".ci")
    lock(tmp_path, "http://127.0.0.1:9/simple")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(WITHOUT_PIP)
    return tmp_path


def lock(machine: Path, url: str) -> None:
    (machine / "clone" / "uv.lock").write_text(
        '[[package]]\nname = "takt"\nsource = { editable = "." }\n'
        f'[[package]]\nname = "x"\nsource = {{ registry = "{url}" }}\n'
    )


def bootstrap(machine: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # No shims: the uv of whoever runs the tests must not be on the PATH.
    return subprocess.run(
        [sys.executable, str(machine / "clone" / ".ci" / "bootstrap.py")],
        env={
            "PATH": f"{machine / 'bin'}:/usr/bin:/bin",
            "HOME": str(machine),
            "PYTHONPATH": str(machine / "hidden"),
            "no_proxy": "127.0.0.1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def says(uv: str) -> str:
    return subprocess.run([uv], capture_output=True, text=True, check=True).stdout


def test_uv_on_the_path_is_taken_as_it_is(machine: Path) -> None:
    (machine / "bin").mkdir()
    (machine / "bin" / "uv").write_text("#!/bin/sh\necho mine\n")
    (machine / "bin" / "uv").chmod(0o755)
    done = bootstrap(machine)
    assert (done.returncode, says(done.stdout.strip())) == (0, "mine\n")
    assert not (machine / "clone" / ".venv").exists()


@pytest.mark.parametrize("place", ["environment", "pip.conf", "uv.lock"])
def test_without_pip_the_newest_one_comes_from_the_index_that_is_set(
    machine: Path, index: str, place: str
) -> None:
    environment = {"PIP_CONFIG_FILE": os.devnull}
    if place == "environment":
        environment["PIP_INDEX_URL"] = index
    elif place == "pip.conf":
        del environment["PIP_CONFIG_FILE"]
        folder = machine / ".config" / "pip"
        folder.mkdir(parents=True)
        (folder / "pip.conf").write_text(f"[global]\nindex-url = {index}/\n")
    else:
        lock(machine, index)
    done = bootstrap(machine, **environment)
    assert done.returncode == 0, done.stderr
    assert says(done.stdout.strip()) == "uv of pip 9.10\n"
    # The second time nothing is asked for.
    assert bootstrap(machine).stdout == done.stdout


def test_a_wheel_with_another_content_is_refused(machine: Path, index: str) -> None:
    Index.broken = True
    done = bootstrap(machine, PIP_INDEX_URL=index)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not what its hash says" in done.stderr


def test_without_any_way_it_says_what_it_tried(machine: Path) -> None:
    done = bootstrap(machine, PIP_CONFIG_FILE=os.devnull)
    assert (done.returncode, done.stdout) == (1, "")
    assert "uv cannot be installed" in done.stderr
    assert "the package index http://127.0.0.1:9/simple: " in done.stderr


def test_the_script_names_no_package_index() -> None:
    text = (REPOSITORY / ".ci" / "bootstrap.py").read_text(encoding="utf-8")
    assert "http" not in text.replace("http.", "")
    assert "pypi" not in text.lower()


def test_make_lists_every_target_with_a_purpose() -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    done = subprocess.run(
        ["make", "--no-print-directory"],
        cwd=REPOSITORY,
        env={**os.environ, "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    for target in ("refresh", "test", "check", "dev", "query", "fmt"):
        assert f"  make {target} " in done.stdout
