"""The layers of a ModelCar: byte for byte those of OLOT for files whose times are zero, made while they are sent.

OLOT itself writes every layer to the disk first, a second copy of the model, with the file's own times in it, so that
the same model gives another digest each time.
"""

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from olot import constants
from olot.utils.files import tar_filter_fn
from task_support import TaskError

PIECE_SIZE = 32 << 20
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
CREATED_BY = "olot oci_layers_on_top "
EPOCH = "1970-01-01T00:00:00Z"

Descriptor = dict[str, object]


class Layer:
    """The tar of one file, in pieces; knows its own digest and the file's after the last piece.

    Both sums are computed beside the sending, which is as fast as the slowest of the three.
    """

    def __init__(self, file: Path, path: str) -> None:
        self.file, self.path = file, path
        self.size = 0
        self._tar, self._content = hashlib.sha256(), hashlib.sha256()

    def pieces(self) -> Iterator[bytes]:
        """Reads the file. It starts anew when it is called again."""
        self.size, self._tar, self._content = 0, hashlib.sha256(), hashlib.sha256()
        length = self.file.stat().st_size
        with self.file.open("rb") as stream, ThreadPoolExecutor(2) as sums:
            pending: list[Future[None]] = []
            for piece, content in framed(stream_pieces(stream, length, self.file), tar_header(self.path, length)):
                for future in pending:
                    future.result()
                pending = [sums.submit(self._tar.update, piece), sums.submit(self._content.update, content)]
                self.size += len(piece)
                yield piece

    def digest(self) -> str:
        return "sha256:" + self._tar.hexdigest()

    def content_sha256(self) -> str:
        return self._content.hexdigest()


def stream_pieces(stream, length: int, file: Path) -> Iterator[bytes]:
    """Exactly the file's length, which the tar header says already."""
    left = length
    while left > 0:
        data = stream.read(min(PIECE_SIZE, left))
        if not data:
            raise TaskError(f"{file} became shorter while it was read: nothing else may write to the workspace")
        left -= len(data)
        yield data


def framed(contents: Iterator[bytes], header: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Pieces of the tar, each with what of it is the file's content."""
    head, written = header, 0
    for content in contents:
        written += len(head) + len(content)
        yield head + content, content
        head = b""
    end = written + len(head)
    end += -end % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE
    end += -end % tarfile.RECORDSIZE
    yield head + bytes(end - written - len(head)), b""


def tar_header(path: str, length: int) -> bytes:
    """GNU format, as OLOT's: Clair misreads the PAX sizes of files above 8 GiB. Readable for every user and group 0."""
    member = tarfile.TarInfo(f"models/{path}")
    member.size = length
    return tar_filter_fn(member).tobuf(tarfile.GNU_FORMAT)


def model_card_layer(file: Path) -> tuple[bytes, str]:
    """The compressed layer of a README.md, and the digest of what it unpacks to."""
    layer = Layer(file, file.name)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as stream:
        stream.writelines(layer.pieces())
    return packed.getvalue(), layer.digest()


def descriptor(path: str, digest: str, size: int, content_sha256: str, *, model_card: bool = False) -> Descriptor:
    """A layer in the manifest, with OLOT's annotations."""
    name = os.path.basename(path)
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
    """A layer in the image's history; the time is fixed, so that the same model is the same image."""
    created_by = CREATED_BY + os.path.basename(path) + (" (modelcard)" if model_card else "")
    return {"created": EPOCH, "created_by": created_by}
