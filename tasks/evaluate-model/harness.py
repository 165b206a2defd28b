"""lm-evaluation-harness for the tasks: loads its tasks by name with their data, and logs its progress as lines."""

import difflib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from json_object import JsonObject

NO_ANSWER = "<the endpoint gave no text>"  # replaces "" as the harness's text for an answer that is null
# These libraries read the variables when they are imported.
os.environ.update(
    HF_DATASETS_OFFLINE="1",
    HF_EVALUATE_OFFLINE="1",
    LMEVAL_LOG_LEVEL="WARNING",
    LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER=NO_ANSWER,
    TQDM_MININTERVAL="10",
)

from evaluation_data import Datasets  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from shipped import SHIPPED  # noqa: E402
from task_support import SECONDS_BETWEEN_PROGRESS_LINES, TaskError  # noqa: E402


class Lines:
    """A stream that turns progress bars, which rewrite their line, into a line every ten seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._printed = time.monotonic()

    def write(self, text: str) -> int:
        if "\r" in text:
            last = text.rpartition("\r")[2].strip()
            now = time.monotonic()
            if last and now - self._printed > SECONDS_BETWEEN_PROGRESS_LINES:
                self._printed = now
                self._stream.write(last + "\n")
        elif text.strip():
            self._stream.write(text.rstrip("\n") + "\n")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def progress_as_lines() -> Iterator[None]:
    stream = sys.stderr
    sys.stderr = Lines(stream)
    try:
        yield
    finally:
        sys.stderr = stream


def task_manager(folder: Path | None) -> TaskManager:
    """Finds lm-evaluation-harness's own tasks, the ones shipped here, and those of a folder."""
    if folder and not folder.is_dir():
        raise TaskError(f"TASKS_DIRECTORY {folder} does not exist")
    return TaskManager(include_path=[SHIPPED, *([folder] if folder else [])])


def load_tasks(manager: TaskManager, names: list[str], data: Datasets, generated_code: bool) -> JsonObject:
    """Loads tasks by name with their data; tasks that run code that a model wrote only if that is allowed."""
    for name in names:
        if name not in manager.all_tasks:
            near = difflib.get_close_matches(name, manager.all_tasks, 5)
            raise TaskError(f"TASKS: there is no task {name}" + (f"; similar: {', '.join(near)}" if near else ""))
    refusal = "run what the model wrote: leave them out, or set RUN_GENERATED_CODE to true"
    if generated_code:
        os.environ["HF_ALLOW_CODE_EVAL"] = "1"
    # The metric code_eval is looked up here before the hub.
    os.chdir(SHIPPED)
    with data.loading():
        try:
            loaded: JsonObject = manager.load(list(names))
        except ValueError as error:
            if "HF_ALLOW_CODE_EVAL" in str(error):
                raise TaskError(f"some of {', '.join(names)} {refusal}") from error
            raise
    unsafe = sorted(name for name, task in loaded["tasks"].items() if getattr(task.config, "unsafe_code", False))
    if unsafe and not generated_code:
        raise TaskError(f"{', '.join(unsafe)} {refusal}")
    return loaded
