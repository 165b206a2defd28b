"""Deploys AnythingLLM as the chat UI of a served model, and waits until it is rolled out and reachable."""

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from kubernetes_objects import DIGEST_ANNOTATION, Manifest, Objects, Rollout, connect, digest_of, own_namespace
from service_name import label_problem, service_name
from task_support import Parameters, TaskError, run, write_result
from templates import render

FIELD_MANAGER = "modelcar-deploy-anythingllm"
QUANTITY = r"\d+(\.\d+)?[kMGTPE]i?|\d+"
NAME = r"[a-z]([-a-z0-9]{0,51}[a-z0-9])?"
SECONDS_BETWEEN_LOOKS = 2


@dataclass(frozen=True)
class Request:
    # In the order in which to apply them.
    objects: list[Manifest]
    name: str
    # Of the model, without /v1.
    url: str
    timeout_seconds: int

    def of_kind(self, kind: str) -> list[Manifest]:
        return [one for one in self.objects if one["kind"] == kind]


def read_parameters() -> Request:
    """The objects of the chat UI, from the program's templates and the params."""
    parameters = Parameters()
    platform = parameters.required("PLATFORM", "openshift|kubernetes", "openshift or kubernetes")
    timeout = parameters.required("TIMEOUT_SECONDS", r"[1-9]\d*", "a whole number")
    name = parameters.required("CHAT_NAME", NAME, "a name of Kubernetes with at most 53 characters")
    model, namespace, key = parameters.required("MODEL_NAME"), own_namespace(), parameters.optional("API_KEY_SECRET")
    values = {
        "NAMESPACE": namespace,
        "CHAT_NAME": name,
        "ANYTHINGLLM_IMAGE": parameters.required(
            "ANYTHINGLLM_IMAGE", r"\S+@sha256:[0-9a-f]{64}", "AnythingLLM's image by digest"
        ),
        "MODEL_NAME": service_name(model) if model else "",
        "MAX_MODEL_LEN": parameters.required("MAX_MODEL_LEN", r"[1-9]\d*", "a whole number"),
        "ENDPOINT_URL": read_url(parameters),
        "API_KEY_SECRET": key,
        "API_KEY_SECRET_KEY": parameters.optional("API_KEY_SECRET_KEY"),
        "STORAGE": parameters.required("STORAGE", QUANTITY, "a quantity"),
        "STORAGE_CLASS": parameters.optional("STORAGE_CLASS"),
        "STORAGE_DIRECTORY": parameters.optional("STORAGE_DIRECTORY"),
        "PULL_SECRET": parameters.optional("PULL_SECRET"),
    }
    # OpenShift builds the Route's host from both.
    if platform == "openshift" and (
        problem := label_problem(name, "the first part of its host", f"{name}-{namespace}")
    ):
        parameters.problem(f"CHAT_NAME: {problem}")
    parameters.check()
    objects = render("chat", {"PLATFORM": platform, "HAS_KEY": "true" if key else "false"}, values)
    return Request(objects, name, values["ENDPOINT_URL"], int(timeout))


def read_url(parameters: Parameters) -> str:
    """ENDPOINT_URL, or what deploy-model saved in SERVICE_URL_FILE; without /v1."""
    url = parameters.optional("ENDPOINT_URL")
    if not url:
        file = parameters.directory("SERVICE_URL_FILE")
        parameters.check()
        if not file.is_file():
            raise TaskError(f"{file} is missing: let deploy-model write it, or set ENDPOINT_URL")
        url = file.read_text().strip()
    url = url.rstrip("/").removesuffix("/v1")
    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise TaskError(f"the model's URL must be http://… or https://…, not {url!r}")
    return url


def with_digest(deployment: Manifest) -> Manifest:
    """Adds a digest that distinguishes this Deployment's pods from those of an earlier spec."""
    template = deployment["spec"]["template"]
    annotated = {**template["metadata"], "annotations": {DIGEST_ANNOTATION: digest_of(template)}}
    return {**deployment, "spec": {**deployment["spec"], "template": {**template, "metadata": annotated}}}


def wait_for_route(objects: Objects, name: str, end: float) -> str:
    """Waits until a router has admitted the Route. Returns its URL."""
    while True:
        found = objects.get("route.openshift.io/v1", "Route", name)
        if found is None:
            raise TaskError(f"Route {name} was deleted while waiting for it")
        answers = [
            (ingress, condition)
            for ingress in (found.get("status") or {}).get("ingress") or []
            for condition in ingress.get("conditions") or []
            if condition["type"] == "Admitted"
        ]
        for ingress, condition in answers:
            if condition["status"] == "True":
                return f"https://{ingress['host']}"
        if answers:
            refusal = answers[0][1]
            raise TaskError(f"Route {name} is refused: {refusal.get('reason')}: {refusal.get('message')}")
        if time.monotonic() >= end:
            raise TaskError(f"no router admitted Route {name} in time")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def deploy(request: Request) -> None:
    name, end = request.name, time.monotonic() + request.timeout_seconds
    objects = Objects(connect(), own_namespace(), FIELD_MANAGER)
    print(f"{objects.namespace}/{name} for the model at {request.url}", flush=True)
    [deployment] = map(with_digest, request.of_kind("Deployment"))
    for manifest in request.objects:
        if manifest["kind"] == "Secret":
            # New values would lock users out of the UI and make its encrypted data unreadable.
            objects.create_once(manifest)
        else:
            objects.apply(deployment if manifest["kind"] == "Deployment" else manifest)
    selector = ",".join(f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items())
    template = deployment["spec"]["template"]
    Rollout(objects, name, selector, template["metadata"]["annotations"][DIGEST_ANNOTATION]).wait(end)
    inside = f"http://{name}.{objects.namespace}.svc.cluster.local"
    url = wait_for_route(objects, name, end) if request.of_kind("Route") else inside
    print(f"{name} is up at {url}; its password is the key AUTH_TOKEN of Secret {name}", flush=True)
    write_result("url", url)


def main() -> None:
    deploy(read_parameters())


if __name__ == "__main__":
    run(main)
