"""Downloads an evaluation's data from the hub at pinned commits, so that the evaluation itself needs no hub.

It has the hub's token, and runs no code that a model wrote. Tasks with their own data need no download.
"""

import re
from pathlib import Path

import yaml
from certificates import trust
from hub_files import REFERENCE, fetch, hub_reference
from shipped import SHIPPED
from task_support import Parameters, run

TOKENIZER_FILES = ["*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken"]


def bring_their_data(names: list[str], folders: list[Path]) -> bool:
    """Whether all tasks are files in the folders with local data; checks without the harness, which is slow."""
    local = set()
    for path in (path for folder in folders for path in folder.rglob("*.yaml")):
        try:
            task = yaml.safe_load(path.read_text())
        except yaml.YAMLError:
            continue  # for example a task with Python functions
        if isinstance(task, dict) and task.get("dataset_path") in ("json", "csv", "parquet", "text"):
            local.add(task.get("task"))
    return local.issuperset(names)


def main() -> None:
    parameters = Parameters()
    workspace = Path(parameters.required("WORKSPACE_DIRECTORY", r"/.+", "the absolute path of the workspace"))
    names = [name for name in re.split(r"[\s,]+", parameters.required("TASKS")) if name]
    endpoint = parameters.required("HF_ENDPOINT", r"https?://.+", "an http(s) URL").rstrip("/")
    tokenizer = parameters.optional("TOKENIZER")
    tasks_directory = parameters.optional("TASKS_DIRECTORY")
    added = parameters.optional("DATASET_REVISIONS")
    token = parameters.optional("HF_TOKEN") or None
    parameters.check()
    trust(parameters.optional("TRUSTED_CA_DIRECTORY"))
    store = workspace / "hub"
    if re.fullmatch(REFERENCE, tokenizer):
        fetch(hub_reference("model", tokenizer), store, TOKENIZER_FILES, endpoint, token)
    folders = [SHIPPED, *([workspace / tasks_directory] if tasks_directory else [])]
    if bring_their_data(names, folders):
        print("nothing to download: the tasks have their own data", flush=True)
        return
    from evaluation_data import Datasets, pinned_datasets
    from harness import load_tasks, task_manager

    data = Datasets(store, pinned_datasets(added), folders, endpoint, token)
    manager = task_manager(workspace / tasks_directory if tasks_directory else None)
    # The evaluation decides whether to run generated code; nothing is generated here.
    load_tasks(manager, names, data, generated_code=True)
    print("; ".join(f"{name}@{commit}" for name, commit in data.used.items()), flush=True)


if __name__ == "__main__":
    run(main)
