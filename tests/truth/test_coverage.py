"""The intervals hold the truth as often as they promise: the benchmark `coverage`, with fewer samples."""

import pytest

from benchmarks.accuracy import coverage

SAMPLES = 3_000
LIMITS = {name: (least, most) for name, least, most in coverage.AIMS}
THREE_STANDARD_ERRORS = 0.012


@pytest.mark.parametrize("part", coverage.TABLE, ids=lambda part: part.__name__)
def test_coverage(part):
    promised = [line for line in part(SAMPLES) if line.aim]
    assert promised
    spare = 0 if part is coverage.rates else THREE_STANDARD_ERRORS
    fallen_short = [
        line
        for line in promised
        if not coverage.within(line.covers, LIMITS[line.aim][0] - spare, LIMITS[line.aim][1] + spare)
    ]
    assert fallen_short == []


def test_what_covers_too_little_is_marked():
    # From fewer than 30 customers, of money from fewer than 300, of counts under five bursts (most of the samples).
    for line in [*coverage.by_customer(SAMPLES), *coverage.money(SAMPLES), *coverage.counts(SAMPLES)]:
        assert line.covers > 0.9 or line.marked > 0.7, line
