# ruff: noqa: E501  the texts stand as they do in the program
"""The faults that ``make mutants`` plants: the promise each breaks, where, and the tests that have to notice."""

from __future__ import annotations

from typing import NamedTuple

from tests.conftest import ROOT


class Mutant(NamedTuple):
    promise: str
    text: str
    """A text that stands in exactly one place of the program."""
    fault: str
    """What is put there instead."""
    tests: tuple[str, ...]


EDGES = ("tests/unit/editor/test_promises_at_the_edges.py",)
EDITING = ("tests/unit/editor/test_editing.py", *EDGES)
RECOVERY = ("tests/unit/editor/test_recovery.py", "tests/unit/test_history_jobs.py")
LIMITS = ("tests/unit/editor/test_limits.py", "tests/unit/editor/test_who_pays.py")
ONE_EDIT = ("tests/unit/editor/test_one_edit.py",)
OWNERS = ("tests/unit/test_history_owners.py", "tests/unit/test_history.py")
JOBS = ("tests/unit/test_history_jobs.py",)
HISTORY = ("tests/unit/test_history.py", "tests/unit/test_history_upkeep.py")
ADDRESSES = ("tests/unit/backends/hosted/test_addresses_of_providers.py",)
GEOMETRY = ("tests/unit/test_geometry.py",)
LOCK = ("tests/unit/test_lock.py",)
WEB = ("tests/unit/web",)
API = ("tests/unit/api",)
TERMS = ("tests/unit/editor/test_terms.py",)
SCRIPTS = tuple(sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "js").glob("*.test.js")))

MUTANTS = (
    # Owners
    Mutant(
        "owner: a stranger cannot stop an edit",
        "        await _io(self._store.jobs.get, owner, job_id)\n        if not await self._following.cancel(job_id):",
        "        if not await self._following.cancel(job_id):",
        EDITING,
    ),
    Mutant(
        "owner: a project is only its owner's",
        'first_row(db, f"{PROJECT_SQL} WHERE p.id = ? AND p.owner = ?", project_id, owner)',
        "first_row(db, f\"{PROJECT_SQL} WHERE p.id = ? AND ? <> ''\", project_id, owner)",
        OWNERS,
    ),
    Mutant(
        "owner: a job is only its owner's",
        '"SELECT * FROM jobs WHERE id = ? AND owner = ?", job_id, owner)',
        "\"SELECT * FROM jobs WHERE id = ? AND ? <> ''\", job_id, owner)",
        OWNERS,
    ),
    Mutant(
        "owner: a picture is fetched by its project's owner alone",
        '                WHERE p.id = ? AND p.owner = ?\n                """,\n                digest,',
        '                WHERE p.id = ? AND ? <> \'\'\n                """,\n                digest,',
        OWNERS,
    ),
    Mutant(
        "owner: a picture of another project cannot be named in a draft",
        "            for digest in images:\n                need_image(db, project_id, digest)\n",
        "",
        EDITING,
    ),
    Mutant(
        "owner: a version belongs to the project it is asked for in",
        '"SELECT * FROM versions WHERE id = ? AND project_id = ?", version_id, project_id)',
        "\"SELECT * FROM versions WHERE id = ? AND ? <> ''\", version_id, project_id)",
        (*OWNERS, *HISTORY),
    ),
    Mutant(
        "owner: dismissing a card checks whose it is",
        '            row = _owned_job(db, owner, job_id)\n            if row["state"] in OPEN_STATES:\n                raise JobClosed("This edit is still',
        '            row = _open_row(db, job_id, or_cancelled=True)\n            if row["state"] in OPEN_STATES:\n                raise JobClosed("This edit is still',
        (*JOBS, *EDGES),
    ),
    # Keys
    Mutant(
        "keys: a forgotten key is gone",
        "self._keys.get(owner, {}).pop(backend_id, None)",
        "self._keys.get(owner, {}).get(backend_id, None)",
        ("tests/unit/editor",),
    ),
    Mutant(
        "keys: a visitor's key is used for that visitor alone",
        "        return self._keys.get(owner, {}).get(backend_id)",
        "        return next((keys[backend_id] for keys in self._keys.values() if backend_id in keys), None)",
        ("tests/unit/editor",),
    ),
    Mutant(
        "keys: the program's own credit is told only where that is wanted",
        "tell_credit=self._tell_credit or key is not None",
        "tell_credit=True",
        ("tests/unit/editor/test_key_checks.py",),
    ),
    Mutant(
        "keys: a key ring does not show its keys",
        'return f"KeyRing({len(self._keys)} owners)"',
        'return f"KeyRing({self._keys})"',
        EDITING,
    ),
    # Money
    Mutant(
        "budget: a day counts what still runs",
        "check_budget(of_day, usd, ledger.running_usd(Scope.VISITOR, sender))",
        "check_budget(of_day, usd, 0.0)",
        EDITING,
    ),
    Mutant(
        "budget: a project counts what still runs",
        "check_budget(of_project, usd, ledger.project_running_usd(project_id))",
        "check_budget(of_project, usd, 0.0)",
        EDITING,
    ),
    Mutant(
        "budget: an edit that would pass it is refused",
        "if committed + price_usd > budget.limit_usd + EPSILON_USD:",
        "if committed > budget.limit_usd + EPSILON_USD:",
        EDITING,
    ),
    Mutant(
        "budget: another backend steps in only within it",
        "request, failed, price, self._budgets.guard_change(run.job, price)",
        "request, failed, price",
        EDITING,
    ),
    Mutant(
        "limits: all visitors together cannot pass the server's",
        "            guard(Ledger(db, self._clock()))\n            return [self._record(db, job) for job in jobs]",
        "            return [self._record(db, job) for job in jobs]",
        LIMITS,
    ),
    Mutant(
        "limits: what visitors pay themselves is not the server's money",
        "sum(expense.usd for expense in expenses if not expense.own_key)",
        "usd",
        LIMITS,
    ),
    Mutant(
        "limits: what runs counts",
        "return spent + ledger.running_usd(scope, sender, servers_only=True)",
        "return spent",
        LIMITS,
    ),
    Mutant(
        "limits: an unknown price is not free",
        "return Expense(self.unknown_usd if price_usd is None else price_usd, own_key)",
        "return Expense(price_usd or 0.0, own_key)",
        LIMITS,
    ),
    Mutant(
        "money: a visitor's refused key is not replaced by the server's",
        "same_payer = offer.own_key == job.own_key or not offer.takes_key",
        "same_payer = True",
        LIMITS,
    ),
    Mutant(
        "money: a visitor's missing key is not replaced by the server's",
        "    if job.own_key and not own_key:\n",
        "    if False:\n",
        LIMITS,
    ),
    Mutant(
        "money: what may have cost is never sent elsewhere",
        "if error.billed is not Billed.NO or not isinstance(error, FREE_FAILURES):",
        "if not isinstance(error, FREE_FAILURES):",
        EDITING,
    ),
    Mutant(
        "money: a job that ends twice counts once",
        '    db.execute("DELETE FROM spend WHERE job_id = ?", (job["id"],))\n',
        "",
        (*JOBS, *HISTORY),
    ),
    Mutant(
        "money: a failure that was billed is counted",
        "billed = failure is not None and failure.billed is not Billed.NO",
        "billed = False",
        (*JOBS, *HISTORY),
    ),
    Mutant(
        "money: the cheapest ready backend comes first",
        "return sorted(offers, key=lambda offer: _price(offer.capabilities))",
        "return offers",
        EDITING,
    ),
    Mutant(
        "money: a pinned backend is not left for another",
        "if self._fallback and not run.pinned and run.job.remote_id is None:",
        "if self._fallback and run.job.remote_id is None:",
        EDITING,
    ),
    # Journal
    Mutant(
        "journal: sending is written before the backend is called",
        "                run.job = await self._journal.job(self._store.jobs.mark_sending, run.job.id, quiet=True)\n",
        "",
        EDITING,
    ),
    Mutant(
        "journal: what was on its way when the program died is uncertain",
        "elif backend is not None and job.sending_at is None:",
        "elif backend is not None:",
        RECOVERY,
    ),
    Mutant(
        "journal: an edit on this machine is not started a third time",
        "if job.starts < 2:",
        "if job.starts < 9:",
        RECOVERY,
    ),
    Mutant(
        "journal: an id that comes after the cancel is kept",
        "            row = _open_row(db, job_id, or_cancelled=True)\n            values: Row",
        "            row = _open_row(db, job_id)\n            values: Row",
        (*JOBS, *EDITING),
    ),
    Mutant(
        "journal: a late result leaves the head alone",
        "            if not late:\n                _advance_head",
        "            if True:\n                _advance_head",
        (*JOBS, *EDITING),
    ),
    Mutant(
        "journal: the head stays where the user moved it",
        '    if not hidden and head in (job["base_head"], job["parent"]):\n',
        "    if not hidden:\n",
        (*HISTORY, *JOBS, *EDITING),
    ),
    Mutant(
        "journal: a living process keeps its jobs",
        "(SELECT token FROM processes WHERE beat_at >= ?)) ORDER BY seq",
        "(SELECT token FROM processes WHERE beat_at < ?)) ORDER BY seq",
        RECOVERY,
    ),
    Mutant(
        "journal: a replay stops at the first step that fails",
        "            if turn.version is None:\n                return\n            version_id = turn.version.id",
        "            version_id = version_id if turn.version is None else turn.version.id",
        EDGES,
    ),
    # What reaches the model
    Mutant(
        "request: the soft edge reaches the lock",
        "        feather_px=request.feather_px,\n    )\n    return BroughtBack(\n        locked.pixels,\n        locked.change_mask,\n        locked.changed_fraction,\n        result.warnings + locked.warnings,\n        locked.meters,",
        "    )\n    return BroughtBack(\n        locked.pixels,\n        locked.change_mask,\n        locked.changed_fraction,\n        result.warnings + locked.warnings,\n        locked.meters,",
        EDITING,
    ),
    Mutant(
        "request: references are shrunk",
        "    small = _as_references(looked_at, route.capabilities)",
        "    small = looked_at",
        EDITING,
    ),
    Mutant(
        "request: the mask is put on the model's canvas",
        "    canvas[box.y : box.y + box.height, box.x : box.x + box.width] = part\n",
        "",
        EDITING,
    ),
    Mutant(
        "request: a prompt that is too long is refused",
        "    if length > high:",
        "    if length > 10 * high:",
        EDITING,
    ),
    Mutant(
        "request: a person's looks are kept as the user wants",
        "person=draft.keep_character, rest=rest)",
        "person=None, rest=rest)",
        EDITING,
    ),
    Mutant(
        "request: trying again repeats every option",
        "        return {each.name: getattr(self, each.name) for each in dataclasses.fields(EditOptions)}",
        '        return {e.name: getattr(self, e.name) for e in dataclasses.fields(EditOptions) if e.name != "feather_px"}',
        ONE_EDIT,
    ),
    Mutant(
        "request: drift that adds up is told",
        "warnings=back.warnings if warning is None else (*back.warnings, warning),",
        "warnings=back.warnings,",
        EDITING,
    ),
    # Addresses
    Mutant(
        "address: none inside this network",
        "return all(ipaddress.ip_address(address[4][0]).is_global for address in found)",
        "return True",
        ADDRESSES,
    ),
    Mutant(
        "address: a download follows no redirect",
        'stream("GET", url, follow_redirects=False)',
        'stream("GET", url, follow_redirects=True)',
        ADDRESSES,
    ),
    Mutant(
        "address: only https on the provider's domains",
        'return parts.scheme == "https" and known and parts.username is None',
        "return known",
        ADDRESSES,
    ),
    Mutant(
        "address: a domain is not matched by its end alone",
        'host == domain or host.endswith("." + domain)',
        "host == domain or host.endswith(domain)",
        ADDRESSES,
    ),
    # Geometry and lock
    Mutant(
        "geometry: a reference point keeps its place on the canvas",
        "return Rectangle(0, 0, size.width, size.height)",
        "return Rectangle(0, 0, size.width, size.height - 1)",
        GEOMETRY,
    ),
    Mutant(
        "geometry: panoramas are refused, not squeezed",
        "    if 1.0 - fit.padded < _MIN_CONTENT:",
        "    if False:",
        GEOMETRY,
    ),
    Mutant(
        "geometry: the nearest shape wins",
        "key=lambda s: abs(np.log(s.ratio / size.ratio))",
        "key=lambda s: abs(s.ratio - 1)",
        GEOMETRY,
    ),
    # The web layer
    # Programs
    Mutant(
        "programs: what is paid for with a key goes where its budget is asked",
        '"submit": Action(m.Submission, _submit, _as_is, by_key=False)',
        '"submit": Action(m.Submission, _submit, _as_is)',
        WEB,
    ),
    Mutant(
        "programs: a session of an agent belongs to the key that began it",
        'AccessToken(token="", client_id=key, scopes=[])',
        'AccessToken(token="", client_id="", scopes=[])',
        WEB,
    ),
    Mutant(
        "programs: a file that was sent is its owner's",
        "return self._folder / hashlib.sha256(owner.encode()).hexdigest()[:32]",
        "return self._folder / hashlib.sha256(b'').hexdigest()[:32]",
        API,
    ),
    Mutant(
        "programs: a name with any private address is not connected to",
        "if not addresses or not all(map(self._allow, addresses)):",
        "if not addresses or not any(map(self._allow, addresses)):",
        API,
    ),
    Mutant(
        "programs: it is the checked address that is connected to",
        "self._plain.connect_tcp(addresses[0], port",
        "self._plain.connect_tcp((await self._resolve(host, port))[0], port",
        API,
    ),
    Mutant(
        "programs: a call costs no more than it says",
        "if most_usd is not None and total_usd > most_usd + EPSILON_USD:",
        "if False:",
        TERMS,
    ),
    Mutant(
        "programs: who steps in costs no more than the call says",
        "if most_usd is not None and (price_usd is None or price_usd > most_usd + EPSILON_USD):",
        "if False:",
        TERMS,
    ),
    Mutant(
        "programs: what costs something needs a limit",
        "if most_usd is None and not bounded and (total_usd or unknown):",
        "if False:",
        TERMS,
    ),
    Mutant(
        "web: a page of another site has no identity here",
        "        if not is_same_origin(headers):\n            return None\n        sent",
        "        sent",
        WEB,
    ),
    Mutant(
        "web: scripts cannot read the cookie",
        "Max-Age={COOKIE_MAX_AGE_S}; HttpOnly; {where}",
        "Max-Age={COOKIE_MAX_AGE_S}; {where}",
        WEB,
    ),
    Mutant(
        "web: a cookie with a wrong signature is nobody's",
        "self._signer.unsign(value).decode",
        "value.encode().rpartition(b'.')[0].decode",
        WEB,
    ),
    Mutant(
        "web: Gradio's other doors stay closed",
        "        if path not in WITH_KEY and not path.startswith(BELOW_WITH_KEY):\n",
        "        if False:\n",
        WEB,
    ),
    Mutant(
        "web: an endpoint needs an access key",
        "        if by_key:\n            return None\n        hint",
        "        if True:\n            return None\n        hint",
        WEB,
    ),
    Mutant("web: foreign origins are granted nothing", "            del headers[name]\n", "            pass\n", WEB),
    Mutant(
        "web: an access key cannot do what only the page may",
        "if request.scope[ACCESS_KEY] and not ACTIONS[name].by_key:",
        "if False:",
        WEB,
    ),
    Mutant(
        "web: a body is read only as far as the limit",
        "            if len(body) > max_bytes:\n                raise too_large",
        "            if False:\n                raise too_large",
        WEB,
    ),
    Mutant(
        "web: files outside the page's folder are not handed out",
        "if not path.is_relative_to(self._assets) or path.suffix",
        "if path.suffix",
        WEB,
    ),
    Mutant(
        "web: events of a project go to its owner alone",
        '            await self._editor.projects.get(owner, project_id)\n        except KontextError as error:\n            return failed(error)\n        headers = {"cache-control": "no-store", "x-accel',
        '            pass\n        except KontextError as error:\n            return failed(error)\n        headers = {"cache-control": "no-store", "x-accel',
        WEB,
    ),
    Mutant(
        "keys: only the hash of an access key is kept",
        "return hashlib.sha256(key.encode()).hexdigest()",
        "return key",
        WEB,
    ),
    Mutant(
        "keys: a revoked access key lets nobody in",
        '"DELETE FROM access_keys WHERE owner = ? AND id = ?"',
        '"DELETE FROM access_keys WHERE owner = ? AND id = ? AND 0"',
        WEB,
    ),
    Mutant(
        "keys: an upload is used by its own owner alone",
        "files = (file for own in folder.iterdir() for file in own.iterdir()) if folder.is_dir() else ()",
        "files = (f for o in self._folder.iterdir() for own in o.iterdir() for f in own.iterdir())",
        (*WEB, "tests/unit/api"),
    ),
    # The scripts
    Mutant("scripts: the eraser erases", '= erases ? "destination-out" : "source-over"', '= "source-over"', SCRIPTS),
    Mutant(
        "scripts: inverting inverts",
        'context.globalCompositeOperation = "xor";',
        'context.globalCompositeOperation = "source-over";',
        SCRIPTS,
    ),
    Mutant("scripts: the wheel zooms the right way", "Math.exp(-deltaY *", "Math.exp(deltaY *", SCRIPTS),
    Mutant(
        "scripts: plus comes closer",
        "run: (page) => page.canvas.zoomBy(ZOOM_STEP)",
        "run: (page) => page.canvas.zoomBy(1 / ZOOM_STEP)",
        SCRIPTS,
    ),
    Mutant(
        "scripts: [ makes the brush smaller",
        "run: (page) => page.canvas.growBrush(1 / BRUSH_STEP)",
        "run: (page) => page.canvas.growBrush(BRUSH_STEP * 1)",
        SCRIPTS,
    ),
    Mutant(
        "scripts: the stored picture is loaded when zoomed in",
        "return longest > PREVIEW_PX && longest * scale * pixelRatio > ENOUGH_PX;",
        "return false;",
        SCRIPTS,
    ),
    Mutant(
        "scripts: a number is sent as it was typed",
        "return Number.isNaN(Number(typed)) ? null : Number(typed);",
        "return Number.isNaN(Number(typed)) ? null : Number(typed) + 1;",
        SCRIPTS,
    ),
    Mutant("scripts: minutes begin after a minute and a half", "value < 90 ?", "value < 9 ?", SCRIPTS),
    Mutant(
        "scripts: another tier is not pinned to the old backend",
        "backend: null, parameters: {} };",
        "parameters: {} };",
        SCRIPTS,
    ),
    Mutant(
        "scripts: a refused draft comes back",
        "return { ...now, ...messageOf(refused), instruction };",
        "return { ...now, instruction };",
        SCRIPTS,
    ),
    Mutant(
        "scripts: trying again repeats every field",
        "return { ...emptyDraft(), ...Object.fromEntries(asked), parent,",
        "return { ...emptyDraft(), ...Object.fromEntries(asked), feather_px: null, parent,",
        SCRIPTS,
    ),
    Mutant(
        "scripts: a job goes when its version comes",
        'row.state === "done" && row.version',
        'row.state === "done" && !row.version',
        SCRIPTS,
    ),
)
