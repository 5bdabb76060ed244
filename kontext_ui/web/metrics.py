"""What the editor does, as numbers for Prometheus and as lines for a log. Neither holds a word of anybody's, nor an id
that opens anything."""

from __future__ import annotations

import hmac
import logging
import shutil
from datetime import datetime
from pathlib import Path

from anyio import to_thread
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kontext_ui.editor import Editor
from kontext_ui.projects import Job, JobState
from kontext_ui.web.identity import METRICS
from kontext_ui.web.logs import tag

log = logging.getLogger(__name__)
BUCKETS_S = (0.1, 0.3, 1, 3, 5, 10, 20, 30, 60, 120, 300)


class Metrics:
    """Counts what ends in this process; what runs and what is stored is asked when it is scraped.

    ``token`` is what a scraper sends as bearer token; without one there are no metrics.
    """

    def __init__(self, editor: Editor, folder: Path, token: str = "") -> None:
        self._editor, self._folder, self._token = editor, folder, token
        registry = self._registry = CollectorRegistry()
        of = ["backend", "model"]
        self._edits = Counter("kontext_edits", "Edits by how they ended.", ["state", *of], registry=registry)
        self._seconds = Histogram(
            "kontext_edit_seconds", "From sending to the picture.", of, buckets=BUCKETS_S, registry=registry
        )
        self._spent = Counter("kontext_spent_usd", "US dollars, by whose key paid.", [*of, "payer"], registry=registry)
        self._open = Gauge(
            "kontext_open_edits", "Edits that wait or run, of all processes.", ["state"], registry=registry
        )
        self._streams = Gauge("kontext_event_streams", "Pages that listen.", registry=registry)
        self._free = Gauge("kontext_disk_free_bytes", "Room where the data folder lies.", registry=registry)
        editor.watch(self.ended)

    def routes(self) -> list[Route]:
        return [Route(METRICS, self.scrape)]

    def ended(self, job: Job, cost_usd: float) -> None:
        """An edit has ended; ``cost_usd`` as far as is known."""
        request, milliseconds = job.request, _milliseconds(job.created_at, job.updated_at)
        of = {"backend": request.backend, "model": request.model or "usual"}
        payer = "visitor" if job.own_key else "server"
        self._edits.labels(state=job.state.value, **of).inc()
        if job.state is JobState.DONE:
            self._seconds.labels(**of).observe(milliseconds / 1000)
        if cost_usd:
            self._spent.labels(payer=payer, **of).inc(cost_usd)
        fields = {
            **of,
            "job": tag(job.id),
            "project": tag(job.project),
            "outcome": job.state.value,
            "failure": "" if job.failure is None else job.failure.kind,
            "payer": payer,
            "usd": cost_usd,
            "milliseconds": milliseconds,
        }
        words = f"edit {fields['job']}: {job.state.value}, {request.backend}, {milliseconds} ms"
        log.info(words, extra={"fields": fields})

    async def scrape(self, request: Request) -> Response:
        if not self._token:
            raise HTTPException(404)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token.encode()):
            raise HTTPException(401, "Send the token of KONTEXT_UI_METRICS_TOKEN as bearer token.")
        standing = await self._editor.open_edits()
        for state in (state for state in JobState if state.is_open):
            self._open.labels(state=state.value).set(standing.get(state, 0))
        self._streams.set(self._editor.listeners)
        self._free.set((await to_thread.run_sync(shutil.disk_usage, self._folder)).free)
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


def _milliseconds(begun: datetime, ended: datetime) -> int:
    return max(0, round((ended - begun).total_seconds() * 1000))
