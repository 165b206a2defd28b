"""An image that is already in its registry: its digest, and what it reveals about the model in it."""

import json
from dataclasses import dataclass

from blobs import digest_of
from json_object import JsonObject
from manifest import manifest_text, text_digest
from oci_registry import INDEX_TYPES, MANIFEST_TYPES, Registry
from olot import constants
from task_support import TaskError

MODELS = "/models/"


@dataclass(frozen=True)
class PushedImage:
    digest: str
    # "" for an image that was named only by its digest.
    tag: str
    # Of the model's layers, or of all layers if OLOT's annotations are missing.
    total_bytes: int
    # Of the model's manifest, rebuilt from OLOT's annotations; "" without them.
    manifest_digest: str


def find_pushed_image(registry: Registry) -> PushedImage:
    """The image that its name refers to now. Without tag and digest this is latest, or the only image."""
    tag = registry.image.tag or ("" if registry.image.digest else usual_tag(registry))
    reference = registry.image.digest or tag
    body, media_type = fetch(registry, reference)
    digest = digest_of(body)
    if registry.image.digest and digest != registry.image.digest:
        raise TaskError(f"{registry.image} returned other content for {reference}")
    layers = platform_manifest(registry, json.loads(body), media_type)["layers"]
    model = [layer for layer in layers if content_path(layer).startswith(MODELS)]
    contents = {
        content_path(layer).removeprefix(MODELS): layer["annotations"][constants.ANNOTATION_LAYER_CONTENT_DIGEST]
        for layer in model
    }
    manifest = manifest_text({path: content.removeprefix("sha256:") for path, content in contents.items()})
    return PushedImage(
        digest=digest,
        tag=tag,
        total_bytes=sum(layer["size"] for layer in model or layers),
        manifest_digest=text_digest(manifest) if contents else "",
    )


def usual_tag(registry: Registry) -> str:
    tags = registry.tags()
    if "latest" in tags or len(tags) == 1:
        return "latest" if "latest" in tags else tags[0]
    if not tags:
        raise TaskError(f"{registry.image} has no image: build it first, with BUILD true, or check OCI_IMAGE")
    raise TaskError(
        f"{registry.image} has several images: add one of the tags {', '.join(sorted(tags)[:10])} to OCI_IMAGE"
    )


def fetch(registry: Registry, reference: str) -> tuple[bytes, str]:
    found = registry.manifest(reference)
    if found is None:
        tags = ", ".join(sorted(registry.tags())[:10]) or "nothing"
        raise TaskError(
            f"{registry.image} has no {reference}; it has {tags}: build it first, with BUILD true, or check OCI_IMAGE"
        )
    return found


def platform_manifest(registry: Registry, content: JsonObject, media_type: str) -> JsonObject:
    """The manifest of one platform; the model is the same on all."""
    if media_type in INDEX_TYPES:
        # Attestations have no platform.
        entries = [
            entry for entry in content["manifests"] if entry.get("platform", {}).get("os") not in (None, "unknown")
        ]
        if not entries:
            raise TaskError(f"{registry.image} is an index without any platform: check OCI_IMAGE")
        body, media_type = fetch(registry, entries[0]["digest"])
        content = json.loads(body)
    if media_type not in MANIFEST_TYPES:
        raise TaskError(f"{registry.image} is not an image but {media_type}: check OCI_IMAGE")
    return content


def content_path(layer: JsonObject) -> str:
    path: str = (layer.get("annotations") or {}).get(constants.ANNOTATION_LAYER_CONTENT_INLAYERPATH, "")
    return path
