"""Machines as people have them: proxies in the environment, IPv6, data folders that cannot be used."""

import io
import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

from kontext_ui import cli
from kontext_ui.cli.edit import OWNER
from kontext_ui.errors import HistoryError, InvalidSetting
from kontext_ui.history.blobs import BlobStore, digest_of
from kontext_ui.history.store import HistoryStore
from kontext_ui.proxies import use_proxies
from kontext_ui.web.serve import open_port, serve
from tests.conftest import ROOT

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def environment(monkeypatch):
    """The variables of proxies as given, and no others; what is changed is taken back."""

    def set_to(**variables):
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)
        for name in ("no_proxy", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_to


NO_PROXIES = (
    "",
    "[::1]",
    "fd00::/8,::1",
    "*.lan, .corp",
    "10.0.0.0/8",
    "nas:8080",
    "<local>",
    "a b, ,",
    "http://x",
    "ü.example",
)


@pytest.mark.parametrize("spared", NO_PROXIES)
@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_whatever_is_excepted_from_proxies_httpx_can_read_it(environment, name, spared):
    environment(**{name: DEAD, "NO_PROXY": spared})
    use_proxies("::")

    with httpx.Client() as client:
        for own in ("http://127.0.0.1:7860", "http://localhost:7860", "http://[::1]:7860", "http://[::]:7860"):
            assert client._transport_for_url(httpx.URL(own)) is client._transport, own
        outside = client._transport_for_url(httpx.URL("https://api.bfl.ai" if name != "http_proxy" else "http://x.ai"))
        assert outside is not client._transport


def test_what_was_excepted_stays_so(environment):
    environment(http_proxy=DEAD, no_proxy="[fd12::5],*.lan,nas, 10.1.2.3")
    use_proxies()

    with httpx.Client() as client:
        for address in ("http://[fd12::5]/", "http://pc.lan/", "http://nas/", "http://10.1.2.3/"):
            assert client._transport_for_url(httpx.URL(address)) is client._transport, address


@pytest.mark.parametrize("variables", [{}, {"NO_PROXY": "x"}, {"http_proxy": DEAD, "NO_PROXY": "*"}])
def test_where_no_proxy_is_asked_nothing_is_changed(environment, variables):
    environment(**variables)
    before = dict(os.environ)
    use_proxies("127.0.0.1")

    assert dict(os.environ) == before


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "socks5h://127.0.0.1:9"])
def test_a_socks_proxy_can_be_used(environment, proxy):
    environment(ALL_PROXY=proxy)
    use_proxies()


@pytest.mark.parametrize("proxy", ["socks4://secret:word@127.0.0.1:9", "ftp://secret@x", "http://x:secret"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(environment, proxy):
    environment(ALL_PROXY=proxy)
    with pytest.raises(InvalidSetting, match="ALL_PROXY cannot be used") as caught:
        use_proxies()

    assert "secret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_a_port_on_ipv6_is_taken_however_it_is_written(make_settings, host):
    assert open_port(make_settings(host=host, port=0)) > 0


def test_the_page_starts_on_ipv6_with_proxies_all_around(tmp_path, process_environment):
    proxies = {
        "http_proxy": DEAD,
        "HTTPS_PROXY": DEAD,
        "ALL_PROXY": "socks5://127.0.0.1:9",
        "NO_PROXY": "[::1],fd00::/8",
    }
    program = subprocess.Popen(
        [sys.executable, ROOT / "app.py"],
        env=process_environment(tmp_path / "data", KONTEXT_UI_HOST="::1", PORT="0", **proxies),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = program.stdout.readline().split()[4]
        with httpx.Client(trust_env=False) as http:
            assert "[::1]" in address
            assert http.get(address).status_code == 200
            assert http.get(f"{address}kontext/state").json()["project"]
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(20)


def a_file(folder):
    folder.write_text("not a folder")


def below_a_file(folder):
    a_file(folder.parent / "file")
    folder.symlink_to(folder.parent / "file" / "data")


def no_database(folder):
    folder.mkdir()
    (folder / "history.sqlite3").write_bytes(b"something else " * 100)


def a_folder_as_database(folder):
    (folder / "history.sqlite3").mkdir(parents=True)


def a_file_as_images(folder):
    folder.mkdir()
    a_file(folder / "images")


def a_folder_as_key(folder):
    (folder / "cookie.key").mkdir(parents=True)


FOLDERS = (a_file, below_a_file, no_database, a_folder_as_database, a_file_as_images, a_folder_as_key)


@pytest.mark.parametrize("spoil", FOLDERS)
def test_a_data_folder_that_cannot_be_used_is_a_sentence_and_exit_code_6(tmp_path, monkeypatch, capsys, spoil):
    folder = tmp_path / "data"
    spoil(folder)
    monkeypatch.setenv("KONTEXT_UI_DATA_DIR", str(folder))
    monkeypatch.setenv("PORT", "0")
    monkeypatch.chdir(tmp_path)

    from kontext_ui.bootstrap import build_editor

    assert serve(build_editor) == 6
    said = capsys.readouterr().err
    assert "cannot be used" in said
    assert "KONTEXT_UI_DATA_DIR" in said


@pytest.mark.parametrize("spoil", [no_database, a_folder_as_database, a_file_as_images])
def test_the_command_line_says_the_same(tmp_path, monkeypatch, capsys, spoil):
    folder = tmp_path / "data"
    spoil(folder)
    monkeypatch.chdir(tmp_path)

    assert cli.main(["projects", "--data-dir", str(folder)]) == 6
    assert "cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["cp1252", "cp932", "ascii", "utf-8"])
def test_a_console_of_any_code_page_gets_its_json_and_its_list(tmp_path, monkeypatch, encoding):
    """Windows gives redirected output its code page; what was paid for must be told all the same."""
    store = HistoryStore(tmp_path / "history.sqlite3")
    store.projects.create(OWNER, "海辺 – café 🙂")
    store.close()
    monkeypatch.chdir(tmp_path)
    output = {}
    for how in ("--json", None):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
        assert cli.main(["projects", "--data-dir", str(tmp_path), *filter(None, [how])]) == 0
        sys.stdout.flush()
        output[how] = raw.getvalue()

    assert json.loads(output["--json"].decode(encoding))["projects"][0]["title"] == "海辺 – café 🙂"
    assert b"1 version" in output[None] or b"0 versions" in output[None]


def test_a_disk_that_fails_while_a_picture_is_stored_is_told(tmp_path):
    def fails(file, data):
        raise OSError(5, "Input/output error")

    with pytest.raises(HistoryError, match="Input/output error"):
        BlobStore(tmp_path, write=fails).put(b"x", digest_of(b"x"))
