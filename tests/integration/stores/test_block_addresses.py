"""Presigned addresses of blocks are good for what they were given for, and nothing else: S3 itself holds to that."""

import base64
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import httpx
import pytest
from botocore import auth

from block_house import URL_S, BlockHouse, block_house, ids_of
from block_rigs import contents
from cutroom.blocks.block import Block, block_of
from cutroom.settings import Settings
from cutroom.stores.catalog import Catalog

pytestmark = pytest.mark.stack


@pytest.fixture
def house(stack: Settings, catalog: Catalog) -> Iterator[BlockHouse]:
    with block_house(stack, catalog.database) as house:
        yield house


Sent = tuple[str, dict[str, str]]


def other_checksum(url: str, headers: dict[str, str]) -> Sent:
    return url, headers | {"x-amz-checksum-sha256": "A" * 43 + "="}


def no_condition(url: str, headers: dict[str, str]) -> Sent:
    return url, {name: value for name, value in headers.items() if name != "if-none-match"}


def other_key(url: str, headers: dict[str, str]) -> Sent:
    return url.replace(".1?", ".2?"), headers


def more_time(url: str, headers: dict[str, str]) -> Sent:
    return url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"), headers


def no_signature(url: str, headers: dict[str, str]) -> Sent:
    return url.split("?", maxsplit=1)[0] + "?X-Amz-Signature=0", headers


@pytest.mark.parametrize("change", [other_checksum, no_condition, other_key, more_time, no_signature])
def test_an_address_is_good_for_what_was_signed_only(
    house: BlockHouse, change: Callable[[str, dict[str, str]], Sent]
) -> None:
    (data,) = contents(1)
    (location,) = house.service.get_or_create_block_locations([block_of(data)], owner="eva", lease_id="one")
    assert location.upload is not None
    url, headers = change(location.upload.url, dict(location.upload.headers))
    assert (url, headers) != (location.upload.url, dict(location.upload.headers))
    assert house.rig.put(url, headers, data) in {400, 403}
    assert house.object_keys() == []


def test_an_address_takes_no_other_bytes_whatever_is_said_of_them(house: BlockHouse) -> None:
    data, other = contents(2)
    other = other.ljust(len(data))[: len(data)]
    (location,) = house.service.get_or_create_block_locations([block_of(data)], owner="eva", lease_id="one")
    assert location.upload is not None
    told = dict(location.upload.headers)
    true = base64.b64encode(bytes.fromhex(block_of(other).block_id)).decode()
    silent = {name: value for name, value in told.items() if not name.startswith("x-amz-checksum")}
    for headers, status in ((told, 400), ({**told, "x-amz-checksum-sha256": true}, 403), (silent, 403)):
        assert house.rig.put(location.upload.url, headers, other) == status
    assert house.object_keys() == []


def test_an_address_takes_no_other_length_than_was_announced(house: BlockHouse) -> None:
    """Not even of the right bytes."""
    (data,) = contents(1)
    lie = Block(block_id=block_of(data).block_id, size_bytes=len(data) - 1)
    (location,) = house.service.get_or_create_block_locations([lie], owner="eva", lease_id="one")
    assert location.upload is not None
    headers = {**location.upload.headers, "content-length": str(len(data))}
    assert house.rig.put(location.upload.url, headers, data) == 403
    assert house.object_keys() == []


def test_an_address_to_write_does_not_read(house: BlockHouse) -> None:
    (data,) = contents(1)
    (location,) = house.service.get_or_create_block_locations([block_of(data)], owner="eva", lease_id="one")
    assert location.upload is not None
    assert house.rig.put(location.upload.url, location.upload.headers, data) == 200
    assert httpx.get(location.upload.url).status_code == 403
    assert httpx.delete(location.upload.url).status_code == 403
    assert house.stored_ids() == ids_of([data])


def test_an_address_to_read_does_not_write_and_reads_one_block(house: BlockHouse) -> None:
    mine, theirs = contents(2)
    house.rig.upload([mine], owner="eva", lease_id="one", reference_id="fv_one")
    house.rig.upload([theirs], owner="joe", lease_id="two", reference_id="fv_two")
    block_id, other_id = block_of(mine).block_id, block_of(theirs).block_id
    (url,) = house.service.get_block_download_urls([block_id], reference_id="fv_one", owner="eva")
    assert house.rig.get(url) == mine
    assert httpx.put(url, content=theirs).status_code == 403
    assert httpx.delete(url).status_code == 403
    place, _, signed = url.partition("?")
    other = place.replace(f"{block_id[:2]}/{block_id}.1", f"{other_id[:2]}/{other_id}.2")
    assert other != place
    for changed in (f"{other}?{signed}", url.replace(f"Expires={URL_S}", "Expires=604800")):
        assert httpx.get(changed).status_code == 403
    assert house.stored_ids() == ids_of([mine, theirs])


def test_an_address_is_good_for_its_time_only(house: BlockHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, new = contents(2)
    house.rig.upload([stored], owner="eva", lease_id="one", reference_id="fv_one")

    def addresses() -> tuple[int, int]:
        """What a put and a get are answered."""
        (location,) = house.service.get_or_create_block_locations(
            [block_of(new)], owner="eva", lease_id="one"
        )
        assert location.upload is not None
        ids = [block_of(stored).block_id]
        (url,) = house.service.get_block_download_urls(ids, reference_id="fv_one", owner="eva")
        put = house.rig.put(location.upload.url, location.upload.headers, new)
        return put, httpx.get(url).status_code

    now = auth.get_current_datetime

    def earlier(*, remove_tzinfo: bool = True) -> datetime:
        return now(remove_tzinfo=remove_tzinfo) - timedelta(seconds=URL_S + 60)

    with monkeypatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", earlier)
        assert addresses() == (403, 403)
    assert house.stored_ids() == ids_of([stored])
    assert addresses() == (200, 200)
