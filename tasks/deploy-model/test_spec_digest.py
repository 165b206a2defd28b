"""The digest of a spec, and the variables of a server that runs as a user without a passwd entry."""

import copy

import pytest
from any_user import ANY_USER_ENV, IDENTITY
from json_object import JsonObject
from spec_digest import digest_in, for_any_user, with_digest

SERVICE: JsonObject = {
    "metadata": {"name": "sums"},
    "spec": {"predictor": {"model": {"runtime": "vllm", "args": ["--max-model-len=256"]}}},
}


@pytest.fixture
def service() -> dict:
    return with_digest(SERVICE, "vllm")


def env_of(container: dict) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container.get("env", [])}


def model_of(service: dict) -> dict:
    return service["spec"]["predictor"]["model"]


def runtime_with(env: list[dict] | None) -> dict:
    return {"spec": {"containers": [{"name": "proxy"}, {"name": "kserve-container", **({"env": env} if env else {})}]}}


def test_a_change_of_the_spec_or_of_its_runtime_changes_the_digest(service):
    other = copy.deepcopy(SERVICE)
    model_of(other)["args"] = ["--max-model-len=512"]
    digests = {
        digest_in(made)
        for made in (service, with_digest(SERVICE), with_digest(SERVICE, {"containers": []}), with_digest(other))
    }
    assert len(digests) == 4
    assert with_digest(copy.deepcopy(SERVICE), "vllm") == service
    kept = copy.deepcopy(SERVICE)
    kept["spec"]["predictor"]["annotations"] = {"team": "a"}
    assert with_digest(kept)["spec"]["predictor"]["annotations"]["team"] == "a"


def test_variables_that_an_existing_runtime_lacks_are_added_and_change_the_digest(service):
    before = copy.deepcopy(service)
    added = for_any_user(service, runtime_with([{"name": "HOME", "value": "/cache"}]))
    assert env_of(model_of(added)) == {name: ANY_USER_ENV[name] for name in ANY_USER_ENV if name != "HOME"}
    assert digest_in(added) != digest_in(before)
    assert service == before
    assert env_of(model_of(for_any_user(service, runtime_with(None)))) == ANY_USER_ENV


def test_with_an_unreadable_runtime_only_the_users_name_is_added(service):
    assert env_of(model_of(for_any_user(service, None))) == IDENTITY


def test_a_model_on_a_runtime_with_all_variables_is_unchanged(service):
    runtime = runtime_with([{"name": name, "value": value} for name, value in ANY_USER_ENV.items()])
    assert for_any_user(service, runtime) == service
    # A candidate of the program, on the program's own runtime.
    model_of(service)["env"] = [
        {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "sums", "key": "api-key"}}}
    ]
    assert for_any_user(service, runtime) == service
