"""Stand-ins for registries that cannot run here: each refuses the uploads that the real one is known to refuse.

They have the real host names, behind a proxy that records requests without TLS; see registry_network.
"""

from fault_proxy import Reply
from registry_stand_in import LOGIN, MIB, Asked, Repository, StandIn, TokenStandIn, refusal


class Ghcr(TokenStandIn):
    """GitHub's. It refuses chunks above 4 MiB with 416; its challenge has only pull, for a repository that does not
    exist.

    oras-project/rust-oci-client#35; SgtSilvio/gradle-oci#141 (the challenge, and a token equal to the password);
    kitops pkg/lib/repo/remote/upload-format.go (accepts a whole blob). `strict`: 4 MiB is the limit of any body
    (ocx-sh/ocx#237).
    """

    host = "ghcr.io"

    def __init__(self, strict: bool = False) -> None:
        super().__init__()
        self._strict = strict

    def challenge(self, asked: Asked, name: str) -> str:
        return f'Bearer realm="https://{self.host}/token",service="{self.host}",scope="repository:user/image:pull"'

    def guard(self, asked: Asked, name: str) -> Reply | None:
        known = asked.headers.get("Authorization", "").removeprefix("Bearer ") in self.tokens
        return None if known else Reply(401, {"WWW-Authenticate": self.challenge(asked, name)})

    def too_large(self, asked: Asked) -> Reply | None:
        message = "the request body is too large and exceeds the maximum permissible limit of 4.00MiB"
        return refusal(416, "REQUESTED_RANGE_NOT_SATISFIABLE", message) if asked.length > 4 * MIB else None

    def chunk(self, asked: Asked, upload: bytearray) -> Reply:
        return self.too_large(asked) or super().chunk(asked, upload)

    def finish(self, asked: Asked, repository: Repository, reference: str) -> Reply:
        refused = self.too_large(asked) if self._strict else None
        return refused or super().finish(asked, repository, reference)


class Ecr(StandIn):
    """Amazon's. It requires a login, not a token, and sends Locations with :443.

    It answers a chunk with 201 and the Range of the first one (aws/containers-roadmap#2831); a chunk other than the
    last must have 5 MiB, and one above 10 MiB is cut off (dotnet/sdk#33019, dotnet/sdk-container-builds#424); an empty
    last request fails with 500 (openai/tart#159). It accepts a whole blob of 15 GB (kitops-ml/kitops#821).
    """

    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

    def guard(self, asked: Asked, name: str) -> Reply | None:
        if asked.headers.get("Authorization") == f"Basic {LOGIN}":
            return None
        return Reply(401, {"WWW-Authenticate": f'Basic realm="https://{self.host}/",service="ecr.amazonaws.com"'})

    def location(self, name: str, upload: str) -> str:
        return f"https://{self.host}:443/v2/{name}/blobs/uploads/{upload}"

    def status_range(self, upload: bytearray) -> str:
        return f"0-{min(len(upload), 8 * MIB) - 1}"

    def chunk(self, asked: Asked, upload: bytearray) -> Reply:
        if asked.length < 5 * MIB:
            return refusal(400, "UNSUPPORTED", "All layer parts except the last part should be at least 5MB")
        if asked.length > 10 * MIB:
            return Reply(0)
        return Reply(201, super().chunk(asked, upload).headers)

    def finish(self, asked: Asked, repository: Repository, reference: str) -> Reply:
        return super().finish(asked, repository, reference) if asked.length else Reply(500)


class GoogleArtifactRegistry(TokenStandIn):
    """Google's. It accepts only whole blobs: "Artifact Registry does not support Docker chunked uploads"
    (kitops-ml/kitops#777).

    Its answer to a chunk is unknown; its uploads are outside /v2 (containers/skopeo#1101).
    """

    host = "europe-docker.pkg.dev"

    def location(self, name: str, upload: str) -> str:
        return f"https://{self.host}/artifacts-uploads/{name}/uploads/{upload}"

    def chunk(self, asked: Asked, upload: bytearray) -> Reply:
        return refusal(400, "UNSUPPORTED", "chunked uploads are not supported")


class Quay(TokenStandIn):
    """Red Hat's: quay/quay, endpoints/v2/blob.py. The Range is one too long, and 0--1 for an empty upload."""

    host = "quay.io"

    def status_range(self, upload: bytearray) -> str:
        return f"bytes=0-{len(upload)}"

    def start(self, asked: Asked, name: str) -> Reply:
        reply = super().start(asked, name)
        return Reply(reply.status, {**reply.headers, "Range": "bytes=0--1"})
