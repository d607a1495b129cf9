"""The text of a parameters file: whatever a file or a header is called, YAML reads it back as it was."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from crmnb.setup.project_files import write_parameters
from crmnb.setup.yaml_text import flow, scalar

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
_HOSTILE = [
    "yes",
    "no: # x",
    "- a",
    "{}",
    "~",
    "0042",
    "1e3",
    "2025-01-01",
    "a: b",
    "'",
    '"',
    "\\",
    "\n",
    "\u2028",
    "*a",
    "&a",
    "!x",
    "%",
    "@",
    "\x1b[31m",
    "😀",
]


@given(_TEXTS)
def test_every_text_is_read_back(text):
    assert yaml.safe_load(scalar(text)) == text
    assert yaml.safe_load(f"a: {scalar(text)}   # why") == {"a": text}


@given(
    st.recursive(
        _TEXTS | st.booleans() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner),
        max_leaves=8,
    )
)
def test_every_value_is_read_back(value):
    assert yaml.safe_load(flow(value)) == value


def test_hostile_texts_are_read_back():
    assert [yaml.safe_load(scalar(text)) for text in _HOSTILE] == _HOSTILE


def test_hostile_headers_and_file_names_make_a_file_that_is_read(tmp_path):
    project = tmp_path / "p"
    (project / "parameters/shop").mkdir(parents=True)
    file = project / "parameters/shop/or'ders: #1\n[x].csv"
    file.write_text(
        '"order no","order date","total","status","customer","odd: ""#""\n{x}"\n1,2025-01-31,5.00,paid,7,a\n2,2025-02-01,6.50,paid,8,b\n'
    )
    written = write_parameters(project, [file])
    read = yaml.safe_load(written.path.read_text(encoding="utf-8"))
    (source,) = read["sources"].values()
    assert (project / "parameters" / source["file"]).resolve() == file.resolve()
    assert read["tables"]["orders"]["columns"]["ordered_at"] == "order date"
