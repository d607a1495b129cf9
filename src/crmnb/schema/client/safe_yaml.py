"""Safe YAML: plain data only, unique keys, and no surprising types.

YAML 1.1 reads `no` as false, `010` as 8 and `12:30` as 750. In a parameters file these are codes of the client, so only
`true` and `false`, plain numbers and empty values get a type here (dates are parsed later).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from crmnb.core.errors import InputError
from crmnb.schema.client.yaml_errors import describe_yaml_error, find_cut_value


class _Loader(yaml.SafeLoader):
    """A safe loader that also rejects anchors, aliases, objects and duplicate keys."""

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _problem(event, "anchors and aliases (& and *) are not allowed; repeat the value")
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
                raise _problem(key_node, f"the key {key_node.value!r} occurs twice (first on line {first})")
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


Place = tuple[str, ...]  # the way to a value: the keys and list positions above it, as texts


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """The keys and values of a YAML file, and the line of each (from 1).

    Raises InputError, with the line, for anything but plain data in UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: the file is not UTF-8. Save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        line, problem = describe_yaml_error(error, text.splitlines())
        raise InputError(f"{path}, line {line}: {problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise InputError(f"{path}: lists or mappings are nested too deeply.") from None
    if not isinstance(data, dict):
        raise InputError(f"{path} must hold keys and values, such as `name: Corner shop`.")
    if line := find_cut_value(text.splitlines()):
        raise InputError(
            f"{path}, line {line}: a # after a blank begins a comment, which cuts the value. Put the value in quotes."
        )
    return data, dict(_lines(node, ()))


def _lines(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    """The place of each key and value below a node, with its line."""
    if isinstance(node, yaml.MappingNode):
        children = [(key.value, key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(str(number), value, value) for number, value in enumerate(node.value)]
    else:
        return
    for name, key, value in children:
        yield (*place, name), key.start_mark.line + 1
        yield from _lines(value, (*place, name))


def _problem(node: Any, text: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)
