"""The metric `code_eval` of humaneval and mbpp: the share of generated programs that pass their tests.

It replaces the metric of the same name on the hub, which would be downloaded unpinned and runs the model's code in a
copy of this process. Here each program has its own interpreter, with an empty environment and directory, and limits for
time, memory and files. The pod restricts everything else: see the Task evaluate-model.
"""

import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import datasets
import evaluate

SECONDS = 5.0
MEMORY_BYTES = 1 << 30
FILE_BYTES = 1 << 20
PROCESSES = 2


def limit() -> None:
    """Runs in the child before the program starts."""
    seconds = math.ceil(SECONDS)
    for what, amount in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (amount, amount))


def passes(program: str) -> bool:
    """Whether a program ends by itself, in time and without an error."""
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile() as output:
        # The output of the last line proves that the program did not end early, for example with sys.exit(0).
        proof = os.urandom(16).hex()
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", f"{program}\n\nimport os as _o\n_o.write(1, b'{proof}')\n"],
            cwd=directory,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=limit,  # noqa: PLW1509 it calls setrlimit alone, which waits for no lock
        )
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with what it may have started
            process.wait()
        output.seek(0)
        return process.returncode == 0 and output.read().endswith(proof.encode())


def pass_at(k: int, total: int, right: int) -> float:
    """The chance that one of k programs drawn from the total is right (Chen et al. 2021, arXiv:2107.03374)."""
    return 1.0 - math.comb(total - right, k) / math.comb(total, k)


class CodeEval(evaluate.Metric):
    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="The share of generated programs that pass their tests.",
            citation="",
            inputs_description="predictions: for each problem a list of programs; references: its tests.",
            features=datasets.Features(
                {"predictions": datasets.Sequence(datasets.Value("string")), "references": datasets.Value("string")}
            ),
        )

    def _compute(
        self, predictions: list[list[str]], references: list[str], k: Sequence[int] = (1, 10, 100)
    ) -> tuple[dict[str, float], list[list[bool]]]:
        if os.environ.get("HF_ALLOW_CODE_EVAL") != "1":
            raise ValueError("running what a model wrote must be asked for: HF_ALLOW_CODE_EVAL=1")
        programs = [
            [f"{program}\n{tests}" for program in candidates]
            for candidates, tests in zip(predictions, references, strict=True)
        ]
        with ThreadPoolExecutor(PROCESSES) as pool:
            passed = [list(pool.map(passes, candidates)) for candidates in programs]
        scores = {
            f"pass@{count}": sum(pass_at(count, len(p), sum(p)) for p in passed) / len(passed)
            for count in k
            if all(len(p) >= count for p in passed)
        }
        return scores, passed
