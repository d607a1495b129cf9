"""Feedback: where figures come from, quotes only with consent and without personal data, hostile text, and small groups."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
import surveyed

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine import session
from crmnb.engine.session import in_memory, open_tables
from crmnb.evaluate.measure import Measured, measure, measure_all
from crmnb.metrics.definition import catalogue
from crmnb.report.text.notes import sentence
from crmnb.report.view import ResultView
from crmnb.schema.client import Client

LEXICON = {"good": 1, "bad": -1}
CODEBOOK = {"Till": ["till"], "Bread": ["bread"]}
COLUMNS = dict.fromkeys(("response_id", "survey", "responded_at", "customer_id", "comment", "quote_consent"), "x")


def client(feedback: dict | None = None, **changes) -> Client:
    own = {"language": "en", "codebook": CODEBOOK, "lexicon": LEXICON} if feedback is None else feedback
    return surveyed.client(**({"feedback": own} | changes))


def sheets(comments: list[str | None], **more) -> pd.DataFrame:
    people = [f"c{at}" for at, _ in enumerate(comments)]
    frame = surveyed.answers(2025, [4] * len(comments), people)
    days = pd.date_range("2025-01-01", "2025-12-30", periods=len(comments)).floor("s")
    return frame.assign(**({"comment": comments, "quote_consent": True, "responded_at": days} | more))


def results(frame: pd.DataFrame, of: Client, *ids: str, **tables: pd.DataFrame) -> list[Measured]:
    period = Period.parse("2025").observe(datetime(2023, 1, 1), datetime(2026, 1, 1))
    opened = in_memory(of, {"survey_responses": frame, **tables})
    return measure_all([catalogue()[name] for name in ids], opened, period)


def figures(measured: Measured) -> dict[str, float]:
    rows = measured.rows[(measured.rows["segment"] == "") & (measured.rows["part"] == "")]
    return rows.set_index("breakdown")["value"].to_dict()


def reason(measured: Measured) -> str:
    return str(measured.rows["reason"].iloc[0])


def quotes(measured: Measured) -> list[str]:
    return [note.values["text"] for note in measured.notes if note.code == "quote"]


# ---- Where sentiment comes from --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feedback", "code"),
    [
        ({"codebook": CODEBOOK, "lexicon": LEXICON}, "needs_feedback_language"),
        ({"language": "en", "codebook": CODEBOOK}, "needs_sentiment_source"),
    ],
)
def test_sentiment_needs_a_language_and_a_source(feedback: dict, code: str):
    for measured in results(sheets(["good"] * 5), client(feedback), "sentiment", "testimonial_count"):
        assert code in reason(measured)


def test_scores_of_the_client_come_first_and_rows_without_one_do_not_count():
    frame = sheets(["bad", "bad", "bad", "bad"], sentiment=[0.9, 0.04, -0.05, np.nan])
    (measured,) = results(frame, client(), "sentiment")
    assert figures(measured) == {"s": 0.0}
    assert measured.rows["n"].iloc[0] == 3
    assert measured.notes[0].values == {"source": "scores"}


def test_sentiment_is_learned_from_labels_where_there_is_nothing_else():
    rng = np.random.default_rng(1)
    label = rng.choice(["negative", "neutral", "positive"], 400)
    word = {"negative": "kaputt teuer spät", "neutral": "Karton Papier Montag", "positive": "prima schnell danke"}
    comments = [f"{' '.join(rng.permutation(word[own].split()))} wort{at % 37}" for at, own in enumerate(label)]
    labels = [own if at < 120 else None for at, own in enumerate(label)]
    (measured,) = results(sheets(comments, sentiment_label=labels), client({"language": "de"}), "sentiment")
    true = 100 * float((label == "positive").mean() - (label == "negative").mean())
    assert figures(measured)["s"] == pytest.approx(true, abs=1)
    codes = [note.code for note in measured.notes]
    assert codes[-2:] == ["sentiment_accuracy_cross_validated", "sentiment_corrected"]
    assert measured.notes[-2].values["share"] > 0.95


def test_the_accuracy_of_a_lexicon_is_measured_on_labels_and_stated():
    comments = ["good thing"] * 60 + ["bad thing"] * 60 + ["a thing"] * 60
    labels = ["positive"] * 45 + ["neutral"] * 15 + ["negative"] * 60 + ["neutral"] * 60
    (measured,) = results(sheets(comments, sentiment_label=labels), client(), "sentiment")
    assert figures(measured)["s"] == pytest.approx(100 * (45 - 60) / 180)
    accuracy = next(note for note in measured.notes if note.code == "sentiment_accuracy").values
    assert (accuracy["n"], accuracy["share"]) == (180, pytest.approx(165 / 180, rel=1e-11))
    words = " ".join(sentence(note, client()) for note in measured.notes)
    assert "92% of 180 comments labelled by the client are classified correctly (95% CI 87% to 95%)" in words
    assert "corrected" in words


def test_sheets_without_a_customer_are_customers_of_their_own():
    frame = sheets(["good", "bad", "a day"] * 40)
    known, nameless = (results(rows, client(), "sentiment")[0].rows for rows in (frame, frame.assign(customer_id=None)))
    known, nameless = (rows[rows["part"] == ""].iloc[0] for rows in (known, nameless))
    assert nameless["value"] == known["value"]
    assert nameless["high"] - nameless["low"] == pytest.approx(known["high"] - known["low"], rel=0.1)


def test_without_labels_nobody_claims_an_accuracy():
    (measured,) = results(sheets(["good"] * 5), client(), "sentiment")
    assert [note.code for note in measured.notes] == ["sentiment_source", "sentiment_accuracy_unknown"]


def test_themes_without_a_codebook_need_enough_comments():
    (measured,) = results(sheets(["good bread"] * 40), client({"language": "en"}), "theme_share")
    assert "too_few_comments_for_themes" in reason(measured)


# ---- Quotes ----------------------------------------------------------------------------------------------------------


def test_only_comments_with_consent_are_quoted_or_counted_as_testimonials():
    comments = ["good bread at noon", "good bread at six", "good bread at ten", "good bread", "bad bread at one"]
    frame = sheets(comments, quote_consent=[True, False, None, True, True])
    theme, testimonials = results(frame, client(), "theme_share", "testimonial_count")
    assert figures(testimonials) == {"": 1.0}  # one is too short, one is not positive
    assert quotes(testimonials) == ["good bread at noon"]
    assert set(quotes(theme)) == {"good bread at noon", "bad bread at one"}


def test_without_the_column_of_consent_there_are_no_quotes_and_no_testimonials():
    frame = sheets(["good bread at noon"]).drop(columns="quote_consent")
    theme, testimonials = results(frame, client(), "theme_share", "testimonial_count")
    assert quotes(theme) == []
    assert "survey_responses.quote_consent" in reason(testimonials)


def test_names_of_customers_and_staff_are_removed_from_quotes():
    frame = sheets(["good bread, rosemary and Basil", "Sage sold good bread"], agent=["Sage Green", None])
    customers = pd.DataFrame({"customer_id": ["c0", "c1"], "name": ["Rosemary Thyme", "basil@example.org"]})
    of = client(tables={"customers": {"columns": {"customer_id": "a", "name": "b"}, "personal": ["name"]}})
    (measured,) = results(frame, of, "testimonial_count", customers=customers)
    assert set(quotes(measured)) == {"good bread, [name] and [name]", "[name] sold good bread"}


def test_a_customer_is_quoted_once_and_a_text_as_well():
    frame = sheets(["good bread at noon", "good bread at six", "good bread at six"], customer_id=["a", "a", "b"])
    (measured,) = results(frame, client(), "testimonial_count")
    assert quotes(measured) == ["good bread at six", "good bread at noon"]
    (measured,) = results(frame.assign(customer_id="a"), client(), "testimonial_count")
    assert quotes(measured) == ["good bread at six"]


def test_comments_of_other_periods_are_not_quoted():
    frame = sheets(
        ["good bread at noon", "good bread at six"], responded_at=pd.to_datetime(["2024-05-01", "2025-05-01"])
    )
    (measured,) = results(frame, client(), "testimonial_count")
    assert quotes(measured) == ["good bread at six"]


def test_hostile_text_is_escaped(corner_shop):
    view = corner_shop("testimonial_count")
    hostile = replace(view, notes=(Note("quote", theme="<b>T</b>", text="<script>alert(1)</script>\u202e=1+1"),))
    html = ResultView.of(hostile).quotes._repr_html_()
    assert "<script" not in html
    assert "<b>" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


# ---- Small groups, large clients -------------------------------------------------------------------------------------


def test_a_theme_of_few_in_a_segment_is_hidden_and_does_not_follow_from_the_others():
    n = 120
    region = np.array(["North", "South", "East"])[np.arange(n) % 3]
    about = np.where(region == "East", np.arange(n) < 12, np.arange(n) < 100)
    frame = sheets(["the till was good" if own else "a good day" for own in about])
    customers = pd.DataFrame({"customer_id": frame["customer_id"], "region": region})
    of = client(segments={"region": {"column": "customers.region"}}, privacy={"min_base": 1, "suppress_below": 10})
    (measured,) = results(frame, of, "theme_share", customers=customers)
    rows = measured.rows[(measured.rows["breakdown"] == "Till") & (measured.rows["segment"] == "region")]
    shown = rows.set_index("level")["flags"]
    assert "suppressed" in shown["East"]
    assert shown.str.contains("suppressed").sum() >= 2
    assert rows.loc[rows["flags"].str.contains("suppressed"), ["value", "numerator", "n"]].isna().all(axis=None)


def test_the_difference_by_theme_is_told_of_levels_with_enough_customers():
    """In the North those who write of the till are a point less satisfied, in the South nobody is; in the East too few write."""
    places = [("North", "till", 4), ("North", "bread", 5), ("South", "till", 3), ("South", "bread", 3)]
    rows = [place for place in places for _ in range(40)] + [("East", "till", 1), ("East", "bread", 5)] * 12
    frame = sheets([f"about the {theme}" for _, theme, _ in rows])
    frame["satisfied"] = [answer + at % 2 * (1 if answer < 5 else -1) for at, (_, _, answer) in enumerate(rows)]
    frame["region"] = [region for region, *_ in rows]
    of = client(segments={"region": {"column": "survey_responses.region"}})
    [effect] = results(frame, of, "theme_effect")
    till = effect.rows[(effect.rows["breakdown"] == "Till") & (effect.rows["segment"] == "region")].set_index("level")
    assert {*till.index} == {"North", "South"}
    points = frame.assign(points=(frame["satisfied"] - 1) / 4 * 100, till=frame["comment"].str.contains("till"))
    for region, row in till.iterrows():
        means = points[points["region"] == region].groupby("till")["points"].mean()
        assert row["value"] == pytest.approx(means[True] - means[False])


def test_a_large_client_has_the_same_figures(tmp_path, monkeypatch):
    """Above a size people are whole numbers and tables are held in memory, free text only where it is needed."""
    frame = sheets(["good bread at noon", "bad till", "a good till"] * 20, quote_consent=True)
    frame["responded_at"] = frame["responded_at"].astype("datetime64[us]")
    ids = ("sentiment", "theme_share", "theme_effect", "testimonial_count")
    wanted = [figures(measured) for measured in results(frame, client(), *ids)]
    small = in_memory(client(), {"survey_responses": frame})
    path = tmp_path / "survey_responses.parquet"
    small.con.execute(f"copy (from survey_responses order by responded_at) to '{path}' (format parquet)")
    monkeypatch.setattr(session, "_SMALL", 0)
    tables = open_tables(client(), {"survey_responses": path}, cutoff=datetime(2026, 1, 1))
    assert tables.numbers
    period = Period.parse("2025").observe(datetime(2023, 1, 1), datetime(2026, 1, 1))
    assert [figures(measure(catalogue()[name], tables, period)) for name in ids] == wanted
