"""Security contexts of the "restricted" Pod Security Standard, for pods that tasks deploy."""

# For each container.
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod_security(platform: str) -> dict[str, object]:
    """For a pod. OpenShift gives user and groups itself; group 0 is the one that images for OpenShift give their files to."""
    given = {"runAsUser": 1000, "runAsGroup": 0, "fsGroup": 1000} if platform == "kubernetes" else {}
    return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **given}
