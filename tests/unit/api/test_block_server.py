"""The Block Service on the wire: who is let in, what is refused, and what errors become."""

import datetime
import ipaddress
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from block_model import ModelBlocks
from cutroom import errors
from cutroom.api.block_server import Listening, start_server
from cutroom.blocks.block import block_of
from cutroom.blocks.service import BLOCKS_PER_CALL
from cutroom.errors import AccessRefused, CutroomError, StoreUnavailable, UsageError
from cutroom.ffmpeg import runner
from cutroom.media.limits import Limits
from cutroom.settings import PROJECT_ROOT
from cutroom.stores.block_rpc import block_service_pb2 as pb
from cutroom.stores.block_rpc import messages
from cutroom.stores.block_rpc.client import RemoteBlocks
from cutroom.stores.block_rpc.status import ERROR_OF, error_of, status_of

TOKEN = "the shared secret"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "blocks")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@contextmanager
def serving(model: ModelBlocks, **protection: object) -> Iterator[int]:
    server, port = start_server(model, Listening(address="127.0.0.1:0", **protection))  # type: ignore[arg-type]
    try:
        yield port
    finally:
        server.stop(None).wait()


def test_over_tls_with_the_token(pair: tuple[Path, Path]) -> None:
    with serving(ModelBlocks(), token=TOKEN, certificate=pair[0], key=pair[1]) as port:
        url = f"https://127.0.0.1:{port}"
        trusted = RemoteBlocks(url, token=TOKEN, authority=pair[0])
        trusted.health()
        (location,) = trusted.get_or_create_block_locations([block_of(b"x")], owner="eva", lease_id="l")
        assert not location.known
        for token in ("", "another secret"):
            stranger = RemoteBlocks(url, token=token, authority=pair[0])
            with pytest.raises(AccessRefused, match="CUTROOM_BLOCK_SERVICE_TOKEN"):
                stranger.references("fv")
            with pytest.raises(AccessRefused):
                stranger.add_references("fv", [], owner="eva", lease_id="l")
            stranger.health()
            stranger.close()
        with pytest.raises(StoreUnavailable):
            # Its certificate is not one that this machine trusts.
            RemoteBlocks(url, token=TOKEN).health()
        trusted.close()


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "blocks.example:1", "192.0.2.1:1"])
def test_it_does_not_start_where_others_reach_it_unprotected(address: str, pair: tuple[Path, Path]) -> None:
    for protection in ({}, {"token": TOKEN}, {"certificate": pair[0], "key": pair[1]}):
        with pytest.raises(UsageError, match="CUTROOM_BLOCK_SERVICE"):
            Listening(address=address, **protection)  # type: ignore[arg-type]
    Listening(address=address, token=TOKEN, certificate=pair[0], key=pair[1])


def test_half_a_certificate_and_half_an_address_are_refused(pair: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="belong together"):
        Listening(address="127.0.0.1:0", certificate=pair[0])
    with (
        pytest.raises(UsageError, match="/nowhere can't be read"),
        serving(ModelBlocks(), **dict.fromkeys(("certificate", "key"), Path("/nowhere"))),
    ):
        pass
    for address in ("127.0.0.1", "127.0.0.1:http", ""):
        with pytest.raises(UsageError, match="host:port"):
            Listening(address=address)


def test_the_command_says_why_it_does_not_start() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from cutroom.cli.main import main; main()"),
            *("block-service", "--listen", "0.0.0.0:0"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT_ROOT,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "can be reached by others" in done.stderr


def test_a_port_that_is_taken_is_named() -> None:
    with serving(ModelBlocks()) as port, pytest.raises(StoreUnavailable, match=str(port)):
        start_server(ModelBlocks(), Listening(address=f"127.0.0.1:{port}"))


@pytest.mark.parametrize("url", ["127.0.0.1:1", "ftp://127.0.0.1:1", "https://", "http://localhost:x", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="https://host:port"):
        RemoteBlocks(url)


def test_no_token_leaves_the_machine_in_the_clear() -> None:
    with pytest.raises(UsageError, match="without TLS"):
        RemoteBlocks("http://blocks.example:50061", token=TOKEN)


def test_a_service_that_is_away_is_unavailable() -> None:
    client = RemoteBlocks("http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9"):
        client.references("fv")
    client.close()


def test_a_service_without_its_stores_is_not_healthy() -> None:
    class Away(ModelBlocks):
        def health(self) -> None:
            raise StoreUnavailable("PostgreSQL is away.")

    with serving(Away()) as port:
        client = RemoteBlocks(f"http://127.0.0.1:{port}")
        with pytest.raises(StoreUnavailable, match="database or store"):
            client.health()
        client.close()


@pytest.fixture(scope="module")
def open_port() -> Iterator[tuple[int, ModelBlocks]]:
    model = ModelBlocks()
    with serving(model) as port:
        yield port, model


@given(
    name=st.sampled_from([name for name, method in messages.SERVICE.methods_by_name.items()]),
    raw=st.binary(max_size=200),
)
def test_what_is_no_message_is_the_clients_mistake(
    open_port: tuple[int, ModelBlocks], name: str, raw: bytes
) -> None:
    """Whatever arrives, the answer is a status of ours, never a fault; and nothing is stored or referenced."""
    port, model = open_port
    method = messages.SERVICE.methods_by_name[name]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = getattr(channel, messages.shape_of(method))(f"/{messages.SERVICE.full_name}/{name}")
        code = grpc.StatusCode.OK
        try:
            answer = call(iter([raw]) if method.client_streaming else raw, timeout=60)
            if method.server_streaming:
                list(answer)
        except grpc.RpcError as error:
            code = error.code()
    assert code in {
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
    }
    assert model.stored == {}
    assert all(blocks == [] for _, blocks in model.lists.values())


def test_a_message_beyond_the_limit_is_refused(open_port: tuple[int, ModelBlocks]) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{open_port[0]}") as channel:
        call = channel.unary_unary(f"/{messages.SERVICE.full_name}/MissingBlocks")
        with pytest.raises(grpc.RpcError) as caught:
            call(bytes(messages.MESSAGE_BYTES + 1), timeout=60)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("sent", [0, 1])
def test_a_list_that_breaks_off_is_not_what_a_file_consists_of(
    open_port: tuple[int, ModelBlocks], sent: int
) -> None:
    """A client that dies midway ends its stream, for the server's eyes."""
    port, model = open_port
    model.get_or_create_block_locations([block_of(b"x")], owner="eva", lease_id="l")
    named = {"reference_id": f"fv_{sent}", "owner": "eva", "lease_id": "l", "blocks_in_all": 1}
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_unary(f"/{messages.SERVICE.full_name}/AddReferences")
        with pytest.raises(grpc.RpcError) as caught:
            call(iter([pb.ReferencePart(**named).SerializeToString()][:sent]), timeout=60)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert f"fv_{sent}" not in model.lists


def test_strangers_who_say_nothing_hold_no_place() -> None:
    """Neither by a call that they never make whole, nor by watching the health of the service."""
    with serving(ModelBlocks(), token=TOKEN) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        silence = threading.Event()
        for method in (f"/{messages.SERVICE.full_name}/AddReferences", "/grpc.health.v1.Health/Watch"):
            call = channel.stream_stream(method)(iter(silence.wait, True), timeout=60)
            with pytest.raises(grpc.RpcError) as caught:
                next(call)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        silence.set()


def test_a_certificate_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="CUTROOM_BLOCK_SERVICE_AUTHORITY: /nowhere can't be read"):
        RemoteBlocks("https://blocks.example:50061", authority=Path("/nowhere"))


def test_a_full_batch_of_new_blocks_fits_a_message(open_port: tuple[int, ModelBlocks]) -> None:
    client = RemoteBlocks(f"http://127.0.0.1:{open_port[0]}")
    blocks = [block_of(str(number).encode()) for number in range(BLOCKS_PER_CALL)]
    found = client.get_or_create_block_locations(blocks, owner="eva", lease_id="full")
    assert [one.block for one in found] == blocks
    client.close()


def every_error() -> list[type[CutroomError]]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return [kind for kind in kinds if issubclass(kind, CutroomError)]


@pytest.mark.parametrize("kind", every_error())
def test_every_error_has_a_status_that_brings_one_of_its_kind_back(kind: type[CutroomError]) -> None:
    back = error_of(status_of(kind("why")), "why", "127.0.0.1:1")
    assert isinstance(back, errors.PermanentError) == issubclass(kind, errors.PermanentError)
    assert "why" in str(back)


def test_every_status_has_its_error() -> None:
    assert set(ERROR_OF) == set(grpc.StatusCode) - {grpc.StatusCode.OK}


def test_the_compiled_messages_are_those_of_the_proto_file(tmp_path: Path) -> None:
    subprocess.run(["sh", "scripts/proto.sh", str(tmp_path)], cwd=PROJECT_ROOT, check=True)
    compiled = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert [path.suffix for path in compiled] == [".py", ".pyi"]
    for path in compiled:
        here = PROJECT_ROOT / "include" / path.relative_to(tmp_path)
        assert path.read_text() == here.read_text(), "Run scripts/proto.sh."


def test_programs_can_be_started_while_the_service_is_in_use(tmp_path: Path) -> None:
    """By vfork as our tools are, and by fork, as libraries do: with gRPC's own handlers some of them were aborted."""
    with serving(ModelBlocks()) as port:
        client = RemoteBlocks(f"http://127.0.0.1:{port}")
        for number in range(120):
            client.get_or_create_block_locations([block_of(b"x")], owner="eva", lease_id=f"fork{number}")
            # Code between fork and exec, whatever it does, rules vfork out.
            subprocess.run(["true"], preexec_fn=int, check=True)
            if number % 8 == 0:
                runner.run(["true"], log=tmp_path / "log", limits=Limits(), on_line=lambda _: None)
        client.close()
