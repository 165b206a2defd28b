"""Builds an OCI image that KServe mounts (a ModelCar) from a downloaded model and a base image, and pushes it.

Each file becomes a layer that is built while it is sent, so the model is on the disk only once. Layers that the
registry has are not sent again, and the same model on the same base gives the same image. With BUILD false nothing is
built: the existing image is looked up, so that later tasks always have its digest.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base_image import BaseImage, read_base, read_configuration, take_over
from blobs import Content, digest_of
from certificates import trust
from image_name import DIGEST, TAGGED, ImageName
from manifest import read_manifest
from model_record import check_origin
from modelcar_layers import Descriptor, Layer, descriptor, history, model_card_layer
from oci_registry import INDEX_TYPES, MANIFEST_TYPES, Registry
from pushed_image import find_pushed_image
from registry_logins import read_logins
from task_support import Parameters, TaskError, progress, run, size, write_result
from upload_session import Differs

MODEL_CARD = "README.md"
# OpenShift replaces it with a random user of group 0; plain Kubernetes requires a number for runAsNonRoot.
USER = "1001"
# The limit of containers/storage, where CRI-O keeps images.
MOST_LAYERS = 500
OCI_TYPES = {
    "application/vnd.docker.distribution.manifest.v2+json": "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json": "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.container.image.v1+json": "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
}


@dataclass(frozen=True)
class Access:
    """How to connect to registries."""

    logins: Mapping[str, str]
    plain_http: frozenset[str]

    def registry(self, image: ImageName) -> Registry:
        return Registry(image, self.logins, self.plain_http)


@dataclass(frozen=True)
class Packaging:
    access: Access
    model: Path
    expected_digest: str
    target: ImageName
    base: ImageName
    repository: str
    revision: str
    annotations: dict[str, str]


@dataclass
class Added:
    """What is added to each platform of the base image."""

    layers: list[Descriptor]
    unpacked: list[str]
    history: list[dict[str, str]]


def read_access(parameters: Parameters) -> Access:
    trust(parameters.optional("TRUSTED_CA_DIRECTORY"))
    return Access(
        logins=read_logins(parameters.optional("REGISTRY_AUTH_DIRECTORY")),
        plain_http=frozenset(parameters.optional("PLAIN_HTTP_REGISTRIES").split()),
    )


def read_packaging(parameters: Parameters) -> Packaging:
    model = parameters.directory("MODEL_DIRECTORY")
    target = parameters.required("OCI_IMAGE", TAGGED, "<registry>/<repository>[:<tag>]")
    base = parameters.required("BASE_IMAGE", f"{TAGGED}@{DIGEST}", "<registry>/<repository>@sha256:<digest>")
    repository, revision = parameters.optional("HUGGINGFACE_MODEL"), parameters.optional("SOURCE_REVISION")
    annotations = {
        "org.opencontainers.image.title": parameters.optional("MODEL_NAME", model.name),
        "org.opencontainers.image.source": repository,
        "org.opencontainers.image.revision": revision,
    }
    parameters.check()
    return Packaging(
        access=read_access(parameters),
        model=model,
        expected_digest=parameters.optional("MANIFEST_DIGEST"),
        target=ImageName.parse(target),
        base=ImageName.parse(base),
        repository=repository,
        revision=revision,
        annotations={name: value for name, value in annotations.items() if value},
    )


class LayerNotes:
    """Digests of layers that an earlier run computed, kept next to the model by path and content."""

    def __init__(self, model: Path) -> None:
        self._file = model.with_name(model.name + ".modelcar.json")
        try:
            self._notes: dict[str, list[Any]] = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            self._notes = {}

    def find(self, path: str, content: str) -> tuple[str, int] | None:
        """Digest and size of the file's layer."""
        noted = self._notes.get(f"{content}  {path}")
        return (noted[0], noted[1]) if noted else None

    def keep(self, path: str, content: str, digest: str, length: int) -> None:
        self._notes[f"{content}  {path}"] = [digest, length]
        partial = self._file.with_name(self._file.name + ".partial")
        partial.write_text(json.dumps(self._notes, indent=1))
        partial.replace(self._file)


def layer_of(packaging: Packaging, path: str, content: str, notes: LayerNotes) -> Layer:
    """A file's layer with its digest: the noted one, or one computed now, which also verifies the file."""
    layer, known = Layer(packaging.model / path, path), notes.find(path, content)
    if known and known[1] == layer.size:
        layer.digest = known[0]
        return layer
    with progress(f"{path}: computing its digest", layer.size, lambda: layer.position):
        if layer.compute() != content:
            raise TaskError(differs(layer.file))
    notes.keep(path, content, layer.digest, layer.size)
    return layer


def push_layer(registry: Registry, layer: Layer) -> int:
    """Sends a file's layer unless the registry has it, and returns the bytes sent."""
    if registry.has_blob(layer.digest):
        print(f"{layer.path}: the registry has it", flush=True)
        return 0
    try:
        with progress(layer.path, layer.size, lambda: layer.position):
            registry.push_blob(layer)
    except Differs as error:
        raise TaskError(f"{differs(layer.file)} ({error})") from error
    print(f"{layer.path}: sent {size(layer.size)}", flush=True)
    return layer.size


def differs(file: Path) -> str:
    return f"{file} differs from its manifest, so no image was built: run the pull task again"


def add_files(packaging: Packaging, registry: Registry, digests: Mapping[str, str]) -> tuple[Added, int]:
    """Sends the layers of the model's files, the model card last, and returns them with the number of bytes sent."""
    added, sent, notes = Added([], [], []), 0, LayerNotes(packaging.model)
    for path, content in digests.items():
        if path == MODEL_CARD:
            continue
        layer = layer_of(packaging, path, content, notes)
        sent += push_layer(registry, layer)
        added.layers.append(descriptor(path, layer.digest, layer.size, content))
        added.unpacked.append(layer.digest)
        added.history.append(history(path))
    if MODEL_CARD in digests:
        sent += add_model_card(packaging, registry, digests[MODEL_CARD], added)
    return added, sent


def add_model_card(packaging: Packaging, registry: Registry, content: str, added: Added) -> int:
    file = packaging.model / MODEL_CARD
    if hashlib.sha256(file.read_bytes()).hexdigest() != content:
        raise TaskError(differs(file))
    packed, unpacked = model_card_layer(file)
    sent = push_bytes(registry, packed)
    added.layers.append(descriptor(MODEL_CARD, digest_of(packed), len(packed), content, model_card=True))
    added.unpacked.append(unpacked)
    added.history.append(history(MODEL_CARD, model_card=True))
    return sent


def push_bytes(registry: Registry, content: bytes) -> int:
    """Sends a small blob unless the registry has it, and returns the bytes sent."""
    if registry.has_blob(digest_of(content)):
        return 0
    registry.push_blob(Content(content))
    return len(content)


def put_together(packaging: Packaging, source: Registry, target: Registry, base: BaseImage, added: Added) -> bytes:
    """Pushes the configuration of one platform's image, and returns its manifest."""
    manifest, configuration = base.manifest, read_configuration(base, source)
    configuration.setdefault("config", {})["User"] = USER
    configuration["rootfs"]["diff_ids"] += added.unpacked
    configuration["history"] = (configuration.get("history") or []) + added.history
    body = canonical(configuration)
    push_bytes(target, body)
    annotations = {**(manifest.get("annotations") or {}), **packaging.annotations, "io.opendatahub.author": "olot"}
    if added.layers[-1]["mediaType"].endswith("+gzip"):
        annotations["io.opendatahub.layers.modelcard"] = added.layers[-1]["digest"]
    layers = [{**layer, "mediaType": oci_type(layer["mediaType"])} for layer in manifest["layers"]]
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPES[0],
            "config": {
                "mediaType": oci_type(manifest["config"]["mediaType"]),
                "digest": digest_of(body),
                "size": len(body),
            },
            "layers": layers + added.layers,
            "annotations": {
                **annotations,
                "org.opencontainers.image.base.name": str(packaging.base),
                "org.opencontainers.image.base.digest": packaging.base.digest,
            },
        }
    )


def oci_type(media_type: str) -> str:
    return OCI_TYPES.get(media_type, media_type)


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def build(
    packaging: Packaging, source: Registry, target: Registry, bases: list[BaseImage], added: Added
) -> tuple[bytes, str]:
    """The image's manifest, or its index if the base has several platforms, and its media type."""
    entries = []
    for base in bases:
        body = put_together(packaging, source, target, base, added)
        if base.platform is None:
            return body, MANIFEST_TYPES[0]
        target.push_manifest(body, MANIFEST_TYPES[0], digest_of(body))
        entries.append(
            {"mediaType": MANIFEST_TYPES[0], "digest": digest_of(body), "size": len(body), "platform": base.platform}
        )
    return canonical({"schemaVersion": 2, "mediaType": INDEX_TYPES[0], "manifests": entries}), INDEX_TYPES[0]


def package(packaging: Packaging) -> None:
    digests, manifest_digest = read_manifest(packaging.model)
    if packaging.expected_digest and manifest_digest != packaging.expected_digest:
        raise TaskError(
            f"{packaging.model} has manifest {manifest_digest}, but MANIFEST_DIGEST is {packaging.expected_digest}"
        )
    check_origin(packaging.model, packaging.repository, packaging.revision)
    missing = [path for path in digests if not (packaging.model / path).is_file()]
    if missing:
        raise TaskError(f"{packaging.model} lacks {', '.join(missing)}: run the pull task again")
    if len(digests) + 10 > MOST_LAYERS:
        raise TaskError(f"{packaging.model} has {len(digests)} files, but an image can have only {MOST_LAYERS} layers")
    total = sum((packaging.model / path).stat().st_size for path in digests)
    print(f"{len(digests)} files, {size(total)} onto {packaging.base} to {packaging.target}", flush=True)

    source, target = packaging.access.registry(packaging.base), packaging.access.registry(packaging.target)
    # First, to report problems with the base or with permissions before hours of sending.
    bases = read_base(source)
    for base in bases:
        take_over(base, source, target)
    added, sent = add_files(packaging, target, digests)
    body, media_type = build(packaging, source, target, bases, added)
    digest = digest_of(body)
    # A registry may remove images without a tag.
    tag = packaging.target.tag or digest.removeprefix("sha256:")[:12]
    present = target.manifest(tag)
    if present is not None and digest_of(present[0]) == digest:
        print(f"{packaging.target}:{tag} is {digest} already; nothing to push", flush=True)
    else:
        target.push_manifest(body, media_type, tag)
        print(f"pushed {packaging.target}:{tag} as {digest}", flush=True)
    write_results(packaging.target, digest, tag, manifest_digest)
    write_result("uploaded-bytes", sent)
    write_result("total-bytes", total)


def look_up(access: Access, image: ImageName) -> None:
    """Reports an existing image, and builds nothing."""
    found = find_pushed_image(access.registry(image))
    print(f"nothing is built: {image} is {found.digest}, {size(found.total_bytes)}", flush=True)
    write_results(image, found.digest, found.tag, found.manifest_digest)
    write_result("uploaded-bytes", 0)
    write_result("total-bytes", found.total_bytes)


def write_results(image: ImageName, digest: str, tag: str, manifest_digest: str) -> None:
    write_result("image-digest", digest)
    write_result("image-tag", tag)
    write_result("storage-uri", f"oci://{image}@{digest}")
    write_result("manifest-digest", manifest_digest)


def main() -> None:
    parameters = Parameters()
    if parameters.required("BUILD", "true|false", "true or false") == "false":
        expected = "<registry>/<repository>[:<tag>][@sha256:<digest>]"
        image = ImageName.parse(parameters.required("OCI_IMAGE", f"{TAGGED}(@{DIGEST})?", expected))
        parameters.check()
        look_up(read_access(parameters), image)
        return
    packaging = read_packaging(parameters)
    package(packaging)


if __name__ == "__main__":
    run(main)
