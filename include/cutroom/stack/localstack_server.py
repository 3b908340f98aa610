"""LocalStack with a memory: what S3 and SQS hold is on disk before a request is answered, and back at the next start.

Runs in LocalStack's own environment; the folder is given by CUTROOM_OBJECTS.
"""

import base64
import os
import pickle
import shutil
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from localstack.aws import handlers  # type: ignore[import-not-found]
from localstack.aws.connect import connect_to  # type: ignore[import-not-found]
from localstack.runtime.main import main  # type: ignore[import-not-found]
from localstack.services.s3 import models, provider  # type: ignore[import-not-found]

from cutroom.stack.kept_index import KeptIndex, KeptVersion
from cutroom.stack.kept_objects import KeptObjectStore

ACCOUNT = "000000000000"
REGION = "us-east-1"
_READS = ("Get", "Head", "List", "Select")
_UPLOADS_IN_PARTS = ("CreateMultipartUpload", "UploadPart", "UploadPartCopy", "AbortMultipartUpload")
_NOT_BUCKET_STATE = ("objects", "multiparts")


class Memory:
    """Writes down what changes, and brings it back."""

    def __init__(self, folder: Path) -> None:
        """Work in this folder."""
        # Parts of uploads that were not finished can't be taken up again.
        shutil.rmtree(folder / "uploads", ignore_errors=True)
        self._index = KeptIndex(folder)
        self._objects = KeptObjectStore(folder)
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._guard = threading.Lock()

    @property
    def objects(self) -> KeptObjectStore:
        """The storage backend for S3."""
        return self._objects

    def __call__(self, _chain: Any, context: Any, response: Any) -> None:
        """Write down what a request changed; called before its answer leaves."""
        operation = context.operation
        if operation is None or response.status_code >= 300 or operation.name.startswith(_READS):
            return
        request = context.service_request or {}
        if context.service.service_name == "s3":
            self._note_objects(operation.name, request)
        elif context.service.service_name == "sqs":
            self._note_queue(operation.name, request, context.service_response or {})

    def _note_objects(self, operation: str, request: dict[str, Any]) -> None:
        name = request.get("Bucket")
        if not name or operation in _UPLOADS_IN_PARTS:
            return
        bucket = _store().buckets.get(name)
        if bucket is None:
            self._index.forget_bucket(name)
            return
        if "Key" not in request and operation not in ("DeleteObjects", "PostObject"):
            state = {field: value for field, value in vars(bucket).items() if field not in _NOT_BUCKET_STATE}
            self._index.keep_bucket(name, pickle.dumps(state))
        for key in _changed_keys(operation, request, bucket):
            self._note_object(bucket, key)

    def _note_object(self, bucket: Any, key: str) -> None:
        with self._guard:
            lock = self._locks.setdefault((bucket.name, key), threading.Lock())
        with lock:
            found = bucket.objects._store.get(key)  # noqa: SLF001 - every version, oldest first
            versions = list(found.values()) if isinstance(found, dict) else [found] if found else []
            unneeded = self._index.keep_object(
                bucket.name, key, [self._describe(bucket.name, v) for v in versions]
            )
            for version in versions:
                if isinstance(version, models.S3Object):
                    slot = self._objects.slot(bucket.name, version)
                    slot.name_in_index = slot.name
            self._objects.delete_files(unneeded)
        with self._guard:
            self._locks.pop((bucket.name, key), None)

    def _describe(self, bucket: str, version: Any) -> KeptVersion:
        is_object = isinstance(version, models.S3Object)
        tags = _store().TAGS.tags.get(f"{bucket}/{version.key}/{version.version_id or 'null'}")
        return KeptVersion(
            version=version.version_id or "null",
            file=self._objects.slot(bucket, version).name if is_object else None,
            size_bytes=version.size if is_object else 0,
            state=pickle.dumps((type(version).__name__, vars(version), tags)),
        )

    def _note_queue(self, operation: str, request: dict[str, Any], response: dict[str, Any]) -> None:
        queue = request.get("QueueName") or str(request.get("QueueUrl", "")).rsplit("/", 1)[-1]
        match operation:
            case "CreateQueue" | "SetQueueAttributes":
                self._index.keep_queue(queue, request.get("Attributes") or {})
            case "DeleteQueue":
                self._index.forget_queue(queue)
            case "PurgeQueue":
                self._index.forget_messages_of(queue)
            case "SendMessage":
                self._index.keep_message(response["MessageId"], queue, request["MessageBody"])
            case "SendMessageBatch":
                sent = {each["Id"]: each["MessageId"] for each in response.get("Successful", ())}
                for entry in request["Entries"]:
                    if entry["Id"] in sent:
                        self._index.keep_message(sent[entry["Id"]], queue, entry["MessageBody"])
            case "DeleteMessage":
                self._index.forget_messages([_message_id(request["ReceiptHandle"])])
            case "DeleteMessageBatch":
                self._index.forget_messages(_message_id(each["ReceiptHandle"]) for each in request["Entries"])

    def restore_objects(self) -> None:
        """Bring buckets and objects back; what has lost its bytes is left out and remembered as lost."""
        store = _store()
        for name, state in self._index.buckets():
            bucket = models.S3Bucket.__new__(models.S3Bucket)
            vars(bucket).update(pickle.loads(state))  # noqa: S301 - our own file
            bucket.multiparts = {}
            bucket.objects = models.VersionedKeyStore() if bucket.versioning_status else models.KeyStore()
            store.buckets[name] = bucket
            store.global_bucket_map[name] = ACCOUNT
            self._objects.create_bucket(name)
        lost: list[tuple[str, str, str]] = []
        files: set[str] = set()
        for bucket_name, key, kept in self._index.objects():
            if kept.file and not self._objects.has_file(kept.file, kept.size_bytes):
                lost.append((bucket_name, key, kept.version))
                continue
            kind, values, tags = pickle.loads(kept.state)  # noqa: S301 - our own file
            version = getattr(models, kind).__new__(getattr(models, kind))
            vars(version).update(values)
            store.buckets[bucket_name].objects.set(key, version)
            if tags:
                store.TAGS.tags[f"{bucket_name}/{key}/{version.version_id or 'null'}"] = tags
            if kept.file:
                self._objects.restore(bucket_name, version, kept.file)
                files.add(kept.file)
        self._index.mark_lost(lost)
        self._objects.delete_files_but(files)

    def restore_queues(self) -> None:
        """Make the queues again and send the messages again that nobody took off."""
        client = connect_to(region_name=REGION).sqs
        for queue, attributes in self._index.queues().items():
            client.create_queue(QueueName=queue, Attributes=attributes)
        for message_id, queue, body in self._index.messages():
            url = client.get_queue_url(QueueName=queue)["QueueUrl"]
            client.send_message(QueueUrl=url, MessageBody=body)
            self._index.forget_messages([message_id])


def _changed_keys(operation: str, request: dict[str, Any], bucket: Any) -> set[str]:
    """The objects that a request may have changed."""
    if operation == "DeleteObjects":
        return {each["Key"] for each in request["Delete"]["Objects"]}
    if operation in ("PostObject", "PutBucketVersioning"):
        # A form names its key inside; versioning gives every object a version.
        return {each.key for each in bucket.objects.values()}
    return {request["Key"]} if "Key" in request else set()


def _store() -> Any:
    return models.s3_stores[ACCOUNT][REGION]


def _message_id(receipt_handle: str) -> str:
    """The message that a receipt is of: a receipt names the queue and the message behind a random part."""
    return base64.b64decode(receipt_handle).decode().split(" ")[2]


def _restore_queues_when_up(memory: Memory) -> None:
    address = os.environ["GATEWAY_LISTEN"]
    while True:
        try:
            with urllib.request.urlopen(f"http://{address}/_localstack/health", timeout=5):
                break
        except OSError:
            time.sleep(0.05)
    memory.restore_queues()


def serve() -> None:
    """Run LocalStack until it is told to stop."""
    memory = Memory(Path(os.environ["CUTROOM_OBJECTS"]))
    provider.EphemeralS3ObjectStore = lambda _root: memory.objects
    memory.restore_objects()
    handlers.run_custom_response_handlers.append(memory)
    threading.Thread(target=_restore_queues_when_up, args=(memory,), daemon=True).start()
    main()


if __name__ == "__main__":
    serve()
