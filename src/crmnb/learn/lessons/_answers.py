"""What the lessons on answers to surveys share."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from crmnb.learn.declaration import YEAR, Row, during, known


def of_survey(rows: Iterable[Row], survey: str = "purchase") -> list[Row]:
    """The rows of one survey."""
    return [row for row in rows if row["survey"] == survey]


def answers(survey_responses: Iterable[Row], item: str, survey: str = "purchase") -> list[Any]:
    """The answers to an item in the year, of one survey, without empty ones."""
    return known(during(of_survey(survey_responses, survey), "responded_at"), item)


def last_of_year(survey_responses: Iterable[Row], survey: str = "purchase") -> Row:
    """The last sheet of the year of one survey."""
    return during(of_survey(survey_responses, survey), "responded_at")[-1]


def one_more(survey_responses: list[Row], item: str, answer: Any, at: datetime | None = None) -> dict[str, list[Row]]:
    """The table with one more sheet: like the last one of the year, with this answer, and at this time if there is one."""
    last = last_of_year(survey_responses)
    sheet = last | {item: answer, "responded_at": at or last["responded_at"]}
    return {"survey_responses": [*survey_responses, sheet]}


def next_year() -> datetime:
    """The first instant of the next year."""
    return datetime(YEAR + 1, 1, 1)
