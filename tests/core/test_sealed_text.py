"""Text that only this installation can read."""

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from duban.core.sealed_text import Unreadable, open_bytes, open_text, seal_bytes, seal_text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_is_opened(text: str) -> None:
    sealed = seal_text(text)
    assert open_text(sealed) == text
    assert open_text(memoryview(sealed)) == text
    assert sealed != seal_text(text)


def test_bytes_are_opened_as_they_were() -> None:
    assert open_bytes(seal_bytes(b"\x89PNG\x00\xff")) == b"\x89PNG\x00\xff"


@pytest.mark.parametrize("broken", [b"", b"abc", b"gAAAAA==", "张".encode()])
def test_what_was_not_sealed_here_is_refused(broken: bytes) -> None:
    with pytest.raises(Unreadable) as refusal:
        open_bytes(broken)
    assert refusal.value.code == "sealed_unreadable"


def test_one_changed_byte_is_noticed() -> None:
    sealed = bytearray(seal_text("13800001234"))
    sealed[20] ^= 1
    with pytest.raises(Unreadable):
        open_text(bytes(sealed))


def test_the_key_is_its_owner_s_alone() -> None:
    seal_text("x")
    assert (settings.DUBAN_DATA / "keys" / "contacts").stat().st_mode & 0o077 == 0
