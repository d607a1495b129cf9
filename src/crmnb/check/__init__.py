"""Check: what a client's data are, before anything is computed: read, set aside, linked, enough for which metrics, and changed how."""

from crmnb.check.checking import check
from crmnb.check.found import Checked
from crmnb.check.taking import take_in
from crmnb.check.told import as_data, as_text, parts_of

__all__ = ["Checked", "as_data", "as_text", "check", "parts_of", "take_in"]
