"""Blobs to upload: their digest and size are known, and they can be read repeatedly from any byte."""

import hashlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from task_support import TaskError


class Blob(Protocol):
    @property
    def digest(self) -> str: ...

    @property
    def size(self) -> int:
        """In bytes."""

    def read(self, start: int = 0) -> Generator[bytes]:
        """Yields its bytes from `start`, in parts that fit into memory."""


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Content:
    """A blob in memory."""

    content: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.content)

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, start: int = 0) -> Generator[bytes]:
        yield self.content[start:]


class Body:
    """A blob's bytes from `start` up to, not including, `end` as a streamed request body of known length."""

    def __init__(self, blob: Blob, start: int, end: int) -> None:
        self._blob, self._start, self._end = blob, start, end

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Generator[bytes]:
        left = len(self)
        with closing(self._blob.read(self._start)) as parts:
            for part in parts:
                yield part[:left]
                left -= min(left, len(part))
                if left == 0:
                    return
        raise TaskError(f"{self._blob.digest} ended {left} bytes before its end")
