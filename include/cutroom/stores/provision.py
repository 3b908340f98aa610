"""The buckets and the queue that Cutroom needs, made where they are missing.

What exists is kept: notifications, policies and rules of others stay as they are; nothing is ever removed.
The queue has no dead-letter queue on purpose. A message is taken off only when its runs exist, so a
dead-letter queue would take uploads from the only reader that can serve them whenever Airflow is in trouble
for long; messages that can't be read are logged and taken off by the reader itself.
"""

import json
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cutroom.errors import ObjectMissing, UsageError
from cutroom.media import keys
from cutroom.settings import Settings
from cutroom.stores.s3 import s3_client, sqs_client, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

RULE_ID = "cutroom-uploads"
"""Name of our notification in the bucket and of our statement in the queue's policy."""

VISIBILITY_TIMEOUT_S = 60
"""How long a received message stays hidden: longer than triggering a full batch takes, and short enough to
come back soon after a crash."""

RETENTION_S = 14 * 24 * 3600
"""How long the queue keeps uploads that nobody fetches: SQS's longest."""

_MEDIA_CORS: dict[str, Any] = {
    "AllowedMethods": ["GET", "HEAD"],
    "AllowedOrigins": ["*"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["Content-Length", "Content-Range", "ETag"],
    "MaxAgeSeconds": 3600,
}

_BLOCKS_CORS = {**_MEDIA_CORS, "AllowedMethods": ["GET", "HEAD", "PUT"]}
"""A page sends and fetches blocks by presigned addresses only, so any page may try."""

_ABANDONED_UPLOADS: dict[str, Any] = {
    "ID": "cutroom-abandoned-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}


def provision(settings: Settings) -> list[str]:
    """Make the buckets, the queue and the bucket's events where they are missing; tells what was made.

    Any number of calls, also at the same time, end in the same state.

    Raises:
        AccessRefused: Something is missing and these credentials may not make it.
        StoreUnavailable: S3 or SQS did not answer.
    """
    client = s3_client(settings)
    made: list[str] = []
    buckets = (settings.uploads_bucket, settings.blocks_bucket, settings.work_bucket, settings.media_bucket)
    new = {bucket for bucket in dict.fromkeys(buckets) if _ensure_bucket(client, bucket)}
    made += [f"bucket {bucket}" for bucket in buckets if bucket in new]
    if settings.uploads_bucket in new or settings.s3 != "aws":
        made += _ensure_versioning(client, settings.uploads_bucket)
    for bucket, rules in ((settings.media_bucket, _MEDIA_CORS), (settings.blocks_bucket, _BLOCKS_CORS)):
        if bucket in new or settings.s3 != "aws":
            made += _ensure_cors(client, bucket, rules)
    if settings.uploads_queue:
        made += _ensure_events(client, sqs_client(settings), settings)
    for what in made:
        logger.info("Made %s", what)
    return made


def _ensure_bucket(client: "S3Client", bucket: str) -> bool:
    try:
        with translated(f"The bucket {bucket}"):
            client.head_bucket(Bucket=bucket)
    except ObjectMissing:
        pass
    else:
        return False
    region = client.meta.region_name
    where: dict[str, Any] = (
        {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    with translated(f"The bucket {bucket}, which is missing,"):
        try:
            client.create_bucket(Bucket=bucket, **where)
        except client.exceptions.BucketAlreadyOwnedByYou:
            return False
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket,
            LifecycleConfiguration={"Rules": [_ABANDONED_UPLOADS]},  # type: ignore[list-item]
        )
    return True


def _ensure_versioning(client: "S3Client", bucket: str) -> list[str]:
    with translated(f"The versioning of {bucket}"):
        if client.get_bucket_versioning(Bucket=bucket).get("Status"):
            return []
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return [f"versioning of {bucket}"]


def _ensure_cors(client: "S3Client", bucket: str, rules: dict[str, Any]) -> list[str]:
    with translated(f"The CORS rules of {bucket}"):
        try:
            client.get_bucket_cors(Bucket=bucket)
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchCORSConfiguration":
                raise
        else:
            return []
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rules]})  # type: ignore[list-item]
    return [f"CORS rules of {bucket}"]


def _ensure_events(client: "S3Client", queues: "SQSClient", settings: Settings) -> list[str]:
    made = []
    name = settings.uploads_queue
    try:
        url = queue_url(queues, name)
    except ObjectMissing:
        with translated(f"The queue {name}, which is missing,"):
            url = queues.create_queue(
                QueueName=name,
                Attributes={
                    "VisibilityTimeout": str(VISIBILITY_TIMEOUT_S),
                    "MessageRetentionPeriod": str(RETENTION_S),
                    "ReceiveMessageWaitTimeSeconds": "20",
                },
            )["QueueUrl"]
        made.append(f"queue {name}")
    with translated(f"The queue {name}"):
        attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "Policy"])[
            "Attributes"
        ]
        arn = attributes["QueueArn"]
        policy = allowing_policy(attributes.get("Policy", ""), queue_arn=arn, bucket=settings.uploads_bucket)
        if policy:
            queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
            made.append(f"policy of queue {name}")
    with translated(f"The events of {settings.uploads_bucket}"):
        current = client.get_bucket_notification_configuration(Bucket=settings.uploads_bucket)
    prefixes = (settings.incoming_prefix, keys.MANIFESTS)
    wanted = merged_notifications(dict(current), queue_arn=arn, prefixes=prefixes)
    if wanted:
        _put_notifications(client, settings.uploads_bucket, wanted, fresh_policy=bool(policy))
        made.append(f"events of {settings.uploads_bucket}")
    return made


def _put_notifications(
    client: "S3Client", bucket: str, wanted: dict[str, Any], *, fresh_policy: bool
) -> None:
    # S3 asks the queue whether it may send, and a new policy takes a while to be seen.
    for attempts_left in reversed(range(5 if fresh_policy else 1)):
        try:
            with translated(f"The events of {bucket}"):
                client.put_bucket_notification_configuration(
                    Bucket=bucket,
                    NotificationConfiguration=wanted,  # type: ignore[arg-type]
                )
        except UsageError:
            if not attempts_left:
                raise
            time.sleep(2)
        else:
            return


def queue_url(queues: "SQSClient", name: str) -> str:
    """The address of a queue.

    Raises:
        ObjectMissing: There is no such queue.
    """
    with translated(f"The queue {name}"):
        return queues.get_queue_url(QueueName=name)["QueueUrl"]


def allowing_policy(policy: str, *, queue_arn: str, bucket: str) -> str | None:
    """The queue's policy with our statement in it; None where it is there already."""
    statement = {
        "Sid": RULE_ID,
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:*:*:{bucket}"}},
    }
    document: dict[str, Any] = json.loads(policy) if policy else {"Version": "2012-10-17", "Statement": []}
    statements = document["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    if statement in statements:
        return None
    kept = [other for other in statements if other.get("Sid") != RULE_ID]
    return json.dumps({**document, "Statement": [*kept, statement]})


def merged_notifications(
    current: dict[str, Any], *, queue_arn: str, prefixes: Sequence[str]
) -> dict[str, Any] | None:
    """The bucket's notifications with ours, one for each prefix, among them; None where they are there already."""
    ours = [
        {
            "Id": f"{RULE_ID}-{number}" if number else RULE_ID,
            "QueueArn": queue_arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
        }
        for number, prefix in enumerate(prefixes)
    ]
    current = {name: value for name, value in current.items() if name != "ResponseMetadata"}
    queues = current.get("QueueConfigurations", [])
    if all(any(_same_notification(other, one) for other in queues) for one in ours):
        return None
    kept = [other for other in queues if not str(other.get("Id", "")).startswith(RULE_ID)]
    return {**current, "QueueConfigurations": [*kept, *ours]}


def _same_notification(one: dict[str, Any], other: dict[str, Any]) -> bool:
    def facts(notification: dict[str, Any]) -> tuple[str, list[str], list[tuple[str, str]]]:
        rules = notification.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        return (
            notification["QueueArn"],
            sorted(notification["Events"]),
            sorted((rule["Name"].lower(), rule["Value"]) for rule in rules),
        )

    return facts(one) == facts(other)
