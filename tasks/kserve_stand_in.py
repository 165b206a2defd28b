"""Plays the controllers and vLLM for a served model, in tests with only an API server."""

import json
import threading
import time
import urllib.error
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from json_object import JsonObject

SERVING = "/apis/serving.kserve.io"


class Api(Protocol):
    """The API server of the fixture kubernetes_api, with administrator rights."""

    def call(self, method: str, path: str, body: object = None, kind: str = "application/json") -> JsonObject: ...


class Cluster:
    """A separate namespace with one model, where the test plays the controllers. The task's Role has `rules`."""

    def __init__(self, api: Api, namespace: str, rules: list[JsonObject], model: str) -> None:
        self._api, self.namespace, self._model = api, namespace, model
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        self.call("POST", f"{roles}/roles", {"metadata": {"name": "deployer"}, "rules": rules})
        subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "user"}
        role = {"kind": "Role", "apiGroup": "rbac.authorization.k8s.io", "name": "deployer"}
        binding = {"metadata": {"name": "deployer"}, "roleRef": role, "subjects": [subject]}
        self.call("POST", f"{roles}/rolebindings", binding)

    def call(self, method: str, path: str, body: object = None, kind: str = "application/json") -> JsonObject:
        return self._api.call(method, path, body, kind)

    def path(self, group: str, plural: str, name: str = "") -> str:
        return f"{group}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def service(self) -> JsonObject | None:
        return self.find(self._service)

    def runtime(self) -> JsonObject | None:
        return self.find(self.path(f"{SERVING}/v1alpha1", "servingruntimes", self._model))

    @property
    def _service(self) -> str:
        return self.path(f"{SERVING}/v1beta1", "inferenceservices", self._model)

    def apply(self, manifest: JsonObject, manager: str) -> JsonObject:
        """Applies an object server-side as another field manager."""
        group, version = manifest["apiVersion"].split("/")
        path = self.path(f"/apis/{group}/{version}", manifest["kind"].lower() + "s", manifest["metadata"]["name"])
        return self.call("PATCH", f"{path}?fieldManager={manager}", manifest, "application/apply-patch+yaml")

    def find(self, path: str) -> JsonObject | None:
        try:
            return self.call("GET", path)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def await_service(self, newer_than: int = 0, other_than: str = "") -> JsonObject:
        """Waits for the InferenceService in a later generation, or with another uid."""

        def applied() -> JsonObject | None:
            found = self.service()
            is_new = found and found["metadata"]["generation"] > newer_than and found["metadata"]["uid"] != other_than
            return found if is_new else None

        return wait_for(applied, "no InferenceService was applied")

    def await_deletion(self) -> JsonObject:
        """Waits until the InferenceService is being deleted; foreground deletion lasts until collect_service()."""
        return wait_for(lambda: being_deleted(self.service()), "no InferenceService is being deleted")

    def await_runtime_deletion(self) -> JsonObject:
        return wait_for(lambda: being_deleted(self.runtime()), "no ServingRuntime is being deleted")

    def collect_service(self) -> None:
        """Removes the InferenceService, as the garbage collector does when no owned object is left."""
        self.call("PATCH", self._service, {"metadata": {"finalizers": None}}, "application/merge-patch+json")

    def collect_runtime(self) -> None:
        path = self.path(f"{SERVING}/v1alpha1", "servingruntimes", self._model)
        self.call("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")

    def roll_out(self, service: JsonObject, **status: int) -> None:
        """Creates the Deployment that KServe creates for an InferenceService, with a rollout status."""
        name = service["metadata"]["name"] + "-predictor"
        annotations = service["spec"]["predictor"]["annotations"]
        labels = {"app": f"isvc.{name}"}
        containers = [{"name": "kserve-container", "image": "vllm"}]
        template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": {"containers": containers}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        path = self.path("/apis/apps/v1", "deployments", name)
        if self.find(path) is None:
            self.call("POST", self.path("/apis/apps/v1", "deployments"), {"metadata": {"name": name}, "spec": spec})
        else:
            self.call("PATCH", path, {"spec": {"template": template}}, "application/merge-patch+json")
        generation = self.call("GET", path)["metadata"]["generation"]
        full = {"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        full |= {"readyReplicas": 1, **status}
        self.call("PATCH", f"{path}/status", {"status": full}, "application/merge-patch+json")

    def publish_address(self, url: str) -> None:
        status = {"status": {"address": {"url": url}}}
        self.call("PATCH", f"{self._service}/status", status, "application/merge-patch+json")

    def pod(self, service: JsonObject, name: str, status: JsonObject) -> None:
        predictor = service["metadata"]["name"] + "-predictor"
        metadata = {
            "name": name,
            "labels": {"app": f"isvc.{predictor}"},
            "annotations": service["spec"]["predictor"].get("annotations", {}),
        }
        containers = [{"name": "kserve-container", "image": "vllm"}]
        self.call("POST", self.path("/api/v1", "pods"), {"metadata": metadata, "spec": {"containers": containers}})
        self.set_pod_status(name, status)

    def set_pod_status(self, name: str, status: JsonObject) -> None:
        pod = self.path("/api/v1", "pods", name)
        self.call("PATCH", f"{pod}/status", {"status": status}, "application/merge-patch+json")

    def remove_pod(self, name: str) -> None:
        self.call("DELETE", self.path("/api/v1", "pods", name), {"gracePeriodSeconds": 0})


def being_deleted(found: JsonObject | None) -> JsonObject | None:
    return found if found and "deletionTimestamp" in found["metadata"] else None


def wait_for(look: Callable[[], JsonObject | None], failure: str) -> JsonObject:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(failure)


class Model:
    """vLLM: answers completions with configurable answers, by default as the given model."""

    def __init__(self, name: str) -> None:
        self.answers = [(200, {"model": name, "choices": [{"text": "2"}]})]
        self.asked: list[JsonObject] = []
        self.authorizations: list[str | None] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                model.asked.append({"path": self.path, **body})
                model.authorizations.append(self.headers["Authorization"])
                status, content = model.answers.pop(0) if len(model.answers) > 1 else model.answers[0]
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Model":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Meanwhile:
    """Runs `work` in parallel with the task; if it fails, the test fails."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._error: BaseException | None = None

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 it is raised again beside the task
                self._error = error

        self._thread = threading.Thread(target=run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        if self._error:
            raise self._error
