"""AnythingLLM before a served model, as plain data. components/chat/manifests.ts builds the same objects."""

from dataclasses import dataclass

from any_user import IDENTITY
from kubernetes_objects import Manifest
from pod_security import RESTRICTED, pod_security

PORT = 3001
COMPONENT = "chat-interface"
# Where the image keeps what must last. Red Hat's, which runs as any user, links its folders into another place at each
# start, and empties the folder that AnythingLLM's own image uses.
STORAGE_DIRECTORIES = {"openshift": "/opt/app-root/src/anythingllm", "kubernetes": "/app/server/storage"}
LONGEST_ANSWER = 1024
ROUTE_TIMEOUT_SECONDS = 600
SERVICE_CA = "/var/run/modelcar/service-ca"
# Password of the UI, key of its sessions, and the two by which it encrypts what it stores.
SECRET_KEYS = ("AUTH_TOKEN", "JWT_SECRET", "SIG_KEY", "SIG_SALT")


@dataclass(frozen=True)
class Chat:
    name: str
    namespace: str
    platform: str
    image: str
    pull_secret: str
    # Of the model, without /v1.
    url: str
    model: str
    max_model_len: int
    # Secret and key with what the model asks callers for; "" for none.
    api_key_secret: str
    api_key: str
    storage: str
    storage_class: str
    storage_directory: str


def labels(chat: Chat) -> dict[str, str]:
    return {"app.kubernetes.io/name": chat.name, "app.kubernetes.io/component": COMPONENT}


def metadata(chat: Chat) -> Manifest:
    return {"name": chat.name, "namespace": chat.namespace, "labels": labels(chat)}


def secret(chat: Chat, values: dict[str, str]) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata(chat), "type": "Opaque", "stringData": values}


def volume_claim(chat: Chat) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": chat.name, "namespace": chat.namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": chat.storage}},
            **({"storageClassName": chat.storage_class} if chat.storage_class else {}),
        },
    }


def service(chat: Chat) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(chat),
        "spec": {
            "selector": labels(chat),
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def route(chat: Chat) -> Manifest:
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": {
            "name": chat.name,
            "namespace": chat.namespace,
            "labels": {"app.kubernetes.io/name": chat.name},
            "annotations": {"haproxy.router.openshift.io/timeout": f"{ROUTE_TIMEOUT_SECONDS}s"},
        },
        "spec": {
            "path": "/",
            "to": {"kind": "Service", "name": chat.name, "weight": 100},
            "port": {"targetPort": "http"},
            "tls": {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"},
            "wildcardPolicy": "None",
        },
    }


def deployment(chat: Chat) -> Manifest:
    """One pod, which goes before the next one comes: its database is a file on a volume that one node mounts."""
    volumes = [{"name": "storage", "persistentVolumeClaim": {"claimName": chat.name}}]
    if chat.platform == "openshift":
        volumes.append({"name": "service-ca", "configMap": {"name": "openshift-service-ca.crt", "optional": True}})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(chat),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels(chat)},
            "template": {
                "metadata": {"labels": labels(chat)},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": pod_security(chat.platform),
                    **({"imagePullSecrets": [{"name": chat.pull_secret}]} if chat.pull_secret else {}),
                    "containers": [container(chat)],
                    "volumes": volumes,
                },
            },
        },
    }


def container(chat: Chat) -> Manifest:
    """The root file system stays writable: the image generates its database client among its own files at each start."""
    probe = {"httpGet": {"path": "/api/ping", "port": "http"}, "timeoutSeconds": 5}
    mounts = [{"name": "storage", "mountPath": chat.storage_directory}]
    if chat.platform == "openshift":
        mounts.append({"name": "service-ca", "mountPath": SERVICE_CA, "readOnly": True})
    return {
        "name": "anything-llm",
        "image": chat.image,
        "env": environment(chat),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        # It brings its database up to date first.
        "startupProbe": {**probe, "periodSeconds": 5, "failureThreshold": 60},
        "readinessProbe": {**probe, "periodSeconds": 10},
        "livenessProbe": {**probe, "periodSeconds": 30, "failureThreshold": 4},
        "resources": {
            "requests": {"cpu": "250m", "memory": "1Gi"},
            "limits": {"cpu": "2", "memory": "2Gi"},
        },
        "securityContext": RESTRICTED,
        "volumeMounts": mounts,
    }


def environment(chat: Chat) -> list[Manifest]:
    """What is set here wins over what someone chose in the UI, at each start. `url` is the model's, without /v1.

    AnythingLLM fills all of its token limit with the prompt, and vLLM counts prompt and answer together.
    """
    answer = min(LONGEST_ANSWER, chat.max_model_len // 4)
    values = {
        **IDENTITY,
        "STORAGE_DIR": "/app/server/storage",
        "SERVER_PORT": str(PORT),
        "LLM_PROVIDER": "generic-openai",
        "GENERIC_OPEN_AI_BASE_PATH": f"{chat.url}/v1",
        "GENERIC_OPEN_AI_MODEL_PREF": chat.model,
        "GENERIC_OPEN_AI_MODEL_TOKEN_LIMIT": str(chat.max_model_len - answer),
        "GENERIC_OPEN_AI_MAX_TOKENS": str(answer),
        "EMBEDDING_ENGINE": "native",
        "VECTOR_DB": "lancedb",
        "DISABLE_TELEMETRY": "true",
        # Its agents refuse to start without any key.
        **({} if chat.api_key_secret else {"GENERIC_OPEN_AI_API_KEY": "none"}),
        **({"NODE_EXTRA_CA_CERTS": f"{SERVICE_CA}/service-ca.crt"} if chat.platform == "openshift" else {}),
    }
    secrets = {key: (chat.name, key) for key in SECRET_KEYS}
    if chat.api_key_secret:
        secrets["GENERIC_OPEN_AI_API_KEY"] = (chat.api_key_secret, chat.api_key)
    return [
        *({"name": name, "value": value} for name, value in values.items()),
        *(
            {"name": name, "valueFrom": {"secretKeyRef": {"name": secret_name, "key": key}}}
            for name, (secret_name, key) in secrets.items()
        ),
    ]
