"""The program behind a real nginx, configured as people do: as it comes, below a path, holding streams back."""

import shutil
import socket
import subprocess

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person, photo

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 1m;
        location {path} {{
            proxy_pass {to};
            {more}
        }}
    }}
}}
"""


@pytest.fixture
def make_proxy(tmp_path):
    """An nginx in front of an address, with more lines for its one location."""
    running = []

    def make(to, more="", path="/"):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        folder = tmp_path / f"nginx{len(running)}"
        folder.mkdir()
        configuration = folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=port, to=to, more=more, path=path))
        running.append(subprocess.Popen([NGINX, "-c", configuration, "-p", folder]))
        address = f"http://127.0.0.1:{port}{path.rstrip('/')}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as http:
            http.get(f"{address}/")
        return address

    yield make
    for process in running:
        process.terminate()
        process.wait(10)


@pytest.fixture
def make_person(browser):
    contexts = []

    def make(url):
        contexts.append(browser.new_context())
        return Person(contexts[-1].new_page(), url)

    yield make
    for context in contexts:
        context.close()


WAYS = {
    "as it comes": "",
    "with the host but not its port": "proxy_set_header Host $host;",
    "with everything": "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host $http_host;",
    "holding streams back": "proxy_ignore_headers X-Accel-Buffering; proxy_buffering on;",
}


@pytest.mark.parametrize("more", WAYS.values(), ids=WAYS)
def test_one_edits_a_photo_through_it(server, make_proxy, make_person, more):
    person = make_person(make_proxy(server.url, more)).visit()

    person.opens_photo(photo())
    person.edits("make it black and white", versions=2)

    expect(person.page.locator(".kx-running")).to_have_count(0)


def test_what_others_do_is_seen_though_the_stream_is_held_back(server, make_proxy, make_person):
    person = make_person(make_proxy(server.url, WAYS["holding streams back"])).visit()
    person.opens_photo(photo())
    other = Person(person.page.context.new_page(), person.url).visit()

    other.edits("make it black and white", versions=2)

    person.sees_versions(2)


def test_below_a_path(own_server, make_proxy, make_person):
    person = make_person(make_proxy(f"{own_server.url}/", path="/tools/kontext/")).visit()

    person.opens_photo(photo())
    person.edits("make it black and white", versions=2)


def test_https_in_front_binds_the_cookie_to_https(server, make_proxy):
    address = make_proxy(server.url, "proxy_set_header X-Forwarded-Proto https;")

    cookie = httpx.get(f"{address}/").headers["set-cookie"]

    assert cookie.startswith("__Host-")
    assert "Secure" in cookie.split("; ")


def test_a_photo_that_the_proxy_takes_for_too_large_is_told_as_that(server, make_proxy, make_person):
    person = make_person(make_proxy(server.url)).visit()

    person.drop(photo() + bytes(1_200_000))

    expect(person.page.locator(".kx-toast")).to_contain_text("takes no pictures of this size")
