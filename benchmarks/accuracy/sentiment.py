"""How often is the sentiment of texts with human scores classified right? python -m benchmarks.accuracy.sentiment

VADER, and a regression learned from labels (cross-validated), on the product-review snippets and tweets of Hutto & Gilbert 2014 in
../shared/data/vader_ground_truth. Human scores, divided by 4, are neutral within the limits of scores. Second table: the
net sentiment of 1,000 texts of which 300 are labelled, with its correction: how often its interval contains the net sentiment of all human labels,
in samples drawn again. The last line is JSON. `--quick` draws fewer.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.feedback import net_sentiment
from crmnb.stats.text.sentiment import Accuracy, accuracy, classes_of, learned_classes, misclassified, vader_scores

FOLDER = Path(__file__).parents[2] / "../shared/data/vader_ground_truth"
FILES = {"product-review snippets": "amazonReviewSnippets_GroundTruth.txt", "tweets": "tweets_GroundTruth.txt"}
TEXTS, LABELLED, LEVEL = 1_000, 300, 0.95


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200 samples rather than 2,000")
    samples = 200 if parser.parse_args().quick else 2_000
    if not FOLDER.exists():
        print(f"{FOLDER} is not there: the texts with human scores are not part of the project.", file=sys.stderr)
        return 2
    figures = {}
    for name in FILES:
        texts, labels = human_labels(name)
        classes = classes_of(vader_scores(texts))
        _, learned = learned_classes([], texts, labels)
        by_vader, by_labels = (accuracy(misclassified(labels, of), LEVEL) for of in (classes, learned))
        coverage = covered(labels, classes, samples)
        print(f"{name}: VADER {words(by_vader)}; learned {words(by_labels)}")
        print(f"  net sentiment: interval holds {coverage[True]:.1%} corrected, {coverage[False]:.1%} not corrected")
        figures[name] = {"vader": by_vader.value, "learned": by_labels.value, "n": by_vader.n}
        figures[name] |= {"coverage": coverage[True], "coverage_not_corrected": coverage[False]}
    print(json.dumps(figures))
    return 0 if all(own["coverage"] >= 0.92 for own in figures.values()) else 1


def words(share: Accuracy) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%}) of {share.n:,}, most frequent label {share.most_frequent:.1%}"


def human_labels(name: str) -> tuple[list[str], np.ndarray]:
    """The texts of a file, and the class of their mean human score."""
    lines = (FOLDER / FILES[name]).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t", 2) for line in lines if line.count("\t") >= 2]
    return [text for _, _, text in rows], classes_of(np.array([float(score) for _, score, _ in rows]) / 4)


def covered(labels: np.ndarray, classes: np.ndarray, samples: int) -> dict[bool, float]:
    """How often the interval of a sample holds the net sentiment of all labels, with and without the correction."""
    rng, held, true = np.random.default_rng(3), {True: 0, False: 0}, 100 * labels.mean()
    for _ in range(samples):
        chosen = rng.integers(0, len(labels), TEXTS)
        seen = chosen[:LABELLED]
        sample = misclassified(labels[seen], classes[seen])
        counts = pd.DataFrame({"sentiment_class": classes[chosen], "fold": np.arange(TEXTS), "n": 1.0})
        group = GroupedCounts("current", "", "", "", counts, float(TEXTS))
        for corrected in held:
            settings = {"sentiment_source": "vader", "misclassified": tuple(sample.ravel()) if corrected else ()}
            (row,) = net_sentiment([group], EstimationContext(LEVEL, settings)).rows
            held[corrected] += row["low"] <= true <= row["high"]
    return {corrected: count / samples for corrected, count in held.items()}


if __name__ == "__main__":
    sys.exit(main())
