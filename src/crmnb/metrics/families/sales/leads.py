"""Leads and proposals that are won."""

from datetime import timedelta

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import (
    conversion_over_time,
    proportion,
)
from crmnb.metrics.features.leads import as_seen, days_to, decided_at, is_there, own_columns, within_days
from crmnb.metrics.measures import Measure, of_counts, share
from crmnb.schema.client import Segments


@metric(
    title="Lead conversion rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count="5 / 11",
)
def lead_conversion_rate(leads, *, maturity_days=90):
    """Share of the leads created in the period that were won within the follow-up.

    A lead that was abandoned and won later is won, and so is a lead that fell through after the win. A win dated
    before the lead's creation is no win; the lead counts, and the number of such leads is stated.

    Why: it connects marketing and sales; a month of the trend is the leads created in it. All leads
        have the same time, so that older cohorts, which could be won for longer, do not look better.
    Caution: a cohort that ended more recently than the follow-up is marked as too early, and looks worse than it
        is. What is won later is not in it; the conversion curve tells how much that is.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 6 (the sales pipeline); Wilson 1927
        (interval).
    """
    seen = leads.derive(as_seen, leads.periods.cutoff, "won_at")
    created = seen.during("created_at", maturity_days=maturity_days)
    won = within_days(maturity_days, "won_at") == 1
    return share(created, won, numerator="leads won within the follow-up", denominator="leads created in the period")


@metric(
    title="Cumulative win rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count={"won within 30 days": "13 / 33", "won within 90 days": "17 / 33", "won within 180 days": "21 / 33"},
)
def cumulative_win_rate(leads, *, segments: Segments):
    """Share of the leads created in the period that are won within 30, 90, 180 and 365 days, as far as that has been seen.

    A lead that is not won counts as not won for as long as it has been followed, to the end of the data, whether it was lost or is
    open still: so a lost lead that is won back counts as won, and the date of the loss is not needed.

    Why: it compares new and old cohorts at the same age, and shows how long further wins take.
    Caution: a lost lead is not out of sight: to leave the lost ones out from their loss on (1 less Kaplan-Meier of those still
        open) can say twice as much as is true. The last steps rest on the few leads followed that long.
    Formula: 1 - product_j(1 - d_j / n_j), where j = each of the ages up to the age of interest at which leads were won; d_j = leads won at
    age j; n_j = leads that were not won before and are followed to that age, lost ones among them.
    Source: Fine & Gray 1999, JASA 94:496, 3.1 (who has had the competing event stays in the risk set until the end of follow-up, where
        that is known of all); Kaplan & Meier 1958, JASA 53:457; Choudhury 2002, Statistics in Medicine 21:1129 (log-log interval).
    """
    times = [name for name in ("won_at", "lost_at") if name in leads.columns]
    cutoff = leads.periods.cutoff
    seen = leads.derive(as_seen, cutoff, *times).during("created_at")
    last_day = nw.col("period_end") - timedelta(days=1) if cutoff is None else nw.lit(cutoff - timedelta(days=1))
    decided = {"ended_at": nw.col("won_at"), "outcome": is_there("won_at")}
    if "lost_at" in times:
        decided = {
            "ended_at": decided_at(),
            "outcome": is_there("won_at") + 2 * is_there("lost_at") * (1 - is_there("won_at")),
        }
    ended = seen.with_columns(**decided, last_day=last_day)
    ended = ended.with_columns(ended_at=nw.coalesce("ended_at", "last_day"))
    columns = own_columns(leads, "leads", segments, "days", "followed", "outcome")
    cases = ended.with_columns(days=days_to("ended_at"), followed=days_to("last_day")).select(
        "period_id", "days", "followed", "outcome", *columns
    )
    return of_counts(
        cases,
        conversion_over_time,
        numerator="leads won within the days after their creation",
        denominator="leads created in the period",
        breakdown="age of the lead",
    )


STAGES = ("qualified_at", "proposed_at")


@metric(
    title="Stage conversion",
    unit="%",
    kind="process",
    direction="up",
    hand_count={"1 lead to qualified": "9 / 11", "2 qualified to proposed": "8 / 9", "3 proposed to won": "5 / 8"},
)
def stage_conversion(leads, *, stages="", maturity_days=90):
    """Share of the leads that reached a stage, of those that reached the stage before; the first rate is of all leads created.

    Only what a lead reached within the follow-up counts, so that all have the same time. A lead with the time of a
    later stage has reached the earlier ones: a purchase without a proposal skips no step. The stages can be declared;
    by default they are qualified, proposed and won, as far as the client has their times.

    Why: it shows at which stage leads are lost.
    Caution: leads that take longer count as not having come further, and in an immature cohort those still under way too, so it
        looks worst in its last steps.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 6 (the sales funnel).
    """
    declared = [name.strip() for name in stages.split(",") if name.strip()]
    there = leads.columns
    times = declared or [name for name in STAGES if name in there]
    if not times:
        raise Unavailable(Note("needs_stages"))
    times = [*dict.fromkeys([*times, "won_at"])]
    seen = leads.derive(as_seen, leads.periods.cutoff, *times)
    created = seen.during("created_at", maturity_days=maturity_days)
    names = ["lead", *(name.removesuffix("_at").replace("_", " ") for name in times)]
    reached = [within_days(maturity_days, *times[at:]) for at in range(len(times))]
    created = created.with_columns(
        reached_0=nw.lit(1), **{f"reached_{at + 1}": condition for at, condition in enumerate(reached)}
    )
    steps = [
        created.filter(nw.col(f"reached_{at}") == 1).with_columns(
            breakdown=nw.lit(f"{at + 1} {names[at]} to {names[at + 1]}"),
            num=nw.col(f"reached_{at + 1}"),
            den=nw.lit(1),
        )
        for at in range(len(times))
    ]
    return Measure(
        nw.concat(steps),
        proportion,
        numerator="leads that reached the stage",
        denominator="leads created in the period that reached the stage before",
        breakdown="stage",
    )


@metric(
    title="Win rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count="6 / 8",
)
def win_rate(leads):
    """Share of the proposals decided in the period that were won, whenever they were made.

    Why: proposals are expensive, and this is their yield. It needs no follow-up, as it contains decided proposals only.
    Caution: what is left undecided is in neither part: whoever never closes the lost ones has a fine rate. Quick decisions of new
        proposals come in before slow ones, so it moves when their number does.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 6 (the sales pipeline).
    """
    times = ("proposed_at", "won_at", "lost_at")
    seen = leads.derive(as_seen, leads.periods.cutoff, *times).filter(~nw.col("proposed_at").is_null())
    decided = seen.derive(lambda rows: rows.with_columns(decided_at=decided_at())).during("decided_at")
    won = is_there("won_at") == 1
    return share(decided, won, numerator="proposals won", denominator="proposals decided in the period")
