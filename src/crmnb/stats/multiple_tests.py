"""Several tests at once: p-values after Holm, discoveries after Benjamini and Hochberg.

statsmodels is imported on the first call: that takes longer than many runs, which do not need it.
"""

import numpy as np


def holm(p_values) -> np.ndarray:
    """The p-values adjusted for their number, so that one of them is below 5% by chance in at most 5% of the cases.

    Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    from statsmodels.stats.multitest import multipletests

    return multipletests(p_values, method="holm")[1] if len(p_values) else np.empty(0)


def are_discoveries(p_values, false: float) -> np.ndarray:
    """Which tests stand out, if at most such a share of those that do may be false, on average.

    Benjamini & Hochberg 1995, JRSS-B 57:289.
    """
    from statsmodels.stats.multitest import multipletests

    return multipletests(p_values, alpha=false, method="fdr_bh")[0] if len(p_values) else np.empty(0, bool)
