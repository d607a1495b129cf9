"""Outputs: what can be counted of the work with customers when it is done."""

import narwhals.stable.v2 as nw

from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.features.leads import as_seen
from crmnb.metrics.features.sellers import active_sellers, counted_per_seller
from crmnb.metrics.features.tickets import with_ends
from crmnb.metrics.measures import Measure, count
from crmnb.schema.client import Segments


def _leads(leads: View, events: nw.LazyFrame, at: str, of: str, segments: Segments) -> Measure:
    """Events of leads; the sellers are those whose leads were open at some time in the period."""
    sellers = None
    if "seller" in leads.columns:
        over = nw.coalesce(
            *(nw.col(name) for name in ("won_at", "lost_at") if name in leads.columns), nw.lit(None, nw.Datetime("us"))
        )
        began, not_over = nw.col("created_at") < nw.col("period_end"), over.is_null() | (over >= nw.col("period_start"))
        sellers = active_sellers(leads.where(began, not_over))
    return counted_per_seller(leads, "leads", events, at, sellers, of=of, segments=segments)


@metric(title="Referrals", unit="count", kind="output", direction="up", hand_count="2", per_customer=True)
def referrals(customers):
    """Customers who joined in the period and were referred by another customer.

    Why: a referral costs little, and says that a customer trusts the company with a friend.
    Caution: only referrals that became customers and were recorded count.
    Source: Schmitt, Skiera & Van den Bulte 2011, Journal of Marketing 75(1):46 (referred customers and their value); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    joined = customers.filter(~nw.col("referred_by").is_null()).during("joined_at")
    return count(joined, "joined_at", of="customers referred by another")


@metric(title="Samples sent", unit="count", kind="output", direction="up", hand_count={"": "2", "per seller": "2 / 3"})
def samples_sent(activities, *, segments: Segments):
    """Activities of the kind `sample` in the period; also per seller who did anything in it.

    Why: a sample is asked for by somebody who considers buying.
    Caution: samples that nobody asked for count too. See the share that led to a next step.
    Formula: all: k | per seller: k / s, where s = sellers who did anything in the period.
    Source: Jordan & Vazzana 2011, Cracking the Sales Management Code (activities and results); McCullagh & Nelder 1989, Generalized Linear Models, 6.2
        (interval: over-dispersed counts).
    """
    happened = activities.during("happened_at")
    events, sellers = happened.filter(nw.col("kind") == "sample"), active_sellers(happened)
    return counted_per_seller(
        activities, "activities", events, "happened_at", sellers, of="samples sent", segments=segments
    )


@metric(
    title="Proposals made", unit="count", kind="output", direction="up", hand_count={"": "8", "per seller": "8 / 2"}
)
def proposals_made(leads, *, segments: Segments):
    """Leads to whom a proposal was made in the period; also per seller with a lead that was open in it.

    Why: it is what the sales work has led to before the customer decides.
    Caution: a target for proposals makes proposals to those who will not buy. Read it beside the win rate.
    Formula: all: k | per seller: k / s, where s = sellers with a lead that was open in the period.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 6 (the sales pipeline); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    seen = leads.derive(as_seen, leads.periods.cutoff, "proposed_at")
    return _leads(leads, seen.during("proposed_at"), "proposed_at", "proposals made", segments)


@metric(title="Proposals won", unit="count", kind="output", direction="up", hand_count={"": "6", "per seller": "6 / 2"})
def proposals_won(leads, *, segments: Segments):
    """Leads with a proposal that were won in the period; also per seller with a lead that was open in it.

    Why: it is the number that proposals are made for.
    Caution: a win of this period often answers a proposal of the one before.
    Formula: all: k | per seller: k / s, where s = sellers with a lead that was open in the period.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 6 (the sales pipeline); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    seen = leads.derive(as_seen, leads.periods.cutoff, "proposed_at", "won_at")
    won = seen.during("won_at").filter(~nw.col("proposed_at").is_null())
    return _leads(leads, won, "won_at", "proposals won", segments)


@metric(title="Orders won", unit="count", kind="output", direction="up", hand_count={"": "26"})
def orders_won(orders, *, segments: Segments):
    """Orders of the period that count as sales; where orders name their sellers, also per seller with an order in it.

    Why: it counts what was sold, whatever each order is worth.
    Caution: cancelled and wholly refunded orders do not count, so the number can still fall.
    Formula: all: k | per seller: k / s, where s = sellers with an order in the period.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 6; McCullagh & Nelder 1989, Generalized Linear
        Models, 6.2 (interval: over-dispersed counts).
    """
    events = orders.during("ordered_at")
    sellers = active_sellers(events) if "seller" in orders.columns else None
    return counted_per_seller(orders, "orders", events, "ordered_at", sellers, of="orders", segments=segments)


@metric(title="Problems solved", unit="count", kind="output", direction="up", hand_count="9")
def problems_solved(tickets):
    """Tickets that were resolved for good in the period, as far as is known.

    Why: it is the output of the service desk.
    Caution: more problems solved can mean more problems. Tickets closed without a resolution do not count, nor does one that is open again.
    Source: Cleveland 2012, Call Center Management on Fast Forward, 3rd ed., chapter 5; McCullagh & Nelder 1989, Generalized Linear Models, 6.2
        (interval: over-dispersed counts).
    """
    solved = with_ends(tickets).during("solved_at")
    return count(solved, "solved_at", of="tickets resolved for good", aspect_of="ticket_flow")
