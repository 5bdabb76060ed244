"""The endpoint that programs call, through Gradio's own client and a real port."""

import io

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, AuthenticationError
from PIL import Image

from kontext_ui.errors import BackendUnavailable
from kontext_ui.web.api import _keep
from tests.unit.editor.conftest import picture
from tests.unit.editor.scripted import submitted


def keyed(key):
    return {"X-Kontext-Key": key}


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


def test_a_picture_is_edited_and_comes_back_with_a_sentence(client, photo):
    path, sentence = client.predict(image=photo, instruction="make it so", tier="pro", api_name="/edit")

    assert Image.open(path).size == (64, 48)
    assert sentence.startswith("Inverted it. It cost $0.04.")


def test_an_edit_lands_in_a_project_of_the_keys_owner(client, ann, photo):
    client.predict(image=photo, instruction="make it so", tier="pro", api_name="/edit")

    (project,) = ann.post("/kontext/do/list_projects", json={}).json()["result"]
    state = ann.get("/kontext/state", params={"project": project["id"]}).json()
    assert project["title"] == "photo"
    assert [row["instruction"] for row in state["versions"]] == ["", "make it so"]


def test_edits_can_be_gathered_in_a_project(client, ann, live, photo):
    project = ann.get("/kontext/state").json()["project"]["id"]
    client.predict(image=photo, instruction="go", tier="pro", project=project, api_name="/edit")
    assert len(ann.get("/kontext/state", params={"project": project}).json()["versions"]) == 2

    stranger = live.visitor().get("/kontext/state").json()["project"]["id"]
    with pytest.raises(AppError, match="project"):
        client.predict(image=photo, instruction="go", tier="pro", project=stranger, api_name="/edit")


def test_the_owners_budget_holds_for_keys(client, ann, photo):
    ann.post("/kontext/do/set_budget", json={"name": "day", "usd": 0.01})

    with pytest.raises(AppError, match="budget"):
        client.predict(image=photo, instruction="make it so", tier="pro", api_name="/edit")
    assert ann.post("/kontext/do/list_projects", json={}).json()["result"] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"instruction": ""}, "There is no instruction yet"),
        ({"tier": "ultra"}, "tier cannot be read"),
        ({"backend": "none"}, "none"),
        ({"seed": "much"}, "seed cannot be read"),
        ({"instruction": ["x"]}, "instruction cannot be read"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence_and_leaves_nothing(client, ann, photo, options, sentence):
    with pytest.raises(AppError, match=sentence):
        client.predict(**{"image": photo, "instruction": "go", "tier": "pro", **options}, api_name="/edit")

    assert ann.post("/kontext/do/list_projects", json={}).json()["result"] == []


def test_a_failed_edit_says_why(client, live, photo):
    live.backend.enqueue(submitted(), BackendUnavailable("The provider is away.", backend="scripted"))

    with pytest.raises(AppError, match="The provider is away"):
        client.predict(image=photo, instruction="go", tier="pro", api_name="/edit")


def test_the_endpoint_is_described(client):
    described = client.view_api(return_format="dict")["named_endpoints"]

    assert list(described) == ["/edit"]
    assert [row["parameter_name"] for row in described["/edit"]["parameters"]][:3] == ["image", "instruction", "tier"]
    assert [row["python_type"]["type"] for row in described["/edit"]["returns"]] == ["filepath", "str"]
    assert described["/edit"]["description"].startswith("Apply one instruction")


def test_without_a_key_nothing_is_told_or_taken(live, photo):
    with pytest.raises(AuthenticationError):
        Client(live.url, verbose=False)
    with pytest.raises(AuthenticationError):
        Client(live.url, headers=keyed("kx_wrong"), verbose=False)
    assert live.visitor().post("/gradio_api/upload", files={"files": picture()}).status_code == 401


def test_an_edited_picture_is_handed_to_its_owner_alone(live, ann, photo):
    key = live.key(ann)
    client = Client(live.url, headers=keyed(key), verbose=False, download_files=False)
    made, _ = client.predict(image=photo, instruction="go", tier="pro", api_name="/edit")
    address = f"{live.url}/gradio_api/file={made['path']}"

    assert Image.open(io.BytesIO(httpx.get(address, headers=keyed(key)).content)).size == (64, 48)
    assert httpx.get(address, headers=keyed(live.key())).status_code == 404
    assert httpx.get(address).status_code == 401
    assert ann.get(address).status_code == 401


@pytest.mark.parametrize("path", ["/etc/passwd", "app.py", "../cookie.key", "https://example.com/x", "a/b.png", ""])
def test_no_other_file_is_handed_out(live, path):
    assert httpx.get(f"{live.url}/gradio_api/file={path}", headers=keyed(live.key())).status_code == 404


NAMES = ("صورة الشاطئ.png", "🏖" * 100 + ".png", "..", "a/../../b.png", "nul\0l.png", "C:\\photos\\beach.png", "x" * 400)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_taken(tmp_path, name):
    kept = _keep(tmp_path, name, b"data")

    assert kept.read_bytes() == b"data"
    assert kept.parent.parent == tmp_path


def upload(live, key, data=None):
    return httpx.post(
        f"{live.url}/gradio_api/upload", headers=keyed(key), files={"files": ("photo.png", data or picture())}
    )


def test_an_upload_can_be_used_by_who_sent_it_and_not_be_fetched(live, ann, make_client):
    key = live.key(ann)
    (path,) = upload(live, key).json()
    sent = {"path": path, "meta": {"_type": "gradio.FileData"}}

    assert httpx.get(f"{live.url}/gradio_api/file={path}", headers=keyed(key)).status_code == 404
    theirs = call(live, live.key(), sent)
    assert "was not uploaded with this key" in theirs
    assert "event: complete" in call(live, key, sent)
    assert "no longer exists" in call(live, key, sent)


def call(live, key, image):
    """As a program without Gradio's client does it."""
    body = {"image": image, "instruction": "go", "tier": "pro"}
    event = httpx.post(f"{live.url}/gradio_api/call/v2/edit", headers=keyed(key), json=body).json()["event_id"]
    return httpx.get(f"{live.url}/gradio_api/call/edit/{event}", headers=keyed(key), timeout=20).text


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
