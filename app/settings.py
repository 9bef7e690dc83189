"""Settings from the environment (prefix WAYMARK_). A wrong one stops the start with a sentence that names it."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEMO_SECRET = "demo-secret-for-trying-waymark-out-only"  # noqa: S105 - refused outside loopback


class Settings(BaseSettings):
    """Everything that can be set. `data` is the folder that holds what is not given an address of its own."""

    model_config = SettingsConfigDict(env_prefix="WAYMARK_", extra="ignore")

    data: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    database_url: str = ""
    storage_url: str = ""
    public_origin: str = ""
    secret_key: SecretStr = SecretStr(DEMO_SECRET)
    trusted_proxies: str = ""
    session_idle_minutes: int = Field(default=60, ge=5, le=1440)
    session_hours: int = Field(default=12, ge=1, le=168)
    front_door: str = ""
    metrics_token: SecretStr = SecretStr("")
    api_requests_per_minute: int = Field(default=600, ge=1)
    sign_ins_per_quarter_hour: int = Field(default=10, ge=1)
    s3_endpoint: str = ""
    s3_region: str = "eu-west-2"
    s3_access_key_id: SecretStr = SecretStr("")
    s3_secret_access_key: SecretStr = SecretStr("")
    clamav_url: str = ""
    webhook_ca: str = ""
    webhook_networks: str = ""
    run_jobs_in_process: bool = True

    @field_validator("public_origin")
    @classmethod
    def origin_is_plain(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/") or parts.query:
            raise ValueError("must be an origin such as https://waymark.example.gov.uk, without a path")
        return f"{parts.scheme}://{parts.netloc}"

    @model_validator(mode="after")
    def origin_follows_port(self) -> "Settings":
        """Without an origin of its own, Waymark is found where it listens on this machine."""
        if not self.public_origin:
            self.public_origin = f"http://127.0.0.1:{self.port}"
        return self

    @field_validator("database_url")
    @classmethod
    def database_is_known(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
        return value

    @field_validator("storage_url")
    @classmethod
    def storage_is_known(cls, value: str) -> str:
        parts = urlsplit(value)
        is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
        if value and not is_folder and not (parts.scheme == "s3" and parts.netloc):
            raise ValueError("must name a folder (file: and its path from the root) or a bucket (s3://bucket/prefix)")
        return value

    @field_validator("clamav_url")
    @classmethod
    def scanner_is_known(cls, value: str) -> str:
        parts = urlsplit(value)
        is_socket = parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")
        is_address = parts.scheme == "tcp" and bool(parts.hostname) and _port_of(value) and not parts.path
        if value and not is_socket and not is_address:
            raise ValueError("must name clamd's socket (unix: and its path from the root) or address (tcp://host:port)")
        return value

    @field_validator("webhook_ca")
    @classmethod
    def authority_is_there(cls, value: str) -> str:
        if value and not Path(value).is_file():
            raise ValueError("must name a file of certificates that is there")
        return value

    @field_validator("trusted_proxies", "webhook_networks")
    @classmethod
    def proxies_are_networks(cls, value: str) -> str:
        for part in filter(None, (piece.strip() for piece in value.split(","))):
            ip_network(part, strict=False)
        return value

    @property
    def proxies(self) -> list[str]:
        return [piece.strip() for piece in self.trusted_proxies.split(",") if piece.strip()]

    @property
    def networks_of_webhooks(self) -> list[str]:
        """Networks that webhooks may go to although they are not public."""
        return [piece.strip() for piece in self.webhook_networks.split(",") if piece.strip()]

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.data / 'waymark.db').resolve()}"

    @property
    def storage(self) -> str:
        return self.storage_url or f"file://{(self.data / 'evidence').resolve()}"

    @property
    def scans(self) -> bool:
        """Whether files are scanned before they count."""
        return bool(self.clamav_url)

    @property
    def secure(self) -> bool:
        """Whether people reach Waymark over TLS: decides the cookie's name, Secure, and HSTS."""
        return self.public_origin.startswith("https://")

    @property
    def origin_is_loopback(self) -> bool:
        """Whether people reach Waymark on the machine it runs on."""
        return is_loopback(urlsplit(self.public_origin).hostname)

    @property
    def is_production(self) -> bool:
        """Whether anybody but this machine can reach Waymark: then the demo's secret and people are refused."""
        return not (is_loopback(self.host) and self.origin_is_loopback)


def _port_of(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address means the machine itself and nobody else's."""
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class BadSettings(Exception):
    """A setting is wrong; the message names it and says what it should be."""


def load_settings(**overrides: object) -> Settings:
    """Read the environment. Raises BadSettings with one sentence a wrong setting."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        sentences = []
        for problem in error.errors():
            name = "WAYMARK_" + "_".join(str(part) for part in problem["loc"]).upper()
            sentences.append(f"{name} {problem['msg'].removeprefix('Value error, ')}.")
        raise BadSettings(" ".join(sentences)) from error
