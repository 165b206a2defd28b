"""The Kubernetes name of a model: of its InferenceService, and of its directory on a workspace."""

import hashlib
import json
import re
from pathlib import Path

from json_object import JsonObject

# How KServe derives names; config/names.ts reads the same file.
_NAMES: JsonObject = json.loads(Path(__file__).with_name("kserve_names.json").read_text())
LONGEST_LABEL: int = _NAMES["longestLabel"]
# KServe adds a prefix and a suffix for a label.
LONGEST_NAME = LONGEST_LABEL - len(_NAMES["appLabel"] + _NAMES["predictor"])


def service_name(model: str) -> str:
    """The Kubernetes name of a model; every task gets it from here, so that all use the same.

    A long name is cut and ends in a hash, so that two long names stay different.
    """
    name = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"model-{name}".strip("-")
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9].rstrip('-')}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


def predictor_of(service: str) -> str:
    """Name of the Deployment and the Service that KServe creates for an InferenceService."""
    return f"{service}{_NAMES['predictor']}"


def app_label_of(service: str) -> str:
    """Label `app` of the pods of an InferenceService."""
    return f"{_NAMES['appLabel']}{predictor_of(service)}"


def length_problem(service: str, namespace: str) -> str:
    """Why an InferenceService's name is too long for KServe in a namespace ("" if that is unknown); "" if it is not.

    KServe builds a host from the two, even for a model that is not exposed, and a label. Both are limited to 63
    characters.
    """
    made = {
        "label app of its pods": app_label_of(service),
        "host, in its first part,": f"{predictor_of(service)}-{namespace}" if namespace else "",
    }
    what, text = max(made.items(), key=lambda item: len(item[1]))
    return label_problem(service, f"KServe's {what}", text)


def label_problem(name: str, what: str, text: str) -> str:
    """Why `text`, which is derived from `name`, is too long for a DNS label or a label's value; "" if it is not."""
    excess = len(text) - LONGEST_LABEL
    if excess <= 0:
        return ""
    room = len(name) - excess
    advice = f"take a name of at most {room} characters" if room > 0 else "take a namespace with a shorter name"
    return f"{name} makes {what} {text}, which has {len(text)} characters where {LONGEST_LABEL} fit: {advice}"
