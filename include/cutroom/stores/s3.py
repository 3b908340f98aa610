"""Objects in an S3 bucket, and the clients of S3 and SQS."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from boto3.exceptions import Boto3Error, S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)
from s3transfer.exceptions import S3DownloadFailedError
from urllib3.exceptions import HTTPError

from cutroom.errors import (
    AccessRefused,
    Conflict,
    CutroomError,
    ObjectCorrupt,
    ObjectMissing,
    StoreUnavailable,
    UsageError,
)
from cutroom.settings import Settings
from cutroom.stores.objects import ObjectInfo, checked_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_MIB = 2**20

TRANSFER = TransferConfig(
    # 10,000 parts, S3's limit, of 64 MiB are 625 GiB: above the largest source taken.
    multipart_threshold=64 * _MIB,
    multipart_chunksize=64 * _MIB,
    # Several tasks share a machine; four streams fill a fast link without starving the others.
    max_concurrency=4,
)
"""How big files travel: in parallel parts, put together or given up as a whole."""

DOWNLOAD = TransferConfig(multipart_threshold=16 * _MIB, multipart_chunksize=16 * _MIB, max_concurrency=4)

ERROR_CODES: dict[str, type[CutroomError]] = {
    "NoSuchKey": ObjectMissing,
    "NoSuchVersion": ObjectMissing,
    "NotFound": ObjectMissing,
    "404": ObjectMissing,
    # A bucket may be away while an embedded store starts again; a wrong name shows in the message.
    "NoSuchBucket": StoreUnavailable,
    "AccessDenied": AccessRefused,
    "AllAccessDisabled": AccessRefused,
    "ExpiredToken": AccessRefused,
    "Forbidden": AccessRefused,
    "403": AccessRefused,
    "InvalidAccessKeyId": AccessRefused,
    "InvalidToken": AccessRefused,
    "SignatureDoesNotMatch": AccessRefused,
    "BadDigest": StoreUnavailable,
    "InternalError": StoreUnavailable,
    "OperationAborted": StoreUnavailable,
    "RequestTimeout": StoreUnavailable,
    "ServiceUnavailable": StoreUnavailable,
    "SlowDown": StoreUnavailable,
    "Throttling": StoreUnavailable,
    "ThrottlingException": StoreUnavailable,
    "TooManyRequests": StoreUnavailable,
    "RequestLimitExceeded": StoreUnavailable,
    "AWS.SimpleQueueService.NonExistentQueue": ObjectMissing,
    "QueueDoesNotExist": ObjectMissing,
    "ConditionalRequestConflict": Conflict,
    "PreconditionFailed": Conflict,
    "412": Conflict,
    "EntityTooLarge": UsageError,
    "InvalidBucketName": UsageError,
    "KeyTooLongError": UsageError,
}
"""Codes of AWS and what they are here; a code that is not named is decided by its HTTP status."""

_FACTS: dict[type[CutroomError], str] = {
    ObjectMissing: "is not there",
    AccessRefused: "was refused: check the credentials and their permissions",
    StoreUnavailable: "can't be reached now",
    ObjectCorrupt: "arrived with other bytes than were stored",
    Conflict: "was changed by somebody else meanwhile",
    UsageError: "is not possible",
}


class S3Store:
    """An object store in one S3 bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_bytes(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Write an object from memory, replacing what was there."""
        with self._translated(checked_key(key)):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)

    def put_file(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> None:
        """Write an object from a local file; a big one in parallel parts that appear as one."""
        with self._translated(checked_key(key)):
            self._client.upload_file(
                str(path), self._bucket, key, ExtraArgs={"ContentType": content_type}, Config=TRANSFER
            )

    def get_bytes(self, key: str) -> bytes:
        """The whole object."""
        with self._translated(checked_key(key)):
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def get_file(self, key: str, path: Path) -> None:
        """Copy the object to `path`, which appears whole or not at all."""
        checked_key(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        download(self._client, bucket=self._bucket, key=key, path=path)

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object; None where there is none."""
        try:
            with self._translated(checked_key(key)):
                found = self._client.head_object(Bucket=self._bucket, Key=key)
        except ObjectMissing:
            return None
        return ObjectInfo(key=key, size_bytes=found["ContentLength"], etag=found["ETag"].strip('"'))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects whose keys start with `prefix`, in the order of their keys' UTF-8 bytes."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with self._translated(prefix):
            for page in pages:
                for item in page.get("Contents", ()):
                    yield ObjectInfo(key=item["Key"], size_bytes=item["Size"], etag=item["ETag"].strip('"'))

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""
        with self._translated(checked_key(key)):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def address(self, key: str) -> str:
        """Bucket and key, as tools of S3 take them."""
        return f"s3://{self._bucket}/{checked_key(key)}"

    def _translated(self, key: str) -> Any:
        return translated(f"s3://{self._bucket}/{key}")


def download(client: "S3Client", *, bucket: str, key: str, path: Path, version: str | None = None) -> None:
    """Copy an object, or one version of it, to `path`, which appears whole or not at all.

    Big objects come in parallel ranges, all of the same bytes; an object that somebody replaces meanwhile
    comes in one piece.
    """
    extra = {"VersionId": version} if version else {}
    name = f"s3://{bucket}/{key}"
    with translated(name):
        try:
            with translated(name):
                client.download_file(bucket, key, str(path), ExtraArgs=extra, Config=DOWNLOAD)
        except Conflict:
            partial = path.with_name(f".{uuid.uuid4().hex}.partial")
            try:
                with partial.open("wb") as file:
                    body = client.get_object(Bucket=bucket, Key=key, **extra)["Body"]  # type: ignore[arg-type]
                    for piece in body.iter_chunks(_MIB):
                        file.write(piece)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn what boto raises into our errors; `name` is what the messages speak of."""
    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error, HTTPError, S3DownloadFailedError) as error:
        raise translation(name, error) from error


def translation(name: str, error: Exception) -> CutroomError:
    """Our error for what boto, botocore or its HTTP library raised while dealing with `name`."""
    cause = error
    if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, ClientError):
        cause = error.__context__
    if isinstance(cause, ClientError):
        code = str(cause.response.get("Error", {}).get("Code", ""))
        status = int(cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        kind = ERROR_CODES.get(code) or _kind_of_status(status)
        told = str(cause.response.get("Error", {}).get("Message", "")) if kind is UsageError else ""
        return kind(f"{name} {_FACTS[kind]} ({code or status}{': ' if told else ''}{told}).")
    kind = _kind_of_failure(cause)
    return kind(f"{name} {_FACTS[kind]} ({type(cause).__name__}).")


def _kind_of_status(status: int) -> type[CutroomError]:
    if status == 404:
        return ObjectMissing
    if status in {401, 403}:
        return AccessRefused
    if status in {409, 412}:
        return Conflict
    if 400 <= status < 500 and status not in {408, 429}:
        return UsageError
    return StoreUnavailable


def _kind_of_failure(error: Exception) -> type[CutroomError]:
    if isinstance(error, S3DownloadFailedError):
        # The ranges of a download stop fitting together when the object is replaced meanwhile.
        return Conflict
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return AccessRefused
    if isinstance(error, FlexibleChecksumError):
        return ObjectCorrupt
    if isinstance(error, ParamValidationError | NoRegionError):
        return UsageError
    return StoreUnavailable


def endpoint_url(settings: Settings) -> str | None:
    """Where S3 and SQS are; None means AWS itself."""
    if settings.s3 == "aws":
        return None
    if settings.s3_endpoint_url:
        return settings.s3_endpoint_url
    return f"http://{settings.host}:{settings.localstack_port}" if settings.s3 == "embedded" else None


def s3_client(settings: Settings) -> "S3Client":
    """The S3 client of this process; it may be used from several threads."""
    client: S3Client = _client("s3", endpoint_url(settings), settings.s3 == "embedded", os.getpid())
    return client


def presigning_client(settings: Settings) -> "S3Client":
    """The S3 client that makes presigned addresses: they name the endpoint as those who use them reach it."""
    endpoint = settings.s3_public_endpoint_url or endpoint_url(settings)
    client: S3Client = _client("s3", endpoint, settings.s3 == "embedded", os.getpid())
    return client


def sqs_client(settings: Settings) -> "SQSClient":
    """The SQS client of this process; it may be used from several threads."""
    client: SQSClient = _client("sqs", endpoint_url(settings), settings.s3 == "embedded", os.getpid())
    return client


def read_descriptions() -> None:
    """Read what botocore has to know of S3: processes that are forked from this one inherit it."""
    _client("s3", "http://127.0.0.1", True, 0)


@cache
def _descriptions() -> Any:
    """Keeps the descriptions of services: reading them is most of the work of making a client."""
    return botocore.session.Session().get_component("data_loader")


@cache
def _client(service: str, endpoint: str | None, embedded: bool, _process: int) -> Any:
    options: dict[str, Any] = {"endpoint_url": endpoint} if endpoint else {}
    core = botocore.session.Session()
    core.register_component("data_loader", _descriptions())
    session = boto3.session.Session(botocore_session=core)
    if embedded:
        # The embedded store takes any credentials and keeps an account for each: everyone uses these, and a
        # user's own ones never leave the machine.
        options |= {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    elif not session.region_name:
        options["region_name"] = "us-east-1"
    config = Config(
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "path"} if endpoint else {},
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=32,
    )
    return session.client(service, config=config, **options)  # type: ignore[call-overload]
