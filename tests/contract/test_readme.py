"""What the README tells people to type exists, and what it points to is there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import mistune
import pytest

from crmnb.metrics.definition import families

ROOT = Path(__file__).parents[2]
TEXTS = [path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md") if path.exists()]


def nodes(text: str) -> Iterator[dict]:
    """Every node of a markdown text, the nested ones too, in reading order."""
    return walk(mistune.create_markdown(renderer=None, plugins=["table"])(text))


def walk(blocks: Iterable[dict]) -> Iterator[dict]:
    """Nodes and all that is nested in them."""
    for block in blocks:
        yield block
        yield from walk(block.get("children", ()))


def commands(text: str) -> list[list[str]]:
    """The `make ...` and `crmnb ...` lines of code blocks and of code within sentences, as words."""
    lines = [
        line
        for node in nodes(text)
        if node["type"] in ("block_code", "codespan")
        for line in node["raw"].replace("\\\n", " ").splitlines()
    ]
    steps = [step.strip().removeprefix("$ ") for line in lines for step in re.split(r"&&|[|;]", line)]
    return [shlex.split(step, comments=True) for step in steps if re.match(r"(make|crmnb)(\s|$)", step)]


def targets(text: str) -> list[str]:
    """Where links and pictures lead, addresses outside left out."""
    linked = [node["attrs"]["url"] for node in nodes(text) if node["type"] in ("link", "image")]
    linked += re.findall(r"<(?:img|source)[^>]*?\ssrc(?:set)?=[\"']([^\"']+)", text)
    return [target for target in linked if not re.match(r"[a-z][a-z0-9+.-]*:", target)]


def anchors(text: str) -> set[str]:
    """The names by which a text's headings can be linked to, as the forges make them."""
    headings = [node["children"] for node in nodes(text) if node["type"] == "heading"]
    said = ["".join(inner["raw"] for inner in walk(children) if "raw" in inner) for children in headings]
    return {re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-") for words in said}


@cache
def help_of(*words: str) -> str:
    """What `crmnb <words> --help` prints; empty where crmnb knows no such command."""
    program = "import sys; from crmnb.cli import main; sys.exit(main())"
    run = [sys.executable, "-c", program, *words, "--help"]
    done = subprocess.run(run, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})  # noqa: S603
    return done.stdout if done.returncode == 0 else ""


def unknown(command: list[str]) -> list[str]:
    """The words of a `crmnb` command that its help does not know: the subcommand, then its options."""
    asked = [word for word in command[1:] if not word.startswith("-")][:1]
    said = help_of(*asked)
    if not said:
        return [" ".join(command)]
    options = [word.split("=")[0] for word in command[1:] if word.startswith("-")]
    return [option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", said)]


ALL = [pytest.param(command, id=" ".join(command)) for path in TEXTS for command in commands(path.read_text())]


@pytest.mark.parametrize("command", [c for c in ALL if c.values[0][0] == "crmnb"])
def test_crmnb_knows_the_command(command):
    assert unknown(command) == []


@pytest.mark.skipif(not shutil.which("make"), reason="needs make, which is not on the PATH")
@pytest.mark.parametrize("command", [c for c in ALL if c.values[0][0] == "make"])
def test_make_knows_the_command(command):
    # A clean environment: these tests are themselves run by make, whose variables a make within would inherit.
    run = [shutil.which("make"), "--dry-run", *command[1:]]
    done = subprocess.run(run, cwd=ROOT, env={"PATH": os.defpath}, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 0, done.stderr
    makefile = (ROOT / "Makefile").read_text()
    for variable in (word.split("=")[0] for word in command[1:] if "=" in word):
        assert f"$({variable})" in makefile, f"make knows no {variable}"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_links_lead_to_something_that_is_there(path):
    broken = []
    for target in targets(path.read_text()):
        file, _, anchor = unquote(target).partition("#")
        there = path.parent / file if file else path
        within = there.suffix != ".md" or not anchor or (there.exists() and anchor in anchors(there.read_text()))
        if not there.exists() or not within or "outputs" in Path(file).parts:
            broken.append(target)
    assert broken == []


def test_commands_are_found_wherever_they_are_written():
    text = "Type `make lab`, make sure.\n\n```sh\n$ git clone x && make report CLIENT=a  # b\ncrmnb run \\\n  a\n```\n"
    assert commands(text) == [["make", "lab"], ["make", "report", "CLIENT=a"], ["crmnb", "run", "a"]]


def test_links_and_anchors_are_found_wherever_they_are_written():
    text = '# What `it` is, now\n\n[a](b.md#c) ![d](e.png) <https://x.org> [f](https://x.org)\n\n<img src="h.png">\n'
    assert targets(text) == ["b.md#c", "e.png", "h.png"]
    assert anchors(text) == {"what-it-is-now"}


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("crmnb run corner_shop --period 2025", []),
        ("crmnb run corner_shop --perio 2025", ["--perio"]),
        ("crmnb rum corner_shop", ["crmnb rum corner_shop"]),
    ],
)
def test_a_command_that_does_not_exist_is_seen(command, wrong):
    assert unknown(command.split()) == wrong


def test_the_readme_lists_every_family():
    readme = (ROOT / "README.md").read_text()
    assert set(re.findall(r"^\| \[(\w+)\]\(notebooks/\1\.ipynb\)", readme, re.MULTILINE)) == set(families())
    numbers = dict(
        enumerate(
            ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
        )
    )
    assert f"computes metrics in {numbers.get(len(families()), len(families()))} families" in readme
