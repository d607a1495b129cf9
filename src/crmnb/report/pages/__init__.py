"""Pages to send: a family's page from its executed notebook, the index of a client and period, the methodology.

A page is one file without script and without outside address; its policy forbids both, whatever a client's text says.
"""

from crmnb.core.lazy_imports import lazy_getattr

_WHERE = {
    "Entry": "data_check",
    "Family": "index",
    "Part": "data_check",
    "catalogue_page": "catalogue",
    "check_page": "data_check",
    "index_page": "index",
    "methodology_pages": "catalogue",
    "monitoring_page": "monitoring",
    "quarantine_page": "quarantine",
}

__all__ = list(_WHERE)
__getattr__ = lazy_getattr(__name__, _WHERE)
