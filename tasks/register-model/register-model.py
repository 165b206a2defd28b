"""Records a model, its version and where it lies in the Kubeflow model registry, with its provenance.

What exists is updated, what does not is created, so running it again changes nothing.
"""

import asyncio
import os
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import aiohttp
from model_registry.core import ModelRegistryAPIClient
from model_registry.types import ModelArtifact, ModelVersion, RegisteredModel
from model_registry.types.artifacts import ArtifactState
from mr_openapi import Configuration
from mr_openapi.exceptions import (
    ApiException,
    ConflictException,
    ForbiddenException,
    UnauthorizedException,
)
from task_support import Parameters, TaskError, run, write_result

AUTHOR = "model-import"
SECONDS_TO_ANSWER = 120
# A network policy lets a new pod through only when the node has heard of it.
SECONDS_TO_CONNECT = 15
# What to do about a refusal, by what was sent.
DENIED = {
    "none": {
        401: "it asks for a token, so set MODEL_REGISTRY_AUTH to token or serviceAccount",
        403: "it lets nobody in without a token, so set MODEL_REGISTRY_AUTH to token or serviceAccount",
    },
    "token": {
        401: "it does not know the token in the secret model-registry-token, so set a new one",
        403: "the owner of the token in the secret model-registry-token has no rights on it",
    },
    "serviceAccount": {
        401: "it does not know the token of the task's service account; is it in this cluster?",
        403: "bind the task's service account to the Role registry-user-<name of the registry> beside it",
    },
}

Stored = TypeVar("Stored", RegisteredModel, ModelVersion, ModelArtifact)


@dataclass(frozen=True)
class Registration:
    url: str
    auth: str
    token: str | None
    name: str
    version: str
    uri: str
    format_name: str
    format_version: str
    provenance: dict[str, str]


def service_account_token() -> str:
    file = Path(os.environ.get("SERVICE_ACCOUNT_TOKEN_FILE", "/var/run/secrets/kubernetes.io/serviceaccount/token"))
    if not file.is_file():
        raise TaskError(f"{file} is missing; give the task a service account whose token is mounted")
    return file.read_text().strip()


def trusted_certificates() -> str | None:
    """A file of the usual authorities and the cluster's own, if the cluster has one of its own; else None."""
    own = Path(os.environ.get("SERVICE_CA_FILE", ""))
    if not own.is_file():
        return None
    usual = [ssl.get_default_verify_paths().cafile, "/etc/ssl/certs/ca-certificates.crt"]
    files = [*[Path(file) for file in usual if file and Path(file).is_file()][:1], own]
    bundle = Path(tempfile.mkdtemp(), "ca.crt")
    bundle.write_text("\n".join(file.read_text() for file in files))
    return str(bundle)


def read_parameters() -> Registration:
    parameters = Parameters({"MODEL_REGISTRY_AUTH": "none", **os.environ})
    auth = parameters.required("MODEL_REGISTRY_AUTH", "|".join(DENIED), "none, token or serviceAccount")
    # A token must not cross the network in the clear.
    scheme = "https?" if auth == "none" else "https"
    expected = f"{scheme.replace('?', '(s)')}://host:port without a path, with MODEL_REGISTRY_AUTH {auth or 'none'}"
    url = parameters.required("MODEL_REGISTRY_URL", rf"{scheme}://[^/]+/?", expected)
    provenance = {
        "huggingface_model": parameters.required("HUGGINGFACE_MODEL"),
        "source_revision": parameters.required("SOURCE_REVISION", r"[0-9a-f]{40}", "a commit of 40 hex digits"),
        "manifest_digest": parameters.required("MANIFEST_DIGEST", r"sha256:[0-9a-f]{64}", "sha256:<64 hex digits>"),
        "pipeline_run_name": parameters.required("PIPELINE_RUN_NAME"),
        "pipeline_run_uid": parameters.required("PIPELINE_RUN_UID"),
    }
    registration = Registration(
        url=url,
        auth=auth,
        token=parameters.secret("MODEL_REGISTRY_TOKEN") if auth == "token" else None,
        name=parameters.required("MODEL_NAME"),
        version=parameters.required("MODEL_VERSION"),
        uri=parameters.required("MODEL_URI", r"(s3|oci|pvc|https?)://.+", "an s3://, oci:// or pvc:// URI"),
        format_name=parameters.required("MODEL_FORMAT_NAME"),
        format_version=parameters.required("MODEL_FORMAT_VERSION"),
        provenance=provenance,
    )
    parameters.check()
    return replace(registration, token=service_account_token()) if auth == "serviceAccount" else registration


def connect(registration: Registration) -> ModelRegistryAPIClient:
    # The client's own constructors demand a token for https; a registry without authentication takes none.
    return ModelRegistryAPIClient(
        Configuration(
            host=registration.url.rstrip("/"),
            access_token=registration.token,
            ssl_ca_cert=trusted_certificates(),
        )
    )


async def upsert(
    find: Callable[[], Awaitable[Stored | None]],
    wanted: Stored,
    save: Callable[[Stored], Awaitable[Stored]],
) -> str:
    """Creates what find() does not find, else brings it to what is wanted. Returns its id."""
    found = await find()
    try:
        saved = await save(merge(found, wanted))
    except ConflictException:
        # Another run created it meanwhile.
        saved = await save(merge(await find(), wanted))
    if saved.id is None:
        raise TaskError(f"the registry saved {wanted.name} without an id")
    action = "updated" if found else "created"
    print(f"{action} {type(wanted).__name__} {wanted.name} with id {saved.id}", flush=True)
    return saved.id


def merge(found: Stored | None, wanted: Stored) -> Stored:
    """What is wanted under the id of what was found, which keeps its other custom properties."""
    if found is None:
        return wanted
    properties = {**(found.custom_properties or {}), **(wanted.custom_properties or {})}
    return wanted.model_copy(update={"id": found.id, "custom_properties": properties})


async def register(registration: Registration) -> None:
    registry = connect(registration)
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
            custom_properties={"manifest_digest": registration.provenance["manifest_digest"]},
        ),
        lambda artifact: registry.upsert_model_version_artifact(artifact, version_id),
    )
    write_result("registered-model-id", model_id)
    write_result("model-version-id", version_id)
    write_result("model-artifact-id", artifact_id)


async def register_when_connected(registration: Registration) -> None:
    """Registers, and tries a refused connection again for a while; what was done before it is found and kept."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SECONDS_TO_CONNECT
    while True:
        try:
            return await register(registration)
        except aiohttp.ClientSSLError:
            raise
        except aiohttp.ClientConnectorError:
            if loop.time() > end:
                raise
            await asyncio.sleep(1)


def explain(registration: Registration, error: Exception) -> str | None:
    """One line for a failure that has a known cause, None for the others."""
    where = f"the model registry at {registration.url}"
    match error:
        case UnauthorizedException() | ForbiddenException():
            return f"{where} refuses access ({error.status}): {DENIED[registration.auth][error.status]}"
        case ApiException():
            return f"{where} answered {error.status} {error.reason}: {str(error.body)[:300]}"
        case ssl.SSLError() | aiohttp.ClientSSLError():
            return f"{where} has a certificate that is not trusted: {error}"
        case TimeoutError():
            return f"{where} did not answer within {SECONDS_TO_ANSWER} s"
        case aiohttp.ClientError() | OSError():
            return f"{where} cannot be reached: {error}"
    return None


def main() -> None:
    registration = read_parameters()
    print(f"{registration.name} {registration.version} at {registration.url}", flush=True)
    try:
        asyncio.run(asyncio.wait_for(register_when_connected(registration), SECONDS_TO_ANSWER))
    except TaskError:
        raise
    except Exception as error:
        message = explain(registration, error)
        if message is None:
            raise
        raise TaskError(message) from error


if __name__ == "__main__":
    run(main)
