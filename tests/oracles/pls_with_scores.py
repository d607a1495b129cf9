"""PLS path modelling with scores, as textbooks write it: one sample, loops, regressions by least squares. The second route of `stats.models.pls`."""

import numpy as np
import pandas as pd


def pls_with_scores(
    answers: pd.DataFrame, blocks: dict, paths: list[tuple[str, str]], modes: dict, scheme: str, steps: int = 60
) -> dict[str, pd.DataFrame | pd.Series]:
    """Outer weights, loadings, scores, paths and r2 after so many steps of Lohmoeller's algorithm."""
    z = (answers - answers.mean()) / answers.std(ddof=0)
    weights = {construct: np.ones(len(items)) for construct, items in blocks.items()}
    for _ in range(steps):
        scores = {
            construct: standardised(z[items].to_numpy() @ weights[construct]) for construct, items in blocks.items()
        }
        weights = {
            construct: outer(
                z[items].to_numpy(), inner_proxy(construct, scores, paths, scheme), modes.get(construct, "A")
            )
            for construct, items in blocks.items()
        }
    final = {construct: of / (z[blocks[construct]].to_numpy() @ of).std() for construct, of in weights.items()}
    for construct, items in blocks.items():
        score = z[items].to_numpy() @ final[construct]
        if sum(np.corrcoef(score, z[item])[0, 1] for item in items) < 0:
            final[construct] = -final[construct]
    scores = pd.DataFrame({construct: z[items].to_numpy() @ final[construct] for construct, items in blocks.items()})
    scores.index = answers.index
    return {
        "weights": pd.concat([pd.Series(final[construct], items) for construct, items in blocks.items()]),
        "loadings": pd.Series({item: z[item].corr(scores[c]) for c, items in blocks.items() for item in items}),
        "scores": scores,
    } | regressions(scores, paths)


def standardised(values: np.ndarray) -> np.ndarray:
    """Values with mean 0 and variance 1."""
    return (values - values.mean()) / values.std()


def coefficients(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the least squares regression without a constant."""
    return np.linalg.lstsq(x, y, rcond=None)[0]


def inner_proxy(construct: str, scores: dict, paths: list, scheme: str) -> np.ndarray:
    """The weighted sum of a construct's neighbours."""
    before = [begin for begin, end in paths if end == construct]
    after = [end for begin, end in paths if begin == construct]
    correlation = {other: np.corrcoef(scores[construct], scores[other])[0, 1] for other in before + after}
    if scheme == "centroid":
        return sum(np.sign(correlation[other]) * scores[other] for other in before + after)
    if scheme == "factorial":
        return sum(correlation[other] * scores[other] for other in before + after)
    proxy = sum((correlation[other] * scores[other] for other in after), np.zeros(len(scores[construct])))
    if before:
        x = np.column_stack([scores[other] for other in before])
        proxy = proxy + x @ coefficients(x, scores[construct])
    return proxy


def outer(z: np.ndarray, proxy: np.ndarray, mode: str) -> np.ndarray:
    """The new outer weights of a block."""
    return z.T @ proxy / len(z) if mode == "A" else coefficients(z, proxy)


def regressions(scores: pd.DataFrame, paths: list) -> dict[str, pd.DataFrame | pd.Series]:
    """Path coefficients and r2 of the scores; total effects as sums over all ways."""
    names = list(scores)
    matrix, r2 = pd.DataFrame(0.0, names, names), {}
    for construct in dict.fromkeys(end for _, end in paths):
        before = [begin for begin, end in paths if end == construct]
        slopes = coefficients(scores[before].to_numpy(), scores[construct].to_numpy())
        matrix.loc[before, construct] = slopes
        r2[construct] = np.corrcoef(scores[before] @ slopes, scores[construct])[0, 1] ** 2
    total, power = matrix.copy(), matrix.copy()
    for _ in names:
        power = power @ matrix
        total = total + power
    return {"paths": matrix, "total_effects": total, "r2": pd.Series(r2)}
