"""Deploys a model with KServe and vLLM, and waits until it truly serves: rolled out, and it answers under its own name."""

import os
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

import requests
from certificates import explain_certificate, trust
from kubernetes_objects import Manifest, Objects, Rollout, connect, own_namespace
from service_name import service_name
from serving_manifests import Deployment, digest_in, inference_service, serving_runtime
from task_support import Parameters, TaskError, run, write_result

FIELD_MANAGER = "modelcar-deploy-model"
STORAGE_URI = r"oci://[^@\s]+@sha256:[0-9a-f]{64}|(s3|pvc|hf)://\S+"
QUANTITY = r"\d+(\.\d+)?(m|[kMGTPE]i?)?"
SECONDS_BETWEEN_QUESTIONS = 3
SECONDS_TO_ANSWER = 120


@dataclass(frozen=True)
class Request:
    deployment: Deployment
    timeout_seconds: int
    url_file: Path | None
    token_file: Path


def read_parameters() -> Request:
    parameters = Parameters()

    def number(name: str, pattern: str = r"[1-9]\d*") -> int:
        return int(parameters.required(name, pattern, "a whole number") or 0)

    def boolean(name: str) -> bool:
        return parameters.required(name, "true|false", "true or false") == "true"

    runtime = parameters.optional("SERVING_RUNTIME")
    image = "" if runtime else parameters.required("RUNTIME_IMAGE", r"\S+@sha256:[0-9a-f]{64}", "vLLM's image by digest")
    deployment = Deployment(
        name=service_name(parameters.required("MODEL_NAME")),
        storage_uri=parameters.required("STORAGE_URI", STORAGE_URI, "oci://…@sha256:…, s3://…, pvc://… or hf://…"),
        platform=parameters.required("PLATFORM", "openshift|kubernetes", "openshift or kubernetes"),
        deployment_mode=parameters.required("DEPLOYMENT_MODE", "Standard|RawDeployment", "Standard or RawDeployment"),
        runtime=runtime,
        image=image,
        startup_minutes=number("STARTUP_MINUTES"),
        gpus=number("GPUS", r"\d+"),
        gpu_product=parameters.optional("GPU_PRODUCT"),
        cpu=parameters.required("CPU", QUANTITY, "a quantity"),
        memory=parameters.required("MEMORY", QUANTITY, "a quantity"),
        max_model_len=number("MAX_MODEL_LEN"),
        vllm_args=read_arguments(parameters.optional("VLLM_ARGS")),
        service_account=parameters.optional("MODEL_SERVICE_ACCOUNT"),
        pull_secret=parameters.optional("PULL_SECRET"),
        exposed=boolean("EXPOSED"),
        token_auth=boolean("TOKEN_AUTH"),
    )
    timeout = number("TIMEOUT_SECONDS")
    url_file = parameters.directory("SERVICE_URL_FILE") if parameters.optional("SERVICE_URL_FILE") else None
    token_file = Path(parameters.optional("SERVICE_ACCOUNT_TOKEN_FILE", "/nonexistent"))
    parameters.check()
    return Request(deployment, timeout, url_file, token_file)


def read_arguments(text: str) -> tuple[str, ...]:
    """VLLM_ARGS as a shell would split it."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise TaskError(f"VLLM_ARGS {text!r} cannot be split: {error}") from error


def address_of(service: Manifest | None, objects: Objects, name: str) -> str:
    """The URL inside the cluster, as KServe says it, because the port differs between installations."""
    address = ((service or {}).get("status") or {}).get("address") or {}
    return (address.get("url") or f"http://{name}-predictor.{objects.namespace}.svc.cluster.local").rstrip("/")


def wait_for_answer(request: Request, objects: Objects, end: float) -> str:
    """Asks for one token until the model answers under its own name. Returns the URL."""
    name = request.deployment.name
    headers = {}
    if request.deployment.token_auth:
        if not request.token_file.is_file():
            raise TaskError(f"{request.token_file} is missing; TOKEN_AUTH needs the service account's token mounted")
        headers["Authorization"] = f"Bearer {request.token_file.read_text().strip()}"
    failure = "it was not asked"
    while True:
        service = objects.get("serving.kserve.io/v1beta1", "InferenceService", name)
        if service is None:
            raise TaskError(f"InferenceService {name} was removed while it was waited for")
        url = address_of(service, objects, name)
        if headers and not url.startswith("https://"):
            failure = f"{url} has no TLS, so the token is not sent"
        else:
            failure = ask(url, name, headers)
            if not failure:
                return url
        if time.monotonic() >= end:
            raise TaskError(f"{name} does not answer within the time: {failure}")
        time.sleep(SECONDS_BETWEEN_QUESTIONS)


def ask(url: str, name: str, headers: dict[str, str]) -> str:
    """Asks once. Returns why there is no answer yet, "" for a good one; TaskError for one that will not change."""
    body = {"model": name, "prompt": "1", "max_tokens": 1, "temperature": 0}
    try:
        answer = requests.post(f"{url}/v1/completions", json=body, headers=headers, timeout=SECONDS_TO_ANSWER)
    except requests.exceptions.SSLError as error:
        raise TaskError(explain_certificate(url, str(error))) from error
    except requests.RequestException as error:
        return f"{url} cannot be reached: {error}"
    if answer.status_code in (401, 403):
        raise TaskError(f"{url} refuses access ({answer.status_code}): let the task's service account get the InferenceService")
    if answer.status_code >= 500 or (answer.status_code == 404 and "does not exist" not in answer.text):
        return f"{url} answered {answer.status_code}"
    try:
        completion = answer.json()
    except ValueError:
        completion = {}
    if answer.ok and completion.get("model") == name and completion.get("choices"):
        return ""
    raise TaskError(f"{url} did not answer as model {name}: {answer.status_code} {answer.text[:300]}")


def deploy(request: Request) -> None:
    deployment = request.deployment
    end = time.monotonic() + request.timeout_seconds
    objects = Objects(connect(), own_namespace(), FIELD_MANAGER)
    print(f"{deployment.storage_uri} as {objects.namespace}/{deployment.name}", flush=True)
    if not deployment.runtime:
        objects.apply(serving_runtime(deployment))
    service = inference_service(deployment)
    objects.apply(service)
    predictor = f"{deployment.name}-predictor"
    Rollout(objects, predictor, f"app=isvc.{predictor}", digest_in(service)).wait(end)
    print(f"{deployment.name} is rolled out", flush=True)
    url = wait_for_answer(request, objects, end)
    print(f"{deployment.name} answers at {url}", flush=True)
    if request.url_file:
        request.url_file.parent.mkdir(parents=True, exist_ok=True)
        request.url_file.write_text(url + "\n")
    write_result("inference-service", deployment.name)
    write_result("service-url", url)


def main() -> None:
    request = read_parameters()
    trust(os.environ.get("TRUSTED_CA_DIRECTORY", ""), os.environ.get("SERVICE_CA_FILE", ""))
    deploy(request)


if __name__ == "__main__":
    run(main)
