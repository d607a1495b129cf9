"""Customers who are to be forgotten: nothing that names them is kept, only digests by which their rows are known and left out."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from crmnb.core.errors import InputError
from crmnb.core.files import write_atomic
from crmnb.schema.tables import Table

NAME = "forgotten.json"

# Of a test or an initiative the units may be customers. A visitor or a respondent has a number of another kind, where 7 is someone else.
_UNITS = ("unit_id", "unit")


@dataclass(frozen=True)
class ErasureList:
    """The salt of a client's list, and the salted SHA-256 (hexadecimal) of each key of a customer on it.

    Keys can be guessed, and whoever has the list can try them, so it lies in the private folder as the tables do.
    """

    salt: str = ""
    digests: tuple[str, ...] = ()

    def digest(self, key: str) -> str:
        """The digest that a customer's key has on this list."""
        return sha256((self.salt + key).encode()).hexdigest()


EMPTY_ERASURE_LIST = ErasureList()


def customer_key_columns(table: Table, mapped: Iterable[str]) -> list[str]:
    """Those of a table's mapped columns (ours) that hold the key of the customer whom a row is of."""
    return [name for name in mapped if name == "customer_id" or (name in _UNITS and name in table.by_name)]


def forgotten(private: Path) -> ErasureList:
    """The list in a client's private folder; NOBODY where there is none.

    Raises InputError for one that is damaged: read as empty, it would bring everybody on it back.
    """
    path = private / NAME
    try:
        said = json.loads(path.read_bytes())
        digests = tuple(said["digests"])
        if not all(isinstance(each, str) for each in (said["salt"], *digests)):
            raise TypeError
    except FileNotFoundError:
        return EMPTY_ERASURE_LIST
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{path}, the list of the customers who are to be forgotten, is damaged, so nobody can be left out. Put it back "
            "from a copy; or remove it, and name each of them again with `crmnb forget`."
        ) from None
    return ErasureList(said["salt"], digests)


def add_to_erasure_list(private: Path, key: str) -> None:
    """Put a customer's key on the list in a client's private folder, whole or not at all. Raises InputError as `forgotten`."""
    known = forgotten(private)
    known = known if known.salt else ErasureList(secrets.token_hex(16))
    said = {"salt": known.salt, "digests": sorted({*known.digests, known.digest(key)})}
    write_atomic(private / NAME, json.dumps(said, indent=1), flush=True)
