"""One repository of an OCI registry, for looking up and pushing images.

No library sends the blobs: oras-py (oras/provider.py) reads one into memory or sends chunks of one size, and oras-go
2.6.4 (registry/remote/repository.go), which the tasks' image would have to be compiled for, has no chunks, cannot send
a streamed body again, takes no Location of another host, and fails with a mount that is refused.
"""

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass

import requests
from blob_upload import Uploads
from blobs import Blob
from image_name import ImageName
from registry_client import RegistryClient, reason
from upload_session import Interrupted, has_blob

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class Registry:
    """`plain_http` lists servers without TLS, as <host>[:<port>]. Failures that a user can fix are TaskErrors."""

    def __init__(self, image: ImageName, logins: Mapping[str, str], plain_http: Collection[str] = ()) -> None:
        self.image = image
        self._client = RegistryClient(image, logins, plain_http)
        self._uploads = Uploads(self._client)

    def has_blob(self, digest: str) -> bool:
        return has_blob(self._client, digest)

    def blob(self, digest: str, size: int) -> Blob:
        """An existing blob of `size` bytes, downloaded when it is read."""
        return StoredBlob(self._client, digest, size)

    def push_blob(self, blob: Blob, source: "Registry | None" = None) -> None:
        """Sends a blob, or mounts it from `source` if that is a repository of the same registry."""
        own = source is not None and source._client.origin == self._client.origin
        self._uploads.push(blob, source.image.repository if source and own else "")

    def manifest(self, reference: str) -> tuple[bytes, str] | None:
        """A manifest or index by tag or digest, with its media type."""
        accept = {"Accept": ", ".join(INDEX_TYPES + MANIFEST_TYPES)}
        response = self._client.ask("GET", f"manifests/{reference}", (200, 404), headers=accept)
        if response.status_code == 404:
            return None
        return response.content, response.headers.get("Content-Type", "").partition(";")[0]

    def tags(self) -> list[str]:
        """The repository's tags, as many as the registry lists at once; none if there is no such repository."""
        response = self._client.ask("GET", "tags/list", (200, 404))
        return (response.json().get("tags") or []) if response.status_code == 200 else []

    def push_manifest(self, body: bytes, media_type: str, reference: str) -> None:
        self._client.ask("PUT", f"manifests/{reference}", (201,), data=body, headers={"Content-Type": media_type})


@dataclass(frozen=True)
class StoredBlob:
    """A blob in a registry."""

    client: RegistryClient
    digest: str
    size: int

    def read(self, start: int = 0) -> Generator[bytes]:
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        with self.client.ask("GET", f"blobs/{self.digest}", (200, 206), headers=headers, stream=True) as response:
            # Without support for ranges the registry sends all of it.
            unwanted = 0 if response.status_code == 206 else start
            try:
                for part in response.iter_content(1 << 20):
                    yield part[unwanted:]
                    unwanted = max(0, unwanted - len(part))
            except requests.RequestException as error:
                raise Interrupted(f"{self.client.image} interrupted a download: {reason(error)}") from error
