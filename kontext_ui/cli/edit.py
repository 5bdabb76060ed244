"""``edit``: one instruction applied to one photo, by the same path as the page.

The edit is journalled in the data folder like any other, so that one interrupted after payment is
collected on the next start. Its project belongs to its own owner, :data:`OWNER`, and no visitor's page
lists it; once the edit has ended and its result is written to its file, a project that was not requested
by name goes to the bin. Until then ``projects`` lists it and ``export`` writes its result.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from kontext_ui.cli.exits import DONE, INTERRUPTED, exit_code, tell_failure, write_json
from kontext_ui.cli.output import check_output, write_output
from kontext_ui.cli.parser import Options
from kontext_ui.cli.progress import ProgressBar
from kontext_ui.editor import EditDraft, Editor, Receipt
from kontext_ui.editor.feed import Subscription
from kontext_ui.edits import LockMode, Reference, Tier
from kontext_ui.errors import InvalidRequest
from kontext_ui.projects import Job, JobState, Outcome, Project, Turn, Version

OWNER = "command-line"
"""Visitors have random ids, so no visitor is ever this one."""


async def edit(editor: Editor, options: Options) -> int:
    """Carry out the command; returns its exit code. Raises what the editor raises before sending."""
    photo = _read_photo(options.photo)
    await editor.start()
    check_output(options.output, options.photo, json_too=options.json)
    project = await _project(editor, options)
    closed = True
    try:
        parent = await _parent(editor, project, photo, options.photo)
        draft = await _draft(editor, project, parent, options)
        receipt = await editor.edits.check(OWNER, project.id, draft)
        _announce(receipt, options)
        if options.dry_run:
            return DONE
        closed = False
        turn, interrupted = await _carry_out(editor, project, draft, options)
        if turn.version is not None:
            await write_output(editor, OWNER, turn.version, options)
        closed = True
        return _failed(turn, interrupted, options) if turn.version is None else _report(turn, turn.version, options)
    finally:
        if options.project is None and closed:
            await editor.projects.delete(OWNER, project.id)


async def find_project(editor: Editor, wanted: str) -> Project | None:
    """The command line's project of this id or title."""
    return next((p for p in await editor.projects.all(OWNER) if wanted in (p.id, p.title)), None)


async def _project(editor: Editor, options: Options) -> Project:
    if options.project is None:
        return await editor.projects.create(OWNER, Path(options.photo).name)
    return await find_project(editor, options.project) or await editor.projects.create(OWNER, options.project)


async def _parent(editor: Editor, project: Project, photo: bytes, name: str) -> Version:
    """The version that the photo is: an edit of a named project's last result continues its branch."""
    before = await editor.projects.open(OWNER, project.id)
    added = await editor.pictures.open(OWNER, project.id, photo, name)
    same = next((version for version in before.versions if version.digest == added.digest), None)
    if same is None:
        return added
    await editor.versions.prune(OWNER, project.id, added.id)
    await editor.versions.select(OWNER, project.id, same.id)
    return same


async def _draft(editor: Editor, project: Project, parent: Version, options: Options) -> EditDraft:
    references = [await editor.pictures.add_reference(OWNER, project.id, _read(path)) for path in options.reference]
    mask = None
    if options.mask is not None:
        mask = await editor.pictures.add_mask(OWNER, project.id, parent.id, _read(options.mask))
    return make_draft(options, parent.id, references, mask)


def make_draft(options: Options, parent: str, references: Sequence[str], mask: str | None) -> EditDraft:
    """The typed options as a draft. Files are named by the digest they were stored under."""
    return EditDraft(
        instruction=options.instruction,
        tier=Tier(options.tier),
        backend=options.backend,
        model=options.model,
        parent=parent,
        prompt=options.prompt,
        references=tuple(Reference(digest) for digest in references),
        mask=mask,
        region=options.region,
        lock=LockMode(options.lock),
        feather_px=options.feather_px,
        native_mask=options.native_mask,
        side_by_side=options.side_by_side,
        preserve=options.preserve,
        keep_character=options.keep_character,
        parameters=options.parameters(),
    )


async def _carry_out(editor: Editor, project: Project, draft: EditDraft, options: Options) -> tuple[Turn, bool]:
    """Send and wait; the first Ctrl+C cancels the edit and waits to learn whether it is billed."""
    with (
        editor.projects.subscribe(project.id) as changes,
        ProgressBar(shown=not options.quiet) as bar,
        _interrupt() as interrupted,
    ):
        job = await editor.edits.submit(OWNER, project.id, draft)
        waiting = asyncio.create_task(editor.edits.wait(OWNER, job.id))
        stopping = asyncio.create_task(interrupted.wait())
        following = asyncio.create_task(_follow(changes, job, bar))
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                await editor.edits.cancel(OWNER, job.id)
            return await waiting, interrupted.is_set()
        finally:
            following.cancel()
            stopping.cancel()
            await asyncio.gather(following, stopping, return_exceptions=True)


@contextlib.contextmanager
def _interrupt() -> Iterator[asyncio.Event]:
    """An event that the first Ctrl+C sets; the second ends the program.

    Where event loops do not handle signals (Windows), the first one ends it.
    """
    pressed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def press() -> None:
        pressed.set()
        loop.remove_signal_handler(signal.SIGINT)

    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)


async def _follow(changes: Subscription, job: Job, bar: ProgressBar) -> None:
    async for change in changes:
        if (running := change.progress.get(job.id)) is not None:
            bar.show(running)


def _announce(receipt: Receipt, options: Options) -> None:
    """Where it goes and what it costs, before it is sent."""
    price = "price known afterwards" if receipt.price_usd is None else f"${receipt.price_usd:.3f}"
    if receipt.price_usd == 0:
        price = "free"
    if options.dry_run and options.json:
        write_json(
            {
                "status": "not sent",
                "backend": receipt.request.backend,
                "model": receipt.model,
                "price_usd": receipt.price_usd,
                "typical_s": receipt.typical_s,
                "geometry": receipt.geometry,
                "warnings": list(receipt.warnings),
            }
        )
    elif not options.quiet:
        takes = f", typically {receipt.typical_s:g} s" if receipt.typical_s else ""
        lines = [f"{receipt.backend_label}, {receipt.model}: {price}{takes}", *receipt.remarks]
        sys.stderr.write("\n".join([*lines, receipt.geometry, *receipt.warnings]).rstrip() + "\n")


def _failed(turn: Turn, interrupted: bool, options: Options) -> int:
    assert turn.job.failure is not None
    tell_failure(turn.job.failure, options.json)
    if interrupted or turn.job.state is JobState.CANCELLED:
        return INTERRUPTED
    return exit_code(turn.job.failure.kind)


def _report(turn: Turn, version: Version, options: Options) -> int:
    outcome = version.outcome
    assert outcome is not None
    if options.json:
        _report_json(turn, version, outcome, options)
    elif not options.quiet:
        size_and_place = f"{version.size}, {outcome.seconds:.2f} s, written to {options.output}"
        lines = [outcome.description, *outcome.warnings, size_and_place]
        sys.stderr.write("\n".join(line for line in lines if line) + "\n")
    return DONE


def _report_json(turn: Turn, version: Version, outcome: Outcome, options: Options) -> None:
    write_json(
        {
            "status": "done",
            "output": options.output,
            "instruction": version.instruction,
            "description": outcome.description,
            "tier": outcome.tier,
            "backend": outcome.backend,
            "model": outcome.model,
            "seconds": round(outcome.seconds, 3),
            "price_usd": outcome.price_usd,
            "seed": outcome.seed,
            "request_id": outcome.request_id,
            "width": version.size.width,
            "height": version.size.height,
            "changed_fraction": outcome.changed_fraction,
            "digest": version.digest,
            "warnings": list(outcome.warnings),
            "project": version.project,
            "version": version.id,
            "job": turn.job.id,
        }
    )


def _read_photo(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else _read(Path(name))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror or error}.") from error
