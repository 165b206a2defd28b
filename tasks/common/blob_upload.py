"""How blobs get into a registry: whole and streamed where it takes them so, else in pieces by its own limits.

What was met: GHCR refuses pieces above 4 MiB with 416 (oras-project/rust-oci-client#35), ECR pieces below 5 MiB but the last
(dotnet/sdk-container-builds#424), Google's registries every piece (kitops-ml/kitops#777), and proxies refuse long bodies with
413 or cut them off.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from blobs import Blob
from registry_client import ATTEMPTS, RegistryClient
from task_support import TaskError, size
from upload_session import Differs, Interrupted, Refused, Upload, has_blob

# The first is above ECR's least, the second GHCR's most.
PIECE_SIZES = (8 << 20, 4 << 20, 1 << 20)
# What is too large may be cut off without an answer.
ATTEMPTS_AT_FIRST = 2
MOST_SECONDS_TO_WAIT = 60


class Uploads:
    """Sends blobs to one repository, and remembers for the next one how the registry takes them."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._started: Upload | None = None
        self._piece_sizes: tuple[int, ...] = PIECE_SIZES
        self._least_in_pieces = float("inf")

    def push(self, blob: Blob, mount_from: str = "") -> None:
        """Sends a blob, unless the registry takes it over from that other repository of its own."""
        if mount_from and self._mount(blob.digest, mount_from):
            return
        whole, pieces = self._send_whole, self._send_in_pieces
        # What is cut off twice may be too long for a proxy, which does not say so.
        ways = [whole, whole, pieces, whole, pieces] if blob.size < self._least_in_pieces else [pieces, pieces, whole]
        if blob.size == 0:
            # Nothing can be cut into pieces.
            ways = [whole] * 3
        refused: dict[object, Refused] = {}
        interrupted: Interrupted | None = None
        for attempt, way in enumerate(ways):
            if way in refused:
                continue
            if interrupted:
                pause(attempt, interrupted)
                if has_blob(self._client, blob.digest):
                    return
            try:
                way(blob)
            except Refused as error:
                refused[way] = error
            except Interrupted as error:
                interrupted = error
            else:
                if way == pieces:
                    self._least_in_pieces = min(self._least_in_pieces, blob.size)
                return
        if interrupted:
            raise TaskError(f"{interrupted}: run the task again")
        reasons = "; ".join(dict.fromkeys(map(str, refused.values())))
        raise (Differs if any(isinstance(each, Differs) for each in refused.values()) else TaskError)(reasons)

    def _mount(self, digest: str, repository: str) -> bool:
        """Whether it is there now. It only saves sending, so whatever goes wrong with it, the blob is sent.

        Registries answer 401, 403 or 404 if the other repository is not to be read (go-containerregistry#724, oras#1924).
        """
        try:
            response = self._client.request("POST", f"blobs/uploads/?mount={digest}&from={repository}")
            if response.status_code == 202:
                self._started = Upload(self._client, response)
        except (TaskError, requests.RequestException):
            return False
        return response.status_code == 201

    @contextmanager
    def _upload(self) -> Iterator[Upload]:
        """The upload that a mount became, or a new one."""
        upload, self._started = self._started, None
        if upload is None:
            upload = Upload(self._client, self._client.ask("POST", "blobs/uploads/", (202,)))
        try:
            yield upload
        except TaskError:
            upload.cancel()
            raise

    def _send_whole(self, blob: Blob) -> None:
        with self._upload() as upload:
            if upload.most and blob.size > upload.most:
                raise Refused(f"{self._client.image} takes only {size(upload.most)} at once")
            upload.finish(blob)

    def _send_in_pieces(self, blob: Blob) -> None:
        """Begins again with smaller pieces as long as the first one is not taken."""
        failures: list[TaskError] = []
        for number, usual in enumerate(self._piece_sizes):
            try:
                with self._upload() as upload:
                    self._send_pieces(blob, upload, max(min(usual, upload.most or usual), upload.least))
            except FirstFailed as error:
                failures.append(error.failure)
                continue
            self._piece_sizes = self._piece_sizes[number:]
            return
        raise failures[0]

    def _send_pieces(self, blob: Blob, upload: Upload, piece_size: int) -> None:
        print(f"{self._client.image}: {size(blob.size)} go in pieces of {size(piece_size)}", flush=True)
        for start in range(0, blob.size, piece_size):
            try:
                self._send_piece(blob, upload, start, min(start + piece_size, blob.size))
            except (Refused, Interrupted) as error:
                if start == 0 and not isinstance(error, Differs):
                    raise FirstFailed(error) from error
                raise

    def _send_piece(self, blob: Blob, upload: Upload, start: int, end: int) -> None:
        """Sends one piece, and again as long as the registry says that it does not have it."""
        failure: TaskError
        for attempt in range(ATTEMPTS if start else ATTEMPTS_AT_FIRST):
            try:
                return upload.finish(blob, start) if end == blob.size else upload.send(blob, start, end)
            except Refused as error:
                # 416 says that the registry has less or more than this client thinks.
                if start == 0 or error.status != 416:
                    raise
                failure = error
            except Interrupted as error:
                failure = error
            pause(attempt, failure)
            received = upload.received()
            if end < blob.size and received in (end, end + 1):
                return None
            if received not in (start, start + 1):
                if end == blob.size and has_blob(self._client, blob.digest):
                    return None
                break
        raise Interrupted(str(failure))


class FirstFailed(TaskError):
    """Already the first piece is not taken, which a smaller one may be."""

    def __init__(self, failure: TaskError) -> None:
        super().__init__(str(failure))
        self.failure = failure


def pause(attempt: int, failure: TaskError) -> None:
    seconds = failure.seconds if isinstance(failure, Interrupted) else 0
    time.sleep(min(seconds or 0.5 * 2**attempt, MOST_SECONDS_TO_WAIT))
