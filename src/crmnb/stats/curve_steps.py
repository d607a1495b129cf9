"""Steps of a curve that may be shown: none that reveals fewer people than the suppression limit."""

import numpy as np


def safe_places(
    times: np.ndarray, moves: list[np.ndarray], fewest: int, as_at_risk: list[np.ndarray] | None = None
) -> np.ndarray:
    """The places of the times at which a curve may have points: the first, the last, and those between which enough people moved.

    times: (t,), ascending. moves: for each way to move (to be lost, to be censored, to enter), the number of people at each time, (t,).
    as_at_risk: the same, where whoever moves at a time counts at the next: so the number at risk, which is shown beside the curve, falls.
    Between two neighbouring places at least `fewest` moved, and in each way nobody or at least `fewest`, by either count; the rest belongs
    to the last step.
    """
    totals, at_risk = (np.stack(of).astype(float).cumsum(1) for of in (moves, as_at_risk or moves))
    begin, places = 0, [0]
    for place in range(1, len(times)):
        since = totals[:, place] - totals[:, begin]
        if since.sum() >= fewest and not (_few(since, fewest) or _few(at_risk[:, place] - at_risk[:, begin], fewest)):
            places.append(place)
            begin = place
    last = len(times) - 1
    if last > 0 and places[-1] != last:
        places = [*(places[:-1] if len(places) > 1 else places), last]
    return np.array(places)


def _few(since: np.ndarray, fewest: int) -> bool:
    return bool(((since > 0) & (since < fewest)).any())
