"""Pages to send: a family's page from its executed notebook, the index of a client and period, the methodology.

A page is one file without script and without outside address; its policy forbids both, whatever a client's text says.
"""

from crmnb.page.catalogue import catalogue_page
from crmnb.page.family import family_page
from crmnb.page.index import Family, index_page

__all__ = ["Family", "catalogue_page", "family_page", "index_page"]
