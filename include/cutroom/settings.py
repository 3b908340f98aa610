"""Deploy settings: `CUTROOM_*` environment variables as one frozen value.

`cutroom up` writes the addresses of what it started to `<home>/stack.env`; `adopt_stack_environment` takes them
into the environment where the environment does not say otherwise, so that a shell needs no setup.
"""

import os
from functools import cache
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from cutroom.errors import UsageError

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Everything a deployment may choose; each field is the environment variable `CUTROOM_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="CUTROOM_", frozen=True, extra="ignore")

    home: Path = PROJECT_ROOT / ".cutroom"
    """Folder of everything this machine keeps: data of the embedded services, logs, scratch."""
    database_url: str = ""
    """SQLAlchemy URL of PostgreSQL; empty: the embedded one of `cutroom up`."""
    documents_url: str = ""
    """MongoDB URL with the database name; empty: the embedded one of `cutroom up`."""
    s3_endpoint_url: str = Field("", validation_alias=AliasChoices("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
    """S3 endpoint, by the variable that every AWS tool reads; `aws` in CUTROOM_S3 means AWS itself."""
    s3_public_endpoint_url: str = ""
    """S3 endpoint as upload clients reach it, where that is another than this process uses; it is signed in."""
    s3: str = Field("embedded", pattern="^(embedded|external|aws)$")
    """`embedded`: LocalStack of `cutroom up`; `external`: whatever AWS_ENDPOINT_URL names; `aws`: AWS S3."""
    uploads_bucket: str = "cutroom-uploads"
    blocks_bucket: str = "cutroom-blocks"
    work_bucket: str = "cutroom-work"
    media_bucket: str = "cutroom-media"
    block_dedup: str = Field("tenant", pattern="^(tenant|global)$")
    """`tenant`: a block is known to an owner who has shown to have it; `global`: to everybody once it is stored."""
    block_lease_s: int = Field(24 * 3600, ge=3600)
    """How long blocks of an upload or a run are held after the last sign of life of it, in seconds."""
    block_url_s: int = Field(3600, ge=60, le=7 * 24 * 3600)
    """How long a presigned URL of a block may be used, in seconds."""
    block_service_url: str = ""
    """Address of a Block Service, `https://host:port`; empty: each process does its work itself."""
    block_service_token: str = ""
    """Secret that the Block Service and its clients share."""
    block_service_authority: Path | None = None
    """Certificate (PEM) that clients check the Block Service's own with; unset: those that this machine trusts."""
    block_service_listen: str = "127.0.0.1:50061"
    """Where `cutroom block-service` listens; TLS and a token are asked for where others can reach it."""
    block_service_certificate: Path | None = None
    """Certificate (PEM) of the Block Service."""
    block_service_key: Path | None = None
    """Private key (PEM) of that certificate."""
    block_boundaries: str = Field("container", pattern="^(fixed|container|fastcdc)$")
    """Where objects are cut into blocks: every 4 MiB, anew from the media payload, or by content."""
    ingest_original: str = Field("keep", pattern="^(keep|drop|move)$")
    """What becomes of an object in the uploads bucket once its blocks are stored."""
    ingest_moved_prefix: str = "ingested/"
    """Where in the uploads bucket `move` puts objects; not below the incoming prefix."""
    incoming_prefix: str = "incoming/"
    """Where in the uploads bucket any S3 tool may put files."""
    file_service_url: str = ""
    """Address of the File Service; empty: `/files` of the Airflow API server."""
    file_max_blocks: int = Field(256_000, ge=1)
    """Most blocks of one uploaded file."""
    upload_session_hours: int = Field(72, ge=1)
    """How long an upload that nobody goes on with is kept."""
    uploads_open_max: int = Field(1000, ge=1)
    """Most uploads that one owner may have open at a time."""
    requests_per_s: float = Field(50, gt=0)
    """How many requests of one owner the File Service answers in a second, on average."""
    uploads_queue: str = "cutroom-uploads"
    """Name of the SQS queue that receives the uploads bucket's events; empty: the bucket is listed instead."""
    media_url: str = ""
    """Base address that players use for the media bucket (a CDN, say); empty: the S3 endpoint and bucket."""
    airflow_url: str = "http://127.0.0.1:8080"
    """Address of the Airflow API server, for links and for the CLI."""
    host: str = "127.0.0.1"
    """Address that the services of `cutroom up` listen on."""
    airflow_port: int = 8080
    postgres_port: int = 5442
    documents_port: int = 27027
    localstack_port: int = 4566
    video_profile: str = "web"
    """Profile of files that are not audio files."""
    audio_profile: str = "podcast"
    """Profile of audio files."""
    encode_slots: int = Field(0, ge=0)
    """Encode tasks at a time on this machine; 0: one for each core."""
    encode_cores: int = Field(0, ge=0)
    """Cores of this machine that its encoders may keep busy; 0: all that it has."""
    content_keys: SecretStr = SecretStr("")
    """Keys of encrypting profiles, as JSON: `{"default": "<key id>:<key>"}`, 32 hexadecimal digits each."""
    content_key_command: str = ""
    """Program that is run with a key's name behind it and prints `<key id>:<key>`; empty: CUTROOM_CONTENT_KEYS."""
    scratch_bytes: int = 20 * 2**30
    """How much of the scratch folder sources may take that nobody reads just now."""
    disk_free_bytes: int = Field(2**30, ge=0)
    """How much of the disk under the scratch folder stays free: media tools are ended before they fill it."""
    source_max_bytes: int = 500 * 2**30
    """Largest source taken."""
    source_max_pixels: int = 8192 * 4320
    """Largest picture taken: width × height."""
    source_max_duration_s: int = 24 * 3600
    """Longest source taken, in seconds."""
    source_max_frames: int = 10_000_000
    """Most frames of a source taken."""
    source_max_tracks: int = 100
    """Most tracks of a source taken, of any kind."""
    tool_memory_bytes: int = 12 * 2**30
    """Address space that one media tool may take."""
    tool_cpu_s: int = 48 * 3600
    """CPU seconds that one media tool may take, of all its threads together."""
    tool_output_bytes: int = 500 * 2**30
    """Largest file that a media tool may write."""
    tool_timeout_s: int = 24 * 3600
    """How long a media tool may run altogether."""
    stall_timeout_s: int = 300
    """How long a media tool may go without progress before it is ended."""

    def profile_for(self, kind: str) -> str:
        """Name of the profile of an upload of this kind, `audio` or `video`."""
        return self.audio_profile if kind == "audio" else self.video_profile

    @property
    def file_service_base_url(self) -> str:
        """Base address of the File Service, without a slash at the end."""
        return (self.file_service_url or f"{self.airflow_url.rstrip('/')}/files").rstrip("/")

    @property
    def s3_origin(self) -> str:
        """Where presigned addresses of blocks lead, as a Content-Security-Policy names it."""
        return self.s3_public_endpoint_url or self.s3_endpoint_url or "https://*.amazonaws.com"

    @property
    def scratch(self) -> Path:
        """Folder for files that a task needs while it runs."""
        return self.home / "scratch"

    @property
    def logs(self) -> Path:
        """Folder of the services' logs and of ffmpeg's full logs."""
        return self.home / "logs"

    @property
    def media_base_url(self) -> str:
        """Base address of the media bucket, without a slash at the end."""
        if self.media_url:
            return self.media_url.rstrip("/")
        if self.s3_endpoint_url:
            return f"{self.s3_endpoint_url.rstrip('/')}/{self.media_bucket}"
        return f"https://{self.media_bucket}.s3.amazonaws.com"


def adopt_stack_environment() -> None:
    """Take the addresses of the running stack into the environment, where it does not name its own."""
    for name, value in stack_environment(
        Path(os.environ.get("CUTROOM_HOME", PROJECT_ROOT / ".cutroom"))
    ).items():
        os.environ.setdefault(name, value)


def stack_environment(home: Path) -> dict[str, str]:
    """The variables that the stack of this folder wrote at its last start; none before the first."""
    written = home / "stack.env"
    if not written.is_file():
        return {}
    lines = (line.partition("=") for line in written.read_text().splitlines())
    return {name: value for name, separator, value in lines if separator}


@cache
def get_settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        UsageError: A variable has a value that is not allowed; the message names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"CUTROOM_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()
        )
        raise UsageError(f"The settings are not valid: {wrong}.") from error
