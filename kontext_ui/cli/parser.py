"""The command line's grammar. Parameters of an edit are taken from :class:`~kontext_ui.edits.Parameters`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any, get_args, get_type_hints

from kontext_ui import __version__
from kontext_ui.cli.exits import MEANINGS
from kontext_ui.edits import LockMode, Parameters, Rectangle, Tier

PARAMETER_HELP = {
    "aspect_ratio": "W:H of the result; default: the photo's",
    "seed": "the same seed, photo and instruction give the same picture, where the backend supports it",
    "safety_tolerance": "how permissive the provider's filter is; higher allows more",
    "prompt_upsampling": "let the provider rewrite the instruction",
    "num_inference_steps": "more is slower and finer",
    "guidance_scale": "how closely the instruction is followed",
    "style_preset": "one of the backend's styles",
    "output_format": "format requested from the provider: png, jpeg or webp",
    "width": "pixels of the provider's picture, where it can be chosen",
    "height": "pixels of the provider's picture, where it can be chosen",
    "progressive": "progressive JPEG from the provider",
    "acceleration": "the provider's speed setting",
    "resolution": "how large a picture is asked for, by the model's own word, where it can be chosen",
    "grounding": "let the model search the web for what the instruction names; your words leave for a search",
}


class Options(argparse.Namespace):
    """What was typed."""

    command: str
    data_dir: Path | None
    json: bool
    quiet: bool
    photo: str
    instruction: str
    output: str
    tier: str
    backend: str | None
    model: str
    mask: Path | None
    reference: list[Path]
    lock: str
    feather_px: int | None
    region: Rectangle | None
    native_mask: bool
    side_by_side: bool
    prompt: str
    preserve: bool
    keep_character: bool | None
    project: str | None
    quality: int
    recipe: bool
    dry_run: bool
    older_than_h: float
    download: str | None
    host: str
    port: int
    max_waiting: int
    warm_up: bool
    action: str
    name: str
    id: str
    owner: str | None
    budget: float | None

    def parameters(self) -> Parameters:
        return Parameters(**{name: getattr(self, name) for name in PARAMETER_HELP})


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kontext_ui",
        description="Edit a picture by saying what should change; check and clean the data folder.",
        epilog="exit codes:\n" + "\n".join(f"  {code:<4} {meaning}" for code, meaning in MEANINGS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kontext_ui {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_edit(commands)
    _add_command(commands, "projects", "list the command line's projects, including edits that were interrupted")
    export = _add_command(commands, "export", "write a project's current picture; waits for its open edits")
    export.add_argument("project", metavar="PROJECT", help="id or title of a project of the command line")
    _add_output(export)
    _add_key(commands)
    _add_command(commands, "spending", "say who spent what, by day, project and model")
    _add_command(commands, "verify", "check that the history and its pictures are whole; changes nothing")
    sweep = _add_command(commands, "sweep", "remove files that no version, mask or edit refers to")
    sweep.add_argument(
        "--older-than-h", type=float, default=24.0, metavar="HOURS", help="only files older than this (default: 24)"
    )
    doctor = _add_command(commands, "doctor", "say what the local model needs and what this machine has")
    doctor.add_argument(
        "--download",
        nargs="?",
        const="",
        metavar="MODEL",
        help="fetch weights from Hugging Face first (16 to 35 GB): those of the settings, or MODEL by its id or name",
    )
    _add_serve_engine(commands)
    return parser


def _add_command(commands: Any, name: str, description: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=description,
        description=description[0].upper() + description[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="the data folder (default: the one in the settings)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("--quiet", action="store_true", help="print nothing unless something is wrong")
    return parser


def _add_key(commands: Any) -> None:
    parser = _add_command(commands, "key", "make, list and revoke access keys, by which programs use the server's API")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    make = actions.add_parser("make", help="make a key and print it, once")
    make.add_argument("name", metavar="NAME", help="what it is for")
    make.add_argument("--budget", type=_usd, metavar="USD", help="what all edits sent with it may cost together")
    actions.add_parser("list", help="list the keys there are; the keys themselves are not kept")
    actions.add_parser("revoke", help="let nobody in by this key any more").add_argument("id", metavar="ID")
    parser.add_argument(
        "--owner", metavar="ID", help="whose key; default: the command line's, whose projects `projects` lists"
    )


def _usd(text: str) -> float:
    usd = float(text)
    if not 0 <= usd < math.inf:
        raise argparse.ArgumentTypeError("an amount in US dollars")
    return usd


def _add_serve_engine(commands: Any) -> None:
    parser = _add_command(commands, "serve-engine", "serve this machine's local model to others over HTTP")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument(
        "--port", type=_port, default=8188, help="port to listen on; 0 takes a free one (default: 8188)"
    )
    parser.add_argument(
        "--max-waiting",
        type=_count,
        default=15,
        metavar="N",
        help="edits that may wait; further ones are refused (default: 15)",
    )
    parser.add_argument(
        "--warm-up",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="load the model before the first edit (default: yes)",
    )


def _add_edit(commands: Any) -> None:
    parser = _add_command(commands, "edit", "apply one instruction to a photo")
    parser.add_argument("photo", metavar="PHOTO", help="the picture's file; - reads it from stdin")
    parser.add_argument("instruction", metavar="INSTRUCTION", help="what should change, in plain words")
    _add_output(parser)
    parser.add_argument(
        "--tier", choices=[tier.value for tier in Tier], default="local", help="default: local, at no cost"
    )
    parser.add_argument("--backend", metavar="ID", help="which backend of the tier; default: the first that is ready")
    parser.add_argument(
        "--model", default="", metavar="ID", help="which model of the tier; default: FLUX.1 Kontext (see docs/tiers.md)"
    )
    parser.add_argument("--mask", type=Path, metavar="FILE", help="edit only where this picture is white")
    parser.add_argument(
        "--reference", type=Path, action="append", default=[], metavar="FILE", help="a picture to look at; repeatable"
    )
    parser.add_argument(
        "--lock",
        choices=[mode.value for mode in LockMode],
        default="auto",
        help="keep the photo's own pixels where nothing was meant to change (default: auto)",
    )
    parser.add_argument("--feather-px", type=int, metavar="PX", help="width of the soft edge")
    parser.add_argument("--region", type=_region, metavar="X,Y,W,H", help="send only this part of the photo, in pixels")
    parser.add_argument("--native-mask", action="store_true", help="use the backend's own masked model")
    parser.add_argument("--side-by-side", action="store_true", help="put references next to the photo on one canvas")
    parser.add_argument("--prompt", default="", metavar="TEXT", help="send this wording to the model instead")
    parser.add_argument("--preserve", action="store_true", help="ask the model to keep everything not mentioned")
    parser.add_argument(
        "--keep-character",
        action=argparse.BooleanOptionalAction,
        help="ask the model to keep a person's looks (default: when the instruction names a person)",
    )
    parser.add_argument("--project", metavar="TITLE", help="keep the edit in this project of the command line")
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent and at what price; send nothing")
    _add_parameters(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="where the picture goes; its suffix picks the format"
    )
    parser.add_argument("--quality", type=_quality, default=92, help="quality of a lossy OUT, 1 to 100 (default: 92)")
    parser.add_argument(
        "--recipe",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write the instructions that made the picture into it (default: yes)",
    )


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "parameters", "Left out, the backend's default applies. What a backend cannot take is reported before sending."
    )
    for name, hint in get_type_hints(Parameters).items():
        (kind,) = (argument for argument in get_args(hint) if argument is not type(None))
        flag = "--" + name.replace("_", "-")
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=PARAMETER_HELP[name])
        else:
            group.add_argument(flag, type=kind, metavar=kind.__name__.upper(), help=PARAMETER_HELP[name])


def _region(text: str) -> Rectangle:
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y,W,H in whole pixels") from None
    if min(x, y) < 0 or min(width, height) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} has a negative corner or an empty size")
    return Rectangle(x, y, width, height)


def _quality(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
