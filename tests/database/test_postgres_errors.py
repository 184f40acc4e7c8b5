"""What PostgreSQL says, in words that tell what to do, and nothing secret."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from support.engines import PostgresHand
from support.postgres import binaries, running_server

from importers import texts
from importers.database.looking import look
from importers.database.postgres import PostgresDatabase
from importers.database.postgres_errors import plainly
from importers.errors import DatabaseError, Unreachable
from importers.sessions import open_journal
from importers.sessions.opening import SCHEMAS

PLACE = "postgresql://u:s3cret@db/shop"
TOLD = {
    "28P01": "refuses this account",
    "28000": "refuses this account",
    "3D000": "no such database",
    "3F000": "no such schema",
    "42P01": "not those that obmen made",
    "42501": "grant it the right",
    "0A000": "use PostgreSQL 15 or later",
    "53100": "disk is full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "somebody holds a lock",
    "57014": "took too long",
    "57P01": "when it is back",
    "57P02": "when it is back",
    "57P03": "when it is back",
    "57P04": "dropped",
    "57P05": "when it is back",
    "58030": "disk or system fails",
    "XX001": "damaged",
    "08000": "is lost",
    "08006": "is lost",
    "08P01": "is lost",
    "40P01": "wrote the same at once",
    "40001": "wrote the same at once",
    "25P03": "did nothing for long",
    "25006": "read-only",
    "P0001": "a trigger of the shop",
}


def error_of(state: str, text: str = "said") -> psycopg.Error:
    try:
        made = psycopg.errors.lookup(state)(text)
    except KeyError:
        made = psycopg.OperationalError(text)
    made.sqlstate = state
    return made


@pytest.mark.parametrize("state", TOLD)
def test_every_trouble_has_a_cure(state: str) -> None:
    with pytest.raises(DatabaseError, match=TOLD[state]) as raised, plainly(PLACE):
        raise error_of(state, "said s3cret")
    text = str(raised.value)
    assert text.startswith("postgresql://…@db/shop: ")
    assert "\n" not in text
    assert "s3cret" not in text


def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(psycopg.errors.SyntaxError), plainly(PLACE):
        raise error_of("42601")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('FATAL:  password authentication failed for user "u"', "refuses this account"),
        ("fe_sendauth: no password supplied", "refuses this account"),
        ('FATAL:  role "u" does not exist', "refuses this account"),
        ('FATAL:  database "shop" does not exist', "no such database"),
        ("FATAL:  sorry, too many clients already", "too many connections"),
        ("FATAL:  the database system is starting up", "when it is back"),
        ("server does not support SSL, but SSL was required", "does not speak TLS; let it"),
        (
            'FATAL:  no pg_hba.conf entry for host "::1", user "u", no encryption',
            "without TLS: .*sslmode=require",
        ),
        (
            'FATAL:  no pg_hba.conf entry for host "::1", user "u", SSL encryption',
            "add it to the .*pg_hba.conf",
        ),
        (
            'FATAL:  password authentication failed for user "u"\nagain: no pg_hba.conf entry for u, no encryption',
            'refuses this account: .*password authentication failed for user "u"; correct user',
        ),
        ('could not read root certificate file "/f": no certificate', "not there, or is none; name it"),
        (
            'private key file "/k" has group or world access; it must',
            "own does not do: .*/k.*; correct sslcert",
        ),
        ("FATAL:  connection requires a valid client certificate", "own does not do: .*; correct sslcert"),
        ("ВАЖНО:  пользователь не прошёл проверку", "cannot be reached: .*проверку; start it"),
    ],
)
def test_who_is_not_let_in(said: str, told: str) -> None:
    """There is no SQLSTATE then."""
    with pytest.raises(DatabaseError, match=told), plainly(PLACE):
        raise psycopg.OperationalError(f"connection failed: {said}")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'connection failed: connection to server at "127.0.0.1", port 1 failed: Connection refused\n\tIs it?',
            "в соединении отказано",
        ),
        (
            'connection is bad: on socket "/s" failed: No such file or directory\n',
            "нет такого файла или папки",
        ),
        ("failed to resolve host 'h': [Errno -2] Name or service not known", "такое имя узла неизвестно"),
        (
            "failed: server closed the connection unexpectedly\n\tThis means\n\tbefore or while processing.",
            "сервер закрыл соединение, не ответив",
        ),
        ("connection timeout expired", "ответа нет вовремя"),
        ("failed: received invalid response to SSL negotiation: H", "отвечает не PostgreSQL"),
    ],
)
def test_why_a_server_cannot_be_reached_is_said_in_the_language_of_who_looks(said: str, told: str) -> None:
    texts.use("ru")
    with (
        pytest.raises(Unreachable, match=f"не удаётся подключиться: {told}; запустите сервер"),
        plainly(PLACE),
    ):
        raise psycopg.OperationalError(said)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:{}@h/d",
        "postgresql://h/d?user=u&password={}",
        "postgresql://u@h/d?password={}",
        "postgresql://u:{}@[::1]:5432/d?schema=x",
    ],
)
@pytest.mark.parametrize(
    ("written", "read"), [("s3cret", "s3cret"), ("s3%2Fcr%40et", "s3/cr@et"), ("s3%20cret", "s3 cret")]
)
def test_no_password_is_told(address: str, written: str, read: str) -> None:
    url = address.format(written)
    for text in (f"connection failed: {read}", f"connection failed: {written}", f"connection failed: {url}"):
        with pytest.raises(DatabaseError) as raised, plainly(url):
            raise psycopg.OperationalError(text)
        assert read not in str(raised.value)
        assert written not in str(raised.value)


@pytest.mark.parametrize("how", ["passfile", "PGPASSFILE", "HOME"])
def test_a_file_of_passwords_that_others_may_read(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """libpq would write across the screen that it does not use it."""
    file = tmp_path / ".pgpass"
    file.touch(0o640)
    url = "postgresql://u@127.0.0.1:1/d"
    if how == "passfile":
        url += f"?passfile={file}"
    else:
        monkeypatch.setenv(how, str(file if how == "PGPASSFILE" else tmp_path))
    with pytest.raises(DatabaseError, match=f"d.*: others may read .*; run: chmod 600 {file}"):
        look(url, "public", "t", "SELECT 1")
    monkeypatch.setenv("PGPASSWORD", "it is not asked for then")
    with pytest.raises(DatabaseError, match="cannot be reached"):
        look(url, "public", "t", "SELECT 1")
    monkeypatch.delenv("PGPASSWORD")
    file.chmod(0o600)
    with pytest.raises(DatabaseError, match="cannot be reached"):
        look(url, "public", "t", "SELECT 1")
    assert capfd.readouterr().err == ""


async def test_an_address_that_libpq_does_not_read_is_not_quoted(hand: PostgresHand) -> None:
    for address in ("postgresql://u:s3%zzcret@h/d", "postgresql://u:s3cret@h/d?s3cret=1"):
        with pytest.raises(DatabaseError, match="cannot be understood") as raised:
            await PostgresDatabase.open(address, hand.schema, SCHEMAS / "postgres")
        assert "cret" not in str(raised.value)
        assert raised.value.__cause__ is None


async def test_the_server_refuses_a_wrong_password() -> None:
    with running_server(binaries()) as server:
        with psycopg.connect(server.url, autocommit=True) as db:
            db.execute("CREATE ROLE shop LOGIN PASSWORD 'right'")
            db.execute("CREATE DATABASE shop OWNER shop")
        await asyncio.to_thread(server.stop)
        server.require_passwords()
        await asyncio.to_thread(server.start)
        url = server.url.replace("//obmen@/postgres", "//shop:{}@/shop")
        for password in ("s3cret%2F", ""):
            with pytest.raises(DatabaseError, match="refuses this account") as raised:
                await open_journal(url.format(password))
            assert "s3cret" not in str(raised.value)
        await (await open_journal(url.format("right"))).close()


async def test_why_a_socket_cannot_be_reached_is_said_and_not_asked() -> None:
    with pytest.raises(DatabaseError, match="No such file or directory; start it"):
        await open_journal("postgresql://u@/shop?host=/nonexistent")
