"""YAML read safely: plain data only, each key once, nothing that means something else than it looks.

YAML 1.1 reads `no` as false, `010` as 8 and `12:30` as 750. In a parameters file such words are codes of a client's
own, so only `true` and `false`, plain numbers and empty values are more than text here (dates come of it later).
"""

import re
from pathlib import Path
from typing import Any

import yaml

from crmnb.core.errors import InputError


class _Loader(yaml.SafeLoader):
    """A safe loader that also refuses anchors, aliases, objects and repeated keys."""

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _problem(event, "anchors and aliases (& and *) are not allowed; write the value out")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _problem(event, f"the tag {tag!r} is not allowed; write plain values (text in quotes)")
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _problem(key_node, "a key must be a word, not a list or a mapping")
            if key_node.value in seen:
                first = seen[key_node.value]
                raise _problem(key_node, f"{key_node.value!r} is given twice (first on line {first})")
            seen[key_node.value] = key_node.start_mark.line + 1
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds. Raises InputError, with the line, for anything but plain data in UTF-8."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = wrong.object[: wrong.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: the file is not UTF-8. Save it as UTF-8.") from None
    except OSError as wrong:
        raise InputError(f"{path} cannot be read: {wrong.strerror}.") from None
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader, made stricter
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark else "?"
        raise InputError(f"{path}, line {line}: {wrong.problem or wrong.context}.") from None
    except (yaml.YAMLError, ValueError) as wrong:
        raise InputError(f"{path}: {' '.join(str(wrong).split())}.") from None
    except RecursionError:
        raise InputError(f"{path}: lists or mappings are nested too deeply.") from None
    if not isinstance(data, dict):
        raise InputError(f"{path} must hold keys and values, such as `name: Corner shop`.")
    return data


def _problem(where: Any, words: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=words, problem_mark=where.start_mark)
