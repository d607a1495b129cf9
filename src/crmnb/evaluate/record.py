"""The record of a stored evaluation: what it was made of, whose it is, and whether its files are as they were written."""

from hashlib import sha256
from pathlib import Path

from crmnb.core.checksum import damaged_files, read_json, seal, sealed_checksums, write_json
from crmnb.core.period import Period
from crmnb.schema.client import Client

_RECORD = "evaluation.json"
PARTS = ("rows.parquet", "points.parquet", "facts.json")  # the files of a family, after its name


def write_record(folder: Path, key: str, client: Client, period: Period, families: list[str]) -> None:
    """Write what the folder holds: `key` stands for all that the results were computed from. Nothing is added afterwards."""
    write_json(folder / _RECORD, {"key": key, "client": client.id, "period": period.label, "families": families})
    seal(folder)


def key_of(folder: Path) -> str:
    """The key of the evaluation that a folder holds; "" where there is none."""
    return _record(folder).get("key", "")


def digests(folder: Path, key: str) -> dict[str, str] | None:
    """Of a stored evaluation with this key, the digest of each family's results; None where it is absent, other or damaged."""
    record = _record(folder)
    if record.get("key") != key or damaged_files(folder):
        return None
    checksums = sealed_checksums(folder) or {}
    return {
        name: sha256("".join(checksums[f"{name}.{part}"] for part in PARTS).encode()).hexdigest()
        for name in record["families"]
    }


def holds(folder: Path, family_name: str, client: Client, period: Period) -> bool:
    """Whether a folder holds the results of a family of that client and period."""
    record = _record(folder)
    same = (record.get("client"), record.get("period")) == (client.id, period.label)
    return same and family_name in record["families"]


def _record(folder: Path) -> dict:
    return read_json(folder / _RECORD) or {}
