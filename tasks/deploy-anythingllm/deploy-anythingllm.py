"""Deploys AnythingLLM as the chat UI of a served model, and waits until it is rolled out and reachable."""

import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import chat_manifests
from chat_manifests import SECRET_KEYS, STORAGE_DIRECTORIES, Chat
from kubernetes_objects import DIGEST_ANNOTATION, Manifest, Objects, Rollout, connect, digest_of, own_namespace
from service_name import label_problem, service_name
from task_support import Parameters, TaskError, run, write_result

FIELD_MANAGER = "modelcar-deploy-anythingllm"
QUANTITY = r"\d+(\.\d+)?[kMGTPE]i?|\d+"
NAME = r"[a-z]([-a-z0-9]{0,51}[a-z0-9])?"
SECONDS_BETWEEN_LOOKS = 2


@dataclass(frozen=True)
class Request:
    chat: Chat
    timeout_seconds: int


def read_parameters() -> Request:
    parameters = Parameters()
    platform = parameters.required("PLATFORM", "openshift|kubernetes", "openshift or kubernetes")
    length = parameters.required("MAX_MODEL_LEN", r"[1-9]\d*", "a whole number")
    timeout = parameters.required("TIMEOUT_SECONDS", r"[1-9]\d*", "a whole number")
    model = parameters.required("MODEL_NAME")
    chat = Chat(
        name=parameters.required("CHAT_NAME", NAME, "a name of Kubernetes with at most 53 characters"),
        namespace=own_namespace(),
        platform=platform,
        image=parameters.required("ANYTHINGLLM_IMAGE", r"\S+@sha256:[0-9a-f]{64}", "AnythingLLM's image by digest"),
        pull_secret=parameters.optional("PULL_SECRET"),
        url=read_url(parameters),
        model=service_name(model) if model else "",
        max_model_len=int(length or 0),
        api_key_secret=parameters.optional("API_KEY_SECRET"),
        api_key=parameters.optional("API_KEY_SECRET_KEY", "api-key"),
        storage=parameters.required("STORAGE", QUANTITY, "a quantity"),
        storage_class=parameters.optional("STORAGE_CLASS"),
        storage_directory=parameters.optional("STORAGE_DIRECTORY") or STORAGE_DIRECTORIES.get(platform, ""),
    )
    # OpenShift makes the Route's host of both.
    host = f"{chat.name}-{chat.namespace}"
    if platform == "openshift" and (problem := label_problem(chat.name, "the first part of its host", host)):
        parameters.problem(f"CHAT_NAME: {problem}")
    parameters.check()
    return Request(chat, int(timeout))


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
    """By the digest the pods of this declaration are told from those of an earlier one."""
    template = deployment["spec"]["template"]
    annotated = {**template["metadata"], "annotations": {DIGEST_ANNOTATION: digest_of(template)}}
    return {**deployment, "spec": {**deployment["spec"], "template": {**template, "metadata": annotated}}}


def wait_for_route(objects: Objects, name: str, end: float) -> str:
    """Until a router has admitted the Route. Returns its URL."""
    while True:
        found = objects.get("route.openshift.io/v1", "Route", name)
        if found is None:
            raise TaskError(f"Route {name} was removed while it was waited for")
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
            raise TaskError(f"no router has admitted Route {name} within the time")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def deploy(request: Request) -> None:
    chat = request.chat
    end = time.monotonic() + request.timeout_seconds
    objects = Objects(connect(), chat.namespace, FIELD_MANAGER)
    print(f"{chat.namespace}/{chat.name} for model {chat.model} at {chat.url}", flush=True)
    # Other values would lock users out of the UI and make what it has encrypted unreadable.
    objects.create_once(chat_manifests.secret(chat, {key: secrets.token_hex(32) for key in SECRET_KEYS}))
    objects.apply(chat_manifests.volume_claim(chat))
    deployment = with_digest(chat_manifests.deployment(chat))
    objects.apply(deployment)
    objects.apply(chat_manifests.service(chat))
    on_openshift = chat.platform == "openshift"
    if on_openshift:
        objects.apply(chat_manifests.route(chat))
    selector = ",".join(f"{key}={value}" for key, value in chat_manifests.labels(chat).items())
    template = deployment["spec"]["template"]
    Rollout(objects, chat.name, selector, template["metadata"]["annotations"][DIGEST_ANNOTATION]).wait(end)
    inside = f"http://{chat.name}.{chat.namespace}.svc.cluster.local"
    url = wait_for_route(objects, chat.name, end) if on_openshift else inside
    print(f"{chat.name} is up at {url}; its password is the key AUTH_TOKEN of Secret {chat.name}", flush=True)
    write_result("url", url)


def main() -> None:
    deploy(read_parameters())


if __name__ == "__main__":
    run(main)
