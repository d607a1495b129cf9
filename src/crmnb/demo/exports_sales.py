"""Exports of further systems: the sales database, the web log and the list of costs."""

import numpy as np
import pandas as pd

from crmnb.demo.corruption import CorruptedRows, Defect, corrupt_rows, format_times, write_missing_codes

_ISO = "%Y-%m-%d %H:%M:%S"


def export_leads(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The sales team's opportunities: a table of a database, in which all is text."""
    times = {
        "opened": "created_at",
        "qualified": "qualified_at",
        "offer_sent": "proposed_at",
        "signed": "won_at",
        "given_up": "lost_at",
    }
    good = pd.DataFrame(
        {
            "opportunity": clean["lead_id"],
            "customer": write_missing_codes(clean["customer_id"], 0.5, ["?"], rng),
            **{theirs: format_times(clean[ours], _ISO) for theirs, ours in times.items()},
            "origin": clean["source"],
            "owner": clean["seller"],
            "worth": clean["amount"].map("{:.2f}".format),
            "colour": rng.choice(["red", "amber", "green"], len(clean)),
        }
    )

    defects = [
        Defect("duplicate lead_id", 0.003),
        Defect("lead_id is empty", 0.002, lambda rows: {"opportunity": None}),
        Defect("created_at is not a date or time", 0.002, lambda rows: {"opened": "last week"}),
        Defect("amount is below 0", 0.003, lambda rows: {"worth": "-" + rows["worth"]}, _priced),
        Defect("amount is not an amount", 0.004, lambda rows: {"worth": "to be agreed"}),
    ]
    return corrupt_rows(good, "opportunity", defects, rng)


def _priced(rows: pd.DataFrame) -> pd.Series:
    return rows["worth"].astype(float) > 0


def export_visits(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The web site's sessions, typed, with names of their own for goals."""
    good = pd.DataFrame(
        {
            "session": clean["visit_id"],
            "cookie": clean["visitor_id"],
            "login": clean["customer_id"],
            "begun": clean["started_at"],
            "seconds": clean["seconds"],
            "pages": clean["pages"],
            "goal": clean["goal"].map({"purchase": "checkout/done", "newsletter": "signup"}),
            "converted": clean["converted"],
            "from": clean["source"],
            "browser": rng.choice(["Firefox", "Chrome", "Safari"], len(clean)),
        }
    )
    defects = [
        Defect("duplicate visit_id", 0.0005),
        Defect("visitor_id is empty", 0.001, lambda rows: {"cookie": None}),
        Defect("seconds is below 0", 0.0005, lambda rows: {"seconds": -1.0}),
    ]
    return corrupt_rows(good, "session", defects, rng)


def export_costs(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The book-keeper's list of costs: amounts with a sign and a decimal comma. Its rows have no key."""
    good = pd.DataFrame(
        {
            "Month": clean["month"].dt.strftime("%Y-%m"),
            "Purpose": clean["category"].map(
                {"acquisition": "winning", "service": "service", "programme": "programme"}
            ),
            "Channel": clean["acquisition_channel"],
            "Programme": clean["programme"],
            "Amount": clean["amount"].map("€ {:,.2f}".format).str.translate(str.maketrans(",.", ".,")),
        }
    )
    defects = [
        Defect("month is not a month (2025-12) or a date", 0.008, lambda rows: {"Month": "total"}),
        Defect("amount is not an amount", 0.008, lambda rows: {"Amount": "see note"}),
        Defect("category is empty", 0.008, lambda rows: {"Purpose": None}),
    ]
    return corrupt_rows(good, None, defects, rng)
