"""The layers of a ModelCar, built while they are sent: byte for byte those of OLOT for files with zero timestamps.

OLOT itself first writes every layer to disk, a second copy of the model, with the files' own timestamps, so the same
model has another digest each time.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from blobs import digest_of
from json_object import JsonObject
from olot import constants
from olot.utils.files import tar_filter_fn
from task_support import TaskError

PART_SIZE = 4 << 20
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
CREATED_BY = "olot oci_layers_on_top "
EPOCH = "1970-01-01T00:00:00Z"

Descriptor = JsonObject


class Layer:
    """The tar of one file, as a blob. It is read once for its digest, which registries need before a whole blob, and
    once more to be sent."""

    def __init__(self, file: Path, path: str, digest: str = "") -> None:
        """`digest` is the tar's, if known; otherwise call compute() before reading it."""
        self.file, self.path, self.digest = file, path, digest
        # Bytes of the tar that were read.
        self.position = 0
        self._length = file.stat().st_size
        self._header = tar_header(path, self._length)
        end = len(self._header) + self._length
        end += -end % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE
        self.size = end + -end % tarfile.RECORDSIZE

    def compute(self) -> str:
        """Computes the digest of the tar, and returns the SHA-256 of the file. Both hashes run in parallel."""
        tar, content = hashlib.sha256(), hashlib.sha256()
        with ThreadPoolExecutor(2) as sums:
            pending: list[Future[None]] = []
            for part, is_content in self._parts(0):
                for future in pending:
                    future.result()
                pending = [sums.submit(tar.update, part)]
                pending += [sums.submit(content.update, part)] if is_content else []
        self.digest = "sha256:" + tar.hexdigest()
        return content.hexdigest()

    def read(self, start: int = 0) -> Generator[bytes]:
        for part, _ in self._parts(start):
            yield part

    def _parts(self, start: int) -> Generator[tuple[bytes, bool]]:
        """The tar from a byte on in parts, each with whether it is the file's content."""
        self.position = start
        for part, is_content in self._framed(start):
            self.position += len(part)
            yield part, is_content

    def _framed(self, start: int) -> Generator[tuple[bytes, bool]]:
        if start < len(self._header):
            yield self._header[start:], False
        with self.file.open("rb") as stream:
            skipped = min(max(start - len(self._header), 0), self._length)
            stream.seek(skipped)
            for part in stream_parts(stream, self._length - skipped, self.file):
                yield part, True
        yield bytes(self.size - max(start, len(self._header) + self._length)), False


def stream_parts(stream: BinaryIO, length: int, file: Path) -> Generator[bytes]:
    """Yields exactly `length` bytes, as the tar header declares."""
    left = length
    while left > 0:
        data = stream.read(min(PART_SIZE, left))
        if not data:
            raise TaskError(f"{file} was truncated while it was read: nothing else may write to the workspace")
        left -= len(data)
        yield data


def tar_header(path: str, length: int) -> bytes:
    """In GNU format like OLOT's, because Clair misreads PAX sizes of files above 8 GiB. Readable by all."""
    member = tarfile.TarInfo(f"models/{path}")
    member.size = length
    header: bytes = tar_filter_fn(member).tobuf(tarfile.GNU_FORMAT)
    return header


def model_card_layer(file: Path) -> tuple[bytes, str]:
    """The compressed layer of a README.md, and the digest of its uncompressed content."""
    content = b"".join(Layer(file, file.name).read())
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as stream:
        stream.write(content)
    return packed.getvalue(), digest_of(content)


def descriptor(path: str, digest: str, size: int, content_sha256: str, *, model_card: bool = False) -> Descriptor:
    """A layer in the manifest, with OLOT's annotations."""
    name = PurePosixPath(path).name
    return {
        "mediaType": LAYER_TYPE + ("+gzip" if model_card else ""),
        "digest": digest,
        "size": size,
        "annotations": {
            "org.opencontainers.image.title": name,
            **({"io.opendatahub.modelcar.layer.type": "modelcard"} if model_card else {}),
            constants.ANNOTATION_LAYER_CONTENT_DIGEST: f"sha256:{content_sha256}",
            constants.ANNOTATION_LAYER_CONTENT_TYPE: "file",
            constants.ANNOTATION_LAYER_CONTENT_INLAYERPATH: f"/models/{path}",
            constants.ANNOTATION_LAYER_CONTENT_NAME: name,
        },
    }


def history(path: str, *, model_card: bool = False) -> dict[str, str]:
    """A layer's entry in the image's history, with a fixed time so that the same model gives the same image."""
    created_by = CREATED_BY + PurePosixPath(path).name + (" (modelcard)" if model_card else "")
    return {"created": EPOCH, "created_by": created_by}
