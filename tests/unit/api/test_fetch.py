"""Pictures by address: only from the public internet, whatever names, redirects and resolvers say."""

import asyncio
import contextlib

import pytest

from kontext_ui.api.fetch import MAX_REDIRECTS, Fetcher, is_public
from kontext_ui.errors import InvalidImage, InvalidRequest
from tests.unit.editor.conftest import picture

PUBLIC = "93.184.216.34"
SERVED = "127.0.0.1"
"""Where the test's server is; in these tests the only address that counts as public besides ``PUBLIC``."""


class Site:
    """A small HTTP server that answers as a test tells it and counts who comes."""

    def __init__(self) -> None:
        self.answers = {}
        self.asked = []
        self.port = 0

    async def _serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            await self.answers[head.split()[1]](writer)
        writer.close()

    @contextlib.asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._serve, SERVED, 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    def says(self, path, body=b"", status=200, **headers):
        async def answer(writer):
            told = {"content-length": str(len(body)), **headers}
            lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
            writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body)
            await writer.drain()

        self.answers[path] = answer

    def leads(self, path, to, status=302):
        self.says(path, status=status, location=to)


@pytest.fixture
async def site():
    async with Site().running() as site:
        yield site


def fetcher(site, names=None, *, max_bytes=10_000_000, allow=None, timeout_s=5.0):
    """One for which the test's server is on the internet, under the name ``pictures.example``."""
    names = {"pictures.example": [SERVED], **(names or {})}
    looked_up = []

    async def resolve(host, port):
        looked_up.append(host)
        found = names[host]
        return found.pop(0) if found and isinstance(found[0], list) else found

    made = Fetcher(
        max_bytes, allow=allow or (lambda address: address in (SERVED, PUBLIC)), resolve=resolve,
        ports=frozenset({site.port, 80, 443}), timeout_s=timeout_s,
    )  # fmt: skip
    made.looked_up = looked_up
    return made


def address(site, path="/door.png", host="pictures.example"):
    return f"http://{host}:{site.port}{path}"


async def test_a_picture_is_fetched(site):
    site.says("/door.png?size=1", picture())

    assert await fetcher(site).fetch(address(site, "/door.png?size=1")) == picture()
    assert f"host: pictures.example:{site.port}" in site.asked[0].lower()
    assert "cookie" not in site.asked[0].lower()


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "2001:0:7f00:1::1",
        "64:ff9b:1::1",
    ],
)
def test_these_are_not_public(text):
    assert not is_public(text)


@pytest.mark.parametrize("text", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_these_are(text):
    assert is_public(text)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "169.254.169.254",
        "metadata.google.internal",
        "localhost.",
        "LOCALHOST",
        "127.0.0.1.",
        "10.1.1.1",
    ],
)
async def test_no_spelling_reaches_this_machine(host):
    """With the real resolver and the real rule."""
    with pytest.raises((InvalidRequest, InvalidImage)):
        await Fetcher(1000, timeout_s=5).fetch(f"http://{host}/x.png")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://pictures.example/x",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "gopher://x",
        "//pictures.example/x",
        "http://user:secret@pictures.example/x",
        "http://pictures.example:22/x",
        "http://pictures.example:6379/",
        "javascript:1",
        "http://pictures.example/" + "x" * 5000,
        "http://pictures.example:99999/",
    ],
)
async def test_no_other_kind_of_address_is_fetched_from(site, url):
    guarded = fetcher(site)

    with pytest.raises(InvalidRequest):
        await guarded.fetch(url)
    assert (guarded.looked_up, site.asked) == ([], [])


@pytest.mark.parametrize("addresses", [["10.0.0.1"], [SERVED, "10.0.0.1"], []])
async def test_a_name_that_has_any_private_address_is_not_connected_to(site, addresses):
    with pytest.raises(InvalidRequest, match="not on the public internet"):
        await fetcher(site, {"inner.example": addresses}).fetch(address(site, host="inner.example"))
    assert site.asked == []


@pytest.mark.parametrize(
    "to", ["http://inner.example/x", "http://169.254.169.254/latest", "//inner.example/x", "http://[::1]/x"]
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_leads_to_nothing_private(site, to, status):
    site.leads("/door.png", to, status)
    names = {"inner.example": ["10.0.0.1"], "169.254.169.254": ["169.254.169.254"], "::1": ["::1"], "[::1]": ["::1"]}

    with pytest.raises(InvalidRequest, match="not on the public internet"):
        await fetcher(site, names).fetch(address(site))
    assert len(site.asked) == 1


async def test_a_redirect_leads_to_no_other_kind_of_address(site):
    for to in ("file:///etc/passwd", "ftp://pictures.example/x", "http://pictures.example:22/"):
        site.leads("/door.png", to)
        with pytest.raises(InvalidRequest):
            await fetcher(site).fetch(address(site))


async def test_a_redirect_to_another_public_place_is_followed(site):
    site.leads("/door.png", "/real.png")
    site.says("/real.png", picture())

    assert await fetcher(site).fetch(address(site)) == picture()


async def test_redirects_end(site):
    site.leads("/door.png", "/door.png")

    with pytest.raises(InvalidImage, match="too often"):
        await fetcher(site).fetch(address(site))
    assert len(site.asked) == MAX_REDIRECTS + 1


async def test_a_name_that_changes_after_it_was_looked_at_is_connected_to_where_it_was_looked_at(site):
    """DNS rebinding: the first answer is public, every later one is not, and only one is asked for."""
    site.says("/door.png", picture())
    guarded = fetcher(site, {"rebound.example": [[SERVED], ["10.0.0.1"]]})

    assert await guarded.fetch(address(site, host="rebound.example")) == picture()
    assert guarded.looked_up == ["rebound.example"]


async def test_a_name_that_is_rebound_between_redirects_is_looked_at_again(site):
    site.says("/door.png", status=302, location="/other.png", connection="close")
    site.says("/other.png", picture())

    with pytest.raises(InvalidRequest, match="not on the public internet"):
        await fetcher(site, {"rebound.example": [[SERVED], ["10.0.0.1"]]}).fetch(address(site, host="rebound.example"))
    assert len(site.asked) == 1


async def test_a_file_over_the_limit_is_not_read_to_its_end(site):
    site.says("/door.png", b"x" * 2000)
    with pytest.raises(InvalidImage, match="larger"):
        await fetcher(site, max_bytes=1000).fetch(address(site))

    async def endless(writer):
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
            await writer.drain()

    site.answers["/door.png"] = endless
    with pytest.raises(InvalidImage, match="larger"):
        await fetcher(site, max_bytes=100_000).fetch(address(site))


async def test_a_server_that_says_nothing_is_not_waited_for_long(site):
    async def silent(writer):
        await asyncio.sleep(60)

    site.answers["/door.png"] = silent
    with pytest.raises(InvalidImage, match="did not arrive"):
        await fetcher(site, timeout_s=0.05).fetch(address(site))


@pytest.mark.parametrize("status", [204, 404, 500])
async def test_what_is_no_picture_is_told_so(site, status):
    site.says("/door.png", status=status)

    with pytest.raises(InvalidImage, match=str(status)):
        await fetcher(site).fetch(address(site))


async def test_a_broken_answer_or_a_name_that_does_not_exist_is_told_so(site):
    async def nonsense(writer):
        writer.write(b"nonsense\r\n\r\n")
        await writer.drain()

    site.answers["/door.png"] = nonsense
    with pytest.raises(InvalidImage, match="could not be fetched"):
        await fetcher(site).fetch(address(site))

    async def unknown(host, port):
        raise OSError("no such name")

    with pytest.raises(InvalidImage, match="could not be fetched"):
        await Fetcher(1000, resolve=unknown).fetch("http://nowhere.example/x.png")
