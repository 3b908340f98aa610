"""The Block Service of another process, over gRPC."""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cutroom.blocks.block import Block
from cutroom.blocks.service import BlockLocation, checked_batch, checked_content, checked_names
from cutroom.errors import BlocksMissing, StoreUnavailable, UsageError
from cutroom.ids import BlockId
from cutroom.stores.block_rpc import block_service_pb2 as pb
from cutroom.stores.block_rpc import messages
from cutroom.stores.block_rpc.status import error_of

CALL_S = 60
"""Deadline of a call: its statements and its requests to S3 end before."""

STREAM_S = 300
"""Deadline of a call that names every block of a file."""

_OPTIONS: list[tuple[str, int]] = [
    *messages.CHANNEL_OPTIONS,
    # A service that was started again is found within seconds: by themselves, channels wait up to two minutes between
    # two tries, and clients of ours ask again for one.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5000),
]


class RemoteBlocks:
    """The Block Service at an address; keeps the contract of `cutroom.blocks.service`.

    Args:
        url: `https://host:port`, or `http://host:port` for a service on this machine.
        token: The shared secret that the service asks for; empty: none.
        authority: Certificate in PEM that the service's own is checked with; None: those of this machine.

    Raises:
        UsageError: The address is not one, or leads off this machine without TLS; the certificate can't be read.
    """

    def __init__(self, url: str, *, token: str = "", authority: Path | None = None) -> None:
        self._address, encrypted = _parsed(url)
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        if encrypted:
            roots = _certificate(authority) if authority else None
            self._channel = grpc.secure_channel(
                self._address, grpc.ssl_channel_credentials(roots), options=_OPTIONS
            )
        else:
            self._channel = grpc.insecure_channel(self._address, options=_OPTIONS)

    def close(self) -> None:
        """Give the connection back."""
        self._channel.close()

    def get_or_create_block_locations(
        self, blocks: Sequence[Block], *, owner: str, lease_id: str
    ) -> list[BlockLocation]:
        """Announce blocks: for each, in order, whether it is known or where it goes to."""
        checked_batch(blocks)
        checked_names(lease_id, owner=owner)
        answer: pb.BlockLocations = self._call(
            "GetOrCreateBlockLocations",
            pb.LeasedBlocks(blocks=messages.to_blocks(blocks), owner=owner, lease_id=lease_id),
        )
        return [
            BlockLocation(
                block=block, upload=messages.from_put(one.upload) if one.HasField("upload") else None
            )
            for block, one in zip(blocks, answer.locations, strict=True)
        ]

    def missing_blocks(self, blocks: Sequence[Block], *, owner: str, lease_id: str) -> list[Block]:
        """Those of the blocks that are not stored, after asking S3 about those that are not known."""
        checked_batch(blocks)
        checked_names(lease_id, owner=owner)
        answer: pb.Blocks = self._call(
            "MissingBlocks",
            pb.LeasedBlocks(blocks=messages.to_blocks(blocks), owner=owner, lease_id=lease_id),
        )
        return messages.from_blocks(answer.blocks)

    def add_references(
        self, reference_id: str, blocks: Sequence[Block], *, owner: str, lease_id: str
    ) -> None:
        """Let `reference_id` consist of these blocks, in this order, all or nothing."""
        checked_content(blocks)
        checked_names(reference_id, lease_id, owner=owner)

        def parts() -> Iterator[pb.ReferencePart]:
            for number, batch in enumerate(messages.batches(blocks)):
                part = pb.ReferencePart(blocks=messages.to_blocks(batch))
                if not number:
                    part.reference_id, part.owner, part.lease_id = reference_id, owner, lease_id
                    part.blocks_in_all = len(blocks)
                yield part

        answer: pb.AddedReferences = self._call("AddReferences", parts())
        if answer.missing_block_ids:
            raise BlocksMissing(answer.message, [messages.block_id(one) for one in answer.missing_block_ids])

    def references(
        self, reference_id: str, *, owner: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[Block]:
        """The blocks that `reference_id` consists of, in order; all, or a page of them."""
        checked_names(reference_id, owner=owner)
        with self._translated():
            parts = self._method("GetReferences")(
                pb.ReferencesRequest(reference_id=reference_id, owner=owner, after=after, limit=limit),
                timeout=STREAM_S,
                metadata=self._metadata,
            )
            return [block for part in parts for block in messages.from_blocks(part.blocks)]

    def get_block_download_urls(
        self, block_ids: Sequence[BlockId], *, reference_id: str, owner: str | None = None
    ) -> list[str]:
        """Addresses to read the blocks of a reference from, in the given order."""
        checked_batch(block_ids)
        checked_names(reference_id, owner=owner)
        digests = [bytes.fromhex(block_id) for block_id in block_ids]
        answer: pb.DownloadUrls = self._call(
            "GetBlockDownloadUrls",
            pb.DownloadRequest(reference_id=reference_id, owner=owner, block_ids=digests),
        )
        return list(answer.urls)

    def hold_references(self, reference_id: str, *, lease_id: str) -> None:
        """Hold the blocks of a reference by a lease of its owner's."""
        checked_names(reference_id, lease_id)
        self._call("HoldReferences", pb.HoldRequest(reference_id=reference_id, lease_id=lease_id))

    def release_blocks(self, reference_id: str) -> None:
        """End a reference."""
        checked_names(reference_id)
        self._call("ReleaseBlocks", pb.ReferenceRequest(reference_id=reference_id))

    def renew_lease(self, lease_id: str, *, owner: str) -> datetime:
        """Prolong a lease; gives the moment when it ends."""
        checked_names(lease_id, owner=owner)
        answer: pb.Lease = self._call("RenewLease", pb.LeaseRequest(lease_id=lease_id, owner=owner))
        return answer.expires_at.ToDatetime(tzinfo=UTC)

    def release_lease(self, lease_id: str) -> None:
        """End a lease."""
        checked_names(lease_id)
        self._call("ReleaseLease", pb.LeaseRequest(lease_id=lease_id))

    def health(self) -> None:
        """Return where the service says that its database and store answer."""
        with self._translated():
            answer = health_pb2_grpc.HealthStub(self._channel).Check(
                health_pb2.HealthCheckRequest(service=messages.SERVICE.full_name), timeout=CALL_S
            )
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise StoreUnavailable(f"The Block Service at {self._address} can't reach its database or store.")

    def _call(self, name: str, request: Any) -> Any:
        timeout = CALL_S if not isinstance(request, Iterator) else STREAM_S
        with self._translated():
            return self._method(name)(request, timeout=timeout, metadata=self._metadata)

    def _method(self, name: str) -> Callable[..., Any]:
        method = messages.SERVICE.methods_by_name[name]
        bound: Callable[..., Any] = getattr(self._channel, messages.shape_of(method))(
            f"/{messages.SERVICE.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return bound

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            # A failed call is its own error: it has a status and details.
            raise error_of(error.code(), error.details() or "", self._address) from error


def is_loopback(host: str) -> bool:
    """Whether an address can't be reached from other machines."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _certificate(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"CUTROOM_BLOCK_SERVICE_AUTHORITY: {path} can't be read: {error.strerror}."
        ) from error


def _parsed(url: str) -> tuple[str, bool]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port:
        raise UsageError(f"CUTROOM_BLOCK_SERVICE_URL has to be https://host:port; got {url!r}.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise UsageError(
            f"CUTROOM_BLOCK_SERVICE_URL leads to {parts.hostname} without TLS: use https://, "
            "as tokens and addresses of blocks must not be read on the way."
        )
    return parts.netloc, parts.scheme == "https"
