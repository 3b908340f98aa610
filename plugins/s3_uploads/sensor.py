"""The sensor that gives a DAG the next uploads to an S3 bucket."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from airflow.triggers.base import StartTriggerArgs

TRIGGER = "s3_uploads.trigger.S3UploadsTrigger"


class S3UploadsSensor(BaseSensorOperator):
    """Waits for uploads to S3 and returns them. It starts and waits in the triggerer, without a worker slot.

    The value is a list of uploads as JSON (`UploadedObject`), oldest first. The XCom `receipts` names the
    messages that told of them: a downstream task takes these off the queue once the uploads are in hand.
    Until then they come again, after `visibility_timeout_s`, so that nothing is lost and anything may come
    twice. After `wait_s` without an upload the task is skipped.

    Args:
        sqs_queue: Name of the SQS queue that S3 tells; empty: the bucket is listed. Default: as in settings.
        bucket: The bucket. Default: the settings' uploads bucket.
        prefix: Where in the bucket. Default: the settings' incoming prefix.
        wait_s: How long to wait at most.
        list_every_s: Pause between listings of a bucket without a queue.
        max_uploads: How many messages or listed objects to take at most.
        visibility_timeout_s: How long a received message stays hidden.
        aws_conn_id: Airflow connection of AWS; where there is none, the usual AWS environment counts.
        region_name: AWS region, where the connection names none.
        **kwargs: What every operator takes.
    """

    template_fields: Sequence[str] = ("sqs_queue", "bucket", "prefix", "aws_conn_id", "region_name")
    ui_color = "#d9ead3"
    # A first step on a worker would take a slot, and a second or two between runs. Worse, its executor may
    # report its end after the trigger has fired: the scheduler then fails the task that was just resumed.
    start_from_trigger = True

    def __init__(
        self,
        *,
        sqs_queue: str | None = None,
        bucket: str | None = None,
        prefix: str | None = None,
        wait_s: float = 600,
        list_every_s: float = 5,
        max_uploads: int = 100,
        visibility_timeout_s: int = 60,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sqs_queue = sqs_queue
        self.bucket = bucket
        self.prefix = prefix
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.trigger_kwargs: dict[str, Any] = {
            "sqs_queue": sqs_queue,
            "bucket": bucket,
            "prefix": prefix,
            "wait_s": wait_s,
            "list_every_s": list_every_s,
            "max_uploads": max_uploads,
            "visibility_timeout_s": visibility_timeout_s,
            "aws_conn_id": aws_conn_id,
            "region_name": region_name,
        }
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=TRIGGER, next_method="resume", trigger_kwargs=self.trigger_kwargs
        )

    def execute(self, context: Context) -> Any:  # noqa: ARG002
        """Wait in the triggerer, where Airflow did not start there by itself."""
        # DAG files import this module, and should not load the AWS clients for it.
        from s3_uploads.trigger import S3UploadsTrigger  # noqa: PLC0415

        given = self.trigger_kwargs
        rendered = {name: getattr(self, name) for name in self.template_fields}
        self.defer(trigger=S3UploadsTrigger(**{**given, **rendered}), method_name="resume")

    def resume(self, context: Context, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Give what the trigger found."""
        if event["status"] == "failed":
            raise AirflowException(event["reason"])
        if event["status"] == "quiet":
            raise AirflowSkipException("No upload came.")
        for upload in event["uploads"]:
            self.log.info("%s, version %s", upload["key"], upload["version"])
        context["ti"].xcom_push(key="receipts", value=event["receipts"])
        uploads: list[dict[str, Any]] = event["uploads"]
        return uploads
