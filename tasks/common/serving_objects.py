"""The objects of KServe that deploy-model makes: how they are told from others', whose they are, and their removal."""

import time
from collections.abc import Callable

from kubernetes_objects import Manifest, Objects
from service_name import app_label_of
from task_support import TaskError

FIELD_MANAGER = "modelcar-deploy-model"
SERVICE = ("serving.kserve.io/v1beta1", "InferenceService")
RUNTIME = ("serving.kserve.io/v1alpha1", "ServingRuntime")
SECONDS_BETWEEN_LOOKS = 2
# Reasons of conditions with which KServe says that it could not make the objects, as packages/kserve-readiness/src/complaints.ts has them.
REFUSALS = ("ReconcileFailed", "InvalidGPUAllocation")


def pods_of(service: str) -> str:
    """Selector of an InferenceService's pods."""
    return f"app={app_label_of(service)}"


def refusal_of(service: Manifest | None) -> str:
    """Why KServe makes no Deployment of an InferenceService, as its status tells; "" if it does not tell."""
    status = (service or {}).get("status") or {}
    model = status.get("modelStatus") or {}
    failure = model.get("lastFailureInfo") or {}
    if model.get("transitionStatus") == "InvalidSpec":
        return refused_with(failure.get("reason") or "InvalidSpec", failure.get("message"))
    conditions = status.get("conditions") or []
    failed = (c for c in conditions if c["status"] == "False" and c.get("reason") in REFUSALS)
    return next((refused_with(c["reason"], c.get("message")) for c in failed), "")


def refused_with(*parts: str | None) -> str:
    return ": ".join(["KServe does not take it", *(part for part in parts if part)])


def owned_by_run(manifest: Manifest, run: str, uid: str) -> Manifest:
    """The manifest, owned by a PipelineRun, with which the cluster removes the object. Without a uid nothing owns it."""
    # Without blockOwnerDeletion, which would take a right on the PipelineRun's finalizers.
    owner = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": run, "uid": uid}
    owners = {"ownerReferences": [owner]} if uid else {}
    return {**manifest, "metadata": {**manifest["metadata"], **owners}}


def owner_of(found: Manifest) -> tuple[str, str]:
    """Name and uid of the PipelineRun that owns an object, two times "" if none does."""
    owners = found["metadata"].get("ownerReferences") or []
    return next(((owner["name"], owner["uid"]) for owner in owners if owner["kind"] == "PipelineRun"), ("", ""))


def is_being_deleted(found: Manifest) -> bool:
    return "deletionTimestamp" in found["metadata"]


def other_makers(found: Manifest) -> str:
    """Who made an object that deploy-model did not make; "" for one that it made."""
    fields = found["metadata"].get("managedFields") or []
    if any(entry["manager"] == FIELD_MANAGER and entry["operation"] == "Apply" for entry in fields):
        return ""
    return ", ".join(sorted({entry["manager"] for entry in fields if not entry.get("subresource")})) or "nobody known"


def remove(objects: Objects, found: Manifest, end: float) -> None:
    """Deletes an object and waits, until time.monotonic() is `end`, until it is gone; a model's pods too."""
    kind, name = found["kind"], found["metadata"]["name"]
    if is_being_deleted(found):
        print(f"{kind} {name} is being deleted already", flush=True)
    else:
        objects.delete(found)
        print(f"deleting {kind} {name}", flush=True)
    wait_until_gone(objects, lambda: what_is_left(objects, found), f"{kind} {name}", end)


def wait_until_gone(objects: Objects, look: Callable[[], str], what: str, end: float) -> None:
    """Until `look`, which says for people what is left, says nothing."""
    started, said = time.monotonic(), ""
    while left := look():
        if time.monotonic() >= end:
            raise TaskError(f"{what} in namespace {objects.namespace} is not gone within the time: {left}")
        if left != said:
            print(left, flush=True)
        said = left
        time.sleep(SECONDS_BETWEEN_LOOKS)
    print(f"{what} is gone after {time.monotonic() - started:.0f} s", flush=True)


def what_is_left(objects: Objects, found: Manifest) -> str:
    kind, name = found["kind"], found["metadata"]["name"]
    now = objects.get(found["apiVersion"], kind, name)
    if now and now["metadata"]["uid"] != found["metadata"]["uid"]:
        # Its successor's pods are not told from its own, but deploy-model makes none before these are gone.
        return ""
    if kind == SERVICE[1] and (pods := pods_left(objects, name)):
        return pods
    # Foreground deletion ends with the pods, so this is said only after them.
    return f"{kind} {name} waits for {', '.join(now['metadata'].get('finalizers') or ['its deletion'])}" if now else ""


def pods_left(objects: Objects, service: str) -> str:
    names = [pod["metadata"]["name"] for pod in objects.list("v1", "Pod", pods_of(service))]
    return f"pods that are left: {', '.join(sorted(names))}" if names else ""
