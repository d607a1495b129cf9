"""The brand in people's minds: who knows, considers, prefers and uses it, beside rivals, and what it is worth to them."""

from dataclasses import replace
from functools import reduce
from itertools import pairwise
from operator import add

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.evidence import PERIOD
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.answer_scale import answer_points
from crmnb.metrics.features.brand_answers import STAGES, newest_answers, own_beside_rivals, reached
from crmnb.metrics.features.leads import own_columns
from crmnb.metrics.measures import Measure, mean_on_scale, of_counts, ratio, share
from crmnb.schema.client import Items, Market, Segments

_GAPS = Estimator(
    "difference of paired shares",
    "counts",
    "paired_brands.gaps",
    "adjusted Wald of paired shares (Agresti & Min)",
    columns=("own", "rival", "weight"),
    chart="brand_gaps",
)
_STAGE_NAMES = {"aware": "aware", "considers": "consider", "prefers": "prefer", "uses": "use"}
_PILLAR = "pillar "  # prefix of the columns that hold scores of pillars
_PEOPLE = {"independent_rows": True}  # a row for each respondent
_RESPONDENTS = "respondents asked about the brand"


@metric(
    title="Brand funnel",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={
        "Corner Shop, aware": "10 / 12",
        "Corner Shop, consider": "8 / 12",
        "Corner Shop, prefer": "5 / 12",
        "Corner Shop, use": "4 / 12",
        "Superstore, aware": "12 / 12",
        "Superstore, consider": "6 / 12",
        "Superstore, prefer": "4 / 12",
        "Superstore, use": "3 / 12",
        "Deli, aware": "5 / 10",
        "Deli, consider": "3 / 10",
        "Deli, prefer": "1 / 10",
        "Deli, use": "1 / 10",
    },
)
def brand_funnel(brand_survey, *, own_brand: Market, segments: Segments):
    """Share of the respondents who are aware of a brand, consider it, prefer it and use it, by brand.

    A respondent has come to a stage who has come to all stages before it, too. Of a respondent who was asked about a brand several times in the period, the
    newest answer counts.

    Why: it shows at which stage a brand loses people: to advertising that nobody sees, to an offer that is not considered, or to a rival.
    Caution: who uses a brand without preferring it (no other is at hand) is not in the last stage. Answers to a list of brands give more awareness than
        answers without one.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., 2.7 (hierarchy of effects); Wilson 1927, JASA 22:209 (interval).
    """
    answers = newest_answers(brand_survey)
    own = _own(brand_survey, segments)
    at_stages = [answers.select(*own, stage=_named(_STAGE_NAMES[stage]), met=reached(stage)) for stage in STAGES]
    words = {
        "numerator": "respondents at the stage",
        "denominator": _RESPONDENTS,
        "breakdown": "brand and stage",
    } | _PEOPLE
    return _charted(share(nw.concat(at_stages), nw.col("met"), by="stage", **words), "brands")


@metric(
    title="Brand step rates",
    unit="%",
    kind="process",
    direction="up",
    hand_count={
        "Corner Shop, aware to consider": "8 / 10",
        "Corner Shop, consider to prefer": "5 / 8",
        "Corner Shop, prefer to use": "4 / 5",
        "Superstore, aware to consider": "6 / 12",
        "Superstore, consider to prefer": "4 / 6",
        "Superstore, prefer to use": "3 / 4",
        "Deli, aware to consider": "3 / 5",
        "Deli, consider to prefer": "1 / 3",
        "Deli, prefer to use": "1 / 1",
    },
)
def brand_step_rate(brand_survey, *, own_brand: Market, segments: Segments):
    """Of the respondents who have come to a stage of the brand funnel, the share who have come to the next one, by brand.

    Why: the step with the lowest rate against rivals is where to work first.
    Caution: a small brand that few know is considered by its friends: its steps look good. Compare brands of similar awareness.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., 2.7; Wilson 1927, JASA 22:209 (interval).
    """
    answers = newest_answers(brand_survey)
    own = _own(brand_survey, segments)
    steps = [
        answers.filter(reached(stage)).select(
            *own, stage=_named(f"{_STAGE_NAMES[stage]} to {_STAGE_NAMES[following]}"), met=reached(following)
        )
        for stage, following in pairwise(STAGES)
    ]
    words = {"numerator": "respondents at the next stage", "denominator": "respondents at the stage"}
    facts = {"breakdown": "brand and step", "aspect_of": "brand_funnel"} | _PEOPLE
    return share(nw.concat(steps), nw.col("met"), by="stage", **words, **facts)


@metric(
    title="Brand gap to rivals",
    unit="points",
    kind="outcome",
    direction="up",
    hand_count={
        "aware: against Superstore": "(0 - 2) / 12 * 100",
        "consider: against Superstore": "(4 - 2) / 12 * 100",
        "prefer: against Superstore": "(3 - 2) / 12 * 100",
        "use: against Superstore": "(3 - 2) / 12 * 100",
        "aware: against Deli": "(5 - 1) / 10 * 100",
        "consider: against Deli": "(5 - 1) / 10 * 100",
        "prefer: against Deli": "(4 - 1) / 10 * 100",
        "use: against Deli": "(3 - 1) / 10 * 100",
    },
)
def brand_gap(brand_survey, *, own_brand: Market, segments: Segments):
    """Share of respondents at a stage of the brand funnel, own brand less rival, among those who were asked about both.

    The same people judge both brands, so their answers are paired. Differences are called beyond chance only where they are for all stages and rivals
    together (Holm).

    Why: it shows against whom, and at which stage, the brand wins and loses.
    Caution: only rivals that the survey asks about are compared. Respondents who know their own supplier best are often asked first.
    Formula: 100 * (b - c) / n, where b = respondents at the stage with the own brand and not with the rival; c = respondents at the stage
    with the rival and not with the own brand; n = the number of respondents who were asked about both.
    Source: Agresti & Min 2005, Statistics in Medicine 24:729 (paired shares); Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    pairs = own_beside_rivals(newest_answers(brand_survey), own_brand.own_brand, *STAGES)
    own = [name for name in _own(brand_survey, segments) if name != "weight"]
    weight = nw.col("weight").fill_null(0.0) if "weight" in brand_survey.columns else nw.lit(1.0)
    rows = []
    for stage in STAGES:
        rival = reduce(lambda first, other: first & other, (nw.col(f"{name}_of_rival") for name in _until(stage)))
        both = {"own": reached(stage).cast(nw.Int64), "rival": rival.cast(nw.Int64)}
        name = nw.concat_str([nw.lit(f"{_STAGE_NAMES[stage]}: against "), nw.col("rival")])
        rows.append(pairs.select(*own, breakdown=name, **both, weight=weight))
    return of_counts(
        nw.concat(rows).filter(nw.col("weight") > 0),
        _GAPS,
        numerator="respondents at the stage with the own brand",
        denominator="respondents at the stage with the rival",
        breakdown="stage and rival",
        aspect_of="brand_funnel",
    )


@metric(
    title="Brand equity index",
    unit="points",
    kind="outcome",
    direction="up",
    hand_count={
        "Corner Shop": "(6 * 75 + 4 * 50) / 10",
        "Superstore": "(6 * 50 + 5 * 25) / 11",
        "Deli": "(3 * 100 + 2 * 75) / 5",
    },
)
def brand_equity_index(brand_survey, *, own_brand: Market, items: Items, segments: Segments):
    """Mean of the declared pillars of brand equity, 0 (worst) to 100 (best), over respondents who are aware of the brand, by brand.

    A pillar is the mean of its answered items, each from 0 to 100; a respondent's index is the mean of the answered pillars, which all weigh the same.

    Why: it tells early, before sales do, whether a brand becomes stronger or weaker.
    Caution: the pillars are the client's own choice: figures of other surveys are not comparable. Those who know a brand judge it more kindly.
    Formula: sum_i(m_i) / n, where m_i = the mean of the pillars of respondent i, each from 0 (worst) to 100 (best).
    Source: Aaker 1996, California Management Review 38(3):102 (dimensions of brand equity); interval: score of the mean, respondents independent.
    """
    scores = _pillars(brand_survey, own_brand, items, segments)
    columns = [_PILLAR + name for name in own_brand.pillars]
    answered = reduce(add, ((~nw.col(name).is_null()).cast(nw.Int64) for name in columns))
    total = reduce(add, (nw.col(name).fill_null(0.0) for name in columns))
    judged = scores.with_columns(answered=answered, total=total).filter(nw.col("answered") > 0)
    words = {"numerator": "points of all respondents", "denominator": "respondents who are aware of the brand"}
    points = nw.col("total") / nw.col("answered")
    return mean_on_scale(judged, points, bounds=(0, 100), by="brand", **words, **_PEOPLE)


@metric(
    title="Pillars of brand equity",
    unit="points",
    kind="process",
    direction="up",
    hand_count={
        "Corner Shop, Quality": "(6 * 75 + 4 * 50) / 10",
        "Corner Shop, Trust": "(6 * 75 + 3 * 50) / 9",
        "Superstore, Quality": "(6 * 50 + 5 * 25) / 11",
        "Superstore, Trust": "(6 * 50 + 5 * 25) / 11",
        "Deli, Quality": "(3 * 100 + 2 * 75) / 5",
        "Deli, Trust": "(3 * 100 + 2 * 75) / 5",
    },
)
def brand_pillars(brand_survey, *, own_brand: Market, items: Items, segments: Segments):
    """Mean of each declared pillar of brand equity, 0 to 100, over respondents who are aware of the brand, by brand and pillar.

    Why: the index says how strong a brand is, its pillars say by what.
    Caution: as for the index. Pillars with few items scatter more.
    Formula: sum_i(m_i) / n, where m_i = the mean of the items of the pillar that respondent i answered, each from 0 (worst) to 100 (best).
    Source: Aaker 1996, California Management Review 38(3):102; interval: score of the mean, respondents independent.
    """
    scores = _pillars(brand_survey, own_brand, items, segments)
    others = [name for name in scores.collect_schema().names() if name != "brand" and not name.startswith(_PILLAR)]
    parts = [
        scores.filter(~nw.col(_PILLAR + name).is_null()).select(
            *others, pillar=_named(name), points=nw.col(_PILLAR + name)
        )
        for name in own_brand.pillars
    ]
    words = {"numerator": "points of all respondents", "denominator": "respondents who are aware of the brand"}
    facts = {"breakdown": "brand and pillar", "aspect_of": "brand_equity_index"} | _PEOPLE
    return mean_on_scale(nw.concat(parts), nw.col("points"), bounds=(0, 100), by="pillar", **words, **facts)


@metric(
    title="Price premium",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={
        "": "8 * 4 / (4 * 4.1 + 4 * 3.2) - 1",
        "against Superstore": "8 * 4 / (8 * 3.2) - 1",
        "against Deli": "4 * 4 / (4 * 5) - 1",
    },
)
def price_premium(brand_survey, *, own_brand: Market, segments: Segments):
    """What respondents call a fair price for the own brand, over a fair price for rivals, less 1: against all rivals together, and against each.

    Only respondents who named a fair price for both count. All rivals together are the mean of those that a respondent priced.

    Why: a strong brand is worth more to people than the same offer of another name; this part of equity becomes margin.
    Caution: people say lower prices than they pay, for all brands; the comparison suffers less than the level. The offers must be the same.
    Formula: sum_i(p_i) / sum_i(r_i) - 1, where p_i = the fair price of the own brand that respondent i named; r_i = the fair price of the
    rival that respondent i named, or the mean of several.
    Source: Aaker 1996, California Management Review 38(3):102 (price premium); Cochran 1977, Sampling Techniques, 3rd ed., 6.3 (ratio of means, interval).
    """
    pairs = own_beside_rivals(newest_answers(brand_survey), own_brand.own_brand, "fair_price")
    own_price, price = (nw.col(name).cast(nw.Float64) for name in ("fair_price", "fair_price_of_rival"))
    priced = pairs.with_columns(own_price=own_price, price=price)
    priced = priced.filter(~nw.col("own_price").is_null(), ~nw.col("price").is_null())
    own = _own(brand_survey, segments)
    single = priced.select(
        *own, basis=nw.concat_str([nw.lit("against "), nw.col("rival")]), own_price="own_price", price="price"
    )
    keys = dict.fromkeys((PERIOD, "respondent_id"))
    same = [name for name in own if name not in keys]
    means = priced.group_by(*keys).agg(
        *(nw.col(name).min() for name in same), own_price=nw.col("own_price").min(), price=nw.col("price").mean()
    )
    together = means.select(*own, basis=nw.lit(""), own_price="own_price", price="price")
    words = {"numerator": "fair prices of the own brand less those of rivals", "denominator": "fair prices of rivals"}
    return ratio(
        nw.concat([together, single]),
        nw.col("own_price") - nw.col("price"),
        nw.col("price"),
        by="basis",
        breakdown="rival",
        **words,
        **_PEOPLE,
    )


# ---- Rows of respondents ---------------------------------------------------------------------------------------------


def _own(brand_survey: View, segments: Segments) -> list[str]:
    """The columns that evidence needs: the period, the weight, and those that the client breaks figures down by."""
    reserved = ("stage", "met", "own", "rival", "basis", "price", "own_price", "pillar", "points", "weight")
    own = own_columns(brand_survey, "brand_survey", segments, *reserved)
    weight = ["weight"] if "weight" in brand_survey.columns else []
    return list(dict.fromkeys((PERIOD, *own, *weight)))


def _named(what: str) -> nw.Expr:
    """The brand, and what is said of it: "Deli, aware"."""
    return nw.concat_str([nw.col("brand"), nw.lit(f", {what}")])


def _until(stage: str) -> tuple[str, ...]:
    return STAGES[: STAGES.index(stage) + 1]


def _pillars(brand_survey: View, own_brand: Market, items: Items, segments: Segments) -> nw.LazyFrame:
    """Of each respondent who is aware of a brand, the score of each pillar (a column of its name after `_PILLAR`), empty where no item of it was answered."""
    if not own_brand.pillars:
        raise Unavailable(Note("needs_pillars", table="brand_survey"))
    aware = newest_answers(brand_survey).filter(nw.col("aware"))
    own = dict.fromkeys((*_own(brand_survey, segments), "brand"))
    scores = {}
    for pillar, names in own_brand.pillars.items():
        answered = reduce(add, ((~nw.col(name).is_null()).cast(nw.Int64) for name in names))
        points = reduce(add, (answer_points(name, items[name]).cast(nw.Float64).fill_null(0.0) for name in names))
        scores[_PILLAR + pillar] = nw.when(answered > 0).then(points / answered)
    return aware.select(*own, **scores)


def _charted(measure: Measure, chart: str) -> Measure:
    """The measure with another chart than that of its estimator."""
    return replace(measure, estimate=replace(measure.estimate, chart=chart))
