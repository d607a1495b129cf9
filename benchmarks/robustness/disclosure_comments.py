"""A relationship survey whose comments are attacked: themes that few customers raise, or hardly anybody but a weak segment, and quotes.

Each comment holds a word of its own, so that a quote of it is known wherever it stands.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from bs4 import BeautifulSoup

from crmnb.core.notes import Note

_CUSTOMERS = 420
_ITEMS = ("s1", "s2", "p1", "p2", "i1", "i2", "l1")
_THEMES = ("delivery", "price", "forms", "returns", "parking", "smell")
# How often dealers and all others write about each theme: few others about forms, few dealers about parking, few at all about smell.
_OF_DEALERS, _OF_OTHERS = (0.12, 0.2, 0.3, 0.27, 0.06, 0.05), (0.42, 0.38, 0.02, 0.06, 0.115, 0.005)
_NO_CONSENT = 0.3
_OWN = "zq"  # what the word begins with that only one comment holds
_SMALL_REGION = "Isle"


def comments(rng: np.random.Generator) -> tuple[dict[str, pd.DataFrame], dict, dict]:
    """Tables, declarations, and no levels inside of others: half of the customers comment, each about one theme, and most allow a quote."""
    n = _CUSTOMERS
    accounts = rng.choice(["Household", "Business", "Dealer"], n, p=[0.45, 0.3, 0.25])
    regions = rng.choice(["North", "South", _SMALL_REGION], n, p=[0.5, 0.38, 0.12])
    is_dealer = accounts == "Dealer"
    opinion = rng.normal(size=n) - 1.8 * is_dealer
    customers = pd.DataFrame({"customer_id": [f"c{at:03}" for at in range(n)], "joined_at": "2023-01-15"})
    customers = customers.assign(account=accounts, region=regions, left_at=pd.NaT)
    answers = {item: np.clip(np.round(6.5 + 1.5 * (opinion + rng.normal(size=n))), 1, 10) for item in _ITEMS}
    themes = np.where(is_dealer, rng.choice(_THEMES, n, p=_OF_DEALERS), rng.choice(_THEMES, n, p=_OF_OTHERS))
    tone = np.where(rng.random(n) < 0.12, "good", "bad")
    texts = [
        f"the {theme} is {word} says {_own_word(at)}" for at, (theme, word) in enumerate(zip(themes, tone, strict=True))
    ]
    sheets = pd.DataFrame(answers).assign(
        response_id=[f"r{at}" for at in range(n)],
        customer_id=customers["customer_id"],
        survey="relationship",
        responded_at=pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 360, n), unit="D"),
        satisfied=np.clip(np.round(3 + opinion), 1, 5),
        comment=pd.Series(texts).where(rng.random(n) < 0.75),
        quote_consent=rng.random(n) > _NO_CONSENT,
    )
    declared = {
        "items": {item: {"scale": [1, 10], "name": item} for item in _ITEMS}
        | {"satisfied": {"scale": [1, 5], "name": "Satisfaction"}},
        "relationship": {
            "index": ["i1", "i2"],
            "drivers": {"Service": ["s1", "s2"], "Price": ["p1", "p2"]},
            "outcomes": {"Loyalty": ["l1"]},
        },
        "feedback": {
            "language": "en",
            "codebook": {theme.capitalize(): [theme] for theme in _THEMES},
            "lexicon": {"good": 1.0, "bad": -1.0},
        },
        "segments": {"account": {"column": "customers.account"}, "region": {"column": "customers.region"}},
        "churn": {"kind": "contractual", "table": "customers"},
    }
    return {"customers": customers, "survey_responses": sheets}, declared, {}


def _own_word(at: int) -> str:
    """A word for each number, of letters only: a number might be taken for personal data."""
    return _OWN + "".join(chr(ord("a") + int(digit)) for digit in f"{at:04}") + "qz"


def quotes_of(notes: Iterable[Note]) -> Iterator[Note]:
    """The quotes among notes, and in notes inside of them."""
    for note in notes:
        if note.code == "quote":
            yield note
        for _, value in note.items:
            yield from quotes_of(part for part in (value if isinstance(value, tuple) else ()) if isinstance(part, Note))


def given_away(tables: dict[str, pd.DataFrame], quotes: Iterable[Note], below: int) -> list[tuple[str, ...]]:
    """The quotes that must not be shown: of authors who did not consent, of a group of too few, and of which two places together leave too few.

    Counted from the tables themselves. A quote stands for the customers who raise its theme in its level; one without a theme, for the
    customers whose favourable comments may be quoted.
    """
    sheets = _sheets(tables)
    places: dict[str, list[np.ndarray]] = {}
    wrong = []
    for quote in quotes:
        author = sheets[[word in quote.values["text"] for word in sheets["word"]]]
        group = _group(sheets, quote)
        where = (quote.values["theme"], quote.values.get("segment", ""), quote.values.get("level", ""))
        held = places.setdefault(quote.values["text"], [])
        held.append(group)
        fewest = np.logical_and.reduce(held).sum()
        if len(author) != 1 or not author["quote_consent"].all() or fewest < below:
            wrong.append(("quote", *where, quote.values["text"]))
    return wrong


def given_away_on_pages(tables: dict[str, pd.DataFrame], folder: Path, below: int) -> list[tuple[str, ...]]:
    """The comments on a report's pages whose authors did not consent, or whose theme too few customers raise."""
    sheets = _sheets(tables)
    wrong = []
    for path in sorted(folder.glob("*.html")):
        text = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").get_text()
        for sheet in sheets[[word in text for word in sheets["word"]]].itertuples():
            if not sheet.quote_consent or (sheets["theme"] == sheet.theme).sum() < below:
                wrong.append(("quote", path.name, sheet.comment))
    return wrong


def _sheets(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The sheets with a comment as made here, their theme, and the word that only they hold; none of another client."""
    sheets = tables.get("survey_responses", pd.DataFrame())
    if not {"quote_consent", "comment"} <= {*sheets}:
        return pd.DataFrame({"word": [], "quote_consent": [], "theme": []})
    sheets = sheets[sheets["comment"].str.contains(f" says {_OWN}", na=False)].merge(
        tables["customers"], on="customer_id"
    )
    words = sheets["comment"].str.split()
    return sheets.assign(theme=words.str[1].str.capitalize(), tone=words.str[3], word=words.str[-1])


def _group(sheets: pd.DataFrame, quote: Note) -> np.ndarray:
    """Which sheets are of those for whom a quote stands."""
    theme, segment = quote.values["theme"], quote.values.get("segment", "")
    inside = sheets["theme"] == theme if theme else (sheets["tone"] == "good") & sheets["quote_consent"]
    return (inside & (sheets[segment] == quote.values["level"]) if segment else inside).to_numpy()
