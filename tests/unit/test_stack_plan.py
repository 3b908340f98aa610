"""What is decided about the stack before anything of it runs."""

import configparser
from pathlib import Path

import pytest

from cutroom.errors import UsageError
from cutroom.settings import Settings
from cutroom.stack.airflow_config import plan_configuration, render_configuration
from cutroom.stack.credentials import Secrets
from cutroom.stack.environment import Embedded, plan_embedded, plan_environment
from cutroom.stack.plan import plan_services
from cutroom.stack.supervisor import render_supervisor, socket_path

ALL = Embedded(database=True, documents=True, objects=True, airflow_database=True)
SECRETS = Secrets.generate()


@pytest.fixture
def plain(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url="", documents_url="", AWS_ENDPOINT_URL="", s3="embedded")


def test_everything_is_embedded_when_no_address_is_given(plain: Settings) -> None:
    assert plan_embedded(plain, {}, {}) == ALL


def test_a_given_address_is_used_instead_of_an_embedded_service(plain: Settings) -> None:
    settings = plain.model_copy(
        update={"database_url": "postgresql://db/x", "documents_url": "mongodb://m/x", "s3": "aws"}
    )
    embedded = plan_embedded(settings, {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://db/airflow"}, {})
    assert not embedded.postgres
    assert not embedded.documents
    assert not embedded.objects


def test_airflow_keeps_the_embedded_database_when_only_the_catalog_is_elsewhere(plain: Settings) -> None:
    embedded = plan_embedded(plain.model_copy(update={"database_url": "postgresql://db/x"}), {}, {})
    assert embedded.postgres
    assert not embedded.database


def test_what_the_stack_told_the_shell_does_not_count_as_given(plain: Settings) -> None:
    environment = plan_environment(plain, SECRETS, ALL)
    adopted = plain.model_copy(
        update={
            "database_url": environment["CUTROOM_DATABASE_URL"],
            "documents_url": environment["CUTROOM_DOCUMENTS_URL"],
            "s3_endpoint_url": environment["AWS_ENDPOINT_URL"],
        }
    )
    assert plan_embedded(adopted, {}, environment) == ALL


def test_an_endpoint_that_nobody_asked_to_use_is_refused_with_the_way_out(plain: Settings) -> None:
    with pytest.raises(UsageError, match="CUTROOM_S3=external"):
        plan_embedded(plain.model_copy(update={"s3_endpoint_url": "http://elsewhere:9000"}), {}, {})


def test_an_external_store_without_an_endpoint_is_refused(plain: Settings) -> None:
    with pytest.raises(UsageError, match="set AWS_ENDPOINT_URL"):
        plan_embedded(plain.model_copy(update={"s3": "external"}), {}, {})


def test_credentials_of_aws_are_left_alone(plain: Settings) -> None:
    settings = plain.model_copy(update={"s3": "aws"})
    environment = plan_environment(settings, SECRETS, plan_embedded(settings, {}, {}))
    assert not [name for name in environment if name.startswith("AWS_")]


def test_every_service_listens_on_loopback_and_names_the_setting_of_its_port(plain: Settings) -> None:
    services = plan_services(plain, SECRETS, ALL)
    listening = [service for service in services if service.port]
    assert {service.host for service in listening} == {"127.0.0.1"}
    assert [service.port_setting for service in listening] == [
        "CUTROOM_POSTGRES_PORT",
        "CUTROOM_DOCUMENTS_PORT",
        "CUTROOM_LOCALSTACK_PORT",
        "CUTROOM_AIRFLOW_PORT",
    ]


def test_no_secret_is_in_a_command_or_in_the_supervisors_configuration(plain: Settings) -> None:
    text = render_supervisor(plain, plan_services(plain, SECRETS, ALL))
    for secret in (
        SECRETS.database_password,
        SECRETS.airflow_password,
        SECRETS.fernet_key,
        SECRETS.jwt_secret,
    ):
        assert secret not in text


def test_the_supervisors_configuration_reads_back_with_spaces_and_percent_signs(tmp_path: Path) -> None:
    home = tmp_path / "a folder at 100%"
    settings = Settings(home=home, AWS_ENDPOINT_URL="", s3="embedded")
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",))
    parser.read_string(render_supervisor(settings, plan_services(settings, SECRETS, ALL)))
    assert f'"{home}/postgres"' in parser["program:postgres"]["command"]
    assert parser["program:postgres"]["stdout_logfile"] == f"{home}/logs/postgres.log"


def test_the_socket_stays_within_what_a_unix_socket_may_be(tmp_path: Path) -> None:
    deep = tmp_path / ("folder/" * 60)
    assert len(str(socket_path(deep)).encode()) < 100
    assert socket_path(deep) != socket_path(tmp_path)


def test_airflows_configuration_keeps_percent_signs(plain: Settings) -> None:
    text = render_configuration(plan_configuration(plain, SECRETS, "postgresql://u:p%40ss@h/airflow"))
    parser = configparser.ConfigParser()
    parser.read_string(text)
    assert parser["database"]["sql_alchemy_conn"] == "postgresql://u:p%40ss@h/airflow"


def test_there_are_more_workers_than_slots_in_the_pools(plain: Settings) -> None:
    settings = plain.model_copy(update={"encode_slots": 6})
    parallelism = int(plan_configuration(settings, SECRETS, "x")["core"]["parallelism"])
    assert parallelism > 6 + 8
