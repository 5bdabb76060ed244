"""The endpoints that programs call through Gradio's own client and a real port."""

import io
import logging

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, AuthenticationError
from PIL import Image

from kontext_ui.api import ACTIONS
from tests.unit.editor.conftest import picture
from tests.unit.editor.scripted import done, running, submitted
from tests.unit.web.conftest import keyed

PAID = {"instruction": "make it so", "tier": "pro", "max_price_usd": 0.05}


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(picture())
    return handle_file(str(path))


@pytest.fixture
def ann(live):
    return live.visitor()


@pytest.fixture
def make_client(live, tmp_path):
    def make(key):
        return Client(live.url, headers=keyed(key), verbose=False, download_files=str(tmp_path / "answers"))

    return make


@pytest.fixture
def client(live, ann, make_client):
    return make_client(live.key(ann))


def test_a_picture_is_opened_edited_and_handed_over(client, ann, photo):
    first = client.predict(image=photo, api_name="/open_picture")
    made = client.predict(project=first["project"], **PAID, api_name="/edit")
    path, facts = client.predict(project=first["project"], size="full", api_name="/picture")

    assert (first["title"], made["state"], made["billed"]) == ("photo", "done", "yes")
    assert Image.open(path).size == (64, 48)
    assert facts["version"] == made["version"]["id"]
    state = ann.get("/kontext/state", params={"project": first["project"]}).json()
    assert [row["instruction"] for row in state["versions"]] == ["", "make it so"]


def test_who_waits_in_the_queue_sees_how_far_an_edit_is(client, live, photo):
    project = client.predict(image=photo, api_name="/open_picture")["project"]
    live.backend.enqueue(submitted(), running(0.25), running(0.5), done)

    job = client.submit(project=project, **PAID, api_name="/edit")

    assert job.result()["state"] == "done"


def test_pictures_come_along_as_files(client, live, photo):
    live.backend._caps = type(live.backend._caps)(**{**vars(live.backend._caps), "max_reference_images": 2})
    project = client.predict(image=photo, api_name="/open_picture")["project"]
    client.predict(project=project, **PAID, references=[photo, photo], mask=photo, api_name="/edit")

    request = live.backend.submits[-1][0]
    assert len(request.references) == 2
    assert request.mask is not None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"instruction": ""}, "There is no instruction yet"),
        ({"tier": "ultra"}, "tier cannot be read"),
        ({"backend": "none"}, "none"),
        ({"seed": "much"}, "seed cannot be read"),
        ({"instruction": ["x"]}, "instruction cannot be read"),
        ({"max_price_usd": 0.01}, "max_price_usd is"),
        ({"max_price_usd": None}, "sets no limit"),
        ({"project": "nobodys"}, "There is no such project"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(client, live, photo, options, sentence):
    project = client.predict(image=photo, api_name="/open_picture")["project"]
    before = len(live.backend.submits)

    with pytest.raises(AppError, match=sentence):
        client.predict(**{"project": project, **PAID, **options}, api_name="/edit")
    assert len(live.backend.submits) == before


def test_a_bug_is_logged_and_tells_nothing(client, live, monkeypatch, caplog):
    async def broken(*arguments):
        raise RuntimeError("secret path")

    monkeypatch.setattr(type(live.editor.projects), "all", broken)
    caplog.set_level(logging.ERROR)

    with pytest.raises(AppError, match="Something went wrong here") as error:
        client.predict(api_name="/projects")
    assert "secret" not in str(error.value)


def test_the_endpoints_are_described(client):
    described = client.view_api(return_format="dict")["named_endpoints"]

    assert list(described) == [f"/{name}" for name in ACTIONS]
    edit = described["/edit"]
    assert [row["parameter_name"] for row in edit["parameters"]] == list(ACTIONS["edit"].message.model_fields)
    kinds = {row["parameter_name"]: row["python_type"]["type"] for row in edit["parameters"]}
    assert kinds["tier"] == "Literal['pro', 'max', 'dev', 'local']"
    assert "float" in kinds["max_price_usd"]
    assert "int" in kinds["seed"]
    assert kinds["references"] == "list[Any]"
    assert described["/picture"]["returns"][0]["python_type"]["type"] == "filepath"
    assert edit["description"].startswith("Apply an instruction")


def test_without_a_key_nothing_is_told_or_taken(live):
    with pytest.raises(AuthenticationError):
        Client(live.url, verbose=False)
    with pytest.raises(AuthenticationError):
        Client(live.url, headers=keyed("kx_wrong"), verbose=False)
    assert live.visitor().post("/gradio_api/upload", files={"files": picture()}).status_code == 401


def test_a_picture_is_handed_to_its_owner_alone(live, ann, photo):
    key = live.key(ann)
    client = Client(live.url, headers=keyed(key), verbose=False, download_files=False)
    project = client.predict(image=photo, api_name="/open_picture")["project"]
    made, _ = client.predict(project=project, api_name="/picture")
    address = f"{live.url}/gradio_api/file={made['path']}"

    assert Image.open(io.BytesIO(httpx.get(address, headers=keyed(key)).content)).size == (64, 48)
    assert httpx.get(address, headers=keyed(live.key())).status_code == 404
    assert httpx.get(address).status_code == 401
    assert ann.get(address).status_code == 401


@pytest.mark.parametrize("path", ["/etc/passwd", "app.py", "../cookie.key", "https://example.com/x", "a/b.png", ""])
def test_no_other_file_is_handed_out(live, path):
    assert httpx.get(f"{live.url}/gradio_api/file={path}", headers=keyed(live.key())).status_code == 404


def upload(live, key, data=None):
    return httpx.post(
        f"{live.url}/gradio_api/upload", headers=keyed(key), files={"files": ("photo.png", data or picture())}
    )


def call(live, key, image):
    """As a program without Gradio's client does it."""
    at = f"{live.url}/gradio_api/call"
    event = httpx.post(f"{at}/v2/open_picture", headers=keyed(key), json={"image": image}).json()["event_id"]
    return httpx.get(f"{at}/open_picture/{event}", headers=keyed(key), timeout=20).text


def test_an_upload_can_be_used_by_who_sent_it_alone(live, ann):
    key = live.key(ann)
    (path,) = upload(live, key).json()
    sent = {"path": path, "meta": {"_type": "gradio.FileData"}}

    assert "was not uploaded with this key" in call(live, live.key(), sent)
    assert "event: complete" in call(live, key, sent)


@pytest.mark.parametrize("path", ["/etc/passwd", "/var/gradio/kontext/x/y.png", "x"])
def test_a_path_that_nobody_uploaded_is_refused(live, path):
    told = call(live, live.key(), {"path": path, "meta": {"_type": "gradio.FileData"}})

    assert "event: error" in told
    assert "root:" not in told


def test_an_upload_over_the_limit_is_refused(live):
    answer = upload(live, live.key(), b"\0" * 1_200_000)

    assert answer.status_code == 413
    assert "MB" in answer.text


def test_a_form_of_many_files_or_none_is_refused(live):
    key = live.key()
    many = [("files", ("a.png", picture()))] * 3

    assert httpx.post(f"{live.url}/gradio_api/upload", headers=keyed(key), files=many).status_code == 400
    assert httpx.post(f"{live.url}/gradio_api/upload", headers=keyed(key), content=b"x").status_code == 400
