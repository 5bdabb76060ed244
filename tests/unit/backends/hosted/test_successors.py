"""A successor model is one line of settings: another name leaves, and people see which."""

import httpx
import numpy as np
import pytest

from kontext_ui.backends import BACKENDS, load_backend
from kontext_ui.backends.base import EditTask
from kontext_ui.bootstrap import build_editor
from kontext_ui.edits import EditRequest, Tier
from kontext_ui.errors import InvalidSetting, OutOfCredit

OLD = {
    "bfl": "/v1/flux-kontext-pro",
    "replicate": "black-forest-labs/flux-kontext-pro",
    "fal": "fal-ai/flux-pro/kontext",
    "prodia": "inference.flux-kontext.pro.img2img.v2",
    "huggingface": "fal-ai/flux-kontext/dev",
}
KEYS = {
    "bfl_api_key": "bfl_x", "replicate_api_token": "r8_x", "fal_key": "a:b", "prodia_token": "x", "hf_token": "hf_x",
}  # fmt: skip


@pytest.fixture
def asked():
    return []


@pytest.fixture
def load(make_settings, asked):
    """A backend whose provider has no credit for anybody and remembers what it was asked."""

    def no_credit(request):
        if request.method == "POST":
            asked.append(f"{request.url.path} {request.content.decode('latin-1')}")
        return httpx.Response(402, json={"detail": "no credit"})

    def make(backend_id, **fields):
        backend = load_backend(backend_id, make_settings(**KEYS, **fields))
        backend._http._transport = httpx.MockTransport(no_credit)
        return backend

    return make


async def send(backend, tier):
    picture = np.full((64, 96, 3), 90, np.uint8)
    stream = backend.edit(EditRequest("go on", tier, backend.id, input_image="d"), EditTask("j", input_image=picture))
    with pytest.raises(OutOfCredit):
        async for _ in stream:
            pass


@pytest.mark.parametrize("backend_id", OLD)
async def test_the_successors_name_is_asked_for_and_shown(load, asked, backend_id):
    assert backend_id in BACKENDS
    tier = Tier.DEV if backend_id == "huggingface" else Tier.PRO
    old = OLD[backend_id]
    new = "/v2/kontext-next" if backend_id == "bfl" else "someone/kontext-next"

    await send(load(backend_id), tier)
    backend = load(backend_id, successors=f"{old}={new}")
    await send(backend, tier)

    assert old in asked[0]
    assert new in asked[-1]
    assert old not in asked[-1]
    assert backend.capabilities(tier).model == new


@pytest.mark.parametrize("wrong", ["flux", "a=", "=b", "a=b=c", "a=b, c"])
def test_what_is_no_list_of_pairs_stops_the_start(make_settings, wrong):
    with pytest.raises(InvalidSetting, match="old=new"):
        make_settings(successors=wrong)


def test_an_old_name_that_no_backend_asks_for_stops_the_start_with_those_that_are_asked_for(make_settings, tmp_path):
    with pytest.raises(InvalidSetting, match="flux-kontext-prp") as caught:
        build_editor(make_settings(data_dir=tmp_path, successors="flux-kontext-prp=next"))

    assert all(old in caught.value.message for old in OLD.values())
    assert "KONTEXT_UI_SUCCESSORS" in caught.value.message


@pytest.mark.parametrize("backend_id", OLD)
async def test_the_program_starts_with_a_successor_for_any_name_that_a_backend_asks_for(
    make_settings, tmp_path, backend_id
):
    names = load_backend(backend_id, make_settings()).model_names

    editor = build_editor(make_settings(data_dir=tmp_path, successors=", ".join(f"{name}=next" for name in names)))

    assert OLD[backend_id] in names
    await editor.aclose()
