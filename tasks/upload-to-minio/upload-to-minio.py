"""Syncs a prefix of an S3 bucket with a downloaded model, and verifies it.

Equal objects are kept, others are streamed from the workspace, and objects that the model does not have are removed
last. Objects are compared by the file's sha256 in their metadata.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from manifest import read_manifest
from minio import Minio
from minio.deleteobjects import DeleteObject
from object_store import Bucket, connect, explain, read_bucket
from task_support import Parameters, TaskError, progress, run, size, write_result

PART_SIZE = 64 << 20
PARALLEL_PARTS = 2  # each holds a part in memory
SHA256_METADATA = "sha256"


@dataclass(frozen=True)
class Target:
    store: Bucket
    prefix: str  # without slashes at its ends

    @property
    def bucket(self) -> str:
        return self.store.name

    def key(self, path: str) -> str:
        return f"{self.prefix}/{path}"

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}/"


def read_parameters() -> tuple[Target, Path, str]:
    parameters = Parameters()
    target = Target(
        store=read_bucket(parameters),
        # With an empty prefix every other model in the bucket would be stale.
        prefix=parameters.required("S3_PREFIX", r"/*[^/].*", "a prefix that is not empty").strip("/"),
    )
    directory = parameters.directory("MODEL_DIRECTORY")
    digest = parameters.optional("MANIFEST_DIGEST")
    parameters.check()
    return target, directory, digest


class CountingReader:
    """Reads a file for an upload, with the number of bytes read and their sha256."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()
        self.count = 0

    def read(self, length: int = -1) -> bytes:
        data = self._stream.read(length)
        self._sha256.update(data)
        self.count += len(data)
        return data

    def sha256(self) -> str:
        return self._sha256.hexdigest()


def present_sizes(client: Minio, target: Target) -> dict[str, int]:
    """Size by path below the prefix."""
    objects = client.list_objects(target.bucket, prefix=target.key(""), recursive=True)
    return {item.object_name.removeprefix(target.key("")): item.size for item in objects}


def is_equal(client: Minio, target: Target, path: str, length: int, sha256: str) -> bool:
    found = client.stat_object(target.bucket, target.key(path))
    return found.size == length and (found.metadata or {}).get(f"x-amz-meta-{SHA256_METADATA}") == sha256


def upload_file(client: Minio, target: Target, file: Path, path: str, sha256: str) -> None:
    length = file.stat().st_size
    with file.open("rb") as stream:
        reader = CountingReader(stream)
        with progress(path, length, lambda: reader.count):
            client.put_object(
                target.bucket,
                target.key(path),
                reader,
                length,
                metadata={SHA256_METADATA: sha256},
                part_size=PART_SIZE,
                num_parallel_uploads=PARALLEL_PARTS,
            )
    if reader.sha256() != sha256 or not is_equal(client, target, path, length, sha256):
        client.remove_object(target.bucket, target.key(path))
        raise TaskError(f"{file} differs from its manifest, so its object was removed: run the pull task again")


def remove_stale(client: Minio, target: Target, paths: list[str]) -> None:
    for path in paths:
        print(f"removing {path}, which the model does not have", flush=True)
    stale = (DeleteObject(target.key(path)) for path in paths)
    failures = list(client.remove_objects(target.bucket, stale))
    if failures:
        raise TaskError(f"{failures[0].name} of bucket {target.bucket} cannot be removed: {failures[0].message}")


def upload(target: Target, directory: Path, expected_digest: str) -> None:
    digests, digest = read_manifest(directory)
    if expected_digest and digest != expected_digest:
        raise TaskError(f"{directory} has manifest {digest}, but MANIFEST_DIGEST is {expected_digest}")
    missing = [path for path in digests if not (directory / path).is_file()]
    if missing:
        raise TaskError(f"{directory} lacks {', '.join(missing)}: run the pull task again")
    lengths = {path: (directory / path).stat().st_size for path in digests}
    print(f"{len(digests)} files, {size(sum(lengths.values()))} to {target.uri} at {target.store.endpoint}", flush=True)

    client = connect(target.store)
    present = present_sizes(client, target)
    uploaded = 0
    for path, sha256 in digests.items():
        if present.get(path) == lengths[path] and is_equal(client, target, path, lengths[path], sha256):
            print(f"{path}: equal", flush=True)
            continue
        upload_file(client, target, directory / path, path, sha256)
        uploaded += lengths[path]
        print(f"{path}: uploaded {size(lengths[path])}", flush=True)
    remove_stale(client, target, sorted(set(present) - set(digests)))
    write_result("storage-uri", target.uri)
    write_result("uploaded-bytes", uploaded)
    write_result("total-bytes", sum(lengths.values()))


def main() -> None:
    target, directory, expected_digest = read_parameters()
    try:
        upload(target, directory, expected_digest)
    except TaskError:
        raise
    except Exception as error:
        message = explain(target.store, target.prefix, error)
        if message is None:
            raise
        raise TaskError(message) from error


if __name__ == "__main__":
    run(main)
