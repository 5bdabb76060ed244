"""The examples of RFC 8032, section 7.1, and what is no signature."""

import pytest

from kontext_ui.backends.hosted.webhooks import is_signed

ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the curve's group: a signature's second half must be below it."""
EXAMPLES = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.fixture(params=EXAMPLES, ids=["empty", "one byte", "two bytes"])
def example(request):
    return tuple(bytes.fromhex(part) for part in request.param)


def test_the_standards_examples_are_signed(example):
    assert is_signed(*example)


def test_a_changed_message_key_or_signature_is_not_signed(example):
    key, message, signature = example

    assert not is_signed(key, message + b"!", signature)
    assert not is_signed(key, message, bytes([signature[0] ^ 1]) + signature[1:])
    assert not is_signed(key, message, signature[:32] + bytes([signature[32] ^ 1]) + signature[33:])
    assert not is_signed(bytes([key[0] ^ 1]) + key[1:], message, signature)


def test_a_second_form_of_the_same_signature_is_refused(example):
    key, message, signature = example
    scalar = int.from_bytes(signature[32:], "little") + ORDER

    assert not is_signed(key, message, signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("nonsense", [b"", b"\0" * 31, b"\xff" * 32, b"\xff" * 64])
def test_what_is_no_key_and_no_signature_is_refused(nonsense):
    key, message, signature = (bytes.fromhex(part) for part in EXAMPLES[0])

    assert not is_signed(nonsense, message, signature)
    assert not is_signed(key, message, nonsense)
