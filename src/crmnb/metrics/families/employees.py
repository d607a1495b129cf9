"""Employees: how satisfied and engaged the staff is, and whether that goes with satisfied customers."""

from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.answer_scale import answer_points, pointing, top_box
from crmnb.metrics.measures import Measure, of_counts
from crmnb.schema.client import Employees, Item, Items, Segments
from crmnb.stats.employees import CUSTOMERS, EMPLOYEES, RANKS
from crmnb.stats.estimation import ANSWER_TO

_STAFF_SHARE = Estimator(
    "share of a staff", "counts", "finite_population.share", "Wilson, finite-population correction", chart="segments"
)
_STAFF_MEAN = Estimator(
    "mean of a staff", "counts", "finite_population.mean", "score, finite-population correction", chart="segments"
)
_STAFF_NET_SCORE = Estimator(
    "net score of a staff",
    "counts",
    "finite_population.net_score",
    "adjusted Wald, finite-population correction",
    chart="segments",
)
_STAFF_INDEX = Estimator(
    "mean of several items of a staff",
    "counts",
    "employees.index",
    "score, finite-population correction",
    chart="segments",
)
_EMPLOYEE_LINK = Estimator(
    "slope corrected for attenuation", "counts", "employees.link", "jackknife of teams, t", chart="link"
)

_TABLE = "employee_responses"
_FEWEST = 7  # of fewer answers nothing is shown, whatever a client declares
_ANSWERS = {"denominator": "valid answers of employees"}
_POINTS = "points of all answers, 0 (worst) to 100 (best)"


def _sheets(employee_responses: View, teams: View, segments: Segments) -> tuple[nw.LazyFrame, list[str]]:
    """The answer sheets of each period with the headcount of their team (`of_team`) and of the staff (`of_all`); and these columns
    with those that a sheet is broken down by. A sheet of a team that is not in the list of teams does not count. Of several waves in a period
    the last one counts, as nobody knows who answered twice.
    """
    by_team = teams.rows.group_by("team").agg(of_team=nw.col("headcount").cast(nw.Float64).sum())
    staff = teams.rows.select(of_all=nw.col("headcount").cast(nw.Float64).sum())
    known = employee_responses.columns
    own = [of.column.partition(".")[2] for of in segments.values() if of.column.startswith(f"{_TABLE}.")]
    columns = ["period_id", *dict.fromkeys(("team", *(name for name in own if name in known))), "of_team", "of_all"]
    sheets = employee_responses.during("responded_at").join(by_team, on="team", how="inner")
    if "wave" in known:
        sheets = _of_last_wave(sheets)
    return sheets.join(staff, how="cross"), columns


def _of_last_wave(sheets: nw.LazyFrame) -> nw.LazyFrame:
    """The sheets of each period's last wave: that with the last answer."""
    ends = (
        sheets.filter(~nw.col("wave").is_null()).group_by("period_id", "wave").agg(ended=nw.col("responded_at").max())
    )
    last = ends.group_by("period_id").agg(ended=nw.col("ended").max())
    waves = ends.join(last, on=["period_id", "ended"], how="inner").group_by("period_id").agg(wave=nw.col("wave").max())
    return sheets.join(waves, on=["period_id", "wave"], how="inner")


def _of_staff(rows: nw.LazyFrame, estimate: Estimator, **facts: Any) -> Measure:
    """A measure of the staff: nothing of fewer than seven answers is shown."""
    return of_counts(rows, estimate, suppress_below=_FEWEST, **_ANSWERS | facts)


def _on_item(employee_responses: View, teams: View, item: str, value: nw.Expr, segments: Segments) -> nw.LazyFrame:
    sheets, columns = _sheets(employee_responses, teams, segments)
    return sheets.filter(~nw.col(item).is_null()).select(*columns, value=value.cast(nw.Float64))


@metric(title="Employee satisfaction", unit="%", kind="input", direction="up", hand_count="9 / 15")
def employee_satisfaction(employee_responses, teams, *, item: Item = "work_satisfied", segments: Segments):
    """Share of the employees' answers in the top box: the two best answers, or the declared ones.

    The headcount of each team is known. The fewer employees did not answer, the narrower is the interval; a census has none.

    Why: employees who are satisfied are an input of every relationship with customers.
    Caution: those who answer need not be like those who do not. A period must hold one survey, as nobody knows who
        answered twice; where surveys are named (wave), the last one counts. The headcount is today's. A team with fewer than seven answers is never shown.
    Source: Cochran 1977, Sampling Techniques, 3rd ed., 3.2 (finite population); Wilson 1927, JASA 22:209 (interval).
    """
    satisfied = nw.when(nw.col(item.name) >= top_box(item)).then(nw.lit(1)).otherwise(nw.lit(0))
    rows = _on_item(employee_responses, teams, item.name, satisfied, segments)
    return _of_staff(rows, _STAFF_SHARE, numerator="employees' answers in the top box")


@metric(
    title="Mean employee satisfaction",
    unit="points",
    kind="input",
    direction="up",
    hand_count="(6 * 100 + 3 * 75 + 3 * 50 + 2 * 25 + 1 * 0) / 15",
)
def employee_satisfaction_mean(employee_responses, teams, *, item: Item = "work_satisfied", segments: Segments):
    """Mean answer of the employees, rescaled from the ends of the scale to 0 (worst) and 100 (best).

    Why: it also reacts to changes below the top box.
    Caution: a mean can hide two opposite groups. As for employee satisfaction, a period must hold one survey.
    Formula: 100 * (mean(x) - x_worst) / (x_best - x_worst), where x = the valid answers on their scale; x_worst = the worst answer of the
    scale; x_best = the best answer of the scale.
    Source: Cochran 1977, Sampling Techniques, 3rd ed., 2.6 (mean of a finite population); Wedderburn 1974, Biometrika 61:439 (means on a
        scale).
    """
    rows = _on_item(employee_responses, teams, item.name, answer_points(item.name, pointing(item, "up")), segments)
    facts = {"bounds": (0, 100), "numerator": _POINTS, "aspect_of": "employee_satisfaction"}
    return _of_staff(rows, _STAFF_MEAN, **facts)


@metric(
    title="Employee net promoter score (eNPS)",
    unit="points",
    kind="input",
    direction="up",
    hand_count="(7 - 4) / 15 * 100",
)
def employee_nps(employee_responses, teams, *, segments: Segments):
    """Share of employees who recommend the company as an employer (9 or 10) minus share of detractors (0 to 6), from -100 to 100.

    Why: one figure for the willingness to recommend, which compares with the NPS of customers.
    Caution: it ignores most of the scale, so its interval is wide. As for employee satisfaction, a period must hold one survey.
    Formula: 100 * (P - D) / n, where P = the number of promoters (9 or 10); D = the number of detractors (0 to 6).
    Source: Reichheld 2003, Harvard Business Review 81(12):46 (definition); Rocks 2016, The American Statistician 70:365 (interval);
        Cochran 1977, Sampling Techniques, 3rd ed., 3.2 (finite population).
    """
    x = nw.col("enps")
    score = nw.when(x >= 9).then(nw.lit(1)).when(x <= 6).then(nw.lit(-1)).otherwise(nw.lit(0))
    rows = _on_item(employee_responses, teams, "enps", score, segments)
    return _of_staff(rows, _STAFF_NET_SCORE, numerator="promoters (9-10) less detractors (0-6)")


def _scores(
    employee_responses: View, teams: View, index_items: tuple[str, ...], items: Items, segments: Segments
) -> tuple[nw.LazyFrame, list[str]]:
    """The sheets with answers to at least half of some items: their mean as `value`, and the answers on 0-100."""
    sheets, columns = _sheets(employee_responses, teams, segments)
    answers = {f"{ANSWER_TO}{item}": answer_points(item, items[item]) for item in index_items}
    answered = nw.sum_horizontal(*((~nw.col(item).is_null()).cast(nw.Int64) for item in index_items))
    total = nw.sum_horizontal(*(points.fill_null(0.0) for points in answers.values()))
    scored = sheets.with_columns(answers_given=answered).filter(2 * nw.col("answers_given") >= len(index_items))
    return scored.with_columns(value=total / nw.col("answers_given"), **answers), [*columns, "value", *answers]


def _index(
    employee_responses: View, teams: View, index_items: tuple[str, ...], of: str, items: Items, segments: Segments
):
    if not index_items:
        raise Unavailable(Note("needs_index_items", index=of))
    rows, columns = _scores(employee_responses, teams, index_items, items, segments)
    return _of_staff(rows.select(*columns), _STAFF_INDEX, bounds=(0, 100), numerator=_POINTS)


@metric(
    title="Employee engagement index",
    unit="points",
    kind="input",
    direction="up",
    hand_count="(4 * 100 + 4 * 75 + 3 * 62.5 + 3 * 50 + 25) / 15",
)
def employee_engagement_index(employee_responses, teams, *, employees: Employees, items: Items, segments: Segments):
    """Mean of the declared items of engagement, from 0 (worst) to 100 (best).

    A sheet counts with an answer to at least half of the items; its score is the mean of those answered.

    Why: several questions tell more reliably than one whether employees put effort into their work.
    Caution: the items are the client's own, so the figure does not compare with that of another company. See Cronbach's
        alpha: below .70 the items hardly measure one thing. As for employee satisfaction, a period must hold one survey.
    Formula: sum_i(m_i) / n, where m_i = the mean of the answers on sheet i, each from 0 (worst) to 100 (best); n = the number of sheets
    with an answer to at least half of the items.
    Source: Harter, Schmidt & Hayes 2002, Journal of Applied Psychology 87:268 (engagement); Cronbach 1951, Psychometrika
        16:297 (alpha); Cochran 1977, Sampling Techniques, 3rd ed., 2.6 (interval).
    """
    return _index(employee_responses, teams, employees.engagement, "engagement", items, segments)


@metric(
    title="Customer-centric culture",
    unit="points",
    kind="input",
    direction="up",
    hand_count="(5 * 100 + 4 * 75 + 4 * 50 + 2 * 25) / 15",
)
def customer_centric_culture(employee_responses, teams, *, employees: Employees, items: Items, segments: Segments):
    """Mean of the declared items of customer-centric culture as employees see it, from 0 (worst) to 100 (best).

    A sheet counts with an answer to at least half of the items; its score is the mean of those answered.

    Why: what employees say of decisions about customers precedes what customers feel.
    Caution: it is the employees' view, not the customers'. The items are the client's own. As for employee satisfaction, a period
        must hold one survey.
    Formula: sum_i(m_i) / n, where m_i = the mean of the answers on sheet i, each from 0 (worst) to 100 (best); n = the number of sheets
    with an answer to at least half of the items.
    Source: Deshpande, Farley & Webster 1993, Journal of Marketing 57(1):23 (customer orientation); Cronbach 1951, Psychometrika
        16:297 (alpha); Cochran 1977, Sampling Techniques, 3rd ed., 2.6 (interval).
    """
    return _index(employee_responses, teams, employees.culture, "culture", items, segments)


@metric(
    title="Link between employees and customers",
    unit="points per point",
    kind="process",
    direction="-",
    published="test_published_measurement_error.py::test_the_corrected_slope_is_the_published_one",
)
def employee_customer_link(
    employee_responses,
    teams,
    survey_responses,
    tickets,
    *,
    item: Item = "satisfied",
    employees: Employees,
    items: Items,
    segments: Segments,
):
    """Points by which customers' satisfaction is higher where the engagement index of their team is one point higher.

    A team's customers answered a survey about a ticket of the team; each customer counts once. The scatter of team scores contains chance,
    which makes a slope too flat: it is corrected for that (attenuation). The rank correlation is corrected in the same way.

    Why: it shows whether engaged teams have satisfied customers.
    Caution: teams were not assigned at random: their tasks and customers differ. It is a relation between teams, not between persons.
    Formula: b / R, where b = the slope of the customers' satisfaction on the engagement index, over teams; R = the reliability of the
    teams' scores: the share of their scatter that is not chance.
    Source: Fuller 1987, Measurement Error Models, 1.2 (slope); Spearman 1904, American Journal of Psychology 15:72 (attenuation); Efron 1982,
        The Jackknife, the Bootstrap and Other Resampling Plans, 3 (interval); Bonett & Wright 2000, Psychometrika 65:23 (ranks).
    """
    if not employees.engagement:
        raise Unavailable(Note("needs_index_items", index="engagement"))
    employee_responses.periods.without_parts()
    sheets, _ = _scores(employee_responses, teams, employees.engagement, items, Segments())
    columns = ("period_id", "team", "value")
    of_staff = sheets.select(*columns, "of_team", "of_all", breakdown=nw.lit(EMPLOYEES))
    answers = survey_responses.during("responded_at").filter(~nw.col(item.name).is_null())
    answers = answers.with_columns(points=answer_points(item.name, pointing(item, "up"))).select(
        "period_id", "ticket_id", "points"
    )
    of_ticket = tickets.rows.filter(~nw.col("team").is_null(), ~nw.col("customer_id").is_null())
    of_ticket = of_ticket.select("ticket_id", "team", customer=nw.col("customer_id"))
    by_customer = answers.join(of_ticket, on="ticket_id", how="inner").group_by("period_id", "team", "customer")
    none = nw.lit(None, nw.Float64)
    of_customers = by_customer.agg(value=nw.col("points").mean()).select(
        *columns, of_team=none, of_all=none, breakdown=nw.lit(CUSTOMERS)
    )
    return _of_staff(
        nw.concat([of_staff, of_customers]),
        _EMPLOYEE_LINK,
        breakdown="measure",
        units={RANKS: "correlation"},
        inputs=("employee_engagement_index",),
        compares=True,
        numerator="customers' satisfaction, 0 to 100, by the engagement index of their team",
        denominator="teams",
    )
