"""All true figures of the simulated client in a year, those of every module together."""

from crmnb.demo import data_quality, employees, initiatives, market, operations
from crmnb.demo.parameters import Rates
from crmnb.demo.service import true_service
from crmnb.demo.truth.figures import Figures, compute_truth, engagement_figures


def figures_of_year(rates: Rates, year: int, at_start: float, segment: str = "", level: str = "") -> Figures:
    """(metric, breakdown) -> the true value in a year, in the metric's unit.

    Arguments are those of `compute_truth`. Employees, service, operations, engagement, data quality and market have true figures of the whole
    client only.
    """
    figures = compute_truth(rates, year, at_start, segment, level)
    if segment:
        return figures
    figures |= employees.true_figures(year) | true_service(rates, year) | operations.true_figures()
    figures |= initiatives.true_next_steps(year)
    figures |= engagement_figures(rates, year) | data_quality.true_figures(year)
    return figures | market.true_figures(year, figures)
