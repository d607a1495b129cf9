"""One family of a client, where nothing is asked of the others."""

from dataclasses import replace

import pandas as pd

from crmnb.core.period import Period
from crmnb.evaluate.evaluation import evaluate
from crmnb.intake import Intake
from crmnb.report.view import ResultView
from crmnb.schema.client import Client
from crmnb.workbook import Workbook, open_on


def family_book(family: str, client: Client, imported: Intake, label: str) -> Workbook:
    """The workbook of a period, with the results of one family, evaluated without the other families."""
    book = open_on(client, Period.parse(label), imported)
    evaluation = evaluate([family], book.tables, book.period)
    assert evaluation.failures == {}
    views = {id_: ResultView.of(result) for id_, result in evaluation.results[family].items()}
    return replace(book, _families={family: views})


def family_rows(family: str, client: Client, imported: Intake, label: str) -> pd.DataFrame:
    """The family's rows of the results frame."""
    return family_book(family, client, imported, label).results(family)
