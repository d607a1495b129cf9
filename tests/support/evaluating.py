"""Rows of one family of a client, where nothing is asked of the others."""

import pandas as pd

from crmnb.core.period import Period
from crmnb.evaluate.evaluation import evaluate
from crmnb.intake import Intake
from crmnb.report.text.notes import with_reason_texts
from crmnb.schema.client import Client
from crmnb.workbook import open_on


def family_rows(family: str, client: Client, imported: Intake, label: str) -> pd.DataFrame:
    """A family's rows in a period as `Workbook.results` gives them, evaluated without the other families."""
    book = open_on(client, Period.parse(label), imported)
    evaluation = evaluate([family], book.tables, book.period)
    assert evaluation.failures == {}
    rows = pd.concat([result.rows for result in evaluation.results[family].values()], ignore_index=True)
    return with_reason_texts(rows, client)
