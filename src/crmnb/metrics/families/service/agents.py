"""Agents: how many of their tickets they resolve, and how satisfied their customers are."""

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.evidence import PERIOD
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.answer_scale import answer_points, pointing
from crmnb.metrics.features.tickets import agents_of, resolved_in, with_ends
from crmnb.metrics.measures import of_counts
from crmnb.schema.client import Item, Service

_RESOLVED_BY_AGENT = Estimator(
    "indirectly standardised share",
    "counts",
    "agents.resolved",
    "Wilson, at the size of the case mix; funnel limits with over-dispersion",
    columns=("stratum", "resolved"),
    whole_only=True,
    chart="agents",
)
_SATISFACTION_BY_AGENT = Estimator(
    "shrunken mean",
    "counts",
    "agents.satisfaction",
    "empirical Bayes",
    columns=("points",),
    whole_only=True,
    chart="breakdown",
)

# Agents are not compared with the time before: who was best then is likely to be less so now.
_NOW = nw.col(PERIOD) == 0
_UNKNOWN = "?"  # in a stratum: what is not known is a kind of its own


@metric(
    title="Tickets resolved by agent",
    unit="%",
    kind="process",
    direction="up",
    hand_count={
        "A1": "(3 / 2.4) * 8 / 13",
        "A2": "(2 / 1.6) * 8 / 13",
        "A3": "(3 / 4) * 8 / 13",
    },
)
def resolved_by_agent(
    tickets, *, follow_up_days: int = 7, case_mix: str = "topic, channel, priority", service: Service
):
    """Share of an agent's tickets that are resolved so many days after they were opened, adjusted for the case mix.

    Case mix: the resolved tickets of an agent are divided by those expected if all agents reached in each kind of ticket (topic, channel,
    priority, as far as the client records them) what they reach together; times the share of all. The figures are not shrunken. Those of few tickets
    scatter by chance alone: the funnel plot shows within which limits.

    Why: it shows who may have found a better way, or needs help, without blaming chance or hard cases on anybody.
    Caution: it is no ranking. Tickets differ in more than their recorded kind, and nobody assigned them at random. Inside the limits an agent does
        not differ detectably from all.
    Formula: o_j / e_j * p, where o_j = tickets of agent j that were resolved; e_j = tickets that would be if all agents reached the same in
    each kind of ticket; p = the share of all tickets that were resolved.
    Source: Spiegelhalter 2005, Statistics in Medicine 24:1185 (funnel plots) and Quality and Safety in Health Care 14:347 (over-dispersion);
        Wilson 1927, JASA 22:209 (interval).
    """
    columns = tickets.columns
    mix = [name for name in (part.strip() for part in case_mix.split(",")) if name in columns]
    rows = resolved_in(with_ends(tickets), follow_up_days).filter(_NOW, ~nw.col("agent").is_null())
    kind = [nw.col(name).cast(nw.String).fill_null(_UNKNOWN) for name in mix] or [nw.lit("")]
    rows = rows.with_columns(
        stratum=nw.concat_str(kind, separator=" / "),
        resolved=nw.col("is_resolved").cast(nw.Int64),
        breakdown=nw.col("agent"),
    )
    words = {"numerator": "tickets resolved", "denominator": "tickets followed for these days"}
    words["known"] = {"agents": agents_of(tickets)}
    return of_counts(rows, _RESOLVED_BY_AGENT, breakdown="agent", trend=False, **words)


@metric(
    title="Satisfaction by agent",
    unit="points",
    kind="process",
    direction="up",
    published="test_published_estimators.py::test_batting_averages_shrunken_towards_their_mean",
)
def representative_satisfaction(survey_responses, tickets, *, item: Item = "satisfied", service: Service):
    """Mean satisfaction of the customers whom an agent served, from 0 (worst) to 100 (best), shrunken towards the mean of all agents.

    The agent is the one of the answer, or of the ticket that the answer is about. The fewer answers, the more a mean is shrunken: an agent of whom little
    is known is expected to be like the others.

    Why: it helps agents to learn from customers, where plain means of few answers mislead.
    Caution: customers are not assigned at random, and who answers need not be like who does not. Customers rate the product and the rules as well.
    Formula: m + B_j * (x_j - m), where m = the mean of all agents; x_j = the mean satisfaction of the customers of agent j; B_j = how much
    agent j's own answers count, from 0 (few answers) to 1 (many).
    Source: Morris 1983, JASA 78:47; Efron & Morris 1975, JASA 70:311.
    """
    pointing(item, "up")
    answers = survey_responses.during("responded_at").filter(_NOW, ~nw.col(item.name).is_null())
    columns = ["period_id", "customer_id"] if "customer_id" in survey_responses.columns else ["period_id"]
    rows = answers.select(
        *columns,
        agent=_agent_of(survey_responses.columns),
        points=answer_points(item.name, item),
        ticket=_ticket_of(survey_responses.columns),
    )
    if "ticket_id" in survey_responses.columns:
        of_ticket = tickets.rows.select("ticket_id", own="agent")
        rows = rows.join(of_ticket, left_on="ticket", right_on="ticket_id", how="left")
        rows = rows.with_columns(agent=nw.coalesce("agent", "own"))
    rows = rows.filter(~nw.col("agent").is_null()).with_columns(breakdown=nw.col("agent"))
    words = {"numerator": "points of satisfaction", "denominator": "answers about an agent"}
    words["known"] = {"agents": agents_of(tickets, survey_responses)}
    return of_counts(rows, _SATISFACTION_BY_AGENT, breakdown="agent", bounds=(0, 100), trend=False, **words)


def _agent_of(columns: list[str]) -> nw.Expr:
    if not {"agent", "ticket_id"} & {*columns}:
        raise Unavailable(Note("needs_column", column="survey_responses.agent"))
    return nw.col("agent") if "agent" in columns else nw.lit(None, nw.String)


def _ticket_of(columns: list[str]) -> nw.Expr:
    return nw.col("ticket_id") if "ticket_id" in columns else nw.lit(None, nw.String)
