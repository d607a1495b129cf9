"""The sentences of tables, columns and declarations that a metric needs."""

from crmnb.report.text.notes.words import Renderer, Values, Words


def _needs_survey_item(words: Words, values: Values) -> str:
    names = values["declared"]
    declared = ", ".join([*names[:8], *(["..."] if len(names) > 8 else [])]) or "none"
    text = "needs the survey item '{item}': declare it under items: (declared: {known}) or choose another"
    return words.fill(text, known=declared, **values)


SENTENCES: dict[str, str | Renderer] = {
    "needs_table": "needs the table {table}: {grain}",
    "needs_column": "needs the column {column}",
    "needs_unmapped_column": "needs a column that is not mapped",
    "needs_stages": "needs the column leads.qualified_at or leads.proposed_at, or the setting stages",
    "needs_margin": "needs the column orders.margin, or worth: margin_rate in the parameters file",
    "needs_churn_declaration": "needs churn: in the parameters file (contractual, or by inactivity of so many days)",
    "needs_data_until": "needs the day on which the data end (data_until in the parameters file): contracts are paid until then",
    "needs_customer_segmentation": "needs a segmentation by an attribute of customers (segments: in the parameters file)",
    "needs_books": "needs the period's net revenue as in the books (worth: books in the parameters file)",
    "needs_survey_item": _needs_survey_item,
    "needs_item_direction": "needs an item with direction {direction}; {item} is declared {declared}",
    "needs_item_0_to_10": "needs an item from 0 to 10; {item} goes from {low} to {high}",
    "needs_top_box": "needs items.{item}.top_box: from which answer on somebody is satisfied. From {low} to {high}, two values are no top box; {best_fifth} leaves the best fifth of the scale",
    "reserved_column": "cannot be broken down by {column}, a name that is needed here: give the column another",
    "costs_by_month": "costs are known by the month; choose a period of whole months",
    "no_whole_month_of_costs": "costs are known by the month, and no month of {period:period} is seen whole",
}
