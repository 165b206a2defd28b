"""Names of images in registries."""

from dataclasses import dataclass

DIGEST = r"sha256:[0-9a-f]{64}"
REPOSITORY = r"[\w.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
TAGGED = REPOSITORY + r"(:\w[\w.-]{0,127})?"
DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class ImageName:
    """<server>/<repository>[:<tag>][@<digest>]"""

    server: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> "ImageName":
        name, _, digest = text.partition("@")
        server, _, path = name.partition("/")
        repository, _, tag = path.partition(":")
        return cls(server, repository, tag, digest)

    @property
    def host(self) -> str:
        """The server to connect to, as <host>[:<port>]."""
        return "registry-1.docker.io" if self.server.lower() == DOCKER_HUB else self.server

    def __str__(self) -> str:
        return f"{self.server}/{self.repository}"
