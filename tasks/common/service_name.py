"""A model's name as Kubernetes takes it: of its InferenceService, and of its directory on a workspace."""

import hashlib
import re

# KServe's on OpenShift AI takes no longer names.
LONGEST_NAME = 53


def service_name(model: str) -> str:
    """A model's name as Kubernetes takes it; the only place where it is made, so that everybody looks for the same.

    What is cut off a long name comes back as a sum of it, so that two long names stay two.
    """
    name = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"model-{name}".strip("-")
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9].rstrip('-')}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"
