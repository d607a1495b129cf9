"""Metrics: what a metric is, how it is measured, and the metric families."""

import sys

from crmnb.core.errors import DOCSTRINGS_MISSING, InputError

if sys.flags.optimize > 1:  # before anything that takes time to import
    raise InputError(DOCSTRINGS_MISSING)
