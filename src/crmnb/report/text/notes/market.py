"""The sentences of the market: competitors, brands, and figures of peers."""

from crmnb.report.text.notes.words import Renderer, Values, Words


def _no_peers(words: Words, values: Values) -> str:
    reasons = " ".join(words.sentence(note) for note in values["notes"])
    return f"no figure has enough peers. {reasons}".strip()


SENTENCES: dict[str, str | Renderer] = {
    "needs_market": "needs the own brand, declared under market: in the parameters file",
    "needs_pillars": "needs the pillars of brand equity, declared under market: pillars in the parameters file",
    "market_by_month": "the market is known by the month; choose a period of whole months",
    "no_market_sales": "no sales in the market",
    "no_rivals": "there are no sales of a rival",
    "own_brand_not_in_market": "the own brand {brand} is not among the competitors ({known}, ...)",
    "too_few_peers": "Without a position, as fewer than {fewest:n} peers have a figure: {figures}.",
    "no_such_breakdown": "{figure}: peers have a figure, the client has no such breakdown.{hint}",
    "own_figure_missing": "{figure}: peers have a figure, the client's own is not available.",
    "no_peers_to_compare": _no_peers,
    "largest_rival": "The largest rival {basis} is {rival}.",
    "rest_of_market": "{share:%} of the market ({basis}) is not known by competitor: the index lies between {least:n} and {most:n}.",
    "no_earlier_market": "the own brand has no sales in the market in {period:period}",
    "market_months_differ": "the market data do not cover the same months of {period:period} and of this period",
    "competitors_without_months": "Not every month has sales of {competitors}: of the {months:n} months some are missing, and shares of the others are too large.",
    "market_rows_without_sales": "{rows:n} rows of the market have no sales ({basis}) and add nothing.",
}
