"""A model's name as Kubernetes takes it: of its InferenceService, and of its directory on a workspace."""

import hashlib
import json
import re
from pathlib import Path

from json_object import JsonObject

# What KServe makes of a name; config/names.ts reads the same.
_NAMES: JsonObject = json.loads(Path(__file__).with_name("kserve_names.json").read_text())
LONGEST_LABEL: int = _NAMES["longestLabel"]
# KServe puts it into a label with more.
LONGEST_NAME = LONGEST_LABEL - len(_NAMES["appLabel"] + _NAMES["predictor"])


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


def predictor_of(service: str) -> str:
    """The Deployment, and the Service, that KServe makes of an InferenceService."""
    return f"{service}{_NAMES['predictor']}"


def app_label_of(service: str) -> str:
    """Label `app` of the pods that KServe makes of an InferenceService."""
    return f"{_NAMES['appLabel']}{predictor_of(service)}"


def length_problem(service: str, namespace: str) -> str:
    """Why KServe can make nothing of an InferenceService in a namespace ("" where that is not known); "" where it can.

    It makes a host of the two, be the model exposed or not, and a label; neither part may have more than 63 characters.
    """
    made = {
        "label app of its pods": app_label_of(service),
        "host, in its first part,": f"{predictor_of(service)}-{namespace}" if namespace else "",
    }
    what, text = max(made.items(), key=lambda item: len(item[1]))
    return label_problem(service, f"KServe's {what}", text)


def label_problem(name: str, what: str, text: str) -> str:
    """Why what is made of a name is no label of a host, nor a label's value, for its length; "" where it is."""
    excess = len(text) - LONGEST_LABEL
    if excess <= 0:
        return ""
    room = len(name) - excess
    advice = f"take a name of at most {room} characters" if room > 0 else "take a namespace with a shorter name"
    return f"{name} makes {what} {text}, which has {len(text)} characters where {LONGEST_LABEL} fit: {advice}"
