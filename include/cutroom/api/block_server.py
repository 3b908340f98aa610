"""The Block Service as a gRPC server: a thin view of whatever service it is given."""

import hmac
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from cutroom.blocks.service import BLOCKS_PER_REFERENCE, BlockService
from cutroom.errors import BlocksMissing, CutroomError, StoreUnavailable, UsageError
from cutroom.stores.block_rpc import block_service_pb2 as pb
from cutroom.stores.block_rpc import messages
from cutroom.stores.block_rpc.client import is_loopback
from cutroom.stores.block_rpc.status import status_of

logger = logging.getLogger(__name__)

CALLS_AT_ONCE = 8
"""Calls that are worked on at a time: one for each connection to the database. Others wait."""

_OPTIONS: list[tuple[str, int]] = [
    ("grpc.so_reuseport", 0),
    # A client whose machine is gone in the middle of a list ends no call: it would hold one of the few places until its
    # deadline.
    ("grpc.keepalive_time_ms", 20_000),
    # Not `keepalive_timeout_ms`, which is not what ends a connection whose pings are not answered.
    ("grpc.http2.ping_timeout_ms", 10_000),
]

CALLS_WAITING = 256
"""Calls that are taken at all; a client that is refused tries again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a server listens, and how it is protected.

    Raises:
        UsageError: Others could reach it without TLS and a token, or only half of a certificate is given.
    """

    address: str
    token: str = ""
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        host, separator, port = self.address.rpartition(":")
        if not separator or not port.isdecimal():
            raise UsageError(f"The Block Service has to listen on host:port; got {self.address!r}.")
        if (self.certificate is None) != (self.key is None):
            raise UsageError(
                "CUTROOM_BLOCK_SERVICE_CERTIFICATE and CUTROOM_BLOCK_SERVICE_KEY belong together: set both or none."
            )
        if not is_loopback(host.strip("[]")) and not (self.certificate and self.token):
            raise UsageError(
                f"{self.address} can be reached by others: set CUTROOM_BLOCK_SERVICE_CERTIFICATE, "
                "CUTROOM_BLOCK_SERVICE_KEY and CUTROOM_BLOCK_SERVICE_TOKEN, or listen on 127.0.0.1."
            )


def start_server(service: BlockService, listening: Listening) -> tuple[grpc.Server, int]:
    """Start to serve; gives the server and its port.

    Raises:
        StoreUnavailable: The port is taken.
        UsageError: The certificate or its key can't be read.
    """
    credentials = _credentials(listening)
    server = grpc.server(
        ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="block-service"),
        options=[*messages.CHANNEL_OPTIONS, *_OPTIONS],
        interceptors=[_Token(listening.token)] if listening.token else [],
        maximum_concurrent_rpcs=CALLS_WAITING,
    )
    server.add_generic_rpc_handlers([_handlers(_View(service))])
    health_pb2_grpc.add_HealthServicer_to_server(_Health(service), server)
    try:
        if credentials is not None:
            port = server.add_secure_port(listening.address, credentials)
        else:
            port = server.add_insecure_port(listening.address)
    except RuntimeError as error:
        raise StoreUnavailable(f"The Block Service can't listen on {listening.address}: {error}.") from error
    server.start()
    return server, int(port)


def _credentials(listening: Listening) -> grpc.ServerCredentials | None:
    if not (listening.certificate and listening.key):
        return None
    try:
        pair = (listening.key.read_bytes(), listening.certificate.read_bytes())
    except OSError as error:
        raise UsageError(f"{error.filename} can't be read: {error.strerror}.") from error
    return grpc.ssl_server_credentials([pair])


class _View:
    """Each call of the proto file as a function from request to answer."""

    def __init__(self, service: BlockService) -> None:
        self._service = service

    def GetOrCreateBlockLocations(self, request: pb.LeasedBlocks) -> pb.BlockLocations:  # noqa: N802
        locations = self._service.get_or_create_block_locations(
            messages.from_blocks(request.blocks), owner=request.owner, lease_id=request.lease_id
        )
        return pb.BlockLocations(
            locations=[
                pb.BlockLocation(upload=messages.to_put(one.upload) if one.upload else None)
                for one in locations
            ]
        )

    def MissingBlocks(self, request: pb.LeasedBlocks) -> pb.Blocks:  # noqa: N802
        missing = self._service.missing_blocks(
            messages.from_blocks(request.blocks), owner=request.owner, lease_id=request.lease_id
        )
        return pb.Blocks(blocks=messages.to_blocks(missing))

    def AddReferences(self, parts: Iterator[pb.ReferencePart]) -> pb.AddedReferences:  # noqa: N802
        first = next(parts, pb.ReferencePart())
        blocks = messages.from_blocks(first.blocks)
        for part in parts:
            blocks += messages.from_blocks(part.blocks)
            if len(blocks) > BLOCKS_PER_REFERENCE:
                raise UsageError(f"More than {BLOCKS_PER_REFERENCE} blocks in one file.")
        # A client that went away midway: its list looks whole, as one that is over does.
        if len(blocks) != first.blocks_in_all:
            raise UsageError(f"{len(blocks)} blocks came, not the {first.blocks_in_all} that were to come.")
        try:
            self._service.add_references(
                first.reference_id, blocks, owner=first.owner, lease_id=first.lease_id
            )
        except BlocksMissing as error:
            digests = [bytes.fromhex(block_id) for block_id in error.block_ids]
            return pb.AddedReferences(missing_block_ids=digests, message=str(error))
        return pb.AddedReferences()

    def GetReferences(self, request: pb.ReferencesRequest) -> Iterator[pb.Blocks]:  # noqa: N802
        blocks = self._service.references(
            request.reference_id,
            owner=request.owner if request.HasField("owner") else None,
            after=request.after,
            limit=request.limit if request.HasField("limit") else None,
        )
        for batch in messages.batches(blocks):
            yield pb.Blocks(blocks=messages.to_blocks(batch))

    def GetBlockDownloadUrls(self, request: pb.DownloadRequest) -> pb.DownloadUrls:  # noqa: N802
        urls = self._service.get_block_download_urls(
            [messages.block_id(one) for one in request.block_ids],
            reference_id=request.reference_id,
            owner=request.owner if request.HasField("owner") else None,
        )
        return pb.DownloadUrls(urls=urls)

    def HoldReferences(self, request: pb.HoldRequest) -> pb.Done:  # noqa: N802
        self._service.hold_references(request.reference_id, lease_id=request.lease_id)
        return pb.Done()

    def ReleaseBlocks(self, request: pb.ReferenceRequest) -> pb.Done:  # noqa: N802
        self._service.release_blocks(request.reference_id)
        return pb.Done()

    def RenewLease(self, request: pb.LeaseRequest) -> pb.Lease:  # noqa: N802
        ends_at = self._service.renew_lease(request.lease_id, owner=request.owner)
        return pb.Lease(expires_at=messages.to_time(ends_at))

    def ReleaseLease(self, request: pb.LeaseRequest) -> pb.Done:  # noqa: N802
        self._service.release_lease(request.lease_id)
        return pb.Done()


def _handlers(view: _View) -> grpc.GenericRpcHandler:
    """The handlers of every call that the proto file has."""
    handlers = {}
    for name, method in messages.SERVICE.methods_by_name.items():
        make = getattr(grpc, f"{messages.shape_of(method)}_rpc_method_handler")
        wrapped = _streaming if method.server_streaming else _answering
        handlers[name] = make(
            wrapped(getattr(view, name), _reader(method)),
            response_serializer=lambda message: message.SerializeToString(),
        )
    return grpc.method_handlers_generic_handler(messages.SERVICE.full_name, handlers)


def _reader(method: Any) -> Callable[[Any], Any]:
    """Reads the raw request of a call; what is no such message is the client's mistake, not a fault of ours."""
    parse = GetMessageClass(method.input_type).FromString

    def read(raw: bytes) -> Any:
        try:
            return parse(raw)
        except DecodeError as error:
            raise UsageError(
                f"{method.name} was sent something else than {method.input_type.name}."
            ) from error

    return (lambda raws: map(read, raws)) if method.client_streaming else read


def _answering(call: Callable[[Any], Any], read: Callable[[Any], Any]) -> Callable[..., Any]:
    def handle(raw: Any, context: grpc.ServicerContext) -> Any:
        try:
            return call(read(raw))
        except CutroomError as error:
            return context.abort(status_of(error), str(error))

    return handle


def _streaming(call: Callable[[Any], Iterator[Any]], read: Callable[[Any], Any]) -> Callable[..., Any]:
    def handle(raw: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            yield from call(read(raw))
        except CutroomError as error:
            context.abort(status_of(error), str(error))

    return handle


class _Token(grpc.ServerInterceptor):
    """Lets in who has the shared secret; whether the service is well may be asked by anybody."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()
        # Of streams, whatever the call is: it waits for no message, so that a stranger who sends none holds no place.
        self._refusal: Any = grpc.stream_stream_rpc_method_handler(_refuse)

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Pass the call on, or a refusal."""
        given = dict(details.invocation_metadata).get("authorization", "")
        if isinstance(given, str):
            given = given.encode()
        # Not what the health service has besides: calls that last, and strangers could take all places with them.
        asks_for_health = details.method == "/grpc.health.v1.Health/Check"
        if asks_for_health or hmac.compare_digest(given, self._expected):
            return continuation(details)
        return self._refusal


def _refuse(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    return context.abort(
        grpc.StatusCode.UNAUTHENTICATED,
        "The Block Service asks for its token: set CUTROOM_BLOCK_SERVICE_TOKEN.",
    )


class _Health(health.HealthServicer):  # type: ignore[misc]
    """The standard health service; asks the database and the store at each check."""

    def __init__(self, service: BlockService) -> None:
        super().__init__()
        self._service = service

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Whether this service can do its work now."""
        status = health_pb2.HealthCheckResponse.SERVING
        try:
            self._service.health()
        except CutroomError as error:
            logger.warning("The Block Service is not well: %s", error)
            status = health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", messages.SERVICE.full_name):
            self.set(name, status)
        return super().Check(request, context)
