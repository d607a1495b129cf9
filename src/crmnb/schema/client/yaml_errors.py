"""Errors of YAML in plain words: what is wrong on which line, and what to do."""

import re

import yaml

_QUOTE = "Put it in quotes"
_SIMILAR = "Lines of the same level begin in the same column, two blanks further right than the line they belong to."
_CUT = re.compile(r"""^\s*[^\s#'"][^#'"]*:\s+[^\s#'"\[{|>][^#'"]*\s\#\s*$""")  # key: value #


def describe_yaml_error(error: yaml.MarkedYAMLError, lines: list[str]) -> tuple[int, str]:
    """The line (from 1) and the description of an error in a file with these lines."""
    mark = error.problem_mark or error.context_mark
    number = mark.line + 1 if mark else 1
    begin = error.context_mark.line + 1 if error.context_mark else number
    problem, line = error.problem or error.context or "", lines[number - 1] if number <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return number, "the line is indented with a tab. Use blanks, two for each level."
    if "scanning a quoted scalar" in (error.context or ""):
        return begin, "a quote is opened and not closed."
    if problem == "mapping values are not allowed here":
        if ": " in line.partition(": ")[2]:
            return number, f'a value holds a colon and a blank, which mark a key. {_QUOTE}: `key: "a: b"`.'
        return number, f"the line is indented although the line above already has a value. {_SIMILAR}"
    if problem.startswith("expected ',' or"):
        bracket = problem[-12:].partition("but got")[0] and re.search(r"'([\]}])'", problem)[1]
        return (
            begin,
            f"a list or mapping in brackets is not closed: {bracket} is missing, or a comma between two values.",
        )
    if problem.startswith("expected <block end>"):
        return number, f"the indentation fits none of the lines above. {_SIMILAR}"
    if problem == "mapping keys are not allowed here" or problem.startswith("found character"):
        character = re.search(r"found character '(.+?)'", problem)
        return number, f"a value cannot begin with {character[1] if character else '?'}. {_QUOTE}."
    if problem.startswith("could not find expected ':'"):
        return begin, "a colon and a blank are missing between a key and its value."
    return number, f"{problem}."


def find_cut_value(lines: list[str]) -> int | None:
    """The number (from 1) of the first line whose value ends with a bare #, which YAML reads as an empty comment.

    Such a # belongs to a name ("Order #"), and without it another column would be meant.
    """
    return next((number for number, line in enumerate(lines, 1) if _CUT.match(line)), None)
