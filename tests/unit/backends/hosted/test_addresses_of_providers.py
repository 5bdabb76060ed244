"""An address out of a provider's answer leads to that provider's own public hosts, or is not asked at all."""

import httpx
import pytest

from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.urls import is_public
from kontext_ui.errors import UnexpectedAnswer

OWN = "https://files.example.com/picture.png"


def provider(transport=None, hosts=("example.com",)):
    return Provider("p", "The provider", "https://api.example.com", hosts, transport=transport)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.2.3", "172.16.0.9", "192.168.1.1", "169.254.169.254", "0.0.0.0", "[::1]", "[fd00::1]",
     "[fe80::1]", "[::ffff:127.0.0.1]", "100.64.0.1"],
)  # fmt: skip
async def test_a_host_inside_this_network_is_not_public(host):
    assert not await is_public(f"https://{host}/picture.png")


@pytest.mark.parametrize("host", ["8.8.8.8", "[2001:4860:4860::8888]"])
async def test_a_host_on_the_internet_is_public(host):
    assert await is_public(f"https://{host}/picture.png")


async def test_an_own_host_that_resolves_inside_this_network_is_refused():
    with pytest.raises(UnexpectedAnswer, match="inside this network"):
        await provider(hosts=("127.0.0.1",)).check_url("https://127.0.0.1/picture.png")


async def test_a_download_does_not_follow_a_redirect():
    asked = []

    def answer(request):
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "https://169.254.169.254/latest/meta-data"})

    with pytest.raises(UnexpectedAnswer, match="302"):
        await provider(httpx.MockTransport(answer)).download(OWN, 0.0)

    assert asked == [OWN]


@pytest.mark.parametrize(
    "url",
    ["http://files.example.com/x", "https://example.com.evil.net/x", "https://notexample.com/x",
     "https://example.com@evil.net/x", "https://user@files.example.com/x", "file:///etc/passwd", "//example.com/x"],
)  # fmt: skip
async def test_a_foreign_address_is_refused_before_it_is_asked(url):
    asked = []
    transport = httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(200))

    with pytest.raises(UnexpectedAnswer, match="not its own"):
        await provider(transport).download(url, 0.0)

    assert asked == []
