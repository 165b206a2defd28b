"""One upload session of a registry: what to send, and what the answers mean."""

import re
import ssl
from contextlib import suppress

import requests
from blobs import Blob, Body
from certificates import explain_certificate
from registry_client import RegistryClient, reason
from task_support import TaskError

# Answers after which a new upload may succeed: the old one is lost, or the server is busy.
PASSING = (404, 408, 410, 425, 429)


class Refused(TaskError):
    """The registry does not accept a blob in this way."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Interrupted(TaskError):
    """A retry may succeed, after the number of seconds that the registry asks for."""

    def __init__(self, message: str, seconds: int = 0) -> None:
        super().__init__(message)
        self.seconds = seconds


class Differs(Refused):
    """The received content does not match the digest: it differs, or the registry misread it."""


class Upload:
    """`least` and `most` are the registry's limits for chunks, in bytes; 0 if it does not say.

    The headers are from https://github.com/opencontainers/distribution-spec (the least) and its proposal 485 (the
    most).
    """

    def __init__(self, client: RegistryClient, started: requests.Response) -> None:
        self._client, self._location = client, client.location(started)
        self.least = number_of(started, "OCI-Chunk-Min-Length")
        self.most = number_of(started, "OCI-Chunk-Max-Length")

    def send(self, blob: Blob, start: int, end: int) -> None:
        """Sends a chunk. ECR answers 201 instead of 202, Pulp 204 (containers-roadmap#2831, pulp_container#2199)."""
        headers = {"Content-Range": f"{start}-{end - 1}"}
        response = self._request("PATCH", self._location, Body(blob, start, end), headers)
        # Ignore its Range: ECR always sends that of the first chunk, and the digest reveals missing bytes.
        self._move(response)

    def finish(self, blob: Blob, start: int = 0) -> None:
        """Sends the bytes from `start` and completes the upload. ECR fails if no bytes are left to send."""
        separator = "&" if "?" in self._location else "?"
        headers = {"Content-Range": f"{start}-{blob.size - 1}"} if start else {}
        url = f"{self._location}{separator}digest={blob.digest}"
        response = self._request("PUT", url, Body(blob, start, blob.size), headers)
        if response.status_code != 201 and not has_blob(self._client, blob.digest):
            raise Refused(self._client.complaint(response), response.status_code)

    def received(self) -> int:
        """How many bytes the registry has, or one more; -1 if it does not say.

        The range gives the last byte, so an empty upload looks like one byte, and Quay's is one too high (quay/quay,
        endpoints/v2/blob.py).
        """
        try:
            response = self._client.request("GET", self._location)
        except requests.RequestException:
            return -1
        said = re.fullmatch(r"(?:bytes=)?0-(-?\d+)", response.headers.get("Range", ""))
        if response.status_code not in (200, 204) or not said:
            return -1
        self._move(response)
        return int(said[1]) + 1

    def cancel(self) -> None:
        """Deletes the received bytes, which could stay for a week and be as large as the blob. Errors do not matter."""
        with suppress(TaskError, requests.RequestException):
            self._client.request("DELETE", self._location)

    def _move(self, response: requests.Response) -> None:
        if "Location" in response.headers:
            self._location = self._client.location(response)

    def _request(self, method: str, url: str, body: Body, headers: dict[str, str]) -> requests.Response:
        kind = {"Content-Type": "application/octet-stream"}
        try:
            response = self._client.request(method, url, data=body, headers={**kind, **headers})
        except requests.RequestException as error:
            if is_untrusted(error):
                raise TaskError(explain_certificate(str(self._client.image), reason(error))) from error
            raise Interrupted(f"{self._client.image} interrupted an upload: {reason(error)}") from error
        complaint, status = self._client.complaint(response), response.status_code
        if 200 <= status < 300:
            return response
        if status == 400 and "DIGEST_INVALID" in response.text:
            raise Differs(complaint, status)
        if status in PASSING or status >= 500:
            raise Interrupted(complaint, number_of(response, "Retry-After"))
        raise Refused(complaint, status)


def has_blob(client: RegistryClient, digest: str) -> bool:
    return client.ask("HEAD", f"blobs/{digest}", (200, 404)).status_code == 200


def number_of(response: requests.Response, header: str) -> int:
    """The whole number in a header; 0 for anything else."""
    text = response.headers.get(header, "")
    return int(text) if re.fullmatch(r"\d{1,18}", text) else 0


def is_untrusted(error: BaseException | None) -> bool:
    """Whether the error is about the certificate: an interrupted TLS connection is an SSLError too."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
