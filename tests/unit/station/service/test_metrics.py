import re
from typing import Any

from eventstore.catalogue.security import TamperObserved
from eventstore.chain import Head
from station.service.metrics import MetricFacts, metrics_text
from tests.given import UTC_2026_MS, StationUnderTest, charging, station
from tests.unit.station.service.certified import certified

LINE = re.compile(r'[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? -?[0-9.]+')


def text_of(under_test: StationUnderTest, **facts: object) -> str:
    given: Any = {
        "at_ms": under_test.at_ms,
        "head": Head(seq=under_test.state.seq, digest=bytes(range(32))),
        "log_bytes": 81_920,
        "archive_bytes": 4_096,
        "free_bytes": 10**9,
        "oldest_utc_ms": None,
        "dropped": 0,
        "healthy": True,
        "resident_bytes": 40_000_000,
        "cpu_seconds": 1.5,
        **facts,
    }
    return metrics_text(under_test.state, MetricFacts(**given))


def test_every_line_is_one_that_prometheus_reads_and_every_family_is_declared_once() -> None:
    lines = text_of(charging(station(connectors=2))).splitlines()
    declared = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(declared) == len(set(declared))
    for line in lines:
        if not line.startswith("#"):
            assert LINE.fullmatch(line), line
            assert re.split(r"[ {]", line)[0] == [name for name in declared if line.startswith(name)][-1]


def test_a_series_stands_once() -> None:
    series = [line.rpartition(" ")[0] for line in text_of(charging()).splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))


def test_what_matters_is_there() -> None:
    under_test = charging()
    text = text_of(under_test)
    for line in (
        "chargebox_healthy 1",
        "chargebox_link_up 1",
        'chargebox_registration_status{status="Accepted"} 1',
        'chargebox_connector_status{connector_id="1",status="Charging"} 1',
        'chargebox_connector_status{connector_id="1",status="Available"} 0',
        'chargebox_outbox_pending{lane="transaction"} 0',
        "chargebox_outbox_given_up_total 0",
        "chargebox_transactions_active 1",
        f"chargebox_log_seq {under_test.state.seq}",
        "chargebox_log_head_digest 4328719365",
        "chargebox_log_bytes 81920",
        "chargebox_archive_bytes 4096",
        "process_resident_memory_bytes 40000000",
        "process_cpu_seconds_total 1.500",
    ):
        assert f"{line}\n" in text


def test_the_age_of_what_is_owed_is_told() -> None:
    under_test = charging()
    under_test.disconnect()
    under_test.swipe()
    text = text_of(under_test, oldest_utc_ms=UTC_2026_MS + under_test.at_ms - 90_000)
    assert "chargebox_outbox_oldest_age_seconds 90.000\n" in text
    assert 'chargebox_outbox_pending{lane="transaction"} 1\n' in text
    assert "chargebox_link_up 0\n" in text


def test_labels_are_escaped() -> None:
    text = text_of(station(identity='a"b\\c').boot())
    assert 'identity="a\\"b\\\\c"' in text


def test_what_readers_gave_that_is_no_card_is_counted_by_reader() -> None:
    text = text_of(station().boot(), refused_reads=(0, 3))
    assert 'chargebox_reader_refused_total{reader="1"} 0\n' in text
    assert 'chargebox_reader_refused_total{reader="2"} 3\n' in text


def test_the_last_security_event_is_told_with_its_time() -> None:
    under_test = station(profiles_off=(), security_events="always").boot()
    under_test.observe(TamperObserved(open=True))
    text = text_of(under_test)
    assert "chargebox_security_events_total 2\n" in text
    assert 'chargebox_security_last_event_seconds{type="TamperDetectionActivated"} 1767225601.000\n' in text
    assert 'chargebox_outbox_pending{lane="security"} 2\n' in text
    assert "chargebox_security_last_event_seconds{" not in text_of(charging())


def test_the_days_that_are_left_of_each_certificate_are_shown() -> None:
    text = text_of(certified())
    line = 'chargebox_certificate_days_left{use="%s",fingerprint="%s"} %d\n'
    assert line % ("CentralSystemRootCertificate", "0" * 16, 9) in text
    assert line % ("ChargePointCertificate", "1" * 16, -1) in text
    assert "chargebox_certificate_days_left{" not in text_of(charging())
