"""The sentences of operations: sellers, and what service costs."""

from crmnb.report.text.notes.words import Renderer

SENTENCES: dict[str, str | Renderer] = {
    "per_seller_of_all": "Per seller: all sellers are counted, so the interval is that of the work, and not of the differences between sellers.",
    "costs_without_interval": "Costs are known by the month: there is no interval from fewer than twelve months.",
    "nothing_to_serve": "there was nobody to serve",
    "no_service_costs": "the costs contain no service costs of the period",
    "service_costs_partial": "the costs cover {first:period} to {last:period} only, not all of {period:period}",
    "too_few_sellers": "needs {fewest:n} sellers or more in the top quarter and in the middle half, who had leads decided in the previous period",
}
