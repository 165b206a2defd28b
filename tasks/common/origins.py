"""Origins of URLs. They decide who receives a login, and that no request leaves TLS."""

from dataclasses import dataclass

from urllib3.util import parse_url

PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Origin:
    """Scheme, host and effective port: https://Registry:443/v2/ and https://registry are one origin."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """ValueError if it is not an HTTP URL. The connection uses the same parser, so both see the same host."""
        parsed = parse_url(url)
        if parsed.scheme not in PORTS or not parsed.host:
            raise ValueError("it is not an HTTP URL")
        return cls(parsed.scheme, parsed.host.lower(), parsed.port or PORTS[parsed.scheme])

    @property
    def has_tls(self) -> bool:
        return self.scheme == "https"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port != PORTS[self.scheme] else "")
