"""Registries that follow the specifications, without and with tokens; stand-ins for real ones derive from them."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, urlsplit

from fault_proxy import Reply
from json_object import JsonObject

MIB = 1 << 20
LOGIN = base64.b64encode(b"robot:robot-password").decode()


@dataclass
class Asked:
    """A request. Its body is read only by take()."""

    method: str
    url: str
    headers: dict[str, str]
    read: Callable[[], bytes]
    body: bytes | None = None

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))

    @property
    def length(self) -> int:
        return int(self.headers.get("Content-Length") or 0)

    def take(self) -> bytes:
        if self.body is None:
            self.body = self.read()
        return self.body


@dataclass
class Repository:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)


class StandIn:
    """A registry that follows https://github.com/opencontainers/distribution-spec, without authentication."""

    host = "registry.example.com"

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.repositories: dict[str, Repository] = {}
        # Limit for bodies, in bytes; above it the answer is 413, as from nginx and other proxies.
        self.most_at_once = 1 << 40
        # Called for each request; a reply that is not None replaces the answer.
        self.faults: list[Callable[[Asked], Reply | None]] = []

    def repository(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository())

    def sent(self, method: str) -> list[int]:
        """The sizes of the bodies that were sent to uploads by a method."""
        return [each.length for each in self.asked if each.method == method and "uploads/" in each.path and each.length]

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        for fault in self.faults:
            if reply := fault(asked):
                return reply
        if asked.path.startswith("/token"):
            return self.token(asked)
        found = re.fullmatch(
            r"/(?:v2|artifacts-uploads)/(.+?)/(blobs/uploads|uploads|blobs|manifests|tags)/(.*)", asked.path
        )
        if not found:
            return Reply(404)
        name, kind, reference = found.groups()
        if refusal := self.guard(asked, name):
            return refusal
        if asked.length > self.most_at_once:
            return Reply(413)
        repository = self.repository(name)
        if kind == "manifests":
            return self.manifest(asked, repository, reference)
        if kind == "blobs":
            content = repository.blobs.get(reference)
            return Reply(404) if content is None else Reply(200, {"Content-Length": str(len(content))}, content)
        if asked.method == "POST":
            return self.start(asked, name)
        if reference not in repository.uploads:
            return Reply(404)
        upload = repository.uploads[reference]
        if asked.method == "PATCH":
            return self.chunk(asked, upload)
        if asked.method == "PUT":
            return self.finish(asked, repository, reference)
        if asked.method == "DELETE":
            del repository.uploads[reference]
            return Reply(204)
        return Reply(204, {"Location": asked.url, "Range": self.status_range(upload)})

    def guard(self, asked: Asked, name: str) -> Reply | None:
        """The refusal of a request without a valid login; None for others."""
        return None

    def token(self, asked: Asked) -> Reply:
        return Reply(404)

    def manifest(self, asked: Asked, repository: Repository, reference: str) -> Reply:
        if asked.method == "PUT":
            content = asked.take()
            for key in (reference, digest_of(content)):
                repository.manifests[key] = (content, asked.headers["Content-Type"])
            return Reply(201)
        if reference not in repository.manifests:
            return Reply(404)
        content, kind = repository.manifests[reference]
        return Reply(200, {"Content-Type": kind}, content)

    def start(self, asked: Asked, name: str) -> Reply:
        source = asked.query.get("from")
        if source and (reply := self.mount(asked, name, source)):
            return reply
        uploads = self.repository(name).uploads
        uploads[str(len(uploads))] = bytearray()
        return Reply(202, {"Location": self.location(name, str(len(uploads) - 1)), "Range": "0-0"})

    def mount(self, asked: Asked, name: str, source: str) -> Reply | None:
        """The answer to a mount; None starts an upload instead."""
        content = self.repository(source).blobs.get(asked.query["mount"])
        if content is None:
            return None
        self.repository(name).blobs[asked.query["mount"]] = content
        return Reply(201)

    def location(self, name: str, upload: str) -> str:
        return f"/v2/{name}/blobs/uploads/{upload}?_state=x"

    def status_range(self, upload: bytearray) -> str:
        return f"0-{max(0, len(upload) - 1)}"

    def chunk(self, asked: Asked, upload: bytearray) -> Reply:
        content_range = asked.headers.get("Content-Range")
        if content_range and int(content_range.partition("-")[0]) != len(upload):
            return Reply(416, {"Range": self.status_range(upload)})
        upload += asked.take()
        return Reply(202, {"Location": asked.url, "Range": self.status_range(upload)})

    def finish(self, asked: Asked, repository: Repository, reference: str) -> Reply:
        upload = repository.uploads[reference]
        upload += asked.take()
        if digest_of(bytes(upload)) != asked.query["digest"]:
            return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        repository.blobs[asked.query["digest"]] = bytes(upload)
        del repository.uploads[reference]
        return Reply(201)


class TokenStandIn(StandIn):
    """Requires a token, which is valid for the requested scopes, one per parameter.

    Source: https://distribution.github.io/distribution/spec/auth/token/
    """

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, set[tuple[str, str]]] = {}
        self.token_name = "token"
        self.token_life: float | None = None
        # Repositories to which the login has no access.
        self.forbidden: set[str] = set()
        # Whether pulls need no login.
        self.public = False

    def needed(self, asked: Asked, name: str) -> list[str]:
        scopes = [f"repository:{name}:pull,push" if asked.method not in ("GET", "HEAD") else f"repository:{name}:pull"]
        return scopes + ([f"repository:{asked.query['from']}:pull"] if "from" in asked.query else [])

    def challenge(self, asked: Asked, name: str) -> str:
        scope = " ".join(self.needed(asked, name))
        return f'Bearer realm="https://{self.host}/token",service="{self.host}",scope="{scope}"'

    def guard(self, asked: Asked, name: str) -> Reply | None:
        has = self.tokens.get(asked.headers.get("Authorization", "").removeprefix("Bearer "), set())
        wants = {part for scope in self.needed(asked, name) for part in parts_of(scope)}
        return None if wants <= has else Reply(401, {"WWW-Authenticate": self.challenge(asked, name)})

    def token(self, asked: Asked) -> Reply:
        shown = asked.headers.get("Authorization")
        if shown != f"Basic {LOGIN}" and (shown or not self.public):
            return Reply(401)
        wanted = {part for scope in parse_qs(urlsplit(asked.url).query).get("scope", []) for part in parts_of(scope)}
        given = {part for part in wanted if part[0] not in self.forbidden and (shown or part[1] == "pull")}
        name = f"token-{len(self.tokens)}"
        self.tokens[name] = given
        life: JsonObject = {"expires_in": self.token_life} if self.token_life else {}
        return Reply(200, body=json.dumps({self.token_name: name, **life}).encode())


def parts_of(scope: str) -> set[tuple[str, str]]:
    kind, name, actions = [*scope.split(":", 2), "", ""][:3]
    return {(name, action) for action in actions.split(",")} if kind == "repository" and " " not in scope else set()


def refusal(status: int, code: str, message: str) -> Reply:
    return Reply(status, body=json.dumps({"errors": [{"code": code, "message": message}]}).encode())


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
