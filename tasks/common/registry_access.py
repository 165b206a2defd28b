"""Access to a Kubeflow model registry: authentication, trusted authorities, retries, and one-line errors."""

import asyncio
import os
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from certificates import trust
from model_registry.core import ModelRegistryAPIClient
from model_registry.types import ModelVersion
from mr_openapi import Configuration
from mr_openapi.exceptions import ApiException, ForbiddenException, UnauthorizedException
from task_support import Parameters, TaskError

SECONDS_TO_ANSWER = 120
# A network policy admits a new pod only after the node has programmed it.
SECONDS_TO_CONNECT = 15
# What to do about a refusal, by MODEL_REGISTRY_AUTH and status.
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


@dataclass(frozen=True)
class RegistryAccess:
    url: str
    auth: str
    token: str | None


def read_access(parameters: Parameters) -> RegistryAccess:
    """MODEL_REGISTRY_URL, MODEL_REGISTRY_AUTH (default: none) and the token that belongs to it."""
    auth = parameters.optional("MODEL_REGISTRY_AUTH", "none")
    if auth not in DENIED:
        parameters.required("MODEL_REGISTRY_AUTH", "|".join(DENIED), "none, token or serviceAccount")
    # A token must not cross the network in the clear.
    scheme = "https?" if auth == "none" else "https"
    expected = f"{scheme.replace('?', '(s)')}://host:port without a path, with MODEL_REGISTRY_AUTH {auth}"
    url = parameters.required("MODEL_REGISTRY_URL", rf"{scheme}://[^/]+/?", expected)
    return RegistryAccess(url.rstrip("/"), auth, parameters.secret("MODEL_REGISTRY_TOKEN") if auth == "token" else None)


def service_account_token() -> str:
    file = Path(os.environ.get("SERVICE_ACCOUNT_TOKEN_FILE", "/var/run/secrets/kubernetes.io/serviceaccount/token"))
    if not file.is_file():
        raise TaskError(f"{file} is missing; give the task a service account whose token is mounted")
    return file.read_text().strip()


def with_registry(access: RegistryAccess, work: Callable[[ModelRegistryAPIClient], Awaitable[None]]) -> None:
    """Does the work, which must be idempotent because it may be retried; TaskError for errors with a known cause."""
    trust(os.environ.get("TRUSTED_CA_DIRECTORY", ""), os.environ.get("SERVICE_CA_FILE", ""))
    token = service_account_token() if access.auth == "serviceAccount" else access.token
    # The client's own constructors demand a token for https; a registry without authentication takes none.
    configuration = Configuration(host=access.url, access_token=token, ssl_ca_cert=os.environ.get("SSL_CERT_FILE"))
    try:
        asyncio.run(asyncio.wait_for(when_connected(configuration, work), SECONDS_TO_ANSWER))
    except TaskError:
        raise
    except Exception as error:
        message = explain(access, error)
        if message is None:
            raise
        raise TaskError(message) from error


async def when_connected(
    configuration: Configuration, work: Callable[[ModelRegistryAPIClient], Awaitable[None]]
) -> None:
    """Retries refused connections for a while."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SECONDS_TO_CONNECT
    while True:
        try:
            return await work(ModelRegistryAPIClient(configuration))
        except aiohttp.ClientSSLError:
            raise
        except aiohttp.ClientConnectorError:
            if loop.time() > end:
                raise
            await asyncio.sleep(1)


async def find_version(
    registry: ModelRegistryAPIClient, access: RegistryAccess, name: str, version: str
) -> ModelVersion:
    """The version of a model, found by name; TaskError if the registry has none."""
    model = await registry.get_registered_model_by_params(name=name)
    found = model and await registry.get_model_version_by_params(registered_model_id=model.id, name=version)
    if not found:
        missing = "version" if model else "model"
        raise TaskError(f"the registry at {access.url} has no {missing} {name} {version}: run register-model first")
    return found


def property_name(prefix: str, *names: str) -> str:
    """The name of a custom property: characters that the registry's filters read as operators become underscores."""
    return prefix + "_".join(re.sub(r"\W+", "_", name).strip("_") for name in names)


def with_doubles(properties: Mapping[str, object]) -> dict[str, object]:
    """Custom properties that can be written back: the client reads a double without a fraction as an integer.

    Written back as an integer, it would change its type in the registry, and be refused from ten digits on.
    """
    return {
        name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in properties.items()
    }


def explain(access: RegistryAccess, error: Exception) -> str | None:
    """One line for an error with a known cause, None for others."""
    where = f"the model registry at {access.url}"
    match error:
        case UnauthorizedException() | ForbiddenException():
            return f"{where} refuses access ({error.status}): {DENIED[access.auth][error.status]}"
        case ApiException():
            return f"{where} answered {error.status} {error.reason}: {str(error.body)[:300]}"
        case ssl.SSLError() | aiohttp.ClientSSLError():
            return f"{where} has a certificate that is not trusted: {error}"
        case TimeoutError():
            return f"{where} did not answer within {SECONDS_TO_ANSWER} s"
        case aiohttp.ClientError() | OSError():
            return f"{where} cannot be reached: {error}"
    return None
