"""The files that the program gives to deploying tasks, in a ConfigMap that they mount."""

import json
import os
from pathlib import Path

from json_object import JsonObject
from task_support import TaskError

CONFIG_MAP = "modelcar-deployments"
DIRECTORY = "/etc/modelcar/deployments"


def read_deployments(name: str) -> JsonObject:
    """A JSON file of the ConfigMap. Raises TaskError if it is missing."""
    file = Path(os.environ.get("DEPLOYMENTS_DIRECTORY") or DIRECTORY, name)
    if not file.is_file():
        raise TaskError(f"{file} is missing: run pulumi up, which creates ConfigMap {CONFIG_MAP} in this namespace")
    read: JsonObject = json.loads(file.read_text())
    return read
