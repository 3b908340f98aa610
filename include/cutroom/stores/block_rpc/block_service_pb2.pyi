import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Block(_message.Message):
    __slots__ = ("block_id", "size_bytes")
    BLOCK_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    block_id: bytes
    size_bytes: int
    def __init__(self, block_id: _Optional[bytes] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class Blocks(_message.Message):
    __slots__ = ("blocks",)
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    def __init__(self, blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ...) -> None: ...

class LeasedBlocks(_message.Message):
    __slots__ = ("blocks", "owner", "lease_id")
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    owner: str
    lease_id: str
    def __init__(self, blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ..., owner: _Optional[str] = ..., lease_id: _Optional[str] = ...) -> None: ...

class PresignedPut(_message.Message):
    __slots__ = ("url", "headers", "expires_at")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    URL_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    url: str
    headers: _containers.ScalarMap[str, str]
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, url: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class BlockLocations(_message.Message):
    __slots__ = ("locations",)
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    locations: _containers.RepeatedCompositeFieldContainer[BlockLocation]
    def __init__(self, locations: _Optional[_Iterable[_Union[BlockLocation, _Mapping]]] = ...) -> None: ...

class BlockLocation(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: PresignedPut
    def __init__(self, upload: _Optional[_Union[PresignedPut, _Mapping]] = ...) -> None: ...

class ReferencePart(_message.Message):
    __slots__ = ("reference_id", "owner", "lease_id", "blocks", "blocks_in_all")
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_IN_ALL_FIELD_NUMBER: _ClassVar[int]
    reference_id: str
    owner: str
    lease_id: str
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    blocks_in_all: int
    def __init__(self, reference_id: _Optional[str] = ..., owner: _Optional[str] = ..., lease_id: _Optional[str] = ..., blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ..., blocks_in_all: _Optional[int] = ...) -> None: ...

class AddedReferences(_message.Message):
    __slots__ = ("missing_block_ids", "message")
    MISSING_BLOCK_IDS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    missing_block_ids: _containers.RepeatedScalarFieldContainer[bytes]
    message: str
    def __init__(self, missing_block_ids: _Optional[_Iterable[bytes]] = ..., message: _Optional[str] = ...) -> None: ...

class ReferenceRequest(_message.Message):
    __slots__ = ("reference_id",)
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    reference_id: str
    def __init__(self, reference_id: _Optional[str] = ...) -> None: ...

class ReferencesRequest(_message.Message):
    __slots__ = ("reference_id", "owner", "after", "limit")
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    reference_id: str
    owner: str
    after: int
    limit: int
    def __init__(self, reference_id: _Optional[str] = ..., owner: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class DownloadRequest(_message.Message):
    __slots__ = ("reference_id", "owner", "block_ids")
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    BLOCK_IDS_FIELD_NUMBER: _ClassVar[int]
    reference_id: str
    owner: str
    block_ids: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, reference_id: _Optional[str] = ..., owner: _Optional[str] = ..., block_ids: _Optional[_Iterable[bytes]] = ...) -> None: ...

class DownloadUrls(_message.Message):
    __slots__ = ("urls",)
    URLS_FIELD_NUMBER: _ClassVar[int]
    urls: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, urls: _Optional[_Iterable[str]] = ...) -> None: ...

class HoldRequest(_message.Message):
    __slots__ = ("reference_id", "lease_id")
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    reference_id: str
    lease_id: str
    def __init__(self, reference_id: _Optional[str] = ..., lease_id: _Optional[str] = ...) -> None: ...

class LeaseRequest(_message.Message):
    __slots__ = ("lease_id", "owner")
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    lease_id: str
    owner: str
    def __init__(self, lease_id: _Optional[str] = ..., owner: _Optional[str] = ...) -> None: ...

class Lease(_message.Message):
    __slots__ = ("expires_at",)
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Done(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
