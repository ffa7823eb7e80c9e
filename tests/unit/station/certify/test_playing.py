"""Transcripts and hints of a case."""

from station.certify.csms import RecordedFrame
from station.certify.playing import look_further, transcript


def frame(
    order: int, text: str, action: str, *, kind: str = "call", outbound: bool = True, message_id: str = ""
) -> RecordedFrame:
    return RecordedFrame(
        order=order,
        at_s=0.0,
        utc_ms=1_767_225_600_000,
        connection=1,
        outbound=outbound,
        kind=kind,
        message_id=message_id or str(order),
        action=action,
        payload={},
        text=text,
    )


def test_a_transcript_withholds_passwords_and_leaves_the_rigs_own_question_out() -> None:
    secret = '[2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": "30313233"}]'
    fence = '[2, "2", "DataTransfer", {"vendorId": "org.example.fence"}]'
    other = '[2, "4", "DataTransfer", {"vendorId": "org.example.unknown"}]'
    frames = [
        frame(1, secret, "ChangeConfiguration"),
        frame(2, fence, "DataTransfer"),
        frame(3, "[3]", "DataTransfer", kind="result", outbound=False, message_id="2"),
        frame(4, other, "DataTransfer"),
    ]
    made = transcript(frames)
    assert [each.message_id for each in made] == ["1", "4"]
    assert "30313233" not in made[0].text
    assert '"value": "(withheld)"' in made[0].text
    assert (made[0].sender, made[0].at) == ("CSMS", "2026-01-01T00:00:00.000Z")


def test_hints_are_commands_that_a_shell_takes() -> None:
    timeline, conversation, state = look_further("out dir/station", 10, 20)
    assert timeline == "chargebox replay 'out dir/station' timeline --from 7 --to 20 --detail --seq"
    assert conversation == "chargebox replay 'out dir/station' conversation --from 7 --to 20"
    assert state == "chargebox replay 'out dir/station' state --at 20"


def test_hints_begin_no_earlier_than_the_log() -> None:
    assert "--from 1 --to 4" in look_further("x", 2, 4)[0]
