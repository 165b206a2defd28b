"""Registry logins from a Secret of type kubernetes.io/dockerconfigjson, and which one belongs to an image."""

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path

from image_name import DOCKER_HUB, ImageName
from origins import Origin
from task_support import TaskError

# The key of Docker Hub in Docker's own configuration.
DOCKER_HUB_KEY = "index.docker.io"


def read_logins(directory: str) -> dict[str, str]:
    """The logins of a mounted Secret of type kubernetes.io/dockerconfigjson: base64(user:password) by registry.

    A key may have a path; then the login is for the repositories below it. No directory means no logins.
    """
    if not directory:
        return {}
    names = (".dockerconfigjson", "config.json")
    file = next((file for name in names if (file := Path(directory, name)).is_file()), None)
    if file is None:
        raise TaskError(f"{directory} has no .dockerconfigjson: bind a Secret of type kubernetes.io/dockerconfigjson")
    try:
        auths = json.loads(file.read_text())["auths"]
        return {login_key(key): login for key, entry in auths.items() if (login := login_of(entry))}
    except (ValueError, KeyError, AttributeError) as error:
        # The parser's own message would repeat the secret.
        raise TaskError(f"{file.name} of the registry's Secret is not a Docker configuration with auths") from error


def login_key(key: str) -> str:
    return re.sub(r"^https?://|/v[12]/?$|/$", "", key)


def login_of(entry: Mapping[str, str]) -> str:
    if entry.get("auth"):
        return entry["auth"]
    user, password = entry.get("username"), entry.get("password")
    return base64.b64encode(f"{user}:{password}".encode()).decode() if user and password else ""


def find_login(logins: Mapping[str, str], image: ImageName, scheme: str) -> str | None:
    """The login for the image's server with the longest matching path."""
    servers = [image.server]
    if image.server.lower() == DOCKER_HUB:
        servers.append(DOCKER_HUB_KEY)
    for server in servers:
        keys = [key for key in logins if same_server(key.partition("/")[0], server, scheme) and is_below(image, key)]
        if keys:
            return logins[max(keys, key=lambda key: len(key.partition("/")[2]))]
    return None


def same_server(one: str, other: str, scheme: str) -> bool:
    try:
        return Origin.of(f"{scheme}://{one}") == Origin.of(f"{scheme}://{other}")
    except ValueError:
        return False


def is_below(image: ImageName, key: str) -> bool:
    path = key.partition("/")[2]
    return not path or f"{image.repository}/".startswith(f"{path}/")
