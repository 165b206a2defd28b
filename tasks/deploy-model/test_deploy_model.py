"""Runs the deploying task against a real API server with KServe's CRDs; the tests play KServe and the kubelet."""

import shlex
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kserve_stand_in import SERVING, Cluster, Meanwhile, Model
from kubernetes_objects import DIGEST_ANNOTATION
from service_name import LONGEST_NAME, service_name

pytestmark = pytest.mark.kubernetes
RESULTS = ["inference-service", "service-url"]
IMAGE = "quay.io/modelcar/vllm@sha256:" + "1" * 64
URI = "oci://quay.io/modelcar/code@sha256:" + "2" * 64
NAME, SERVICE = "CodeLlama-34b_Python.hf", "codellama-34b-python-hf"
# The rules of the task's job.yaml.
RULES = [
    {
        "apiGroups": ["serving.kserve.io"],
        "resources": ["servingruntimes", "inferenceservices"],
        "verbs": ["get", "create", "patch", "delete"],
    },
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]  # fmt: skip


@pytest.fixture
def model() -> Iterator[Model]:
    with Model(SERVICE) as model:
        yield model


@pytest.fixture
def cluster(kubernetes_api, request) -> Cluster:
    digits = f"{abs(hash(request.node.name)):x}"[:8]
    return Cluster(kubernetes_api, f"deploy-{digits}-{int(time.time() * 1000) % 10_000_000}", RULES, SERVICE)


@pytest.fixture
def deploy(run_task: Callable, kubernetes_api, cluster: Cluster, tmp_path: Path) -> Callable:
    def start(**changes: str):
        parameters = {
            "KUBECONFIG": kubernetes_api.kubeconfig(),
            "NAMESPACE": cluster.namespace,
            "MODELS_DIRECTORY": str(tmp_path / "models"),
            "MODEL_NAME": NAME,
            "STORAGE_URI": URI,
            "RUNTIME_IMAGE": IMAGE,
            "PLATFORM": "openshift",
            "DEPLOYMENT_MODE": "Standard",
            "GPUS": "0",
            "CPU": "1",
            "MEMORY": "3Gi",
            "MAX_MODEL_LEN": "256",
            "EXPOSED": "false",
            "TOKEN_AUTH": "false",
            "STARTUP_MINUTES": "30",
            "TIMEOUT_SECONDS": "60",
            "UNSCHEDULABLE_SECONDS": "900",
            "SERVICE_URL_FILE": "run-1/service-url",
        }
        return run_task("deploy-model", RESULTS, **{**parameters, **changes})

    return start


def test_deploys_and_saves_the_url_after_the_model_has_answered(deploy, cluster, model, tmp_path):
    def kserve() -> None:
        service = cluster.await_service()
        cluster.publish_address(model.url)
        cluster.roll_out(service, availableReplicas=0, readyReplicas=0)
        time.sleep(1)
        assert model.asked == []
        cluster.roll_out(service)

    with Meanwhile(kserve):
        outcome = deploy()
    assert (outcome.code, outcome.error) == (0, "")
    assert outcome.results == {"inference-service": SERVICE, "service-url": model.url}
    assert (tmp_path / "models" / "run-1" / "service-url").read_text() == model.url + "\n"
    question = {"path": "/v1/completions", "model": SERVICE, "prompt": "1", "max_tokens": 1, "temperature": 0}
    assert model.asked == [question]


def test_the_applied_objects_are_valid_for_vllm_and_kserve(deploy, cluster, model):
    def kserve() -> None:
        cluster.publish_address(model.url) if cluster.await_service() else None
        cluster.roll_out(cluster.service())

    options = {"GPUS": "4", "GPU_PRODUCT": "NVIDIA-L4", "PULL_SECRET": "quay-credentials", "EXPOSED": "true"}
    arguments = ["--chat-template", "/mnt/models/a template.jinja"]
    with Meanwhile(kserve):
        outcome = deploy(**options, VLLM_ARGS=shlex.join(arguments), MODEL_SERVICE_ACCOUNT="modelcar-serving")
    assert outcome.code == 0, outcome.error
    runtime, service = cluster.runtime()["spec"], cluster.service()
    # Only the REST protocol, no gRPC endpoints, and a startup probe instead of a long initial delay.
    assert not {"protocolVersions", "grpcEndpoint", "grpcDataEndpoint"} & runtime.keys()
    container = runtime["containers"][0]
    assert container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"] == 1800
    assert all("initialDelaySeconds" not in container[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness"))
    assert (container["image"], "--served-model-name={{.Name}}" in container["args"]) == (IMAGE, True)
    predictor = service["spec"]["predictor"]
    assert predictor["model"]["storageUri"] == URI
    own = ["--max-model-len=256", "--gpu-memory-utilization=0.9", "--tensor-parallel-size=4"]
    assert predictor["model"]["args"] == [*own, *arguments]
    assert predictor["model"]["resources"]["limits"] == {"cpu": "1", "memory": "3Gi", "nvidia.com/gpu": "4"}
    assert predictor["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert predictor["deploymentStrategy"]["type"] == "Recreate"
    assert predictor["serviceAccountName"] == "modelcar-serving"
    assert predictor["imagePullSecrets"] == [{"name": "quay-credentials"}]
    assert service["metadata"]["labels"]["networking.kserve.io/visibility"] == "exposed"


def test_the_pods_of_an_earlier_spec_do_not_count_as_ready(deploy, cluster, model):
    def first() -> None:
        cluster.roll_out(cluster.await_service())
        cluster.publish_address(model.url)

    with Meanwhile(first):
        assert deploy().code == 0
    model.asked.clear()
    old = cluster.service()

    def second() -> None:
        service = cluster.await_service(old["metadata"]["generation"])
        digests = [one["spec"]["predictor"]["annotations"][DIGEST_ANNOTATION] for one in (old, service)]
        assert digests[0] != digests[1]
        time.sleep(2)
        # The old Deployment was available all the time.
        assert model.asked == []
        cluster.roll_out(service, updatedReplicas=1, replicas=2)
        time.sleep(1)
        assert model.asked == []
        cluster.roll_out(service)

    with Meanwhile(second):
        assert deploy(MAX_MODEL_LEN="512").code == 0
    assert len(model.asked) == 1


def test_the_same_spec_again_is_ready_at_once(deploy, cluster, model):
    def first() -> None:
        cluster.roll_out(cluster.await_service())
        cluster.publish_address(model.url)

    with Meanwhile(first):
        assert deploy().code == 0
    generation = cluster.service()["metadata"]["generation"]
    again = deploy()
    assert again.code == 0
    assert cluster.service()["metadata"]["generation"] == generation


def test_an_existing_runtime_is_used(deploy, cluster, model):
    def kserve() -> None:
        cluster.roll_out(cluster.await_service())
        cluster.publish_address(model.url)

    with Meanwhile(kserve):
        outcome = deploy(SERVING_RUNTIME="vllm-cuda", RUNTIME_IMAGE="")
    assert outcome.code == 0
    assert cluster.runtime() is None
    assert cluster.service()["spec"]["predictor"]["model"]["runtime"] == "vllm-cuda"


def test_the_timeout_ends_the_wait_with_the_state(deploy, cluster):
    outcome = deploy(TIMEOUT_SECONDS="3")
    assert outcome.code == 1
    expected = f"error: Deployment {SERVICE}-predictor was not rolled out in time: waiting for Deployment"
    assert outcome.error.startswith(expected)


ENDED = {"exitCode": 137, "reason": "OOMKilled"}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            {"containerStatuses": [{"state": {}, "lastState": {"terminated": ENDED}, "restartCount": 1}]},
            "container kserve-container ended: OOMKilled, exit code 137; give it more memory",
        ),
        (
            {"containerStatuses": [{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}, "restartCount": 2}]},
            "container kserve-container ended: Error, exit code 1",
        ),
    ],
)
def test_a_pod_that_cannot_run_ends_the_wait_with_its_reason(deploy, cluster, status, message):
    fill = {"name": "kserve-container", "image": IMAGE, "imageID": "", "ready": False}
    status = {"containerStatuses": [{**fill, **container} for container in status["containerStatuses"]]}

    def kubelet() -> None:
        service = cluster.await_service()
        cluster.roll_out(service, availableReplicas=0, readyReplicas=0)
        cluster.pod(service, "the-pod", status)

    started = time.monotonic()
    with Meanwhile(kubelet):
        outcome = deploy()
    assert outcome.code == 1
    assert outcome.error == f"error: {cluster.namespace}/the-pod: {message}\n"
    assert time.monotonic() - started < 50


def unschedulable(lacking: str) -> dict:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": lacking}
    return {"phase": "Pending", "conditions": [condition]}


def test_an_unschedulable_pod_is_waited_for_and_reported(deploy, cluster):
    lacking = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu"

    def scheduler() -> None:
        service = cluster.await_service()
        cluster.roll_out(service, availableReplicas=0, readyReplicas=0)
        cluster.pod(service, "the-pod", unschedulable(lacking))

    with Meanwhile(scheduler):
        outcome = deploy(TIMEOUT_SECONDS="6")
    assert outcome.code == 1
    assert "was not rolled out in time" in outcome.error and f"Unschedulable: {lacking}" in outcome.error
    assert f"no node takes it (waited for at most 900 s): Unschedulable: {lacking}\n" in outcome.output


def test_a_pod_waits_for_a_node_for_a_limited_time_even_if_the_message_changes(deploy, cluster):
    ended = threading.Event()

    def scheduler() -> None:
        service = cluster.await_service()
        cluster.roll_out(service, availableReplicas=0, readyReplicas=0)
        cluster.pod(service, "the-pod", unschedulable("0/3 nodes"))
        for nodes in range(4, 100):
            if ended.wait(1):
                return
            cluster.set_pod_status("the-pod", unschedulable(f"0/{nodes} nodes"))

    started = time.monotonic()
    with Meanwhile(scheduler):
        outcome = deploy(UNSCHEDULABLE_SECONDS="5", TIMEOUT_SECONDS="90")
        ended.set()
    assert outcome.code == 1
    wanted = f"error: {cluster.namespace}/the-pod: no node takes it (waited for at most 5 s): Unschedulable: 0/"
    assert outcome.error.startswith(wanted)
    assert time.monotonic() - started < 60


def test_requests_are_repeated_until_the_model_answers(deploy, cluster, model):
    model.answers.insert(0, (503, {}))
    with Meanwhile(lambda: (cluster.roll_out(cluster.await_service()), cluster.publish_address(model.url))):
        assert deploy().code == 0
    assert len(model.asked) == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, {"message": f"The model `{SERVICE}` does not exist."}), f"did not answer as model {SERVICE}: 404"),
        ((200, {"model": "other", "choices": [{}]}), f"did not answer as model {SERVICE}: 200"),
        ((401, {}), "refuses access (401)"),
    ],
)
def test_a_wrong_answer_is_an_error_at_once(deploy, cluster, model, answer, message):
    model.answers = [answer]
    with Meanwhile(
        lambda: (
            cluster.publish_address(model.url) if cluster.await_service() else None,
            cluster.roll_out(cluster.service()),
        )
    ):
        outcome = deploy()
    assert outcome.code == 1
    assert message in outcome.error and len(model.asked) == 1
    assert outcome.results == {}


def test_objects_of_another_field_manager_are_not_taken_over(deploy, cluster):
    model = {"modelFormat": {"name": "vLLM"}, "storageUri": "s3://models/other/"}
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": SERVICE},
        "spec": {"predictor": {"model": model}},
    }
    cluster.call("POST", cluster.path(f"{SERVING}/v1beta1", "inferenceservices") + "?fieldManager=pulumi", service)
    outcome = deploy()
    assert outcome.code == 1
    assert "another tool manages it" in outcome.error and "pulumi" in outcome.error
    assert cluster.service()["spec"]["predictor"]["model"]["storageUri"] == "s3://models/other/"


def test_missing_rights_are_named(deploy, cluster):
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}/roles/deployer"
    cluster.call("PATCH", role, {"rules": [{**RULES[0], "verbs": ["get"]}]}, "application/merge-patch+json")
    outcome = deploy()
    assert outcome.code == 1
    assert 'cannot patch resource "servingruntimes"' in outcome.error
    assert outcome.error.endswith("give the task's service account this right\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"STORAGE_URI": "oci://quay.io/modelcar/code:latest"}, "STORAGE_URI must be oci://…@sha256:…"),
        ({"RUNTIME_IMAGE": "vllm/vllm-openai:latest"}, "RUNTIME_IMAGE must be vLLM's image by digest"),
        ({"RUNTIME_IMAGE": ""}, "RUNTIME_IMAGE is not set"),
        ({"VLLM_ARGS": "--chat-template '/a"}, "VLLM_ARGS"),
        ({"GPUS": "some", "MEMORY": "lots"}, "GPUS must be a whole number, not 'some'; MEMORY must be a quantity"),
        ({"DEPLOYMENT_MODE": "Serverless"}, "DEPLOYMENT_MODE must be Standard or RawDeployment"),
        ({"KUBECONFIG": "/nothing"}, "no access to the Kubernetes API"),
    ],
)
def test_expected_failures_are_one_line(deploy, changes, message):
    outcome = deploy(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (NAME, SERVICE),
        ("Mistral-Small-24B-Instruct-2501", "mistral-small-24b-instruct-2501"),
        ("granite_3.1__2b.", "granite-3-1-2b"),
        ("7B", "model-7b"),
        ("___", "model"),
        ("a" * LONGEST_NAME, "a" * LONGEST_NAME),
    ],
)
def test_a_name_becomes_valid_in_kubernetes(model, name):
    assert service_name(model) == name


def test_long_names_stay_different():
    names = {service_name("x" * 60 + ending) for ending in ("-base", "-chat", "-Chat")}
    assert len(names) == 3
    assert all(len(name) <= LONGEST_NAME for name in names)
