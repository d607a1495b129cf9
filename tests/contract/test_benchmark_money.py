"""The benchmark `money`, tiny: both contenders answer the same, every metric can be had, and the last line says so."""

import json
import shutil

import duckdb
import pandas as pd
import pytest

from benchmarks.speed import contest, money, money_data
from benchmarks.speed.metrics import KEYS
from crmnb.metrics.definition import family

ROWS = 8_000


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The file of each contender's figures."""
    folder = tmp_path_factory.mktemp("money")
    files = {name: folder / f"{name}.csv" for name in money.CONTENDERS}
    for name, to in files.items():
        assert money.main(["--contender", name, "--rows", str(ROWS), "--to", str(to)]) == 0
    return files


def test_it_ends_with_one_line_of_json_and_both_answer_the_same(answers, monkeypatch, capsys):
    def computed_before(module, *arguments):
        told = dict(zip(arguments[::2], arguments[1::2], strict=True))
        assert (module, told["--rows"]) == ("benchmarks.speed.money", str(ROWS))
        shutil.copy(answers[told["--contender"]], told["--to"])
        return {"seconds": 1.0, "cpu_seconds": 1.0, "peak_gb": 1.0 if told["--contender"] == "ours" else 2.0}

    monkeypatch.setattr(contest, "measured", computed_before)
    assert money.main(["--rows", str(ROWS)]) == 0
    shown = capsys.readouterr()
    assert not shown.err
    (line,) = shown.out.splitlines()
    told = json.loads(line)
    assert (told["benchmark"], told["orders"], told["answers_equal"]) == ("money", ROWS, True)
    assert told["figures"] > 1000
    assert [aim["met"] for aim in told["aims"]] == [False, True]


def test_every_metric_of_the_three_families_can_be_had(answers):
    figures = pd.read_csv(answers["ours"], keep_default_na=False, na_values={"value": ""})
    known = {id_ for name in money.FAMILIES for id_ in family(name)} - money.WITHOUT_PEER
    assert set(figures.loc[figures["value"].notna(), "metric"]) == known
    assert not figures.duplicated(KEYS).any()


def test_the_data_are_the_orders_asked_for_of_a_tenth_as_many_customers():
    files = money_data.make(ROWS)
    with duckdb.connect() as con:
        told = con.execute(f"""
            select count(*), count(distinct order_id), count(distinct customer_id), count(category), count(refunded_at),
                count(*) filter (where status = 'cancelled'), (select count(*) from '{files["customers"]}')
            from '{files["orders"]}'""").fetchall()[0]
    assert told[:3] == (ROWS, ROWS, ROWS // 10)
    assert ROWS > told[3] > told[4] > 0
    assert told[5] > 0
    assert told[6] == ROWS // 10
