"""A second, dumber route to the same figures: plain pandas on the raw files.

Written from the definitions alone. It imports nothing of crmnb and shares no file reader, no SQL and no expression
with it, so that agreement means something. Figures come as `{metric: {breakdown: (numerator, denominator)}}`, or
`{metric: {breakdown: value}}` where there is no ratio to count. Orders are frames of `order_id`, `customer_id` and
`ordered_at` that hold only the orders that count, and only those with a customer.
"""

from pathlib import Path

import pandas as pd

SHOP_ENDS = "2026-01-01"  # when the corner shop's data end, half-open
Figures = dict[str, dict[str, tuple[float, float] | float]]

DAY = pd.Timedelta(days=1)
INACTIVE = 90 * DAY


# ---- The corner shop's files ----------------------------------------------------------------------------------------


def raw_corner_shop(folder: Path) -> dict[str, pd.DataFrame]:
    """The five files as text, as they lie there."""
    separators = {"customers": ",", "orders": ";", "invitations": ",", "answers": ",", "reviews": ","}
    return {
        name: pd.read_csv(folder / f"{name}.csv", sep=separator, dtype=str, keep_default_na=False)
        for name, separator in separators.items()
    }


def tidy_corner_shop(raw: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The files with our names and types, without the rows that are wrong and the orders that do not count."""
    return {
        "customers": raw["customers"].rename(columns={"Customer no": "customer_id", "Region": "region"}),
        "orders": counting_orders(raw["orders"]),
        "invitations": tidy_invitations(raw["invitations"]),
        "answers": tidy_answers(raw["answers"]),
        "reviews": tidy_reviews(raw["reviews"]),
    }


def counting_orders(raw: pd.DataFrame) -> pd.DataFrame:
    """Orders of a customer that exist once, on a day that exists, neither cancelled nor wholly refunded."""
    times = pd.to_datetime(raw["Ordered"], format="%d/%m/%Y %H:%M:%S", errors="coerce")
    orders = raw.assign(ordered_at=times).dropna(subset="ordered_at").drop_duplicates("Order no")
    total = orders["Total"].str.replace(",", "").astype(float)
    refunded = pd.to_numeric(orders["Refunded"]).fillna(0)
    kept = (orders["Status"] == "done") | ((orders["Status"] == "returned") & (refunded < total))
    orders = orders[kept & (orders["Customer no"] != "")]
    return orders.rename(columns={"Order no": "order_id", "Customer no": "customer_id"})


def tidy_invitations(raw: pd.DataFrame) -> pd.DataFrame:
    """Invitations with their four times."""
    times = {"Sent": "sent_at", "Reached": "reached_at", "Started": "started_at", "Finished": "completed_at"}
    invitations = raw.rename(columns=times)
    for name in times.values():
        invitations[name] = pd.to_datetime(invitations[name].replace("", None), format="ISO8601")
    return invitations.assign(survey=invitations["Survey"].str.removeprefix("after "))


def tidy_answers(raw: pd.DataFrame) -> pd.DataFrame:
    """Answer sheets, without those that have an answer beyond its scale; what is no answer is missing."""
    answers = raw.assign(responded_at=pd.to_datetime(raw["Answered"], format="ISO8601"))
    wrong = pd.Series(False, index=answers.index)
    for item, low, high in (("Satisfied", 1, 5), ("Recommend", 0, 10), ("Effort", 1, 7)):
        answers[item] = pd.to_numeric(answers[item].replace({"": None, "n/a": None}))
        wrong |= answers[item].notna() & ~answers[item].between(low, high)
    return answers[~wrong].assign(survey=answers["Survey"].str.removeprefix("after "))


def tidy_reviews(raw: pd.DataFrame) -> pd.DataFrame:
    """Reviews with `points`: the stars between 0 (the worst) and 100 (the best that the platform allows)."""
    stars, best = raw["Stars"].astype(float), raw["Out of"].astype(float)
    return raw.assign(posted_at=pd.to_datetime(raw["Posted"]), points=(stars - 1) / (best - 1) * 100)


# ---- Satisfaction ---------------------------------------------------------------------------------------------------


def satisfaction(shop: dict[str, pd.DataFrame], start: str, end: str) -> Figures:
    """Every figure of the family in `[start, end)`."""
    return {
        **answered(within(shop["answers"], "responded_at", start, end)),
        **funnel(followed_for(within(shop["invitations"], "sent_at", start, end), SHOP_ENDS)),
        **reviewed(within(shop["reviews"], "posted_at", start, end)),
    }


def answered(answers: pd.DataFrame) -> Figures:
    """The five figures of answer sheets of each survey, counted answer by answer."""
    figures: Figures = {"csat": {}, "csat_mean": {}, "nps": {}, "ces": {}, "ces_low_effort": {}}
    for survey, sheets in answers.groupby("survey"):
        satisfied = [int(x) for x in sheets["Satisfied"].dropna()]
        recommend = [int(x) for x in sheets["Recommend"].dropna()]
        effort = [int(x) for x in sheets["Effort"].dropna()]
        promoters = sum(x in (9, 10) for x in recommend)
        detractors = sum(x <= 6 for x in recommend)
        figures["csat"][survey] = (sum(x in (4, 5) for x in satisfied), len(satisfied))
        figures["csat_mean"][survey] = sum((x - 1) / 4 * 100 for x in satisfied) / len(satisfied)
        figures["nps"][survey] = 100 * (promoters - detractors) / len(recommend)
        figures["ces"][survey] = (sum(effort), len(effort))
        figures["ces_low_effort"][survey] = (sum(x < 4 for x in effort), len(effort))
    return figures


def followed_for(invitations: pd.DataFrame, end: str, days: int = 14) -> pd.DataFrame:
    """The invitations that had so many days by the data's end; what was done later than that is not done."""
    window = pd.Timedelta(days=days)
    sent = invitations[invitations["sent_at"] <= pd.Timestamp(end) - window].copy()
    for name in ("reached_at", "started_at", "completed_at"):
        sent[name] = sent[name].where(sent[name] <= sent["sent_at"] + window)
    return sent


def funnel(invitations: pd.DataFrame) -> Figures:
    """The rates of each survey's funnel."""
    figures: Figures = {"acceptance_rate": {}, "completion_rate": {}, "response_rate": {}}
    for survey, sent in invitations.groupby("survey"):
        reached, started, completed = (
            int(sent[name].notna().sum()) for name in ("reached_at", "started_at", "completed_at")
        )
        figures["acceptance_rate"][survey] = (started, reached)
        figures["completion_rate"][survey] = (completed, started)
        figures["response_rate"][survey] = (completed, len(sent))
        figures["response_rate"][f"{survey}, cooperation rate (COOP1)"] = (completed, reached)
    return figures


def reviewed(reviews: pd.DataFrame) -> Figures:
    """Each platform's mean and volume."""
    platforms = dict(list(reviews.groupby("Platform")["points"]))
    return {
        "review_rating": {platform: points.sum() / len(points) for platform, points in platforms.items()},
        "review_volume": {platform: float(len(points)) for platform, points in platforms.items()},
    }


# ---- Retention ------------------------------------------------------------------------------------------------------


def retention(orders: pd.DataFrame, start: str, end: str) -> Figures:
    """Every figure of the family in `[start, end)`; `end` is the data's own end where that comes first."""
    return {
        **stayed(orders, start, end),
        "new_customers": won(orders, start, end),
        **bought(orders, start, end),
        "cohort_retention": cohorts(orders, start, end),
    }


def stayed(orders: pd.DataFrame, start: str, end: str) -> Figures:
    """Who was a customer at the start, and is one at the end; a year's churn is told of a year only."""
    before, after = customers_at(orders, start), customers_at(orders, end)
    lost = len(before - after)
    years = (pd.Timestamp(end) - pd.Timestamp(start)) / (365.25 * DAY)
    kept_a_year = (1 - lost / len(before)) ** (1 / years) if before and years > 0.99 else float("nan")
    return {
        "retention_rate": {"": (len(before & after), len(before))},
        "churn_rate": {"": (lost, len(before))},
        "churn_rate_annualised": {"": 100 * (1 - kept_a_year)},
        "customer_base_growth": {"": (len(after), len(before))},
    }


def won(orders: pd.DataFrame, start: str, end: str) -> dict[str, tuple[float, float] | float]:
    """Who bought for the first time ever, and apart from them who came back."""
    before, after = customers_at(orders, start), customers_at(orders, end)
    new = set(newcomers(orders, start, end).index)
    known = set(orders.loc[orders["ordered_at"] < start, "customer_id"])
    return {
        "": float(len(new)),
        "per 100 at start": 100 * len(new) / len(before) if before else float("nan"),
        "reactivated": float(len((after - before) & known)),
    }


def bought(orders: pd.DataFrame, start: str, end: str) -> Figures:
    """How often the period's buyers bought, and which of the new ones came again soon."""
    in_time = within(orders, "ordered_at", start, end)
    counts = in_time["ordered_at"].dt.normalize().groupby(in_time["customer_id"]).nunique()
    first = newcomers(orders, start, end)
    followed = first[first <= pd.Timestamp(end) - INACTIVE]
    again = 0
    for customer, began in followed.items():
        times = orders.loc[orders["customer_id"] == customer, "ordered_at"]
        in_time = times[times <= began + INACTIVE]
        again += int(in_time.dt.normalize().nunique() >= 2)
    return {
        "repeat_purchase_rate": {"": (int((counts >= 2).sum()), len(counts))},
        "second_purchase_rate": {"": (again, len(followed))},
        "purchase_frequency": {"": (int(counts.sum()), len(counts))},
    }


def cohorts(orders: pd.DataFrame, start: str, end: str) -> dict[str, tuple[int, int]]:
    """Each month's newcomers, and how many of them bought k months later, in months that were seen whole."""
    month = orders["ordered_at"].dt.to_period("M")
    joined = newcomers(orders, start, end).dt.to_period("M")
    cells = {}
    for cohort in sorted(joined.unique()):
        members = set(joined.index[joined == cohort])
        k = 0
        while (cohort + k + 1).start_time <= pd.Timestamp(end):
            active = members & set(orders.loc[month == cohort + k, "customer_id"])
            cells[f"{cohort} +{k}"] = (len(active), len(members))
            k += 1
    return cells


def customers_at(orders: pd.DataFrame, moment: str) -> set[str]:
    """Who has an order in the 90 days before the moment; one exactly at it is no past yet."""
    moment = pd.Timestamp(moment)
    recent = (orders["ordered_at"] >= moment - INACTIVE) & (orders["ordered_at"] < moment)
    return set(orders.loc[recent, "customer_id"])


def newcomers(orders: pd.DataFrame, start: str, end: str) -> pd.Series:
    """The time of the first ever order, by customer, of those whose first ever order lies in the period."""
    first = orders.groupby("customer_id")["ordered_at"].min()
    return first[(first >= start) & (first < end)]


def within(frame: pd.DataFrame, time: str, start: str, end: str) -> pd.DataFrame:
    """The rows whose time lies in `[start, end)`."""
    return frame[(frame[time] >= start) & (frame[time] < end)]


def compared(rows: pd.DataFrame, figures: Figures) -> list[str]:
    """Where rows of the results frame (one window, one level) say something else than the figures; [] where nowhere.

    A suppressed row says nothing, which is right or not for others to test. A figure out of nothing must be unavailable.
    """
    wrong = []
    for metric, breakdowns in figures.items():
        found = rows[rows["metric"] == metric].set_index("breakdown")
        wanted = {name: figure for name, figure in breakdowns.items() if not _of_nothing(figure)}
        had = found.index[~found["flags"].str.contains("unavailable")]
        if sorted(had) != sorted(wanted):
            wrong.append(f"{metric}: has {sorted(had)}, should have {sorted(wanted)}")
            continue
        for name, figure in wanted.items():
            row = found.loc[name]
            if "suppressed" not in row["flags"].split() and not _says(row, figure):
                wrong.append(
                    f"{metric} {name}: {row['value']} ({row['numerator']} / {row['denominator']}), not {figure}"
                )
    return wrong


def _of_nothing(figure: tuple[float, float] | float) -> bool:
    return figure[1] == 0 if isinstance(figure, tuple) else figure != figure


def _says(row: pd.Series, figure: tuple[float, float] | float) -> bool:
    if isinstance(figure, tuple):
        counted = (row["numerator"], row["denominator"]) == figure
        return counted and _close(row["value"], figure[0] / figure[1] * (100 if row["unit"] == "%" else 1))
    return _close(row["value"], figure)


def _close(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= 1e-9 * max(1, abs(wanted))


# ---- Online Retail II -----------------------------------------------------------------------------------------------


def read_online_retail_ii(path: Path) -> pd.DataFrame:
    """All lines of the file, columns as there."""
    import duckdb  # reads the Parquet file, and does nothing else

    return duckdb.connect().execute("from read_parquet(?)", [str(path)]).df()


def invoices(lines: pd.DataFrame) -> pd.DataFrame:
    """Orders out of lines: an invoice whose number starts neither with C nor with A, at its first line's time."""
    sold = lines[~lines["Invoice"].str[0].isin(["C", "A"])]
    sold = sold.assign(ordered_at=pd.to_datetime(sold["InvoiceDate"]), line=sold["Quantity"] * sold["Price"])
    orders = sold.groupby("Invoice", as_index=False).agg(
        ordered_at=("ordered_at", "min"),
        customer_id=("Customer ID", "first"),
        country=("Country", "first"),
        amount=("line", "sum"),
    )
    return orders.rename(columns={"Invoice": "order_id"})


def of_customers(orders: pd.DataFrame) -> pd.DataFrame:
    """The orders that have a customer, whose key is written without decimals."""
    orders = orders.dropna(subset="customer_id")
    return orders.assign(customer_id=orders["customer_id"].astype(int).astype(str))


def countries(orders: pd.DataFrame) -> pd.Series:
    """Each customer's country on the first order: the United Kingdom or another."""
    first = orders.sort_values(["ordered_at", "order_id"]).groupby("customer_id")["country"].first()
    return first.where(first == "United Kingdom", "Other countries")
