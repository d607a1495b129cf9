"""The balance counts each metric once by its kind, and says of no change without an interval that it is none."""

from synthetic import NAN, metric, rate, result, row

from crmnb.report.tables.balance import balance

UP = {"change": 4.0, "change_low": 1.0, "change_high": 7.0, "signal": "better"}
CALM = {"change": 1.0, "change_low": -2.0, "change_high": 4.0}


def of_kind(id_: str, kind: str, **facts):
    return result([rate(50, 100, 2, metric=id_, **facts)], of=metric(id=id_, kind=kind))


def test_every_kind_is_a_line_with_what_moved_and_what_became_of_its_targets():
    results = [
        of_kind("a", "outcome", target=60.0, **UP),
        of_kind("b", "outcome", target=40.0, **CALM),
        of_kind("c", "outcome", change=3.0, change_low=NAN, change_high=NAN),
        of_kind("d", "process", **(UP | {"signal": "worse"})),
        result([row(flags="unavailable", metric="e")], of=metric(id="e", kind="input")),
    ]
    lines = repr(balance(results)).splitlines()
    names = "Metrics {}, Better {}, Worse {}, No detectable change {}, Targets met {}, Targets missed {}"
    assert lines == [
        f"Kind Processes: how it is worked, {names.format(1, 0, 1, 0, 0, 0)}",
        f"Kind Outcomes: what customers and the company get, {names.format(3, 1, 0, 1, 1, 1)}",
    ]


def test_without_a_comparison_or_a_target_there_is_no_balance():
    assert balance([of_kind("a", "outcome")]) is None
