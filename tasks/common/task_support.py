"""Shared by the task scripts: reading params, reporting progress and results, and failing with one line."""

import errno
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

SECONDS_BETWEEN_PROGRESS_LINES = 10.0


class TaskError(Exception):
    """An expected error. Its message is one line that says what is wrong, where, and what to do."""


class Parameters:
    """Reads a task's params from its environment and collects all problems for check()."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._problems: list[str] = []

    def required(self, name: str, pattern: str = r".+", expected: str = "not empty") -> str:
        """The value of a param, which must match the whole pattern; "" if it does not, which check() reports."""
        value = self._environment.get(name, "").strip()
        if re.fullmatch(pattern, value):
            return value
        self._problems.append(f"{name} must be {expected}, not {value!r}" if value else f"{name} is not set")
        return ""

    def optional(self, name: str, default: str = "") -> str:
        return self._environment.get(name, "").strip() or default

    def secret(self, name: str) -> str:
        """A required value that never appears in a message."""
        value = self._environment.get(name, "").strip()
        if not value:
            self._problems.append(f"{name} is not set; the task reads it from its secret")
        return value

    def directory(self, name: str) -> Path:
        """A relative directory name below the workspace in MODELS_DIRECTORY."""
        workspace = self.required("MODELS_DIRECTORY", r"/.+", "the absolute path of the workspace")
        value = self.required(name, r"(?!/)(?!.*(^|/)\.\.?(/|$))[\w./-]+", "a relative path without . or ..")
        return Path(workspace, value.rstrip("/"))

    def problem(self, text: str) -> None:
        """Adds a problem that concerns several params."""
        self._problems.append(text)

    @property
    def has_problems(self) -> bool:
        return bool(self._problems)

    def check(self) -> None:
        """Raises TaskError with every problem found so far."""
        if self._problems:
            raise TaskError("; ".join(self._problems))


def write_result(name: str, value: str | float) -> None:
    """Writes a Tekton result to the path in RESULT_<NAME>; if that is not set, only prints it."""
    path = os.environ.get("RESULT_" + name.upper().replace("-", "_"))
    if path:
        Path(path).write_text(str(value))
    print(f"result {name}: {value}", flush=True)


def size(count: float) -> str:
    """A number of bytes in readable form, such as 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError


@contextmanager
def progress(label: str, total: int, done: Callable[[], int]) -> Iterator[None]:
    """Prints done/total and the time left every ten seconds while the block runs. done() returns bytes."""
    finished = threading.Event()
    started, first = time.monotonic(), done()

    def report() -> None:
        while not finished.wait(SECONDS_BETWEEN_PROGRESS_LINES):
            now = min(done(), total)
            rate = (now - first) / (time.monotonic() - started)
            left = f"{(total - now) / rate:.0f} s left" if rate > 0 else "nothing received yet"
            print(f"{label}: {size(now)} of {size(total)}, {size(max(rate, 0))}/s, {left}", flush=True)

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        finished.set()
        reporter.join()


def full_workspace(error: OSError) -> str | None:
    """What to do about a volume or quota that is full; None for any other error."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return f"the workspace is full: {error.strerror}: use a larger volume"


def run(task: Callable[[], None]) -> None:
    """Runs a task and ends the process: an expected failure is one line on stderr and exit code 1."""
    try:
        task()
    except TaskError as error:
        fail(str(error))
    except OSError as error:
        if message := full_workspace(error):
            fail(message)
        raise


def fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(1)
