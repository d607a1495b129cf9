"""Steps of a curve that may be shown: none that reveals fewer people than the suppression limit."""

import numpy as np


def safe_places(times: np.ndarray, moves: list[np.ndarray], fewest: int) -> np.ndarray:
    """The places of the times at which a curve may have points: the first, the last, and those between which enough people moved.

    times: (t,), ascending. moves: for each way to move (to be lost, to be censored, to enter), the number of people at each time, (t,).
    Between two neighbouring places at least `fewest` moved, and in each way nobody or at least `fewest`; the rest belongs to the last
    step.
    """
    totals = np.stack(moves).astype(float).cumsum(1)
    begin, places = 0, [0]
    for place in range(1, len(times)):
        since = totals[:, place] - totals[:, begin]
        if since.sum() >= fewest and not ((since > 0) & (since < fewest)).any():
            places.append(place)
            begin = place
    last = len(times) - 1
    if last > 0 and places[-1] != last:
        places = [*(places[:-1] if len(places) > 1 else places), last]
    return np.array(places)
