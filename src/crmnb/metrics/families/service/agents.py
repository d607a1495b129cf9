"""Agents: how many of their tickets they resolve, how satisfied their customers are, and what these write about."""

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.evidence import PERIOD
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.answer_scale import answer_points, pointing
from crmnb.metrics.features.comments import coded_themes, with_comment
from crmnb.metrics.features.tickets import agents_of, resolved_in, with_ends
from crmnb.metrics.measures import of_counts
from crmnb.schema.client import Feedback, Item, Service
from crmnb.stats.agent_themes import ABOUT

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

_THEMES_BY_AGENT = Estimator(
    "proportion",
    "counts",
    "agent_themes.themes",
    "Wilson, by customer; shrunken: empirical Bayes",
    whole_only=True,
    chart="agent_themes",
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
    answers = answers.with_columns(points=answer_points(item.name, item))
    rows = _about_agents(answers, survey_responses, tickets, "points")
    words = {"numerator": "points of satisfaction", "denominator": "answers about an agent"}
    words["known"] = {"agents": agents_of(tickets, survey_responses)}
    return of_counts(rows, _SATISFACTION_BY_AGENT, breakdown="agent", bounds=(0, 100), trend=False, **words)


@metric(
    title="Themes by agent",
    unit="%",
    kind="outcome",
    direction="-",
    hand_count={
        "Waiting, A1": "0 / 1",
        "Waiting, A2": "1 / 1",
        "Waiting, A3": "1 / 2",
    },
)
def representative_themes(
    survey_responses, tickets, personal_names, *, feedback: Feedback, most_frequent: int = 3, service: Service
):
    """Share of the comments of the customers whom an agent served that are about each of the most frequent themes, and the same shrunken
    towards the share of all agents.

    The agent is the one of the answer, or of the ticket that the answer is about. Themes come about as in the theme share. The shares that are not
    shrunken have Wilson's interval, and those of few comments scatter by chance alone; the shrunken ones need five agents or more.

    Why: it shows what customers bring up with one agent more often than with others: a topic for training, or a practice to pass on.
    Caution: it is no ranking. Customers and topics are not assigned to agents at random, and few customers comment. A theme says what a comment is
        about, not whether it praises or blames.
    Formula: m + B_j * (x_j - m), where m = the mean of all agents; x_j = the share of the comments on agent j that are about the theme (the figure that is
    not shrunken); B_j = how much agent j's own comments count, from 0 (few comments) to 1 (many).
    Source: Wilson 1927, JASA 22:209 (shares); Morris 1983, JASA 78:47 (shrunken shares); Cochran 1954, Biometrics 10:417 (whether agents differ).
    """
    coded = coded_themes(survey_responses, feedback, personal_names.rows)
    names = coded.themes.names
    comments = with_comment(survey_responses).filter(_NOW).join(coded.texts, on="comment", how="inner")
    about = {f"{ABOUT}{at}": nw.col(f"about_{at}") for at, _ in enumerate(names)}
    rows = _about_agents(comments.with_columns(**about), survey_responses, tickets, *about)
    words = {"numerator": "comments about the theme", "denominator": "comments about an agent"}
    words["known"] = {"agents": agents_of(tickets, survey_responses), "themes": tuple(names)}
    return of_counts(rows.drop("agent"), _THEMES_BY_AGENT, breakdown="theme and agent", trend=False, **words)


def _about_agents(rows: nw.LazyFrame, answers: View, tickets: View, *columns: str) -> nw.LazyFrame:
    """The answer sheets (`rows`) that are about an agent, with these columns, `agent` and `breakdown`: the agent of the sheet, or else of its ticket."""
    there = answers.columns
    if not {"agent", "ticket_id"} & {*there}:
        raise Unavailable(Note("needs_column", column="survey_responses.agent"))
    keys = [name for name in ("period_id", "customer_id") if name == "period_id" or name in there]
    sheets = rows.select(*keys, *columns, agent=_or_none("agent", there), ticket=_or_none("ticket_id", there))
    if "ticket_id" in there:
        of_ticket = tickets.rows.select("ticket_id", own="agent")
        sheets = sheets.join(of_ticket, left_on="ticket", right_on="ticket_id", how="left")
        sheets = sheets.with_columns(agent=nw.coalesce("agent", "own")).drop("own")
    sheets = sheets.drop("ticket").filter(~nw.col("agent").is_null())
    return sheets.with_columns(breakdown=nw.col("agent"))


def _or_none(column: str, columns: list[str]) -> nw.Expr:
    return nw.col(column) if column in columns else nw.lit(None, nw.String)
