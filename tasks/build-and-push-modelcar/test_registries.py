"""Pushes a model to stand-ins for common registries, under their real host names."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs

import pytest
import requests
from blob_upload import Uploads
from blobs import Content
from conftest import Outcome
from fault_proxy import NO_ANSWER, Reply
from registry_client import RegistryClient
from registry_network import Network, registry_network
from registry_stand_in import LOGIN, MIB, Asked, Repository, StandIn, TokenStandIn, digest_of, refusal
from registry_stand_ins import Ecr, Ghcr, GoogleArtifactRegistry, Quay
from task_support import TaskError

RESULTS = ["image-digest", "storage-uri", "uploaded-bytes"]
# Larger than chunks of GHCR and ECR, not a multiple of a chunk size, and without repeated parts.
WEIGHTS = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(18 * MIB // 32)) + b"end"
CONTENTS = {"config.json": b"{}", "model.safetensors": WEIGHTS, "README.md": b"# A model\n"}
OCI = "application/vnd.oci.image"


def write_model(directory: Path) -> None:
    directory.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (directory / name).write_bytes(content)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(CONTENTS.items())]
    directory.with_name(directory.name + ".sha256").write_text("".join(lines))


def put_base(stand_in: StandIn, name: str) -> str:
    """Stores an image with a shell in a stand-in directly; returns it by digest."""
    repository = stand_in.repository(name)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("bin/sh"))

    def put(content: bytes) -> dict[str, object]:
        repository.blobs[digest_of(content)] = content
        return {"digest": digest_of(content), "size": len(content)}

    rootfs = {"type": "layers", "diff_ids": [digest_of(tar.getvalue())]}
    config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode())
    layer = put(gzip.compress(tar.getvalue(), mtime=0))
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": {"mediaType": f"{OCI}.config.v1+json", **config},
            "layers": [{"mediaType": f"{OCI}.layer.v1.tar+gzip", **layer}],
        }
    ).encode()
    repository.manifests[digest_of(body)] = (body, f"{OCI}.manifest.v1+json")
    return f"{stand_in.host}/{name}@{digest_of(body)}"


@dataclass
class Push:
    outcome: Outcome
    network: Network
    stand_in: StandIn

    @property
    def said(self) -> str:
        return self.outcome.output + self.outcome.error

    def is_whole(self, name: str = "org/model") -> bool:
        """Whether the registry has the image with all its blobs."""
        repository = self.stand_in.repository(name)
        if self.outcome.code or self.outcome.results["image-digest"] not in repository.manifests:
            return False
        manifest = json.loads(repository.manifests[self.outcome.results["image-digest"]][0])
        digests = [part["digest"] for part in [manifest["config"], *manifest["layers"]]]
        return len(digests) == 5 and all(digest_of(repository.blobs.get(digest, b"")) == digest for digest in digests)

    def is_kept_within_tls(self) -> bool:
        return self.network.clear == [] and self.outcome.code == 1


@pytest.fixture
def push(run_task: Callable[..., Outcome], tmp_path: Path) -> Callable[..., Push]:
    """push(stand-in): pushes a model to its org/model, with a base image from its org/base."""
    count = [0]

    def start(stand_in: StandIn, *others: StandIn, auths: dict | None = None, host: str = "", **changes: str) -> Push:
        count[0] += 1
        directory = tmp_path / str(count[0])
        secret = directory / "secret"
        secret.mkdir(parents=True)
        login = {stand_in.host: {"auth": LOGIN}} if auths is None else auths
        (secret / ".dockerconfigjson").write_text(json.dumps({"auths": login}))
        write_model(directory / "models" / "model")
        parameters = {
            "BUILD": "true",
            "MODELS_DIRECTORY": str(directory / "models"),
            "MODEL_DIRECTORY": "model",
            "OCI_IMAGE": f"{host or stand_in.host}/org/model:1",
            "BASE_IMAGE": put_base(stand_in, "org/base"),
            "REGISTRY_AUTH_DIRECTORY": str(secret),
        }
        with registry_network(directory, stand_in, *others) as network:
            parameters |= network.environment
            outcome = run_task("build-and-push-modelcar", RESULTS, **{**parameters, **changes})
        pushed = Push(outcome, network, stand_in)
        assert "robot-password" not in pushed.said and LOGIN not in pushed.said
        assert not any(token in pushed.said for token in getattr(stand_in, "tokens", {}))
        return pushed

    return start


KINDS = [StandIn, TokenStandIn, Ghcr, Ecr, GoogleArtifactRegistry, Quay]


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_one_streamed_upload_with_a_content_length(push, kind):
    pushed = push(kind())
    assert pushed.outcome.error == ""
    assert pushed.is_whole()
    assert pushed.stand_in.sent("PATCH") == []
    assert max(pushed.stand_in.sent("PUT")) > len(WEIGHTS)
    assert not any("Transfer-Encoding" in asked.headers for asked in pushed.stand_in.asked)
    assert pushed.stand_in.repository("org/model").uploads == {}


@pytest.mark.parametrize(
    ("stand_in", "most", "chunks"),
    [
        # Registries, or proxies of registries, with a limit for each body.
        (Ghcr(strict=True), 1 << 40, 4 * MIB),
        (Ghcr(), 6 * MIB, 4 * MIB),
        (Ecr(), 10 * MIB, 8 * MIB),
        (Quay(), 10 * MIB, 8 * MIB),
        (Quay(), 1 * MIB, 1 * MIB),
        (StandIn(), 5 * MIB, 4 * MIB),
    ],
)
def test_chunks_are_sent_only_if_a_whole_layer_is_refused(push, stand_in, most, chunks):
    stand_in.most_at_once = most
    pushed = push(stand_in)
    assert pushed.outcome.error == ""
    assert pushed.is_whole()
    accepted = [length for length in stand_in.sent("PATCH") if length <= min(most, chunks)]
    assert set(accepted) == {chunks} and len(accepted) == len(WEIGHTS) // chunks
    # A refused chunk ends its upload, and the received bytes are removed.
    assert stand_in.repository("org/model").uploads == {}
    assert f" in chunks of {chunks // MIB}.0 MiB" in pushed.outcome.output


@pytest.mark.parametrize(
    ("headers", "chunks"),
    [
        ({"OCI-Chunk-Min-Length": str(9 * MIB)}, 9 * MIB),
        ({"OCI-Chunk-Max-Length": str(3 * MIB)}, 3 * MIB),
        ({"OCI-Chunk-Min-Length": "many", "OCI-Chunk-Max-Length": "-1"}, 8 * MIB),
    ],
)
def test_chunks_are_as_large_as_the_registry_says(push, headers, chunks):
    stand_in = StandIn()
    start = stand_in.start
    stand_in.start = lambda asked, name: Reply(202, {**start(asked, name).headers, **headers})
    stand_in.faults.append(lambda asked: Reply(405) if asked.method == "PUT" and asked.length > 10 * MIB else None)
    assert push(stand_in).is_whole()
    assert set(stand_in.sent("PATCH")) == {chunks}


def test_the_refused_way_is_not_tried_for_each_layer(push):
    stand_in = Ghcr(strict=True)
    assert push(stand_in).is_whole()
    refused = [length for length in stand_in.sent("PATCH") + stand_in.sent("PUT") if length > 4 * MIB]
    assert len(refused) == 2


def test_a_refused_empty_blob_is_an_error():
    asked: list[str] = []

    class Refusing:
        image = "registry.example.com/org/model"

        def request(self, method: str, path: str, **_: object) -> requests.Response:
            asked.append(method)
            response = requests.Response()
            response.status_code = {"POST": 202, "PUT": 405, "DELETE": 204}.get(method, 404)
            return response

        def ask(self, method: str, path: str, expected: tuple[int, ...]) -> requests.Response:
            return self.request(method, path)

        def location(self, response: requests.Response) -> str:
            return "https://registry.example.com/v2/org/model/blobs/uploads/0"

        def complaint(self, response: requests.Response) -> str:
            return f"{self.image} answered {response.status_code}"

    with pytest.raises(TaskError, match=r"^registry\.example\.com/org/model answered 405$"):
        Uploads(cast(RegistryClient, Refusing())).push(Content(b""))
    assert asked == ["POST", "PUT", "DELETE"]


@pytest.mark.parametrize("status", [500, 503, 429, NO_ANSWER])
def test_an_interrupted_layer_is_sent_again(push, status):
    stand_in, left = StandIn(), [1]

    def cut_off(asked: Asked) -> Reply | None:
        if asked.method != "PUT" or asked.length < MIB or not left[0]:
            return None
        left[0] -= 1
        return Reply(status, {"Retry-After": "1"})

    stand_in.faults.append(cut_off)
    pushed = push(stand_in)
    assert pushed.outcome.error == "" and pushed.is_whole()
    assert stand_in.sent("PATCH") == [] and stand_in.repository("org/model").uploads == {}


def test_a_proxy_that_cuts_long_bodies_off_without_an_answer_gets_chunks(push):
    stand_in = StandIn()
    stand_in.faults.append(lambda asked: Reply(NO_ANSWER) if asked.length > 16 * MIB else None)
    assert push(stand_in).is_whole()
    assert set(stand_in.sent("PATCH")) == {8 * MIB}


@pytest.mark.parametrize(
    ("kind", "taken", "status"),
    [(StandIn, False, 500), (StandIn, True, NO_ANSWER), (Quay, False, NO_ANSWER), (Quay, True, 500)],
)
def test_a_chunk_is_resent_only_if_the_registry_does_not_have_it(push, kind, taken, status):
    stand_in, left = kind(), [2]
    stand_in.most_at_once = 10 * MIB
    chunk = stand_in.chunk

    def cut_off(asked: Asked, upload: bytearray) -> Reply:
        if not upload or not left[0]:
            return chunk(asked, upload)
        left[0] -= 1
        if taken:
            chunk(asked, upload)
        return Reply(status)

    stand_in.chunk = cut_off
    assert push(stand_in).is_whole()
    assert len(stand_in.sent("PATCH")) == (2 if taken else 4)


@pytest.mark.parametrize("status", [500, NO_ANSWER])
def test_chunks_become_smaller_if_the_first_one_is_interrupted_twice(push, status):
    stand_in = StandIn()
    stand_in.faults.append(lambda asked: Reply(status) if asked.length > 5 * MIB else None)
    assert push(stand_in).is_whole()
    assert [length for length in stand_in.sent("PATCH") if length < 5 * MIB] == [4 * MIB] * 4


def test_a_layer_is_not_sent_twice_if_the_answer_is_lost(push):
    stand_in = StandIn()
    finish = stand_in.finish

    def lose(asked: Asked, repository: Repository, reference: str) -> Reply:
        reply = finish(asked, repository, reference)
        return Reply(NO_ANSWER) if asked.length > MIB else reply

    stand_in.finish = lose
    assert push(stand_in).is_whole()
    assert len([length for length in stand_in.sent("PUT") if length > MIB]) == 1


@pytest.mark.parametrize(
    ("location", "to"),
    [
        ("http://{host}/v2/org/model/blobs/uploads/0", "http://registry.example.com"),
        ("http://{host}:443/v2/org/model/blobs/uploads/0", "http://registry.example.com:443"),
        ("http://store.example.com/0?signature=x", "http://store.example.com"),
        ("HTTP://{host}/v2/org/model/blobs/uploads/0", "http://registry.example.com"),
    ],
)
def test_a_location_without_tls_gets_nothing(push, location, to):
    stand_in = TokenStandIn()
    stand_in.location = lambda name, upload: location.format(host=stand_in.host)
    pushed = push(stand_in)
    assert pushed.is_kept_within_tls()
    assert f"redirects from TLS to {to}, so nothing was sent there" in pushed.outcome.error
    assert pushed.outcome.error.count("\n") == 1


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("HEAD", 307),
        ("GET", 302),
        ("POST", 301),
        ("POST", 308),
        ("PUT", 303),
        ("PUT", 307),
        ("PATCH", 308),
        ("PATCH", 301),
    ],
)
def test_a_redirect_out_of_tls_is_not_followed(push, method, status):
    stand_in = TokenStandIn()
    stand_in.most_at_once = 10 * MIB if method == "PATCH" else 1 << 40

    def redirect(asked: Asked) -> Reply | None:
        if asked.method != method or asked.path == "/token":
            return None
        return Reply(status, {"Location": f"http://{stand_in.host}{asked.url}"})

    stand_in.faults.append(redirect)
    pushed = push(stand_in)
    assert pushed.is_kept_within_tls()
    assert "redirects from TLS to http://registry.example.com" in pushed.outcome.error


@pytest.mark.parametrize("url", ["http://{host}/token", "http://auth.example.com/token", "/token"])
def test_a_login_goes_only_to_token_services_with_tls(push, url):
    stand_in = TokenStandIn()
    stand_in.challenge = lambda asked, name: f'Bearer realm="{url.format(host=stand_in.host)}",service="x"'
    pushed = push(stand_in)
    if url == "/token":
        assert pushed.is_whole()
    else:
        assert pushed.is_kept_within_tls() and "which has no TLS" in pushed.outcome.error


def test_a_redirect_of_the_token_service_out_of_tls_gets_no_login(push):
    stand_in = TokenStandIn()
    stand_in.token = lambda asked: Reply(307, {"Location": f"http://{stand_in.host}{asked.url}"})
    assert push(stand_in).is_kept_within_tls()


def test_an_invalid_location_is_a_one_line_error(push):
    stand_in = StandIn()
    start = stand_in.start
    stand_in.start = lambda asked, name: Reply(202, {**start(asked, name).headers, "Location": "http://[::1/x"})
    error = push(stand_in).outcome.error
    assert error.startswith("error: ") and "sent an invalid Location" in error and error.count("\n") == 1


@pytest.mark.parametrize("way", ["Location", 307])
def test_another_origin_gets_the_bytes_but_no_login(push, way):
    class Store(StandIn):
        """Like an object store with signed URLs; it even asks for a login."""

        host = "store.example.com"

        def answer(self, asked: Asked) -> Reply:
            self.asked.append(asked)
            if asked.query.get("signature") != "x":
                challenge = f'Bearer realm="https://{self.host}/token",service="x"'
                return Reply(401, {"WWW-Authenticate": challenge})
            content = asked.take()
            stand_in.repository("org/model").blobs[digest_of(content)] = content
            return Reply(201)

    store, stand_in = Store(), TokenStandIn()
    if way == "Location":
        stand_in.location = lambda name, upload: f"https://{store.host}/{upload}?signature=x"
    else:
        place = {"Location": f"https://{store.host}/0?signature=x"}
        stand_in.faults.append(
            lambda asked: Reply(307, place) if asked.method == "PUT" and "uploads" in asked.path else None
        )
    pushed = push(stand_in, store)
    assert pushed.outcome.error == "" and pushed.is_whole()
    assert store.sent("PUT") == [] and any(asked.length > len(WEIGHTS) for asked in store.asked)
    assert not any("Authorization" in asked.headers for asked in store.asked)
    stand_in.location = lambda name, upload: f"https://{store.host}/{upload}"
    stand_in.faults.clear()
    stand_in.repositories.clear()
    refused = push(stand_in, store)
    assert refused.outcome.code == 1 and "refuses access (401" in refused.outcome.error
    assert not any("Authorization" in asked.headers for asked in store.asked)


@pytest.mark.parametrize(
    ("host", "location", "key"),
    [
        ("", "https://{host}:443/{path}", "{host}"),
        ("", "https://Registry.example.COM/{path}", "{host}"),
        ("", "HTTPS://{host}/{path}", "{host}:443"),
        ("", "/{path}", "https://{host}:443/v2/"),
        ("", "//{host}:443/{path}", "Registry.example.com/org"),
        ("{host}:443", "https://{host}/{path}", "{host}"),
        ("{host}:443", "https://{host}:443/{path}", "{host}:443"),
        ("REGISTRY.example.com", "https://{host}/{path}", "{host}"),
        ("Registry.Example.com:443", "https://registry.EXAMPLE.com:443/{path}", "https://registry.example.com"),
    ],
)
def test_one_origin_has_many_names(push, host, location, key):
    stand_in = TokenStandIn()
    stand_in.location = lambda name, upload: location.format(
        host=stand_in.host, path=f"v2/{name}/blobs/uploads/{upload}"
    )
    auths = {key.format(host=stand_in.host): {"auth": LOGIN}, "example.com": {"auth": "d3Jvbmc6d3Jvbmc="}}
    pushed = push(stand_in, host=host.format(host=stand_in.host), auths=auths)
    assert pushed.outcome.error == "" and pushed.is_whole()
    # The base's layer is in the same registry, by any of its names.
    assert any("mount" in asked.query for asked in stand_in.asked)


@pytest.mark.parametrize(
    "key", ["registry.example.com:8443", "registry.example.com:80", "example.com", "registry.example.co"]
)
def test_another_origin_is_not_given_the_login(push, key):
    pushed = push(TokenStandIn(), auths={key: {"auth": LOGIN}})
    assert pushed.outcome.code == 1 and "no login (no bound Secret has one for it)" in pushed.outcome.error
    assert not any("Authorization" in asked.headers for asked in pushed.stand_in.asked)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *((TokenStandIn, status) for status in (400, 401, 403, 404, 405, 409, 501, 202, 500, NO_ANSWER)),
        *((kind, 403) for kind in (StandIn, Quay, Ecr, Ghcr)),
        (Ecr, 401),
        (Quay, 202),
    ],
)
def test_a_failed_mount_becomes_an_upload(push, kind, status):
    stand_in = kind()
    stand_in.mount = lambda asked, name, source: None if status == 202 else Reply(status)
    pushed = push(stand_in)
    assert pushed.outcome.error == "" and pushed.is_whole()
    starts = [asked for asked in stand_in.asked if asked.method == "POST" and "uploads" in asked.path]
    # An upload that the registry started instead of the mount is used.
    assert len({asked.query.get("mount") for asked in starts}) == 2
    assert stand_in.repository("org/model").uploads == {}


@pytest.mark.parametrize("kind", [StandIn, TokenStandIn, Quay])
def test_a_successful_mount_sends_nothing(push, kind):
    pushed = push(kind())
    assert pushed.is_whole()
    base_layer = max(pushed.stand_in.repository("org/base").blobs.values(), key=lambda blob: blob[:2] == b"\x1f\x8b")
    assert len(base_layer) not in pushed.stand_in.sent("PUT")


@pytest.mark.parametrize("kind", [TokenStandIn, Quay])
def test_a_mount_from_an_unreadable_repository_becomes_an_upload(push, kind):
    """As with Harbor: the token has only one of the scopes, so the mount is 401 again (oras#1924, harbor#17097)."""
    stand_in = kind()
    stand_in.forbidden.add("org/base")
    needed = stand_in.needed
    # Public, so that the base can be pulled.
    stand_in.needed = lambda asked, name: [] if name == "org/base" else needed(asked, name)
    assert push(stand_in).is_whole()


def test_problems_with_the_base_are_reported_before_the_weights_are_sent(push):
    stand_in = TokenStandIn()
    stand_in.faults.append(lambda asked: Reply(500) if "/org/base/blobs/" in asked.path else None)
    stand_in.mount = lambda *rest: Reply(403)
    pushed = push(stand_in)
    assert pushed.outcome.code == 1 and "/org/base answered 500" in pushed.outcome.error
    assert not any(length > MIB for length in stand_in.sent("PUT"))


@pytest.mark.parametrize(
    ("challenged", "asked_for"),
    [
        ("", ["repository:org/model:pull,push"]),
        ("repository:org/model:pull", ["repository:org/model:pull,push"]),
        ("repository:org/model:push,pull", ["repository:org/model:pull,push"]),
        (
            "repository:org/model:pull,push repository:org/base:pull",
            ["repository:org/model:pull,push", "repository:org/base:pull"],
        ),
        ("repository:org/model:pull,push,delete aws", ["repository:org/model:pull,push,delete", "aws"]),
        ("repository:user/image:pull", ["repository:org/model:pull,push", "repository:user/image:pull"]),
    ],
)
def test_each_scope_is_a_separate_parameter(push, challenged, asked_for):
    stand_in = TokenStandIn()
    scope = f',scope="{challenged}"' if challenged else ""
    stand_in.challenge = lambda asked, name: (
        f'Bearer realm="https://{stand_in.host}/token?account=x",service="a b"'
        + (scope if "/org/model/" in asked.path else "")
    )
    assert push(stand_in).is_whole()
    queries = [asked.url.partition("?")[2] for asked in stand_in.asked if asked.path == "/token"]
    assert asked_for in [parse_qs(query).get("scope") for query in queries]
    assert all(parse_qs(query)["service"] == ["a b"] and parse_qs(query)["account"] == ["x"] for query in queries)


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="Registry", Bearer realm="https://{host}/token",service="x"',
        'bearer service="x", realm="https://{host}/token"',
        "Bearer realm=https://{host}/token,service=x",
        'Negotiate, Bearer realm="https://{host}/token" , error="invalid_token"',
    ],
)
def test_every_form_of_challenge_is_understood(push, challenge):
    stand_in = TokenStandIn()
    stand_in.challenge = lambda asked, name: challenge.format(host=stand_in.host)
    assert push(stand_in).is_whole()


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_a_token_has_two_names(push, name):
    stand_in = TokenStandIn()
    stand_in.token_name = name
    assert push(stand_in).is_whole()


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no JSON", b'{"token": null}', b'{"token": ""}'])
def test_an_answer_of_the_token_service_without_a_token_is_an_error(push, body):
    stand_in = TokenStandIn()
    stand_in.token = lambda asked: Reply(200, body=body)
    pushed = push(stand_in)
    assert "the token service of registry.example.com/org/base answered 200 without a token" in pushed.outcome.error
    assert pushed.outcome.error.count("\n") == 1


def test_the_token_service_is_also_asked_without_a_login(push):
    stand_in = TokenStandIn()
    stand_in.public = True
    pushed = push(stand_in, auths={})
    assert pushed.outcome.code == 1 and "refuses access (401" in pushed.outcome.error
    assert stand_in.tokens and not any(
        "Authorization" in asked.headers for asked in stand_in.asked if asked.path == "/token"
    )
    assert any(
        "Bearer" in asked.headers.get("Authorization", "") for asked in stand_in.asked if "org/base" in asked.path
    )


@pytest.mark.parametrize(("most", "uses"), [(1 << 40, 1), (1 << 40, 3), (10 * MIB, 1), (10 * MIB, 2), (10 * MIB, 5)])
def test_a_token_is_renewed_whenever_it_expires(push, most, uses):
    stand_in = TokenStandIn()
    used: dict[str, int] = {}
    stand_in.most_at_once = most
    guard = stand_in.guard

    def ends(asked: Asked, name: str) -> Reply | None:
        token = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        used[token] = used.get(token, 0) + 1
        if used[token] > uses:
            stand_in.tokens.pop(token, None)
        return guard(asked, name)

    count = [0]
    token = stand_in.token

    def numbered(asked: Asked) -> Reply:
        reply = token(asked)
        name = json.loads(reply.body)["token"]
        count[0] += 1
        stand_in.tokens[f"new-{count[0]}"] = stand_in.tokens.pop(name)
        return Reply(200, body=json.dumps({"token": f"new-{count[0]}"}).encode())

    stand_in.guard, stand_in.token = ends, numbered
    pushed = push(stand_in)
    assert pushed.outcome.error == "" and pushed.is_whole()
    assert count[0] > 2


def test_a_token_is_renewed_before_it_expires(push):
    stand_in = TokenStandIn()
    stand_in.token_life = 0.001
    assert push(stand_in).is_whole()
    sends = [asked for asked in stand_in.asked if asked.method == "PUT"]
    assert len({asked.headers["Authorization"] for asked in sends}) == len(sends)


def test_no_layer_is_sent_without_the_right_to_push(push):
    stand_in = TokenStandIn()
    stand_in.forbidden.add("org/model")
    pushed = push(stand_in)
    assert pushed.outcome.code == 1
    assert "org/model refuses access (401" in pushed.outcome.error and "check its rights" in pushed.outcome.error
    assert stand_in.sent("PUT") == []


def test_both_refusals_are_reported(push):
    stand_in = GoogleArtifactRegistry()
    stand_in.finish = lambda *rest: refusal(403, "DENIED", "the quota is used up")
    pushed = push(stand_in)
    assert pushed.outcome.code == 1 and pushed.outcome.error.count("\n") == 1
    assert "the quota is used up" in pushed.outcome.error


def test_no_image_is_built_if_a_file_changes_after_it_was_read(push):
    stand_in = StandIn()
    finish = stand_in.finish
    stand_in.finish = lambda asked, repository, reference: (
        refusal(400, "DIGEST_INVALID", "other content") if asked.length > MIB else finish(asked, repository, reference)
    )
    pushed = push(stand_in)
    assert "model.safetensors differs from its manifest" in pushed.outcome.error
