"""Series effects: what changed in a single series from one time on, where no comparable units are left untouched or only few.

Two models, both with all coefficients diffuse and the parameters of the noise averaged over a grid instead of estimated, so that the interval
also holds what is not known of the noise:

- interrupted time series: a line, harmonics of the year, a step, and errors with autocorrelation of the first order;
- structural counterfactual: local level, harmonics, and controls, fitted before the start only and continued after it (Brodersen et al. 2015,
  Annals of Applied Statistics 9:247, with their package's priors of the two variances, and controls that are always in the model).

The grid takes the place of a Gibbs sampler: nothing is random, and at fixed variances both are the Kalman filter of statsmodels'
UnobservedComponents with diffuse coefficients, which a test shows.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtr

_AUTOCORRELATIONS = np.linspace(-0.5, 0.98, 75)
_NEGLIGIBLE = 1e-4  # the share of the posterior below which a point of the grid is left out
_HALVINGS = 60


@dataclass(frozen=True)
class Mixture:
    """A distribution that is a mixture of t distributions (normal ones where `degrees` is infinite)."""

    weights: np.ndarray
    centres: np.ndarray
    scales: np.ndarray
    degrees: float = np.inf

    @property
    def mean(self) -> float:
        """The mean of the centres."""
        return float(self.weights @ self.centres)

    def quantile(self, share: float) -> float:
        """The value below which a share of it lies."""
        low = float((self.centres - 40 * self.scales).min())
        high = float((self.centres + 40 * self.scales).max())
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = float(self.weights @ self._below((middle - self.centres) / self.scales))
            low, high = (middle, high) if below < share else (low, middle)
        return (low + high) / 2

    def interval(self, level: float) -> tuple[float, float]:
        """The central interval."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def _below(self, distance: np.ndarray) -> np.ndarray:
        return ndtr(distance) if np.isinf(self.degrees) else stdtr(self.degrees, distance)


def harmonics(times: np.ndarray, period: float, pairs: int) -> np.ndarray:
    """Sines and cosines of the season, a column each."""
    angles = 2 * np.pi * np.asarray(times)[:, None] * np.arange(1, pairs + 1) / period
    return np.hstack([np.sin(angles), np.cos(angles)])


# ---- Interrupted time series ----------------------------------------------------------------------------------------


def level_change(series: np.ndarray, design: np.ndarray) -> Mixture:
    """The coefficient of the last column of a design (the step), with autocorrelated errors.

    The posterior with flat priors on the coefficients, the logarithm of the standard deviation, and the autocorrelation (from -.5 to .98).
    Raises ValueError where there are no more times than columns.
    """
    times, columns = design.shape
    if times <= columns + 1:
        raise ValueError("the series has too few times for its design")
    logs, centres, scales = [], [], []
    for rho in _AUTOCORRELATIONS:
        x, y = _whitened(design, rho), _whitened(series, rho)
        gram = x.T @ x
        coefficients = np.linalg.solve(gram, x.T @ y)
        residuals = y - x @ coefficients
        squares = max(residuals @ residuals, 1e-300)
        degrees = times - columns
        logs.append(0.5 * np.log(1 - rho**2) - 0.5 * np.linalg.slogdet(gram)[1] - degrees / 2 * np.log(squares))
        centres.append(coefficients[-1])
        scales.append(np.sqrt(np.linalg.inv(gram)[-1, -1] * squares / degrees))
    weights = np.exp(np.array(logs) - max(logs))
    return Mixture(weights / weights.sum(), np.array(centres), np.array(scales), float(times - columns))


def _whitened(values: np.ndarray, rho: float) -> np.ndarray:
    """Values without autocorrelation of the first order, the first one kept (Prais & Winsten 1954)."""
    return np.concatenate([values[:1] * np.sqrt(1 - rho**2), values[1:] - rho * values[:-1]])


@dataclass(frozen=True)
class CountModel:
    """Coefficients of a log-linear model of counts, their covariance as of Poisson counts, and the dispersion."""

    coefficients: np.ndarray
    covariance: np.ndarray
    dispersion: float


def log_linear_counts(counts: np.ndarray, design: np.ndarray, exposure: np.ndarray) -> CountModel:
    """A Poisson regression with the logarithm of the exposure as offset; the dispersion is Pearson's (McCullagh & Nelder 1989, 6.2.3).

    With it, the covariance is that of a quasi-Poisson regression.
    """
    offset = np.log(exposure)
    mean = counts + 0.5
    coefficients = np.zeros(design.shape[1])
    for _ in range(100):
        working = np.log(mean) - offset + (counts - mean) / mean
        gram = design.T @ (mean[:, None] * design)
        step = np.linalg.solve(gram, design.T @ (mean * working))
        is_done = np.max(np.abs(step - coefficients)) < 1e-12
        coefficients = step
        mean = np.exp(design @ coefficients + offset)
        if is_done:
            break
    dispersion = float(np.sum((counts - mean) ** 2 / mean) / (len(counts) - design.shape[1]))
    return CountModel(coefficients, np.linalg.inv(design.T @ (mean[:, None] * design)), dispersion)


# ---- Structural counterfactual --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LevelPrior:
    """What is known of the two standard deviations before the data, as shares of the series' own.

    level: that of the local level's steps, believed as if from `level_size` times. unexplained: the share of the variance that controls leave,
    believed as if from `unexplained_size` times.
    """

    level: float
    level_size: float
    unexplained: float
    unexplained_size: float


PACKAGE_PRIOR = LevelPrior(0.01, 32, 0.2, 50)  # of R's CausalImpact and bsts
WEAK_PRIOR = LevelPrior(0.1, 2, 0.5, 2)  # the data decide whether the level moves


@dataclass(frozen=True)
class Counterfactual:
    """What would have been after the start, by the model: its mean and interval at each time; and the effects, distributions each.

    `effects`: at each time. `accumulated`: up to each time. `average`: over all times.
    """

    expected: np.ndarray
    effects: list[Mixture]
    accumulated: list[Mixture]
    average: Mixture


def counterfactual(series: np.ndarray, design: np.ndarray, before: int, prior: LevelPrior) -> Counterfactual:
    """The series from `before` on beside what a local level and the columns of the design (controls, harmonics) lead to expect.

    Only the first `before` times are fitted. Raises ValueError where they are too few for the design.
    """
    design = np.column_stack([np.ones(len(series)), design]) if design.size else np.ones((len(series), 1))
    if before <= design.shape[1] + 2:
        raise ValueError("too few times before the start for the design")
    y, x, x_after = series[:before], design[:before], design[before:]
    scale = y.std(ddof=1) or 1.0
    walk = np.minimum.outer(np.arange(len(series)), np.arange(len(series))).astype(float)
    values, vectors = np.linalg.eigh(walk[:before, :before])
    rotated_x, rotated_y = vectors.T @ x, vectors.T @ y
    across, after = walk[before:, :before] @ vectors, walk[before:, before:]
    grid = _grid(rotated_y, rotated_x, np.maximum(values, 0), scale, prior)
    weights, means, covariances = [], [], []
    for weight, level, noise in grid:
        inverse = 1 / (noise + level * np.maximum(values, 0))
        gram = rotated_x.T @ (inverse[:, None] * rotated_x)
        coefficients = np.linalg.solve(gram, rotated_x.T @ (inverse * rotated_y))
        gain = level * across * inverse
        means.append(x_after @ coefficients + gain @ (rotated_y - rotated_x @ coefficients))
        leverage = x_after - gain @ rotated_x
        noise_after = noise * np.eye(len(x_after)) + level * after - level * gain @ across.T
        covariances.append(noise_after + leverage @ np.linalg.solve(gram, leverage.T))
        weights.append(weight)
    return _effects(series[before:], np.array(weights), np.array(means), np.array(covariances))


def _grid(
    y: np.ndarray, x: np.ndarray, values: np.ndarray, scale: float, prior: LevelPrior
) -> list[tuple[float, float, float]]:
    """(weight, variance of the level's steps, variance of the noise) at the points of the grid that matter."""
    steps = np.exp(np.linspace(np.log(scale * 1e-3), np.log(scale * 2), 60)) ** 2
    noises = np.exp(np.linspace(np.log(scale * 0.02), np.log(scale * 2), 40)) ** 2
    logs = np.empty((len(steps), len(noises)))
    products = np.einsum("ti,tj->tij", x, x)
    for i, level in enumerate(steps):
        inverse = 1 / (noises[:, None] + level * values)  # a row for each variance of the noise
        gram = np.einsum("nt,tij->nij", inverse, products)
        moments = inverse @ (x * y[:, None])
        explained = np.einsum("ni,ni->n", moments, np.linalg.solve(gram, moments[:, :, None])[:, :, 0])
        squares = inverse @ y**2 - explained
        logs[i] = 0.5 * np.log(inverse).sum(1) - 0.5 * np.linalg.slogdet(gram)[1] - squares / 2
    logs += _log_prior(steps, (prior.level * scale) ** 2, prior.level_size)[:, None]
    logs += _log_prior(noises, prior.unexplained * scale**2, prior.unexplained_size)[None, :]
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    places = np.argwhere(weights > _NEGLIGIBLE)
    total = sum(weights[i, j] for i, j in places)
    return [(weights[i, j] / total, steps[i], noises[j]) for i, j in places]


def _log_prior(variances: np.ndarray, guess: float, size: float) -> np.ndarray:
    """The logarithm of the density of a variance on the grid of its logarithm: inverse gamma, as if from `size` times of that variance."""
    return -size / 2 * np.log(variances) - size * guess / (2 * variances)


def _effects(actual: np.ndarray, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> Counterfactual:
    times = len(actual)
    until = np.tril(np.ones((times, times)))
    sums = np.einsum("ti,kij,tj->kt", until, covariances, until)
    gaps = actual - means
    totals = gaps @ until.T
    effects = [Mixture(weights, gaps[:, t], np.sqrt(covariances[:, t, t])) for t in range(times)]
    accumulated = [Mixture(weights, totals[:, t], np.sqrt(sums[:, t])) for t in range(times)]
    average = Mixture(weights, totals[:, -1] / times, np.sqrt(sums[:, -1]) / times)
    return Counterfactual(weights @ means, effects, accumulated, average)
