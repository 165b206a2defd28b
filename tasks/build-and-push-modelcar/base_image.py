"""The base image of a model's image: its manifest for each platform, and the upload of its layers."""

import json
from dataclasses import dataclass

from blobs import digest_of
from json_object import JsonObject
from oci_registry import INDEX_TYPES, MANIFEST_TYPES, Registry
from task_support import TaskError


@dataclass(frozen=True)
class BaseImage:
    manifest: JsonObject
    # From the index; None for an image without an index.
    platform: JsonObject | None = None


def read_base(source: Registry) -> list[BaseImage]:
    """The image with the digest in its name, for each of its platforms."""
    digest = source.image.digest
    manifest, media_type = fetch_checked(source, digest)
    if media_type in MANIFEST_TYPES:
        return [BaseImage(manifest)]
    if media_type not in INDEX_TYPES:
        raise TaskError(f"BASE_IMAGE {source.image}@{digest} is not an image but {media_type}")
    # Attestations apply only to the base image.
    entries = [entry for entry in manifest["manifests"] if entry.get("platform", {}).get("os") not in (None, "unknown")]
    return [BaseImage(fetch_checked(source, entry["digest"])[0], entry["platform"]) for entry in entries]


def take_over(base: BaseImage, source: Registry, target: Registry) -> None:
    """Copies its layers to the target's repository."""
    for layer in base.manifest["layers"]:
        if not target.has_blob(layer["digest"]):
            target.push_blob(source.blob(layer["digest"], layer["size"]), source)


def read_configuration(base: BaseImage, source: Registry) -> JsonObject:
    config = base.manifest["config"]
    configuration: JsonObject = json.loads(b"".join(source.blob(config["digest"], config["size"]).read()))
    return configuration


def fetch_checked(registry: Registry, digest: str) -> tuple[JsonObject, str]:
    """A manifest of the base image with its media type, after checking its digest."""
    found = registry.manifest(digest)
    if found is None:
        raise TaskError(f"{registry.image} has no {digest}: check BASE_IMAGE")
    body, media_type = found
    if digest_of(body) != digest:
        raise TaskError(f"{registry.image} returned other content for {digest}")
    return json.loads(body), media_type
