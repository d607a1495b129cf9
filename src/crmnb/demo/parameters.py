"""The true rates of a simulated client, which are the arguments of `crmnb simulate`. Light imports only."""

from dataclasses import dataclass, field, fields
from datetime import date

from crmnb.core.errors import InputError

YEARS = (2023, 2024, 2025)
CUSTOMERS = 20_000  # default number at the start of the first year
CUSTOMER_LIMITS = (
    100,
    1_000_000,
)  # with fewer, a year may pass without new customers or answers; more would not fit into a worksheet

ORIGIN = date(YEARS[0], 1, 1)  # times are days since then
EDGES = tuple((date(year, 1, 1) - ORIGIN).days for year in (*YEARS, YEARS[-1] + 1))
DAYS = EDGES[-1]

REGIONS = {"North": 0.28, "South": 0.24, "East": 0.18, "West": 0.30}  # and the share of new customers
# What parameters/demo.yml declares of what customers are worth: the discount rate of a year, how many months ahead, the
# margin in a year from which on a customer is profitable, and the share of net revenue that is margin where none is known.
DISCOUNT, HORIZON, PROFITABLE_MARGIN, DEFAULT_MARGIN = 0.10, 36, 50.0, 0.4

MONTH_STARTS = tuple((date(year, month, 1) - ORIGIN).days for year in YEARS for month in range(1, 13))

# The kinds of customers: the share of all, and how readily they accept an invitation to the relationship survey.
ACCOUNTS = {"Household": (0.64, 1.1), "Landlord": (0.13, 1.0), "Installer": (0.12, 0.8), "Dealer": (0.11, 0.6)}
CONTACT_CHANNELS = ("phone", "e-mail", "app", "shop")  # which customers prefer or used last

LOW_REGION = "East"  # the region with lower retention and lower answers


@dataclass(frozen=True)
class Plan:
    """A plan: the monthly `fee` when it begins, its `share` of those who join, and its multiples of two rates.

    `churn_multiple` and `order_multiple` compare its rates of churn and orders with those of a plan with the multiple 1.
    """

    fee: float
    share: float
    churn_multiple: float
    order_multiple: float


# The dearer the plan, the sooner its customers leave and the more often they order: fees, margins and tenures are related,
# so that a mean margin times a mean stay is not what customers are worth.
PLANS = {
    "Basic": Plan(9.9, 0.45, 0.7, 0.6),
    "Plus": Plan(19.9, 0.33, 1.0, 1.0),
    "Family": Plan(29.9, 0.15, 1.6, 1.8),
    "Trade": Plan(69.9, 0.07, 2.5, 5.0),
}


def _rate(description: str, *values: float, between: tuple[float, float] = (0, 1)):
    """A rate: one value, or one for each year (as many as there are defaults); its ends are not allowed."""
    default = values if len(values) > 1 else values[0]
    return field(default=default, metadata={"words": description, "between": between})


@dataclass(frozen=True)
class Rates:
    """The true rates. A tuple holds one for each of YEARS; shares are fractions, nps and ratings are points."""

    retention: tuple[float, ...] = _rate(
        "share of the customers at the start of a year who stay through it", 0.79, 0.79, 0.82
    )
    gap: float = _rate(f"how much lower that share is in the region {LOW_REGION} than in the others", 0.07)
    won: tuple[float, ...] = _rate(
        "customers won in a year per customer at its start", 0.19, 0.19, 0.19, between=(0, 2)
    )
    reactivation: float = _rate("share of the lost who come back, 400 days later or more", 0.20)
    expansion: tuple[float, ...] = _rate(
        "of the fees at the start of a year, what those who stay add in it", 0.06, 0.06, 0.08, between=(0, 0.4)
    )
    contraction: tuple[float, ...] = _rate("what those who stay take off", 0.03, 0.03, 0.03, between=(0, 0.2))
    orders: float = _rate("mean orders in a year under contract of those who join", 3.1, between=(0, 50))
    spread: float = _rate(
        "shape of the gamma that the order rates of a plan's customers follow; low: unlike", 1.2, between=(0, 100)
    )
    plan_effect: float = _rate(
        "how far apart the plans are in leaving and ordering: 0 not at all, 1 as told, 2 twice as far",
        1,
        between=(-3, 3),
    )
    order_value: tuple[float, ...] = _rate(
        "mean amount of an order that counts, before what is refunded of it", 52, 53.5, 55.5, between=(1, 10_000)
    )
    order_shape: float = _rate(
        "shape of the gamma that a customer's order amounts follow; low: unlike", 1.5, between=(0.1, 100)
    )
    customer_shape: float = _rate(
        "shape of the inverse gamma that customers' mean amounts follow; low: a few spend most", 3.2, between=(2, 100)
    )
    margin: float = _rate("share of an order's net amount that is margin, on average", 0.40, between=(0, 0.8))
    refunds: float = _rate(
        "share of the orders, cancelled ones apart, refunded in whole or part within 30 days", 0.045, between=(0, 0.5)
    )
    refund_days: float = _rate("mean days from an order to its refund", 18, between=(0, 365))
    leads: tuple[float, ...] = _rate("leads in a year per customer at its start", 0.20, 0.20, 0.22, between=(0, 2))
    qualifies: float = _rate("share of the leads that ever qualify", 0.62)
    proposes: float = _rate("of those, share that ever get a proposal", 0.70)
    wins: float = _rate("of those, share that are ever won", 0.45)
    visits: float = _rate("mean web sessions of a customer in a year under contract", 2.2, between=(0, 50))
    converts: float = _rate("share of the sessions with a conversion", 0.06, between=(0, 0.3))
    cac: tuple[float, ...] = _rate("spent in a year to win a customer", 24, 25, 27, between=(0, 10_000))
    csat: tuple[float, ...] = _rate("share of answers in the two best boxes of five", 0.71, 0.72, 0.76)
    nps: tuple[float, ...] = _rate("net promoter score in points", 24, 25, 25, between=(-100, 100))
    ces: tuple[float, ...] = _rate("mean effort, 1 (very low) to 7", 3.4, 3.3, 3.1, between=(1, 7))
    reached: float = _rate("share of the invitations that reach the customer", 0.94)
    acceptance: tuple[float, ...] = _rate("of those, share that start the survey (after a purchase)", 0.37, 0.37, 0.37)
    support_acceptance: tuple[float, ...] = _rate("the same after support", 0.30, 0.30, 0.28)
    completion: tuple[float, ...] = _rate("share of the surveys begun that are completed", 0.84, 0.83, 0.79)
    answer_days: float = _rate("mean days from an invitation to the start of the survey", 3, between=(0, 60))
    relationship_acceptance: float = _rate(
        "of the invitations to the relationship survey, share that are accepted", 0.34
    )
    dissatisfaction: tuple[float, ...] = _rate(
        "how far a group of customers is dissatisfied with the relationship: 0 not at all, 1 as told",
        0.4,
        0.7,
        1.0,
        between=(-0.001, 2),
    )
    trustpilot: tuple[float, ...] = _rate("mean rating on Trustpilot, 0 to 100 points", 66, 66, 68, between=(0, 100))
    local_guide: tuple[float, ...] = _rate("the same on Local Guide", 58, 59, 59, between=(0, 100))
    reviews: tuple[float, ...] = _rate(
        "public reviews in a year per customer at its start", 0.05, 0.05, 0.06, between=(0, 2)
    )


def parse_rates(arguments: dict[str, list[float] | None]) -> Rates:
    """The rates from arguments (name: values, None where not set); the defaults for the rest.

    Raises InputError for a rate out of its range, and for another number of values than one, or one a year.
    """
    values_by_name = {}
    for rate in fields(Rates):
        values, yearly = arguments.get(rate.name), isinstance(rate.default, tuple)
        if values is None:
            continue
        if len(values) not in {1, len(YEARS) if yearly else 1}:
            expected = f"one value, or {len(YEARS)} (one for each year)" if yearly else "one value"
            raise InputError(f"--{option_name(rate.name)}: {len(values)} values are not allowed; enter {expected}.")
        low, high = rate.metadata["between"]
        for value in values:
            if not low < value < high:
                raise InputError(
                    f"--{option_name(rate.name)}: {value:g} is out of range; it must be between {low:g} and {high:g}."
                )
        values_by_name[rate.name] = tuple(values) * (len(YEARS) if len(values) == 1 else 1) if yearly else values[0]
    rates = Rates(**values_by_name)
    if not (max(rates.retention) + rates.gap < 1 and min(rates.retention) > rates.gap):
        raise InputError(
            f"--gap: {rates.gap:g} is too large for a retention of {' '.join(f'{r:g}' for r in rates.retention)}; "
            "the retention of every region must be between 0 and 1."
        )
    return rates


def option_name(name: str) -> str:
    """The name of a rate as an argument of the command."""
    return name.replace("_", "-")
