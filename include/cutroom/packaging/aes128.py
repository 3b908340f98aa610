"""Whole segments locked with AES-128 in CBC mode, each with a vector of its own (RFC 8216, 4.3.2.4)."""

from pathlib import Path

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from cutroom.media.content_key import ContentKey


def lock(segment: Path, key: ContentKey, iv: bytes) -> None:
    """Replace a segment by its encryption."""
    pad = padding.PKCS7(AES.block_size).padder()
    encryptor = _cipher(key, iv).encryptor()
    clear = pad.update(segment.read_bytes()) + pad.finalize()
    segment.write_bytes(encryptor.update(clear) + encryptor.finalize())


def unlock(locked: bytes, key: ContentKey, iv: bytes) -> bytes:
    """The reverse of `lock`.

    Raises:
        ValueError: The key or the vector is another one, or the bytes are damaged.
    """
    decryptor = _cipher(key, iv).decryptor()
    unpad = padding.PKCS7(AES.block_size).unpadder()
    return unpad.update(decryptor.update(locked) + decryptor.finalize()) + unpad.finalize()


def _cipher(key: ContentKey, iv: bytes) -> Cipher[CBC]:
    return Cipher(AES(bytes.fromhex(key.key)), CBC(iv))
