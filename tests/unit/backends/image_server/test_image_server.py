"""Image servers: each dialect, each shape of error, and several servers at once, against fakes of them."""

from __future__ import annotations

import asyncio
import io

import httpx
import numpy as np
import pytest
from PIL import Image

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.content_filter import ContentFilter
from kontext_ui.backends.image_server import ImageServerBackend, addresses
from kontext_ui.backends.image_server.backend import LONGEST_PAUSE_S
from kontext_ui.backends.image_server.dialects import DIALECTS, mask_png, without_tags
from kontext_ui.backends.image_server.fleet import REST_S
from kontext_ui.backends.image_server.served import label_of, served_as
from kontext_ui.bootstrap import build_editor
from kontext_ui.edits import Done, EditRequest, Mode, Parameters, Running, Size, Tier
from kontext_ui.errors import (
    BackendUnavailable,
    Billed,
    ContentModerated,
    CredentialsRejected,
    DeadlineExceeded,
    EditCancelled,
    InvalidRequest,
    InvalidSetting,
    OutOfMemory,
    RateLimited,
    UnexpectedAnswer,
)
from kontext_ui.images import codec
from kontext_ui.images.geometry import nearest_size
from kontext_ui.models import kontext
from kontext_ui.settings import load_settings
from tests.fakes.imageserver import MODEL, FakeImageServer
from tests.unit.backends.hosted.providers.test_bfl import Time

WAIT_S = 20.0
SIZE = Size(112, 96)
MEGAPIXELS = 0.05
CANVAS = nearest_size(SIZE, kontext.size_rule(MEGAPIXELS))
WITHOUT_STREAM = [name for name in DIALECTS if name != "kontext"]


class Machines(httpx.AsyncBaseTransport):
    """Hosts by name; one that is ``None`` cannot be reached. Notes who was asked for an edit."""

    def __init__(self, **fakes):
        self.fakes = fakes
        self.transports = {name: httpx.ASGITransport(app=fake.app) for name, fake in fakes.items() if fake}
        self.asked = []
        self.fail = {}
        self.fails_left = 1_000
        """How many edits fail in all, on those hosts that do."""

    async def handle_async_request(self, request):
        host = request.url.host
        edits = request.url.path.endswith("/edits")
        if edits:
            self.asked.append(host)
        if self.fakes.get(host) is None:
            raise httpx.ConnectError("refused")
        if edits and host in self.fail and self.fails_left:
            self.fails_left -= 1
            raise self.fail[host]("it went wrong")
        return await self.transports[host].handle_async_request(request)


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(40, 200, (SIZE.height, SIZE.width, 3), np.uint8)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def fleet(time):
    """Builds a backend over named fakes."""
    built = []

    def make(machines, **options):
        urls = [f"http://{name}:8000" for name in machines.fakes]
        settings = {"megapixels": MEGAPIXELS, "steps": 20, "sleep": time.sleep, "clock": time.clock, **options}
        built.append(ImageServerBackend(urls, transport=machines, **settings))
        return built[-1]

    yield make
    for backend in built:
        await backend.aclose()


def request(instruction="Turn the red door blue", native_mask=False, **parameters):
    return EditRequest(
        instruction, Tier.LOCAL, "imageserver", input_image="x", parameters=Parameters(**parameters),
        native_mask=native_mask,
    )  # fmt: skip


async def run(backend, picture, wanted=None, **task):
    async def collect():
        return [e async for e in backend.edit(wanted or request(), EditTask("job", input_image=picture, **task))]

    return await asyncio.wait_for(collect(), WAIT_S)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_server_is_recognised_and_told_everything_it_can_be_told(fleet, picture, dialect):
    fake = FakeImageServer(dialect)
    events = await run(fleet(Machines(gpu=fake)), picture, request(seed=7, num_inference_steps=12, guidance_scale=3.0))

    (read,) = fake.received
    assert read["prompt"] == "Turn the red door blue"
    assert read["size"] == CANVAS
    assert codec.decode(read["picture"]).shape == (CANVAS.height, CANVAS.width, 3)
    if dialect == "openai":
        assert not {"seed", "num_inference_steps", "guidance_scale"} & set(read["form"])
    else:
        assert (read["seed"], read["steps"], read["guidance"]) == (7, 12, 3.0)
    result = events[-1].result
    assert result.pixels.shape == (CANVAS.height, CANVAS.width, 3)
    assert result.seed == (None if dialect == "openai" else 7)
    assert result.plan["server"] == dialect
    assert len(result.warnings) == (3 if dialect == "openai" else 0)


@pytest.mark.parametrize("dialect", ["vllm-omni", "sglang", "kontext"])
async def test_a_distilled_model_is_asked_for_few_steps_and_no_guidance(fleet, picture, dialect):
    fake = FakeImageServer(dialect, model="black-forest-labs/FLUX.2-klein-4B")
    backend = fleet(Machines(gpu=fake), steps=None)
    for wanted in (request(), request(guidance_scale=3.0, num_inference_steps=6)):
        result = (await run(backend, picture, wanted))[-1].result
        assert result.model == "FLUX.2 [klein] 4B"

    assert [(read["steps"], read["guidance"]) for read in fake.received] == [(4, 1.0), (6, 1.0)]
    offer = backend.capabilities(Tier.LOCAL)
    assert (offer.model, offer.size_rule.kind) == ("FLUX.2 [klein] 4B", "range")
    assert "guidance_scale" not in {parameter.name for parameter in offer.parameters}


@pytest.mark.parametrize(
    ("name", "label", "steps", "guidance"),
    [
        ("black-forest-labs/FLUX.1-Kontext-dev", "FLUX.1 Kontext [dev]", 28, 2.5),
        ("flux-2-klein-4b-Q4_K_S.gguf", "FLUX.2 [klein] 4B", 4, 1.0),
        ("black-forest-labs/FLUX.2-klein-9B", "FLUX.2 [klein] 9B", 4, 1.0),
        ("black-forest-labs/FLUX.2-klein-base-4B", "FLUX.2 [klein] 4B base", 50, 4.0),
        ("black-forest-labs/flux-3-image-klein", "FLUX 3 Image Klein", 16, 1.0),
        ("black-forest-labs/FLUX.2-dev", "FLUX.2 [dev]", 28, 4.0),
        ("my-own", "my-own", 28, 2.5),
        ("", "FLUX.1 Kontext [dev]", 28, 2.5),
    ],
)
def test_a_models_name_tells_what_it_wants(name, label, steps, guidance):
    known = served_as(name)
    assert (label_of(name), known.steps, known.guidance) == (label, steps, guidance)


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "openai"])
async def test_seed_steps_and_guidance_are_said_even_when_nobody_asked_for_them(fleet, picture, dialect):
    fake = FakeImageServer(dialect)
    results = [(await run(backend, picture))[-1].result for backend in [fleet(Machines(gpu=fake))] for _ in range(2)]

    assert [read["seed"] for read in fake.received] == [result.seed for result in results]
    assert results[0].seed != results[1].seed
    assert {(read["steps"], read["guidance"]) for read in fake.received} == {(20, 2.5)}


async def test_the_model_is_named_as_the_server_lists_it(fleet, picture):
    fake = FakeImageServer("vllm-omni")
    await run(fleet(Machines(gpu=fake)), picture)

    assert fake.received[0]["form"]["model"] == MODEL


async def test_a_model_that_the_server_does_not_have_is_a_sentence(fleet, picture):
    with pytest.raises(InvalidRequest, match="does not exist"):
        await run(fleet(Machines(gpu=FakeImageServer("vllm-omni")), model="another"), picture)


@pytest.mark.parametrize(
    "text",
    [
        'paint it red <sd_cpp_extra_args>{"seed": 1}</sd_cpp_extra_args>',
        "paint <sd_cpp_<sd_cpp_extra_args>x</sd_cpp_extra_args>extra_args>it red",
        "paint it </SD_CPP_EXTRA_ARGS>red< sd_cpp_extra_args >",
        "paint it <lora:../../secret:1>red",
        "paint it red <sd_cpp_extra_args",
    ],
)
def test_words_that_are_orders_to_a_server_are_taken_out(text):
    cleaned = without_tags(text)

    assert "sd_cpp_extra_args" not in cleaned.lower()
    assert "lora" not in cleaned
    assert cleaned.startswith("paint")
    assert "red" in cleaned


async def test_a_visitor_cannot_set_a_servers_parameters(fleet, picture):
    fake = FakeImageServer("sd-server")
    sneaky = request('blue <sd_cpp_extra_args>{"seed": 1, "sample_params": {"sample_steps": 999}}</sd_cpp_extra_args>')
    await run(fleet(Machines(gpu=fake)), picture, sneaky)

    assert fake.received[0]["prompt"] == "blue"
    assert fake.received[0]["steps"] == 20


async def test_an_instruction_of_nothing_but_tags_is_refused(fleet, picture):
    with pytest.raises(InvalidRequest):
        await run(fleet(Machines(gpu=FakeImageServer("sd-server"))), picture, request("<lora:x:1>"))


@pytest.mark.parametrize("dialect", ["sd-server", "openai"])
async def test_a_mask_is_one_file_for_both_conventions(fleet, picture, dialect):
    fake = FakeImageServer(dialect)
    backend = fleet(Machines(gpu=fake), dialect=DIALECTS[dialect])
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[:40, :50] = 255

    assert Mode.INPAINT in backend.capabilities(Tier.LOCAL).modes
    await run(backend, picture, request(native_mask=True), mask=mask)

    grey = Image.open(io.BytesIO(fake.received[0]["mask"]))
    assert grey.size == CANVAS
    white, alpha = np.asarray(grey.convert("RGB"))[..., 0], np.asarray(grey)[..., 3]
    assert (white[5, 5], alpha[5, 5]) == (255, 0)
    assert (white[-5, -5], alpha[-5, -5]) == (0, 255)


@pytest.mark.parametrize("dialect", ["vllm-omni", "sglang", "kontext", "mlx"])
async def test_servers_that_ignore_masks_are_sent_none_and_offer_none(fleet, picture, dialect):
    fake = FakeImageServer(dialect)
    backend = fleet(Machines(gpu=fake), dialect=DIALECTS[dialect])

    assert backend.capabilities(Tier.LOCAL).modes == {Mode.EDIT}
    await run(backend, picture, request(native_mask=True), mask=np.full(picture.shape[:2], 255, np.uint8))
    assert fake.received[0]["mask"] is None


def test_a_mask_is_feathered_in_both_conventions():
    mask = np.array([[0, 100, 255] * 4] * 8, np.uint8)
    both = codec.decode(mask_png(mask))

    assert np.array_equal(both[..., 0], mask)
    assert np.array_equal(both[..., 3], 255 - mask)


async def test_without_a_picture_nothing_is_sent_since_the_server_would_invent_one(fleet):
    machines = Machines(gpu=FakeImageServer("sd-server"))
    with pytest.raises(InvalidRequest):
        await run(fleet(machines), None)

    assert machines.asked == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_is_sent_is_a_plain_picture_that_every_server_can_read(fleet, dialect):
    fake = FakeImageServer(dialect)
    glass = np.random.default_rng(3).integers(0, 255, (SIZE.height, SIZE.width, 4), np.uint8)
    await run(fleet(Machines(gpu=fake)), glass)

    with Image.open(io.BytesIO(fake.received[0]["picture"])) as sent:
        assert (sent.format, sent.mode, sent.size) == ("PNG", "RGB", CANVAS)


ERRORS = [
    ("missing", BackendUnavailable, "no route /v1/images/edits"),
    ("broken", UnexpectedAnswer, "the engine broke"),
    ("memory", OutOfMemory, "CUDA out of memory"),
    ("moderated", ContentModerated, "safety system"),
    ("proxy", UnexpectedAnswer, "502"),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("scenario", "error", "words"), ERRORS)
async def test_every_shape_of_error_becomes_a_sentence(fleet, picture, dialect, scenario, error, words):
    fake = FakeImageServer(dialect)
    fake.scenario = scenario

    with pytest.raises(error, match=words) as caught:
        await run(fleet(Machines(gpu=fake)), picture)

    assert caught.value.billed is Billed.NO
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("dialect", WITHOUT_STREAM)
@pytest.mark.parametrize(
    ("scenario", "error"),
    [("empty", UnexpectedAnswer), ("words", UnexpectedAnswer), ("garbage", UnexpectedAnswer),
     ("elsewhere", UnexpectedAnswer)],
)  # fmt: skip
async def test_a_success_without_a_picture_is_none(fleet, picture, dialect, scenario, error):
    fake = FakeImageServer(dialect)
    fake.scenario = scenario

    with pytest.raises(error):
        await run(fleet(Machines(gpu=fake)), picture)


@pytest.mark.parametrize("scenario", ["url", "data_uri"])
async def test_a_picture_may_come_by_address(fleet, picture, scenario):
    fake = FakeImageServer("sglang")
    fake.scenario = scenario

    assert (await run(fleet(Machines(gpu=fake)), picture))[-1].result.pixels.shape[:2] == (CANVAS.height, CANVAS.width)


async def test_a_rounded_size_is_undone_and_a_wrong_one_is_told(fleet, picture):
    fake = FakeImageServer("sd-server")
    backend = fleet(Machines(gpu=fake), megapixels=0.013)
    asked = backend.capabilities(Tier.LOCAL).size_rule.sizes

    result = (await run(backend, picture))[-1].result
    assert (result.pixels.shape[1], result.pixels.shape[0]) in asked
    assert result.warnings == ()

    fake.scenario = "square"
    result = (await run(backend, picture))[-1].result
    assert result.pixels.shape[:2] == (512, 512)
    assert "512×512" in result.warnings[0]


async def test_a_draft_asks_for_fewer_pixels_of_the_same_shape(fleet, picture):
    fake = FakeImageServer("vllm-omni")
    await run(fleet(Machines(gpu=fake)), picture, request(acceleration="draft"))

    size = fake.received[0]["size"]
    assert 0.4 < size.megapixels / CANVAS.megapixels < 0.6
    assert size.ratio == pytest.approx(CANVAS.ratio, rel=0.1)
    assert codec.decode(fake.received[0]["picture"]).shape[:2] == (size.height, size.width)


async def test_our_own_server_tells_its_progress(fleet, picture):
    events = await run(fleet(Machines(gpu=FakeImageServer("kontext"))), picture)

    told = [event for event in events if isinstance(event, Running)]
    assert told[1].queue_position == 1
    assert (told[2].fraction, told[2].stage) == (0.5, "step 1 of 2")
    assert told[3].preview is not None
    assert isinstance(events[-1], Done)


@pytest.mark.parametrize(("scenario", "error"), [("fails_late", OutOfMemory), ("ends", UnexpectedAnswer)])
async def test_a_failure_in_the_midst_of_a_stream_is_told(fleet, picture, scenario, error):
    fake = FakeImageServer("kontext")
    fake.scenario = scenario

    with pytest.raises(error):
        await run(fleet(Machines(gpu=fake)), picture)


async def until(event):
    await asyncio.wait_for(event.wait(), WAIT_S)


@pytest.mark.parametrize(
    ("dialect", "key"),
    [*((name, None) for name in DIALECTS), *((name, "ours") for name in DIALECTS if name != "openai")],
)
async def test_stopping_is_answered_at_once(fleet, picture, dialect, key):
    fake = FakeImageServer(dialect, key)
    fake.gate = asyncio.Event()
    backend = fleet(Machines(gpu=fake), key=key)
    task = EditTask("job", input_image=picture)

    async def consume():
        return [event async for event in backend.edit(request(), task)]

    running = asyncio.create_task(consume())
    await until(fake.arrived)
    task.stop.set()

    with pytest.raises(EditCancelled) as caught:
        await asyncio.wait_for(running, WAIT_S)
    assert caught.value.billed is Billed.NO


async def test_a_server_that_draws_on_after_a_stop_counts_as_busy(fleet, picture, time):
    first, second = FakeImageServer("vllm-omni"), FakeImageServer("vllm-omni")
    first.gate = asyncio.Event()
    machines = Machines(one=first, two=second)
    backend = fleet(machines)
    task = EditTask("job", input_image=picture)

    async def consume():
        return [event async for event in backend.edit(request(), task)]

    running = asyncio.create_task(consume())
    await until(first.arrived)
    task.stop.set()
    with pytest.raises(EditCancelled):
        await asyncio.wait_for(running, WAIT_S)
    await run(backend, picture)

    assert machines.asked == ["one", "two"]


async def test_the_least_busy_server_is_asked(fleet, picture):
    fakes = [FakeImageServer("vllm-omni") for _ in range(3)]
    machines = Machines(one=fakes[0], two=fakes[1], three=fakes[2])
    for fake in fakes:
        fake.gate = asyncio.Event()
    backend = fleet(machines)

    edits = [asyncio.create_task(run(backend, picture)) for _ in range(3)]
    for fake in fakes:
        await until(fake.arrived)
    for fake in fakes:
        fake.gate.set()
    await asyncio.gather(*edits)

    assert sorted(machines.asked) == ["one", "three", "two"]


async def test_what_others_sent_to_a_server_of_ours_counts_too(fleet, picture):
    busy, idle = FakeImageServer("kontext"), FakeImageServer("kontext")
    busy.load = 3
    machines = Machines(busy=busy, idle=idle)
    await run(fleet(machines), picture)

    assert machines.asked == ["idle"]


async def test_one_that_cannot_be_reached_is_skipped_until_its_rest_is_over(fleet, picture, time):
    well = FakeImageServer("sglang")
    machines = Machines(gone=None, well=well)
    backend = fleet(machines)
    await run(backend, picture)
    await run(backend, picture)
    assert machines.asked == ["well", "well"]

    machines.fakes["gone"] = back = FakeImageServer("sglang")
    machines.transports["gone"] = httpx.ASGITransport(app=back.app)
    time.now += REST_S[0]
    await run(backend, picture)
    assert machines.asked[2] == "gone"


async def test_one_that_says_it_is_not_ready_is_skipped(fleet, picture):
    sick, well = FakeImageServer("vllm-omni"), FakeImageServer("vllm-omni")
    sick.well = False
    machines = Machines(sick=sick, well=well)
    await run(fleet(machines), picture)

    assert machines.asked == ["well"]


@pytest.mark.parametrize("scenario", ["full", "missing"])
async def test_what_surely_did_not_begin_goes_to_another_server(fleet, picture, scenario):
    first, second = FakeImageServer("vllm-omni"), FakeImageServer("sd-server")
    first.scenario = scenario
    machines = Machines(one=first, two=second)

    assert isinstance((await run(fleet(machines), picture))[-1], Done)
    assert machines.asked == ["one", "two"]


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout])
async def test_a_connection_that_was_never_made_goes_to_another_server(fleet, picture, kind):
    machines = Machines(one=FakeImageServer("vllm-omni"), two=FakeImageServer("vllm-omni"))
    machines.fail["one"] = kind

    assert isinstance((await run(fleet(machines), picture))[-1], Done)
    assert machines.asked == ["one", "two"]


BREAKS = [httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError]


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("key", [None, "a-key-of-ours"])
async def test_an_edit_whose_own_server_dies_goes_on_at_another_with_the_same_seed(fleet, picture, kind, key):
    second = FakeImageServer("vllm-omni", key)
    machines = Machines(one=FakeImageServer("vllm-omni", key), two=second)
    machines.fail["one"] = kind

    done = (await run(fleet(machines, key=key), picture))[-1]

    assert machines.asked == ["one", "two"]
    assert str(done.result.seed) == str(second.received[0]["seed"])


@pytest.mark.parametrize("scenario", ["broken", "proxy"])
async def test_an_edit_that_failed_on_a_free_server_is_tried_once_more_elsewhere_and_not_twice(
    fleet, picture, scenario
):
    servers = {name: FakeImageServer("vllm-omni") for name in ("one", "two", "three")}
    for name in ("one", "two"):
        servers[name].scenario = scenario
    machines = Machines(**servers)

    with pytest.raises(UnexpectedAnswer):
        await run(fleet(machines), picture)
    assert machines.asked == ["one", "two"]


@pytest.mark.parametrize("kind", BREAKS)
async def test_what_may_have_been_paid_for_is_never_sent_to_another_server(fleet, picture, kind):
    machines = Machines(one=FakeImageServer("openai"), two=FakeImageServer("openai"))
    machines.fail["one"] = kind

    with pytest.raises(UnexpectedAnswer) as caught:
        await run(fleet(machines, key="paid", dialect=DIALECTS["openai"]), picture)
    assert machines.asked == ["one"]
    assert caught.value.billed is Billed.MAYBE


async def test_a_server_that_is_only_slow_or_out_of_memory_is_not_left_for_another(fleet, picture):
    first = FakeImageServer("vllm-omni")
    machines = Machines(one=first, two=FakeImageServer("vllm-omni"))
    machines.fail["one"] = httpx.ReadTimeout
    with pytest.raises(DeadlineExceeded):
        await run(fleet(machines), picture)

    del machines.fail["one"]
    first.scenario = "memory"
    with pytest.raises(OutOfMemory):
        await run(fleet(machines), picture)
    assert machines.asked == ["one", "one"]


@pytest.mark.parametrize("scenario", ["full", "full_ray"])
async def test_full_ones_are_asked_again_until_the_timeout(fleet, picture, time, scenario):
    fake = FakeImageServer("sglang")
    fake.scenario = scenario
    machines = Machines(one=fake, two=fake)

    with pytest.raises(RateLimited):
        await run(fleet(machines, timeout_s=60), picture)

    assert machines.asked[:2] == ["one", "two"]
    assert 60 <= time.now < 60 + LONGEST_PAUSE_S + 2
    assert 6 < len(machines.asked) / 2 < 12


async def test_ones_that_start_are_asked_again_for_a_short_while_and_the_tier_can_go_on(fleet, picture, time):
    fake = FakeImageServer("vllm-omni")
    fake.scenario = "full"
    machines = Machines(one=fake, two=fake)

    with pytest.raises(BackendUnavailable):
        await run(fleet(machines), picture)

    assert machines.asked == ["one", "two"] * 4


@pytest.mark.parametrize("kind", BREAKS)
async def test_at_the_only_address_which_may_be_a_cluster_a_broken_edit_is_tried_once_more(fleet, picture, kind):
    fake = FakeImageServer("kontext", key="a-key-of-ours")
    machines = Machines(cluster=fake)
    machines.fail["cluster"] = kind
    machines.fails_left = 1
    done = (await run(fleet(machines, key="a-key-of-ours"), picture))[-1]
    assert isinstance(done, Done)

    machines.asked, machines.fails_left = [], 2
    with pytest.raises(UnexpectedAnswer) as caught:
        await run(fleet(machines, key="a-key-of-ours"), picture)
    assert machines.asked == ["cluster"] * 2
    assert caught.value.billed is Billed.NO


async def test_when_none_can_be_reached_nothing_was_begun_and_the_tier_can_go_on(fleet, picture, time):
    backend = fleet(Machines(one=None, two=None))
    assert backend.check().ready

    with pytest.raises(BackendUnavailable) as caught:
        await run(backend, picture)

    assert caught.value.billed is Billed.NO
    assert not backend.check().ready
    assert "no connection" in backend.check().reason
    time.now += REST_S[0]
    assert backend.check().ready


async def test_a_wrong_key_is_said_to_be_wrong(fleet, picture):
    fake = FakeImageServer("vllm-omni", key="secret-of-gpu")
    assert isinstance((await run(fleet(Machines(gpu=fake), key="secret-of-gpu"), picture))[-1], Done)

    with pytest.raises((CredentialsRejected, BackendUnavailable), match="key was refused"):
        await run(fleet(Machines(gpu=fake), key="another-key"), picture)


async def test_a_key_and_an_unknown_service_may_cost_money_so_nothing_is_done_twice(fleet):
    machines = Machines(gpu=FakeImageServer("openai"))

    assert not fleet(machines, key="sk-something").runs_here
    assert fleet(machines).runs_here
    assert fleet(machines, key="sk-something", dialect=DIALECTS["vllm-omni"]).runs_here


async def test_a_paid_edit_is_waited_for_although_it_was_stopped(fleet, picture):
    fake = FakeImageServer("openai")
    backend = fleet(Machines(gpu=fake), key="sk-something")
    task = EditTask("job", input_image=picture)
    task.stop.set()

    events = [event async for event in backend.edit(request(), task)]
    assert isinstance(events[-1], Done)


async def test_after_the_first_edit_the_wait_is_estimated(fleet, picture, time):
    fake = FakeImageServer("vllm-omni")
    fake.gate = asyncio.Event()
    backend = fleet(Machines(gpu=fake))
    first = asyncio.create_task(run(backend, picture))
    await until(fake.arrived)
    time.now += 8
    fake.gate.set()
    await first
    assert backend.capabilities(Tier.LOCAL).typical_s == pytest.approx(8, rel=0.05)

    fake.gate = asyncio.Event()
    told = []
    async for event in backend.edit(request(), EditTask("job", input_image=picture)):
        if isinstance(event, Running):
            told.append((event.fraction, event.stage))
            time.now += 4
        if len(told) == 4:
            fake.gate.set()

    assert [fraction for fraction, _ in told[:4]] == [None, 0.5, 0.95, 0.95]
    assert told[1][1] == "about 4 s left (estimated)"


async def test_a_configured_server_comes_first_then_this_machines_engines(make_settings):
    editor = build_editor(make_settings(image_server_urls="http://gpu1:8188"))
    (local,) = [offer for offer in editor.accounts.tiers("ann") if offer.tier is Tier.LOCAL]
    await editor.aclose()

    assert [backend.id for backend in local.backends] == ["imageserver", "diffusers", "builtin"]
    assert local.chosen.id == "imageserver"


def test_without_an_address_it_says_what_would_make_it_ready():
    readiness = ImageServerBackend([]).check()

    assert not readiness.ready
    assert "KONTEXT_UI_IMAGE_SERVER_URLS" in readiness.hint


@pytest.mark.parametrize(("limit", "asked"), [(0, 0), (1, 1)])
async def test_where_others_are_served_photo_and_result_pass_the_filter(fleet, picture, limit, asked):
    """The filter refuses every picture after the first ``limit`` ones: the photo, or what came back."""
    seen = []
    machines = Machines(gpu=FakeImageServer("vllm-omni"))
    content = ContentFilter(lambda pixels: float(seen.append(pixels.shape) or len(seen) > limit))

    with pytest.raises(ContentModerated) as caught:
        await run(fleet(machines, content=content), picture)

    assert caught.value.stage == ("output" if asked else "input")
    assert len(machines.asked) == asked


async def test_a_survey_says_what_each_server_is_and_what_is_wrong_with_it(fleet):
    sick = FakeImageServer("sglang")
    sick.well = False
    found = await fleet(Machines(well=FakeImageServer("vllm-omni"), gone=None, sick=sick)).survey()

    assert [(server.dialect, server.trouble) for server in found] == [
        ("vllm-omni", ""),
        ("", "no connection"),
        ("", "it is not ready"),
    ]
    assert found[0].model == MODEL


def test_addresses_are_read_with_or_without_their_path():
    assert addresses("http://a:1/v1, http://b:2/ ,http://a:1") == ("http://a:1", "http://b:2")


@pytest.mark.parametrize("wrong", ["gpu1:8000", "ftp://gpu1", "http://", "http://ok:1,nonsense"])
def test_a_slip_in_an_address_is_told_at_the_start(wrong, tmp_path):
    with pytest.raises(InvalidSetting, match=r"addresses such as http://gpu1:8000"):
        load_settings(_env_file=None, data_dir=tmp_path, image_server_urls=wrong)
