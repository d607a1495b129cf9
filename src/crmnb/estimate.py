"""Estimators: how metrics name the way to a value with its interval; `crmnb.inference` goes it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal


@dataclass(frozen=True)
class Estimator:
    """How evidence becomes an estimate: which statistics the engine reduces it to, and the inference from them."""

    name: str
    reduces: Literal["moments", "bins"]
    inference: str  # the function of `crmnb.inference`: by name, as to know a metric takes no statistics
    interval: str
    symmetric: bool = False  # a t interval: two of them are compared by Welch
    on_scale: bool = False  # `infer` also takes `bounds`, the ends of the scale
    needs: frozenset[str] = frozenset()  # of the statistics that cost a sum of their own: magnitude, s3

    @property
    def infer(self) -> Callable[..., Any]:
        """From a frame of statistics and a confidence level (and `bounds`) to a frame of estimates."""
        return getattr(import_module("crmnb.inference"), self.inference)


proportion = Estimator("proportion", "moments", "share", "Wilson (score)")
ratio = Estimator("ratio of sums", "moments", "by_t", "t, by the delta method", symmetric=True)
mean = Estimator("mean", "moments", "by_t", "t", symmetric=True)
mean_on_scale = Estimator(
    "mean on a scale", "moments", "mean_on_scale", "score (Wilson's, of as many yes-or-no answers)", on_scale=True
)
money_mean = Estimator(
    "mean of money", "moments", "by_hall", "Hall's transformation of t, for skewed money", needs=frozenset({"s3"})
)
net_promoters = Estimator(
    "nps", "moments", "promoters_less_detractors", "adjusted Wald", needs=frozenset({"magnitude"})
)
count = Estimator(
    "count", "bins", "over_time", "quasi-Poisson over weeks or days; exact Poisson where they scatter no more"
)
census = Estimator("census", "moments", "census", "none: a count of all, not of a sample")
