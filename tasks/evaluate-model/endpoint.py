"""Checks of a served model before its evaluation: an endpoint with OpenAI's API, and the model's tokenizer."""

import os
import re
from pathlib import Path

import requests
from certificates import explain_certificate
from hub_files import REFERENCE, fetched, hub_reference
from json_object import JsonObject
from task_support import TaskError


def served_model(endpoint: str, name: str) -> JsonObject:
    """The model's entry in the endpoint's list of models; TaskError if it does not serve it."""
    url = f"{endpoint}/v1/models"
    headers = {"Authorization": f"Bearer {key}"} if (key := os.environ.get("OPENAI_API_KEY")) else {}
    try:
        answer = requests.get(url, headers=headers, timeout=30)
    except requests.exceptions.SSLError as error:
        raise TaskError(explain_certificate(endpoint, str(error))) from error
    except requests.RequestException as error:
        raise TaskError(f"{endpoint} cannot be reached: {error}") from error
    if answer.status_code in (401, 403):
        raise TaskError(f"{endpoint} refuses access ({answer.status_code}): check ENDPOINT_AUTH and its token")
    if not answer.ok:
        raise TaskError(f"{url} answered {answer.status_code}")
    models: dict[str, JsonObject] = {model["id"]: model for model in answer.json()["data"]}
    if name not in models:
        raise TaskError(f"{endpoint} serves {', '.join(models) or 'no model'}, not MODEL_NAME {name}")
    return models[name]


def tokenizer_directory(tokenizer: str, workspace: Path) -> Path:
    """The directory of the tokenizer's files: on the workspace, or downloaded from the hub."""
    if re.fullmatch(REFERENCE, tokenizer):
        directory = fetched(hub_reference("model", tokenizer), workspace / "hub")
        if directory is None:
            raise TaskError(f"tokenizer {tokenizer} is not on the workspace: run fetch-evaluation-data first")
        return directory
    directory = workspace / tokenizer
    if tokenizer.startswith(("/", "..")) or not directory.is_dir():
        raise TaskError(
            f"TOKENIZER {tokenizer!r} must be a directory of the workspace or <organisation>/<name>@<commit>"
        )
    return directory
