"""The KServe objects that deploy-model creates: how to recognize them, which run owns them, and how to remove them."""

import time
from collections.abc import Callable

from kubernetes_objects import Manifest, Objects
from rollout_rules import rollout_rules
from service_name import app_label_of
from task_support import TaskError

FIELD_MANAGER = "modelcar-deploy-model"
SERVICE = ("serving.kserve.io/v1beta1", "InferenceService")
RUNTIME = ("serving.kserve.io/v1alpha1", "ServingRuntime")
SECONDS_BETWEEN_LOOKS = 2


def pods_of(service: str) -> str:
    """Selector of an InferenceService's pods."""
    return f"app={app_label_of(service)}"


def refusal_of(service: Manifest | None) -> str:
    """Why KServe creates no Deployment for an InferenceService, from its status; "" if the status has no reason."""
    status = (service or {}).get("status") or {}
    model = status.get("modelStatus") or {}
    failure = model.get("lastFailureInfo") or {}
    if model.get("transitionStatus") == "InvalidSpec":
        return refused_with(failure.get("reason") or "InvalidSpec", failure.get("message"))
    conditions = status.get("conditions") or []
    failed = (c for c in conditions if c["status"] == "False" and c.get("reason") in rollout_rules().refusals)
    return next((refused_with(c["reason"], c.get("message")) for c in failed), "")


def refused_with(*parts: str | None) -> str:
    return ": ".join(["KServe does not take it", *(part for part in parts if part)])


def owned_by_run(manifest: Manifest, run: str, uid: str) -> Manifest:
    """The manifest owned by a PipelineRun, so that the cluster deletes both together. Without a uid it has no owner."""
    # Without blockOwnerDeletion, which would need a right on the PipelineRun's finalizers.
    owner = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": run, "uid": uid}
    owners = {"ownerReferences": [owner]} if uid else {}
    return {**manifest, "metadata": {**manifest["metadata"], **owners}}


def owner_of(found: Manifest) -> tuple[str, str]:
    """Name and uid of the PipelineRun that owns an object; both "" if none does."""
    owners = found["metadata"].get("ownerReferences") or []
    return next(((owner["name"], owner["uid"]) for owner in owners if owner["kind"] == "PipelineRun"), ("", ""))


def is_being_deleted(found: Manifest) -> bool:
    return "deletionTimestamp" in found["metadata"]


def other_makers(found: Manifest) -> str:
    """The field managers of an object that deploy-model did not create; "" for one that it created."""
    fields = found["metadata"].get("managedFields") or []
    if any(entry["manager"] == FIELD_MANAGER and entry["operation"] == "Apply" for entry in fields):
        return ""
    return ", ".join(sorted({entry["manager"] for entry in fields if not entry.get("subresource")})) or "nobody known"


def remove(objects: Objects, found: Manifest, end: float) -> None:
    """Deletes an object and waits until it and a model's pods are gone; TaskError when time.monotonic() is `end`."""
    kind, name = found["kind"], found["metadata"]["name"]
    if is_being_deleted(found):
        print(f"{kind} {name} is already being deleted", flush=True)
    else:
        objects.delete(found)
        print(f"deleting {kind} {name}", flush=True)
    wait_until_gone(objects, lambda: what_is_left(objects, found), f"{kind} {name}", end)


def wait_until_gone(objects: Objects, look: Callable[[], str], what: str, end: float) -> None:
    """Waits until `look`, which describes what is left, returns ""; TaskError when time.monotonic() is `end`."""
    started, said = time.monotonic(), ""
    while left := look():
        if time.monotonic() >= end:
            raise TaskError(f"{what} in namespace {objects.namespace} was not deleted in time: {left}")
        if left != said:
            print(left, flush=True)
        said = left
        time.sleep(SECONDS_BETWEEN_LOOKS)
    print(f"{what} is gone after {time.monotonic() - started:.0f} s", flush=True)


def what_is_left(objects: Objects, found: Manifest) -> str:
    kind, name = found["kind"], found["metadata"]["name"]
    now = objects.get(found["apiVersion"], kind, name)
    if now and now["metadata"]["uid"] != found["metadata"]["uid"]:
        # A successor's pods have the same labels, but deploy-model creates it only after these pods are gone.
        return ""
    if kind == SERVICE[1] and (pods := pods_left(objects, name)):
        return pods
    # Foreground deletion waits for the pods, so only after them.
    return f"{kind} {name} waits for {', '.join(now['metadata'].get('finalizers') or ['its deletion'])}" if now else ""


def pods_left(objects: Objects, service: str) -> str:
    names = [pod["metadata"]["name"] for pod in objects.list("v1", "Pod", pods_of(service))]
    return f"remaining pods: {', '.join(sorted(names))}" if names else ""
