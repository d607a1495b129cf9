"""Are the intervals honest? How often each holds the truth, on distributions named here: python -m benchmarks.accuracy.coverage.

A 95 % interval should hold it 95 times in a hundred. Rates of single answers are enumerated exactly; the rest is drawn,
always from the same seeds (the standard error of a share from 20,000 samples is .0015). `--quick` draws fewer.
Beside ours stands what people commonly use instead. `marked` is the share of the samples that a report would mark
unreliable. The last line is JSON: the figures, and which aims are met.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.accuracy import coverage_samples as draw
from crmnb.metrics import estimators
from crmnb.stats import moments

LEVEL = 0.95
RATES = np.arange(2, 99) / 100
NPS = [(up, down) for up in (0.2, 0.4, 0.6) for down in (0.1, 0.3)]
ALIKE = 0.3  # intraclass correlation
J_SHAPED = {
    "five stars for 60 %": (0.05, 0.05, 0.1, 0.2, 0.6),
    "five stars for 85 %": (0.02, 0.02, 0.03, 0.08, 0.85),
    "five stars for 95 %": (0.01, 0.01, 0.01, 0.02, 0.95),
}


@dataclass(frozen=True)
class Line:
    """One row of the table: what covers how much; `aim` is the group of rows that it is judged with, if any."""

    of: str
    case: str
    n: int
    covers: float
    peer: str = ""
    peer_covers: float | None = None
    marked: float = 0.0
    aim: str = ""


# What is promised: (name, at least, at most), judged to two digits (three where a limit has three).
AIMS = (
    ("rates from 10 answers: at least .91, whatever the rate", 0.91, 1.0),
    ("rates from 30 and 100 answers: at least .93, whatever the rate", 0.93, 1.0),
    ("rates: .945 to .96 in the mean of all rates", 0.945, 0.96),
    ("nps: .93 to .98", 0.93, 0.98),
    ("money means from 100 customers: at least .91", 0.91, 1.0),
    ("by customer (three answers each, alike by .3), 100 customers: .93 to .97", 0.93, 0.97),
    ("by customer, what is not marked (from 30 customers): at least .93", 0.93, 1.0),
    ("counts with ten bursts or more: at least .92", 0.92, 1.0),
    ("differences from 30 answers in each period: at least .92", 0.92, 1.0),
    ("mean ratings of one to five stars, crowded at five: at least .91", 0.91, 1.0),
    ("gross revenue retention from 100 customers: at least .91", 0.91, 1.0),
)


def generator(*seed: int) -> np.random.Generator:
    return np.random.default_rng([1995, *seed])


def covered(intervals: pd.DataFrame, truth: float) -> float:
    """The share of the intervals that hold the truth."""
    return float(((intervals["low"] <= truth + 1e-12) & (truth - 1e-12 <= intervals["high"])).mean())


def line(of, case, n, frame, estimator, truth, **more) -> Line:
    told = estimator.infer(frame, LEVEL)
    return Line(of, case, n, covered(told, truth), marked=float(told["unreliable"].mean()), **more)


def wald(frame: pd.DataFrame, variance: pd.Series) -> pd.DataFrame:
    half = stats.norm.ppf((1 + LEVEL) / 2) * np.sqrt(variance / frame["n"])
    value = frame["num"] / frame["den"]
    return pd.DataFrame({"low": value - half, "high": value + half})


def exact_rates(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Coverage of Wilson and of Wald for every rate of `RATES`, by enumeration of all n + 1 samples."""
    frame = draw.tallies(np.arange(n + 1), 0, n)
    value = frame["num"] / n
    chance = stats.binom.pmf(np.arange(n + 1)[:, None], n, RATES)
    shares = []
    for told in (estimators.proportion.infer(frame, LEVEL), wald(frame, value * (1 - value))):
        low, high = told["low"].to_numpy()[:, None], told["high"].to_numpy()[:, None]
        shares.append((chance * ((low <= RATES) & (high >= RATES))).sum(0))
    return shares[0], shares[1]


def rates(samples: int) -> Iterator[Line]:
    for n in (10, 30, 100):
        ours, walds = exact_rates(n)
        worst = AIMS[0 if n == 10 else 1][0]
        yield Line("rate", "worst of 2 to 98 %", n, ours.min(), "Wald", walds.min(), aim=worst)
        yield Line("rate", "mean of 2 to 98 %", n, ours.mean(), "Wald", walds.mean(), aim=AIMS[2][0])


def nps(samples: int) -> Iterator[Line]:
    for n in (10, 30, 100, 400):
        for i, (up, down) in enumerate(NPS):
            drawn = generator(1, n, i).multinomial(n, [up, down, 1 - up - down], samples)
            frame = draw.tallies(drawn[:, 0], drawn[:, 1], n)
            variance = frame["magnitude"] / n - (frame["num"] / n) ** 2
            walds = covered(wald(frame, variance), up - down)
            case = f"promoters {up:.0%}, detractors {down:.0%}"
            yield line(
                "nps",
                case,
                n,
                frame,
                estimators.net_promoters,
                up - down,
                peer="Wald",
                peer_covers=walds,
                aim=AIMS[3][0],
            )


def money(samples: int) -> Iterator[Line]:
    for n in (30, 100, 300):
        for i, sigma in enumerate((0.5, 1.0, 1.5)):
            rng, truth = generator(2, n, i), np.exp(sigma**2 / 2)
            chunks = [draw.money(rng, 2_000, n, sigma) for _ in range(0, samples, 2_000)]
            frame = pd.concat(chunks, ignore_index=True)
            t = covered(estimators.mean.infer(frame, LEVEL), truth)
            aim = AIMS[4][0] if n >= 100 else ""
            case = f"lognormal, sigma {sigma:g}"
            yield line("money mean", case, n, frame, estimators.money_mean, truth, peer="t", peer_covers=t, aim=aim)


def by_customer(samples: int) -> Iterator[Line]:
    for n in (10, 20, 30, 50, 100):
        cases = [("share", f"{p:.0%}", estimators.proportion, p, draw.shares, (p,)) for p in (0.1, 0.3, 0.5, 0.9)]
        cases += [
            ("nps", f"promoters {u:.0%}, detractors {d:.0%}", estimators.net_promoters, u - d, draw.promoters, (u, d))
            for u, d in ((0.2, 0.1), (0.6, 0.1), (0.4, 0.3))
        ]
        cases.append(("mean", "normal", estimators.mean, 50, draw.means, ()))
        cases.append(("ratio", "gamma sizes", estimators.ratio, 0.5, draw.ratios, ()))
        aim = AIMS[5][0] if n == 100 else AIMS[6][0] if n >= moments.FEW_CLUSTERS else ""
        for i, (what, case, estimator, truth, drawn_by, given) in enumerate(cases):
            frame = drawn_by(generator(3, n, i), samples, n, *given, ALIKE)
            as_rows = covered(estimator.infer(of_rows(frame), LEVEL), truth) if what in ("share", "nps") else None
            peer = "by row" if as_rows is not None else ""
            yield line(f"{what} by customer", case, n, frame, estimator, truth, peer=peer, peer_covers=as_rows, aim=aim)


def of_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The same sample as if every row were somebody else."""
    return frame.assign(clusters=frame["n"])


def ratings(samples: int) -> Iterator[Line]:
    stars, samples = np.arange(1, 6), min(samples, 2_000)
    for n in (10, 30, 100):
        for i, (case, shares) in enumerate(J_SHAPED.items()):
            rng, truth = generator(4, n, i), float(np.dot(stars, shares))
            drawn = rng.multinomial(n, shares, samples)
            frame = draw.moments(np.array([np.repeat(stars, row) for row in drawn]))
            again = np.array([rng.multinomial(n, row / n, 999) @ stars / n for row in drawn])
            low, high = np.quantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
            boot = covered(pd.DataFrame({"low": low, "high": high}), truth)
            t = covered(estimators.mean.infer(frame, LEVEL), truth)
            ours = covered(estimators.mean_on_scale.infer(frame, LEVEL, (1, 5)), truth)
            yield Line("mean rating", case, n, ours, "bootstrap", boot, aim=AIMS[9][0])
            yield Line("mean rating by t", case, n, t, "bootstrap", boot)


def counts(samples: int) -> Iterator[Line]:
    for spans, unit in ((52, "weeks"), (12, "weeks"), (30, "days")):
        for i, mean in enumerate((0.2, 1, 5, 20)):
            for dispersion in (1, 2, 5, 26):
                frame = draw.counts(generator(5, spans, i, dispersion), samples, spans, mean, dispersion)
                poisson = frame.assign(ss=0.0)
                naive = covered(estimators.count.infer(poisson, LEVEL), mean * spans)
                bursts = mean * spans / dispersion
                case = f"{mean:g} a {unit[:-1]}, variance {dispersion} x mean"
                aim = AIMS[7][0] if bursts >= 10 else ""
                more = {"peer": "Poisson", "peer_covers": naive, "aim": aim}
                yield line(
                    f"count over {spans} {unit}",
                    case,
                    round(mean * spans),
                    frame,
                    estimators.count,
                    mean * spans,
                    **more,
                )


def differences(samples: int) -> Iterator[Line]:
    kinds = {
        "share, 90 and 80 %": (
            estimators.proportion,
            0.1,
            lambda r, now: np.where(r < (0.9 if now else 0.8), 1.0, 0.0),
        ),
        "share, both 50 %": (estimators.proportion, 0.0, lambda r, now: np.where(r < 0.5, 1.0, 0.0)),
        "nps": (
            estimators.net_promoters,
            -0.1,
            lambda r, now: np.where(r < (0.4 if now else 0.5), 1.0, -1.0 * (r > 0.7)),
        ),
        "mean": (estimators.mean, 3.0, lambda r, now: stats.norm.ppf(r) * (10 if now else 4) + 3 * now),
        "money mean": (estimators.money_mean, 0.0, lambda r, now: np.exp(stats.norm.ppf(r))),
    }
    samples = min(samples, 10_000)
    for n in (10, 30, 100):
        for overlap in (0, 0.5, 1):
            for i, (kind, (estimator, truth, value)) in enumerate(kinds.items()):
                halves = draw.two_periods(generator(6, n, int(10 * overlap), i), samples, n, overlap, 0.6, value)
                covers, naive = (compared(*halves[:2], c, estimator, truth) for c in (halves[2], 0 * halves[2]))
                case = f"{kind}, {overlap:.0%} in both"
                aim = AIMS[8][0] if n >= 30 else ""
                yield Line("difference", case, n, covers, "as if apart", naive, aim=aim)


def compared(now, before, correlation, estimator: estimators.Estimator, truth: float) -> float:
    told = [estimator.infer(half, LEVEL).assign(clusters=half["clusters"]) for half in (now, before)]
    return covered(moments.difference(*told, correlation, LEVEL, estimator.symmetric), truth)


def retained_revenue(samples: int) -> Iterator[Line]:
    """Customers who pay unequally (lognormal), some of whom leave, and some pay a fifth less."""
    samples = min(samples, 4_000)
    for n in (30, 100, 400):
        for i, sigma in enumerate((0, 0.8, 1.2)):
            for j, (leaves, shrinks) in enumerate(((0.02, 0.0), (0.05, 0.05), (0.0, 0.1), (0.15, 0.1))):
                frame = draw.retained(generator(7, n, i, j), samples, n, sigma, leaves, shrinks)
                truth = 1 - leaves - shrinks / 5
                hall = covered(estimators.money_mean.infer(frame, LEVEL), truth)
                case = f"fees sigma {sigma:g}, {leaves:.0%} leave, {shrinks:.0%} shrink"
                aim = AIMS[10][0] if n >= 100 else ""
                more = {"peer": "Hall", "peer_covers": hall, "aim": aim}
                yield line("gross revenue retention", case, n, frame, estimators.money_share, truth, **more)


TABLE = (rates, nps, money, by_customer, ratings, counts, differences, retained_revenue)


def within(covers: float, least: float, most: float) -> bool:
    """Whether a coverage keeps to an aim, to the digits that the aim is stated in."""
    digits = max(len(f"{limit:g}") - 2 for limit in (least, most))
    return least <= round(covers, digits) <= most


def judged(lines: list[Line]) -> list[dict]:
    """Each aim that the lines speak of, the least and most that its lines cover, and whether it is met."""
    told = []
    for name, least, most in AIMS:
        found = [each.covers for each in lines if each.aim == name]
        if found:
            met = all(within(covers, least, most) for covers in found)
            told.append({"aim": name, "met": met, "from": round(min(found), 4), "to": round(max(found), 4)})
    return told


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.coverage", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="about a minute: fewer samples")
    samples = 8_000 if parser.parse_args(arguments).quick else 20_000
    lines = []
    print(f"{'':<25}{'':<36}{'n':>5}{'covers':>8}{'marked':>8}  beside it")
    for part in TABLE:
        for each in part(samples):
            beside = f"{each.peer} {each.peer_covers:.3f}" if each.peer else ""
            marked = f"{each.marked:.0%}" if each.marked else ""
            print(f"{each.of:<25}{each.case:<36}{each.n:>5}{each.covers:>8.3f}{marked:>8}  {beside}", flush=True)
            lines.append(each)
    figures = {f"{each.of}, {each.case}, n {each.n}": round(each.covers, 4) for each in lines}
    peers = {f"{e.of}, {e.case}, n {e.n}": {e.peer: round(e.peer_covers, 4)} for e in lines if e.peer}
    aims = judged(lines)
    for aim in aims:
        print(f"{'met' if aim['met'] else 'NOT MET':<8}{aim['aim']} ({aim['from']} to {aim['to']})")
    print(
        json.dumps(
            {"benchmark": "coverage", "samples": samples, "figures": figures, "peer": peers, "ratios": {}, "aims": aims}
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
