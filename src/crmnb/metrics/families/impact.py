"""What initiatives changed: their effects on any metric, on revenue, and by the people who lead them."""

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.measures import of_panels
from crmnb.schema.client import Initiatives

_INTERVAL = "by the method: wild cluster bootstrap or t between units; of single series a mixture over the parameters of their noise"
_EFFECTS = Estimator("effect of an initiative", "panels", "initiative_results.effects", _INTERVAL, chart="event_study")
_TOTALS = Estimator(
    "accumulated effect of an initiative", "panels", "initiative_results.totals", _INTERVAL, chart="accumulated_effect"
)
_CHAMPIONS = Estimator(
    "effect by champion", "panels", "initiative_results.champions", "empirical Bayes (Morris)", chart="trend"
)
_PUBLISHED = "test_published_impact.py::test_the_minimum_wage_has_the_simple_effect_of_the_r_package"


@metric(title="Initiative effect", unit="points", kind="outcome", direction="up", published=_PUBLISHED)
def initiative_effect(*, initiatives: Initiatives):
    """What each initiative changed in its metric, on average in a unit and month, in the metric's unit and relative to what would have been.

    The units (regions, stores, teams) and the months since they started are compared with the months before and with units that did not start. The
    data decide how: difference in differences for one common start; Callaway and Sant'Anna's estimator for several; an interrupted time series
    where no unit is untouched; a structural counterfactual where few are. The method and its assumption are named beside the result.

    Why: a figure that rose after a start may have risen without it; what did not start shows by how much.
    Caution: an effect is not stated where dates before the start, or units that did not start, show as much. Another change at the same time in the
        same units cannot be told apart. Customers count in the unit that they are in now.
    Formula: mean(y - c), where y = the value of a unit in a month since its start; c = what it would have been without the initiative.
    Source: Angrist & Pischke 2009, Mostly Harmless Econometrics, chapter 5; Callaway & Sant'Anna 2021, Journal of Econometrics 225:200; Cameron,
        Gelbach & Miller 2008, REStat 90:414; Lopez Bernal et al. 2017, IJE 46:348; Brodersen et al. 2015, Annals of Applied Statistics 9:247.
    """
    return of_panels(
        _EFFECTS, numerator="change beyond what would have been", denominator="rows counted", breakdown="initiative"
    )


@metric(
    title="Revenue impact",
    unit="money",
    kind="outcome",
    direction="up",
    published="test_published_impact.py::test_google_has_the_effects_of_the_r_package",
)
def revenue_impact(*, initiatives: Initiatives):
    """Net revenue that each initiative brought or cost, accumulated over its units from their start to the end of the period.

    The same comparison as for the initiative effect, of net revenue, relative to each unit's revenue before the start.

    Why: an initiative pays if it brings more than it costs, whatever else it changed.
    Caution: it is revenue and not margin, before the costs of the initiative. The assumption is that units would have moved in proportion.
    Formula: sum_j(y_j - c_j), where y_j = the net revenue of the units that started, in month j since then; c_j = what it would have been without the
        initiative.
    Source: as for the initiative effect; accumulated as by Brodersen et al. 2015, Annals of Applied Statistics 9:247, equation 2.
    """
    return of_panels(
        _TOTALS,
        figures="net_revenue",
        numerator="net revenue beyond what would have been",
        denominator="rows counted",
        breakdown="initiative",
    )


@metric(
    title="Contribution of champions",
    unit="points",
    kind="outcome",
    direction="up",
    published="test_published_impact.py::test_batting_averages_are_shrunken_as_published",
)
def champion_contribution(*, initiatives: Initiatives):
    """The effect in the units of each champion, moved towards the mean of all champions by as much of the distance as chance explains.

    A champion is who leads an initiative in a unit. The change of the units is that beyond the untouched units.

    Why: who leads well can teach the others; without shrinkage the champions of the smallest units are always first and last.
    Caution: units differ in more than their champion. Do not pay by it.
    Formula: (1 - b) * x + b * m, where x = the change of the champion's units beyond the untouched ones; m = the mean of all champions; b = the share
        of the distance between both that chance explains.
    Source: Morris 1983, JASA 78:47; Efron & Morris 1975, JASA 70:311.
    """
    return of_panels(
        _CHAMPIONS,
        numerator="change beyond the untouched units",
        denominator="units of the champion",
        breakdown="champion",
        aspect_of="initiative_effect",
    )
