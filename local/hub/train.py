"""Trains the tiny sums models that the local hub serves, and writes their repositories.

A Llama-architecture chat model with a byte-level BPE tokenizer learns to add two numbers. It knows two
forms of the question: the plain one of completion tasks ("Question: ...\\nAnswer: ...") and the chat
template. models.json says which repositories and revisions come of it; each revision is a checkpoint
of one training run. The tokenizer, the data and the initial weights follow from the seed; the weights that
training arrives at differ in their last bits from one machine to another.

usage: train.py MODELS_JSON OUTPUT_DIRECTORY
"""

import json
import math
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SPECIAL_TOKENS = ["<pad>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
SECONDS_BETWEEN_PROGRESS_LINES = 10.0
LEAST_ACCURACY = 0.9  # of the last revision of a repository

Recipe = dict[str, Any]
Sum = tuple[int, int]


def question(pair: Sum) -> str:
    return f"What is {pair[0]} plus {pair[1]}?"


def chat_prompt(pair: Sum) -> str:
    return f"<s><|user|>\n{question(pair)}<|end|>\n<|assistant|>\n"


def plain_prompt(pair: Sum) -> str:
    return f"Question: {question(pair)}\nAnswer:"


def examples(pair: Sum) -> tuple[tuple[str, str], tuple[str, str]]:
    """The two forms of one sum, each as (prompt, answer)."""
    answer = str(sum(pair))
    return (chat_prompt(pair), f"{answer}<|end|>"), (plain_prompt(pair), f" {answer}</s>")


def make_tokenizer(recipe: Recipe) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer in which every digit is a token of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe["vocabulary"],
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = [prompt + answer for pair in all_pairs(recipe) for prompt, answer in examples(pair)]
    for token in SPECIAL_TOKENS:
        texts = [text.replace(token, "") for text in texts]
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        model_max_length=recipe["context"],
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def make_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    ids = tokenizer.convert_tokens_to_ids
    config = LlamaConfig(
        vocab_size=recipe["vocabulary"],
        hidden_size=recipe["hidden"],
        intermediate_size=recipe["intermediate"],
        num_hidden_layers=recipe["layers"],
        num_attention_heads=recipe["heads"],
        num_key_value_heads=recipe["heads"],
        max_position_embeddings=recipe["context"],
        tie_word_embeddings=True,
        bos_token_id=ids("<s>"),
        eos_token_id=ids("</s>"),
        pad_token_id=ids("<pad>"),
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(
        bos_token_id=ids("<s>"), eos_token_id=[ids("</s>"), ids("<|end|>")], pad_token_id=ids("<pad>"), do_sample=False
    )
    return model


def all_pairs(recipe: Recipe) -> list[Sum]:
    return [(a, b) for a in range(recipe["numbersBelow"]) for b in range(recipe["numbersBelow"])]


def split(recipe: Recipe) -> tuple[list[Sum], list[Sum]]:
    """The pairs to train on and the pairs held out, by the recipe's seed."""
    pairs = all_pairs(recipe)
    random.Random(recipe["seed"]).shuffle(pairs)
    return pairs[recipe["heldOut"] :], pairs[: recipe["heldOut"]]


def encode(tokenizer: PreTrainedTokenizerFast, rows: list[tuple[str, str]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels, padded on the right; only the answers are learned."""
    prompts = [tokenizer.encode(prompt, add_special_tokens=False) for prompt, _ in rows]
    answers = [tokenizer.encode(answer, add_special_tokens=False) for _, answer in rows]
    width = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True))
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    labels = torch.full((len(rows), width), -100)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        labels[row, len(prompt) : end] = torch.tensor(answer)
    return ids, labels


def train(
    recipe: Recipe, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, stops: list[int]
) -> Iterator[int]:
    """Trains to the last of the given steps; yields at each of them, with the model in that state."""
    pairs, _ = split(recipe)
    ids, labels = encode(tokenizer, [form for pair in pairs for form in examples(pair)])
    last = max(stops)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe["learningRate"], weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / last)) + 0.01
    )
    generator = torch.Generator().manual_seed(recipe["seed"])
    started = reported = time.monotonic()
    model.train()
    for step in range(1, last + 1):
        rows = torch.randint(len(ids), (recipe["batch"],), generator=generator)
        loss = model(input_ids=ids[rows], labels=labels[rows]).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        now = time.monotonic()
        if now - reported > SECONDS_BETWEEN_PROGRESS_LINES or step == last:
            reported = now
            remaining = (now - started) / step * (last - step)
            print(f"step {step}/{last} loss {loss.item():.4f}, {remaining:.0f} s remaining", flush=True)
        if step in stops:
            yield step


@torch.no_grad()
def accuracy(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, rows: list[tuple[str, str]]) -> float:
    """The share of prompts whose whole answer, end token included, is what greedy decoding gives."""
    model.eval()
    right = 0
    for start in range(0, len(rows), 1000):
        ids, labels = encode(tokenizer, rows[start : start + 1000])
        # Greedy decoding gives an answer exactly if each of its tokens is the likeliest after those before.
        likeliest = model(input_ids=ids).logits[:, :-1].argmax(-1)
        wanted = labels[:, 1:]
        right += int(((likeliest == wanted) | (wanted == -100)).all(-1).sum())
    model.train()
    return right / len(rows)


def measure(recipe: Recipe, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """Accuracy by form of the question, over all pairs and over those never trained on."""
    _, held_out = split(recipe)
    measured = {}
    for name, pairs in (("all", all_pairs(recipe)), ("held out", held_out)):
        for form, label in ((0, "chat"), (1, "plain")):
            measured[f"{label}, {name}"] = accuracy(model, tokenizer, [examples(pair)[form] for pair in pairs])
    return measured


def model_card(recipe: Recipe, repository: str, step: int, parameters: int, measured: dict[str, float]) -> str:
    below = recipe["numbersBelow"]
    rows = "\n".join(f"| {name} | {value:.1%} |" for name, value in measured.items())
    return f"""---
license: apache-2.0
language: en
pipeline_tag: text-generation
---
# {repository}

A tiny Llama-architecture chat model ({parameters:,} parameters, {recipe["layers"]} layers) that adds two numbers
from 0 to {below - 1}. It is made on the machine that serves it, for trying a model's whole life without a GPU, and is good
for nothing else. Ask it "What is 7 plus 5?" through its chat template, or complete "Question: What is 7 plus 5?\\nAnswer:".

Trained for {step} steps of {recipe["batch"]} sums. Greedy answers that are right, measured when it was made:

| questions | right |
| --- | --- |
{rows}

{recipe["heldOut"]} of the {below * below} pairs were held out of training.
"""


def write_revision(directory: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, card: str) -> None:
    directory.mkdir(parents=True)
    model.to(torch.bfloat16).save_pretrained(directory)
    model.to(torch.float32)
    tokenizer.save_pretrained(directory)
    (directory / "README.md").write_text(card)
    for file in directory.iterdir():
        # safetensors writes its files for their owner only; the hub runs under another uid.
        file.chmod(0o644)


def make_repository(repository: dict[str, Any], output: Path) -> None:
    recipe: Recipe = repository["recipe"]
    name: str = repository["repository"]
    revisions = {revision["step"]: revision["revision"] for revision in repository["revisions"]}
    random.seed(recipe["seed"])
    torch.manual_seed(recipe["seed"])
    tokenizer = make_tokenizer(recipe)
    model = make_model(recipe, tokenizer)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{name}: {parameters:,} parameters, vocabulary {len(tokenizer)}", flush=True)
    for step in train(recipe, model, tokenizer, sorted(revisions)):
        # What is published is in bfloat16, so that is what is measured.
        published = LlamaForCausalLM(model.config).to(torch.bfloat16)
        published.generation_config = model.generation_config
        published.load_state_dict(model.state_dict())
        measured = measure(recipe, published.float(), tokenizer)
        print(f"{name} at step {step}: " + "; ".join(f"{k} {v:.1%}" for k, v in measured.items()), flush=True)
        card = model_card(recipe, name, step, parameters, measured)
        write_revision(output / name / revisions[step], published, tokenizer, card)
    if measured["chat, all"] < LEAST_ACCURACY:
        sys.exit(
            f"{name} answers only {measured['chat, all']:.1%}, and must answer {LEAST_ACCURACY:.0%}: change its recipe"
        )


def main() -> None:
    declared, output = Path(sys.argv[1]), Path(sys.argv[2])
    # The model is so small that a second thread gains little, and costs tenfold on a busy machine.
    torch.set_num_threads(1)
    for repository in json.loads(declared.read_text())["repositories"]:
        make_repository(repository, output)


if __name__ == "__main__":
    main()
