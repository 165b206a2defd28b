"""
Starts task scripts for the tests: a process that has imported the libraries of many scripts, and forks for each script.
The Kubernetes client alone takes half a second to import, and the tests start hundreds of scripts.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TypedDict

LIBRARIES = ("kubernetes.config.kube_config", "kubernetes.dynamic", "minio", "requests")
"""Only libraries whose import has no side effects; model_registry sets up logging. An image may lack some of them."""
READS_ENVIRONMENT = "kubernetes.config.kube_config"
"""The one that reads an environment variable, KUBECONFIG, when it is imported."""


class StartRequest(TypedDict):
    """A script to run: its environment, the files for stdout and stderr, and the time limit in seconds."""

    script: str
    environment: dict[str, str]
    output: str
    error: str
    seconds: int


class TaskStarter:
    """Controls the process over pipes; one script at a time."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([sys.executable, __file__], stdin=pipe, stdout=pipe, text=True)

    def run(self, script: Path, environment: Mapping[str, str], output: Path, error: Path, seconds: int) -> int:
        """
        Runs a script and returns its exit code, as subprocess does: negative for a signal, which is SIGALRM after
        `seconds`. Its stdout and stderr go to the files `output` and `error`.
        """
        asked, answered = self.process.stdin, self.process.stdout
        assert asked is not None and answered is not None
        request: StartRequest = {
            "script": str(script),
            "environment": dict(environment),
            "output": str(output),
            "error": str(error),
            "seconds": seconds,
        }
        asked.write(json.dumps(request) + "\n")
        asked.flush()
        answer = answered.readline()
        if not answer:
            raise RuntimeError(f"the process that starts the task scripts ended with {self.process.wait()}")
        return int(answer)

    def close(self) -> None:
        self.process.communicate()


def serve(requests: IO[str], answers: IO[str]) -> StartRequest:
    """Forks for each request, a line of JSON, and answers with the exit code. In the child it returns the request."""
    for line in requests:
        child = os.fork()
        if child == 0:
            request: StartRequest = json.loads(line)
            return request
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()
    sys.exit()


def become(request: StartRequest) -> None:
    """Sets up this process as if Python had started the script."""
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for descriptor, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["output"], writing),
        (2, request["error"], writing),
    ):
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = [request["script"]]
    sys.path[0] = str(Path(request["script"]).parent)
    sys.path[1:1] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if READS_ENVIRONMENT in sys.modules:
        importlib.reload(sys.modules[READS_ENVIRONMENT])
    signal.alarm(request["seconds"])


if __name__ == "__main__":
    for library in LIBRARIES:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(library)
    gc.freeze()
    request = serve(sys.stdin, sys.stdout)
    become(request)
    runpy.run_path(request["script"], run_name="__main__")
