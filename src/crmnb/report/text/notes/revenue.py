"""The sentences of acquisition cost, revenue and sales."""

from crmnb.report.text.notes.words import Renderer

SENTENCES: dict[str, str | Renderer] = {
    # Customer acquisition cost.
    "cac_without_interval": "CAC has no interval: that needs twelve months of data.",
    "cac_taken_as_known": "The interval treats CAC as known, because it is based on fewer than twelve months.",
    "no_new_customers": "no customers won",
    "no_new_customers_last_year": "no new customers in the last twelve months",
    "no_new_customers_in_whole_months": "no new customers in a completely observed month",
    "no_new_customer_followed": "no new customer was followed for a whole month yet",
    "no_acquisition_costs": "the costs contain no acquisition spend",
    "acquisition_costs_partial": "the costs cover new customers of {first:period} to {last:period} only, not all of {period:period}",
    "month_left_out": "Costs are known by month: {month:period}, in which the data end, is left out of costs and new customers.",
    "payback_not_reached": "after {months:n} months a new customer has brought {share:%} of CAC",
    # Revenue and sales.
    "no_revenue": "no revenue",
    "one_customer_only": "one customer only",
    "no_earlier_revenue": "no net revenue to compare with",
    "no_customer_revenue": "no net revenue of customers in the period",
    "no_earlier_customer_revenue": "no net revenue of customers in {period:period}",
    "bridge_begins": "The bridge starts from {period:period}.",
    "no_mature_leads": "no lead has a complete follow-up yet",
    "no_won_leads": "no lead with a complete follow-up was won",
    "no_lead_amounts": "no lead that was won has an amount",
    "leads_won_at_once": "half of the won leads were won on the day of creation, so the time to win is zero",
}
