"""Quantizes a model with LLM Compressor: the part of compress-model that loads the model into memory.

compress-model runs it with a job as JSON, in one process or, for several GPUs, in one process per GPU with torchrun:
each calibrates on its share of the data, and the first one writes the result.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.distributed as dist
from calibration import calibration_data
from compressed_tensors.distributed import init_dist, is_distributed, is_source_process
from compressed_tensors.offload import load_offloaded_model
from compressed_tensors.utils import match_named_modules
from json_object import JsonObject
from llmcompressor import oneshot
from llmcompressor.core import active_session
from llmcompressor.modifiers import Modifier
from llmcompressor.recipe import Recipe
from pydantic import PrivateAttr
from task_support import SECONDS_BETWEEN_PROGRESS_LINES, TaskError, size
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

CGROUP = Path("/sys/fs/cgroup")
BEYOND_WEIGHTS = 2 << 30  # bytes of main memory for libraries, activations and Hessians
SHARED_MEMORY = Path("/dev/shm")


def available_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that this container may still use, by its cgroup's limit and not by the node's free memory."""
    free: int = psutil.virtual_memory().available
    limit, used = cgroup / "memory.max", cgroup / "memory.current"
    if limit.is_file() and (text := limit.read_text().strip()) != "max":
        # The page cache counts as used, but is reclaimed under memory pressure.
        cache = {key: int(value) for key, value in map(str.split, (cgroup / "memory.stat").read_text().splitlines())}
        free = min(free, int(text) - int(used.read_text()) + cache.get("inactive_file", 0))
    return free


def memory_for_weights(given: int) -> int:
    """Bytes of main memory for the weights: the given number, or the available memory minus other needs."""
    if given:
        return given
    free = available_memory()
    if is_distributed():  # the processes share the weights there
        free = min(free, shutil.disk_usage(SHARED_MEMORY).free)
    return max(0, free - BEYOND_WEIGHTS)


def load_model(job: JsonObject) -> PreTrainedModel:
    """The model in main memory, from where layers move to the GPU one by one; layers that do not fit stay on disk."""
    weights, memory = job["weightBytes"], memory_for_weights(job["memoryBytes"])
    if is_source_process():
        where = "in main memory" if weights <= memory else "in main memory as far as they fit, the rest on disk"
        print(f"{size(weights)} of weights, {size(memory)} available: {where}", flush=True)
    if weights <= memory and not is_distributed():
        return AutoModelForCausalLM.from_pretrained(job["model"], dtype="auto")
    with load_offloaded_model():
        return AutoModelForCausalLM.from_pretrained(
            job["model"],
            dtype="auto",
            device_map="auto_offload",
            max_memory={"cpu": memory},
            offload_folder=str(Path(job["scratch"], "offload")),
        )


def targets(modifier: Modifier, model: PreTrainedModel) -> list[tuple[str, torch.nn.Module]]:
    return list(match_named_modules(model, modifier.resolved_targets, modifier.ignore))


def check_recipe(recipe: Recipe, model: PreTrainedModel) -> None:
    """TaskError for a recipe that quantizes nothing, and for layers that cannot be divided into the scheme's groups."""
    quantizing = [modifier for modifier in recipe.modifiers if hasattr(modifier, "resolve_quantization_config")]
    if not quantizing:
        raise TaskError("the recipe has no modifier that quantizes")
    for modifier in quantizing:
        for group in modifier.resolve_quantization_config().config_groups.values():
            length = group.weights.group_size if group.weights else None
            odd = [name for name, layer in targets(modifier, model) if length and layer.weight.shape[-1] % length]
            if odd:
                raise TaskError(
                    f"{len(odd)} layers, first {odd[0]}, cannot be divided into groups of {length} weights:"
                    " use a scheme without groups, or list them under ignore in the recipe"
                )


class ProgressLines(Modifier):
    """Prints how many layers are quantized, and the time left; changes nothing."""

    _total: int = PrivateAttr(default=0)
    _done: int = PrivateAttr(default=0)
    _started: float = PrivateAttr(default=0.0)
    _printed: float = PrivateAttr(default=0.0)

    def on_initialize(self, state: Any, **_: Any) -> bool:
        return True

    def on_calibration_start(self, state: Any, event: Any, **_: Any) -> None:
        self._total = sum(hasattr(module, "quantization_scheme") for module in state.model.modules())
        self._started = time.monotonic()

    def on_sequential_epoch_end(self, state: Any, event: Any, modules: list[torch.nn.Module], **_: Any) -> None:
        self._done += sum(hasattr(module, "quantization_scheme") for module in modules)
        now = time.monotonic()
        if (
            is_source_process()
            and self._done
            and (self._done == self._total or now - self._printed > SECONDS_BETWEEN_PROGRESS_LINES)
        ):
            self._printed = now
            left = (now - self._started) / self._done * (self._total - self._done)
            print(f"quantizing: {self._done} of {self._total} layers, {left:.0f} s left", flush=True)


def quantize(job: JsonObject) -> None:
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    paths = [Path(path) for path in job["dataset"]]
    data = calibration_data(paths, job["columns"], tokenizer, job["samples"], job["maxSequenceLength"])
    if is_distributed():
        # oneshot itself would give every process the same share.
        data = data.select(range(dist.get_rank(), len(data), dist.get_world_size()))
    model = load_model(job)
    recipe = Recipe.from_dict(job["stages"])
    check_recipe(recipe, model)
    recipe.modifiers.append(ProgressLines())
    oneshot(
        model=model,
        tokenizer=tokenizer,
        recipe=recipe,
        dataset=data,
        max_seq_length=job["maxSequenceLength"],
        num_calibration_samples=len(data),
        shuffle_calibration_samples=False,
    )
    # The recipe is saved with the model, so it must contain only what other programs can read.
    active_session().lifecycle.recipe.modifiers.pop()
    if is_source_process():
        print("writing the compressed model", flush=True)
    model.save_pretrained(job["output"], save_compressed=True)


def main(job: JsonObject) -> None:
    distributed = int(os.environ.get("WORLD_SIZE", "1")) > 1
    try:
        if distributed:
            init_dist() if torch.accelerator.is_available() else dist.init_process_group("gloo")
        quantize(job)
    except TaskError as error:
        Path(job["scratch"], "error").write_text(str(error))
        sys.exit(1)
    except torch.OutOfMemoryError:
        Path(job["scratch"], "error").write_text(
            "the GPU's memory is full: lower MAX_SEQUENCE_LENGTH, or use a GPU with more memory"
        )
        sys.exit(1)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
