"""Initiatives of a client: the panel of a metric against pandas, effects that are known, and what is said where there is none."""

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.engine.session import Tables, in_memory
from crmnb.evaluate.measure import Measured, measure
from crmnb.evaluate.settings import check_settings
from crmnb.evaluate.unit_panels import panel_of
from crmnb.metrics.definition import catalogue
from crmnb.report.text.notes import reason_text, sentence
from crmnb.schema.client import Client, Initiative, Item, Segment

PERIOD = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
MONTHS = pd.period_range("2024-01", "2025-12", freq="M")
REGIONS = ("East", "North", "South", "West", "Isle", "Vale", "Fen", "Moor")
STARTED = ("East", "North", "South")


def tables(
    starts: dict[str, date], *, factor: float = 1.0, regions=REGIONS, metric: str = "net_revenue", **client
) -> Tables:
    """Orders of 30 customers a region, each one a month; from its start on a region's amounts are larger by a factor."""
    random = np.random.default_rng(3)
    customers = pd.DataFrame(
        [(f"{region}{at}", region) for region in regions for at in range(30)], columns=["customer_id", "region"]
    )
    size = dict(zip(regions, np.linspace(20, 60, len(regions)), strict=True))
    orders = []
    for region, (number, month) in ((region, month) for region in regions for month in enumerate(MONTHS)):
        began = region in starts and month.start_time.date() >= starts[region].replace(day=1)
        mean = size[region] * (1 + 0.01 * number) * (factor if began else 1) * random.normal(1, 0.02)
        orders += [
            (f"{region}{at}", month.start_time + pd.Timedelta(days=3), mean * random.uniform(0.9, 1.1))
            for at in range(30)
        ]
    orders = pd.DataFrame(orders, columns=["customer_id", "ordered_at", "amount"])
    orders["amount"] = orders["amount"].round(2)
    orders["order_id"] = [str(at) for at in range(len(orders))]
    orders["status"] = "paid"
    initiative = Initiative(metric=metric, by="customers.region", starts=starts, **client.pop("initiative", {}))
    declared = Client(
        id="units",
        folder=".",
        name="",
        currency="EUR",
        sources={},
        tables={},
        initiatives={"repair_desk": initiative},
        data_from=date(2024, 1, 1),
        data_until=date(2025, 12, 31),
        **client,
    )
    return in_memory(declared, {"customers": customers, "orders": orders})


def measured(id_: str, of: Tables) -> Measured:
    return measure(catalogue()[id_], of, PERIOD)


def in_words(found: Measured, client: Client) -> str:
    return " ".join(sentence(note, client) for note in found.notes)


COMMON = dict.fromkeys(STARTED, date(2025, 3, 1))


@pytest.fixture(scope="module")
def common() -> Tables:
    return tables(COMMON, factor=1.2, initiative={"champions": {"East": "Asha"}})


def test_the_panel_is_the_metric_by_unit_and_month(common):
    panel = panel_of(catalogue()["net_revenue"], "", Segment(column="customers.region"), common, PERIOD)
    raw = common.con.sql(
        "select region, strftime(ordered_at, '%Y-%m') as month, sum(amount) as paid from orders join customers using (customer_id) group by all"
    ).df()
    cells = panel.cells.merge(raw, left_on=["unit", "month"], right_on=["region", "month"])
    assert len(cells) == len(raw) == len(REGIONS) * 24
    assert cells["value"].to_numpy() == pytest.approx(cells["paid"].astype(float).to_numpy())
    assert panel.is_total


@pytest.mark.parametrize("metric", ["average_order_value", "active_customers", "repeat_purchase_rate"])
def test_metrics_of_every_kind_have_a_panel(common, metric):
    panel = panel_of(catalogue()[metric], "", Segment(column="customers.region"), common, PERIOD)
    assert set(panel.units) == set(REGIONS)
    assert len(panel.cells) == len(REGIONS) * 24
    assert panel.cells["value"].notna().all()


def test_a_common_start_is_found_with_its_size(common):
    """Three of eight regions take 20 % more; the interval holds that, and the placebos are near 0."""
    found = measured("initiative_effect", common)
    rows = found.rows.set_index("breakdown")
    relative = rows.loc["repair desk, relative"]
    assert relative["low"] < 20 < relative["high"]
    assert relative["value"] == pytest.approx(20, abs=3)
    assert relative["unit"] == "%"
    assert rows.loc["repair desk", "unit"] == "money"
    assert "difference in differences, as there are untouched units and one common start" in in_words(
        found, common.client
    )
    assert "wild cluster bootstrap" in in_words(found, common.client)
    assert set(found.points["level"]) == {"effect", "accumulated", "placebo date", "placebo unit"}


def test_revenue_impact_is_the_effect_times_its_units_and_months(common):
    effect = measured("initiative_effect", common).rows.set_index("breakdown").loc["repair desk"]
    total = measured("revenue_impact", common).rows.set_index("breakdown").loc["repair desk"]
    assert total["value"] == pytest.approx(effect["value"] * 3 * 10, rel=1e-6)
    raw = common.con.sql(
        "select sum(amount) from orders join customers using (customer_id) where region in ('East', 'North', 'South') and ordered_at >= '2025-03-01'"
    ).fetchall()[0][0]
    assert total["low"] < float(raw) * (1 - 1 / 1.2) < total["high"]


def test_nothing_is_stated_where_nothing_changed():
    same = tables(COMMON)
    found = measured("initiative_effect", same)
    (row,) = found.rows.to_dict("records")
    assert np.isnan(row["value"])
    assert "unavailable" in row["flags"]
    assert reason_text(row["reason"], same.client).startswith(
        "no effect is stated, as it is as large, by its interval, at"
    )


@pytest.mark.parametrize(
    ("starts", "regions", "method"),
    [
        ({"East": date(2025, 1, 1), "North": date(2025, 4, 1)}, REGIONS, "staggered starts"),
        ({"East": date(2025, 3, 1)}, REGIONS[:3], "structural counterfactual"),
        (dict.fromkeys(REGIONS[:3], date(2025, 3, 1)), REGIONS[:3], "interrupted time series"),
    ],
)
def test_the_data_decide_the_method(starts, regions, method):
    others = tables(starts, factor=1.3, regions=regions)
    found = measured("initiative_effect", others)
    assert f"by {method}" in in_words(found, others.client)
    relative = found.rows.set_index("breakdown").loc["repair desk, relative"]
    assert relative["low"] < 30 < relative["high"]


def test_a_start_after_the_period_has_no_effect_yet():
    later = tables({"East": date(2026, 2, 1)})
    (row,) = measured("initiative_effect", later).rows.to_dict("records")
    assert reason_text(row["reason"], later.client) == "no unit that is counted has started by the end of 2025"


def test_an_early_start_has_no_months_before():
    early = tables({"East": date(2024, 2, 1)})
    (row,) = measured("initiative_effect", early).rows.to_dict("records")
    assert "needs 3 months before the first start; the data have 1" in reason_text(row["reason"], early.client)


def test_units_of_few_customers_are_left_out():
    small = tables(COMMON, factor=1.2, privacy={"suppress_below": 40, "min_base": 40})
    (row,) = measured("initiative_effect", small).rows.to_dict("records")
    assert np.isnan(row["value"])


def test_champions_are_shrunken_towards_their_mean():
    starts = dict.fromkeys(REGIONS[:4], date(2025, 3, 1))
    names = dict(zip(REGIONS, ("Asha", "Ben", "Cleo", "Dan"), strict=False))
    of_four = tables(starts, factor=1.2, initiative={"champions": names})
    found = measured("champion_contribution", of_four)
    values = found.rows.set_index("breakdown")["value"]
    assert set(values.index) == {f"repair desk, {name}" for name in names.values()}
    effect = measured("initiative_effect", of_four).rows.set_index("breakdown").loc["repair desk", "value"]
    assert values.mean() == pytest.approx(effect, rel=0.02)


def test_too_few_champions_are_said(common):
    (row,) = measured("champion_contribution", common).rows.to_dict("records")
    assert reason_text(row["reason"], common.client) == "needs 4 champions whose units started"


def test_an_unknown_unit_is_an_error():
    wrong = tables({"Nort": date(2025, 3, 1)})
    with pytest.raises(
        InputError, match=r"initiatives.repair_desk.starts: 'Nort' is no unit of customers.region .*North"
    ):
        measured("initiative_effect", wrong)


def test_an_unknown_metric_is_an_error(common):
    client = common.client.model_copy(
        update={"initiatives": {"desk": Initiative(metric="cast", by="customers.region", starts=COMMON)}}
    )
    with pytest.raises(InputError, match=r"initiatives.desk.metric: unknown metric 'cast'.*csat"):
        check_settings(client)


def test_a_client_without_initiatives_is_told_what_to_declare():
    plain = tables(COMMON)
    client = plain.client.model_copy(update={"initiatives": {}})
    (row,) = measured(
        "initiative_effect", in_memory(client, {"customers": plain.con.table("customers").df()})
    ).rows.to_dict("records")
    assert "declared under initiatives" in reason_text(row["reason"], client)


def test_the_items_of_surveys_have_breakdowns():
    """CSAT of one survey, by region: the initiative names the breakdown."""
    base = tables(
        COMMON,
        metric="csat",
        items={"satisfied": Item(scale=(1, 5), direction="up", top_box=4)},
    )
    random = np.random.default_rng(5)
    answers = []
    for customer, region in base.con.sql("select customer_id, region from customers order by all").fetchall():
        for month in MONTHS:
            rate = 0.6 + 0.3 * (region in STARTED and str(month) >= "2025-03")
            answers.append((customer, month.start_time, "purchase", 5 if random.random() < rate else 2))
    frame = pd.DataFrame(answers, columns=["customer_id", "responded_at", "survey", "satisfied"])
    frame["response_id"] = [str(at) for at in range(len(frame))]
    with_answers = in_memory(base.client, {"customers": base.con.table("customers").df(), "survey_responses": frame})
    row = measured("initiative_effect", with_answers).rows.set_index("breakdown").loc["repair desk"]
    assert row["reason"] == ""
    assert row["unit"] == "points"
    assert row["low"] < 30 < row["high"]


def test_a_metric_without_months_is_said():
    without = tables(COMMON, metric="median_order_value")
    (row,) = measured("initiative_effect", without).rows.to_dict("records")
    assert reason_text(row["reason"], without.client) == "Median order value has no value by unit and month"
