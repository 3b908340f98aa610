"""Each error of AWS means one of ours."""

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError
from s3transfer.exceptions import S3DownloadFailedError

from cutroom.errors import (
    AccessRefused,
    Conflict,
    CutroomError,
    ObjectCorrupt,
    ObjectMissing,
    StoreUnavailable,
    UsageError,
)
from cutroom.stores.s3 import _FACTS, ERROR_CODES, translation


def client_error(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "said"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetObject")  # type: ignore[arg-type]


def test_every_named_code_has_a_meaning_and_a_sentence() -> None:
    for code, kind in ERROR_CODES.items():
        error = translation("s3://b/k", client_error(code, 400))
        assert type(error) is kind
        assert code in str(error)
        assert str(error).startswith(f"s3://b/k {_FACTS[kind]}")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UsageError), (401, AccessRefused), (403, AccessRefused), (404, ObjectMissing), (405, UsageError),
        (408, StoreUnavailable), (409, Conflict), (412, Conflict), (416, UsageError), (429, StoreUnavailable),
        (500, StoreUnavailable), (502, StoreUnavailable), (503, StoreUnavailable), (504, StoreUnavailable),
        (0, StoreUnavailable),
    ],
)  # fmt: skip
def test_a_code_without_a_name_is_decided_by_its_status(status: int, kind: type[CutroomError]) -> None:
    assert type(translation("s3://b/k", client_error("Whatever", status))) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (botocore.exceptions.EndpointConnectionError(endpoint_url="http://x"), StoreUnavailable),
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="http://x"), StoreUnavailable),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="http://x"), StoreUnavailable),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="http://x"), StoreUnavailable),
        (botocore.exceptions.ResponseStreamingError(error="cut"), StoreUnavailable),
        (botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), StoreUnavailable),
        (botocore.exceptions.NoCredentialsError(), AccessRefused),
        (botocore.exceptions.FlexibleChecksumError(error_msg="crc"), ObjectCorrupt),
        (botocore.exceptions.ParamValidationError(report="x"), UsageError),
        (S3DownloadFailedError("etag"), Conflict),
    ],
)
def test_what_never_reached_the_store_is_told_from_what_it_answered(
    error: Exception, kind: type[CutroomError]
) -> None:
    assert type(translation("s3://b/k", error)) is kind


def test_every_kind_has_a_sentence() -> None:
    assert set(ERROR_CODES.values()) <= set(_FACTS)
