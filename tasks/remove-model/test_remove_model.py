"""Runs the removing task against a real API server with KServe's CRDs; the tests play the garbage collector and the kubelet."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kserve_stand_in import SERVING, Cluster, Meanwhile
from serving_objects import FIELD_MANAGER

pytestmark = pytest.mark.kubernetes
NAME = "sums-candidate"
RUN, UID = "measure-sums", "11111111-2222-3333-4444-555555555555"
OTHER_RUN, OTHER_UID = "measure-sums-again", "99999999-2222-3333-4444-555555555555"
# The rules of the task's job.yaml.
RULES = [
    {
        "apiGroups": ["serving.kserve.io"],
        "resources": ["servingruntimes", "inferenceservices"],
        "verbs": ["get", "delete"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
]
MODEL = {"modelFormat": {"name": "vLLM"}, "runtime": "vllm-cpu", "storageUri": "s3://llm-models/sums/1/"}


def owned(name: str, uid: str) -> list[dict]:
    return [{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": name, "uid": uid}]


def made(cluster: Cluster, owners: list[dict], manager: str = FIELD_MANAGER) -> dict:
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": NAME, "ownerReferences": owners},
        "spec": {"predictor": {"model": MODEL}},
    }
    return cluster.apply(service, manager)


def made_runtime(cluster: Cluster, owners: list[dict], manager: str = FIELD_MANAGER) -> dict:
    runtime = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": NAME, "ownerReferences": owners},
        "spec": {
            "supportedModelFormats": [{"name": "vLLM"}],
            "containers": [{"name": "kserve-container", "image": "vllm"}],
        },
    }
    return cluster.apply(runtime, manager)


@pytest.fixture
def cluster(kubernetes_api, request) -> Cluster:
    digits = f"{abs(hash(request.node.name)):x}"[:8]
    return Cluster(kubernetes_api, f"remove-{digits}-{int(time.time() * 1000) % 10_000_000}", RULES, NAME)


@pytest.fixture
def remove(run_task: Callable, kubernetes_api, cluster: Cluster) -> Callable:
    def start(**changes: str):
        parameters = {
            "KUBECONFIG": kubernetes_api.kubeconfig(),
            "NAMESPACE": cluster.namespace,
            "MODEL_NAME": NAME,
            "OWNER_UID": UID,
            "TIMEOUT_SECONDS": "60",
        }
        return run_task("remove-model", [], **{**parameters, **changes})

    return start


def test_removes_the_model_and_waits_until_its_pods_are_gone(remove, cluster):
    service = made(cluster, owned(RUN, UID))
    for pod in ("pod-1", "pod-2"):
        cluster.pod(service, pod, {"phase": "Running"})
    ended = threading.Event()

    def others() -> None:
        assert cluster.await_deletion()["metadata"]["finalizers"] == ["foregroundDeletion"]
        time.sleep(3)
        cluster.remove_pod("pod-1")
        cluster.collect_service()
        time.sleep(4)
        # The InferenceService is gone, but the last pod is not.
        assert not ended.is_set()
        cluster.remove_pod("pod-2")

    with Meanwhile(others):
        outcome = remove()
        ended.set()
    assert (outcome.code, outcome.error) == (0, "")
    said = outcome.output.splitlines()
    assert said[:3] == [
        f"deleting InferenceService {NAME}",
        "remaining pods: pod-1, pod-2",
        "remaining pods: pod-2",
    ]
    assert said[3].startswith(f"InferenceService {NAME} is gone after ")
    assert cluster.service() is None


def test_a_runtime_created_for_the_model_is_removed_after_it(remove, cluster):
    made(cluster, owned(RUN, UID))
    made_runtime(cluster, owned(RUN, UID))

    def collector() -> None:
        cluster.await_deletion()
        assert "deletionTimestamp" not in cluster.runtime()["metadata"]
        cluster.collect_service()
        cluster.await_runtime_deletion()
        cluster.collect_runtime()

    with Meanwhile(collector):
        outcome = remove()
    assert outcome.code == 0, outcome.error
    assert (cluster.service(), cluster.runtime()) == (None, None)


def test_a_runtime_of_another_field_manager_stays(remove, cluster):
    made(cluster, owned(RUN, UID))
    made_runtime(cluster, [], "pulumi")
    with Meanwhile(lambda: (cluster.await_deletion(), cluster.collect_service())):
        assert remove().code == 0
    assert "deletionTimestamp" not in cluster.runtime()["metadata"]


def test_a_missing_model_is_not_an_error(remove, cluster):
    outcome = remove()
    assert (outcome.code, outcome.error) == (0, "")
    assert outcome.output.startswith(f"there is no InferenceService {cluster.namespace}/{NAME}\n")


def test_pods_of_an_already_removed_model_are_waited_for(remove, cluster):
    cluster.pod({"metadata": {"name": NAME}, "spec": {"predictor": {}}}, "the-pod", {"phase": "Running"})
    ended = threading.Event()

    def kubelet() -> None:
        time.sleep(4)
        assert not ended.is_set()
        cluster.remove_pod("the-pod")

    with Meanwhile(kubelet):
        outcome = remove()
        ended.set()
    assert outcome.code == 0
    assert "remaining pods: the-pod\n" in outcome.output


def test_a_model_that_is_already_being_deleted_is_waited_for(remove, cluster):
    made(cluster, owned(RUN, UID))
    service = cluster.path(f"{SERVING}/v1beta1", "inferenceservices", NAME)
    cluster.call("DELETE", service, {"propagationPolicy": "Foreground"})
    outcome = remove(TIMEOUT_SECONDS="3")
    assert outcome.code == 1
    assert f"InferenceService {NAME} is already being deleted\n" in outcome.output
    assert outcome.error.endswith(f"was not deleted in time: InferenceService {NAME} waits for foregroundDeletion\n")
    cluster.collect_service()
    assert remove().code == 0


def test_remaining_pods_fail_the_task_and_are_named(remove, cluster):
    service = made(cluster, owned(RUN, UID))
    cluster.pod(service, "stuck", {"phase": "Running"})
    outcome = remove(TIMEOUT_SECONDS="5")
    assert outcome.code == 1
    where = f"InferenceService {NAME} in namespace {cluster.namespace}"
    assert outcome.error == f"error: {where} was not deleted in time: remaining pods: stuck\n"


@pytest.mark.parametrize(
    ("owners", "manager", "message"),
    [
        (owned(RUN, UID), "pulumi", "was created by pulumi, not by deploy-model, so it stays"),
        ([], FIELD_MANAGER, "belongs to no PipelineRun, so it stays"),
    ],
)
def test_a_model_without_this_owner_or_manager_is_not_removed(remove, cluster, owners, manager, message):
    made(cluster, owners, manager)
    outcome = remove()
    assert outcome.code == 1
    assert message in outcome.error and outcome.error.count("\n") == 1
    assert "deletionTimestamp" not in cluster.service()["metadata"]


def test_without_a_uid_only_the_field_manager_is_checked(remove, cluster):
    made(cluster, [], "pulumi")
    assert "not by deploy-model, so it stays" in remove(OWNER_UID="").error
    cluster.call("DELETE", cluster.path(f"{SERVING}/v1beta1", "inferenceservices", NAME))
    made(cluster, [])
    with Meanwhile(lambda: (cluster.await_deletion(), cluster.collect_service())):
        assert remove(OWNER_UID="").code == 0
    assert cluster.service() is None


def test_the_model_of_a_later_run_stays_without_an_error(remove, cluster):
    made(cluster, owned(OTHER_RUN, OTHER_UID))
    outcome = remove()
    assert (outcome.code, outcome.error) == (0, "")
    assert (
        f"belongs to PipelineRun {OTHER_RUN} ({OTHER_UID}), which has replaced this run's, so it stays\n"
        in outcome.output
    )
    assert "deletionTimestamp" not in cluster.service()["metadata"]


def test_an_unreachable_api_server_is_retried_and_reported(remove, tmp_path, kubernetes_api):
    kubeconfig = tmp_path / "kubeconfig"
    text = Path(kubernetes_api.kubeconfig()).read_text()
    kubeconfig.write_text(text.replace(kubernetes_api.url, "https://127.0.0.1:1"))
    outcome = remove(KUBECONFIG=str(kubeconfig), TIMEOUT_SECONDS="16")
    assert outcome.code == 1
    assert outcome.error.splitlines()[-1].startswith("error: the Kubernetes API cannot be reached: ")
    assert outcome.output.startswith("the Kubernetes API cannot be reached: ")
    assert "Traceback" not in outcome.error


def test_missing_rights_are_named(remove, cluster):
    made(cluster, owned(RUN, UID))
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}/roles/deployer"
    cluster.call("PATCH", role, {"rules": [{**RULES[0], "verbs": ["get"]}]}, "application/merge-patch+json")
    outcome = remove()
    assert outcome.code == 1
    assert 'cannot delete resource "inferenceservices"' in outcome.error
    assert outcome.error.endswith("give the task's service account this right\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"MODEL_NAME": "", "TIMEOUT_SECONDS": "soon"},
            "MODEL_NAME is not set; TIMEOUT_SECONDS must be a whole number",
        ),
        ({"KUBECONFIG": "/nothing"}, "no access to the Kubernetes API"),
    ],
)
def test_expected_failures_are_one_line(remove, changes, message):
    outcome = remove(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
