"""Prints the path of a usable uv, on a machine that has Python and nothing else.

The Makefile runs it with whatever `python3` is there. Ways, in order: uv on the PATH;
pip into a private folder, which Debian's externally managed Python allows; for a
Python without pip the same with a pip from the package index, which is a zip file that
Python can run. Standard library only.
"""

from __future__ import annotations

import configparser
import hashlib
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / ".venv" / "boot"


def main() -> int:
    """Print the path of a usable uv; 1 and a message when there is no way."""
    # Runs before anything has checked the version.
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.stderr.write(
            f"Python 3.11 or newer is needed; {sys.executable} is "
            f"{sys.version.split()[0]}. Name another one: make PYTHON=python3.12 …\n"
        )
        return 1
    own = str(FOLDER / "bin" / "uv")
    uv = shutil.which("uv") or own
    problems = [run(uv, "--version")]
    for pip in (lambda: ["-m", "pip"], lambda: [downloaded_pip()]):
        if problems[-1] is None:
            break
        uv = own
        try:
            shutil.rmtree(FOLDER, ignore_errors=True)
            into = ("install", "--quiet", "--target", str(FOLDER), "uv>=0.9,<1")
            problems.append(run(sys.executable, *pip(), *into) or run(own, "--version"))
        except (OSError, ValueError) as error:
            problems.append(f"the package index {index_url()}: {error}")
    if problems[-1] is not None:
        sys.stderr.write("uv cannot be installed:\n" + "\n".join(problems[1:]) + "\n")
        return 1
    sys.stdout.write(f"{uv}\n")
    return 0


def run(*command: str) -> str | None:
    """None when the command succeeds, else what it says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip() or "failed"


def index_url() -> str:
    """The package index: pip's own setting, else the one of the lock file."""
    import tomllib

    config = configparser.ConfigParser(interpolation=None)
    own = os.environ.get("PIP_CONFIG_FILE", "")
    if own != os.devnull:  # That is how pip is told to read none.
        folders = [Path("/etc"), Path.home() / ".pip", Path.home() / ".config" / "pip"]
        config.read([*(folder / "pip.conf" for folder in folders), own])
    lock = tomllib.loads((PROJECT / "uv.lock").read_text(encoding="utf-8"))
    sources = (package["source"].get("registry") for package in lock["package"])
    return (
        os.environ.get("PIP_INDEX_URL")
        or config.get("global", "index-url", fallback=None)
        or next(filter(None, sources))
    ).rstrip("/")


def downloaded_pip() -> str:
    """The newest wheel of pip from the index, checked against its hash."""
    page = f"{index_url()}/pip/"
    link = r'href="([^"#]*/pip-([\d.]+)-py3-none-any\.whl)#sha256=(\w+)"'
    found = re.findall(link, download(page).decode())
    if not found:
        raise ValueError("it offers no pip")
    url, _, digest = max(found, key=lambda one: [int(n) for n in one[1].split(".")])
    wheel = download(urllib.parse.urljoin(page, url))
    if hashlib.sha256(wheel).hexdigest() != digest:
        raise ValueError(f"{url} is not what its hash says")
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / url.rsplit("/", 1)[1]
    path.write_bytes(wheel)
    return f"{path}/pip"


def download(url: str) -> bytes:
    """What the address answers; its HTML where there is a choice."""
    request = urllib.request.Request(url, headers={"Accept": "text/html, */*;q=0.1"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


if __name__ == "__main__":
    sys.exit(main())
