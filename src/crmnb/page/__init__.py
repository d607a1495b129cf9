"""Pages to send: a family's page from its executed notebook, the index of a client and period, the methodology.

A page is one file without script and without outside address; its policy forbids both, whatever a client's text says.
"""

from crmnb.page.catalogue import catalogue_page
from crmnb.page.check import Entry, Part, check_page
from crmnb.page.family import family_page
from crmnb.page.index import Family, index_page
from crmnb.page.quarantine import quarantine_page

__all__ = [
    "Entry",
    "Family",
    "Part",
    "catalogue_page",
    "check_page",
    "family_page",
    "index_page",
    "quarantine_page",
]
