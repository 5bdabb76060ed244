"""Every backend of the registry, ready to be asked, each against its fake where it has one.

A new backend is a new member: the suite fails for one that is in the registry and not here.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from kontext_ui.backends.base import Backend, models_of
from kontext_ui.backends.basic import BasicBackend
from kontext_ui.backends.diffusers import DiffusersBackend, EngineConfig
from kontext_ui.backends.diffusers.painter import Painter
from kontext_ui.backends.hosted.http import Provider
from kontext_ui.backends.hosted.providers.bfl import HOSTS, BflBackend
from kontext_ui.backends.hosted.providers.fal import HOSTS as FAL
from kontext_ui.backends.hosted.providers.fal import FalBackend
from kontext_ui.backends.hosted.providers.huggingface import HOSTS as HUGGING_FACE
from kontext_ui.backends.hosted.providers.huggingface import HuggingFaceBackend
from kontext_ui.backends.hosted.providers.prodia import HOSTS as PRODIA
from kontext_ui.backends.hosted.providers.prodia import ProdiaBackend
from kontext_ui.backends.hosted.providers.replicate import HOSTS as REPLICATE
from kontext_ui.backends.hosted.providers.replicate import ReplicateBackend
from kontext_ui.backends.image_server import ImageServerBackend
from kontext_ui.backends.image_server.dialects import DIALECTS
from tests import engine_process, tiny_kontext
from tests.fakes.bfl import FakeBfl
from tests.fakes.fal import FakeFal
from tests.fakes.huggingface import FakeHuggingFace
from tests.fakes.imageserver import FakeImageServer
from tests.fakes.prodia import FakeProdia
from tests.fakes.replicate import FakeReplicate


@dataclass(frozen=True)
class Member:
    """``make`` builds the backend with everything it needs; ``bare`` builds it as a newcomer has it."""

    make: Callable[[], Backend]
    bare: Callable[[], Backend]
    instruction: str
    refused: str
    """An instruction that this backend answers with an error of its own."""
    model: str = ""
    """The model that is asked for; empty for the first of each tier."""


async def _no_pause(_: float) -> None:
    return None


def _bfl(key: str | None) -> BflBackend:
    transport = httpx.ASGITransport(app=FakeBfl().app)
    return BflBackend(
        Provider("bfl", BflBackend.label, "https://api.bfl.ai", HOSTS, transport=transport, sleep=_no_pause), key
    )


def _replicate(key: str | None) -> ReplicateBackend:
    transport = httpx.ASGITransport(app=FakeReplicate().app)
    base = "https://api.replicate.com/v1"
    return ReplicateBackend(
        Provider("replicate", "Replicate", base, REPLICATE, transport=transport, sleep=_no_pause), key
    )


def _fal(key: str | None) -> FalBackend:
    transport = httpx.ASGITransport(app=FakeFal().app)
    return FalBackend(Provider("fal", "fal", "https://queue.fal.run", FAL, transport=transport, sleep=_no_pause), key)


def _prodia(key: str | None) -> ProdiaBackend:
    transport = httpx.ASGITransport(app=FakeProdia().app)
    base = "https://inference.prodia.com/v2"
    return ProdiaBackend(Provider("prodia", "Prodia", base, PRODIA, transport=transport, sleep=_no_pause), key)


def _hugging_face(key: str | None) -> HuggingFaceBackend:
    transport = httpx.ASGITransport(app=FakeHuggingFace().app)
    base = "https://router.huggingface.co"
    return HuggingFaceBackend(
        Provider("huggingface", "Hugging Face", base, HUGGING_FACE, transport=transport, sleep=_no_pause), key
    )


def _image_server(dialect: str) -> ImageServerBackend:
    transport = httpx.ASGITransport(app=FakeImageServer(dialect).app)
    return ImageServerBackend(["http://gpu:8000"], megapixels=0.1, transport=transport, sleep=_no_pause)


def _serve_engine() -> ImageServerBackend:
    """Our own server in its own process."""
    return engine_process.client_of(engine_process.shared_address())


def _diffusers() -> DiffusersBackend:
    """The real engine over a tiny pipeline, whose memory runs out when it is asked to."""

    config = tiny_kontext.config()
    return DiffusersBackend(config, Painter(config, engine_process.load_limited))


MEMBERS = {
    "builtin": Member(BasicBackend, BasicBackend, "make it much darker", "add a dragon"),
    "bfl": Member(lambda: _bfl("bfl_test"), lambda: _bfl(None), "make the door red", "[[moderated]]"),
    "replicate": Member(lambda: _replicate("r8_test"), lambda: _replicate(None), "make the door red", "[[moderated]]"),
    "fal": Member(lambda: _fal("fal-id:fal-secret"), lambda: _fal(None), "make the door red", "[[moderated]]"),
    "prodia": Member(lambda: _prodia("prodia_test"), lambda: _prodia(None), "make the door red", "[[moderated]]"),
    "huggingface": Member(
        lambda: _hugging_face("hf_test"), lambda: _hugging_face(None), "make the door red", "[[moderated]]"
    ),
    "diffusers": Member(
        _diffusers, lambda: DiffusersBackend(EngineConfig()), "make the door red", engine_process.TOO_MUCH
    ),
}
IMAGE_SERVERS = {
    f"imageserver, {dialect}": Member(
        functools.partial(_image_server, dialect), lambda: ImageServerBackend([]), "make the door red", "[[moderated]]"
    )
    for dialect in DIALECTS
}
"""The same backend before each kind of server that it knows."""
IMAGE_SERVERS["imageserver, serve-engine"] = Member(
    _serve_engine, lambda: ImageServerBackend([]), "make the door red", engine_process.TOO_MUCH
)
MEMBERS["imageserver"] = IMAGE_SERVERS["imageserver, vllm-omni"]
NEED_TORCH = ("diffusers", "imageserver, serve-engine")


def with_each_model() -> dict[str, Member]:
    """The hosted backends before each further model that they carry, as members of their own."""
    found = {}
    for name, member in MEMBERS.items():
        backend = member.bare() if name in HOSTED else None
        for tier in backend.tiers if backend is not None else ():
            for capabilities in models_of(backend, tier)[1:]:
                one = dataclasses.replace(member, model=capabilities.model_id)
                found[f"{name}, {capabilities.model_id}"] = one
    return found


HOSTED = ("bfl", "replicate", "fal", "prodia", "huggingface")
MODELS = with_each_model()
