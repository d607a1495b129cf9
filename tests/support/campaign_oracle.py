"""What an intake must make of a table, told in plain Python from the documented rules: the campaign's second route.

It takes a parameters file's content and the files' bytes, and imports nothing of the intake. The contract's columns come from
crmnb.schema.tables, which is where they are documented.
"""

import csv
import gzip
import io
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from crmnb.schema.tables import TABLES, Column, Table

BAD = object()  # stands there, and is no value of the type
BLANKS = " \t\n\r\v\f\u00a0\u2007\u202f\ufeff\u200b"
_FLAGS = {**dict.fromkeys(("true", "1", "yes", "y"), True), **dict.fromkeys(("false", "0", "no", "n"), False)}
_GROUPS = {" ": " \u00a0\u202f", "'": "'\u2019"}
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
_LOCAL = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T]{_CLOCK})?")
_MARK = re.compile(r" ?(?:(Z|UTC|GMT)|([+-])([0-9]{2}):?([0-9]{2})?|(?:UTC|GMT)([+-])([0-9]{1,2}):?([0-9]{2})?)$")
_UNITS = {"epoch_s": (11, 10**6), "epoch_ms": (14, 10**3), "epoch_us": (17, 1)}


@dataclass
class Row:
    """A record as it stands: its file, number and cells by header; `malformed` ones have what they have."""

    file: str
    record: int
    cells: dict[str, str]
    malformed: bool = False
    no_data: bool = False  # after the header, the header again, or left out by a condition
    excluded: bool = False  # that, or for its currency, or merged into the order that it refunds
    raw: dict[str, str] = field(default_factory=dict)  # the cells before they are filled down
    parent: str | None = None  # the order that it refunds
    typed: dict[str, Any] = field(default_factory=dict)  # the values of the cells, before others follow from them
    bad: set[str] = field(default_factory=set)  # columns whose value is not of their type
    skipped: set[str] = field(default_factory=set)  # times that the source's own clock never showed
    values: dict[str, Any] = field(default_factory=dict)
    reasons: set[str] = field(default_factory=set)


@dataclass
class Expected:
    """What must come of a table: its rows, judged, or a word for why it must be refused."""

    rows: list[Row]
    refusal: str = ""

    @property
    def accepted(self) -> list[tuple]:
        """The values of the accepted rows."""
        return [tuple(row.values.values()) for row in self.rows if not (row.reasons or row.excluded)]

    def total(self, column: str, *, accepted: bool) -> Decimal:
        """The sum of an amount over the rows that are accepted, or over the well-formed ones that are not."""
        judged = (row for row in self.rows if not (row.malformed or row.excluded))
        amounts = (row.values[column] for row in judged if (not row.reasons) is accepted)
        return sum((amount for amount in amounts if isinstance(amount, Decimal)), Decimal(0))


# ---- Records ----------------------------------------------------------------------------------------------


def text_of(content: bytes, encoding: str) -> str:
    """The text of a file's bytes. Raises UnicodeError where they are in another encoding."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    return content.decode("utf-8-sig" if encoding == "utf-8" else encoding).removeprefix("\ufeff")


def records(text: str, delimiter: str) -> list[list[str] | str]:
    """The records by Python's csv, blank ones too; in place of a broken one, why it is."""
    csv.field_size_limit(1 << 28)
    reader, found = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), []
    while True:
        try:
            found.append(next(reader))
        except StopIteration:
            return found
        except csv.Error as wrong:
            found.append(str(wrong))


def read(files: dict[str, bytes], source: dict, wanted: set[str]) -> Expected:
    """The rows of a source's files, not judged yet, or why they must be refused."""
    rows = []
    for name in sorted(files):
        try:
            text = text_of(files[name], source.get("encoding", "utf-8"))
        except UnicodeError:
            return Expected([], "encoding")
        found = [*enumerate(records(text, source.get("delimiter", ",")), 1)]
        sound = [(number, fields) for number, fields in found if number >= source.get("header", 1) and fields]
        if not sound:
            return Expected([], "structure")
        (_, header), *body = sound
        if isinstance(header, str):
            return Expected([], "structure")
        header = [one.strip() for one in header]
        if any(header.count(one) != 1 for one in wanted):
            return Expected([], "structure")
        if any("unexpected end" in fields for _, fields in body if isinstance(fields, str)):
            return Expected([], "quote")
        for place, (number, fields) in enumerate(body):
            after = place < source.get("rows_after_header", 0)
            if isinstance(fields, str):
                rows.append(Row(name, number, {}, malformed=True, no_data=after))
            else:
                again = len(header) > 1 and [cell.strip() for cell in fields] == header
                cells = {header[place]: cell for place, cell in enumerate(fields[: len(header)])}
                malformed = len(fields) != len(header)
                rows.append(Row(name, number, cells, malformed=malformed, no_data=after or again))
    return Expected(rows)


# ---- Values -----------------------------------------------------------------------------------------------


def cleaned(text: str | None, source: dict) -> str | None:
    """What stands in a cell without blanks around it; None where it says that nothing is known."""
    bare = (text or "").strip(BLANKS)
    return None if bare in {"", *(word.strip() for word in source.get("missing", ()))} else bare


def value(type_: str, text: str, source: dict, zone: str) -> Any:
    """The value that a text holds, or BAD."""
    decimal = source.get("decimal", ".")
    match type_:
        case "text":
            return text
        case "key":
            return re.sub(rf"^([0-9]+)[{decimal}]0+$", r"\1", text)
        case "flag":
            return _FLAGS.get(text.lower(), BAD)
        case "time":
            return _time(text, source, zone)
        case "month":
            found = _plain(lambda: datetime.strptime(text, "%Y-%m")) if re.fullmatch("[0-9]{4}-[0-9]{2}", text) else BAD
            found = _time(text, source, zone) if found is BAD else found
            return found if found is BAD else found.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        case _:
            return _number(type_, text, source, decimal)


def _plain(make) -> Any:
    try:
        return make()
    except (ValueError, OverflowError):
        return BAD


def _time(text: str, source: dict, zone: str) -> Any:
    """The time of a text on the client's clock: that of the only meaning that its formats give it."""
    forms = source.get("date_format")
    meanings = {_moment(text, form, source) for form in (forms if isinstance(forms, list) else [forms])} - {BAD}
    clocks = {_on_clock(moment, zoned, source, zone) for moment, zoned in meanings}
    if len(clocks) != 1:
        return BAD
    (found,) = clocks
    return found if datetime(1900, 1, 1) <= found < datetime(2200, 1, 1) else BAD


def _on_clock(moment: datetime, kind: str, source: dict, zone: str) -> datetime:
    """What the client's clock shows at a moment: a day, a wall clock of the source's zone, or an instant in UTC."""
    own = source.get("time_zone", zone)
    if kind == "day" or (kind == "wall" and own == zone):
        return moment
    if kind == "instant":
        return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    there = moment.replace(tzinfo=ZoneInfo(own), fold=not never_was(moment, own))  # of a repeated hour, the second
    return there.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def skipped(text: str, source: dict, zone: str) -> bool:
    """Whether a text is a wall clock that the source's own zone never showed."""
    own, forms = source.get("time_zone", zone), source.get("date_format")
    walls = {_moment(text, form, source) for form in (forms if isinstance(forms, list) else [forms])} - {BAD}
    return own != zone and any(
        kind == "wall" and moment.time() != datetime.min.time() and never_was(moment, own) for moment, kind in walls
    )


def _instant(text: str, form: str | None) -> Any:
    """The instant, in UTC, of a text that ends with the mark of a zone."""
    mark = _MARK.search(text)
    if not mark:
        return BAD
    _, sign, hours, minutes, sign_, hours_, minutes_ = mark.groups()
    ahead = timedelta(hours=int(hours or hours_ or 0), minutes=int(minutes or minutes_ or 0))
    bare = text[: mark.start()]
    if form:
        moment = _plain(lambda: datetime.strptime(bare, form))
    else:
        moment = _plain(lambda: datetime.fromisoformat(bare)) if _LOCAL.fullmatch(bare) and len(bare) > 10 else BAD
    return moment if moment is BAD else (moment + ahead if "-" in (sign, sign_) else moment - ahead)


def _moment(text: str, form: str | None, source: dict) -> Any:
    """What a text means in a format: (moment, "day" or "wall" or "instant"), or BAD."""
    kind = "wall"
    if form in _UNITS:
        digits, unit = _UNITS[form]
        decimal = source.get("decimal", ".")
        if not re.fullmatch(rf"[0-9]{{1,{digits}}}([{decimal}][0-9]{{1,6}})?", text):
            return BAD
        parts = int((Decimal(text.replace(decimal, ".")) * unit).quantize(Decimal(1), ROUND_HALF_UP))
        found, kind = _plain(lambda: datetime(1970, 1, 1) + timedelta(microseconds=parts)), "instant"
    elif form and form.endswith(" %z"):
        found, kind = _instant(text, form.removesuffix(" %z")), "instant"
    elif form and form.endswith(" UTC"):
        found, kind = _plain(lambda: datetime.strptime(text, form)), "instant"
    elif form == "excel":
        decimal = source.get("decimal", ".")
        numeric = re.fullmatch(rf"[0-9]{{1,6}}([{decimal}][0-9]*)?", text)
        days = float(text.replace(decimal, ".")) if numeric else 0
        if days < 61:
            return BAD
        found = datetime(1899, 12, 30) + timedelta(seconds=round(days * 86400))
    elif form:
        found = _plain(lambda: datetime.strptime(text, form))
        if "%Y%m" in form and len(text) != 8:  # where one number ends and the next begins would be a guess
            found = BAD
        kind = "wall" if "%H" in form else "day"
    elif _LOCAL.fullmatch(text):
        found = _plain(lambda: datetime.fromisoformat(text))
        kind = "wall" if len(text) > 10 else "day"
    else:
        found, kind = _instant(text, None), "instant"
    return BAD if found is BAD else (found, kind)


def _number(type_: str, text: str, source: dict, decimal: str) -> Any:
    text = _unsigned(text, source)
    found = re.fullmatch(rf"([+-]?)([^{decimal}eE]*)(?:([{decimal}])([0-9]*))?([eE][+-]?[0-9]+)?", text)
    if not found:
        return BAD
    sign, whole, mark, rest, power = found.groups()
    if thousands := source.get("thousands", ""):
        marks = _GROUPS.get(thousands, thousands)
        if re.fullmatch(rf"[0-9]{{1,3}}([{marks}][0-9]{{3}})+", whole):
            whole = re.sub(f"[{marks}]", "", whole)
    if not re.fullmatch("[0-9]*", whole) or not (whole or (rest and type_ != "integer")):
        return BAD
    if type_ == "integer":
        if power or (mark and not re.fullmatch("0+", rest)) or abs(int(sign + whole)) >= 2**63:
            return BAD
        return int(sign + whole)
    plain = f"{sign}{whole or 0}.{rest or 0}{power or ''}"
    if type_ == "number":
        return BAD if abs(float(plain)) == float("inf") else float(plain)
    if abs(Decimal(plain)) >= 10**14:
        return BAD
    return Decimal(plain).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _unsigned(text: str, source: dict) -> str:
    """A number's text without declared signs, and with the minus of accounting and of typography as one in front."""
    text = _without_signs(text, source)
    if text.startswith("\u2212"):
        text = _without_signs(f"-{text[1:]}", source)
    elif text.endswith("\u2212"):
        text = f"{text[:-1]}-"
    if found := re.fullmatch(r"\(([^()+-]+)\)|([^()+-]+)-", text):
        text = _without_signs(f"-{found[1] or found[2]}", source)
    return text


def _without_signs(text: str, source: dict) -> str:
    """A number's text without a declared sign before it and one behind it."""
    if signs := "|".join(map(re.escape, source.get("signs", ()))):
        blank = "[ \u00a0\u202f]?"
        text = re.sub(f"^([+-]?){blank}(?:{signs}){blank}", r"\1", text)
        text = re.sub(f"{blank}(?:{signs})$", "", text)
    return text


# ---- Judgement --------------------------------------------------------------------------------------------


def expect(client: dict, name: str, files: dict[str, bytes]) -> Expected:
    """What must come of the table of that name, from the client's parameters and its source's files."""
    mapping = client["tables"][name]
    source = client["sources"][mapping["source"]]
    parent = mapping.get("refunds", {}).get("parent")
    conditions = {**source.get("where", {}), **mapping.get("where", {})}
    named = [*headers_of(mapping).values(), *conditions, *source.get("fill_down", ()), *([parent] if parent else [])]
    found = read(files, source, {header.strip() for header in named})
    return found if found.refusal else judge(client, name, found.rows)


def headers_of(mapping: dict) -> dict[str, str]:
    """The columns that a header of the file gives."""
    return {ours: theirs.strip() for ours, theirs in mapping["columns"].items() if isinstance(theirs, str)}


def _select(rows: list[Row], source: dict, mapping: dict) -> None:
    """Fill empty cells down and mark the rows for which a condition does not hold."""
    for header in (one.strip() for one in source.get("fill_down", ())):
        above, file = "", None
        for row in rows:
            row.raw = row.raw or dict(row.cells)
            if row.no_data:
                continue
            above = "" if row.file != file or row.malformed else above
            file = row.file
            if row.malformed:
                continue
            if cleaned(row.cells[header], source) is not None:
                above = row.cells[header]
            elif above:
                row.cells[header] = above
    for conditions in (source.get("where", {}), mapping.get("where", {})):
        for row in rows:
            if not row.malformed:
                row.no_data |= not all(
                    _holds(cleaned(row.cells[header.strip()], source), told) for header, told in conditions.items()
                )


def _holds(text: str | None, told: dict | list | str) -> bool:
    """Whether a condition holds for a cell."""
    match told:
        case {"not": one}:
            return text not in (one if isinstance(one, list) else [one])
        case {"filled": one}:
            return (text is not None) == one
        case {"starts_with": one}:
            return (text or "").startswith(one)
    return text in told


def judge(client: dict, name: str, rows: list[Row]) -> Expected:
    """Each row with its values and what is wrong with it, and whether the table must be refused for them."""
    table, mapping = TABLES[name], client["tables"][name]
    source, zone = client["sources"][mapping["source"]], client.get("time_zone", "UTC")
    columns = [_column(table, ours, mapping, client) for ours in mapping["columns"]]
    refunds, headers = mapping.get("refunds", {}), headers_of(mapping)
    _select(rows, source, mapping)
    if refunds:
        columns = [replace(column, at_least=None) if column.name == "amount" else column for column in columns]
    for row in rows:
        if "parent" in refunds:
            text = cleaned(row.cells.get(refunds["parent"]), source)
            row.parent = text and value("key", text, source, zone)
        for column in columns:
            theirs = mapping["columns"][column.name]
            form = source if column.name in headers else {}
            if column.name in headers:
                text = cleaned(row.cells.get(headers[column.name]), source)
            else:
                text = f"{row.file} {row.record}" if "row_number" in theirs else str(theirs["value"])
            text = mapping.get("values", {}).get(column.name, {}).get(text, text) or None
            row.values[column.name] = None if text is None else value(column.type, text, form, zone)
            if text and column.type == "time" and row.values[column.name] is not BAD and skipped(text, form, zone):
                row.skipped.add(column.name)
        row.typed = dict(row.values)
        row.bad = {ours for ours, one in row.values.items() if one is BAD}
        row.excluded = row.no_data or (not row.malformed and _convert(row.values, columns, table, client))
        further = derive(row.values, table.name)
        row.reasons = (
            set()
            if row.excluded
            else {"malformed record"}
            if row.malformed
            else {f"{ours} is not " for ours in row.bad}
            | {f"{ours} does not exist in" for ours in row.skipped}
            | set(_reasons(row.values, row.bad, [*columns, *further], table, client))
        )
    names, seen = [one for one in table.key if one in mapping["columns"]], set()
    for row in rows:
        key = tuple(row.values[one] for one in names)
        if names and not row.reasons and not row.excluded:
            if key in seen:
                row.reasons = {f"duplicate {' and '.join(names)}"}
            seen.add(key)
    if "parent" in refunds:
        _merge(rows, stand_alone="stand_alone" in refunds)
    return Expected(rows, _refusal(rows, columns, table, client))


def _merge(rows: list[Row], *, stand_alone: bool) -> None:
    """Subtract the rows that refund an order from it, and leave them out."""
    sound = [row for row in rows if not (row.reasons or row.excluded)]
    orders = {row.values["order_id"]: row for row in sound if row.values["amount"] >= 0}
    back = [row for row in sound if row.values["amount"] < 0 and row.values["status"] != "cancelled"]
    for row in rows:
        row.values |= {"refunded_amount": None, "refunded_at": None}
    for key, order in orders.items():
        own = [row for row in back if row.parent == key]
        total = -sum(row.values["amount"] for row in own)
        if own and total > order.values["amount"]:
            for row in (order, *own):
                row.reasons = {"refunds are above the amount of the order"}
        elif own:
            first = min(row.values["ordered_at"] for row in own)
            order.values |= {"refunded_amount": total, "refunded_at": first}
            if order.values.get("margin") is not None:
                order.values["margin"] += sum(row.values["margin"] or 0 for row in own)
            for row in own:
                row.excluded = True
    for row in back:
        if row.parent not in orders and not stand_alone:
            row.reasons = {"refund of an order that is not there"}


def _codes(columns: list[Column], table: Table) -> list[str]:
    """The amounts of a table that says in which currency they are."""
    names = {column.name for column in columns}
    there = "currency" in names and "currency" in table.by_name
    return [column.name for column in columns if column.type == "money"] if there else []


def _convert(values: dict[str, Any], columns: list[Column], table: Table, client: dict) -> bool:
    """Put amounts into the client's currency; whether the row is left out for its currency."""
    rates, amounts = client.get("exchange_rates", {}), _codes(columns, table)
    code = (values.get("currency") or "").upper()
    if not amounts or code not in rates:
        return False
    for name in amounts if rates[code] != "exclude" else ():
        if isinstance(values[name], Decimal):
            values[name] = Decimal(float(values[name]) * rates[code]).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return rates[code] == "exclude"


_MONTHS = {"day": 12 / 365.25, "week": 84 / 365.25, "month": 1, "quarter": 3, "year": 12}


def derive(values: dict[str, Any], table: str) -> list[Column]:
    """Put what follows from other values into a row; the columns that no header gives."""
    known = {name: None if one is BAD else one for name, one in values.items()}
    mapped, by_name = {*values}, TABLES[table].by_name
    if table == "leads" and "stage" in mapped:
        for name, stage in (("won_at", "won"), ("lost_at", "lost")):
            if {name, "closed_at"} & mapped:
                closed = known.get(name) or known.get("closed_at")
                values[name] = closed if known["stage"] == stage else None
    if table == "orders" and "refunded_amount" in mapped and (known["amount"] or 0) < 0:
        values["refunded_amount"] = None
    if table == "subscriptions" and {"amount", "interval"} <= mapped:
        values["monthly_amount"] = known.get("monthly_amount")
        if values["monthly_amount"] is None:
            values["monthly_amount"] = _monthly(known)
    return [by_name[name] for name in values if name not in mapped]


def _monthly(known: dict[str, Any]) -> Decimal | None:
    months, amount, quantity, count = (known.get(name) for name in ("interval", "amount", "quantity", "interval_count"))
    if amount is None or months not in _MONTHS:
        return None
    quantity, count = 1 if quantity is None else quantity, 1 if count is None else count
    if not count:
        return None
    monthly = Decimal(float(amount) * quantity / (count * _MONTHS[months]))
    return monthly.quantize(Decimal("0.0001"), ROUND_HALF_UP) if abs(monthly) < 10**14 else None


def _contradictions(values: dict[str, Any], names: set[str]):
    """What several values of a row say against each other."""
    for name, stage in (("won_at", "won"), ("lost_at", "lost")):
        if "stage" in names and name in names and values["stage"] == stage and values[name] in (None, BAD):
            yield f"{name} is empty, but stage is {stage}"
    ended = values.get("status") in ("ended", "canceled")
    if ended and {"subscription_id", "ended_at"} <= names and values["ended_at"] in (None, BAD):
        yield "ended_at is empty, but status says"


def _column(table: Table, name: str, mapping: dict, client: dict) -> Column:
    if name in table.by_name:
        return table.by_name[name]
    if table.has_items and name in client.get("items", {}):
        low, high = client["items"][name]["scale"]
        return Column(name, "integer", at_least=low, at_most=high)
    return Column(name, mapping.get("types", {}).get(name, "text"))


def _reasons(values: dict[str, Any], bad: set[str], columns: list[Column], table: Table, client: dict):
    """What is wrong with a row's values, apart from those that are `bad`."""
    for column in columns:
        name, got = column.name, values[column.name]
        if got is None:
            if column.required and name not in bad:
                yield f"{name} is empty"
        elif got is not BAD:
            yield from _beyond(column, got, values, client.get("time_zone", "UTC"))
    yield from _contradictions(values, {column.name for column in columns})
    amounts = _codes(columns, table)
    if amounts and values["currency"] is None and any(isinstance(values[name], Decimal) for name in amounts):
        yield "currency is empty"
    at = values.get(table.time)
    if isinstance(at, datetime):
        until = client.get("data_until")
        if until and at >= datetime.fromisoformat(until) + timedelta(days=1):
            yield f"{table.time} is after the declared end"
        elif not until and at.date() > datetime.now(ZoneInfo(client.get("time_zone", "UTC"))).date() + timedelta(
            days=1
        ):
            yield f"{table.time} is after the day of the import"


def _beyond(column: Column, got: Any, values: dict[str, Any], zone: str):
    """What is wrong with a value of the right type."""
    name = column.name
    if column.type == "key" and re.fullmatch(r"[0-9]([.,][0-9]+)?[eE]\+[0-9]+", got):
        yield f"{name} was rounded"
    if column.type == "time" and got.time() != datetime.min.time() and never_was(got, zone):
        yield f"{name} does not exist in"
    if column.one_of and got not in column.one_of:
        yield f"{name} is not one of"
    for bound, sign, words in ((column.at_least, 1, ("below", "before")), (column.at_most, -1, ("above", "after"))):
        limit = values.get(bound) if isinstance(bound, str) else bound
        if limit is None or limit is BAD:
            continue
        if (got < limit) if sign > 0 else (got > limit):
            yield f"{name} is {words[column.type == 'time']} {bound if isinstance(bound, str) else format(bound, 'g')}"


def never_was(wall: datetime, zone: str) -> bool:
    """Whether the zone's clock skipped that time."""
    there = ZoneInfo(zone)
    return wall.replace(tzinfo=there).astimezone(UTC).astimezone(there).replace(tzinfo=None) != wall


def _refusal(rows: list[Row], columns: list[Column], table: Table, client: dict) -> str:
    """Why all of it must be refused, if it must."""
    mapping = client["tables"][table.name]
    source = client["sources"][mapping["source"]]
    allowed = mapping.get("bad_rows_allowed", 0.05)
    headers, data = headers_of(mapping), [row for row in rows if not row.no_data]
    for column in (column for column in columns if column.name in headers):
        theirs = headers[column.name]
        cells = [_unsigned(cleaned(row.cells.get(theirs), source) or "", source) for row in data]
        points = [cell for cell in cells if re.fullmatch(r"[+-]?[0-9]*[.][0-9]*([eE][+-]?[0-9]+)?", cell)]
        may_be = [cell for cell in cells if re.fullmatch(r"[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+", cell)]
        said = {"decimal", "thousands"} & set(source) or column.type not in ("money", "number", "integer")
        if may_be and set(points) <= set(may_be) and not said:
            return "points"
    allowed_codes = {client.get("currency"), *client.get("exchange_rates", {}), None}
    if _codes(columns, table) and any(
        not row.malformed
        and not row.no_data
        and (row.values["currency"] and row.values["currency"].upper()) not in allowed_codes
        for row in rows
    ):
        return "currency"
    for column in columns:
        judged = [row for row in rows if not row.excluded]
        bad = sum(column.name in row.bad and not row.malformed for row in judged)
        good = sum(row.values[column.name] not in (None, BAD) for row in judged)
        if column.type not in ("key", "text") and bad > max(0.5, allowed) * (good + bad):
            return "unreadable"
    wrong = sum(bool(row.reasons) for row in rows)
    return "too many" if wrong > allowed * len(rows) else ""
