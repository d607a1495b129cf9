"""The lines of the capstone's report: each as it should stand, and with a planted fault."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from crmnb.learn.capstone_facts import LAST_DAY, YEAR, Facts


@dataclass(frozen=True)
class Line:
    """A line by its fault's name: how it stands, how it stands with the fault, and why that misleads."""

    name: str
    right: Callable[[Facts], str]
    faulty: Callable[[Facts], str]
    because: str


def lines() -> tuple[Line, ...]:
    """All lines that can be faulty."""
    return _LINES


def sound_lines() -> tuple[Callable[[Facts], str], ...]:
    """Lines that are always in order."""
    return (
        lambda f: f"{f.buyers:,} customers placed {f.orders:,} orders in {YEAR}; cancelled ones are not counted.",
        lambda f: (
            f"{_percent(f.answered, f.reached)} of the invitations that arrived were answered ({f.answered} of {f.reached}); this is no response rate."
        ),
        lambda f: f"{f.open_tickets} of the {f.tickets} tickets of {YEAR} are still open.",
        lambda f: (
            f"{f.unrated} of the sheets of {YEAR} have no answer on satisfaction; they are left out of its share."
        ),
    )


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}%"


def _money(amount: float, sign: str = "\N{POUND SIGN}") -> str:
    return f"{sign}{amount:,.0f}"


def _nps(f: Facts, *surveys: str) -> str:
    net = sum(f.promoters[name] - f.detractors[name] for name in surveys)
    return f"{100 * net / sum(f.scored[name] for name in surveys):+.1f}"


def _csat_change(f: Facts) -> tuple[str, str]:
    """The change of satisfaction in points, and its 95% interval (of two independent shares, Wald)."""
    shares = {year: f.satisfied[year] / f.rated[year] for year in f.rated}
    change = shares[YEAR] - shares[YEAR - 1]
    half = 1.96 * sqrt(sum(p * (1 - p) / f.rated[year] for year, p in shares.items()))
    return f"{100 * change:+.1f}", f"{100 * (change - half):+.1f} to {100 * (change + half):+.1f}"


def _shown_groups(f: Facts, hidden: int) -> str:
    names = list(f.groups)
    texts = [f"{name} {'hidden' if place < hidden else f.groups[name]}" for place, name in enumerate(names)]
    return f"{', '.join(sorted(texts))}; in all {sum(f.groups.values())}"


def _growth(new: float, old: float) -> str:
    return f"{100 * (new / old - 1):+.1f}%"


def _least_region(f: Facts) -> tuple[str, int, int]:
    name, (satisfied, rated) = min(f.regions.items(), key=lambda item: item[1][1])
    return name, satisfied, rated


_LINES = (
    Line(
        "wrong denominator",
        lambda f: f"Response rate after a purchase: {_percent(f.answered, f.invited)} of all invitations sent.",
        lambda f: f"Response rate after a purchase: {_percent(f.answered, f.reached)} of all invitations sent.",
        "The base is not all invitations sent, but those that arrived: divide the answers by the number in the table.",
    ),
    Line(
        "pooled surveys",
        lambda f: f"NPS: {_nps(f, 'purchase')} after a purchase, {_nps(f, 'support')} after a support case.",
        lambda f: f"NPS of the company: {_nps(f, 'purchase', 'support')} (both surveys together).",
        "Two surveys are pooled: the figure moves with their mix, even if nobody changes their mind.",
    ),
    Line(
        "partial period compared",
        lambda f: (
            f"Revenue from 1 October to {LAST_DAY}: {_growth(f.quarter_to_date[YEAR], f.quarter_to_date[YEAR - 1])} against the same days of {YEAR - 1}."
        ),
        lambda f: (
            f"Revenue of the fourth quarter, so far: {_growth(f.quarter_to_date[YEAR], f.quarter[YEAR - 1])} against the fourth quarter of {YEAR - 1}."
        ),
        f"A quarter of which the data end on {LAST_DAY} is compared with a whole one.",
    ),
    Line(
        "difference within chance",
        lambda f: f"Satisfied answers: {_csat_change(f)[0]} points against {YEAR - 1} (95% CI {_csat_change(f)[1]}).",
        lambda f: (
            f"Satisfied answers moved by {_csat_change(f)[0]} points against {YEAR - 1} (95% CI {_csat_change(f)[1]}): each point of it is a real change among customers."
        ),
        "The interval says how far the change can be chance. No single point of it is certain.",
    ),
    Line(
        "suppressed by subtraction",
        lambda f: f"Refunds by category: {_shown_groups(f, 2)}.",
        lambda f: f"Refunds by category: {_shown_groups(f, 1)}.",
        "One group alone is hidden: the total less the others gives it away. A second one has to be hidden, too.",
    ),
    Line(
        "currency mixed",
        lambda f: (
            f"Revenue: {_money(f.home)} at home, and {_money(f.abroad, chr(8364))} by phone from abroad, which is not added."
        ),
        lambda f: (
            f"Revenue: {_money(f.home + f.abroad)}, of which {_money(f.home)} at home and the rest, in euros, by phone from abroad."
        ),
        "Pounds and euros are added up. Amounts of two currencies have no sum without a rate.",
    ),
    Line(
        "open cases left out",
        lambda f: (
            f"Half of the tickets were resolved within {f.median:.1f} hours, open ones counted among those that take longer."
        ),
        lambda f: (
            f"Half of all tickets were resolved within {f.median_of_closed:.1f} hours (tickets that are resolved)."
        ),
        "Open tickets are left out of the median, which says half of all. They take longest, so it comes out too short.",
    ),
    Line(
        "cancelled orders counted",
        lambda f: (
            f"Average order value: {_money(f.revenue / f.orders)} (revenue by orders, both without cancelled ones)."
        ),
        lambda f: (
            f"Average order value: {_money((f.revenue + f.amount_of_cancelled) / f.orders)} (revenue by orders, both without cancelled ones)."
        ),
        "The amounts of cancelled orders are in the sum: revenue by orders, as the table has them, gives another figure.",
    ),
    Line(
        "average of rates",
        lambda f: (
            f"Satisfied, all regions: {_percent(sum(s for s, _ in f.regions.values()), sum(n for _, n in f.regions.values()))} of the answers by region in the table."
        ),
        lambda f: (
            f"Satisfied, all regions: {_percent(sum(s / n for s, n in f.regions.values()), len(f.regions))}, the average of the regions in the table."
        ),
        "The rates of regions of unlike size are averaged. Add up the answers first, then divide.",
    ),
    Line(
        "orders taken for customers",
        lambda f: f"Customers who bought in {YEAR}: {f.buyers:,}.",
        lambda f: f"Customers who bought in {YEAR}: {f.orders:,}.",
        "This is the number of orders. A customer with several orders is one customer.",
    ),
    Line(
        "no answer as 0",
        lambda f: f"Mean satisfaction in {YEAR}: {f.points / f.rated[YEAR]:.2f} of 5.",
        lambda f: f"Mean satisfaction in {YEAR}: {f.points / (f.rated[YEAR] + f.unrated):.2f} of 5.",
        "Sheets without an answer are counted as 0: the sum of the answers is divided by all sheets.",
    ),
    Line(
        "percent taken for points",
        lambda f: (
            f"Satisfied: {_percent(f.satisfied[YEAR - 1], f.rated[YEAR - 1])} in {YEAR - 1}, {_percent(f.satisfied[YEAR], f.rated[YEAR])} in {YEAR}; a change of {_csat_change(f)[0]} points."
        ),
        lambda f: (
            f"Satisfied: {_percent(f.satisfied[YEAR - 1], f.rated[YEAR - 1])} in {YEAR - 1}, {_percent(f.satisfied[YEAR], f.rated[YEAR])} in {YEAR}; a change of {_csat_change(f)[0]}%."
        ),
        "The difference of two percentages is in points. In percent it would be relative to the first.",
    ),
    Line(
        "new customers in the churn",
        lambda f: (
            f"Churn rate: {_percent(f.customers - f.retained, f.customers)} of the customers at the start of {YEAR}."
        ),
        lambda f: (
            f"Churn rate: {_percent(f.customers - f.retained + f.lost_new, f.customers)} of the customers at the start of {YEAR}."
        ),
        "Customers who came and left within the year are among the lost, but not in the base.",
    ),
    Line(
        "a cause without a comparison",
        lambda f: (
            f"{_percent(f.retained, f.customers)} of the customers at the start of {YEAR} stayed ({f.retained} of {f.customers})."
        ),
        lambda f: (
            f"Thanks to the loyalty card {_percent(f.retained, f.customers)} of the customers at the start of {YEAR} stayed ({f.retained} of {f.customers})."
        ),
        "Nothing here compares customers with and without the card: the cause is claimed, not shown.",
    ),
    Line(
        "no base, no interval",
        lambda f: (
            f"{_least_region(f)[0]}: {_percent(*_least_region(f)[1:])} satisfied, of {_least_region(f)[2]} answers only: no rank among the regions."
        ),
        lambda f: f"{_least_region(f)[0]}: {_percent(*_least_region(f)[1:])} satisfied, above the industry average.",
        "Few answers, no interval, and an average of the industry without its source.",
    ),
)
