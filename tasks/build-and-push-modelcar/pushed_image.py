"""An image that is in its registry already: its digest, and what can be seen of the model in it."""

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
    # "" for an image that was named by its digest alone.
    tag: str
    # Of the model's layers, or of all where they are not marked as OLOT's are.
    total_bytes: int
    # Of the model's manifest, made anew of OLOT's marks; "" where there are none.
    manifest_digest: str


def find_pushed_image(registry: Registry) -> PushedImage:
    """The image that the registry has under its name now. Without tag and digest that is latest, or the only one."""
    tag = registry.image.tag or ("" if registry.image.digest else usual_tag(registry))
    reference = registry.image.digest or tag
    body, media_type = fetch(registry, reference)
    digest = digest_of(body)
    if registry.image.digest and digest != registry.image.digest:
        raise TaskError(f"{registry.image} gave another content for {reference}")
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
    """The manifest of one platform: the model is the same in all."""
    if media_type in INDEX_TYPES:
        # Attestations have no platform.
        entries = [
            entry for entry in content["manifests"] if entry.get("platform", {}).get("os") not in (None, "unknown")
        ]
        if not entries:
            raise TaskError(f"{registry.image} has an index without any platform")
        body, media_type = fetch(registry, entries[0]["digest"])
        content = json.loads(body)
    if media_type not in MANIFEST_TYPES:
        raise TaskError(f"{registry.image} has no image but {media_type}: check OCI_IMAGE")
    return content


def content_path(layer: JsonObject) -> str:
    path: str = (layer.get("annotations") or {}).get(constants.ANNOTATION_LAYER_CONTENT_INLAYERPATH, "")
    return path
