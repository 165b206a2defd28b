"""The ServingRuntime and InferenceService of one model, as plain data."""

from dataclasses import dataclass

from any_user import ANY_USER_ENV, IDENTITY
from kubernetes_objects import DIGEST_ANNOTATION, Manifest, digest_of
from pod_security import RESTRICTED, pod_security

PORT = 8080
MODEL_DIRECTORY = "/mnt/models"
MODEL_FORMAT = "vLLM"
CONTAINER = "kserve-container"
PROBE_PERIOD = 5


@dataclass(frozen=True)
class Deployment:
    name: str
    storage_uri: str
    platform: str
    deployment_mode: str
    # Of a ServingRuntime that exists; "" makes one of the image.
    runtime: str
    image: str
    startup_minutes: int
    gpus: int
    gpu_product: str
    cpu: str
    memory: str
    max_model_len: int
    vllm_args: tuple[str, ...]
    service_account: str
    pull_secret: str
    exposed: bool
    token_auth: bool


def serving_runtime(deployment: Deployment) -> Manifest:
    """vLLM's OpenAI server. It speaks REST alone, so it names no other protocol; a startup probe gives it time to load."""
    probe = {"httpGet": {"path": "/health", "port": PORT}, "timeoutSeconds": 5}
    attempts = -(-deployment.startup_minutes * 60 // PROBE_PERIOD)
    container = {
        "name": CONTAINER,
        "image": deployment.image,
        "command": ["python3", "-m", "vllm.entrypoints.openai.api_server"],
        "args": [f"--port={PORT}", f"--model={MODEL_DIRECTORY}", "--served-model-name={{.Name}}"],
        "env": variables({**ANY_USER_ENV, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": {**probe, "periodSeconds": PROBE_PERIOD, "failureThreshold": attempts},
        "readinessProbe": {**probe, "periodSeconds": 10},
        "livenessProbe": {**probe, "periodSeconds": 30, "failureThreshold": 4},
        "securityContext": RESTRICTED,
        # Tensor parallelism passes tensors between its processes through shared memory.
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {
            "name": deployment.name,
            "annotations": {
                "openshift.io/display-name": f"vLLM for {deployment.name}",
                "opendatahub.io/apiProtocol": "REST",
            },
            "labels": {"opendatahub.io/dashboard": "true"},
        },
        "spec": {
            "annotations": {"prometheus.io/port": str(PORT), "prometheus.io/path": "/metrics"},
            "multiModel": False,
            "supportedModelFormats": [{"name": MODEL_FORMAT, "autoSelect": True}],
            "containers": [container],
            "volumes": [
                {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
    }


def inference_service(deployment: Deployment) -> Manifest:
    """Its pods carry a digest of the whole declaration, by which they are told from those of an earlier one."""
    name = deployment.name
    predictor: Manifest = {
        "minReplicas": 1,
        "maxReplicas": 1,
        # A second pod would wait for GPUs that only the first can free.
        "deploymentStrategy": {"type": "Recreate" if deployment.gpus else "RollingUpdate"},
        "automountServiceAccountToken": False,
        "labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "model-server"},
        # A ModelCar is read through /proc, which takes the same user as its own.
        "securityContext": pod_security(deployment.platform),
        "model": {
            "modelFormat": {"name": MODEL_FORMAT},
            "runtime": deployment.runtime or name,
            "storageUri": deployment.storage_uri,
            "args": model_args(deployment),
            # A runtime that exists need not say who its program is; what else it lacks is seen when it is read.
            **({"env": variables(IDENTITY)} if deployment.runtime else {}),
            "resources": resources(deployment),
        },
    }
    if deployment.service_account:
        predictor["serviceAccountName"] = deployment.service_account
    if deployment.pull_secret:
        predictor["imagePullSecrets"] = [{"name": deployment.pull_secret}]
    if deployment.gpus:
        predictor["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    if deployment.gpu_product:
        predictor["nodeSelector"] = {"nvidia.com/gpu.product": deployment.gpu_product}
    own_runtime = serving_runtime(deployment)["spec"] if not deployment.runtime else deployment.runtime
    predictor["annotations"] = {DIGEST_ANNOTATION: digest_of([own_runtime, predictor])}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "annotations": {
                "serving.kserve.io/deploymentMode": deployment.deployment_mode,
                "serving.kserve.io/autoscalerClass": "none",
                **({"security.opendatahub.io/enable-auth": "true"} if deployment.token_auth else {}),
            },
            "labels": {
                "opendatahub.io/dashboard": "true",
                **({"networking.kserve.io/visibility": "exposed"} if deployment.exposed else {}),
            },
        },
        "spec": {"predictor": predictor},
    }


def for_any_user(service: Manifest, runtime: Manifest) -> Manifest:
    """An InferenceService on a ServingRuntime that exists, with what neither says and a user without a passwd entry needs.

    With anything added it is another declaration, so that it has another digest.
    """
    predictor = service["spec"]["predictor"]
    own = predictor["model"].get("env") or []
    said = {entry["name"] for entry in [*own, *(container_of(runtime).get("env") or [])]}
    missing = {name: value for name, value in ANY_USER_ENV.items() if name not in said}
    if not missing:
        return service
    model = {**predictor["model"], "env": [*own, *variables(missing)]}
    annotations = {**predictor["annotations"], DIGEST_ANNOTATION: digest_of([digest_in(service), missing])}
    return {
        **service,
        "spec": {**service["spec"], "predictor": {**predictor, "model": model, "annotations": annotations}},
    }


def container_of(runtime: Manifest) -> Manifest:
    """The container of a ServingRuntime that KServe runs the model in."""
    return next((one for one in runtime["spec"]["containers"] if one["name"] == CONTAINER), {})


def variables(values: dict[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in values.items()]


def digest_in(service: Manifest) -> str:
    return service["spec"]["predictor"]["annotations"][DIGEST_ANNOTATION]


def model_args(deployment: Deployment) -> list[str]:
    """What the model adds to the runtime's arguments. All its GPUs work on each layer together."""
    parallel = [f"--tensor-parallel-size={deployment.gpus}"] if deployment.gpus > 1 else []
    return [f"--max-model-len={deployment.max_model_len}", *parallel, *deployment.vllm_args]


def resources(deployment: Deployment) -> dict[str, dict[str, str]]:
    both = {"memory": deployment.memory, **({"nvidia.com/gpu": str(deployment.gpus)} if deployment.gpus else {})}
    # Without a CPU limit KServe would set its own, one core.
    return {"requests": {"cpu": deployment.cpu, **both}, "limits": {"cpu": deployment.cpu, **both}}
