"""A recipe: how to quantize, in LLM Compressor's own YAML, and the calibration data.

The section `calibration` has a data set (of the hub at a commit, or a file next to the recipe), the files to use and
the meaning of the columns; LLM Compressor reads the sections that end in _stage.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from json_object import JsonObject
from task_support import TaskError

SHIPPED = Path(__file__).parent / "recipes"
COLUMNS = ({"messages"}, {"text"}, {"prompt", "completion"})


@dataclass(frozen=True)
class Recipe:
    path: Path
    stages: JsonObject
    dataset: str
    files: str  # pattern of the data set's files
    columns: dict[str, str]  # from the recipe's name of a column to the data set's
    digest: str


def read_recipe(name: str, workspace: Path) -> Recipe:
    """Reads a shipped recipe by its name, or one of the workspace by its path."""
    shipped = {path.stem: path for path in SHIPPED.glob("*.yaml")}
    path = shipped.get(name)
    if path is None:
        if not re.fullmatch(r"(?!/)(?!.*(^|/)\.\.?(/|$))[\w./-]+\.yaml", name):
            raise TaskError(
                f"RECIPE must be one of {', '.join(sorted(shipped))} or a .yaml file of the workspace, not {name!r}"
            )
        path = workspace / name
        if not path.is_file():
            raise TaskError(f"RECIPE {name} is not a file of the workspace; shipped are {', '.join(sorted(shipped))}")
    text = path.read_bytes()
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TaskError(f"recipe {path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise TaskError(f"recipe {path} must have the section calibration and one that ends in _stage")
    stages = {key: value for key, value in content.items() if key.endswith("_stage")}
    calibration = content.get("calibration")
    if not stages or not isinstance(calibration, dict) or "dataset" not in calibration:
        raise TaskError(f"recipe {path} must have the section calibration with a dataset, and one that ends in _stage")
    columns = calibration.get("columns") or {"messages": "messages"}
    if set(columns) not in COLUMNS:
        raise TaskError(f"recipe {path}: calibration.columns must be messages, text, or prompt and completion")
    digest = "sha256:" + hashlib.sha256(text).hexdigest()
    return Recipe(path, stages, str(calibration["dataset"]), str(calibration.get("files", "*")), columns, digest)
