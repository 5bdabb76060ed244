"""``serve-engine``'s HTTP: the real queue and the real routes around a painter that does as it is told."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
import time
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest
from PIL import Image

from kontext_ui.backends.content_filter import is_wanted
from kontext_ui.backends.diffusers import DiffusersBackend, EngineConfig
from kontext_ui.backends.diffusers.painter import Drawn
from kontext_ui.backends.image_server.fleet import Fleet
from kontext_ui.cli.parser import Options, build_parser
from kontext_ui.cli.serve_engine import serve
from kontext_ui.edits import Readiness, Running, Size
from kontext_ui.engine_server import EngineServer
from kontext_ui.errors import ContentModerated, EditCancelled, ModelNotInstalled, OutOfMemory, RateLimited
from kontext_ui.images import codec
from tests.fakes.serving import serving

WAIT_S = 20.0
SIZE = Size(112, 96)
LIMITS = codec.ImageLimits(2_000_000, 1_000_000)
URL = "/v1/images/edits"
READY = Readiness(True)


class Painter:
    """Answers with the source's colours turned round. ``gate`` holds every drawing until it is set."""

    def __init__(self):
        self.load_error = None
        self.fail = None
        self.gate = None
        self.begun = threading.Event()
        self.left = threading.Event()
        self.drawn = []

    def draw(self, drawing, tell, stopped):
        self.begun.set()
        tell(Running(0.5, "step 1 of 2", np.zeros((16, 16, 3), np.uint8)))
        while self.gate is not None and not self.gate.wait(0.01):
            if stopped():
                self.left.set()
                raise EditCancelled("You stopped this edit.")
        if self.fail is not None:
            raise self.fail
        self.drawn.append(drawing)
        shown = np.asarray(Image.fromarray(drawing.source).resize(drawing.size))
        return Drawn(255 - shown, 1.0, {})

    def free(self):
        """Nothing is held."""


@pytest.fixture
def painter():
    return Painter()


@pytest.fixture
async def make_server(painter):
    engines = []

    def make(ready=READY, warm=True, **options):
        engines.append(DiffusersBackend(EngineConfig(megapixels=0.01, steps=2), painter, check=lambda _: ready))
        server = EngineServer(engines[-1], model="tiny", limits=LIMITS, **options)
        if warm:
            server.open_up()
        return server

    yield make
    if painter.gate is not None:
        painter.gate.set()
    for engine in engines:
        await engine.aclose()


@asynccontextmanager
async def asking(server):
    transport = httpx.ASGITransport(app=server.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=WAIT_S) as client:
        yield client


def picture(size=SIZE, channels=3):
    return np.random.default_rng(1).integers(0, 255, (size.height, size.width, channels), np.uint8)


def files(pixels=None, field="image[]", **others):
    data = codec.encode_png(picture() if pixels is None else pixels)
    return [(field, ("a.png", data, "image/png")), *((name, ("b.png", d, "image/png")) for name, d in others.items())]


def opened(entry):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(entry["b64_json"]))))


async def post(server, data=None, upload=None, headers=None):
    async with asking(server) as client:
        return await client.post(
            URL, data={"prompt": "make it red", **(data or {})}, files=files() if upload is None else upload,
            headers=headers,
        )  # fmt: skip


async def test_a_picture_is_answered_as_openai_clients_expect_it(make_server, painter):
    response = await post(make_server(), {"seed": "7", "steps": "3", "guidance_scale": "2.0"}, files(field="image"))

    body = response.json()
    assert response.status_code == 200
    assert body["data"][0]["seed"] == 7
    assert (painter.drawn[0].seed, painter.drawn[0].steps, painter.drawn[0].guidance) == (7, 3, 2.0)
    shape = opened(body["data"][0]).shape
    assert body["size"] == f"{shape[1]}x{shape[0]}"
    assert shape[1] / shape[0] == pytest.approx(SIZE.ratio, rel=0.05)


@pytest.mark.parametrize(("wanted", "acceleration"), [("112x96", 1.0), ("224x192", 1.0), ("56x48", 0.25)])
async def test_the_answer_has_the_size_asked_for_and_small_ones_are_drawn_small(
    make_server, painter, wanted, acceleration
):
    body = (await post(make_server(), {"size": wanted})).json()

    assert body["size"] == wanted
    drawn = painter.drawn[0].size
    assert drawn.width * drawn.height == pytest.approx(acceleration * 112 * 96, rel=0.4)


async def test_another_shape_gives_the_picture_another_frame(make_server, painter):
    body = (await post(make_server(), {"size": "200x100"})).json()

    assert opened(body["data"][0]).shape[:2] == (100, 200)
    assert painter.drawn[0].size.ratio == pytest.approx(2, rel=0.15)


async def test_several_pictures_have_seeds_that_follow_one_another(make_server):
    body = (await post(make_server(), {"n": "3", "seed": "5"})).json()

    assert [entry["seed"] for entry in body["data"]] == [5, 6, 7]


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
async def test_the_format_is_the_one_asked_for_and_holds_no_words(make_server, output_format):
    body = (await post(make_server(), {"output_format": output_format})).json()

    with Image.open(io.BytesIO(base64.b64decode(body["data"][0]["b64_json"]))) as image:
        assert image.format == output_format.upper()
        assert not {"parameters", "prompt", "Comment"} & set(image.info)


@pytest.mark.parametrize("convention", ["transparent", "white"])
async def test_outside_a_mask_of_either_convention_nothing_changes(make_server, convention):
    mask = np.zeros((SIZE.height, SIZE.width), np.uint8)
    mask[:, :40] = 255
    if convention == "white":
        data = codec.encode_mask_png(mask)
    else:
        data = codec.encode_png(np.dstack((mask * 0, mask * 0, mask * 0, 255 - mask)))
    body = (await post(make_server(), {"size": "112x96"}, files(mask=data))).json()

    out, source = opened(body["data"][0]), picture()
    assert np.array_equal(out[:, 60:], source[:, 60:])
    assert not np.array_equal(out[:, :30], source[:, :30])


async def test_fields_that_mean_nothing_here_are_named_in_the_answer(make_server):
    asked = {"quality": "high", "background": "transparent", "moderation": "low", "model": "gpt-image-2"}
    body = (await post(make_server(), asked)).json()

    assert [
        word for line in body["warnings"] for word in ("gpt-image-2", "moderation", "background") if word in line
    ] == ["gpt-image-2", "moderation", "background"]
    assert (body["quality"], body["background"]) == ("high", "opaque")


@pytest.mark.parametrize(("quality", "share"), [("low", 0.25), ("medium", 0.5), ("high", 1.0), ("auto", 1.0)])
async def test_a_lower_quality_is_drawn_smaller(make_server, painter, quality, share):
    body = (await post(make_server(), {"size": "112x96", "quality": quality})).json()

    drawn = painter.drawn[0].size
    assert drawn.width * drawn.height == pytest.approx(share * 112 * 96, rel=0.4)
    assert body["size"] == "112x96"


async def test_compression_goes_from_none_to_all(make_server):
    async def length(compression):
        body = (await post(make_server(), {"output_format": "jpeg", "output_compression": compression})).json()
        return len(body["data"][0]["b64_json"])

    assert await length("0") < await length("50") < await length("100") == await length("")


@pytest.mark.parametrize(
    ("data", "upload", "words"),
    [
        ({"prompt": " "}, None, "prompt"),
        ({"prompt": "x" * 32_001}, None, "prompt"),
        ({"n": "11"}, None, "n must be from 1 to 10"),
        ({"n": "two"}, None, "n is not a number"),
        ({"n": "2", "stream": "true"}, None, "n must be 1"),
        ({"seed": "-1"}, None, "seed must be from 0 to 2147483647"),
        ({"quality": "superb"}, None, "quality"),
        ({"background": "red"}, None, "background"),
        ({"guidance_scale": "nan"}, None, "guidance_scale"),
        ({"size": "huge"}, None, "WIDTHxHEIGHT"),
        ({"size": "9000x9000"}, None, "sides of"),
        ({"response_format": "url"}, None, "b64_json"),
        ({"output_format": "gif"}, None, "output_format"),
        ({}, [("image", ("a.png", b"not a picture", "image/png"))], "not a picture"),
        ({}, [("image", ("a.png", b"", "image/png"))], "empty"),
        ({}, [("other", ("a.png", b"x", "image/png"))], "no picture"),
        ({}, files() + files(), "There are 2 pictures"),
        ({}, files(mask=codec.encode_mask_png(np.zeros((8, 8), np.uint8))), "size differs"),
        ({"size": "200x100"}, files(mask=codec.encode_mask_png(np.zeros(SIZE[::-1], np.uint8))), "picture's shape"),
        ({}, files(np.zeros((1100, 1000, 3), np.uint8)), "megapixels"),
        ({}, files(picture(Size(600, 40))), "too long and narrow"),
    ],
)
async def test_what_cannot_be_drawn_is_refused_in_words_before_the_engine_is_asked(
    make_server, painter, data, upload, words
):
    server = make_server()
    response = await post(server, data, upload)

    assert response.status_code == 400
    error = response.json()["error"]
    assert words in f"{error['message']} {error['hint']}"
    assert error["code"] in ("InvalidRequest", "InvalidImage")
    assert painter.drawn == []
    assert 'edits_total{outcome="refused"} 1' in server.tally.text(ready=True)


async def test_a_request_of_monstrous_length_is_not_read(make_server):
    sent = 0

    async def endless():
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        while True:
            sent += 1
            yield bytes(1_000_000)

    async with asking(make_server()) as client:
        told = await client.post(URL, content=b"", headers={"content-length": "999999999"})
        untold = await client.post(URL, content=endless(), headers={"content-type": "multipart/form-data; boundary=x"})

    assert (told.status_code, untold.status_code) == (400, 400)
    assert "MB" in told.json()["error"]["message"]
    assert told.json()["error"]["message"] == untold.json()["error"]["message"]
    assert sent <= 6


async def test_a_request_in_pieces_need_not_say_how_long_it_is(make_server):
    request = httpx.Request("POST", "http://engine" + URL, data={"prompt": "make it red"}, files=files())
    body = request.read()

    async def pieces():
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    async with asking(make_server()) as client:
        response = await client.post(URL, content=pieces(), headers={"content-type": request.headers["content-type"]})

    assert response.status_code == 200


async def test_the_error_of_the_engine_keeps_its_kind(make_server, painter):
    painter.fail = OutOfMemory("The memory did not suffice.", backend="diffusers", hint="Send a draft.")
    response = await post(make_server())
    assert (response.status_code, response.json()["error"]["code"]) == (500, "OutOfMemory")

    painter.fail = ContentModerated("Refused.", backend="diffusers", stage="output")
    response = await post(make_server())
    assert (response.status_code, response.json()["error"]["code"]) == (400, "moderation_blocked")

    painter.fail = RateLimited("Too many.", backend="diffusers")
    response = await post(make_server())
    assert (response.status_code, response.json()["error"]["code"]) == (429, "RateLimited")

    painter.fail = RuntimeError("a secret path /etc")
    response = await post(make_server())
    assert response.status_code == 500
    assert "secret" not in response.text


async def test_before_the_model_is_loaded_it_lives_but_takes_nothing(make_server, painter):
    server = make_server(warm=False)
    async with asking(server) as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/ready")).status_code == 503
        assert (await post(server)).status_code == 503

        await server.warm_up()
        assert (await client.get("/ready")).json()["status"] == "ready"
    assert len(painter.drawn) == 1
    assert (await post(server)).status_code == 200


async def test_a_warm_up_whose_picture_the_filter_refuses_is_a_warm_up(make_server, painter):
    painter.fail = ContentModerated("Refused.", backend="diffusers", stage="output")
    server = make_server(warm=False)
    await server.warm_up()

    assert server.readiness.ready


@pytest.mark.parametrize(("host", "filtered"), [("127.0.0.1", False), ("0.0.0.0", True)])
async def test_whom_the_command_listens_to_decides_on_the_filter(make_settings, painter, host, filtered):
    wanted = []

    def make_engine(settings):
        wanted.append(is_wanted(settings))
        return DiffusersBackend(EngineConfig(), painter, check=lambda _: Readiness(False, "No weights."))

    options = build_parser().parse_args(["serve-engine", "--host", host], namespace=Options())
    with pytest.raises(ModelNotInstalled):
        await serve(make_settings(), options, make_engine)

    assert wanted == [filtered]


async def test_an_engine_that_is_not_ready_says_why(make_server):
    server = make_server(Readiness(False, "The weights are gone.", "Put them back."))
    response = await post(server)

    assert response.status_code == 503
    assert response.json()["error"]["message"] == "The weights are gone. Put them back."


async def test_without_the_key_nothing_is_drawn_but_probes_are_answered(make_server, painter):
    server = make_server(key="a-long-secret")
    assert (await post(server)).status_code == 401
    assert (await post(server, headers={"authorization": "Bearer a-long-secreT"})).status_code == 401
    assert (await post(server, headers={"authorization": "Bearer a-long-secret"})).status_code == 200
    assert (await post(server, headers={"authorization": "bearer a-long-secret"})).status_code == 200
    async with asking(server) as client:
        assert (await client.get("/ready")).status_code == 200
    assert len(painter.drawn) == 2


@pytest.mark.parametrize(("key", "trouble"), [("a-long-secret", ""), ("wrong", "the key was refused")])
async def test_a_wrong_key_is_noticed_when_servers_are_surveyed(make_server, key, trouble):
    transport = httpx.ASGITransport(app=make_server(key="a-long-secret").app)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport) as client:
        (found,) = await Fleet(["http://gpu"], lambda: client, time.monotonic, headers=headers).survey()

    assert found.trouble == trouble


async def test_the_models_say_whose_server_it_is(make_server):
    async with asking(make_server()) as client:
        (entry,) = (await client.get("/v1/models")).json()["data"]

    assert (entry["id"], entry["owned_by"]) == ("tiny", "kontext_ui")


async def test_unknown_methods_are_answered_in_json(make_server):
    async with asking(make_server()) as client:
        response = await client.get(URL)

    assert response.status_code == 405
    assert response.json()["error"]["message"]


async def until(reached):
    def look():
        deadline = time.monotonic() + WAIT_S
        while not reached() and time.monotonic() < deadline:
            time.sleep(0.005)
        return reached()

    assert await asyncio.to_thread(look)


async def begun(painter):
    assert await asyncio.to_thread(painter.begun.wait, WAIT_S)


async def test_a_full_line_sends_away_and_shows_its_length(make_server, painter):
    painter.gate = threading.Event()
    server = make_server(max_open=2)
    waiting = [asyncio.create_task(post(server)) for _ in range(2)]
    await begun(painter)
    await until(lambda: server.tally.open == 2)

    refused = await post(server)
    async with asking(server) as client:
        ready = (await client.get("/ready")).json()
        metrics = (await client.get("/metrics")).text
    painter.gate.set()

    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert (ready["running"], ready["waiting"]) == (1, 1)
    assert "kontext_engine_waiting 1" in metrics
    assert [(await task).status_code for task in waiting] == [200, 200]
    assert 'edits_total{outcome="done"} 2' in server.tally.text(ready=True)
    assert "kontext_engine_edit_seconds_count 2" in server.tally.text(ready=True)


def events_in(text):
    return [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]


async def test_a_stream_tells_steps_previews_and_the_picture(make_server):
    response = await post(make_server(), {"stream": "true", "partial_images": "1", "seed": "3"})

    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_in(response.text)
    assert [event["type"] for event in events] == ["image_edit.partial_image", "image_edit.completed"]
    assert events[0]["stage"] == "step 1 of 2"
    assert events[1]["seed"] == 3
    assert opened(events[1]).ndim == 3


@pytest.mark.parametrize(("progress", "kinds"), [("true", ["image_edit.progress"]), ("", [])])
async def test_previews_and_progress_are_only_sent_to_those_who_asked(make_server, progress, kinds):
    response = await post(make_server(), {"stream": "true", "progress": progress})

    assert [event["type"] for event in events_in(response.text)] == [*kinds, "image_edit.completed"]


async def test_a_stream_ends_with_the_error_that_stopped_it(make_server, painter):
    painter.fail = OutOfMemory("The memory did not suffice.", backend="diffusers")
    events = events_in((await post(make_server(), {"stream": "true"})).text)

    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["code"] == "OutOfMemory"


async def test_a_quiet_stream_is_kept_open(make_server, painter):
    painter.gate = threading.Event()
    server = make_server(heartbeat_s=0.01)
    form = {"prompt": "red", "stream": "true"}
    with serving(lambda _: server) as (_, address):
        async with (
            httpx.AsyncClient(timeout=WAIT_S) as client,
            client.stream("POST", address + URL, data=form, files=files()) as response,
        ):
            lines = response.aiter_lines()
            told = [await anext(line async for line in lines if line.startswith(":"))]
            painter.gate.set()
            told += [line async for line in lines]

    assert told[0] == ": still at work"
    assert "image_edit.completed" in "".join(told)


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_closing_the_connection_stops_the_edit_and_frees_the_line(make_server, painter, stream):
    painter.gate = threading.Event()
    server = make_server()
    with serving(lambda _: server) as (_, address):
        async with httpx.AsyncClient(timeout=WAIT_S) as client:
            form = {"prompt": "red", "stream": stream}
            asked = asyncio.create_task(client.post(address + URL, data=form, files=files()))
            await begun(painter)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            assert await asyncio.to_thread(painter.left.wait, WAIT_S)
            await until(lambda: not server.tally.open)

    assert 'edits_total{outcome="cancelled"} 1' in server.tally.text(ready=True)
    assert server.tally.open == 0


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_request_that_is_cancelled_as_a_whole_counts_as_cancelled(make_server, painter, stream):
    painter.gate = threading.Event()
    server = make_server()
    asked = asyncio.create_task(post(server, {"stream": stream}))
    await begun(painter)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)

    assert await asyncio.to_thread(painter.left.wait, WAIT_S)
    assert 'edits_total{outcome="cancelled"} 1' in server.tally.text(ready=True)


def test_the_command_line_has_sensible_defaults():
    options = build_parser().parse_args(["serve-engine"], namespace=Options())

    assert (options.host, options.port, options.warm_up) == ("127.0.0.1", 8188, True)


@pytest.mark.parametrize("wrong", [["--port", "99999"], ["--port", "x"], ["--max-waiting", "-1"]])
def test_wrong_usage_is_told(wrong, capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["serve-engine", *wrong], namespace=Options())
    assert "is not" in capsys.readouterr().err


async def test_an_engine_that_listens_to_others_is_built_as_one_that_serves_others(make_settings):
    built = []

    def make(settings):
        built.append(settings.host)
        return DiffusersBackend(EngineConfig(), Painter(), check=lambda _: Readiness(False, "Not here.", "Fetch it."))

    options = build_parser().parse_args(["serve-engine", "--host", "0.0.0.0"], namespace=Options())
    with pytest.raises(ModelNotInstalled, match="Not here"):
        await serve(make_settings(), options, make)

    assert built == ["0.0.0.0"]


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_server_that_is_closing_says_so_to_those_who_still_listen(make_server, painter, stream):
    painter.fail = EditCancelled("The program is closing.")
    server = make_server()
    response = await post(server, {"stream": stream})

    error = events_in(response.text)[-1]["error"] if stream == "true" else response.json()["error"]
    assert (error["status"] if stream == "true" else response.status_code) == 503
    assert error["message"] == "The program is closing."
    assert 'edits_total{outcome="failed"} 1' in server.tally.text(ready=True)


class FaultyEngine(DiffusersBackend):
    """Fails in a way that no engine should."""

    def edit(self, request, task):
        async def broken():
            yield Running(0.5, "step 1 of 2")
            raise ZeroDivisionError("a secret path /etc")

        return broken()


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_an_error_nobody_foresaw_is_answered_in_json_and_tells_nothing(painter, stream):
    engine = FaultyEngine(EngineConfig(megapixels=0.01, steps=2), painter, check=lambda _: READY)
    server = EngineServer(engine, model="tiny", limits=LIMITS)
    server.open_up()
    response = await post(server, {"stream": stream})

    error = events_in(response.text)[-1]["error"] if stream == "true" else response.json()["error"]
    assert (error["status"] if stream == "true" else response.status_code) == 500
    assert error["code"] == "internal_error"
    assert "secret" not in response.text
    assert "Traceback" not in response.text


async def test_a_probe_that_fails_is_answered_in_json_too(make_server):
    server = make_server()
    server.tally = None  # what `/metrics` reads
    transport = httpx.ASGITransport(app=server.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
        response = await client.get("/metrics")

    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
