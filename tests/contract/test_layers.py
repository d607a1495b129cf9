"""Imports go one way, metrics stay pure, a start stays light, and whatever is public says what it is."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from layers import LAYERS
from source_trees import PATHS, SOURCE, tree_of, trees

HEIGHT = {package: height for height, layer in enumerate(LAYERS) for package in layer}
# A package that imports less than its layer allows.
NARROWED = {
    "demo": {"core", "schema"},  # the simulated client is written like any other's files
    "stats": {"core"},  # statistics know no client: arrays and small frames in, estimates out
}

# Nothing here reads a file, draws, formats, knows the time of day or reaches the network.
NOT_FOR_METRICS = {
    *("os", "sys", "pathlib", "io", "shutil", "tempfile", "glob", "subprocess", "logging", "locale", "time", "random"),
    *("socket", "urllib", "http", "requests", "duckdb", "IPython", "jinja2", "markupsafe", "babel"),
    *("matplotlib", "seaborn"),
}
HEAVY = {
    *("pandas", "numpy", "scipy", "statsmodels", "sklearn", "vaderSentiment", "duckdb", "matplotlib", "seaborn"),
    *("nbconvert", "nbclient", "papermill", "IPython"),
}


def module_name(path: Path) -> str:
    """The name of a module within the package ("metrics.retention"; "" is the package itself)."""
    return ".".join(part for part in path.relative_to(SOURCE).with_suffix("").parts if part != "__init__")


@cache
def imports(tree: ast.AST, module: str) -> tuple[tuple[str, bool], ...]:
    """The full names that are imported anywhere in a module, and whether that happens as the module is imported."""
    return tuple(_imports(tree, module))


def _imports(tree: ast.AST, module: str) -> Iterator[tuple[str, bool]]:
    later = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node not in later) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: write imports in full (from crmnb.... import), not relative ones"
            yield from ((f"{node.module}.{alias.name}", node not in later) for alias in node.names)


def inside(imported: str, known: set[str]) -> str | None:
    """The module of the package that a full name lies in, None for the rest of the world."""
    if imported.split(".")[0] != "crmnb":
        return None
    name = imported.split(".")[1:]
    while name and ".".join(name) not in known:
        name.pop()
    return ".".join(name)


def misdirected(trees: dict[str, ast.Module]) -> list[str]:
    """Imports that go up or sideways, and packages that no layer names."""
    faults, known = [], set(trees)
    for module, tree in trees.items():
        package = module.split(".")[0]
        if package and package not in HEIGHT:
            faults.append(f"{module}: LAYERS does not say where {package} belongs")
            continue
        for imported, at_once in imports(tree, module):
            target = (inside(imported, known) or "").split(".")[0]
            if target not in HEIGHT or target == package:
                continue
            if not package:  # crmnb itself offers names from above, when they are asked for
                wrong = at_once
            else:
                wrong = HEIGHT[target] >= HEIGHT[package] or target not in NARROWED.get(package, {target})
            if wrong:
                faults.append(f"{module or 'crmnb'} imports {imported}")
    return faults


def impure(tree: ast.AST, module: str) -> list[str]:
    """What a metric has no business with: modules that touch the world, and calls that read, write or print."""
    found = [name for name, _ in imports(tree, module) if name.split(".")[0] in NOT_FOR_METRICS]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name in ("open", "print", "input", "now", "today") or name.startswith(("read_", "scan_", "write_", "sink_")):
            found.append(f"{name}()")
    return found


def undocumented(tree: ast.Module) -> list[str]:
    """The public classes, functions and methods without a docstring, and the module itself."""
    found = [] if ast.get_docstring(tree) else ["the module"]
    for holder in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        for node in holder.body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            private = named and (node.name.startswith("_") or getattr(holder, "name", "").startswith("_"))
            if named and not private and not ast.get_docstring(node):
                found.append(node.name)
    return found


def metric_names(trees: dict[str, ast.Module]) -> set[str]:
    """The names of all metrics: the functions that are declared as such."""
    return {
        node.name
        for module, tree in trees.items()
        if module.startswith("metrics.families.")
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(getattr(getattr(d, "func", None), "id", "") == "metric" for d in node.decorator_list)
    }


MODULES = {module_name(path): path for path in PATHS}


def test_imports_go_one_way():
    assert misdirected(trees(MODULES)) == []


def test_no_module_imports_itself_by_a_detour():
    known = set(MODULES)
    graph = {
        module: {inside(name, known) for name, at_once in imports(tree, module) if at_once} - {None, module}
        for module, tree in trees(MODULES).items()
        if module
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_what_takes_long_to_import_is_imported_where_it_is_used():
    """Every run and every command that knows the metrics would pay for it."""
    slow = ("scipy.stats", "statsmodels", "sklearn", "seaborn")
    found = [
        f"{module}: {name}"
        for module, tree in trees(MODULES).items()
        for name, at_once in imports(tree, module)
        if at_once and name.startswith(slow)
    ]
    assert found == []


@pytest.mark.parametrize(
    "module", [name for name in MODULES if name.startswith(("metrics.families.", "metrics.features.", "stats."))]
)
def test_metrics_and_models_touch_nothing_but_their_arguments(module):
    assert impure(tree_of(MODULES[module]), module) == []


def test_nothing_above_the_metrics_names_a_family_or_a_metric():
    """So that adding one touches one file."""
    names = metric_names(trees(MODULES))
    found = [
        f"{module}: {name}"
        for module, tree in trees(MODULES).items()
        if HEIGHT.get(module.split(".")[0], 0) > HEIGHT["metrics"]
        for name in [
            *(name for name, _ in imports(tree, module) if name.startswith("crmnb.metrics.families.")),
            *(n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value in names),
        ]
    ]
    assert found == []


@pytest.mark.parametrize("module", list(MODULES), ids=lambda name: name or "crmnb")
def test_whatever_is_public_has_a_docstring(module):
    assert undocumented(tree_of(MODULES[module])) == []


@pytest.mark.parametrize(
    "start",
    ["import crmnb", "import crmnb.cli", "import crmnb.run"]
    + [
        f"from crmnb.cli import main; main({words})"
        for words in (["--help"], ["run", "--help"], ["learn", "--help"], ["run", "nobody"])
    ],
)
def test_a_start_imports_nothing_heavy(start, tmp_path):
    """So that `crmnb --help` and a mistyped client's name answer at once, and a run's own process stays small."""
    program = f"import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted(sys.modules)))); {start}"
    (tmp_path / "parameters").mkdir()
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert sorted(HEAVY & set(json.loads(done.stdout.splitlines()[-1]))) == []


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("schema.client", "from crmnb.metrics.definition import Metric", 1),
        ("schema.client", "def f():\n    import crmnb.run", 1),
        ("core.errors", "if True:\n    from crmnb import cli", 1),
        ("stats.moments", "from crmnb.intake import store", 1),
        ("stats.survival", "from crmnb.schema.client import Churn", 1),
        ("demo.draw", "from crmnb.schema import client", 0),
        ("evaluate.result", "def f():\n    from crmnb.report.text import sentences", 1),
        ("", "from crmnb.workbook import open_workbook", 1),
        ("", "def __getattr__(name):\n    from crmnb.workbook import open_workbook", 0),
        ("utils", "import ast", 1),
        ("run.jobs", "from crmnb.core import folder_swap\nfrom crmnb.schema import client", 0),
    ],
)
def test_an_import_against_the_direction_is_seen(module, source, wrong):
    names = [
        "metrics.definition",
        "run",
        "cli",
        "report.text.sentences",
        "workbook",
        "core.folder_swap",
        "schema.client",
    ]
    trees = dict.fromkeys([*names, "intake.store"], ast.parse(""))
    assert len(misdirected(trees | {module: ast.parse(source)})) == wrong


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("import os", 1),
        ("from pathlib import Path", 1),
        ("import matplotlib.pyplot as plt", 1),
        ("def f(x):\n    return open(x)", 1),
        ("def f(x):\n    return pd.read_csv(x)", 1),
        ("def f():\n    return datetime.now()", 1),
        ("import narwhals.stable.v2 as nw\ndef f(orders):\n    return orders.filter(nw.col('a') > 1)", 0),
    ],
)
def test_a_metric_that_touches_the_world_is_seen(source, wrong):
    assert len(impure(ast.parse(source), "metrics.families.example")) == wrong


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("x = 1", ["the module"]),
        ('"""M."""\ndef f(): ...', ["f"]),
        ('"""M."""\ndef _f(): ...', []),
        ('"""M."""\nclass C:\n    """C."""\n    def m(self): ...\n    def __repr__(self): ...', ["m"]),
    ],
)
def test_a_missing_docstring_is_seen(source, wrong):
    assert undocumented(ast.parse(source)) == wrong


def test_the_name_of_a_metric_is_read_from_its_declaration():
    source = "@metric(title='')\ndef nps(answers): ...\ndef helper(): ...\n@cache\ndef other(): ..."
    assert metric_names({"metrics.families.satisfaction": ast.parse(source), "run": ast.parse(source)}) == {"nps"}
