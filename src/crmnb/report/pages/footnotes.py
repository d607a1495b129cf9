"""Footnotes: a note that stands beside several figures of a page stands once, at its end, and each figure leads to it."""

from bs4 import BeautifulSoup, Tag

_LONG = 60  # characters: a shorter note is read faster than it is looked up
_UNITS = ".notes > span, .notes p > span, figure > p.note"  # where a single note, or those of a chart, stand


def with_footnotes(soup: BeautifulSoup) -> None:
    """Replace each long note that a page repeats by a mark, and list those notes in a section at the end of the page."""
    places: dict[str, list[Tag]] = {}
    for unit in soup.select(_UNITS):
        places.setdefault(unit.get_text(" ", strip=True), []).append(unit)
    repeated = {text: units for text, units in places.items() if len(units) > 1 and len(text) >= _LONG}
    if not repeated:
        return
    listed = soup.new_tag("ol", attrs={"class": "footnotes"})
    for number, units in enumerate(repeated.values(), 1):
        item = soup.new_tag("li", attrs={"id": f"note-{number}"})
        item.extend([child.extract() for child in list(units[0].contents)])
        listed.append(item)
        for unit in units:
            unit.clear()
            mark = soup.new_tag("a", attrs={"href": f"#note-{number}"})
            mark.string = f"Note {number}"
            unit.append(mark)
    heading = soup.new_tag("h2")
    heading.string = "Notes"
    soup.extend([heading, listed])
