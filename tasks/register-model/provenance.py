"""The provenance of a model version, as custom properties of the registry."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from manifest import manifest_path, read_manifest
from model_record import Compression, check_origin, read_compression
from registry_access import with_doubles
from task_support import Parameters

SHA256 = r"sha256:[0-9a-f]{64}"
# Properties that identify the registered content.
CONTENT_DIGESTS = ("manifest_digest", "image_digest")
# Properties of the artifact too. An update without properties would keep its old ones.
ARTIFACT = ("source_revision", *CONTENT_DIGESTS)
COMPRESSION, WEIGHTS = "compression_", "weights_bytes"
OWN = ("huggingface_model", "source_revision", "pipeline_run_name", "pipeline_run_uid", WEIGHTS, *CONTENT_DIGESTS)
# Formats of weights. A server loads only one, the first that exists.
FORMATS = (".safetensors", ".gguf", ".bin", ".pt")

Properties = dict[str, str]


@dataclass(frozen=True)
class Source:
    # None without a model directory.
    model: Path | None
    repository: str
    revision: str
    # "": the manifest next to the model.
    manifest_digest: str
    image_digest: str
    run_name: str
    run_uid: str


def read_source(parameters: Parameters) -> Source:
    def digest(name: str) -> str:
        return parameters.required(name, SHA256, "sha256:<64 hex digits>") if parameters.optional(name) else ""

    directory, workspace = parameters.optional("MODEL_DIRECTORY"), parameters.optional("MODELS_DIRECTORY")
    return Source(
        # Without the optional workspace the model cannot be read.
        model=parameters.directory("MODEL_DIRECTORY") if directory and workspace else None,
        repository=parameters.required("HUGGINGFACE_MODEL"),
        revision=parameters.required("SOURCE_REVISION", r"[0-9a-f]{40}", "a commit of 40 hex digits"),
        manifest_digest=digest("MANIFEST_DIGEST"),
        image_digest=digest("IMAGE_DIGEST"),
        run_name=parameters.required("PIPELINE_RUN_NAME"),
        run_uid=parameters.required("PIPELINE_RUN_UID"),
    )


def provenance_of(source: Source) -> Properties:
    """The properties, including those from the model's records; TaskError if these name another origin."""
    properties: Properties = {
        "huggingface_model": source.repository,
        "source_revision": source.revision,
        "manifest_digest": source.manifest_digest,
        "image_digest": source.image_digest,
        "pipeline_run_name": source.run_name,
        "pipeline_run_uid": source.run_uid,
        **of_directory(source),
    }
    return {name: value for name, value in properties.items() if value}


def of_directory(source: Source) -> Properties:
    """The properties from the workspace about the registered model."""
    if source.model is None:
        return {}
    if not manifest_path(source.model).is_file():
        print(f"{source.model} has no manifest, so nothing about it is recorded", flush=True)
        return {}
    files, digest = read_manifest(source.model)
    if source.manifest_digest and digest != source.manifest_digest:
        print(f"{source.model} is not the registered model, so nothing about it is recorded", flush=True)
        return {}
    check_origin(source.model, source.repository, source.revision)
    compression = read_compression(source.model)
    weights = weights_bytes(source.model, files)
    return {
        "manifest_digest": digest,
        WEIGHTS: "" if weights is None else str(weights),
        **(of_compression(compression) if compression else {}),
    }


def weights_bytes(model: Path, files: Iterable[str]) -> int | None:
    """Bytes of the weights among a model's files, or of all its files if none has a known format of weights.

    If an index lists the files of its format, other files are copies of the same weights. None if files are missing.
    """
    names = list(files)
    weights = next((found for end in FORMATS if (found := [name for name in names if name.endswith(end)])), names)
    for index in (name for name in names if name.endswith(".index.json") and (model / name).is_file()):
        listed = set(json.loads((model / index).read_text()).get("weight_map", {}).values())
        weights = [name for name in weights if name in listed] or weights
    missing = [name for name in weights if not (model / name).is_file()]
    if missing:
        print(f"{model / missing[0]} is missing, so the size of the weights is not recorded", flush=True)
        return None
    return sum((model / name).stat().st_size for name in weights)


def of_compression(compression: Compression) -> Properties:
    return {
        COMPRESSION + "scheme": compression.scheme,
        COMPRESSION + "recipe": compression.recipe,
        COMPRESSION + "recipe_digest": compression.recipe_digest,
        COMPRESSION + "calibration": compression.calibration,
        COMPRESSION + "calibration_samples": str(compression.samples),
        COMPRESSION + "max_sequence_length": str(compression.max_sequence_length),
        COMPRESSION + "source_manifest_digest": compression.source_digest,
        COMPRESSION + "bytes_before": str(compression.bytes_before),
        COMPRESSION + "bytes_after": str(compression.bytes_after),
        COMPRESSION + "llmcompressor_version": compression.versions["llmcompressor"],
    }


def merged(present: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """The merged properties: those of other tools stay, and the task's own while they are about the same content."""
    present = with_doubles(present)
    if any(name in new and present.get(name) == new[name] for name in CONTENT_DIGESTS):
        return {**present, **new}
    others = {name: value for name, value in present.items() if name not in OWN and not name.startswith(COMPRESSION)}
    return {**others, **new}
