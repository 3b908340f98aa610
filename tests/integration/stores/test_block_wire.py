"""Whatever a client of the Block Service sends over gRPC: a status of ours, and nothing is lost."""

from collections.abc import Callable, Iterator

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from block_house import BlockHouse, block_house
from block_rigs import contents
from cutroom.api.block_server import Listening, start_server
from cutroom.blocks.block import BLOCK_BYTES, block_of
from cutroom.settings import Settings
from cutroom.stores.block_rpc import messages
from cutroom.stores.block_rpc.status import STATUS_OF
from cutroom.stores.catalog import Catalog

pytestmark = pytest.mark.stack

KEPT, SPENT = contents(3), contents(2)
CALLS = list(messages.SERVICE.methods_by_name)
OURS = {grpc.StatusCode.OK, *STATUS_OF.values()} - {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS}
"""Statuses of mistakes of the client's: neither a fault of the service nor of its stores."""

numbers = st.sampled_from([0, 1, len(KEPT[0]), BLOCK_BYTES, BLOCK_BYTES + 1, 2**31, 2**32 - 1])
texts = st.sampled_from(
    ["", "eva", "joe", "lease", "fv_spent", "a\0b", "\n", "%s", "'; --", "é" * 255, "x" * 256]
)
digests = st.sampled_from([block_of(each).block_id for each in [*KEPT, *SPENT]]).map(bytes.fromhex)
ids = digests | st.binary(min_size=31, max_size=33) | st.just(b"")


def messages_of(kind: Descriptor) -> st.SearchStrategy[Message]:
    """Messages of a kind that can be read, with every field filled, absent or at its limits."""
    fields = {name: values_of(field) for name, field in kind.fields_by_name.items()}
    return st.fixed_dictionaries({}, optional=fields).map(lambda values: GetMessageClass(kind)(**values))


def values_of(field: FieldDescriptor) -> st.SearchStrategy[object]:
    one: st.SearchStrategy[object] = (
        {
            FieldDescriptor.TYPE_STRING: texts | st.text(max_size=20),
            FieldDescriptor.TYPE_BYTES: ids,
            FieldDescriptor.TYPE_UINT32: numbers,
        }[field.type]
        if field.message_type is None
        else messages_of(field.message_type)
    )
    return st.lists(one, max_size=4) if field.is_repeated else one


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """A message as it may arrive: whole, cut off, or with a byte changed."""
    place = draw(st.integers(0, max(0, len(raw) - 1)))
    changed = raw[:place] + draw(st.binary(min_size=1, max_size=1)) + raw[place + 1 :]
    return draw(st.sampled_from([raw, raw, raw[:place], changed]))


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """A call of the service, and the raw messages that are sent with it."""
    name = draw(st.sampled_from(CALLS))
    method = messages.SERVICE.methods_by_name[name]
    sent = draw(
        st.lists(messages_of(method.input_type), min_size=1, max_size=3 if method.client_streaming else 1)
    )
    return name, [draw(damaged(one.SerializeToString())) for one in sent]


@pytest.fixture
def house(stack: Settings, catalog: Catalog) -> Iterator[BlockHouse]:
    with block_house(stack, catalog.database) as house:
        yield house


@pytest.fixture
def ask(house: BlockHouse) -> Iterator[Callable[[str, list[bytes]], grpc.StatusCode]]:
    """Sends raw messages to the service; gives the status of the answer."""
    server, port = start_server(house.service, Listening(address="127.0.0.1:0"))
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:

        def ask(name: str, sent: list[bytes]) -> grpc.StatusCode:
            method = messages.SERVICE.methods_by_name[name]
            call = getattr(channel, messages.shape_of(method))(f"/{messages.SERVICE.full_name}/{name}")
            try:
                answer = call(iter(sent) if method.client_streaming else sent[0], timeout=60)
                list(answer if method.server_streaming else ())
            except grpc.RpcError as error:
                return error.code()
            return grpc.StatusCode.OK

        yield ask
    server.stop(None).wait()


def test_whatever_is_sent_is_answered_and_loses_nothing(
    house: BlockHouse, ask: Callable[[str, list[bytes]], grpc.StatusCode]
) -> None:
    house.rig.upload(KEPT, owner="eva", lease_id="kept", reference_id="fv_kept")
    house.rig.upload(SPENT, owner="eva", lease_id="spent", reference_id="fv_spent")
    seen = set()

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(call=calls())
    def send(call: tuple[str, list[bytes]]) -> None:
        code = ask(*call)
        seen.add(code)
        assert code in OURS

    send()
    # Neither is everything refused nor is everything taken.
    assert {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND} <= seen
    assert house.rig.read("fv_kept", owner="eva") == b"".join(KEPT)
    house.references_are_whole()
    house.collect()
    assert house.rig.read("fv_kept", owner="eva") == b"".join(KEPT)
