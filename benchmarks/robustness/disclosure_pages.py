"""What a report's pages print, read back from HTML and drawings: every figure with the range that its digits leave.

Read: tables, scorecards, tiles, sentences, alternative texts and captions; and, through `benchmarks.robustness.disclosure_drawings`, what the marks of
the drawings stand at. The reader knows what everybody may: the titles of the metrics, and the names of groups, which the results file lists.
"""

import re
from calendar import month_name
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from bs4 import BeautifulSoup, Tag

from benchmarks.robustness.disclosure_drawings import bar_marks, marks, spark_marks
from crmnb.metrics.definition import catalogue
from crmnb.report.html import picture_of

NUMBER = re.compile(r"([\u2212-])?[\s\u2060]?[€$£]?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(M| years?)?")
_UNITS = {"": 1.0, "M": 1e6, " year": 365.25, " years": 365.25}
_COUNTED = re.compile(r"(\d[\d,]*) (of|against) (\d[\d,]*) ")
_OF_CUSTOMERS = re.compile(r"(\d[\d,]*) [\w' -]+ from (\d[\d,]*) customers")
_PLAIN = re.compile(r"; (?:n )?(\d[\d,]*)(?: [\w' -]+)?$")
_SMALL = re.compile(
    r"(?<![\w.,€\u2212/-])(\d+(?:,\d{3})*) (?:of|customers?|buyers?|orders?|leads?|answers?|visitors?|losses)\b(?! of)"
)
_DAYS = {"day": 1.0, "month": 365.25 / 12, "year": 365.25, "week": 7.0}
_FIGURES = {"Value": "value", "n": "n", "At risk": "n", "Customers followed": "n"}


class Printed(NamedTuple):
    """A figure on a page: of which row (and, on a curve, at which x), from where to where it may lie, and where it stands."""

    row: tuple[str, str, str, str, str]  # metric, breakdown, part, segment, level
    figure: str
    low: float
    high: float
    where: str
    at: float | None = None


class Names:
    """The rows of a report by what pages call them."""

    def __init__(self, rows: pd.DataFrame, period: str = "2025"):
        """rows: of the results file, hidden ones included."""
        self.period = period
        self.titles = sorted(
            ((metric.title, id_) for id_, metric in catalogue().items()), key=lambda pair: -len(pair[0])
        )
        self.keys: dict[str, set[tuple[str, str, str, str, str]]] = {}
        for key in rows[["metric", "breakdown", "part", "segment", "level"]].itertuples(index=False, name=None):
            self.keys.setdefault(key[0], set()).add(key)
        self.parts = {month_name[month]: f"{period}-{month:02}" for month in range(1, 13)}

    def metric(self, text: str) -> tuple[str, str] | None:
        """The metric whose title a text begins with, and the rest of the text."""
        for title, id_ in self.titles:
            if text.startswith(title) and not text[len(title) : len(title) + 1].isalnum():
                return id_, text[len(title) :]
        return None

    def breakdown(self, metric: str, words: str) -> str | None:
        """The breakdown that words stand for; None where there is none of that name."""
        known = {key[1] for key in self.keys.get(metric, ())}
        month, _, after = words.partition(", +")
        name, _, year = month.partition(" ")
        if after and name in self.parts:
            words = f"{year}{self.parts[name][4:]} +{after}"
        return next((each for each in known if words in (each, re.sub(r"^\d+ ", "", each))), None)

    def row(self, title: str, label: str = "") -> tuple[str, str, str, str, str] | None:
        """The row of a line: a table's title (`CSAT, support by region`) and the line's label; None where nothing fits."""
        found = self.metric(title)
        if found is None:
            return None
        metric, rest = found
        head, _, by = rest.split(":")[0].removesuffix(f", {self.period}").partition(" by ")
        breakdown = self.breakdown(metric, head.removeprefix(", ").removesuffix(f", {self.period}"))
        if breakdown is None and head:
            return None
        for key in self._readings(metric, breakdown or "", by.replace(" ", "_"), label):
            if key in self.keys[metric]:
                return key
        return None

    def _readings(self, metric: str, breakdown: str, by: str, label: str) -> Iterator[tuple[str, str, str, str, str]]:
        before, _, last = label.rpartition(", ")
        if not label or label in ("Whole client", "all"):
            yield metric, breakdown, "", "", ""
            return
        for named, name in ((breakdown, label), (self.breakdown(metric, before) or breakdown, last)):
            if name in self.parts:
                yield metric, named, self.parts[name], "", ""
            yield metric, named, "", by, name
        if (named := self.breakdown(metric, label)) is not None:
            yield metric, named, "", "", ""


def ends(text: str) -> list[tuple[float, float]]:
    """The numbers of a text, each as the range of what is rounded to it."""
    found = []
    numbers = NUMBER.findall(text)
    shared = numbers[-1][3] if numbers and "year" in numbers[-1][3] else ""  # `3.0 to 3.2 years`
    for sign, whole, places, unit in numbers:
        size = _UNITS[unit or shared]
        value = float(whole.replace(",", "") + places) * (-size if sign else size)
        half = 0.5 * size * 10.0 ** -max(len(places) - 1, 0)
        found.append((value - half, value + half))
    return found


def counts(text: str) -> list[float]:
    """The whole numbers of a text."""
    return [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*", text)]


def read(folder: Path, names: Names) -> list[Printed]:
    """All figures of a report's pages of which it can be said whose they are."""
    found: list[Printed] = []
    for page in sorted(folder.glob("*.html")):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for description in soup.select("dl.method, style"):
            description.decompose()
        for each in (_scorecards, _tiles, _sentences, _figures):
            found += [printed._replace(where=f"{page.name}: {printed.where}") for printed in each(soup, names)]
    return found


def small_counts(folder: Path, below: int) -> list[str]:
    """The sentences of notes and captions that count fewer than may be shown: `3 of 40 orders carry no customer`.

    How many of enough had something is left to the rows that say so: `3 of 40 leads were won` is a figure of forty.
    """
    found = []
    for page in sorted(folder.glob("*.html")):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for description in soup.select("dl.method, style, p.sentence, p.support, details.what"):
            description.decompose()
        for place in soup.select("p, li, dd, caption"):
            for sentence in re.split(r"(?<=[.;:]) ", _text(place)):
                if any(0 < float(few.replace(",", "")) < below for few in _SMALL.findall(sentence)):
                    found.append(f"{page.name}: {sentence}")
    return found


# ---- What stands where ------------------------------------------------------------------------------------------


def _text(tag: Tag | None) -> str:
    return " ".join(tag.get_text(" ", strip=True).split()) if tag else ""


def _scorecards(soup: BeautifulSoup, names: Names) -> Iterator[Printed]:
    for table in soup.select("table.scorecard"):
        title = ""
        for line in table.select("tbody tr"):
            head = line.th
            label = _text(head.summary) if head.summary else _text(head)
            if head.summary:
                found = names.metric(label)
                title = label[: len(label) - len(found[1])] if found else label
            row = names.row(label if head.summary else f"{title}, {label}")
            cells = {cell.get("class", [""])[0]: cell for cell in line("td")}
            if row is None or "value" not in cells:
                continue
            yield from _value(row, _text(cells["value"]), f"scorecard, {label}")
            yield from _interval(row, _text(cells["interval"].select_one(".ends")), f"scorecard, {label}")
            yield from _whole(row, "n", _text(cells["num"]), f"scorecard, {label}")


def _tiles(soup: BeautifulSoup, names: Names) -> Iterator[Printed]:
    for tile in soup.select("section.tile"):
        title = _text(tile.h3)
        row, value = names.row(title), tile.select_one("p.value")
        if row is None:
            continue
        if value:
            yield from _value(row, _text(value), f"tile, {title}")
        yield from _support(row, _text(tile.select_one("p.support")), f"tile, {title}")
        for bar in tile.select("svg.interval"):
            for mark in bar_marks(bar, ends):
                yield Printed(row, mark.figure, mark.low, mark.high, f"bar, {title}")
        extremes = _text(tile.select_one(".unseen"))
        told = {word: (ends(value)[0], month) for word, value, month in _EXTREME.findall(extremes) if ends(value)}
        for value, month in told.values():
            if whose := names.row(title, month):
                yield Printed(whose, "value", *value, f"spark, {title}")
        scale = {word: value for word, (value, _) in told.items()}
        for line in tile.select("svg.spark") if len(scale) == 2 else ():
            known = [key[2] for key in names.keys[row[0]] if key[1] == row[1] and key[2] and not key[3]]
            for mark in spark_marks(line, scale["lowest"], scale["highest"], sorted(known)):
                yield Printed((row[0], row[1], mark.label, "", ""), "value", mark.low, mark.high, f"spark, {title}")


_EXTREME = re.compile(r"(lowest|highest) (.+?) in (\w+)")


def _sentences(soup: BeautifulSoup, names: Names) -> Iterator[Printed]:
    for said in soup.select("p.sentence"):
        title, _, told = _text(said).partition(f", {names.period}: ")
        row = names.row(title)
        if row is not None and not told.startswith("not "):
            value, _, basis = told.partition(" (")
            yield from _value(row, value, f"sentence, {title}")
            yield from _support(row, basis.removesuffix(")"), f"sentence, {title}")


def _figures(soup: BeautifulSoup, names: Names) -> Iterator[Printed]:
    for figure in soup("figure"):
        caption = _text(figure.figcaption)
        table = figure.find("table")
        title = _text(table.caption) if table and table.caption and names.metric(_text(table.caption)) else caption
        found = names.metric(title)
        if found is None:
            continue
        if table:
            yield from _table(table, title, names)
        for image in figure("img"):
            kind, text = image["alt"].split(".")[0], image["alt"]
            yield from _alternative(text, title, names)
            if picture := picture_of(image["src"]):
                drawing = BeautifulSoup(picture, "html.parser").svg
                first = _text(table.th) if table else ""
                for mark in marks(drawing, kind, ends):
                    of_curve = mark.at is not None
                    row = _curve(found[0], first, mark.label) if of_curve else _whose(names, title, mark.label)
                    if row is not None:
                        where = f"drawing, {title}, {mark.label}"
                        yield Printed(row, mark.figure, mark.low, mark.high, where, mark.at)


def _whose(names: Names, title: str, label: str) -> tuple[str, str, str, str, str] | None:
    month = next((full for full in names.parts if len(label) >= 3 and full.startswith(label.rstrip("t")[:4])), None)
    return names.row(title, label) or (names.row(title, month) if month else None)


def _curve(metric: str, first: str, label: str) -> tuple[str, str, str, str, str]:
    """Of whom a curve is. first: the head of its table's first column, `Channel, time` of the levels of a segmentation."""
    by = first.removesuffix(", time").lower().replace(" ", "_")
    if not label or by == "time_since_the_start":
        return metric, "", "", "", ""
    return (metric, label, "", "", "") if by == "what" else (metric, "", "", by, label)


def _table(table: Tag, title: str, names: Names) -> Iterator[Printed]:
    columns = [_text(cell) for cell in table.tr("th")]
    for line in table("tr")[1:]:
        cells = [_text(cell) for cell in line(["th", "td"])]
        told = dict(zip(columns, cells, strict=False))
        label, at = _time(cells[0])
        row = names.row(title, label) if at is None else _curve(names.metric(title)[0], columns[0], label)
        if row is None or told.get("Value", "").startswith("not "):
            continue
        for column, figure in _FIGURES.items():
            if not (text := told.get(column)):
                continue
            where = f"table, {title}, {cells[0]}"
            if figure == "value":
                yield from (each._replace(at=at) for each in _value(row, text, where))
            else:
                yield from (each._replace(at=at) for each in _whole(row, figure, text, where))
        interval = next((text for column, text in told.items() if column.endswith(" CI")), "")
        yield from (each._replace(at=at) for each in _interval(row, interval, f"table, {title}, {cells[0]}"))


def _time(label: str) -> tuple[str, float | None]:
    """A line's label without its time, and the time in days."""
    found = re.fullmatch(r"(?:(.*), )?(\d+) (day|month|year|week)s?", label)
    return (found[1] or "", float(found[2]) * _DAYS[found[3]]) if found else (label, None)


def _alternative(text: str, title: str, names: Names) -> Iterator[Printed]:
    """The figures of an alternative text: `Highest web, 86%`, `Highest 100% (April)`, `Whole client 81%`."""
    of = [
        *(
            (label, value)
            for label, value in re.findall(r"(?:Highest|lowest|Only|Level) ([^;]+?), ([^;,]+?)[;.] ", text + " ")
        ),
        *((label, value) for value, label in re.findall(r"(?:Highest|lowest|last) ([^(]+?) \((\w+)[^)]*\)", text)),
        *(("", value) for value in re.findall(r"Whole client ([^.]+\d[^.]*(?:\.\d+)?)", text)),
    ]
    for label, value in of:
        if (row := names.row(title, label)) is not None and ends(value):
            yield Printed(row, "value", *ends(value)[0], f"alt, {title}, {label}")


def _value(row, text: str, where: str) -> Iterator[Printed]:
    if not text.startswith("not ") and (found := ends(text)):
        yield Printed(row, "value", *found[0], where)


def _interval(row, text: str, where: str) -> Iterator[Printed]:
    if len(found := ends(text)) == 2:
        yield Printed(row, "low", *found[0], where)
        yield Printed(row, "high", *found[1], where)


def _whole(row, figure: str, text: str, where: str) -> Iterator[Printed]:
    if found := counts(text):
        yield Printed(row, figure, found[0], found[0], where)


def _support(row, text: str, where: str) -> Iterator[Printed]:
    """What stands beside a value: its interval, and of how many: `95% CI 75% to 86%; 168 of 207 customers`."""
    if interval := re.search(r"CI ([^;]+)", text):
        yield from _interval(row, interval[1], where)
    text = re.sub(r"^[\d.]+% CI [^;]+$", "", text)
    if of := _COUNTED.search(text):
        yield from _whole(row, "numerator", of[1], where)
        yield from _whole(row, "denominator", of[3], where)
    elif of := _OF_CUSTOMERS.search(text):
        yield from _whole(row, "n", of[1], where)
        yield from _whole(row, "clusters", of[2], where)
    elif of := _PLAIN.search(f"; {text}"):
        yield from _whole(row, "n", of[1], where)
