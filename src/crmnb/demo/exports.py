"""Exports: each clean table as a source system would export it, with other headers, codes and formats, and with faulty rows."""

import numpy as np
import pandas as pd

from crmnb.demo import relationship
from crmnb.demo.corruption import CorruptedRows, Defect, corrupt_rows, format_times, to_day_numbers, write_missing_codes
from crmnb.demo.customers import are_listed
from crmnb.demo.data_quality import second_records
from crmnb.demo.parameters import YEARS

_SURVEYS = {"purchase": "after purchase", "support": "after support", relationship.SURVEY: "yearly"}
_FIRST = ["Zoë", "Jürgen", "Siân", "O'Neil", "Łukasz", "Marie-Claire", "Ayşe", "Anna", "Tom", "Giulia"]
_LAST = ['Smith "Smithy"', "Müller", "D'Arcy; Jr", "Nguyễn", "Østergård", "García,\nPérez", "Brown", "Rossi", "Weiß"]
_FORMULA = '=HYPERLINK("http://example.org";"click me")'
_TEXTS = [
    "Great, would buy again!",
    'They said "soon".\nIt was not.',
    "Très bien",
    "ok",
    _FORMULA,
    "-1 star; never again",
]
_TOO_LATE = f"the declared end of the data ({YEARS[-1]}-12-31)"


def export_customers(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The list of customers, with names and addresses; a few customers are not on it, and a few are there twice."""
    clean = clean[are_listed(len(clean), rng)].reset_index(drop=True)
    rows = len(clean)
    name = pd.Series(rng.choice(_FIRST, rows)) + " " + pd.Series(rng.choice(_LAST, rows))
    name[rng.random(rows) < 0.002] = _FORMULA
    good = pd.DataFrame(
        {
            "Customer no": clean["customer_id"],
            "Name": name,
            "E-mail": "c" + clean["customer_id"] + "@example.org",
            "Region": clean["region"],
            "Tariff": clean["plan"],
            "Customer since": format_times(clean["joined_at"], "%d.%m.%Y"),
            "Found us": write_missing_codes(clean["acquisition_channel"], 0.5, ["n/a", "-"], rng),
            "Newsletter": rng.choice(["ja", "nein"], rows),
            "Kind": clean["account"],
            "Prefers": clean["preferred_channel"],
            "Last contact by": clean["used_channel"],
            "Recommended by": clean["referred_by"],
            "Born": clean["born"],
            "Street": clean["street"],
            "Checked": format_times(clean["verified_at"], "%d.%m.%Y"),
        }
    )
    defects = [
        Defect("duplicate customer_id", 0.002),
        Defect("customer_id is empty", 0.0015, lambda rows: {"Customer no": None}),
        Defect("joined_at is not a time in the format %d.%m.%Y", 0.001, lambda rows: {"Customer since": "31.02.2024"}),
    ]
    second, twins = second_records(good, rng.spawn(1)[0])
    listed = corrupt_rows(good, "Customer no", defects, rng)
    rows = pd.concat([listed.rows, second], ignore_index=True)
    return CorruptedRows(rows, listed.good + len(second), listed.bad, twins)


def export_audited_values(values: pd.DataFrame) -> CorruptedRows:
    """What somebody noted of a sample of records."""
    return CorruptedRows(values, len(values))


def export_subscriptions(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The contracts, from a European accounting system: decimal commas, days first."""
    form = "%d.%m.%Y %H:%M:%S"
    good = pd.DataFrame(
        {
            "Contract": clean["subscription_id"],
            "Customer no": clean["customer_id"],
            "Plan": clean["plan"],
            "From": format_times(clean["started_at"], form),
            "To": write_missing_codes(format_times(clean["ended_at"], form), 0.5, ["-"], rng),
            "Monthly fee": clean["monthly_amount"].map("{:.2f}".format).str.replace(".", ","),
            "Clerk": rng.choice(["Möller", "Peña", "Novák"], len(clean)),
        }
    )
    defects = [
        Defect("duplicate subscription_id", 0.002),
        Defect("subscription_id is empty", 0.001, lambda rows: {"Contract": ""}),
        Defect("monthly_amount is not an amount", 0.001, lambda rows: {"Monthly fee": "as agreed"}),
        Defect("ended_at is before started_at", 0.0015, lambda rows: {"To": "01.01.2000 00:00:00"}, _begun_since_2001),
    ]
    return corrupt_rows(good, "Contract", defects, rng)


def _begun_since_2001(rows: pd.DataFrame) -> pd.Series:
    return rows["From"].str[6:10] > "2000"


def export_orders(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The shop's orders: thousands with a comma, days first, statuses in its own words (a test order counts as cancelled)."""
    form = "%d/%m/%Y %H:%M:%S"
    word = clean["status"].map({"paid": "done", "cancelled": "void", "refunded": "returned"})
    test = (word == "void") & (rng.random(len(clean)) < 0.2)
    good = pd.DataFrame(
        {
            "Order no": clean["order_id"],
            "Customer no": write_missing_codes(clean["customer_id"], 0.5, ["guest"], rng),
            "Ordered": format_times(clean["ordered_at"], form),
            "Total": clean["amount"].map("{:,.2f}".format),
            "Margin": write_missing_codes(
                clean["margin"].map("{:,.2f}".format, na_action="ignore"), 1.0, ["", "tbc"], rng
            ),
            "Status": word.mask(test, "test"),
            "Refunded": clean["refunded_amount"].map("{:,.2f}".format, na_action="ignore"),
            "Refunded on": format_times(clean["refunded_at"], form),
            "Where": clean["channel"],
            "What": clean["category"],
            "Voucher": rng.choice(["", "", "WELCOME10", "=1+1"], len(clean)),
            "month": clean["ordered_at"].dt.strftime("%Y-%m"),
        }
    )

    def in_day(rows: pd.DataFrame, day: str) -> pd.Series:
        return day + rows["Ordered"].str[10:]

    defects = [
        Defect("duplicate order_id", 0.001),
        Defect("order_id is empty", 0.0005, lambda rows: {"Order no": ""}),
        Defect(
            f"ordered_at is not a time in the format {form}",
            0.0005,
            lambda rows: {"Ordered": in_day(rows, "31/02/2025")},
        ),
        Defect(f"ordered_at is after {_TOO_LATE}", 0.0003, lambda rows: {"Ordered": in_day(rows, "01/05/2052")}, _done),
        Defect("amount is not an amount", 0.0008, lambda rows: {"Total": "see invoice"}, _done),
        Defect("amount is below 0", 0.0005, lambda rows: {"Total": "-" + rows["Total"]}, _done),
        Defect("status is not one of paid, cancelled, refunded", 0.0004, lambda rows: {"Status": "?"}),
        Defect("refunded_amount is above amount", 0.0003, lambda rows: {"Refunded": "99,999.00"}, _returned),
    ]
    return corrupt_rows(good, "Order no", defects, rng)


def _done(rows: pd.DataFrame) -> pd.Series:
    return rows["Status"] == "done"


def _returned(rows: pd.DataFrame) -> pd.Series:
    return rows["Status"] == "returned"


def export_survey_invitations(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The survey tool's invitations, typed; its keys have become numbers with a fraction."""
    return _apart(clean, rng, _invitations)


def _apart(clean: pd.DataFrame, rng: np.random.Generator, export) -> CorruptedRows:
    """What is exported of the relationship survey after all else, with random numbers of its own."""
    of_relationship = clean["survey"] == relationship.SURVEY
    parts = [
        export(clean[rows].reset_index(drop=True), random)
        for rows, random in ((~of_relationship, rng), (of_relationship, rng.spawn(1)[0]))
    ]
    reasons = dict.fromkeys(reason for part in parts for reason in part.bad)
    bad = {reason: sum(part.bad.get(reason, 0) for part in parts) for reason in reasons}
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    return CorruptedRows(rows, sum(part.good for part in parts), bad)


def _invitations(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    good = pd.DataFrame(
        {
            "invitation": clean["invitation_id"].astype(float),
            "survey": clean["survey"].map(_SURVEYS),
            "customer": clean["customer_id"].astype(float),
            "sent": clean["sent_at"],
            "reached": clean["reached_at"],
            "started": clean["started_at"],
            "finished": clean["completed_at"],
            "by": clean["channel"],
            "batch": rng.integers(1, 9, len(clean)),
        }
    )
    hour = pd.Timedelta(hours=1)
    defects = [
        Defect("duplicate invitation_id", 0.001),
        Defect("invitation_id is empty", 0.0005, lambda rows: {"invitation": np.nan}),
        Defect(
            "started_at is before reached_at",
            0.001,
            lambda rows: {"reached": rows["started"] + hour},
            lambda rows: rows["started"].notna(),
        ),
    ]
    return corrupt_rows(good, "invitation", defects, rng)


def export_survey_responses(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The answer sheets, as objects: what was not answered is null, or says so."""
    return _apart(clean, rng, _sheets)


def _sheets(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    if set(clean["survey"]) <= {relationship.SURVEY}:
        return _relationship_sheets(clean, rng)
    items = {"satisfied": "q1_satisfied", "recommend": "q2_recommend", "effort": "q3_effort"}
    whole = {theirs: clean[ours].astype("Int64") for ours, theirs in items.items()}
    good = pd.DataFrame(
        {
            "sheet": clean["response_id"],
            "survey": clean["survey"].map(_SURVEYS),
            "customer": clean["customer_id"],
            "invitation": clean["invitation_id"],
            "order": clean["order_id"],
            "ticket": clean["ticket_id"],
            "via": clean["channel"],
            "answered": format_times(clean["responded_at"], "%Y-%m-%d %H:%M:%S"),
            **{name: write_missing_codes(answers, 0.5, ["n/a", "-"], rng) for name, answers in whole.items()},
            "comment": clean["comment"],
            "may_quote": clean["quote_consent"],
            "judged": clean["sentiment_label"],
            "called_back": format_times(clean["followed_up_at"], "%Y-%m-%d %H:%M:%S"),
            "device": [{"system": system} for system in rng.choice(["iOS", "Android", "other"], len(clean))],
        }
    ).astype(object)
    good = good.where(good.notna(), None)
    defects = [
        Defect("duplicate response_id", 0.002),
        Defect("responded_at is empty", 0.001, lambda rows: {"answered": None}),
        Defect("recommend is above 10", 0.002, lambda rows: {"q2_recommend": 11}),
        Defect("satisfied is below 1", 0.001, lambda rows: {"q1_satisfied": 0}),
        Defect("recommend is not a whole number", 0.001, lambda rows: {"q2_recommend": "ten"}),
    ]
    return corrupt_rows(good, "sheet", defects, rng)


def _relationship_sheets(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    good = pd.DataFrame(
        {
            "sheet": clean["response_id"],
            "survey": clean["survey"].map(_SURVEYS),
            "customer": clean["customer_id"],
            "invitation": clean["invitation_id"],
            "answered": format_times(clean["responded_at"], "%Y-%m-%d %H:%M:%S"),
            **{f"r_{item}": clean[item].astype("Int64") for item in relationship.ITEMS},
            "comment": clean["comment"],
            "may_quote": clean["quote_consent"],
            "judged": clean["sentiment_label"],
        }
    ).astype(object)
    good = good.where(good.notna(), None)
    defects = [
        Defect("duplicate response_id", 0.002),
        Defect("overall is above 10", 0.005, lambda rows: {"r_overall": 11}),
    ]
    return corrupt_rows(good, "sheet", defects, rng)


def export_reviews(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The public reviews, collected by hand."""
    good = pd.DataFrame(
        {
            "Review": clean["review_id"],
            "Platform": clean["platform"],
            "Posted": format_times(clean["posted_at"], "%Y-%m-%d %H:%M:%S"),
            "Stars": clean["rating"],
            "Out of": clean["scale"],
            "Text": rng.choice(_TEXTS, len(clean)),
        }
    )
    defects = [
        Defect("duplicate review_id", 0.004),
        Defect("rating is above scale", 0.004, lambda rows: {"Stars": rows["Out of"] + 1}),
        Defect("posted_at is not a date or time", 0.003, lambda rows: {"Posted": "2025-02-31"}),
    ]
    return corrupt_rows(good, "Review", defects, rng)


def export_tickets(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The service desk's workbook; times are those of a spreadsheet, numbers of days."""
    times = {
        "Opened": "opened_at",
        "First answer": "first_response_at",
        "Resolved": "resolved_at",
        "Closed": "closed_at",
        "Reopened": "reopened_at",
        "Cancelled": "cancelled_at",
        "Due": "sla_due_at",
    }
    good = pd.DataFrame(
        {
            "Ticket": clean["ticket_id"],
            "Customer": clean["customer_id"].astype(float),
            **{theirs: to_day_numbers(clean[ours]) for theirs, ours in times.items()},
            "Contacts": clean["contacts"],
            "Handed on": clean["reassignments"],
            "Escalated": np.where(clean["escalated"], "yes", "no"),
            "Channel": clean["channel"],
            "Topic": clean["topic"],
            "Agent": clean["agent"],
            "Team": clean["team"],
            "Priority": clean["priority"],
            "year": clean["opened_at"].dt.year,
        }
    ).astype(object)
    defects = [
        Defect("duplicate ticket_id", 0.002),
        Defect("ticket_id is empty", 0.001, lambda rows: {"Ticket": ""}),
        Defect("opened_at is not a date or time", 0.001, lambda rows: {"Opened": "31.02.2025"}),
        Defect(
            "resolved_at is before opened_at",
            0.002,
            lambda rows: {"Resolved": rows["Opened"] - 2},
            lambda rows: rows["Resolved"].notna(),
        ),
        Defect("contacts is below 0", 0.0005, lambda rows: {"Contacts": -1}),
    ]
    return corrupt_rows(good, "Ticket", defects, rng)
