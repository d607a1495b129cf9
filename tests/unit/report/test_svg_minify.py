"""The SVG made small: what is drawn stays where it was, and words stay as they are."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from pictured import texts
from synthetic import rate, result

from crmnb.report.drawing.svg_minify import slim
from crmnb.report.html import picture_address, picture_of

HEAD = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt" version="1.1">'


def _path(points: np.ndarray) -> str:
    return "M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in points) + " "


def _drawn(svg: str) -> np.ndarray:
    """The corners of the only path, from its commands."""
    here, found = np.zeros(2), []
    for letter, amounts in re.findall(r"([Mlhv])([^Mlhvz]*)", re.search(r' d="([^"]+)"', svg)[1]):
        told = [float(x) for x in re.findall(r"-?\d*\.?\d+", amounts)]
        told = [told[0], 0] if letter == "h" else [0, told[0]] if letter == "v" else told
        for move in zip(told[::2], told[1::2], strict=True):
            here = here + move
            found.append(here)
    return np.array(found)


def _distance(point: np.ndarray, corners: np.ndarray) -> float:
    """From a point to a line with corners, the dumb way: to ten thousand places along it."""
    places = np.linspace(0, len(corners) - 1, 10_000)
    along = [np.interp(places, range(len(corners)), corners[:, axis]) for axis in (0, 1)]
    return float(np.hypot(along[0] - point[0], along[1] - point[1]).min())


@pytest.mark.parametrize("wild", [0.0, 0.05, 3.0])
def test_no_point_of_a_line_moves_by_more_than_can_be_seen(wild):
    x = np.linspace(10, 700, 90)
    y = 300 * np.exp(-x / 200) + wild * np.random.default_rng(1).normal(size=len(x))
    corners = _drawn(slim(f'{HEAD}<path d="{_path(np.column_stack([x, y]))}" style="fill: none; stroke: red"/></svg>'))
    assert (
        max(_distance(point, corners) for point in np.column_stack([x, y])) < 0.1 + 0.1 + 0.05
    )  # and roundings, sampling
    assert len(corners) < 60 if wild < 1 else len(corners) > 80


def test_steps_keep_their_corners():
    steps = np.array([(0, 0), (10, 0), (10, 5), (20, 5), (20, 7.5), (20, 9), (30.06, 9)])
    small = slim(f'{HEAD}<path d="{_path(steps)}" style="fill: none; stroke: red"/></svg>')
    assert 'd="M0 0h10v5h10v4h10.1"' in small


def test_a_look_that_recurs_stands_once_and_what_is_not_seen_is_gone():
    line = '<path d="M 0.5 1 L 3 4 " style="fill: none; stroke: red"/>'
    small = slim(f'{HEAD}{line}{line}<path d="M 0 0 L 1 0 L 1 1 z " style="fill: none"/></svg>')
    seen = '<path d="M.5 1l2.5 3M.5 1l2.5 3" class="a"/>'
    assert small.endswith(f"<style>.a{{fill:none;stroke:red}}</style>{seen}</svg>")


def test_a_circle_of_one_colour_is_a_point_and_alike_texts_are_a_group():
    figure = result([rate(40 + at, 60, 5, part=f"2025-{at:02}") for at in range(1, 13)]).plot("trend")
    assert len(re.findall(r"M[\d.]+ [\d.]+h0", figure.svg)) == 12
    assert "<circle" not in figure.svg
    names = re.findall(r"<text [^>]*>(?:Feb|Mar|Nov)</text>", figure.svg)
    assert len(names) == 3
    assert not any("class" in name for name in names)  # their group has it


def test_an_address_gives_its_picture_back():
    figure = result([rate(40 + at, 60, 5, part=f"2025-{at:02}") for at in range(1, 13)]).plot("trend")
    for in_list in (True, False):
        address = picture_address(figure.svg, in_list=in_list)
        assert not re.search(r'[<>"#]', address)
        assert (" " in address) is not in_list
        back = ElementTree.fromstring(picture_of(address))  # noqa: S314 -- ours
        assert ["".join(text.itertext()) for text in back.iter("{http://www.w3.org/2000/svg}text")] == texts(figure)
    assert picture_of("data:image/png;base64,AAAA") == ""


def test_words_are_not_touched():
    words = 'M 0.50 L 1.2345 style="fill: none" id="x" \'a\'  b : c; d'
    assert f">{words}</text>" in slim(f'{HEAD}<text style="fill: red">{words}</text></svg>')


def test_markers_are_found_by_their_new_names():
    marker = '<defs><path id="m0123456789" d="M 0 3.5 C 0.9 3.5 1.8 3.1 2.5 2.5 z " style="stroke: red"/></defs>'
    use = '<use xlink:href="#m0123456789" x="1.25" y="2" style="stroke: red; fill: blue"/>'
    small = slim(f"{HEAD}<g id='gone'>{marker}{use}</g></svg>")
    assert '<path id="a" d="M0 3.5C.9 3.5 1.8 3.1 2.5 2.5z"/>' in small
    assert '<use href="#a" x="1.2" y="2" style="stroke:red;fill:blue"/>' in small


def test_marks_of_straight_lines_are_paths_where_they_stood():
    shape = '<defs><path id="m1" d="M 0 5 L 5 0 L 0 -5 L -5 0 z " style="stroke: red"/></defs>'
    round_ = '<defs><path id="c1" d="M 0 3 C 1 3 2 2 3 0 C 3 1 2 2 0 3 z " style="stroke: red"/></defs>'
    uses = [
        f'<g><use xlink:href="#{m}1" x="{x}" y="30" style="fill: red"/></g>'
        for m, x in (("m", 10.5), ("m", 20), ("c", 9), ("m", 40))
    ]
    empty = '<path d="M 7 7 " style="fill: none; stroke: red"/>'
    small = slim(f"{HEAD}{shape}{round_}{empty}{''.join(uses)}</svg>")
    assert re.findall(r'<path d="(M[^"]*)"', small) == [
        "M10.5 35l5-5-5-5-5 5zM20 35l5-5-5-5-5 5z",
        "M40 35l5-5-5-5-5 5z",
    ]
    assert small.count("<use") == small.count("<defs>") == 1
