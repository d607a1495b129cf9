"""The sentences of the rows that count, of their groups, and of disclosure control."""

from crmnb.report.text.notes.words import Renderer, Values, Words


def _rows_without_customer(after: str) -> Renderer:
    """How many rows of how many; where they are few, neither how many nor what they would be the rest of."""

    def render(words: Words, values: Values) -> str:
        few = values["rows"].is_bound
        text = "Fewer than {bound:n} {rows_of} " if few else "{rows:n} of {total:n} {rows_of} "
        rows_of = "counted"
        if values.get("table"):
            rows_of = words.fill("{table:name} in {period:period}", **values)
        return words.fill(text + after, bound=values["rows"].number, rows_of=rows_of, **values)

    return render


def _misdated(words: Words, values: Values) -> str:
    names = ", ".join(name.removesuffix("_at").replace("_", " ") for name in values["columns"])
    text = "{rows:n} of {total:n} {table} in {period:period} have a date ({names}) before their own: they count, that date does not."
    return words.fill(text, names=names, **values)


def _design_effect(words: Words, values: Values) -> str:
    of = f"{values['breakdown']}: " if values["breakdown"] else ""
    cause = "clustered by customer" if values["clustered"] else "by weights"
    return of + words.fill("effective n {effective:n} (design effect {factor:2}, {cause})", cause=cause, **values)


def _rows_independent(words: Words, values: Values) -> str:
    text = "no customer has several units here: the interval treats rows as independent."
    return words.fill("{breakdowns}: " + text, **values) if values["breakdowns"] else text.capitalize()


def _parts_without_figure(words: Words, values: Values) -> str:
    last = values["last"] if values["last"] != values["first"] else None
    until = words.fill(" to {last:period}", last=last) if last else ""
    return words.fill("no trend from {first:period}{until}: {reason}", until=until, **values)


SENTENCES: dict[str, str | Renderer] = {
    # Rows.
    "nothing_counted": "no {units}",
    "no_denominator": "the denominator is zero",
    "tables_without_rows": "the table {tables} holds no row of {period:period}",
    "segments_not_applicable": "no breakdown by {segments:name}: the counted rows do not contain it",
    "parts_without_figure": _parts_without_figure,
    "pooled_survey_missing": "pooled at fixed weights: no figure of {surveys}",
    "orders_only": "Orders only: monthly contract payments are not included.",
    "rows_without_customer": _rows_without_customer("have no customer and are left out."),
    "own_customers": _rows_without_customer("have no customer; each counts as a customer of its own."),
    "misdated_rows": _misdated,
    "too_new_left_out": "Excludes everything after {last:day}, as its follow-up of {days:n} days is not complete.",
    "rows_independent": _rows_independent,
    "design_effect": _design_effect,
    "top_heavy_customers": "Very few customers brought more than {share:%} of it: the mean depends on them.",
    "top_heavy_rows": "Very few of them brought more than {share:%} of it: the mean depends on them.",
    # Disclosure control.
    "small_group": "fewer than {fewest:n}",
    "hidden_with_small_group": "hidden, so that a group of fewer than {fewest:n} cannot be computed by subtraction",
}
