"""Runs the benchmark task with the real GuideLLM against GuideLLM's own mock server."""

import csv
import json
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import free_port, wait_until_up
from fault_proxy import Reply, fault_proxy, times

pytest.importorskip("guidellm", reason="runs in the image guidellm")
RESULTS = [
    "ttft-ms-mean",
    "ttft-ms-p95",
    "itl-ms-mean",
    "itl-ms-p95",
    "output-tokens-per-second",
    "requests-per-second",
    "error-rate",
    "requests",
    "results-directory",
    "guidellm-version",
]
THROUGHPUT = ("output_tokens_per_second", "requests_per_second")
NAME = "CodeLlama-34b_Python.hf"


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """A server that answers as model `sums`, with 20 ms to the first token and 2 ms between tokens."""
    port = free_port()
    command = ["guidellm", "mock-server", "--host", "127.0.0.1", "--port", str(port), "--model", "sums"]
    timing = ["--ttft-ms", "20", "--itl-ms", "2", "--output-tokens", "16"]
    process = subprocess.Popen([*command, *timing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    wait_until_up(f"{url}/health", process, 180)
    yield url
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte tokenizer in a model's directory, without a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(["</s>", *letters])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    directory = tmp_path_factory.mktemp("tokenizer") / NAME
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>").save_pretrained(directory)
    return directory


@pytest.fixture
def benchmark(run_task: Callable, endpoint: str, tokenizer: Path, tmp_path: Path) -> Callable:
    shutil.copytree(tokenizer, tmp_path / "models" / NAME)

    def start(**changes: str):
        parameters = {
            "ENDPOINT_URL": endpoint,
            "MODEL_NAME": "sums",
            "MODELS_DIRECTORY": str(tmp_path / "models"),
            "MODEL_DIRECTORY": NAME,
            "RESULTS_DIRECTORY": "results/guidellm",
            "PROFILE": "synchronous",
            "RATE": "2",
            "PROMPT_TOKENS": "32",
            "OUTPUT_TOKENS": "16",
            "MAX_SECONDS": "6",
            "REQUEST_FORMAT": "/v1/completions",
            "MAX_ERROR_RATE": "0.05",
            "ENDPOINT_AUTH": "none",
            "TMPDIR": str(tmp_path),
        }
        return run_task("run-guidellm", RESULTS, **{**parameters, **changes})

    return start


def reports(tmp_path: Path) -> dict[str, str]:
    directory = tmp_path / "models" / "results" / "guidellm"
    return {path.name: path.read_text() for path in directory.iterdir()}


def figures_in(report: dict) -> dict[str, float]:
    """The results as GuideLLM's own report has them."""
    first, *_ = of_loads = [benchmark["metrics"] for benchmark in report["benchmarks"]]
    ttft, itl = (first[name]["successful"] for name in ("time_to_first_token_ms", "inter_token_latency_ms"))
    best = {name: max(load[name]["successful"]["mean"] for load in of_loads) for name in THROUGHPUT}
    return {
        "ttft-ms-mean": ttft["mean"],
        "ttft-ms-p95": ttft["percentiles"]["p95"],
        "itl-ms-mean": itl["mean"],
        "itl-ms-p95": itl["percentiles"]["p95"],
        "output-tokens-per-second": best["output_tokens_per_second"],
        "requests-per-second": best["requests_per_second"],
    }


def test_a_sweep_leaves_its_reports_and_figures(benchmark, tmp_path):
    (tmp_path / "models" / "results" / "guidellm").mkdir(parents=True)
    (tmp_path / "models" / "results" / "guidellm" / "old").touch()
    outcome = benchmark(PROFILE="sweep", RATE="3", PIPELINE_RUN_UID="8c1e4f0e")
    assert (outcome.code, outcome.error) == (0, "")
    written = reports(tmp_path)
    assert sorted(written) == ["benchmarks.csv", "benchmarks.html", "benchmarks.json", "figures.json"]
    report, figures = json.loads(written["benchmarks.json"]), json.loads(written["figures.json"])
    assert report["config"]["metadata"]["labels"] == {"pipeline_run_uid": "8c1e4f0e"}
    assert report["config"]["spec"]["data"][0]["prompt_tokens"] == 32
    assert report["config"]["spec"]["backend"]["verify"] is True
    assert written["benchmarks.html"].startswith("<!DOCTYPE html>") and "GuideLLM" in written["benchmarks.html"]
    loads = figures["loads"]
    assert [load["strategy"].partition("@")[0] for load in loads] == ["synchronous", "throughput", "constant"]
    assert all(load["successful"] > 0 and load["errored"] == 0 for load in loads)
    assert figures["pipeline_run_uid"] == "8c1e4f0e"
    results = {name: float(value) for name, value in outcome.results.items() if "-ms" in name or "second" in name}
    # GuideLLM measures the mock server's delays.
    assert 20 <= results["ttft-ms-mean"] <= results["ttft-ms-p95"] * 2
    assert results["itl-ms-mean"] >= 2
    assert results == pytest.approx(figures_in(report), abs=0.001)
    assert outcome.results["error-rate"] == "0.0"
    totals = [benchmark["metrics"]["request_totals"] for benchmark in report["benchmarks"]]
    assert int(outcome.results["requests"]) == sum(total["successful"] for total in totals)
    rows = list(csv.reader(written["benchmarks.csv"].splitlines()))
    assert [row[rows[1].index("Strategy")].partition("@")[0] for row in rows[3:]] == [
        "synchronous",
        "throughput",
        "constant",
    ]
    assert outcome.results["results-directory"] == "results/guidellm"
    assert outcome.results["guidellm-version"] == report["metadata"]["guidellm_version"]
    assert sum(map(len, outcome.results.values())) < 1000


def test_the_url_that_deploy_model_saved_is_used_and_the_token_is_never_printed(benchmark, endpoint, tmp_path):
    def asks_for_a_key(asked):
        return None if asked.headers.get("Authorization") == "Bearer hunter2" else Reply(401)

    with fault_proxy(endpoint) as proxy:
        proxy.faults.append(asks_for_a_key)
        (tmp_path / "models" / "service-url").write_text(f"{proxy.url}/v1\n")
        saved = {"ENDPOINT_URL": "", "ENDPOINT_URL_FILE": "service-url"}
        refused = benchmark(**saved)
        assert "refuses access (401): check ENDPOINT_AUTH" in refused.error
        outcome = benchmark(**saved, ENDPOINT_AUTH="token", OPENAI_API_KEY="hunter2")
    assert (outcome.code, outcome.error) == (0, "")
    shown = outcome.output + "".join(outcome.results.values()) + "".join(reports(tmp_path).values())
    assert "hunter2" not in shown


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """The folder with a private authority's certificate, and a server certificate that it signed."""
    folder = tmp_path / "authority"
    folder.mkdir()
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(folder / "ca.crt")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.crt", tmp_path / "key.pem")
    return folder, context


def test_a_certificate_is_checked_and_a_private_authority_can_be_trusted(benchmark, endpoint, authority, tmp_path):
    folder, context = authority
    token = tmp_path / "token"
    token.write_text("of-the-account")
    account = {"ENDPOINT_AUTH": "serviceAccount", "SERVICE_ACCOUNT_TOKEN_FILE": str(token)}
    with fault_proxy(endpoint, context) as proxy:
        unknown = benchmark(ENDPOINT_URL=proxy.url)
        assert unknown.code == 1
        assert "has a certificate that is not trusted" in unknown.error
        assert proxy.asked == []
        trusted = benchmark(ENDPOINT_URL=proxy.url, TRUSTED_CA_DIRECTORY=str(folder), **account)
        assert (trusted.code, trusted.error) == (0, "")
        assert {asked.headers.get("Authorization") for asked in proxy.asked} == {"Bearer of-the-account"}
    clear = benchmark(**account)
    assert "over https only" in clear.error


def test_guidellm_itself_checks_certificates(authority, endpoint, tokenizer, tmp_path, monkeypatch):
    """Not only the check before it, because GuideLLM's own check is off by default."""
    import importlib.util

    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    path = Path(__file__).with_name("run-guidellm.py")
    spec = importlib.util.spec_from_file_location("run_guidellm", path)
    assert spec
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    from task_support import TaskError

    _, context = authority
    with fault_proxy(endpoint, context) as proxy:
        request = module.Request(
            endpoint=proxy.url, model_name="sums", tokenizer=tokenizer, workspace=tmp_path, results=tmp_path / "results",
            profile="synchronous", rate=1, prompt_tokens=8, output_tokens=8, max_seconds=1,
            request_format="/v1/completions", token="", max_error_rate=0, labels={},
        )  # fmt: skip
        with pytest.raises(TaskError, match="GuideLLM ended with exit code 1"):
            module.measure(request, tmp_path)
        assert proxy.asked == []


def test_a_benchmark_of_errors_alone_fails(benchmark, endpoint):
    with fault_proxy(endpoint) as proxy:
        proxy.faults.append(times(100_000, 500, "POST", "/completions"))
        outcome = benchmark(ENDPOINT_URL=proxy.url)
    assert outcome.code == 1
    assert "no request succeeded" in outcome.error or "wrote no report" in outcome.error
    assert outcome.error.count("\n") == 1


def test_too_many_errors_fail_the_task_and_the_reports_stay(benchmark, endpoint, tmp_path):
    every_third = [0]

    def fault(asked):
        every_third[0] += asked.method == "POST"
        return Reply(500) if asked.method == "POST" and every_third[0] % 3 == 0 else None

    with fault_proxy(endpoint) as proxy:
        proxy.faults.append(fault)
        outcome = benchmark(ENDPOINT_URL=proxy.url, MAX_ERROR_RATE="0.1")
    assert outcome.code == 1
    assert "of the requests failed, more than MAX_ERROR_RATE 10.0%" in outcome.error
    assert 0.1 < float(outcome.results["error-rate"]) < 0.6
    assert "benchmarks.json" in reports(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ENDPOINT_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9 cannot be reached"),
        ({"MODEL_NAME": "other"}, "serves sums, not MODEL_NAME other"),
        ({"MODEL_DIRECTORY": "other"}, "the tokenizer is read from the model's directory"),
        ({"ENDPOINT_URL_FILE": "none"}, "run deploy-model first"),
        ({"PROFILE": "all", "MAX_SECONDS": "0"}, "PROFILE must be sweep, synchronous"),
        ({"REQUEST_FORMAT": "/v1/embeddings"}, "REQUEST_FORMAT must be /v1/completions"),
        ({"MAX_ERROR_RATE": "5%"}, "MAX_ERROR_RATE must be a number from 0 to 1"),
        ({"ENDPOINT_AUTH": "token"}, "OPENAI_API_KEY is not set; the task reads it from its secret"),
        ({"RESULTS_DIRECTORY": "../results"}, "RESULTS_DIRECTORY must be a relative path"),
    ],
)
def test_expected_failures_are_one_line(benchmark, changes, message):
    outcome = benchmark(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}
