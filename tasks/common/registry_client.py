"""Requests to one repository of a registry: login, redirects, retries, and one-line errors."""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from answering_adapter import AnsweringAdapter
from blobs import Body
from certificates import explain_certificate
from image_name import ImageName
from origins import Origin
from registry_logins import find_login
from registry_tokens import Authorization
from task_support import TaskError
from urllib3.util import Retry

# For the connection, and for the first byte of the answer.
SECONDS_TO_ANSWER = (10, 120)
# For each part of a blob, and for the registry to verify and store a blob of tens of GB, which object stores copy.
SECONDS_TO_SEND = (120, 1800)
ATTEMPTS = 5
MOST_REDIRECTS = 5
PUSHING = ("POST", "PUT", "PATCH", "DELETE")


class RegistryClient:
    """`plain_http` lists the servers without TLS, as <host>[:<port>]; all others are reached only with TLS."""

    def __init__(self, image: ImageName, logins: Mapping[str, str], plain_http: Collection[str] = ()) -> None:
        self.image = image
        try:
            self._plain = {Origin.of(f"http://{server}") for server in plain_http}
            plain = Origin.of(f"http://{image.host}")
            self.origin = plain if plain in self._plain else Origin.of(f"https://{image.host}")
        except ValueError as error:
            raise TaskError(f"{image} or a registry without TLS is not <host>[:<port>]: {error}") from error
        scheme = self.origin.scheme
        self._base = f"{scheme}://{image.host}/v2/{image.repository}/"
        self._login = find_login(logins, image, scheme)
        self._authorization = Authorization(str(image), image.repository, self._login, self._ask_for_token)
        self._session = requests.Session()
        retry = Retry(
            total=ATTEMPTS - 1,
            backoff_factor=0.5,
            status_forcelist=[429, 500, 502, 503, 504],
            allowed_methods=["GET", "HEAD", "POST", "PUT"],
            raise_on_status=False,
        )
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, AnsweringAdapter(retry))

    def ask(self, method: str, path: str, expected: tuple[int, ...], **options: Any) -> requests.Response:
        """Sends a request; any answer with another status than the expected ones is a TaskError."""
        try:
            response = self.request(method, path, **options)
        except requests.exceptions.SSLError as error:
            raise TaskError(explain_certificate(str(self.image), reason(error))) from error
        except requests.RequestException as error:
            raise TaskError(f"{self.image} cannot be reached: {reason(error)}") from error
        if response.status_code not in expected:
            raise TaskError(self.complaint(response))
        return response

    def complaint(self, response: requests.Response) -> str:
        """What is wrong with an answer; for refused access also what to do."""
        if response.status_code in (401, 403):
            login = "the login of the registry's Secret" if self._login else "no login (no bound Secret has one for it)"
            return f"{self.image} refuses access ({describe(response)}) with {login}: check its rights"
        return f"{self.image} answered {describe(response)} to {response.request.method} {urlsplit(response.url).path}"

    def request(
        self,
        method: str,
        path: str,
        data: bytes | Body | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """Sends one request, to a URL or a path below the repository, with the authorization that the registry asks
        for.

        If the registry refuses the token, which it does before it reads a body, the request is sent again with a new
        one.
        """
        url, pushes = urljoin(self._base, path), method in PUSHING

        def send() -> requests.Response:
            secret = (self.origin, self._authorization.header(pushes))
            return self._send(method, url, secret, data, headers or {}, stream)

        response = send()
        # Another server's challenge must not get the registry's login.
        if response.status_code != 401 or Origin.of(response.url) != self.origin:
            return response
        challenge = response.headers.get("WWW-Authenticate", "")
        if not self._authorization.answer(challenge, response.url, pushes):
            return response
        response.close()
        return send()

    def location(self, response: requests.Response) -> str:
        """The URL in an answer's Location; TaskError if it leaves TLS or is not an HTTP URL."""
        if "Location" not in response.headers:
            raise TaskError(f"{self.image} answered {describe(response)} without a Location")
        try:
            url = urljoin(response.url, response.headers["Location"])
            origin = Origin.of(url)
        except ValueError as error:
            raise TaskError(f"{self.image} sent an invalid Location: {error}") from error
        if Origin.of(response.url).has_tls and not origin.has_tls:
            raise TaskError(
                f"{self.image} redirects from TLS to {origin}, so nothing was sent there: set the registry's external "
                "URL to https, or let its proxy set X-Forwarded-Proto"
            )
        return url

    def _send(
        self,
        method: str,
        url: str,
        secret: tuple[Origin, str | None],
        data: bytes | Body | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """Sends a request and follows redirects. The secret is sent only to its origin."""
        seconds = SECONDS_TO_SEND if isinstance(data, Body) else SECONDS_TO_ANSWER
        owner, authorization = secret
        for _ in range(MOST_REDIRECTS):
            shown = {"Authorization": authorization} if authorization and Origin.of(url) == owner else {}
            response = self._session.request(
                method,
                url,
                data=data,
                headers={**(headers or {}), **shown},
                timeout=seconds,
                stream=stream,
                allow_redirects=False,
            )
            if not response.is_redirect:
                return response
            url = self.location(response)
            response.close()
            if response.status_code == 303 and method != "HEAD":
                method, data = "GET", None
        raise TaskError(f"{self.image} redirected more than {MOST_REDIRECTS} times")

    def _ask_for_token(self, url: str, login: str | None) -> requests.Response:
        try:
            origin = Origin.of(url)
        except ValueError as error:
            raise TaskError(f"{self.image} names an invalid token service: {error}") from error
        if not origin.has_tls and origin not in self._plain:
            raise TaskError(f"{self.image} asks to send the login to {origin}, which has no TLS")
        return self._send("GET", url, (origin, f"Basic {login}" if login else None))


def describe(response: requests.Response) -> str:
    """Status and message of a registry's answer."""
    try:
        message = "; ".join(error.get("message") or error["code"] for error in response.json()["errors"])
    except (ValueError, KeyError, TypeError, AttributeError):
        message = response.reason or ""
    return f"{response.status_code} {message}".strip()


def reason(error: BaseException) -> str:
    """The innermost cause, without the request in its message."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    while error.args and isinstance(error.args[-1], Exception):
        error = error.args[-1]
    return re.sub(r"^<[^>]*>: ?", "", str(error)) or type(error).__name__
