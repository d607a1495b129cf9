"""The benchmark of near duplicates runs, tiny, and says what it found; how fast it is is not a test's business."""

import json
import tempfile

from benchmarks.speed import duplicates


def test_it_ends_with_recall_and_precision_of_planted_pairs(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # of the benchmark's process; ours has looked already
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert duplicates.main(["--rows", "5000", "--alone", "--quick"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["benchmark"] == "duplicates"
    assert last["found"]["ours"]["planted"] > 50
    assert last["found"]["ours"]["recall"] > 0.9
    assert last["found"]["ours"]["precision"] > 0.95
    assert all(isinstance(aim["met"], bool) for aim in last["aims"])


def test_ratios_to_the_peer_are_aims():
    ours, peer = ({"seconds": s, "cpu_seconds": s, "peak_gb": s, "work_seconds": s} for s in (1.0, 4.0))
    last = duplicates.report(10, {}, {"ours": [ours], "recordlinkage": [peer]})
    assert [aim["met"] for aim in last["aims"]] == [True, True, True]
