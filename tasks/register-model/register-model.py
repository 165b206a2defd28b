"""Registers a model, its version and its location in the Kubeflow model registry, with its provenance.

It updates existing entries and creates missing ones, so running it again changes nothing. Properties of other tools
stay; its own describe only the content that is registered now.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from model_registry.core import ModelRegistryAPIClient
from model_registry.types import ModelArtifact, ModelVersion, RegisteredModel
from model_registry.types.artifacts import ArtifactState
from mr_openapi.exceptions import ConflictException
from provenance import ARTIFACT, Properties, merged, provenance_of, read_source
from registry_access import RegistryAccess, read_access, with_registry
from task_support import Parameters, TaskError, run, write_result

AUTHOR = "model-import"

Stored = TypeVar("Stored", RegisteredModel, ModelVersion, ModelArtifact)


@dataclass(frozen=True)
class Registration:
    access: RegistryAccess
    name: str
    version: str
    uri: str
    format_name: str
    format_version: str
    provenance: Properties


def read_parameters() -> Registration:
    parameters = Parameters()
    access = read_access(parameters)
    source = read_source(parameters)
    name, version = parameters.required("MODEL_NAME"), parameters.required("MODEL_VERSION")
    uri = parameters.required("MODEL_URI", r"(s3|oci|pvc|https?)://.+", "an s3://, oci:// or pvc:// URI")
    format_name = parameters.required("MODEL_FORMAT_NAME")
    format_version = parameters.required("MODEL_FORMAT_VERSION")
    if "@" in uri and source.image_digest and not uri.endswith(f"@{source.image_digest}"):
        parameters.problem(f"MODEL_URI {uri} must have the digest IMAGE_DIGEST {source.image_digest}")
    parameters.check()
    return Registration(access, name, version, uri, format_name, format_version, provenance_of(source))


async def upsert(
    find: Callable[[], Awaitable[Stored | None]],
    wanted: Stored,
    save: Callable[[Stored], Awaitable[Stored]],
) -> str:
    """Creates an entry if find() does not find it, otherwise updates it. Returns its id."""
    found = await find()
    try:
        saved = await save(merge(found, wanted))
    except ConflictException:
        # Another run has created it in the meantime.
        saved = await save(merge(await find(), wanted))
    identifier: str | None = saved.id
    if identifier is None:
        raise TaskError(f"the registry saved {wanted.name} without an id")
    action = "updated" if found else "created"
    print(f"{action} {type(wanted).__name__} {wanted.name} with id {identifier}", flush=True)
    return identifier


def merge(found: Stored | None, wanted: Stored) -> Stored:
    """The wanted entry with the id of the found one."""
    if found is None:
        return wanted
    properties = merged(found.custom_properties or {}, wanted.custom_properties or {})
    return wanted.model_copy(update={"id": found.id, "custom_properties": properties})


async def register(registry: ModelRegistryAPIClient, registration: Registration) -> None:
    model_id = await upsert(
        lambda: registry.get_registered_model_by_params(name=registration.name),
        RegisteredModel(name=registration.name, owner=AUTHOR),
        registry.upsert_registered_model,
    )
    version_id = await upsert(
        lambda: registry.get_model_version_by_params(registered_model_id=model_id, name=registration.version),
        ModelVersion(
            name=registration.version,
            author=AUTHOR,
            description=f"{registration.provenance['huggingface_model']} at {registration.provenance['source_revision']}",
            custom_properties=dict(registration.provenance),
        ),
        lambda version: registry.upsert_model_version(version, model_id),
    )
    artifact_id = await upsert(
        lambda: registry.get_model_artifact_by_params(name=registration.name, model_version_id=version_id),
        ModelArtifact(
            name=registration.name,
            uri=registration.uri,
            model_format_name=registration.format_name,
            model_format_version=registration.format_version,
            state=ArtifactState.LIVE,
            custom_properties={name: value for name, value in registration.provenance.items() if name in ARTIFACT},
        ),
        lambda artifact: registry.upsert_model_version_artifact(artifact, version_id),
    )
    write_result("registered-model-id", model_id)
    write_result("model-version-id", version_id)
    write_result("model-artifact-id", artifact_id)


def main() -> None:
    registration = read_parameters()
    print(f"{registration.name} {registration.version} at {registration.access.url}", flush=True)
    with_registry(registration.access, lambda registry: register(registry, registration))


if __name__ == "__main__":
    run(main)
