"""What the editor relies on, of every backend."""

import json

import numpy as np
import pytest
from pydantic import TypeAdapter

from kontext_ui.backends import BACKENDS, load_backend
from kontext_ui.backends.base import EditTask, Resumable, models_of
from kontext_ui.edits import Done, EditEvent, EditRequest, Mode, Parameters, Running, Submitted
from kontext_ui.errors import BackendError, KontextError
from kontext_ui.images.geometry import pad_to_fit, plan_fit, size_of
from kontext_ui.models import catalogue
from tests.contract.members import IMAGE_SERVERS, MEMBERS, MODELS, NEED_TORCH


def each_member():
    """All names; those that need torch are marked for it."""
    for name in (*MEMBERS, *MODELS, *IMAGE_SERVERS):
        if name != "imageserver":
            yield pytest.param(name, marks=pytest.mark.local if name in NEED_TORCH else ())


@pytest.fixture(params=each_member())
def member(request):
    return {**MEMBERS, **MODELS, **IMAGE_SERVERS}[request.param]


@pytest.fixture
async def backend(member):
    backend = member.make()
    yield backend
    await backend.aclose()


@pytest.fixture
def picture():
    return np.random.default_rng(8).integers(40, 215, (96, 144, 3), np.uint8)


def offers(backend, member):
    """Tier and capabilities of everything that this member is about."""
    for tier in backend.tiers:
        for number, capabilities in enumerate(models_of(backend, tier)):
            if capabilities.model_id == member.model or not (member.model or number):
                yield tier, capabilities


def task_for(backend, member, picture, tier=None, **fields):
    """As the editor prepares it: fitted to the size rule, and read-only."""
    rule = next(offer for where, offer in offers(backend, member) if tier in (None, where)).size_rule
    fitted = picture if rule.kind == "any" else pad_to_fit(picture, plan_fit(size_of(picture), rule))
    fitted.setflags(write=False)
    return EditTask("job", input_image=fitted, **fields)


def request_for(backend, member, instruction=None, **fields):
    tier = next(offers(backend, member))[0]
    return EditRequest(instruction or member.instruction, tier, backend.id, model=member.model, **fields)


async def run(backend, member, task, instruction=None):
    request = request_for(backend, member, instruction, input_image="d")
    return [event async for event in backend.edit(request, task)]


def test_every_registered_backend_is_a_member():
    assert set(BACKENDS) == set(MEMBERS)


def test_every_registered_backend_loads_from_bare_settings(settings):
    for backend_id in BACKENDS:
        backend = load_backend(backend_id, settings)
        assert backend.id == backend_id
        assert backend.label
        assert backend.tiers


def test_capabilities_are_whole_for_every_tier(backend, member):
    names = set(Parameters.__dataclass_fields__)
    for _, capabilities in offers(backend, member):
        assert capabilities.model
        assert capabilities.modes & {Mode.EDIT, Mode.GENERATE}
        assert capabilities.price_usd is None or capabilities.price_usd >= 0
        assert capabilities.typical_s >= 0
        assert capabilities.model_id in ("", *catalogue.MODELS)
        offered = [parameter.name for parameter in capabilities.parameters]
        assert set(offered) <= names
        assert len(offered) == len(set(offered))
        assert not set(offered) & set(capabilities.unsupported)
        assert all(reason.endswith(".") for reason in capabilities.unsupported.values())
        for parameter in capabilities.parameters:
            assert parameter.kind != "choice" or parameter.choices
            assert parameter.default is None or parameter.minimum is None or parameter.default >= parameter.minimum
            assert parameter.default is None or parameter.maximum is None or parameter.default <= parameter.maximum


def test_one_that_is_not_ready_says_what_is_missing_and_what_to_do(member):
    readiness = member.bare().check()

    assert readiness.ready or (readiness.reason.endswith(".") and readiness.hint.endswith("."))


def test_what_runs_here_is_free(backend):
    assert not backend.runs_here or all(backend.capabilities(tier).price_usd == 0 for tier in backend.tiers)


async def test_an_edit_ends_with_one_picture_that_differs(backend, member, picture):
    for tier, _ in offers(backend, member):
        task = task_for(backend, member, picture, tier)
        request = EditRequest(member.instruction, tier, backend.id, input_image="d", model=member.model)
        events: list[EditEvent] = [event async for event in backend.edit(request, task)]

        assert [type(event) for event in events].count(Done) == 1
        result = events[-1].result
        assert result.pixels.dtype == np.uint8
        assert result.pixels.ndim == 3
        assert result.pixels.shape[2] in (3, 4)
        assert result.pixels.shape != task.input_image.shape or (result.pixels != task.input_image).any()
        json.dumps(result.plan)


async def test_an_id_comes_before_any_progress_and_progress_is_a_share(backend, member, picture):
    events = await run(backend, member, task_for(backend, member, picture))

    submitted = [index for index, event in enumerate(events) if isinstance(event, Submitted)]
    assert submitted == ([0] if isinstance(backend, Resumable) else [])
    for event in events:
        if isinstance(event, Running) and event.fraction is not None:
            assert 0 <= event.fraction <= 1


async def test_the_input_is_never_written_to(backend, member, picture):
    before = picture.copy()
    await run(backend, member, task_for(backend, member, picture))

    assert np.array_equal(picture, before)


async def test_transparent_pictures_are_taken(backend, member, picture):
    glass = np.dstack((picture, np.tile(np.arange(144, dtype=np.uint8), (96, 1))))

    events = await run(backend, member, task_for(backend, member, glass))

    assert isinstance(events[-1], Done)


async def test_a_refusal_is_an_error_for_people(backend, member, picture):
    with pytest.raises(BackendError) as caught:
        await run(backend, member, task_for(backend, member, picture), member.refused)

    assert caught.value.backend == backend.id
    assert caught.value.message.endswith(".")
    assert "Traceback" not in caught.value.message


async def test_a_missing_picture_is_made_or_refused_in_words(backend, member):
    request = request_for(backend, member)
    try:
        events = [event async for event in backend.edit(request, EditTask("job"))]
    except KontextError:
        assert Mode.GENERATE not in next(offers(backend, member))[1].modes
        return
    assert isinstance(events[-1], Done)


async def test_a_hosted_edit_is_picked_up_again_by_its_id(backend, member, picture):
    if not isinstance(backend, Resumable):
        pytest.skip("it gives no id: the answer is the picture")
    request = request_for(backend, member, input_image="d")
    stream = backend.edit(request, task_for(backend, member, picture))
    submitted = await anext(stream)
    await stream.aclose()

    task = EditTask("job", remote_id=submitted.remote_id, poll_url=submitted.poll_url, details=submitted.details)
    events = [event async for event in backend.resume(request, task)]

    assert isinstance(events[-1], Done)


async def test_requests_can_be_written_down_and_read_back(backend, member):
    request = request_for(backend, member, parameters=Parameters(seed=3))
    adapter = TypeAdapter(EditRequest)

    assert adapter.validate_json(adapter.dump_json(request)) == request
