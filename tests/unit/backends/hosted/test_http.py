"""Asking and downloading wait out passing trouble, as long as the provider asks and no longer than the deadline."""

import httpx
import pytest

from kontext_ui.backends.hosted.http import Provider
from kontext_ui.errors import DeadlineExceeded
from tests.unit.backends.hosted.providers.test_bfl import Time

URL = "https://files.example.com/picture.png"
BUSY = httpx.Response(429, headers={"retry-after": "7"})


def provider(time, *answers):
    """Whose answers come in this order, the last one for ever; an exception is raised."""
    remaining = list(answers)

    def answer(request):
        given = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        if isinstance(given, Exception):
            raise given
        return given

    return Provider(
        "p", "The provider", "https://api.example.com", ("example.com",),
        transport=httpx.MockTransport(answer), sleep=time.sleep, clock=time.clock,
    )  # fmt: skip


async def asked(provider):
    return (await provider.get(URL, {}, 0.0)).content


async def downloaded(provider):
    return await provider.download(URL, 0.0)


WAYS = pytest.mark.parametrize("way", [asked, downloaded])


@WAYS
async def test_the_wait_that_a_provider_asks_for_is_kept(way):
    time = Time()

    assert await way(provider(time, BUSY, httpx.Response(200, content=b"picture"))) == b"picture"
    assert time.pauses == [7.0]


@WAYS
@pytest.mark.parametrize("trouble", [httpx.ReadError("broke"), httpx.Response(502, html="<html>")], ids=["line", "502"])
async def test_passing_trouble_is_waited_out_with_longer_and_longer_pauses(way, trouble):
    time = Time()

    assert await way(provider(time, trouble, trouble, trouble, httpx.Response(200, content=b"picture"))) == b"picture"
    assert [0.5 * 2**n <= pause <= 2**n for n, pause in enumerate(time.pauses)] == [True] * 3


@WAYS
async def test_trouble_that_does_not_pass_ends_with_the_deadline(way):
    time = Time()
    patient = provider(time, httpx.ConnectError("refused"))

    with pytest.raises(DeadlineExceeded):
        await way(patient)

    assert patient.deadline_s < time.now < patient.deadline_s + 10
