"""Runs the packaging task against real OCI registries, and compares its images with OLOT's."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_proxy import NO_ANSWER, Reply, fault_proxy, times
from olot.basics import oci_layers_on_top

pytestmark = pytest.mark.oci_registry
RESULTS = ["image-digest", "image-tag", "storage-uri", "uploaded-bytes", "total-bytes", "manifest-digest"]
NAME = "CodeLlama-34b_Python.hf"
# Two files of the same name, one larger than 32 MiB, one empty, and a path too long for the tar header.
CONTENTS = {
    "config.json": b"{}",
    "onnx/config.json": b'{"other": true}',
    "model.safetensors": bytes(range(256)) * 150_000,
    "empty.txt": b"",
    "a" * 60 + "/" + "b" * 60 + "/tokenizer.json": b"tokens",
    "README.md": b"# A model\n",
}


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def write_model(directory: Path, contents: dict[str, bytes]) -> str:
    """Writes a downloaded model, its files and manifest; returns the manifest's digest."""
    for name, content in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items()))
    directory.with_name(directory.name + ".sha256").write_text(lines)
    return digest_of(lines.encode())


def call(url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None):
    request = urllib.request.Request(url, body, headers or {}, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read(), response.headers


def push_base(address: str, repository: str = "base", platforms: tuple[str, ...] = ("amd64",)) -> str:
    """Pushes an image of one layer with a shell, for each platform; returns it by digest."""
    repository_url = f"http://{address}/v2/{repository}"

    def push_blob(content: bytes) -> dict[str, object]:
        _, headers = call(f"{repository_url}/blobs/uploads/", "POST", b"")
        location, digest = headers["Location"], digest_of(content)
        octets = {"Content-Type": "application/octet-stream"}
        call(f"{location}&digest={digest}", "PUT", content, octets)
        return {"digest": digest, "size": len(content)}

    def push_manifest(content: dict[str, object]) -> dict[str, object]:
        body = json.dumps(content).encode()
        headers = {"Content-Type": str(content["mediaType"])}
        call(f"{repository_url}/manifests/{digest_of(body)}", "PUT", body, headers)
        return {"mediaType": content["mediaType"], "digest": digest_of(body), "size": len(body)}

    docker = "application/vnd.docker"
    entries = []
    for architecture in platforms:
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            member = tarfile.TarInfo("bin/sh")
            member.size = len(architecture)
            archive.addfile(member, io.BytesIO(architecture.encode()))
        layer = push_blob(gzip.compress(tar.getvalue(), mtime=0))
        diff_ids = [digest_of(tar.getvalue())]
        history = [{"created": "2026-01-01T00:00:00Z", "created_by": "base"}]
        configuration = {
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        config = push_blob(json.dumps({**configuration, "history": history}).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{docker}.distribution.manifest.v2+json",
            "config": {"mediaType": f"{docker}.container.image.v1+json", **config},
            "layers": [{"mediaType": f"{docker}.image.rootfs.diff.tar.gzip", **layer}],
        }
        entries.append({**push_manifest(manifest), "platform": {"architecture": architecture, "os": "linux"}})
    if len(entries) == 1:
        return f"{address}/{repository}@{entries[0]['digest']}"
    media_type = f"{docker}.distribution.manifest.list.v2+json"
    index = push_manifest({"schemaVersion": 2, "mediaType": media_type, "manifests": entries})
    return f"{address}/{repository}@{index['digest']}"


class Image:
    """The image at a storage URI in a registry."""

    def __init__(self, uri: str, address: str) -> None:
        path, _, self.digest = uri.removeprefix("oci://").partition("@")
        self._url = f"http://{address}/v2/{path.partition('/')[2]}"
        self.manifest = self.fetch(f"manifests/{self.digest}")

    def fetch(self, path: str) -> dict:
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"}
        return json.loads(call(f"{self._url}/{path}", headers=accept)[0])

    def layer(self, descriptor: dict) -> bytes:
        content = call(f"{self._url}/blobs/{descriptor['digest']}")[0]
        assert (digest_of(content), len(content)) == (descriptor["digest"], descriptor["size"])
        return gzip.decompress(content) if descriptor["mediaType"].endswith("gzip") else content

    def members(self) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
        """The files by path, as a container sees them: a later layer replaces an earlier one."""
        found = {}
        for descriptor in self.manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(self.layer(descriptor))) as archive:
                for member in archive:
                    found[member.name] = (member, archive.extractfile(member).read())
        return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "models" / NAME
    write_model(directory, CONTENTS)
    return directory


@pytest.fixture
def base(oci_registry) -> str:
    return push_base(oci_registry.address)


@pytest.fixture
def package(run_task: Callable, oci_registry, model: Path, base: str, request) -> Callable:
    def start(**changes: str):
        parameters = {
            "BUILD": "true",
            "MODELS_DIRECTORY": str(model.parent),
            "MODEL_DIRECTORY": NAME,
            "OCI_IMAGE": f"{oci_registry.address}/models/{request.node.originalname}",
            "BASE_IMAGE": base,
            "PLAIN_HTTP_REGISTRIES": oci_registry.address,
        }
        return run_task("build-and-push-modelcar", RESULTS, **{**parameters, **changes})

    return start


def test_every_file_keeps_its_path_and_is_readable_by_all(package, oci_registry):
    outcome = package()
    assert (outcome.code, outcome.error) == (0, "")
    image = Image(outcome.results["storage-uri"], oci_registry.address)
    assert image.digest == outcome.results["image-digest"]
    members = {name.removeprefix("models/"): found for name, found in image.members().items()}
    assert members.pop("bin/sh")[1] == b"amd64"
    assert {name: content for name, (_, content) in members.items()} == CONTENTS
    assert {(m.uid, m.gid, m.mode, m.mtime, m.isreg()) for m, _ in members.values()} == {(0, 0, 0o664, 0, True)}


def test_the_configuration_matches_the_layers_and_has_an_unprivileged_user(package, oci_registry):
    image = Image(package().results["storage-uri"], oci_registry.address)
    configuration = image.fetch(f"blobs/{image.manifest['config']['digest']}")
    assert configuration["config"]["User"] == "1001"
    assert configuration["rootfs"]["diff_ids"] == [digest_of(image.layer(part)) for part in image.manifest["layers"]]
    assert len(configuration["history"]) == len(image.manifest["layers"]) == len(CONTENTS) + 1
    types = {part["mediaType"] for part in [image.manifest, image.manifest["config"], *image.manifest["layers"]]}
    assert all(media_type.startswith("application/vnd.oci.image.") for media_type in types)


def test_the_layers_are_those_of_olot(package, oci_registry, model, tmp_path, monkeypatch):
    added = Image(package().results["storage-uri"], oci_registry.address).manifest["layers"][1:]
    layout = tmp_path / "layout"
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def write(content: object) -> dict[str, object]:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        (blobs / hashlib.sha256(text).hexdigest()).write_bytes(text)
        return {"digest": digest_of(text), "size": len(text)}

    oci = "application/vnd.oci.image"
    empty = {"mediaType": f"{oci}.layer.v1.tar", **write(b"a layer")}
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [empty["digest"]]},
    }
    config = {"mediaType": f"{oci}.config.v1+json", **write({**configuration, "history": [{"created_by": "base"}]})}
    kind = {"schemaVersion": 2, "mediaType": f"{oci}.manifest.v1+json"}
    manifest = {"mediaType": kind["mediaType"], **write({**kind, "config": config, "layers": [empty]})}
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    for path in model.rglob("*"):
        os.utime(path, (0, 0))
    # OLOT records the names of the files' owners if the machine knows them.
    monkeypatch.setattr(tarfile, "pwd", None)
    monkeypatch.setattr(tarfile, "grp", None)
    files = [model / name for name in sorted(CONTENTS) if name != "README.md"]
    oci_layers_on_top(layout, files, model / "README.md", root_dir=model)
    index = json.loads((layout / "index.json").read_text())
    made = json.loads((blobs / index["manifests"][0]["digest"].removeprefix("sha256:")).read_text())["layers"][1:]
    assert added == made


def test_the_same_model_gives_the_same_image_in_any_directory(package, model, tmp_path):
    first = package()
    copy = tmp_path / "other" / NAME
    write_model(copy, CONTENTS)
    for path in copy.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o700 if path.is_dir() else 0o600)
    again = package(MODELS_DIRECTORY=str(copy.parent))
    assert again.results["image-digest"] == first.results["image-digest"]
    changed = write_model(copy, {**CONTENTS, "config.json": b"[]"})
    other = package(MODELS_DIRECTORY=str(copy.parent), MANIFEST_DIGEST=changed)
    assert other.results["image-digest"] != first.results["image-digest"]


def test_an_existing_image_is_not_pushed_again(package):
    first = package()
    sent, total = int(first.results["uploaded-bytes"]), int(first.results["total-bytes"])
    assert sent > total == sum(map(len, CONTENTS.values()))
    second = package()
    assert second.results == {**first.results, "uploaded-bytes": "0"}
    assert f"is {first.results['image-digest']} already; nothing to push" in second.output


def test_only_the_notes_are_written_next_to_the_model(package, model):
    before = {path: path.stat().st_mtime_ns for path in model.rglob("*")}
    package()
    assert {path: path.stat().st_mtime_ns for path in model.rglob("*")} == before
    assert sorted(path.name for path in model.parent.iterdir()) == [
        NAME,
        f"{NAME}.modelcar.json",
        f"{NAME}.sha256",
    ]


def test_the_default_tag_is_derived_from_the_digest(package, oci_registry):
    name = f"{oci_registry.address}/models/tags"
    plain, tagged = package(OCI_IMAGE=name), package(OCI_IMAGE=f"{name}:1.0.0")
    assert plain.results["image-tag"] == plain.results["image-digest"][7:19]
    assert tagged.results["image-tag"] == "1.0.0"
    tags = json.loads(call(f"http://{name.replace('/models', '/v2/models', 1)}/tags/list")[0])["tags"]
    assert sorted(tags) == sorted([plain.results["image-tag"], "1.0.0"])


def test_every_platform_of_the_base_is_kept(package, oci_registry):
    base = push_base(oci_registry.address, "platforms", ("amd64", "arm64"))
    outcome = package(BASE_IMAGE=base)
    index = Image(outcome.results["storage-uri"], oci_registry.address)
    assert [entry["platform"]["architecture"] for entry in index.manifest["manifests"]] == ["amd64", "arm64"]
    for entry in index.manifest["manifests"]:
        uri = outcome.results["storage-uri"].partition("@")[0] + "@" + entry["digest"]
        image = Image(uri, oci_registry.address)
        assert image.members()["bin/sh"][1] == entry["platform"]["architecture"].encode()
        assert image.members()["models/config.json"][1] == b"{}"


def test_a_model_without_a_card_or_chat_template_has_only_its_files(package, oci_registry, tmp_path):
    plain = tmp_path / "models" / "plain"
    write_model(plain, {"config.json": b"{}"})
    image = Image(package(MODEL_DIRECTORY="plain").results["storage-uri"], oci_registry.address)
    assert len(image.manifest["layers"]) == 2
    assert "io.opendatahub.layers.modelcard" not in image.manifest["annotations"]


def test_provenance_is_in_the_image(package, oci_registry, base):
    outcome = package(MODEL_NAME="code-llama", HUGGINGFACE_MODEL="example/model", SOURCE_REVISION="a" * 40)
    annotations = Image(outcome.results["storage-uri"], oci_registry.address).manifest["annotations"]
    prefix = "org.opencontainers.image."
    assert {name.removeprefix(prefix): value for name, value in annotations.items() if name.startswith(prefix)} == {
        "title": "code-llama",
        "source": "example/model",
        "revision": "a" * 40,
        "base.name": base.partition("@")[0],
        "base.digest": base.partition("@")[2],
    }


@pytest.mark.parametrize("changes", [{"HUGGINGFACE_MODEL": "other/model"}, {"SOURCE_REVISION": "b" * 40}])
def test_a_model_from_elsewhere_is_refused(package, model, changes):
    source = {"repository": "example/model", "revision": "a" * 40, "files": []}
    model.with_name(f"{NAME}.source.json").write_text(json.dumps(source))
    said = {"HUGGINGFACE_MODEL": "example/model", "SOURCE_REVISION": "a" * 40}
    outcome = package(**{**said, **changes})
    assert outcome.code == 1
    assert f"{NAME} comes from example/model at {'a' * 40}, not from" in outcome.error
    assert package(**said).code == 0


def secret(directory: Path, auths: dict[str, object]) -> str:
    directory.mkdir()
    (directory / ".dockerconfigjson").write_text(json.dumps({"auths": auths}))
    return str(directory)


def test_a_login_is_read_from_the_secret_and_never_shown(package, closed_registry, oci_registry, tmp_path):
    both = f"{closed_registry.address} {oci_registry.address}"
    name = f"{closed_registry.address}/models/closed"
    auths = {f"http://{closed_registry.address}/v1/": {"username": "robot", "password": "robot-password"}}
    directory = secret(tmp_path / "secret", {**auths, f"{closed_registry.address}/other": {"auth": "d3Jvbmc6d3Jvbmc="}})
    outcome = package(OCI_IMAGE=name, PLAIN_HTTP_REGISTRIES=both, REGISTRY_AUTH_DIRECTORY=directory)
    assert (outcome.code, outcome.error) == (0, "")
    assert outcome.results["storage-uri"].startswith(f"oci://{name}@sha256:")
    shown = outcome.output + outcome.error + "".join(outcome.results.values())
    assert "robot-password" not in shown and closed_registry.login not in shown
    refused = package(OCI_IMAGE=name, PLAIN_HTTP_REGISTRIES=both)
    assert "refuses access (401" in refused.error and "no login" in refused.error
    wrong = secret(tmp_path / "wrong", {closed_registry.address: {"auth": "cm9ib3Q6d3Jvbmc="}})
    refused = package(OCI_IMAGE=name, PLAIN_HTTP_REGISTRIES=both, REGISTRY_AUTH_DIRECTORY=wrong)
    assert "with the login of the registry's Secret: check its rights" in refused.error
    assert "cm9ib3Q6d3Jvbmc=" not in refused.output + refused.error


def test_an_expired_token_is_renewed(package, oci_registry, tmp_path):
    tokens = []

    with fault_proxy(f"http://{oci_registry.address}") as proxy:

        def bearer(asked):
            if asked.path.startswith("/token"):
                if asked.headers.get("Authorization") != "Basic cm9ib3Q6aw==":
                    return Reply(401)
                tokens.append(0)
                return Reply(200, body=json.dumps({"token": f"t{len(tokens)}"}).encode())
            if asked.headers.get("Authorization") == f"Bearer t{len(tokens)}" and tokens and tokens[-1] < 5:
                tokens[-1] += 1
                return None
            challenge = f'Bearer realm="{proxy.url}/token",service="test",scope="repository:models:pull,push"'
            return Reply(401, {"WWW-Authenticate": challenge})

        proxy.faults.append(bearer)
        outcome = package(
            OCI_IMAGE=f"{proxy.address}/models/token",
            PLAIN_HTTP_REGISTRIES=f"{proxy.address} {oci_registry.address}",
            REGISTRY_AUTH_DIRECTORY=secret(tmp_path / "secret", {proxy.address: {"auth": "cm9ib3Q6aw=="}}),
        )
    assert (outcome.code, outcome.error) == (0, "")
    assert len(tokens) > 3


@pytest.mark.parametrize("status", [500, NO_ANSWER])
def test_a_refused_chunk_is_sent_again(package, oci_registry, status):
    def refuse_large(asked):
        return Reply(413) if int(asked.headers.get("Content-Length", 0)) > 16 << 20 else None

    with fault_proxy(f"http://{oci_registry.address}") as proxy:
        proxy.faults += [refuse_large, after(1, times(2, status, "PATCH", "/blobs/uploads/"), "PATCH")]
        outcome = package(
            OCI_IMAGE=f"{proxy.address}/models/chunks-{status}",
            PLAIN_HTTP_REGISTRIES=f"{proxy.address} {oci_registry.address}",
        )
    assert (outcome.code, outcome.error) == (0, "")
    uri = outcome.results["storage-uri"]
    assert Image(uri, oci_registry.address).members()["models/model.safetensors"][1] == CONTENTS["model.safetensors"]
    # The layer has five chunks.
    assert len([asked for asked in proxy.asked if asked.method == "PATCH"]) == 4 + 2


def test_an_interrupted_run_resumes_with_the_missing_layer(package, oci_registry):
    with fault_proxy(f"http://{oci_registry.address}") as proxy:
        places = {
            "OCI_IMAGE": f"{proxy.address}/models/cut-off",
            "PLAIN_HTTP_REGISTRIES": f"{proxy.address} {oci_registry.address}",
        }
        # The base's layer is sent first; the last file in order is onnx/config.json.
        proxy.faults.append(after(5, times(10, 409, "PUT", "/blobs/uploads/")))
        first = package(**places)
        assert first.code == 1 and "answered 409" in first.error
        proxy.faults.clear()
        proxy.asked.clear()
        second = package(**places)
    assert second.code == 0
    assert "model.safetensors: the registry has it" in second.output
    assert int(second.results["uploaded-bytes"]) < len(CONTENTS["model.safetensors"])


def after(count: int, fault, method: str = "PUT"):
    """A fault that starts after `count` requests of a method: with PUT, after so many completed uploads."""
    left = [count]

    def later(asked):
        if left[0] and asked.method == method:
            left[0] -= 1
            return None
        return None if left[0] else fault(asked)

    return later


@pytest.mark.parametrize("status", [409, 500, NO_ANSWER])
def test_a_failing_registry_is_named(package, oci_registry, status):
    with fault_proxy(f"http://{oci_registry.address}") as proxy:
        proxy.faults.append(times(1000, status, "PUT", "/manifests/"))
        outcome = package(
            OCI_IMAGE=f"{proxy.address}/models/failing",
            PLAIN_HTTP_REGISTRIES=f"{proxy.address} {oci_registry.address}",
        )
        said = f"answered {status}" if status else "cannot be reached: Remote end closed connection"
        assert f"error: {proxy.address}/models/failing {said}" in outcome.error
    assert outcome.code == 1 and outcome.results == {}


def test_no_image_is_built_if_a_file_differs_from_the_manifest(package, model, oci_registry):
    for name in ("config.json", "README.md"):
        (model / name).write_bytes(b"<>")
        outcome = package(OCI_IMAGE=f"{oci_registry.address}/models/differs")
        assert outcome.code == 1
        assert f"{name} differs from its manifest" in outcome.error
        (model / name).write_bytes(CONTENTS[name])
    with pytest.raises(urllib.error.HTTPError, match="404"):
        call(f"http://{oci_registry.address}/v2/models/differs/tags/list")


DIGEST = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"OCI_IMAGE": "127.0.0.1:9/models/x"}, "127.0.0.1:9/models/x cannot be reached"),
        ({"OCI_IMAGE": "models"}, "OCI_IMAGE must be <registry>/<repository>[:<tag>]"),
        ({"OCI_IMAGE": f"quay.io/a/b@{DIGEST}"}, "OCI_IMAGE must be <registry>/<repository>[:<tag>]"),
        ({"BASE_IMAGE": "quay.io/a/base:latest"}, "BASE_IMAGE must be <registry>/<repository>@sha256:<digest>"),
        ({"BASE_IMAGE": f"REGISTRY/none@{DIGEST}"}, f"has no {DIGEST}: check BASE_IMAGE"),
        ({"MODEL_DIRECTORY": "other"}, "was not downloaded completely"),
        ({"MODEL_DIRECTORY": "../other"}, "MODEL_DIRECTORY must be a relative path"),
        ({"MANIFEST_DIGEST": DIGEST}, f"but MANIFEST_DIGEST is {DIGEST}"),
        ({"REGISTRY_AUTH_DIRECTORY": "/tmp"}, "/tmp has no .dockerconfigjson"),
        ({"TRUSTED_CA_DIRECTORY": str(Path(__file__).parent)}, "has no file that ends in .crt or .pem"),
        ({"PLAIN_HTTP_REGISTRIES": ""}, "has a certificate that is not trusted"),
        ({"BUILD": "no"}, "BUILD must be true or false, not 'no'"),
    ],
)
def test_expected_failures_are_one_line(package, oci_registry, changes, message):
    outcome = package(**{name: value.replace("REGISTRY", oci_registry.address) for name, value in changes.items()})
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}


def test_an_invalid_docker_configuration_is_not_printed(package, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / ".dockerconfigjson").write_text("hunter2")
    outcome = package(REGISTRY_AUTH_DIRECTORY=str(tmp_path / "secret"))
    assert "is not a Docker configuration" in outcome.error and "hunter2" not in outcome.output + outcome.error
