"""Deploys a model with KServe and vLLM, and waits until it is rolled out and answers under its own name."""

import os
import time

import requests
from certificates import explain_certificate, trust
from deploy_request import Request, read_request
from kubernetes_objects import Manifest, Objects, Rollout, Unavailable, connect, once_available, own_namespace
from service_name import predictor_of
from serving_objects import (
    FIELD_MANAGER,
    RUNTIME,
    SERVICE,
    is_being_deleted,
    other_makers,
    owner_of,
    pods_of,
    refusal_of,
    remove,
)
from spec_digest import digest_in, for_any_user
from task_support import TaskError, run, write_result

SECONDS_BETWEEN_QUESTIONS = 3
SECONDS_TO_ANSWER = 120


def address_of(service: Manifest, objects: Objects) -> str:
    """The URL inside the cluster, from KServe's status because the port differs between installations."""
    address = (service.get("status") or {}).get("address") or {}
    host = f"{predictor_of(service['metadata']['name'])}.{objects.namespace}.svc.cluster.local"
    return (address.get("url") or f"http://{host}").rstrip("/")


def caller_headers(request: Request) -> dict[str, str]:
    if request.api_key:
        return {"Authorization": f"Bearer {request.api_key}"}
    if not request.token_auth:
        return {}
    if not request.token_file.is_file():
        raise TaskError(f"{request.token_file} is missing; the model requires the service account's token: mount it")
    return {"Authorization": f"Bearer {request.token_file.read_text().strip()}"}


def wait_for_answer(request: Request, objects: Objects, end: float) -> str:
    """Requests one token until the model answers under its own name. Returns the URL."""
    headers = caller_headers(request)
    while True:
        url, failure = try_once(request, objects, headers)
        if not failure:
            return url
        if time.monotonic() >= end:
            raise TaskError(f"{request.name} did not answer in time: {failure}")
        time.sleep(SECONDS_BETWEEN_QUESTIONS)


def try_once(request: Request, objects: Objects, headers: dict[str, str]) -> tuple[str, str]:
    """The URL, and why the model does not answer there yet ("" if it does)."""
    try:
        service = objects.get(*SERVICE, request.name)
    except Unavailable as error:
        return "", str(error)
    if service is None or is_being_deleted(service):
        raise TaskError(f"InferenceService {request.name} was deleted while waiting for it")
    url = address_of(service, objects)
    if request.token_auth and not url.startswith("https://"):
        return url, f"{url} has no TLS, so the token is not sent"
    return url, ask(url, request.model_name, headers)


def ask(url: str, name: str, headers: dict[str, str]) -> str:
    """Sends one request. Returns why there is no answer yet, "" for a good answer; TaskError for a permanent error."""
    body = {"model": name, "prompt": "1", "max_tokens": 1, "temperature": 0}
    try:
        answer = requests.post(f"{url}/v1/completions", json=body, headers=headers, timeout=SECONDS_TO_ANSWER)
    except requests.exceptions.SSLError as error:
        raise TaskError(explain_certificate(url, str(error))) from error
    except requests.RequestException as error:
        return f"{url} cannot be reached: {error}"
    if answer.status_code in (401, 403):
        needs = "let the task's service account get the InferenceService, or name the Secret with its key in ENDPOINT_SECRET"
        raise TaskError(f"{url} refuses access ({answer.status_code}): {needs}")
    if answer.status_code >= 500 or (answer.status_code == 404 and "does not exist" not in answer.text):
        return f"{url} answered {answer.status_code}"
    try:
        completion = answer.json()
    except ValueError:
        completion = {}
    if answer.ok and completion.get("model") == name and completion.get("choices"):
        return ""
    raise TaskError(f"{url} did not answer as model {name}: {answer.status_code} {answer.text[:300]}")


def make_way(objects: Objects, manifest: Manifest, owner_uid: str, end: float) -> None:
    """Removes an object of this name if an earlier run left it; TaskError if it is not a run's."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    found = objects.get(manifest["apiVersion"], kind, name)
    if found is None:
        return
    what = f"{kind} {name} in namespace {objects.namespace}"
    if makers := other_makers(found):
        raise TaskError(f"{what} exists, and another tool manages it ({makers}), so give this one another name")
    owner, uid = owner_of(found)
    if not is_being_deleted(found):
        if uid == owner_uid:
            return
        if not uid:
            raise TaskError(
                f"{what} was deployed to stay, so no run may replace it: give this one another name, or delete that one"
            )
        print(f"{what} is left over from PipelineRun {owner} ({uid}) and is replaced", flush=True)
    remove(objects, found, end)


def declare(request: Request, end: float) -> tuple[Objects, Manifest]:
    """Applies the objects, and returns the InferenceService as it was applied. Idempotent."""
    objects = Objects(connect(), own_namespace(), FIELD_MANAGER)
    service, named = request.service, request.service["spec"]["predictor"]["model"].get("runtime")
    if named and not request.runtime:
        # A ClusterServingRuntime is not found here: only KServe may read it.
        service = for_any_user(service, objects.get(*RUNTIME, named))
    manifests = [*([request.runtime] if request.runtime else []), service]
    # The model first, because it uses the runtime.
    for manifest in reversed(manifests):
        make_way(objects, manifest, request.owner_uid, end)
    for manifest in manifests:
        objects.apply(manifest)
    return objects, service


def deploy(request: Request) -> None:
    end = time.monotonic() + request.timeout_seconds
    uri = request.service["spec"]["predictor"]["model"]["storageUri"]
    print(f"{uri} as {own_namespace()}/{request.name}", flush=True)
    objects, service = once_available(lambda: declare(request, end), end)
    predictor, digest = predictor_of(request.name), digest_in(service)

    def refused() -> str:
        return refusal_of(objects.get(*SERVICE, request.name))

    Rollout(objects, predictor, pods_of(request.name), digest, request.unschedulable_seconds, refused).wait(end)
    print(f"{request.name} is rolled out", flush=True)
    url = wait_for_answer(request, objects, end)
    print(f"{request.model_name} answers at {url}", flush=True)
    if request.url_file:
        request.url_file.parent.mkdir(parents=True, exist_ok=True)
        request.url_file.write_text(url + "\n")
    write_result("inference-service", request.name)
    write_result("service-url", url)


def main() -> None:
    request = read_request()
    trust(os.environ.get("TRUSTED_CA_DIRECTORY", ""), os.environ.get("SERVICE_CA_FILE", ""))
    deploy(request)


if __name__ == "__main__":
    run(main)
