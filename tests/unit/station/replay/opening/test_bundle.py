"""Zip archives from anywhere: what is no diagnostics file of ours is told, and never unpacked to find out."""

import zipfile
from pathlib import Path

import pytest

from station.replay.opening.bundle import BundleDamaged, holds_log, is_bundle, open_bundle, open_member, read_about
from tests.hostile import bundle, zipped


def test_events_and_what_describes_them_are_read(tmp_path: Path) -> None:
    path = bundle(tmp_path / "file.zip", b"events\n", b'{"first_seq":1}')
    assert is_bundle(path)
    assert holds_log(path)
    with open_bundle(path) as opened, open_member(opened, "log.jsonl") as stream:
        assert (read_about(opened), stream.readline()) == ({"first_seq": 1}, b"events\n")


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"x" * 100, b"PK\5\6" + b"\xff" * 10])
def test_what_is_no_zip_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file.zip").write_bytes(content)
    assert not is_bundle(tmp_path / "file.zip")
    assert not is_bundle(tmp_path)


def test_a_list_of_members_that_no_station_writes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file.zip"
    path.write_bytes(zipped(25_000))
    with pytest.raises(BundleDamaged, match="more members than a station writes"), open_bundle(path):
        pass
    path.write_bytes(zipped(70_000))  # more than the plain form can count
    with pytest.raises(BundleDamaged, match="more members than a station writes"), open_bundle(path):
        pass
    assert holds_log(path)  # that it cannot be read is for its row to tell


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_another_packing_than_ours_is_not_tried(method: int, tmp_path: Path) -> None:
    path = bundle(tmp_path / "file.zip", b"events\n", method=method)
    with pytest.raises(BundleDamaged, match="packed in a way that no station uses"), open_bundle(path) as opened:
        open_member(opened, "log.jsonl")


@pytest.mark.parametrize("about", [b"[]", b"{", b"null", b" " * (2 << 20)])
def test_a_description_that_is_none_is_told(about: bytes, tmp_path: Path) -> None:
    path = bundle(tmp_path / "file.zip", b"", about)
    with pytest.raises(BundleDamaged), open_bundle(path) as opened:
        read_about(opened)


def test_every_cut_and_every_changed_byte_is_told_or_harmless(tmp_path: Path) -> None:
    path = bundle(tmp_path / "file.zip", b"event\n" * 9, b'{"first_seq":1}')
    whole = path.read_bytes()
    for at in range(len(whole)):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            path.write_bytes(content)
            try:
                with open_bundle(path) as opened:
                    read_about(opened)
                    with open_member(opened, "log.jsonl") as stream:
                        stream.read()
            except BundleDamaged:
                continue
