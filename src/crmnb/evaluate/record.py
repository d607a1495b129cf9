"""The record of a stored evaluation: what it was made of, whose it is, and whether its files are as they were written."""

import json
from hashlib import file_digest, sha256
from pathlib import Path

from crmnb.client import Client
from crmnb.period import Period

RECORD = "evaluation.json"
PARTS = ("rows.parquet", "points.parquet", "facts.json")  # the files of a family, after its name


def key_of(folder: Path) -> str:
    """The key of the evaluation that a folder holds; "" where there is none."""
    return _record(folder).get("key", "")


def digests(folder: Path, key: str) -> dict[str, str] | None:
    """Of a stored evaluation with this key, the digest of each family's results; None where it is absent, other or damaged."""
    record = _record(folder)
    if record.get("key") != key:
        return None
    families = record.get("families", {})
    whole = all(digest(folder, name) == recorded for name, recorded in families.items())
    return families if whole else None


def holds(folder: Path, family_name: str, client: Client, period: Period) -> bool:
    """Whether a folder holds the results of a family of that client and period."""
    record = _record(folder)
    same = (record.get("client"), record.get("period")) == (client.id, period.label)
    return same and family_name in record.get("families", {})


def _record(folder: Path) -> dict:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def digest(folder: Path, family_name: str) -> str:
    """The digest of what is kept of a family; "" where some of it is missing."""
    total = sha256()
    for part in PARTS:
        try:
            with (folder / f"{family_name}.{part}").open("rb") as file:
                total.update(file_digest(file, "sha256").digest())
        except OSError:
            return ""
    return total.hexdigest()
