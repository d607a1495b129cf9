"""Public reviews: their rating and their number."""

import narwhals.stable.v2 as nw

from crmnb.engine.segments import with_component
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.measures import count, mean_on_scale


def _reviews(reviews: View) -> nw.LazyFrame:
    return with_component(reviews.during("posted_at"), reviews.rows, "platform")


@metric(
    title="Review rating",
    unit="points",
    kind="outcome",
    direction="up",
    hand_count={"Trustpilot": "(75 + 100 + 0 + 50) / 4", "Local Guide": "(3 + 6 + 9) / 9 / 3 * 100"},
)
def review_rating(reviews):
    """Mean rating of the public reviews, rescaled from 1 and the platform's best to 0 and 100; per platform.

    Why: potential customers read reviews before they buy.
    Caution: very satisfied and very dissatisfied people write more reviews, and some reviews are paid for. Platforms are not comparable.
    Formula: sum_i(100 * (r_i - 1) / (b - 1)) / n, where r_i = the rating of review i; b = the best rating of the platform, and 1 the worst.
    Source: Hu, Pavlou & Zhang 2006, ACM Conference on Electronic Commerce (J-shaped ratings). Interval: a score interval,
        which covers where a bootstrap of such ratings falls short (benchmarks/coverage.py).
    """
    points = (nw.col("rating") - 1) / (nw.col("scale") - 1) * 100
    words = {"numerator": "points of all reviews, 0 (worst) to 100 (best)", "denominator": "public reviews"}
    return mean_on_scale(_reviews(reviews), points, bounds=(0, 100), breakdown="platform", **words)


@metric(
    title="Review volume",
    unit="count",
    kind="output",
    direction="up",
    hand_count={"Trustpilot": "4", "Local Guide": "3"},
)
def review_volume(reviews):
    """Number of public reviews, per platform.

    Why: the number of reviews shows how reliable a rating is.
    Caution: a campaign that asks for reviews changes both their number and their mix.
    Source: Hu, Pavlou & Zhang 2006, as above. Interval: McCullagh & Nelder 1989, Generalized Linear Models, 6.2
        (over-dispersion).
    """
    return count(_reviews(reviews), "posted_at", of="public reviews", breakdown="platform")
