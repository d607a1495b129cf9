"""The environment is said once, in pyproject.toml; the locks and the conda file only follow it."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from itertools import product
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-dev.lock")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)
MACHINES = [
    {"python_version": python, "python_full_version": f"{python}.9", "implementation_name": "cpython"} | system
    for python, system in product(PYTHONS, SYSTEMS)
]


def entries(text: str) -> list[tuple[str, list[str]]]:
    """A lock's entries: the requirement in words, and its options."""
    lines = text.replace("\\\n", " ").splitlines()
    return [(words.strip(), options) for words, *options in (line.split(" --") for line in lines if line.strip())]


def pins(lock: str, machine: dict[str, str]) -> dict[str, tuple[str, frozenset[str]]]:
    """What a lock installs on a machine: name -> (the one version, its hashes). Two for one name fail."""
    found = {}
    for words, options in entries((ROOT / lock).read_text()):
        asked = Requirement(words)
        if asked.marker is None or asked.marker.evaluate(machine):
            name = canonicalize_name(asked.name)
            assert name not in found, f"{lock} pins {name} twice on {machine}"
            found[name] = (str(asked.specifier).removeprefix("=="), frozenset(option.strip() for option in options))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_is_one_version_with_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert " @ " not in text
    for words, options in entries(text):
        assert re.fullmatch(r"[a-z0-9-]+==[^\s,;*]+( ; .+)?", words), words
        assert options, f"{words} has no hash"
        assert all(re.fullmatch(r"hash=sha256:[0-9a-f]{64}", option.strip()) for option in options), words


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: f"{m['python_version']}-{m['sys_platform']}")
def test_what_pyproject_asks_for_is_pinned_within_its_bounds(machine):
    asked = {
        "requirements.lock": PROJECT["dependencies"],
        "requirements-dev.lock": PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"],
    }
    for lock, dependencies in asked.items():
        pinned = pins(lock, machine)
        for dependency in map(Requirement, dependencies):
            version, _ = pinned.get(canonicalize_name(dependency.name), ("none at all", None))
            assert version in dependency.specifier, f"{lock}: pyproject asks for {dependency}, pinned is {version}"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: f"{m['python_version']}-{m['sys_platform']}")
def test_the_development_lock_only_adds_to_the_other(machine):
    suite, development = (pins(lock, machine) for lock in LOCKS)
    assert {name: development.get(name) for name in suite} == suite


def test_what_the_package_imports_is_locked_without_the_development_extra():
    imported = {
        name.split(".")[0]
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    by_name = importlib.metadata.packages_distributions()
    locked = pins("requirements.lock", MACHINES[0])
    for name in sorted(imported - sys.stdlib_module_names - {"crmnb"}):
        offered = {canonicalize_name(distribution) for distribution in by_name.get(name, ())}
        assert offered & set(locked), f"src imports {name}, which requirements.lock does not install"


def test_the_conda_file_holds_python_pip_and_the_lock_and_nothing_else():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda["name"] == PROJECT["name"]
    assert conda["channels"] == ["conda-forge"]
    python, pip, through_pip = conda["dependencies"]
    assert pip == "pip"
    assert through_pip == {"pip": ["--requirement requirements.lock"]}
    name, bounds = python.split(" ")
    assert name == "python"
    offered = [f"3.{minor}" for minor in range(30) if f"3.{minor}" in SpecifierSet(bounds)]
    assert offered == list(PYTHONS)
    assert all(python in SpecifierSet(PROJECT["requires-python"]) for python in offered)


def test_conda_and_make_install_the_package_by_the_same_words():
    words = "--no-deps --no-build-isolation --editable ."
    assert f"python -m pip install {words}" in (ROOT / "environment.yml").read_text()
    assert words in (ROOT / "Makefile").read_text()


def test_the_files_that_pyproject_names_are_there():
    named = [PROJECT["readme"], *PROJECT["license-files"]]
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert PROJECT["license"] == "Apache-2.0"
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
