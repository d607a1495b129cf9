"""Lessons in tests: the corner shop as imported once, and a learner with a folder and a clock of their own."""

from datetime import datetime

import pytest

from crmnb.core.period import Period
from crmnb.learn.corner_shop import lessons_on
from crmnb.learn.declaration import YEAR
from crmnb.learn.progress import FOLDER, LEARNER, Learner
from crmnb.learn.words import words_of
from crmnb.workbook import open_on


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = datetime(2026, 3, 2, 9, 0)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="session")
def shop_book(corner_shop_intake):
    client, imported = corner_shop_intake
    return open_on(client, Period.parse(str(YEAR)), imported)


@pytest.fixture
def restored_results(corner_shop_in, monkeypatch):
    """Results of all metrics are those that one worker evaluated together, which is cheaper than each by itself."""
    words_of.cache_clear()
    monkeypatch.setattr("crmnb.learn.words.result_of", corner_shop_in(str(YEAR)))
    yield
    words_of.cache_clear()


@pytest.fixture(autouse=True)
def learning(shop_book, tmp_path, monkeypatch):
    """Lessons read the corner shop of the tests, and write into a folder of the test."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "learners"))
    monkeypatch.setenv(LEARNER, "Eva")
    with lessons_on(shop_book):
        yield


@pytest.fixture
def learner(tmp_path) -> Learner:
    return Learner("Eva", tmp_path / "learners", Clock())
