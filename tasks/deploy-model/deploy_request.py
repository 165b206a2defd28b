"""What deploy-model is asked for: the objects to apply, and how long to wait for what."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from given_service import STORAGE_URI, read_given_service
from kubernetes_objects import Manifest, own_namespace
from service_name import length_problem, service_name
from serving_manifests import Deployment, inference_service, serving_runtime
from serving_objects import owned_by_run
from task_support import Parameters, TaskError

QUANTITY = r"\d+(\.\d+)?(m|[kMGTPE]i?)?"
UID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True)
class Request:
    service: Manifest
    # None where it exists already.
    runtime: Manifest | None
    # Under which the model answers.
    model_name: str
    # Of the PipelineRun that the objects belong to; "" where they are to stay.
    owner_uid: str
    # What callers are asked for: the service account's token, or this key.
    token_auth: bool
    api_key: str
    timeout_seconds: int
    unschedulable_seconds: int
    url_file: Path | None
    token_file: Path

    @property
    def name(self) -> str:
        return self.service["metadata"]["name"]


def read_request() -> Request:
    parameters = Parameters()
    owner = read_owner(parameters)
    given = bool(parameters.optional("INFERENCE_SERVICE"))
    service, runtime, model_name, token_auth, key_auth = (read_given if given else read_described)(parameters)
    timeout, unschedulable = number(parameters, "TIMEOUT_SECONDS"), number(parameters, "UNSCHEDULABLE_SECONDS")
    url_file = parameters.directory("SERVICE_URL_FILE") if parameters.optional("SERVICE_URL_FILE") else None
    api_key = parameters.secret("OPENAI_API_KEY") if key_auth else ""
    parameters.check()
    return Request(
        service=owned_by_run(service, *owner),
        runtime=owned_by_run(runtime, *owner) if runtime else None,
        model_name=model_name,
        owner_uid=owner[1],
        token_auth=token_auth,
        api_key=api_key,
        timeout_seconds=timeout,
        unschedulable_seconds=unschedulable,
        url_file=url_file,
        token_file=Path(parameters.optional("SERVICE_ACCOUNT_TOKEN_FILE", "/nonexistent")),
    )


def number(parameters: Parameters, name: str, pattern: str = r"[1-9]\d*") -> int:
    return int(parameters.required(name, pattern, "a whole number") or 0)


def read_owner(parameters: Parameters) -> tuple[str, str]:
    """Name and uid of the PipelineRun that the objects belong to, or neither."""
    name, uid = parameters.optional("OWNER_NAME"), parameters.optional("OWNER_UID")
    if bool(name) != bool(uid):
        parameters.problem("OWNER_NAME and OWNER_UID are given both or neither")
    if uid:
        parameters.required("OWNER_UID", UID, "the uid of a PipelineRun")
    return name, uid


def read_given(parameters: Parameters) -> tuple[Manifest, None, str, bool, bool]:
    """A whole InferenceService; what else describes one is not read."""
    model_name = parameters.required("MODEL_NAME")
    given = read_given_service(parameters.optional("INFERENCE_SERVICE"), own_namespace(), model_name)
    for problem in given.problems:
        parameters.problem(problem)
    service = {} if given.problems else given.with_digest()
    return service, None, model_name, given.token_auth, given.key_auth


def read_described(parameters: Parameters) -> tuple[Manifest, Manifest | None, str, bool, bool]:
    def boolean(name: str) -> bool:
        return parameters.required(name, "true|false", "true or false") == "true"

    runtime = parameters.optional("SERVING_RUNTIME")
    image = (
        "" if runtime else parameters.required("RUNTIME_IMAGE", r"\S+@sha256:[0-9a-f]{64}", "vLLM's image by digest")
    )
    deployment = Deployment(
        name=service_name(parameters.required("MODEL_NAME")),
        storage_uri=parameters.required("STORAGE_URI", STORAGE_URI, "oci://…@sha256:…, s3://…, pvc://… or hf://…"),
        platform=parameters.required("PLATFORM", "openshift|kubernetes", "openshift or kubernetes"),
        deployment_mode=parameters.required("DEPLOYMENT_MODE", "Standard|RawDeployment", "Standard or RawDeployment"),
        runtime=runtime,
        image=image,
        startup_minutes=number(parameters, "STARTUP_MINUTES"),
        gpus=number(parameters, "GPUS", r"\d+"),
        gpu_product=parameters.optional("GPU_PRODUCT"),
        cpu=parameters.required("CPU", QUANTITY, "a quantity"),
        memory=parameters.required("MEMORY", QUANTITY, "a quantity"),
        max_model_len=number(parameters, "MAX_MODEL_LEN"),
        vllm_args=read_arguments(parameters.optional("VLLM_ARGS")),
        service_account=parameters.optional("MODEL_SERVICE_ACCOUNT"),
        pull_secret=parameters.optional("PULL_SECRET"),
        exposed=boolean("EXPOSED"),
        token_auth=boolean("TOKEN_AUTH"),
    )
    if problem := length_problem(deployment.name, own_namespace()):
        parameters.problem(f"MODEL_NAME: {problem}")
    made = None if runtime else serving_runtime(deployment)
    return inference_service(deployment), made, deployment.name, deployment.token_auth, False


def read_arguments(text: str) -> tuple[str, ...]:
    """VLLM_ARGS as a shell would split it."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise TaskError(f"VLLM_ARGS {text!r} cannot be split: {error}") from error
