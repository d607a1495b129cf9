"""Steps: at which times a curve may be told, so that no step of it is of fewer people than may be shown."""

import numpy as np


def told_at(times: np.ndarray, ways: list[np.ndarray], at_least: int) -> np.ndarray:
    """The places of the times at which a curve is told: the first and the last, and those between which enough people moved.

    times: in order. ways: by each way to move (to be lost, to be followed no longer, to come in), how many did so at each of the times.
    From one told time to the next at least `at_least` moved, and in no way some but fewer; what is left over goes to the last step.
    """
    moved, begun, found = np.stack(ways).astype(float), 0, [0]
    so_far = np.concatenate([np.zeros((len(ways), 1)), moved.cumsum(1)], axis=1)[:, 1:]
    for place in range(1, len(times)):
        since = so_far[:, place] - so_far[:, begun]
        if since.sum() >= at_least and not ((since > 0) & (since < at_least)).any():
            found.append(place)
            begun = place
    last = len(times) - 1
    if last > 0 and found[-1] != last:
        found = [*(found[:-1] if len(found) > 1 else found), last]
    return np.array(found)
