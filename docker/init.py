"""Makes ready what the services need: tables, buckets, queue, pools, login, certificate. May run at every start."""

import datetime
import ipaddress
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cutroom.private_file import write_private
from cutroom.settings import Settings, get_settings
from cutroom.stack.airflow_config import ADMIN, IO_SLOTS, encode_slots

logger = logging.getLogger("cutroom.init")
AIRFLOW = (sys.executable, "-m", "airflow")


def plan_pools(settings: Settings, there: Collection[str]) -> dict[str, dict[str, object]]:
    """Pools to write, in the form of `airflow pools import`.

    Those that are missing, and the encode pool where its size is given: what an operator changed in the UI stays.
    """
    pools: dict[str, dict[str, object]] = {
        "encode": {"slots": encode_slots(settings), "description": "Tasks that keep a core busy"},
        "io": {"slots": IO_SLOTS, "description": "Tasks that wait for S3 or a database"},
    }
    given = {"encode"} if settings.encode_slots else set()
    return {name: pool for name, pool in pools.items() if name not in there or name in given}


def ensure_pools(settings: Settings) -> None:
    """Make the pools that the DAGs name."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pools.json"
        subprocess.run([*AIRFLOW, "pools", "export", str(file)], check=True)
        file.write_text(json.dumps(plan_pools(settings, json.loads(file.read_text()))))
        subprocess.run([*AIRFLOW, "pools", "import", str(file)], check=True)


def ensure_certificate(folder: Path) -> None:
    """Make a certificate and its key for the Block Service, which the others know by its name, where there is none.

    Its own authority: who is to trust it is given the certificate.
    """
    certificate, key = folder / "block-service.pem", folder / "block-service.key"
    if certificate.is_file() and key.is_file():
        return
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Cutroom Block Service")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("block-service"), x509.DNSName("localhost")]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    write_private(key, secret.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode())
    write_private(certificate, made.public_bytes(pem).decode())


def main() -> None:
    """Do it all; whatever fails ends the container with an error, and no other service starts."""
    from cutroom.stores.catalog import Catalog  # noqa: PLC0415 - tests plan pools without the drivers
    from cutroom.stores.provision import provision  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = get_settings()
    logins = settings.home / "airflow" / "passwords.json"
    ensure_certificate(settings.home / "tls")
    write_private(logins, json.dumps({ADMIN: os.environ["AIRFLOW_ADMIN_PASSWORD"]}))
    subprocess.run([*AIRFLOW, "db", "migrate"], check=True)
    Catalog(settings.database_url).migrate()
    provision(settings)
    ensure_pools(settings)
    logger.info("Everything is ready for Airflow.")


if __name__ == "__main__":
    main()
