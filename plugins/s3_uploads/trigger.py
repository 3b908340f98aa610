# The providers' clients and Airflow's triggers carry no annotations.
# mypy: allow-untyped-calls
"""The trigger that waits for uploads in the triggerer, without a worker slot."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.hooks.sqs import SqsHook
from airflow.triggers.base import BaseTrigger, TaskSkippedEvent, TriggerEvent

from cutroom.errors import CutroomError, ObjectMissing, PermanentError, StoreUnavailable
from cutroom.media.s3_event import Batch, Message, distinct, read_batch
from cutroom.media.upload import UploadedObject
from cutroom.settings import get_settings
from cutroom.steps.watch import committed_uploads, unknown_file_versions, unstarted_commits
from cutroom.stores.s3 import translated
from cutroom.stores.uploads import confirmed, head_request, list_uploads

RECEIVE_AT_ONCE = 10
"""SQS gives no more in one call."""

LONG_POLL_S = 20
"""SQS's longest wait: it answers as soon as there is a message."""

RETRY_S = 5
"""Pause after S3 or SQS did not answer."""

HANDED_OUT_S = 60
"""How long a listed upload is taken to be in hand, as the queue hides a message that it gave."""

_handed_out: dict[str, float] = {}
"""File versions that this triggerer gave from a listing, and when they may be given again."""


class S3UploadsTrigger(BaseTrigger):
    """Yields the next uploads under a prefix of a bucket, once, or ends the task as skipped when none came.

    With a queue it wakes as soon as S3's event is there, and lists the bucket at the end of a quiet time to
    find what no event told of. Without one, or while the queue is gone, it lists the bucket every
    `list_every_s`. A listing gives what the catalog does not know yet. Messages are received, never taken
    off: that is for whoever has made the runs.

    Where queue, bucket or prefix is None, the settings of the triggerer count.
    """

    def __init__(
        self,
        *,
        sqs_queue: str | None,
        bucket: str | None,
        prefix: str | None,
        wait_s: float,
        list_every_s: float,
        max_uploads: int,
        visibility_timeout_s: int,
        aws_conn_id: str | None,
        region_name: str | None,
    ) -> None:
        super().__init__()
        self.sqs_queue = sqs_queue
        self.bucket = bucket
        self.prefix = prefix
        self.wait_s = wait_s
        self.list_every_s = list_every_s
        self.max_uploads = max_uploads
        self.visibility_timeout_s = visibility_timeout_s
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and its arguments, as the triggerer makes it again from them."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "sqs_queue": self.sqs_queue,
                "bucket": self.bucket,
                "prefix": self.prefix,
                "wait_s": self.wait_s,
                "list_every_s": self.list_every_s,
                "max_uploads": self.max_uploads,
                "visibility_timeout_s": self.visibility_timeout_s,
                "aws_conn_id": self.aws_conn_id,
                "region_name": self.region_name,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait; a store that does not answer is asked again until the time is up."""
        quiet_at = time.monotonic() + self.wait_s
        event: TriggerEvent | None = None
        while event is None:
            try:
                batch = await self._wait(quiet_at)
                event = TaskSkippedEvent()
                if batch.receipts or batch.uploads:
                    event = TriggerEvent({"status": "uploads", **batch.to_json()})
            except StoreUnavailable as error:
                if time.monotonic() >= quiet_at:
                    event = TaskSkippedEvent()
                else:
                    self.log.warning("%s Asking again in %d s.", error, RETRY_S)
                    await asyncio.sleep(RETRY_S)
            except CutroomError as error:
                event = TriggerEvent({"status": "failed", "reason": str(error)})
        yield event

    async def _wait(self, quiet_at: float) -> Batch:
        settings = await asyncio.to_thread(get_settings)
        queue = settings.uploads_queue if self.sqs_queue is None else self.sqs_queue
        bucket = settings.uploads_bucket if self.bucket is None else self.bucket
        prefix = settings.incoming_prefix if self.prefix is None else self.prefix
        hook = S3Hook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        # Made before the wait: making a client takes a moment, which would count after the upload.
        async with await hook.get_async_conn() as client:
            batch = Batch()
            listed = not queue
            if queue:
                try:
                    batch = await self._wait_for_events(quiet_at, queue=queue, bucket=bucket, prefix=prefix)
                except ObjectMissing:
                    self.log.warning("There is no queue %s: listing s3://%s/%s", queue, bucket, prefix)
                    listed = True
            if listed:
                batch = await self._wait_for_listing(client, quiet_at, bucket=bucket, prefix=prefix)
            elif not batch.receipts:
                batch = await self._listed(client, bucket=bucket, prefix=prefix)
            described = await asyncio.gather(*(self._described(client, upload) for upload in batch.uploads))
            committed = await asyncio.to_thread(committed_uploads, list(batch.commits))
        return replace(batch, uploads=distinct([*filter(None, described), *committed]))

    async def _wait_for_events(self, quiet_at: float, *, queue: str, bucket: str, prefix: str) -> Batch:
        """What the queue holds; no receipts where it stayed empty."""
        messages: list[Message] = []
        hook = SqsHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        async with await hook.get_async_conn() as client:
            with translated(f"The queue {queue}"):
                url = (await client.get_queue_url(QueueName=queue))["QueueUrl"]
                while not messages and (left_s := quiet_at - time.monotonic()) > 0:
                    wait_s = min(LONG_POLL_S, max(1, int(left_s)))
                    messages += await self._receive(client, url, wait_s=wait_s)
                while 0 < len(messages) <= self.max_uploads - RECEIVE_AT_ONCE:
                    more = await self._receive(client, url, wait_s=0)
                    if not more:
                        break
                    messages += more
        batch = read_batch(messages, bucket=bucket, prefix=prefix)
        for reason in batch.ignored:
            self.log.warning("Ignored: %s", reason)
        return batch

    async def _receive(self, client: Any, url: str, *, wait_s: int) -> list[Message]:
        answer = await client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=RECEIVE_AT_ONCE,
            WaitTimeSeconds=wait_s,
            VisibilityTimeout=self.visibility_timeout_s,
        )
        return [
            Message(receipt=message["ReceiptHandle"], body=message["Body"])
            for message in answer.get("Messages", ())
        ]

    async def _wait_for_listing(self, client: Any, quiet_at: float, *, bucket: str, prefix: str) -> Batch:
        while True:
            batch = await self._listed(client, bucket=bucket, prefix=prefix)
            left_s = quiet_at - time.monotonic()
            if batch.uploads or left_s <= 0:
                return batch
            await asyncio.sleep(min(self.list_every_s, left_s))

    async def _listed(self, client: Any, *, bucket: str, prefix: str) -> Batch:
        """The oldest uploads that neither the catalog knows nor this triggerer gave just now."""
        now = time.monotonic()
        for given in [given for given, until in _handed_out.items() if until <= now]:
            del _handed_out[given]
        found: list[UploadedObject] = []
        with translated(f"s3://{bucket}/{prefix}"):
            listing = client.get_paginator("list_object_versions")
            async for page in listing.paginate(Bucket=bucket, Prefix=prefix):
                fresh: dict[str, UploadedObject] = {
                    upload.file_version_id: upload
                    for upload in list_uploads([page], bucket=bucket)
                    if upload.file_version_id not in _handed_out
                }
                unknown = await asyncio.to_thread(unknown_file_versions, list(fresh))
                found += [fresh[name] for name in unknown]
        if bucket == get_settings().uploads_bucket:
            commits = await asyncio.to_thread(unstarted_commits)
            found += [commit for commit in commits if commit.file_version_id not in _handed_out]
        uploads = distinct(found)[: self.max_uploads]
        _handed_out.update({upload.file_version_id: now + HANDED_OUT_S for upload in uploads})
        return Batch(uploads=uploads)

    async def _described(self, client: Any, upload: UploadedObject) -> UploadedObject | None:
        """The upload with what users said of it; None where it is gone or was replaced meanwhile."""
        if upload.in_blocks:
            return upload
        name = f"s3://{upload.bucket}/{upload.key}"
        known: UploadedObject | None = None
        try:
            with translated(name):
                known = confirmed(upload, await client.head_object(**head_request(upload)))
        except ObjectMissing:
            pass
        except PermanentError as error:
            # Its run will meet the same, and tell it where a user sees it.
            self.log.warning("%s", error)
            known = upload
        if known is None:
            self.log.warning("Gone or replaced meanwhile: %s", name)
        return known
