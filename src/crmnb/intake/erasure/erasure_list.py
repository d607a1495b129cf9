"""The erasure list: customers whose rows every import excludes. It holds no names, only digests of customer keys."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from crmnb.core.errors import InputError
from crmnb.core.files import write_atomic
from crmnb.schema.tables import Table

FILE_NAME = "forgotten.json"  # unchanged: under another name the existing lists would not be read

# The units of a test or an initiative may be customers, and so may records that were audited. Visitors and respondents are numbered otherwise: 7 is another person.
_UNITS = ("unit_id", "unit", "record_key")


@dataclass(frozen=True)
class ErasureList:
    """The salt of a client's list, and the salted SHA-256 (hexadecimal) of each erased customer's key.

    Keys can be guessed and tried by whoever has the list, so it is stored in the private folder, as the tables are.
    """

    salt: str = ""
    digests: tuple[str, ...] = ()

    def digest(self, key: str) -> str:
        """The digest of a customer key on this list."""
        return sha256((self.salt + key).encode()).hexdigest()


EMPTY_ERASURE_LIST = ErasureList()


def customer_key_columns(table: Table, mapped: Iterable[str]) -> list[str]:
    """The mapped columns of a table that hold the key of the customer whom a row belongs to."""
    return [name for name in mapped if name == "customer_id" or (name in _UNITS and name in table.by_name)]


def read_erasure_list(private: Path) -> ErasureList:
    """The list in a client's private folder; EMPTY_ERASURE_LIST if there is none.

    Raises InputError for a damaged list: read as empty, it would import all erased customers again.
    """
    path = private / FILE_NAME
    try:
        content = json.loads(path.read_bytes())
        digests = tuple(content["digests"])
        if not all(isinstance(text, str) for text in (content["salt"], *digests)):
            raise TypeError
    except FileNotFoundError:
        return EMPTY_ERASURE_LIST
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{path}: the erasure list is damaged, so erased customers cannot be excluded. Restore it from a backup; or "
            "delete it, and erase each customer again with `crmnb forget`."
        ) from None
    return ErasureList(content["salt"], digests)


def add_to_erasure_list(private: Path, key: str) -> None:
    """Add a customer's key to the list in a client's private folder (atomic). Raises InputError as `read_erasure_list`."""
    current = read_erasure_list(private)
    current = current if current.salt else ErasureList(secrets.token_hex(16))
    content = {"salt": current.salt, "digests": sorted({*current.digests, current.digest(key)})}
    write_atomic(private / FILE_NAME, json.dumps(content, indent=1), flush=True)
