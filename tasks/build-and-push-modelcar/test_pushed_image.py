"""Looks up images in real OCI registries, without building any."""

import hashlib
import json
import urllib.request
from collections.abc import Callable

import pytest
from fault_proxy import fault_proxy, times

pytestmark = pytest.mark.oci_registry
RESULTS = ["image-digest", "image-tag", "storage-uri", "uploaded-bytes", "total-bytes", "manifest-digest"]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
NONE = "sha256:" + "1" * 64


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Repository:
    """A repository of a registry that the test fills without the task."""

    def __init__(self, address: str, name: str) -> None:
        self.name, self._url = f"{address}/{name}", f"http://{address}/v2/{name}"

    def _call(self, url: str, method: str, body: bytes, kind: str):
        request = urllib.request.Request(url, body, {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.headers

    def blob(self, content: bytes, **more: object) -> dict[str, object]:
        headers = self._call(f"{self._url}/blobs/uploads/", "POST", b"", "application/octet-stream")
        url = f"{headers['Location']}&digest={digest_of(content)}"
        self._call(url, "PUT", content, "application/octet-stream")
        return {"digest": digest_of(content), "size": len(content), **more}

    def manifest(self, tag: str, content: dict[str, object]) -> dict[str, object]:
        """Pushes a manifest or index under a tag, or only by digest if it is ""; returns its descriptor."""
        body = json.dumps(content).encode()
        self._call(f"{self._url}/manifests/{tag or digest_of(body)}", "PUT", body, str(content["mediaType"]))
        return {"mediaType": content["mediaType"], "digest": digest_of(body), "size": len(body)}

    def image(self, tag: str, *layers: bytes) -> dict[str, object]:
        tar = {"mediaType": "application/vnd.oci.image.layer.v1.tar"}
        config = self.blob(b"{}", mediaType="application/vnd.oci.image.config.v1+json")
        parts = [self.blob(layer, **tar) for layer in layers]
        return self.manifest(tag, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": parts})


@pytest.fixture
def repository(oci_registry, request) -> Repository:
    return Repository(oci_registry.address, f"pushed/{request.node.originalname.replace('__', '_')}")


@pytest.fixture
def look_up(run_task: Callable, oci_registry) -> Callable:
    def start(image: str, **changes: str):
        parameters = {"BUILD": "false", "OCI_IMAGE": image, "PLAIN_HTTP_REGISTRIES": oci_registry.address}
        return run_task("build-and-push-modelcar", RESULTS, **{**parameters, **changes})

    return start


def test_an_existing_image_is_reported(look_up, repository):
    pushed = repository.image("1.0.0", b"a layer", b"another layer")
    outcome = look_up(f"{repository.name}:1.0.0")
    assert (outcome.code, outcome.error) == (0, "")
    assert outcome.results == {
        "image-digest": pushed["digest"],
        "image-tag": "1.0.0",
        "storage-uri": f"oci://{repository.name}@{pushed['digest']}",
        "uploaded-bytes": "0",
        "total-bytes": str(len(b"a layer" + b"another layer")),
        "manifest-digest": "",
    }


def test_the_digest_is_the_tag_s_current_one(look_up, repository):
    first = repository.image("moving", b"first")
    assert look_up(f"{repository.name}:moving").results["image-digest"] == first["digest"]
    second = repository.image("moving", b"second")
    assert look_up(f"{repository.name}:moving").results["image-digest"] == second["digest"]
    outcome = look_up(f"{repository.name}@{first['digest']}")
    assert (outcome.results["image-digest"], outcome.results["image-tag"]) == (first["digest"], "")
    outcome = look_up(f"{repository.name}:moving@{first['digest']}")
    assert (outcome.results["image-digest"], outcome.results["image-tag"]) == (first["digest"], "moving")


def test_without_a_tag_the_only_image_or_latest_is_used(look_up, repository):
    outcome = look_up(repository.name)
    assert (outcome.code, outcome.results) == (1, {})
    assert f"{repository.name} has no image: build it first" in outcome.error
    only = repository.image("0123456789ab", b"first")
    assert look_up(repository.name).results["image-digest"] == only["digest"]
    repository.image("1.0.0", b"second")
    outcome = look_up(repository.name)
    assert (outcome.code, outcome.results) == (1, {})
    assert "has several images: add one of the tags 0123456789ab, 1.0.0 to OCI_IMAGE" in outcome.error
    latest = repository.image("latest", b"third")
    assert look_up(repository.name).results["image-digest"] == latest["digest"]


def test_for_several_platforms_the_digest_is_the_index_s(look_up, repository):
    def entry(os: str, tag: str, layer: bytes) -> dict[str, object]:
        return {**repository.image(tag, layer), "platform": {"os": os, "architecture": "amd64"}}

    manifests = [entry("unknown", "", b"an attestation"), entry("linux", "", b"the model")]
    index = repository.manifest("2", {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
    outcome = look_up(f"{repository.name}:2")
    assert outcome.results["image-digest"] == index["digest"]
    assert outcome.results["total-bytes"] == str(len(b"the model"))


def test_a_built_image_is_found_without_the_workspace(look_up, run_task, repository, tmp_path):
    model = tmp_path / "models" / "sums"
    contents = {"config.json": b"{}", "onnx/model.onnx": b"weights", "README.md": b"# A model\n"}
    for name, content in contents.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(content)
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items()))
    (tmp_path / "models" / "sums.sha256").write_text(lines)
    # The base's configuration, which is merged with the model's.
    config = repository.blob(json.dumps({"rootfs": {"type": "layers", "diff_ids": [NONE]}}).encode())
    layer = repository.blob(b"a shell", mediaType="application/vnd.oci.image.layer.v1.tar")
    kind = {"schemaVersion": 2, "mediaType": MANIFEST}
    described = {**config, "mediaType": "application/vnd.oci.image.config.v1+json"}
    base = repository.manifest("base", {**kind, "config": described, "layers": [layer]})["digest"]
    image = f"{repository.name}:1.0.0"
    built = look_up(
        image,
        BUILD="true",
        BASE_IMAGE=f"{repository.name}@{base}",
        MODELS_DIRECTORY=str(model.parent),
        MODEL_DIRECTORY="sums",
    )
    assert (built.code, built.error) == (0, "")
    assert built.results["manifest-digest"] == digest_of(lines.encode())
    found = look_up(image)
    same = ("image-digest", "image-tag", "storage-uri", "manifest-digest")
    assert {name: found.results[name] for name in same} == {name: built.results[name] for name in same}
    # The size of the layers; the files are smaller, because tar adds headers and padding.
    assert found.results["total-bytes"] == built.results["uploaded-bytes"]
    assert built.results["total-bytes"] == str(sum(map(len, contents.values())))


def test_nothing_is_pushed(look_up, oci_registry, repository):
    repository.image("1.0.0", b"a layer")
    with fault_proxy(f"http://{oci_registry.address}") as proxy:
        image = f"{repository.name.replace(oci_registry.address, proxy.address)}:1.0.0"
        assert look_up(image, PLAIN_HTTP_REGISTRIES=proxy.address).code == 0
        assert {asked.method for asked in proxy.asked} == {"GET"}


def test_a_login_is_used(look_up, closed_registry, tmp_path):
    directory = tmp_path / "secret"
    directory.mkdir()
    auths = {closed_registry.address: {"auth": closed_registry.login}}
    (directory / ".dockerconfigjson").write_text(json.dumps({"auths": auths}))
    places = {"PLAIN_HTTP_REGISTRIES": closed_registry.address}
    image = f"{closed_registry.address}/pushed/none:1"
    assert "refuses access (401" in look_up(image, **places).error
    outcome = look_up(image, **places, REGISTRY_AUTH_DIRECTORY=str(directory))
    assert "pushed/none has no 1; it has nothing: build it first" in outcome.error


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("NAME:2.0.0", "has no 2.0.0; it has 1.0.0: build it first, with BUILD true, or check OCI_IMAGE"),
        (f"NAME@{NONE}", f"has no {NONE}; it has 1.0.0"),
        ("127.0.0.1:9/models/x:1", "127.0.0.1:9/models/x cannot be reached"),
        ("models", "OCI_IMAGE must be <registry>/<repository>[:<tag>][@sha256:<digest>]"),
        ("", "OCI_IMAGE is not set"),
    ],
)
def test_a_missing_image_is_an_error(look_up, repository, image, message):
    repository.image("1.0.0", b"a layer")
    plain = f"127.0.0.1:9 {repository.name.partition('/')[0]}"
    outcome = look_up(image.replace("NAME", repository.name), PLAIN_HTTP_REGISTRIES=plain)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}


def test_a_failing_registry_is_named(look_up, oci_registry, repository):
    with fault_proxy(f"http://{oci_registry.address}") as proxy:
        proxy.faults.append(times(1000, 418, "GET", "/manifests/"))
        image = f"{repository.name.replace(oci_registry.address, proxy.address)}:1.0.0"
        outcome = look_up(image, PLAIN_HTTP_REGISTRIES=proxy.address)
    assert "answered 418" in outcome.error
    assert outcome.code == 1 and outcome.results == {}
