"""The settings file: what is accepted, what every mistake is answered with, and that the documents tell the same."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from devices.kinds import FreeTable
from station.settings.loading import (
    SECTIONS,
    Settings,
    SettingsError,
    load_settings,
    parse_settings,
    read_authorization_key,
    require_authorization_key,
    secret_file_findings,
)
from station.settings.tables import own_keys, tables

ROOT = Path(__file__).resolve().parents[4]
REQUIRED = {"station": 'identity = "CB-0001"', "csms": 'url = "ws://127.0.0.1:9000/ocpp"'}


def toml(**tables: str) -> str:
    """A settings text: the required keys, and further lines by table; a line for a required key replaces it."""
    lines = []
    for name in (*REQUIRED, *(name for name in tables if name not in REQUIRED)):
        given = tables.get(name, "")
        required = REQUIRED.get(name, "")
        lines += [f"[{name}]", "" if required.partition(" ")[0] in given.split() else required, given]
    return "\n".join(lines) + "\n"


def refusal(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, "cb.toml")
    return str(caught.value)


def test_two_keys_are_enough_and_everything_else_has_the_documented_default() -> None:
    settings = parse_settings(toml(), "cb.toml")
    assert settings.station.serial == "CB-0001"
    assert (settings.station.vendor, settings.station.model, settings.station.connectors) == ("Chargebox", "Bench", 1)
    assert settings.csms.authorization_key_file is None
    assert (settings.csms.call_timeout_s, settings.csms.reconnect_min_s, settings.csms.reconnect_max_s) == (30, 1, 300)
    assert settings.storage.directory == Path("/var/lib/chargebox")
    assert settings.service.address == ("127.0.0.1", 8887)
    assert (settings.board.kind, settings.board.phases, settings.board.max_current_a) == ("bench", 3, 32)
    assert all(getattr(settings.features, name) for name in settings.features.__struct_fields__)
    assert (settings.daemon.on_reset, settings.daemon.power_loss_policy) == ("exec", "stop")
    assert settings.config == {}
    assert settings.board.wiring == {}


def test_settings_can_be_compared_and_are_the_same_for_the_same_text() -> None:
    assert parse_settings(toml(), "cb.toml") == parse_settings(toml(), "cb.toml")
    assert parse_settings(toml(), "cb.toml") != parse_settings(toml(board="phases = 1"), "cb.toml")


def test_config_values_become_the_text_that_ocpp_carries() -> None:
    config = 'HeartbeatInterval = 300\nLocalPreAuthorize = true\nMeterValuesSampledData = "Voltage"\nVendorFactor = 0.5'
    assert parse_settings(toml(config=config), "cb.toml").config == {
        "HeartbeatInterval": "300",
        "LocalPreAuthorize": "true",
        "MeterValuesSampledData": "Voltage",
        "VendorFactor": "0.5",
    }


def test_wiring_is_passed_on_as_it_stands() -> None:
    text = toml(board='kind = "gpio"\n[board.wiring]\ncontactor = [17, 27]\n[board.wiring.pilot]\nchannel = 0')
    assert parse_settings(text, "cb.toml").board.wiring == {"contactor": [17, 27], "pilot": {"channel": 0}}


def test_the_caller_can_blame_a_key_with_its_line() -> None:
    settings = parse_settings(toml(config='"Heartbeat" = 1'), "cb.toml")
    error = settings.error("config", "Heartbeat", "is no configuration key")
    assert str(error) == "cb.toml:9: [config] Heartbeat: is no configuration key"


@pytest.mark.parametrize(
    ("url", "identity", "expected"),
    [
        ("ws://h/ocpp", "CP001", "ws://h/ocpp/CP001"),
        ("ws://h/ocpp/", "RDAM 123", "ws://h/ocpp/RDAM%20123"),
        ("wss://h:8443", "a/b:c", "wss://h:8443/a%2Fb%3Ac"),
        ("ws://[::1]:9000/x", "Säule", "ws://[::1]:9000/x/S%C3%A4ule"),
        ("ws://h/ocpp?token=a/b&c=", "CP 1", "ws://h/ocpp/CP%201?token=a/b&c="),
        ("wss://h/ocpp/?a", "CP1", "wss://h/ocpp/CP1?a"),
        ("ws://h?a=b?c", "CP1", "ws://h/CP1?a=b?c"),
    ],
)
def test_the_connection_url_ends_in_the_percent_encoded_identity(url: str, identity: str, expected: str) -> None:
    text = toml(csms=f'url = "{url}"', station=f'identity = "{identity}"')
    assert parse_settings(text, "cb.toml").connection_url == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://h:9000/ocpp", "wss://h:9000/ocpp/CB-0001"),
        ("ws://h/ocpp?token=ws:", "wss://h/ocpp/CB-0001?token=ws:"),
        ("WS://[::1]:80", "wss://[::1]:80/CB-0001"),
        ("wss://h/ws:/", "wss://h/ws:/CB-0001"),
    ],
)
def test_a_security_profile_with_tls_keeps_host_port_and_path_of_the_url(url: str, expected: str) -> None:
    """TC_083: where the URL names no port, that of its scheme is meant."""
    settings = parse_settings(toml(csms=f'url = "{url}"'), "cb.toml")
    assert [settings.connection_url_for(profile) for profile in (2, 3)] == [expected] * 2
    scheme = url.partition(":")[0].lower()
    unsecured = scheme + expected.removeprefix("wss")
    assert [settings.connection_url_for(profile) for profile in (0, 1)] == [unsecured] * 2


def test_the_query_of_the_url_is_for_the_csms_alone() -> None:
    settings = parse_settings(toml(csms='url = "ws://h/ocpp?token=abc"'), "cb.toml")
    assert settings.shown_url == "ws://h/ocpp?(withheld)"
    assert settings.shown_connection_url == "ws://h/ocpp/CB-0001?(withheld)"
    assert settings.without_query("redirected to ws://h/x?token=abc twice") == "redirected to ws://h/x?(withheld) twice"
    assert parse_settings(toml(), "cb.toml").without_query("why? so") == "why? so"


@pytest.mark.parametrize(
    ("board", "transfers", "may"),
    [
        ("bench", "", True),
        ("gpio", "", False),
        ("bench", "allow_loopback = false", False),
        ("bench", "allow_loopback = true", True),
        ("gpio", "allow_loopback = true", True),
    ],
)
def test_only_a_bench_sends_files_to_itself_unless_the_file_says_otherwise(
    board: str, transfers: str, may: bool
) -> None:
    text = toml(board=f'kind = "{board}"', **({"transfers": transfers} if transfers else {}))
    assert parse_settings(text, "cb.toml").may_loop_back is may
    inline = f"transfers = {{ {transfers} }}\n" + toml(board=f'kind = "{board}"')
    assert parse_settings(inline, "cb.toml").may_loop_back is may


def test_a_default_serial_fits_boot_notification() -> None:
    settings = parse_settings(toml(station=f'identity = "{"x" * 48}"'), "cb.toml")
    assert settings.station.serial == "x" * 25


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ('""', None),
        ('"127.0.0.9:0"', ("127.0.0.9", 0)),
        ('"[::1]:80"', ("::1", 80)),
        ('"localhost:1"', ("localhost", 1)),
    ],
)
def test_loopback_addresses_need_no_token(listen: str, address: tuple[str, int] | None) -> None:
    assert parse_settings(toml(service=f"listen = {listen}"), "cb.toml").service.address == address


def test_other_addresses_are_fine_with_a_token() -> None:
    settings = parse_settings(toml(service='listen = "0.0.0.0:80"\ntoken_file = "/etc/token"'), "cb.toml")
    assert settings.service.token_file == Path("/etc/token")


MISTAKES = [
    ("", "cb.toml: [station] identity: is required\ncb.toml: [csms] url: is required"),
    ("station = 5", "cb.toml:1: [station]: must be a table"),
    ("config = 5", "cb.toml:1: config: must be a table"),
    ("[[csms]]", "cb.toml:1: [csms]: must be a table"),
    ('identity = "x"', "cb.toml:1: identity: stands outside of every table; it belongs into [station]"),
    (toml(bord=""), "cb.toml:7: bord: is no table of the settings; did you mean board?"),
    (toml(csms="ulr = 1"), "[csms] ulr: is no key of this table; did you mean url?"),
    (toml(csms="zzz.y = 1"), "[csms] zzz: is no key of this table"),
    (toml(station='connectors = "two"'), '[station] connectors: must be a whole number, not the text "two"'),
    (toml(station="connectors = true"), "[station] connectors: must be a whole number, not the boolean true"),
    (toml(station="connectors = 1.0"), "[station] connectors: must be a whole number, not the number 1.0"),
    (toml(station="connectors = 0"), "[station] connectors: must be 1 to 64, not 0"),
    (toml(station="connectors = 65"), "[station] connectors: must be 1 to 64, not 65"),
    (toml(station='identity = ""'), "[station] identity: must have 1 to 48 characters, not 0"),
    (toml(station=f'identity = "{"x" * 49}"'), "[station] identity: must have 1 to 48 characters, not 49"),
    (toml(station=r'identity = "a\tb"'), "[station] identity: must not hold control characters or line breaks"),
    (toml(station='identity = "a "'), "[station] identity: must not begin or end with a space"),
    (toml(station='identity = ".."'), '[station] identity: must not be ".."'),
    (toml(station="identity = 7"), "[station] identity: must be text, not the number 7"),
    (toml(station=f'vendor = "{"x" * 21}"'), "[station] vendor: must have 1 to 20 characters, not 21"),
    (toml(csms='url = "http://h"'), '[csms] url: must begin with ws:// or wss://, not "http:"'),
    (toml(csms='url = "ws:///ocpp"'), "[csms] url: must name a host"),
    (toml(csms='url = "ws://h:99999/"'), "[csms] url: is not a URL: Port out of range"),
    (toml(csms='url = "ws://[::1/"'), "[csms] url: is not a URL"),
    (toml(csms='url = "ws://user:pass@h/"'), "[csms] url: must not hold a user or password"),
    (toml(csms='url = "ws://h/#a"'), "[csms] url: must not have a fragment"),
    (toml(csms="security_profile = 4"), "[csms] security_profile: must be 0 to 3, not 4"),
    (toml(csms="security_profile = 2"), "[csms] url: must begin with wss:// for security_profile 2"),
    (
        toml(csms='url = "wss://h"\nsecurity_profile = 3'),
        "[csms] client_certificate_file: is required for security_profile 3",
    ),
    (toml(csms='client_key_file = "k"'), "[csms] client_certificate_file: is required beside client_key_file"),
    (toml(csms='client_certificate_file = "c"'), "[csms] client_key_file: is required beside client_certificate_file"),
    (toml(csms="security_profile = 1", station='identity = "a:b"'), "[station] identity: must not hold a colon"),
    (
        toml(security="require_signed_firmware = true", features="security = false"),
        "[features] security: must be true where [security] require_signed_firmware is",
    ),
    (toml(csms="ca_file = 1"), "[csms] ca_file: must be a path as text, not the number 1"),
    (toml(csms="call_timeout_s = 0"), "[csms] call_timeout_s: must be 1 to 3600, not 0"),
    (toml(csms='reconnect_min_s = "1"'), '[csms] reconnect_min_s: must be a number of seconds, not the text "1"'),
    (toml(csms="reconnect_min_s = nan"), "[csms] reconnect_min_s: must be a number of seconds, not the number nan"),
    (toml(csms="reconnect_max_s = 0.5"), "[csms] reconnect_min_s: must not exceed reconnect_max_s (0.5)"),
    (toml(storage='directory = ""'), "[storage] directory: must not be empty"),
    (toml(storage=r'directory = "a\u0000"'), "[storage] directory: must not hold a NUL character"),
    (toml(service='listen = "8887"'), '[service] listen: must be "host:port"'),
    (toml(service='listen = ":8887"'), '[service] listen: must be "host:port"'),
    (toml(service='listen = "::1:8887"'), '[service] listen: must be "host:port"'),
    (toml(service='listen = "127.0.0.1:http"'), "[service] listen: must end with a port from 0 to 65535"),
    (toml(service='listen = "127.0.0.1:65536"'), "[service] listen: must end with a port from 0 to 65535"),
    (toml(service='listen = "0.0.0.0:80"'), "[service] token_file: is required when listen is"),
    (toml(service='listen = "station.local:80"'), "[service] token_file: is required when listen is"),
    (toml(board='kind = "pi"'), '[board] kind: must be "bench" or "gpio" or "evse", not the text "pi"'),
    (toml(board="kind = []"), '[board] kind: must be "bench" or "gpio" or "evse", not an array'),
    (toml(board="fixed_cable = 1"), "[board] fixed_cable: must be true or false, not the number 1"),
    (toml(board="phases = 2"), "[board] phases: must be 1 or 3, not 2"),
    (toml(board="max_current_a = 5"), "[board] max_current_a: must be 6 to 80, not 5"),
    (toml(board="max_current_a = 81"), "[board] max_current_a: must be 6 to 80, not 81"),
    (toml(board="backup_power_s = -1"), "[board] backup_power_s: must be 0 to 86400 seconds, not -1"),
    (toml(board="wiring = 1"), "[board] wiring: must be a table, not the number 1"),
    (toml(features='reservation = "true"'), '[features] reservation: must be true or false, not the text "true"'),
    (toml(firmware='installer = "install"'), '[firmware] installer: must be "bench" or a command that holds {file}'),
    (toml(firmware="""installer = "a '{file}" """), "[firmware] installer: is not a command: No closing quotation"),
    (toml(firmware="max_bytes = 0"), "[firmware] max_bytes: must be 1 to"),
    (toml(daemon='on_reset = "reboot"'), '[daemon] on_reset: must be "exec" or "exit", not the text "reboot"'),
    (toml(daemon="power_loss_policy = 1"), '[daemon] power_loss_policy: must be "stop" or "resume", not the number 1'),
    (toml(config="HeartbeatInterval = [1]"), "[config] HeartbeatInterval: must be a number, a boolean or a text"),
    (toml(config="HeartbeatInterval = inf"), "[config] HeartbeatInterval: must be a number, a boolean or a text"),
    (toml(config="HeartbeatInterval = 2026-01-01"), "a text, not a date"),
    (toml(config=f'A = "{"x" * 501}"'), "[config] A: must have at most 500 characters, not 501"),
    (toml(config=f"{'A' * 51} = 1"), f"[config] {'A' * 51}: must have 1 to 50 characters, not 51"),
    (toml(station="connectors = 0x" + "f" * 9_000), "[station] connectors: must be 1 to 64, not 0xfff"),
    (toml(config="A = 0x" + "f" * 9_000), "[config] A: must have at most 500 characters"),
    ("x = " + "9" * 9_000, "cb.toml: is not valid TOML: "),
    ("[station\n", "cb.toml: is not valid TOML: "),
    ("x = " + "[" * 5000, "cb.toml: is not valid TOML: "),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES, ids=[expected[:60] for _, expected in MISTAKES])
def test_a_mistake_is_refused_with_its_table_and_key(text: str, expected: str) -> None:
    assert expected in refusal(text)


def test_syntax_errors_name_the_line() -> None:
    assert "line 2" in refusal("[station]\nidentity = = 1\n")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = '[csms]\nurl = 1\n[station]\nidentity = 2\nconnectors = "3"\n'
    assert refusal(text).split("\n") == [
        "cb.toml:2: [csms] url: must be text, not the number 1",
        "cb.toml:4: [station] identity: must be text, not the number 2",
        'cb.toml:5: [station] connectors: must be a whole number, not the text "3"',
    ]


@pytest.mark.parametrize(
    "text",
    [
        'csms.url = "ws://h"\n\nstation = {identity = "x", connectors = 0}\n',
        '[csms]\nurl = "ws://h"\n[ station ] # here\n"identity" = "x"\n\'connectors\' = 0\n',
        '[config]\na = """\n[station]\nconnectors = 7\n"""\n[csms]\nurl="ws://h"\n[station]\nidentity="x"\nconnectors=0',
        '[csms]\r\nurl = "ws://h"\r\n[station]\r\nidentity = "x"\r\nconnectors = 0\r\n',
    ],
)
def test_the_line_is_right_however_the_key_is_written(text: str) -> None:
    line = max(number for number, line in enumerate(text.splitlines(), start=1) if "connectors" in line)
    assert refusal(text) == f"cb.toml:{line}: [station] connectors: must be 1 to 64, not 0"


def test_a_file_is_read_whole_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "cb.toml"
    file.write_bytes(b"\xef\xbb\xbf" + toml().encode())
    assert load_settings(file).source == str(file)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SettingsError, match=r"/nowhere/cb\.toml: cannot be read: No such file or directory"):
        load_settings("/nowhere/cb.toml")


def test_a_directory_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_settings(tmp_path)


def test_a_file_that_is_not_utf8_is_refused_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "cb.toml"
    file.write_bytes(b'[station]\nidentity = "S\xe4ule"\n')
    with pytest.raises(SettingsError, match=r"cb\.toml:2: is not UTF-8 text"):
        load_settings(file)


def test_an_endless_file_is_refused() -> None:
    with pytest.raises(SettingsError, match="is larger than"):
        load_settings("/dev/zero")


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b"secret\n\n", b"secret\n"),
        (b"\x00\xff\n", b"\x00\xff"),
        (b"hex:00FFa0\n", b"\x00\xff\xa0"),
        (b"HEX:00", b"HEX:00"),
    ],
)
def test_an_authorization_key_is_the_bytes_of_its_file_or_what_hex_spells(
    tmp_path: Path, content: bytes, key: bytes
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    assert read_authorization_key(file) == key


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "must hold a key, not 0 bytes"),
        (b"\n", "must hold a key, not 0 bytes"),
        (b"hex:", "must hold a key, not 0 bytes"),
        (b"hex:0", "is not hexadecimal after hex:"),
        (b"hex:\xe4", "is not hexadecimal after hex:"),
        (b"x" * 5000, "must hold a key, not"),
    ],
)
def test_a_file_without_a_usable_key_is_refused_and_its_content_not_shown(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=re.escape(f"{file}: [csms] authorization_key_file: {problem}")):
        read_authorization_key(file)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_authorization_key(tmp_path / "key")


def profile_1(key_file: str = "") -> Settings:
    return parse_settings(toml(csms=f'security_profile = 1\nauthorization_key_file = "{key_file}"'), "cb.toml")


def test_basic_authentication_needs_a_key_in_a_file_or_in_storage() -> None:
    require_authorization_key(profile_1("/etc/key"), kept_in_storage=False)
    require_authorization_key(profile_1(), kept_in_storage=True)
    with pytest.raises(SettingsError, match=r"cb\.toml:7: \[csms\] authorization_key_file: is required for sec"):
        require_authorization_key(profile_1(), kept_in_storage=False)


def test_a_secret_that_others_may_read_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"secret")
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert secret_file_findings(file) == ()
    file.chmod(0o640)
    assert secret_file_findings(file) == (f"{file} has mode 0640; others may read it: chmod 0600 {file}",)
    assert secret_file_findings(tmp_path / "absent") == ()


def test_reading_the_settings_loads_no_schema_library() -> None:
    code = "import sys; from station.settings.loading import parse_settings\n"
    code += f"parse_settings({toml()!r}, 'cb.toml'); print(sorted(m for m in sys.modules if 'marshmallow' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def toml_default(value: object) -> str:
    match value:
        case None:
            return '`""`'
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"`{value}`"
        case ():
            return "`[]`"
        case _:
            return f'`"{value}"`'


def documented_rows() -> list[str]:
    """A row of docs/settings.md for each key, as its declaration has it."""
    rows = []
    for _, section in tables():
        for field in structs.fields(section):
            if field.name not in own_keys(section):
                continue
            key = own_keys(section)[field.name]
            default = "required" if field.required else "none" if isinstance(key.kind, FreeTable) else ""
            shown = default or toml_default(field.default)
            rows.append(f"| `{field.name}` | {key.kind.describe()} | {shown} | {key.doc} |")
    return rows


def test_the_document_describes_every_key_as_it_is_declared() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == documented_rows()
    headings = [name for line in text.splitlines() if (name := line.removeprefix("## ")) != line]
    assert [heading.strip("`[]") for heading in headings] == [*(name for name, _ in tables()), "config"]


def test_the_example_file_shows_every_key_with_its_default() -> None:
    path = ROOT / "deploy" / "chargebox.toml"
    assert load_settings(path).config == {"HeartbeatInterval": "300"}
    shown = re.findall(r"^(\w+) = ", path.read_text(), flags=re.MULTILINE)
    declared = [name for _, section in tables() for name in own_keys(section) if name != "wiring"]
    assert shown == [*declared, "HeartbeatInterval"]
    example, default = load_settings(path), parse_settings(toml(), "cb.toml")
    assert {name: getattr(example, name) for name in SECTIONS} == {name: getattr(default, name) for name in SECTIONS}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("free_id_tag = 'A tag of 22 characters'", "[authorization] free_id_tag: must have 0 to 20 characters, not 22"),
        ("free_id_tag = ' '", "[authorization] free_id_tag: must not be blank"),
        ("free_id_tag = 7", "[authorization] free_id_tag: must be text, not the number 7"),
        ("free_id_tag = ['A', 7]", "[authorization] free_id_tag: entry 2 must be text"),
        ("free_id_tag = ['A', 'B']", "free_id_tag: must have an entry for each of the 1 connectors, not 2"),
        ("autocharge_prefix = 'VEHICLE: '", "[authorization] autocharge_prefix: must have 0 to 8 characters, not 9"),
    ],
)
def test_a_tag_that_is_none_is_refused_with_its_line(line: str, said: str) -> None:
    text = refusal(toml(authorization=line))
    assert said in text
    assert text.startswith("cb.toml:9: ")
