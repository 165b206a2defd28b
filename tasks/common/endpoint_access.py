"""How a task authenticates to a served model, as its params say."""

from pathlib import Path

from task_support import Parameters, TaskError


def read_endpoint_token(parameters: Parameters, endpoint: str) -> str:
    """The bearer token for an endpoint as ENDPOINT_AUTH says, "" for none.

    `token` is the key of the endpoint's Secret, in OPENAI_API_KEY; `serviceAccount` is the token of the task's service
    account, which is sent over https only.
    """
    if parameters.optional("ENDPOINT_AUTH", "none") == "none":
        return ""
    auth = parameters.required("ENDPOINT_AUTH", "token|serviceAccount", "none, token or serviceAccount")
    if auth == "token":
        return parameters.secret("OPENAI_API_KEY")
    if auth != "serviceAccount":
        return ""
    file = Path(parameters.required("SERVICE_ACCOUNT_TOKEN_FILE"))
    if not file.is_file():
        raise TaskError(f"{file} is missing; give the task a service account whose token is mounted")
    if not endpoint.startswith("https://"):
        raise TaskError("the token of the service account is sent over https only: set an https ENDPOINT_URL")
    return file.read_text().strip()
