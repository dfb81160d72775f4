"""What the pages tell people to type exists, and so does what they point to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from orchestration import cli

REPOSITORY = Path(__file__).resolve().parents[3]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
CODE = re.compile(r"```sh\n(.*?)```|`([^`\n]+)`", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def typed(text: str) -> list[str]:
    """Every line of shell code of a page, and every piece of code in its prose."""
    lines = []
    for block, piece in CODE.findall(text):
        lines += (block or piece).splitlines()
    return [line.split("#")[0].strip() for line in lines]


def options_of(line: str, names: list[str]) -> str | None:
    """What is wrong with `takt …`: a command or an option that does not exist."""
    command = typer.main.get_command(cli.app)
    while names and hasattr(command, "commands"):
        name, *names = names
        if name not in command.commands:
            return f"{line}: no such command"
        command = command.commands[name]
    known = {option for one in command.params for option in one.opts}
    unknown = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", line)) - known - {"--help"}
    return f"{line}: no option {', '.join(sorted(unknown))}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_exists(page: Path) -> None:
    wrong = []
    targets = re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.M)
    for line in typed(page.read_text(encoding="utf-8")):
        if found := re.match(r"(?:\S+/)?takt ((?:[a-z]+ ?)+)", line):
            wrong.append(options_of(line, found[1].split()))
        elif (found := re.match(r"make ([a-z]+)", line)) and found[1] not in targets:
            wrong.append(f"{line}: no such target")
    assert [one for one in wrong if one] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    inside = [link for link in links if "://" not in link]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def test_every_page_can_be_found_from_the_first_one() -> None:
    found, waiting = set(), [PAGES[0]]
    while waiting:
        page = waiting.pop().resolve()
        if page in found or page.suffix != ".md":
            continue
        found.add(page)
        links = LINK.findall(page.read_text(encoding="utf-8"))
        waiting += [
            page.parent / link for link in links if (page.parent / link).is_file()
        ]
    assert sorted(page.name for page in PAGES if page.resolve() not in found) == []


def test_a_command_that_does_not_exist_is_named() -> None:
    assert options_of("takt refesh", ["refesh"]) == "takt refesh: no such command"
    wrong = options_of("takt new mart", ["new", "mart"])
    assert wrong == "takt new mart: no such command"
    wrong = options_of("takt query SQL --formt csv", ["query"])
    assert wrong == "takt query SQL --formt csv: no option --formt"
    assert options_of("takt verify 3", ["verify"]) is None
