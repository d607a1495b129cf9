"""Check: what a client's data are, before anything is computed: read, set aside, linked, enough for which metrics, and changed how."""

from crmnb.lazily import lazily

_WHERE = {
    "Checked": "found",
    "as_data": "told",
    "as_text": "told",
    "check": "checking",
    "parts_of": "told",
    "take_in": "taking",
}

__all__ = list(_WHERE)
__getattr__ = lazily(__name__, _WHERE)
