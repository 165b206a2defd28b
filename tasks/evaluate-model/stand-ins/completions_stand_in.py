"""A stand-in for a served model: enough of OpenAI's completions, on a real model, for lm-evaluation-harness.

It answers GET /v1/models and POST /v1/completions with prompts as token ids, either greedily or, with echo, with the
log-probabilities of the prompt. It refuses all other requests.
"""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from json_object import JsonObject
from transformers import AutoModelForCausalLM, AutoTokenizer

NAME = "sums"


class StandIn(ThreadingHTTPServer):
    """`key` is the required API key, `fail` returns the status for a request by its number, `reply` its text."""

    def __init__(self, model: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.key = ""
        self.fail: Callable[[int], int | None] = lambda _: None
        self.reply: Callable[[str], str | None] | None = None
        self.requests = 0
        self.length = self.model.config.max_position_embeddings

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @torch.no_grad()
    def complete(self, index: int, ids: list[int], body: JsonObject) -> JsonObject:
        if body.get("echo"):
            chances = self.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
            found = [None, *(chances[at, token].item() for at, token in enumerate(ids[1:])), chances[-1].max().item()]
            best = [None, *({"best": chances[at].max().item()} for at in range(len(ids)))]
            return {"index": index, "text": "", "logprobs": {"token_logprobs": found, "top_logprobs": best}}
        if self.reply:
            return {"index": index, "text": self.reply(self.tokenizer.decode(ids))}
        output = self.model.generate(input_ids=torch.tensor([ids]), max_new_tokens=body["max_tokens"], do_sample=False)
        text = self.tokenizer.decode(output[0][len(ids) :], skip_special_tokens=True)
        for stop in body.get("stop") or []:
            text = text.partition(stop)[0]
        return {"index": index, "text": text}


class Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def answer(self, status: int, content: JsonObject) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refused(self) -> bool:
        if self.server.key and self.headers.get("Authorization") != f"Bearer {self.server.key}":
            self.answer(401, {"error": "Unauthorized"})
            return True
        return False

    def do_GET(self) -> None:
        if self.refused():
            return
        if self.path != "/v1/models":
            self.answer(404, {"error": f"the stand-in has no {self.path}"})
            return
        self.answer(200, {"object": "list", "data": [{"id": NAME, "max_model_len": self.server.length}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.refused():
            return
        self.server.requests += 1
        if status := self.server.fail(self.server.requests):
            self.answer(status, {"error": "as the test wants it"})
            return
        prompts = body["prompt"]
        if isinstance(prompts[0], int):
            prompts = [prompts]
        if self.path != "/v1/completions" or isinstance(prompts[0], str) or body.get("temperature"):
            self.answer(400, {"error": "the stand-in takes token ids and is greedy"})
            return
        self.answer(200, {"choices": [self.server.complete(at, ids, body) for at, ids in enumerate(prompts)]})
