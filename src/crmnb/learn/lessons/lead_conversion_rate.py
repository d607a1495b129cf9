"""Lead conversion rate: every enquiry gets the same days to be won, and only then is counted."""

from datetime import datetime, timedelta

from crmnb.learn.declaration import (
    YEAR,
    Claim,
    Misuse,
    during,
    exercise,
    misconception,
    percent,
    transfer,
    trap,
    without_change,
)

TABLES = {"leads": ("lead_id", "created_at", "qualified_at", "proposed_at", "won_at", "lost_at")}
PLACE = 10
QUESTION = 'The owner of the corner shop asks: "How many of those who enquire do we win?"'

DAYS, FEWER_DAYS = 90, 30


def _days(row):
    """Calendar days from the enquiry to the win; None for a lead that was not won."""
    return (row["won_at"].date() - row["created_at"].date()).days if row["won_at"] else None


def _won(rows, days=DAYS):
    return [row for row in rows if _days(row) is not None and 0 <= _days(row) <= days]


def _created(leads):
    return during(leads, "created_at")


def _rate(rows, base, days=DAYS):
    return percent(len(_won(rows, days)), len(base))


_FOR_EVER = 10**6


@exercise(
    "q1",
    ask=f"What is the lead conversion rate of 2025, within {DAYS} days? Count with a pencil.",
    unit="%",
    hints=(
        "Tick the enquiries that were created in 2025. All of them are the base, whatever became of them.",
        f"Count the days from the enquiry to the win. Exactly {DAYS} is still in time.",
        "Divide those won in time by all that you ticked, and multiply by 100.",
    ),
)
def by_hand(leads):
    """Leads created in the year and won within the days, out of all leads created in the year, times 100."""
    return _rate(_created(leads), _created(leads))


@exercise(
    "q2",
    ask=f"And within {FEWER_DAYS} days? Now with pandas.",
    unit="%",
    hints=(
        "First keep the enquiries that were created in 2025.",
        "Calendar days: `(rows.won_at.dt.normalize() - rows.created_at.dt.normalize()).dt.days`. Where nobody won, it is empty.",
        f"`100 * (days <= {FEWER_DAYS}).mean()`: a comparison with an empty value is no.",
    ),
)
def within_fewer_days(leads):
    """The same with fewer days."""
    return _rate(_created(leads), _created(leads), FEWER_DAYS)


@misconception("won at any time", of=["q1", "q7"])
def won_at_any_time(leads):
    """You counted wins however late. Then older enquiries look better, as they had longer."""
    return _rate(_created(leads), _created(leads), _FOR_EVER)


@misconception("won in the year", of=["q1", "q7"])
def won_in_the_year(leads):
    """You divided the wins of the year by its enquiries. Some of these wins come from enquiries of the year before."""
    return percent(len(during(leads, "won_at")), len(_created(leads)))


@misconception("of those decided", of=["q1", "q7"])
def of_those_decided(leads):
    """You left out enquiries without an outcome. That is near to the win rate; an enquiry that nobody follows up is then no loss."""
    decided = [row for row in _created(leads) if row["won_at"] or row["lost_at"]]
    return _rate(decided, decided, _FOR_EVER)


@misconception("open ones left out", of=["q1"])
def open_ones_left_out(leads):
    """You left out those that are still open. They had an enquiry, and have not been won: they are in the base."""
    rows = _created(leads)
    return _rate(rows, [row for row in rows if row["won_at"] or row["lost_at"]])


@misconception("fell through afterwards", of=["q1"])
def fell_through_afterwards(leads):
    """You took a win back because the deal fell through later. The enquiry was won; that it was lost afterwards is another figure."""
    rows = _created(leads)
    return _rate(
        [row for row in rows if not (row["lost_at"] and row["won_at"] and row["lost_at"] > row["won_at"])], rows
    )


@misconception("edge left out", of=["q1"])
def edge_left_out(leads):
    """You left out a win on exactly the last day. It is still in time."""
    return _rate(_created(leads), _created(leads), DAYS - 1)


@misconception("all years", of=["q1", "q7"])
def all_years(leads):
    """You counted enquiries of all years. A figure is of its period."""
    return _rate(leads, leads)


@misconception("of the qualified", of=["q1", "q7"])
def of_the_qualified(leads):
    """You divided by the enquiries that qualified. That is a later step; the rate asks for all who enquired."""
    rows = [row for row in _created(leads) if row["qualified_at"]]
    return _rate(rows, rows)


@misconception("a count", of=["q1"])
def a_count(leads):
    """You gave the number of wins. A rate says out of how many."""
    return len(_won(_created(leads)))


@misconception("the longer time", of=["q2"])
def the_longer_time(leads):
    """You kept the longer time. The question is about a month."""
    return by_hand.value(leads)


@misconception("edge left out", of=["q2"])
def edge_of_fewer_days(leads):
    """You left out wins on exactly the last day. They are still in time."""
    return _rate(_created(leads), _created(leads), FEWER_DAYS - 1)


@misconception("of those won", of=["q2"])
def of_those_won(leads):
    """You divided by the enquiries that were won at any time. That tells how fast the wins are, not how many there are."""
    rows = [row for row in _created(leads) if row["won_at"]]
    return _rate(rows, rows, FEWER_DAYS)


@misconception("to the hour", of=["q2"])
def to_the_hour(leads):
    """You measured to the hour. Days are those of the calendar: who enquires in the morning is not treated worse."""
    time = timedelta(days=FEWER_DAYS)
    rows = _created(leads)
    return percent(sum(bool(row["won_at"]) and row["won_at"] - row["created_at"] <= time for row in rows), len(rows))


@misconception("of those decided", of=["q2"])
def of_those_decided_soon(leads):
    """You left out enquiries without an outcome. They had an enquiry, and have not been won: they are in the base."""
    rows = _created(leads)
    return _rate(rows, [row for row in rows if row["won_at"] or row["lost_at"]], FEWER_DAYS)


@misconception("won at any time", of=["q2"])
def won_at_any_time_again(leads):
    """You counted wins however late."""
    return won_at_any_time.value(leads)


def _with(leads, created, won_after=None, lost_after=None):
    """The table with one more lead; the outcome comes so many days after the enquiry."""
    outcomes = {"won_at": won_after, "lost_at": lost_after}
    times = {name: None if days is None else created + timedelta(days=days) for name, days in outcomes.items()}
    return {
        "leads": [*leads, {"lead_id": "new", "created_at": created, "qualified_at": None, "proposed_at": None, **times}]
    }


@trap("the edge of the year", "An enquiry of December 2024 is won in January 2025. Which way will the rate of 2025 go?")
def the_edge_of_the_year(leads):
    """It belongs to the year in which it was created. Its win counts for 2024."""
    return _with(leads, datetime(YEAR - 1, 12, 10, 9), won_after=35)


@trap(
    "the last days", "Two more enquiries come on 29 December 2025. The data end two days later. Which way will it go?"
)
def the_last_days(leads):
    """They are in the base and have had no time. That is why a report marks the year as too early until the days have passed."""
    table = _with(leads, datetime(YEAR, 12, 29, 9))
    return _with(table["leads"], datetime(YEAR, 12, 29, 15))


@trap("a late win", "One more customer enquires in May 2025, and orders in November. Which way will it go?")
def a_late_win(leads):
    """A win, and welcome, but not within the days. One more in the base."""
    return _with(leads, datetime(YEAR, 5, 5, 9), won_after=180)


@trap(
    "won, and lost again",
    "One more customer enquires in May 2025, orders in June, and cancels in July. Which way will it go?",
)
def won_and_lost_again(leads):
    """It was won in time, and stays won here. What became of it is a question for another figure."""
    return _with(leads, datetime(YEAR, 5, 5, 9), won_after=30, lost_after=60)


CLAIMS = (
    Claim(
        "Of those who enquired in 2025, {base} were won within the days: {value}.",
        True,
        "It says who was counted, and out of how many.",
    ),
    Claim(
        "The enquiries of December convert badly.",
        False,
        "They have not had their days yet. A recent group always looks worse than it is.",
        caution=True,
    ),
    Claim("All the others are lost.", False, "Some are open, and some are won later than the days allow."),
    Claim(
        "The figure can still rise when the enquiries of autumn have had their time.",
        True,
        "It is marked as too early for this reason.",
        caution=True,
    ),
    Claim("The rate has fallen since 2024.", False, "There is no such comparison: {change}.", where=without_change),
    Claim(
        "Of many such enquiries, anything from {limits} may be won.", True, "That is what the interval says of so few."
    ),
)
MISUSES = (
    Misuse(
        (
            "Conversion in 2025: {value}, {base}",
            "Interval: {limits}",
            "Last quarter is far lower: the new seller does not sell",
        ),
        3,
        "The last quarter's enquiries have not had their days. Compare when all have.",
    ),
    Misuse(
        (
            "We strike enquiries without an answer: they were never serious",
            "Enquiries of 2025, won within the days",
            "Interval before that: {limits}",
        ),
        1,
        "An enquiry that nobody follows up is then no loss. The rate rises because less is counted.",
    ),
    Misuse(
        (
            "Enquiries of 2025, won within the days: {value}",
            "So half of all enquiries can be promised as orders",
            "{base}",
        ),
        2,
        "The interval says how little so few enquiries can promise: {limits}.",
    ),
)


@transfer(
    ask=f"What is the lead conversion rate of this client in 2025, within {DAYS} days?",
    unit="%",
    hints=(
        "Keep the leads that were created in 2025.",
        "Calendar days: `(rows.won_at.dt.normalize() - rows.created_at.dt.normalize()).dt.days`.",
        f"`100 * (days <= {DAYS}).mean()`",
    ),
    tables={"leads": ("lead_id", "created_at", "qualified_at", "proposed_at", "won_at", "lost_at")},
)
def of_a_simulated_client(leads):
    """Leads created in the year and won within the days, out of all leads created in the year, times 100."""
    return by_hand.value(leads)


def redraw(tables, random):
    """Other enquiries, with the same ways to end."""
    kinds = (
        ("won", (1, 80)),
        ("won", (30, 31)),
        ("won", (90, 91)),
        ("won", (95, 150)),
        ("fell through", (10, 60)),
        ("lost", (5, 60)),
        ("open", (0, 1)),
    )
    numbers = (
        random.randint(1, 4),
        random.randint(1, 2),
        random.randint(1, 2),
        random.randint(1, 2),
        random.randint(1, 2),
        random.randint(2, 5),
        random.randint(2, 5),
    )
    rows = []
    for (kind, days), number in zip(kinds, numbers, strict=True):
        rows += [
            _lead(kind, random.randrange(*days), datetime(YEAR, 1, 2) + timedelta(days=random.randrange(210)), random)
            for _ in range(number)
        ]
    rows += [
        _lead("won", random.randint(20, 120), datetime(YEAR - 1, 6, 1) + timedelta(days=random.randrange(200)), random)
        for _ in range(random.randint(2, 4))
    ]
    rows.sort(key=lambda row: row["created_at"])
    return {"leads": [{"lead_id": f"L{place:02}", **row} for place, row in enumerate(rows, 1)]}


def _lead(kind, days, day, random):
    created = day + timedelta(hours=random.randint(8, 17))
    # Within a day of the calendar, some wins come at an earlier hour than the enquiry.
    end = day + timedelta(days=days, hours=random.randint(8, 17)) if days else created + timedelta(hours=1)
    won = end if kind in ("won", "fell through") else None
    lost = {"lost": end, "fell through": end + timedelta(days=20)}.get(kind)
    qualified = created if random.random() < 0.6 else None
    return {"created_at": created, "qualified_at": qualified, "proposed_at": None, "won_at": won, "lost_at": lost}
