"""The record of a model's origin: <directory>.source.json, written by the task that created the model's directory.

pull-model-from-huggingface records the repository and commit; compress-model records those of the original model, and
how it was compressed.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from json_object import JsonObject
from task_support import TaskError


@dataclass(frozen=True)
class Origin:
    """A repository of the hub at a commit."""

    repository: str
    revision: str


@dataclass(frozen=True)
class Compression:
    scheme: str
    recipe: str
    recipe_digest: str
    calibration: str
    samples: int
    max_sequence_length: int
    # Digest of the original model's manifest.
    source_digest: str
    bytes_before: int
    bytes_after: int
    # By Python package.
    versions: dict[str, str]


def record_path(model: Path) -> Path:
    return model.with_name(model.name + ".source.json")


def read_record(model: Path) -> JsonObject:
    """The record; empty if there is none."""
    path = record_path(model)
    return json.loads(path.read_text()) if path.is_file() else {}


def write_record(model: Path, record: JsonObject) -> None:
    """Writes the record atomically."""
    path = record_path(model)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(record, indent=1))
    partial.replace(path)


def read_origin(model: Path) -> Origin | None:
    """The origin of a pulled model, or of the original of a compressed one; None if there is no record."""
    record = read_record(model)
    source = record.get("source") or record
    return Origin(source["repository"], source["revision"]) if "repository" in source else None


def read_compression(model: Path) -> Compression | None:
    """How a model was compressed; None if it was not."""
    record = read_record(model)
    if "results" not in record:
        return None
    inputs, results = record["inputs"], record["results"]
    return Compression(
        scheme=results["scheme"],
        recipe=record["recipe"],
        recipe_digest=results["recipe-digest"],
        calibration=results["calibration"],
        samples=inputs["samples"],
        max_sequence_length=inputs["maxSequenceLength"],
        source_digest=inputs["model"],
        bytes_before=int(results["bytes-before"]),
        bytes_after=int(results["bytes-after"]),
        versions=inputs["versions"],
    )


def check_origin(model: Path, repository: str, revision: str) -> None:
    """TaskError if the model comes from another repository or commit than the given ones; "" accepts any."""
    origin = read_origin(model)
    if origin and (repository or origin.repository, revision or origin.revision) != (
        origin.repository,
        origin.revision,
    ):
        raise TaskError(
            f"{model} comes from {origin.repository} at {origin.revision}, not from {repository} at {revision}:"
            " pull the intended one, or set the params to the one that is there"
        )
