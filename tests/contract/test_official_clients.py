"""The fakes of hosted providers, read by the providers' own clients: what these cannot read, no test should accept.

Requests are made for the real hosts and carried to the fake by a transport below the client.
"""

from __future__ import annotations

import io
import json
import subprocess
from types import ModuleType

import fal_client
import httpx
import httpx2
import huggingface_hub
import numpy as np
import pytest
import replicate
from huggingface_hub.hf_api import InferenceProviderMapping
from huggingface_hub.inference._providers import _common as mappings
from huggingface_hub.utils import close_session, set_client_factory
from huggingface_hub.utils._http import default_client_factory
from PIL import Image
from replicate.exceptions import ModelError, ReplicateError
from starlette.testclient import TestClient

from kontext_ui.images import codec
from tests.fakes.fal import FakeFal
from tests.fakes.huggingface import FakeHuggingFace
from tests.fakes.prodia import FakeProdia
from tests.fakes.replicate import FakeReplicate
from tests.fakes.serving import serving
from tests.tools import scripts

PICTURE = codec.encode_png(np.full((256, 320, 3), (40, 90, 160), np.uint8))
MODEL = "black-forest-labs/FLUX.1-Kontext-dev"


def carrying(library: ModuleType, address: str):
    """A transport of httpx or httpx2 that takes every request to ``address``; the request names its real host."""
    port = int(address.rpartition(":")[2])

    class Carrying(library.HTTPTransport):
        def handle_request(self, request):
            request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
            return super().handle_request(request)

    return Carrying()


def is_picture(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    return True


def fetched(address: str, url: str) -> bytes:
    with httpx.Client(transport=carrying(httpx, address)) as client:
        return client.get(url).raise_for_status().content


@pytest.fixture
def on_replicate():
    with serving(lambda _: FakeReplicate()) as (fake, address):
        yield fake, address, replicate.Client(fake.key, transport=carrying(httpx, address))


def test_replicate_runs_an_edit_with_an_uploaded_picture(on_replicate):
    fake, address, client = on_replicate

    output = client.run(
        "black-forest-labs/flux-kontext-pro",
        input={"prompt": "make it red", "input_image": io.BytesIO(PICTURE)},
        use_file_output=False,
        wait=False,
    )

    assert is_picture(fetched(address, output))
    assert fake.submitted[0]["prompt"] == "make it red"


def test_replicate_makes_polls_and_cancels_a_prediction(on_replicate):
    _, _, client = on_replicate
    wanted = {"prompt": "make it red [[stall]]"}
    prediction = client.models.predictions.create("black-forest-labs/flux-kontext-max", input=wanted)
    assert (prediction.model, prediction.input) == ("black-forest-labs/flux-kontext-max", wanted)

    prediction.reload()
    assert prediction.status in ("starting", "processing")
    prediction.cancel()
    prediction.reload()
    assert prediction.status == "canceled"


def test_replicate_raises_its_own_errors(on_replicate):
    _, _, client = on_replicate

    def run(word):
        client.run("black-forest-labs/flux-kontext-pro", input={"prompt": f"red [[{word}]]"}, wait=False)

    with pytest.raises(ReplicateError) as refused:
        run("no_credit")
    assert refused.value.status == 402
    with pytest.raises(ModelError, match="E005"):
        run("moderated")


@pytest.fixture
def on_fal():
    with serving(lambda _: FakeFal()) as (fake, address):
        client = fal_client.SyncClient(key=fake.key)
        headers = {"Authorization": f"Key {fake.key}"}
        with httpx.Client(transport=carrying(httpx, address), headers=headers, follow_redirects=True) as http:
            client.__dict__["_client"] = http  # a cached property, and the only way to give it a transport
            yield fake, address, client


def test_fal_subscribes_to_an_edit(on_fal):
    fake, address, client = on_fal
    seen = []
    arguments = {"prompt": "make it red", "image_url": fal_client.encode(PICTURE, "image/png")}
    result = client.subscribe("fal-ai/flux-pro/kontext", arguments, on_queue_update=lambda s: seen.append(type(s)))

    assert is_picture(fetched(address, result["images"][0]["url"]))
    assert seen[-1] is fal_client.Completed
    assert fake.trouble == []


@pytest.mark.parametrize("late", ["late_408", "late_409"])
def test_fal_asks_again_for_a_result_that_is_late(on_fal, late):
    _, _, client = on_fal
    arguments = {"prompt": f"red [[{late}]]", "image_url": fal_client.encode(PICTURE, "image/png")}

    assert client.subscribe("fal-ai/flux-kontext/dev", arguments)["images"]


@pytest.mark.parametrize(("word", "status"), [("no_credit", 403), ("moderated", 422)])
def test_fal_raises_its_own_errors(on_fal, word, status):
    _, _, client = on_fal
    arguments = {"prompt": f"red [[{word}]]", "image_url": fal_client.encode(PICTURE, "image/png")}

    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        client.subscribe("fal-ai/flux-pro/kontext", arguments)
    assert caught.value.status_code == status


def test_fal_cancels(on_fal):
    fake, _, client = on_fal
    arguments = {"prompt": "red [[stall]]", "image_url": fal_client.encode(PICTURE, "image/png")}
    client.submit("fal-ai/flux-pro/kontext", arguments).cancel()

    assert fake.cancelled() == 1


@pytest.fixture
def on_hugging_face(monkeypatch):
    with serving(lambda _: FakeHuggingFace()) as (fake, address):
        set_client_factory(lambda: httpx2.Client(transport=carrying(httpx2, address)))
        yield fake, monkeypatch
        set_client_factory(default_client_factory)
        close_session()


@pytest.mark.parametrize(
    ("partner", "model"),
    [
        ("fal-ai", "fal-ai/flux-kontext/dev"),
        ("replicate", "black-forest-labs/flux-kontext-dev"),
        ("hf-inference", MODEL),
    ],
)
def test_hugging_face_edits_through_its_partners(on_hugging_face, partner, model):
    fake, monkeypatch = on_hugging_face
    mapping = InferenceProviderMapping(
        provider=partner, hf_model_id=MODEL, providerId=model, status="live", task="image-to-image"
    )
    monkeypatch.setitem(mappings.HARDCODED_MODEL_INFERENCE_MAPPING, partner, {MODEL: mapping})
    client = huggingface_hub.InferenceClient(provider=partner, api_key=fake.key)

    picture = client.image_to_image(PICTURE, prompt="make it red", model=MODEL, guidance_scale=2.5)

    assert picture.size[0] > 0
    assert fake.trouble == []
    assert fake.submitted[0]["partner"] == partner


READ_FORM = """
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const headers = { "content-type": process.argv[2] };
const form = await new Response(Buffer.concat(chunks), { headers }).formData();
const parts = [];
for (const [name, part] of form) parts.push([name, part.size]);
console.log(JSON.stringify(parts));
"""


def test_prodia_answers_a_form_that_the_fetch_of_its_own_client_reads(tmp_path):
    """Its client is written in JavaScript and reads the answer with ``response.formData()``, as is done here."""
    fake = FakeProdia()
    job = {"type": "inference.flux-kontext.pro.img2img.v2", "config": {"prompt": "make it red"}}
    files = [("job", ("job.json", json.dumps(job), "application/json")), ("input", ("input.png", PICTURE, "image/png"))]
    headers = {"authorization": f"Bearer {fake.key}", "accept": "multipart/form-data; image/png"}
    answer = TestClient(fake.app).post("/v2/job", files=files, headers=headers)
    script = tmp_path / "read.mjs"
    script.write_text(READ_FORM)

    ended = subprocess.run(
        [scripts.find().program, script, answer.headers["content-type"]],
        input=answer.content,
        capture_output=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr.decode()
    parts = dict(json.loads(ended.stdout))
    assert set(parts) == {"job", "output"}
    assert parts["output"] > 1000
