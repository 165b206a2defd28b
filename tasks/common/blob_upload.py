"""Uploads blobs to a registry: whole and streamed if the registry accepts that, else in chunks within its limits.

Known limits: GHCR refuses chunks above 4 MiB with 416 (oras-project/rust-oci-client#35), ECR refuses chunks below 5 MiB
except the last (dotnet/sdk-container-builds#424), Google's registries refuse every chunk (kitops-ml/kitops#777), and
proxies refuse long bodies with 413 or cut them off.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from blobs import Blob
from registry_client import ATTEMPTS, RegistryClient
from task_support import TaskError, size
from upload_session import Differs, Interrupted, Refused, Upload, has_blob

# The first is above ECR's minimum, the second is GHCR's maximum.
CHUNK_SIZES = (8 << 20, 4 << 20, 1 << 20)
# A chunk that is too large may be cut off without an answer.
ATTEMPTS_AT_FIRST = 2
MOST_SECONDS_TO_WAIT = 60


class Uploads:
    """Sends blobs to one repository, and remembers for the next blob what the registry accepts."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._started: Upload | None = None
        self._chunk_sizes: tuple[int, ...] = CHUNK_SIZES
        self._least_in_chunks = float("inf")

    def push(self, blob: Blob, mount_from: str = "") -> None:
        """Sends a blob, unless the registry can mount it from its repository `mount_from`."""
        if mount_from and self._mount(blob.digest, mount_from):
            return
        whole, chunks = self._send_whole, self._send_in_chunks
        # A blob that is cut off twice may be too long for a proxy, which does not say so.
        ways = [whole, whole, chunks, whole, chunks] if blob.size < self._least_in_chunks else [chunks, chunks, whole]
        if blob.size == 0:
            # An empty blob has no chunks.
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
                if way == chunks:
                    self._least_in_chunks = min(self._least_in_chunks, blob.size)
                return
        if interrupted:
            raise TaskError(f"{interrupted}: run the task again")
        reasons = "; ".join(dict.fromkeys(map(str, refused.values())))
        raise (Differs if any(isinstance(each, Differs) for each in refused.values()) else TaskError)(reasons)

    def _mount(self, digest: str, repository: str) -> bool:
        """Returns whether the blob is mounted. A mount only saves sending, so after any error the blob is sent.

        Registries answer 401, 403 or 404 if the login may not read the other repository (go-containerregistry#724,
        oras#1924).
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
        """The upload that the registry started instead of a mount, or a new one."""
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

    def _send_in_chunks(self, blob: Blob) -> None:
        """Starts again with smaller chunks as long as the first one is refused."""
        failures: list[TaskError] = []
        for number, usual in enumerate(self._chunk_sizes):
            try:
                with self._upload() as upload:
                    self._send_chunks(blob, upload, max(min(usual, upload.most or usual), upload.least))
            except FirstFailed as error:
                failures.append(error.failure)
                continue
            self._chunk_sizes = self._chunk_sizes[number:]
            return
        raise failures[0]

    def _send_chunks(self, blob: Blob, upload: Upload, chunk_size: int) -> None:
        print(f"{self._client.image}: sending {size(blob.size)} in chunks of {size(chunk_size)}", flush=True)
        for start in range(0, blob.size, chunk_size):
            try:
                self._send_chunk(blob, upload, start, min(start + chunk_size, blob.size))
            except (Refused, Interrupted) as error:
                if start == 0 and not isinstance(error, Differs):
                    raise FirstFailed(error) from error
                raise

    def _send_chunk(self, blob: Blob, upload: Upload, start: int, end: int) -> None:
        """Sends one chunk, and sends it again as long as the registry says that it does not have it."""
        failure: TaskError
        for attempt in range(ATTEMPTS if start else ATTEMPTS_AT_FIRST):
            try:
                return upload.finish(blob, start) if end == blob.size else upload.send(blob, start, end)
            except Refused as error:
                # 416: the registry has more or fewer bytes than this client assumes.
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
    """The first chunk was refused; a smaller one may be accepted."""

    def __init__(self, failure: TaskError) -> None:
        super().__init__(str(failure))
        self.failure = failure


def pause(attempt: int, failure: TaskError) -> None:
    seconds = failure.seconds if isinstance(failure, Interrupted) else 0
    time.sleep(min(seconds or 0.5 * 2**attempt, MOST_SECONDS_TO_WAIT))
