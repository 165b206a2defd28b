"""Compresses a downloaded model with LLM Compressor into another directory.

It works in <directory>.partial, which is renamed when it is complete; the manifest next to it is written last, so a
directory with a manifest is complete. The inputs are recorded there as well: a run with the same inputs finds the
record and does nothing.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from certificates import trust
from hub_files import fetch, fetched, hub_reference
from json_object import JsonObject
from manifest import manifest_path, manifest_text, read_manifest, text_digest
from model_files import (
    check_content,
    keep_other_files,
    refuse_quantized,
    scheme_of,
    sha256_of,
    weight_bytes,
)
from model_record import read_origin, read_record, record_path, write_record
from recipe import Recipe, read_recipe
from task_support import Parameters, TaskError, run, size, write_result

PACKAGES = ("llmcompressor", "compressed-tensors", "transformers", "torch")
STORE = "hub"  # directory of the workspace for other downloads than the model


@dataclass(frozen=True)
class Request:
    workspace: Path
    model: Path
    compressed: Path
    recipe_name: str
    dataset: str
    samples: int
    max_sequence_length: int
    processes: int  # 0: one per GPU
    memory: int  # bytes for the weights, 0: the container's memory
    manifest_digest: str
    endpoint: str
    token: str | None


def read_parameters() -> Request:
    parameters = Parameters()
    positive, count = r"[1-9]\d*", r"\d+"
    request = Request(
        workspace=Path(parameters.required("MODELS_DIRECTORY", r"/.+", "the absolute path of the workspace")),
        model=parameters.directory("MODEL_DIRECTORY"),
        compressed=parameters.directory("COMPRESSED_DIRECTORY"),
        recipe_name=parameters.required("RECIPE"),
        dataset=parameters.optional("CALIBRATION_DATASET"),
        samples=int(parameters.required("CALIBRATION_SAMPLES", positive, "a number above 0") or 0),
        max_sequence_length=int(parameters.required("MAX_SEQUENCE_LENGTH", positive, "a number of tokens") or 0),
        processes=int(parameters.required("GPUS", count, "a number, 0 for all GPUs of the pod") or 0),
        memory=int(parameters.required("CPU_MEMORY_BYTES", count, "a number of bytes, 0 for all available") or 0),
        manifest_digest=parameters.optional("MANIFEST_DIGEST"),
        endpoint=parameters.required("HF_ENDPOINT", r"https?://.+", "an http(s) URL").rstrip("/"),
        token=parameters.optional("HF_TOKEN") or None,
    )
    parameters.check()
    if request.model == request.compressed:
        raise TaskError("COMPRESSED_DIRECTORY must be a different directory from MODEL_DIRECTORY")
    return request


def local_dataset(request: Request, recipe: Recipe) -> Path | None:
    """The file with the calibration data; None for a data set of the hub."""
    if request.dataset:
        if "@" in request.dataset:
            return None
        path = request.workspace / request.dataset
        if not re.fullmatch(r"(?!/)(?!.*(^|/)\.\.?(/|$))[\w./-]+\.(jsonl|json|parquet|csv)", request.dataset):
            raise TaskError(
                "CALIBRATION_DATASET must be <organisation>/<name>@<commit> or a .jsonl, .json, .parquet or .csv file"
                f" of the workspace, not {request.dataset!r}"
            )
    elif "@" in recipe.dataset:
        return None
    else:
        path = recipe.path.parent / recipe.dataset
    if not path.is_file():
        raise TaskError(f"the calibration data {path} does not exist")
    return path


def dataset_name(request: Request, recipe: Recipe) -> str:
    """Identifies the calibration data: a data set with its commit, or a file's sha256."""
    path = local_dataset(request, recipe)
    return (
        f"{path.name}@sha256:{sha256_of(path)}"
        if path
        else str(hub_reference("dataset", request.dataset or recipe.dataset))
    )


def dataset_files(request: Request, recipe: Recipe) -> list[Path]:
    if path := local_dataset(request, recipe):
        return [path]
    reference = hub_reference("dataset", request.dataset or recipe.dataset)
    store = request.workspace / STORE
    directory = fetched(reference, store) or fetch(reference, store, [recipe.files], request.endpoint, request.token)
    files = sorted(path for path in directory.rglob(recipe.files.rpartition("/")[2]) if path.is_file())
    return [path for path in files if ".cache" not in path.parts]


def made_from(request: Request, recipe: Recipe, model_digest: str) -> JsonObject:
    return {
        "model": model_digest,
        "recipe": recipe.digest,
        "calibration": dataset_name(request, recipe),
        "samples": request.samples,
        "maxSequenceLength": request.max_sequence_length,
        "versions": {package: version(package) for package in PACKAGES},
    }


def named_by(request: Request) -> JsonObject:
    """Names of the inputs, for readers of the record; the same inputs may have other names."""
    origin = read_origin(request.model)
    return {"recipe": request.recipe_name, "source": asdict(origin) if origin else None}


def earlier_record(compressed: Path, inputs: JsonObject) -> JsonObject:
    """The record of an earlier run with these inputs, if all of its files exist. Does not read the weights."""
    noted = read_record(compressed)
    if not manifest_path(compressed).is_file() or not noted:
        return {}
    present = {
        str(path.relative_to(compressed)): path.stat().st_size for path in compressed.rglob("*") if path.is_file()
    }
    return noted if noted["inputs"] == inputs and noted["files"] == present else {}


def check_space(request: Request, weights: int) -> None:
    """Estimates half the size of the weights: four bits for sixteen, plus layers that are not compressed."""
    needed, free = weights // 2, shutil.disk_usage(request.workspace).free
    if needed > free:
        raise TaskError(
            f"the workspace has {size(free)} free, and compressing needs {size(needed)}: use a larger volume"
        )


def gpu_count() -> int:
    command = [sys.executable, "-c", "import torch; print(torch.accelerator.device_count())"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def quantize(request: Request, recipe: Recipe, partial: Path) -> None:
    """Runs quantize.py on the model, with one process per GPU."""
    scratch = partial / "scratch"
    scratch.mkdir(parents=True)
    job = {
        "model": str(request.model),
        "output": str(partial / "model"),
        "scratch": str(scratch),
        "stages": recipe.stages,
        "dataset": [str(path) for path in dataset_files(request, recipe)],
        "columns": recipe.columns,
        "samples": request.samples,
        "maxSequenceLength": request.max_sequence_length,
        "weightBytes": weight_bytes(request.model),
        "memoryBytes": request.memory,
    }
    (scratch / "job.json").write_text(json.dumps(job))
    environment = {
        **{name: value for name, value in os.environ.items() if name != "HF_TOKEN"},
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(scratch / "datasets"),
        "TQDM_DISABLE": "1",
        "LLM_COMPRESSOR_LOG_LEVEL": "WARNING",
        "COMPRESSED_TENSORS_LOG_LEVEL": "WARNING",
    }
    processes = request.processes or max(1, gpu_count())
    torchrun = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--local-addr=127.0.0.1",
        f"--nproc-per-node={processes}",
    ]
    command = [
        sys.executable,
        *(torchrun if processes > 1 else []),
        str(Path(__file__).with_name("quantize.py")),
        str(scratch / "job.json"),
    ]
    worker = subprocess.Popen(command, env=environment)

    def stop(*_: object) -> NoReturn:
        worker.terminate()
        sys.exit(143)

    signal.signal(signal.SIGTERM, stop)
    code = worker.wait()
    if (scratch / "error").is_file():
        raise TaskError((scratch / "error").read_text())
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        raise TaskError(
            "quantizing was killed, most likely because the container's memory limit was reached: raise that limit,"
            " or set CPU_MEMORY_BYTES so that layers are read from disk"
        )
    if code != 0:
        raise TaskError(f"quantizing ended with exit code {code}; see its output above")


def finish(request: Request, recipe: Recipe, inputs: JsonObject, partial: Path) -> dict[str, str]:
    """Turns the partial directory into the compressed model, the manifest last. Returns the results."""
    output, compressed = partial / "model", request.compressed
    files = {str(path.relative_to(output)): path for path in sorted(output.rglob("*")) if path.is_file()}
    manifest = manifest_text({name: sha256_of(path) for name, path in files.items()})
    before, after = weight_bytes(request.model), weight_bytes(output)
    results = {
        "bytes-before": str(before),
        "bytes-after": str(after),
        "scheme": scheme_of(output),
        "recipe-digest": recipe.digest,
        "calibration": inputs["calibration"],
        "manifest-digest": text_digest(manifest),
    }
    sizes = {name: path.stat().st_size for name, path in files.items()}
    output.rename(compressed)
    shutil.rmtree(partial)
    write_record(compressed, {**named_by(request), "inputs": inputs, "results": results, "files": sizes})
    manifest_path(compressed).write_text(manifest)
    print(f"{size(before)} became {size(after)}", flush=True)
    return results


def compress(request: Request) -> dict[str, str]:
    digests, digest = read_manifest(request.model)
    if request.manifest_digest and digest != request.manifest_digest:
        raise TaskError(f"{request.model} has manifest {digest}, but MANIFEST_DIGEST is {request.manifest_digest}")
    refuse_quantized(request.model)
    recipe = read_recipe(request.recipe_name, request.workspace)
    inputs = made_from(request, recipe, digest)
    if record := earlier_record(request.compressed, inputs):
        print(f"skipped: {request.compressed} is from the same model, recipe and calibration data", flush=True)
        write_record(request.compressed, {**record, **named_by(request)})
        return {**record["results"], "skipped": "true"}
    weights = weight_bytes(request.model)
    print(f"{request.model}, {size(weights)} of weights, by recipe {request.recipe_name} ({recipe.digest})", flush=True)
    partial = request.compressed.with_name(request.compressed.name + ".partial")
    for path in (manifest_path(request.compressed), record_path(request.compressed)):
        path.unlink(missing_ok=True)
    for directory in (request.compressed, partial):
        shutil.rmtree(directory, ignore_errors=True)
    try:
        check_space(request, weights)
        check_content(request.model, digests)
        quantize(request, recipe, partial)
        keep_other_files(request.model, partial / "model", digests)
        return {**finish(request, recipe, inputs, partial), "skipped": "false"}
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def main() -> None:
    request = read_parameters()
    trust(os.environ.get("TRUSTED_CA_DIRECTORY", ""))
    try:
        results = compress(request)
    except OSError as error:
        if error.errno is None:
            raise
        raise TaskError(f"the workspace cannot be used: {error}") from error
    for name, value in results.items():
        write_result(name, value)


if __name__ == "__main__":
    run(main)
