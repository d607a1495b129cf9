"""The campaign's tables: what was drawn of one, and from that its declaration and its files."""

import gzip
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from campaign_defects import DEFECTS, ORIGIN

from crmnb.schema.tables import Column, Table

TEXTS = ("web", "Shop 7", "a b", "é à ü", "007", "5.0", "yes", "x, y; z", 'say "hi"', "NULL", "nan", "日本 \U0001f600")


PARENT = "refunded order"
KIND = "kind of row"  # of which `where` keeps some
KINDS = ("sale", "Total", "sales, more", "")
CONSTANTS = {
    **{"money": "10.5", "number": "1.25", "integer": "1", "flag": "true", "text": "web"},
    **{"time": "2024-05-06 07:00", "month": "2024-05"},
}  # by type, in the notation of a parameters file
MARKS = ("Z", " UTC", " -0500", "+02:00", " GMT+2", "+02", " UTC-03:30")
MOVES = re.compile("epoch|UTC|%z")
_UNITS = {"epoch_s": timedelta(seconds=1), "epoch_ms": timedelta(milliseconds=1), "epoch_us": timedelta(microseconds=1)}


@dataclass(frozen=True)
class Dialect:
    """How a table is written down."""

    delimiter: str = ","
    encoding: str = "utf-8"
    marks: tuple[str, str | None] = (".", "")
    sign: str = ""
    form: str | tuple[str, ...] | None = None
    zone: str | None = None  # of times without a mark
    minus: str = "-{}"
    missing: tuple[str, ...] = ()
    newline: str = "\n"
    titles: int = 0
    packed: bool = False
    all_quoted: bool = False
    files: int = 1
    shift: int = 0  # of the columns' order
    extra: tuple[str, ...] = ()  # headers that nobody maps

    @property
    def forms(self) -> tuple[str | None, ...]:
        """The formats of times."""
        return self.form if isinstance(self.form, tuple) else (self.form,)

    @property
    def keeps_walls(self) -> bool:
        """Whether a time stands there as the client's clock shows it."""
        return self.zone is None and not any(MOVES.search(form or "") for form in self.forms) and len(self.forms) == 1

    def fits(self, text: str) -> str:
        """The text as far as the encoding can hold it."""
        return text.encode(self.encoding, "replace").decode(self.encoding)


@dataclass(frozen=True, repr=False)
class Drawn:
    """A table as it was drawn: rows are (number, defects, shape), a defect is (column, kind)."""

    table: Table
    columns: tuple[Column, ...]
    dialect: Dialect
    rows: tuple[tuple[int, tuple[tuple[int, int], ...], str], ...]
    allowed: float | None = 1
    wrong: str = ""
    refunds: tuple[str, ...] = ()  # "parent", "stand_alone": what rows with negative amounts are
    constants: tuple[str, ...] = ()  # columns that are the same in all rows
    numbered: bool = False  # whether the place of a row is its key
    after: int = 0  # records after the header that are no data
    fill_down: tuple[int, ...] = ()  # places of columns of which some cells are empty, for the value above them
    where: tuple[str, int] = ("", 0)  # "source" or "table", and which condition

    def __repr__(self) -> str:
        return self.table.name

    @property
    def in_file(self) -> tuple[Column, ...]:
        """The columns that the file holds."""
        own = {*self.constants, *(self.table.key[:1] if self.numbered else ())}
        return tuple(column for column in self.columns if column.name not in own)

    @property
    def filled(self) -> list[str]:
        """The headers of the columns that are filled down."""
        return list(dict.fromkeys(self.headers[place % len(self.headers)] for place in self.fill_down))

    @property
    def conditions(self) -> dict:
        """What `where` says."""
        forms = ({KIND: {"not": "Total"}}, {KIND: ["sale", "Total"]}, {KIND: {"starts_with": "sale"}})
        more = ({KIND: {"filled": True}}, {self.headers[0]: {"filled": True}, KIND: {"not": ["Total", "sale"]}})
        return ((*forms, *more)[self.where[1] % 5]) if self.where[0] else {}

    @property
    def headers(self) -> list[str]:
        """Their names of the columns that the file holds, in the order of ours."""
        forms = ("{0}", "{0} (€)", '"{0}", as known', "{1}. {0}\tx", " {0} ")
        return [
            self.dialect.fits(forms[place * len(self.table.name) % len(forms)].format(column.name.upper(), place))
            for place, column in enumerate(self.in_file)
        ]

    @property
    def source(self) -> dict:
        """The source as the parameters file declares it."""
        d = self.dialect
        declared = {"file": f"{self.table.name}{'_*' * (d.files > 1)}.csv{'.gz' * d.packed}"}
        decimal, thousands = d.marks
        declared |= {"delimiter": d.delimiter} if d.delimiter != "," else {}
        declared |= {"encoding": d.encoding} if d.encoding not in ("utf-8", "utf-8-sig") else {}
        declared |= {"decimal": decimal, "thousands": thousands} if thousands is not None else {}
        declared |= {"signs": [d.sign]} if d.sign else {}
        declared |= {"date_format": list(d.forms) if d.form != d.forms[0] else d.form} if d.form else {}
        declared |= {"time_zone": d.zone} if d.zone else {}
        declared |= {"missing": list(d.missing)} if d.missing else {}
        declared |= {"header": d.titles + 1} if d.titles else {}
        declared |= {"rows_after_header": self.after} if self.after else {}
        declared |= {"fill_down": self.filled} if self.fill_down else {}
        declared |= {"where": self.conditions} if self.where[0] == "source" else {}
        match self.wrong:
            case "delimiter":
                declared["delimiter"] = next(mark for mark in ";,|" if mark != d.delimiter)
            case "header":
                declared["header"] = 1
            case "decimal":
                declared |= {"decimal": "," if decimal == "." else ".", "thousands": ""}
            case "form":
                declared["date_format"] = "%d-%m-%Y"
            case "utf-16" | "encoding":
                declared.pop("encoding", None)
            case "not utf-16":
                declared["encoding"] = "utf-16"
        return declared

    @property
    def mapping(self) -> dict:
        """The table as the parameters file declares it."""
        headers = dict(zip((column.name for column in self.in_file), self.headers, strict=True))
        columns = {column.name: headers.get(column.name) or self._own_value(column) for column in self.columns}
        own = {column.name: column.type for column in self.columns if column.name.startswith("own_")}
        if self.wrong == "column":
            columns[self.in_file[0].name] += " no"
        declared = {"source": f"s_{self.table.name}", "columns": columns}
        declared |= {"types": own} if own else {}
        is_paid = "status" in columns and "paid" in (
            self.table.by_name["status"].one_of if "status" in self.table.by_name else ()
        )
        declared |= {"values": {"status": {"bezahlt": "paid", "?!": ""}}} if is_paid else {}
        rule = {"parent": PARENT, "stand_alone": True}
        declared |= {"refunds": {name: rule[name] for name in self.refunds}} if self.refunds else {}
        declared |= {"where": self.conditions} if self.where[0] == "table" else {}
        return declared | ({} if self.allowed is None else {"bad_rows_allowed": self.allowed})

    def _own_value(self, column: Column) -> dict:
        """What the mapping says of a column that the file does not hold."""
        if column.name not in self.constants:
            return {"row_number": True}
        if column.name == "currency":
            return {"value": ("EUR", "USD", "jpy")[len(self.columns) % 3]}
        if column.name == "scale":
            return {"value": 5}
        return {"value": column.one_of[0] if column.one_of else CONSTANTS[column.type]}

    @property
    def files(self) -> dict[str, bytes]:
        """The files by name."""
        d, found = self.dialect, {}
        for number in range(d.files):
            name = self.source["file"].replace("*", str(number))
            rows = [row for place, row in enumerate(self.rows) if place % d.files == number]
            content = self._text(rows, d.shift + number).encode(d.encoding)
            if self.wrong == "encoding":
                content = self._text(rows, d.shift).replace("\ufeff", "").encode("cp1252", "replace") + b"\xe9"
            found[name] = gzip.compress(content, 1) if d.packed else content
        return found

    def _text(self, rows: list, shift: int) -> str:
        d = self.dialect
        headers = [*self.headers, *self.extra]
        if self.wrong == "repeated":
            headers[-1] = headers[0]
        lines = [self._line([f"Report {n}", "", ""][: n + 1], 0) for n in range(d.titles)] + [
            self._line(headers, shift)
        ]
        lines += [self._line([f"Question {n} of {header}" for header in headers], shift) for n in range(self.after)]
        for row in rows:
            lines += self._lines(row, shift)
        if self.wrong == "unclosed":
            lines.append('"never closed' + d.delimiter)
        ends = ("\n", "\r\n", "\r") if d.newline == "mixed" else (d.newline,)
        return "".join(line + ends[place % len(ends)] for place, line in enumerate(lines))

    def _lines(self, row: tuple, shift: int) -> list[str]:
        number, _, shape = row
        cells = [*self.cells(row), *(self._more(header, number) for header in self.extra)]
        match shape:
            case "few":
                some = cells[: number % len(cells)]
                return [self._line(some if any(some) else ["few"], shift)]  # an empty line would be no record
            case "many":
                return [self._line([*cells, "one", "two"][: len(cells) + 1 + number % 2], shift)]
            case "header":
                return [self._line([*self.headers, *self.extra], shift)]
            case "blank":
                return ["", self._line(cells, shift)]
            case "empty":
                return [self._line([""] * len(cells), shift)]
            case "broken":
                return [f'"{number}"x' + self.dialect.delimiter + self._line(["a"] * (len(cells) - 1), 0)]
        return [self._line(cells, shift)]

    @property
    def extra(self) -> tuple[str, ...]:
        """The headers that no column of ours has."""
        return (
            *self.dialect.extra,
            *([PARENT] if "parent" in self.refunds else []),
            *([KIND] if self.where[0] else []),
        )

    def _more(self, header: str, number: int) -> str:
        """The text of another column: the order that a row refunds, what kind of row it is, or a remark."""
        if header == KIND:
            return KINDS[number % len(KINDS)]
        if header != PARENT:
            return f"more {number}"
        return self.dialect.fits(self.right(self.columns[0], 0, number // 2)) if number % 5 else ""

    def _line(self, cells: list[str], shift: int) -> str:
        shift = shift % len(cells) if cells else 0
        d = self.dialect
        must = (d.delimiter, '"', "\n", "\r")
        return d.delimiter.join(
            '"' + cell.replace('"', '""') + '"' if d.all_quoted or any(mark in cell for mark in must) else cell
            for cell in map(d.fits, (*cells[shift:], *cells[:shift]))
        )

    def cells(self, row: tuple) -> list[str]:
        """A row's cells in the order of our columns in the file, with its defects."""
        number, defects, _ = row
        cells = [self.right(column, place, number) for place, column in enumerate(self.in_file)]
        names = [column.name for column in self.in_file]
        if self.refunds and number % 3 == 2 and "amount" in names:
            at = names.index("amount")
            cells[at] = self.dialect.minus.format(
                cells[at] if number % 2 else self.number(Decimal(3), self.in_file[at])
            )
        for place in self.fill_down if number % 3 == 1 else ():
            cells[place % len(cells)] = ""
        for place, kind in defects:
            place %= len(cells)
            cells[place] = DEFECTS[kind % len(DEFECTS)](cells[place], self.in_file[place], self)
        return [self.dialect.fits(cell) for cell in cells]

    def right(self, column: Column, place: int, number: int) -> str:
        """The text of a right value of the column at a place, in the row of a number."""
        if column.name == "currency":
            return ("EUR", "eur", "usd", "JPY")[number % 4]
        if column.name == "quantity":
            return self.number(Decimal(number % 3 + 1), column)
        if column.one_of:
            return (*column.one_of, "bezahlt")[number % (len(column.one_of) + 1)]
        match column.type:
            case "key":
                style = ("{:03}", "K{}", "{}", "{}.0", "ä-{}")[(place + len(self.table.name)) % 5]
                return style.format(number if column.name in self.table.key else number % 7)
            case "text":
                return TEXTS[(number + place) % len(TEXTS)]
            case "flag":
                return ("true", "No", "1", "0", "y", "FALSE")[(number + place) % 6]
            case "time" | "month":
                return self.time(ORIGIN + timedelta(days=number * 7 % 300 + place * 2, hours=number * 6 % 24), column)
        return self.number(_amount(column, number), column)

    def time(self, moment: datetime, column: Column) -> str:
        """A time as the dialect writes it."""
        form = self.dialect.forms[moment.day % len(self.dialect.forms)]
        if form in _UNITS:
            return str((moment - datetime(1970, 1, 1)) // _UNITS[form])
        if form == "excel":
            days = Decimal((moment - datetime(1899, 12, 30)) // timedelta(seconds=1)) / 86400
            return format(days, "f").replace(".", self.dialect.marks[0])
        if form:
            return moment.strftime(form.replace(" %z", MARKS[moment.day % len(MARKS)]))
        if column.type == "month" and moment.day % 2:
            return f"{moment:%Y-%m}"
        if moment.day % 8 == 5:
            return f"{moment:%Y-%m-%d %H:%M}{MARKS[moment.month % len(MARKS)]}"
        return f"{moment:%Y-%m-%d}{(f'{moment: %H:%M}', f'T{moment:%H:%M:%S}', '', f'{moment: %H:%M:%S}.250')[moment.day % 4]}"

    def number(self, amount: Decimal, column: Column) -> str:
        """A number as the dialect writes it."""
        if self.wrong == "points" and column.type in ("money", "number"):
            return f"{amount % 9 + 1:.3f}"
        decimal, thousands = self.dialect.marks
        if amount < 0 and self.dialect.minus != "-{}":
            return self.dialect.minus.format(self.number(-amount, column))
        text = f"{amount:,}" if thousands else f"{amount}"
        text = text.translate({ord("."): decimal, ord(","): thousands})
        sign = self.dialect.sign
        return f"{text} {sign}" if sign == "€" else f"{sign}{text}"


def _amount(column: Column, number: int) -> Decimal:
    """A right number for a column."""
    if column.type == "integer":
        return Decimal(number % 5 + 1)
    if column.name == "sentiment":
        return Decimal(number % 9 - 4) / 4
    if column.at_most is not None or column.name == "scale":
        return Decimal("1.25") if column.name != "scale" else Decimal(5)
    return Decimal(number * 12_345_678 % 99_999_999) / 100 if number % 2 else Decimal(number) + Decimal("10.5")
