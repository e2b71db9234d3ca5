"""Real sockets: whatever a provider does to an answer, it is told for what it is."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import gevent
import orjson
import pytest

from loadtests.measure.connection import Connection, Patience
from loadtests.measure.pump import Pump
from loadtests.measure.reply import Reply
from loadtests.measure.request import address_of, get, post
from loadtests.measure.sampling import Ask, sample_of
from loadtests.record.sample import Outcome, Sample
from tests.support.certificate import self_signed
from tests.support.provider import Provider, provider

WORDS = 90  # too few to be called buffered when this machine is busy
MANY = 900
QUICK = Patience(connect=2, first_token=0.3, stall=0.3, total=1)
KEY = {"authorization": "Bearer simulated"}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    flags = f"--text numbered --tokens {WORDS} --first-token 0.01 --pace 5000".split()
    with provider("cerebras", tmp_path_factory.mktemp("provider"), *flags) as running:
        yield running


def body(words: int, **more: object) -> bytes:
    messages = [{"role": "user", "content": "Hello"}]
    return orjson.dumps({"model": "gpt-oss-120b", "messages": messages, "max_completion_tokens": words, **more})


def asked(
    at: Provider, directive: str = "", stream: bool = True, connection: Connection | None = None, words: int = WORDS
) -> Sample:
    address = address_of(at.base)
    connection = connection or Connection(address, Pump(), None, QUICK)
    headers = {**KEY, "x-simulator": directive} if directive else KEY
    reply = connection.ask(post(address, body(words, stream=stream), headers))
    return sample_of(ask(stream), reply.sent, reply)


def ask(stream: bool = True) -> Ask:
    return Ask(
        id="ours",
        way="target",
        workload="chat",
        model="gpt-oss-120b",
        streamed=stream,
        most_tokens=None,
        expected_models=(),
    )


def test_a_whole_answer_is_measured_in_full(simulated: Provider) -> None:
    sample = asked(
        simulated, "pace=150,tokens=45", words=45
    )  # slow enough to come in pieces, however busy this machine is

    assert (sample.outcome, sample.numbers_hold, sample.completion_tokens) == (Outcome.WHOLE, True, 45)
    assert (sample.model_served, sample.finish, sample.estimated) == ("gpt-oss-120b", "stop", False)
    assert sample.headers is not None and sample.first is not None and sample.last is not None  # noqa: PT018
    assert sample.sent < sample.headers <= sample.first < sample.last <= sample.end
    assert sample.deliveries > 1
    assert sample.octets > 1000


def test_a_connection_is_kept_and_one_that_was_closed_meanwhile_is_opened_again(simulated: Provider) -> None:
    address = address_of(simulated.base)
    connection = Connection(address, Pump(), None, QUICK)

    assert connection.ask(get(address, KEY)).status == 200
    assert asked(simulated, connection=connection).reused
    connection.close()
    assert not asked(simulated, connection=connection).reused


def test_streams_are_read_side_by_side(simulated: Provider) -> None:
    pump = Pump()
    address = address_of(simulated.base)
    running = [gevent.spawn(asked, simulated, "", True, Connection(address, pump, None, QUICK)) for _ in range(20)]
    samples = [each.value for each in gevent.joinall(running, timeout=10)]

    assert [sample.outcome for sample in samples] == [Outcome.WHOLE] * 20
    assert simulated.client.get("/simulator/stats").json()["most_in_flight"] > 1


@pytest.mark.parametrize(
    ("directive", "outcome", "error"),
    [
        ("fault=cut,after=40", Outcome.TRUNCATED, "no finish reason"),
        ("fault=no_finish_but_done", Outcome.TRUNCATED, "no finish reason"),
        ("fault=cut_chunked,after=40", Outcome.BROKEN, "cut"),
        ("fault=reset,after=40", Outcome.BROKEN, "reset"),
        ("fault=stall,after=40", Outcome.BROKEN, "stall"),
        ("fault=endless", Outcome.BROKEN, "total_timeout"),
        ("fault=error_event,after=40", Outcome.BROKEN, "service_unavailable"),
        ("fault=malformed,after=40", Outcome.BROKEN, "malformed"),
        ("fault=hang", Outcome.FAILED, "first_token_timeout"),
        ("fault=role_only", Outcome.FAILED, "first_token_timeout"),
        ("fault=reset_before_headers", Outcome.FAILED, "reset"),
        ("fault=close_before_headers", Outcome.FAILED, "cut"),
        ("fault=500", Outcome.FAILED, None),
        ("fault=503", Outcome.SHED, None),
        ("fault=429_queue", Outcome.LIMITED, "queue_exceeded"),
        ("fault=404", Outcome.REFUSED, "model_not_found"),
        ("fault=wrong_model", Outcome.WRONG_MODEL, "llama3.1-8b answered"),
        ("fault=crlf", Outcome.WHOLE, None),
        ("fault=comments", Outcome.WHOLE, None),
        ("fault=multi_line", Outcome.WHOLE, None),
        ("segment=event", Outcome.WHOLE, None),
    ],
)
def test_what_goes_wrong_is_told_for_what_it_is(
    simulated: Provider, directive: str, outcome: Outcome, error: str | None
) -> None:
    sample = asked(simulated, directive)

    assert outcome == sample.outcome, sample
    assert error in (None, sample.error)


@pytest.mark.parametrize("fault", ["buffered", "ignore_stream"])
def test_an_answer_that_came_at_once_though_a_stream_was_asked_for_is_buffered(simulated: Provider, fault: str) -> None:
    sample = asked(simulated, f"fault={fault},tokens={MANY},pace=50000", words=MANY)

    assert (sample.outcome, sample.error) == (Outcome.BUFFERED, "it arrived at once")


def test_without_usage_tokens_are_counted_by_events_and_marked(simulated: Provider) -> None:
    sample = asked(simulated, "fault=no_usage")

    assert (sample.outcome, sample.estimated, sample.completion_tokens) == (Outcome.WHOLE, True, sample.events)


def test_an_answer_that_was_not_to_be_streamed_is_whole_in_one_piece(simulated: Provider) -> None:
    sample = asked(simulated, stream=False)

    assert (sample.outcome, sample.deliveries, sample.completion_tokens) == (Outcome.WHOLE, 1, WORDS)


def test_a_closed_port_is_a_failure_and_no_exception() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = address_of(f"http://127.0.0.1:{nobody.getsockname()[1]}")
    reply = Connection(address, Pump(), None, QUICK).ask(get(address, {}))

    assert (reply.status, reply.trouble) == (None, "refused")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


def over_tls(certificate: Path, answer: bytes, trusted: bool = True) -> Reply:
    """A server that answers one request, in pieces of 100 bytes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as client:
                client.recv(65536)
                for start in range(0, len(answer), 100):
                    client.sendall(answer[start : start + 100])
        except OSError:
            plain.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        address = address_of(f"https://127.0.0.1:{listener.getsockname()[1]}")
        asking = ssl.create_default_context(cafile=str(certificate) if trusted else None)
        return Connection(address, Pump(), asking, QUICK).ask(post(address, b"{}", {}))
    finally:
        server.join(5)
        listener.close()


def test_tls_changes_nothing_of_what_is_heard(certificate: Path) -> None:
    text = "".join(f'data: {{"choices":[{{"index":0,"delta":{{"content":"w{n:04d} "}}}}]}}\n\n' for n in range(1, 60))
    end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    length = f"content-length: {len(text + end)}\r\n\r\n"
    reply = over_tls(certificate, f"{head}{length}{text}{end}".encode())

    assert (reply.trouble, reply.heard.events, reply.heard.numbers_hold, reply.heard.whole) == (None, 59, True, True)


def test_a_body_without_a_length_ends_with_its_connection(certificate: Path) -> None:
    text = 'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
    reply = over_tls(certificate, f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{text}".encode())

    assert (reply.trouble, reply.heard.whole) == (None, True)


def test_nobody_is_trusted_who_cannot_prove_who_he_is(certificate: Path) -> None:
    assert over_tls(certificate, b"", trusted=False).trouble == "tls"
