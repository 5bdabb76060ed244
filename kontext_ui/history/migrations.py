"""The schema, as steps that are applied once each and never edited after a release.

Ids are random text; ``seq`` is the order of insertion. Times are ISO 8601 in UTC with microseconds,
so that text order is time order. Values with many optional fields (requests, outcomes, failures)
are JSON: they are read back whole and never searched.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("kontext_ui")


def migrate(db: Database) -> None:
    """Bring the file up to date.

    When something is pending, the write lock is taken before looking again, so that two processes
    that start together do not both apply a step. Otherwise this waits for no writer.
    """
    if not migrations.pending(db):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        migrations.apply(db)
        db.commit()
    except BaseException:
        db.rollback()
        raise


@migrations()
def m001_projects_and_versions(db: Database) -> None:
    """``projects.head`` has no foreign key, because versions already refer to their project;
    ``verify`` reports a head that points nowhere.

    ``versions.pruned_by`` is the version whose pruning hid the row (itself for the one pruned).
    ``versions.folded`` is the text that search looks in. ``versions.cost_usd`` is the cost that
    the edit was counted with.
    """
    db.execute(
        """
        CREATE TABLE projects (
            seq INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            title TEXT NOT NULL,
            head TEXT,
            draft TEXT NOT NULL DEFAULT '',
            budget_usd REAL,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            deleted_at TEXT
        )
        """
    )
    db.execute("CREATE INDEX projects_by_owner ON projects (owner, updated_at)")
    db.execute("CREATE INDEX projects_in_bin ON projects (deleted_at) WHERE deleted_at IS NOT NULL")
    db.execute(
        """
        CREATE TABLE versions (
            seq INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
            parent TEXT REFERENCES versions (id),
            digest TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            has_alpha INTEGER NOT NULL DEFAULT 0,
            instruction TEXT NOT NULL DEFAULT '',
            folded TEXT NOT NULL DEFAULT '',
            request TEXT,
            outcome TEXT,
            source TEXT NOT NULL DEFAULT '{}',
            cost_usd REAL NOT NULL DEFAULT 0,
            created_at TEXT NOT NULL,
            job_id TEXT,
            name TEXT,
            starred INTEGER NOT NULL DEFAULT 0,
            redo_child TEXT,
            pruned_at TEXT,
            pruned_by TEXT
        )
        """
    )
    db.execute("CREATE INDEX versions_live ON versions (project_id) WHERE pruned_at IS NULL")
    db.execute("CREATE INDEX versions_by_project ON versions (project_id)")
    db.execute("CREATE INDEX versions_by_parent ON versions (parent)")
    db.execute("CREATE INDEX versions_by_pruning ON versions (pruned_by) WHERE pruned_by IS NOT NULL")


@migrations()
def m002_jobs(db: Database) -> None:
    """``jobs.base_head`` is the head that the job may move on besides its parent: the one when it
    was asked for. ``processes`` says which processes are alive.
    """
    db.execute(
        """
        CREATE TABLE jobs (
            seq INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
            owner TEXT NOT NULL,
            parent TEXT,
            base_head TEXT,
            request TEXT NOT NULL,
            state TEXT NOT NULL,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            remote_id TEXT,
            poll_url TEXT,
            details TEXT NOT NULL DEFAULT '{}',
            price_usd REAL,
            sending_at TEXT,
            starts INTEGER NOT NULL DEFAULT 0,
            version_id TEXT,
            failure TEXT,
            dismissed_at TEXT,
            fallback_from TEXT,
            claimed_by TEXT
        )
        """
    )
    db.execute("CREATE INDEX jobs_open ON jobs (project_id) WHERE state IN ('queued', 'submitted', 'running')")
    db.execute("CREATE INDEX jobs_shown ON jobs (project_id) WHERE state <> 'done' AND dismissed_at IS NULL")
    db.execute("CREATE INDEX jobs_by_project ON jobs (project_id)")
    db.execute("CREATE TABLE processes (token TEXT PRIMARY KEY, beat_at TEXT NOT NULL)")


@migrations()
def m003_images_spend_preferences(db: Database) -> None:
    """``spend`` refers to no other table: what was paid stays counted after a purge."""
    db.execute(
        """
        CREATE TABLE images (
            project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
            digest TEXT NOT NULL,
            kind TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            media_type TEXT NOT NULL,
            icc TEXT,
            created_at TEXT NOT NULL,
            PRIMARY KEY (project_id, digest)
        ) WITHOUT ROWID
        """
    )
    db.execute(
        """
        CREATE TABLE spend (
            job_id TEXT PRIMARY KEY,
            project_id TEXT NOT NULL,
            owner TEXT NOT NULL,
            usd REAL NOT NULL,
            spent_at TEXT NOT NULL
        ) WITHOUT ROWID
        """
    )
    db.execute("CREATE INDEX spend_by_project ON spend (project_id, usd)")
    db.execute("CREATE INDEX spend_by_owner ON spend (owner, spent_at, usd)")
    db.execute(
        """
        CREATE TABLE preferences (
            owner TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (owner, key)
        ) WITHOUT ROWID
        """
    )


@migrations()
def m004_references_are_objects(db: Database) -> None:
    """``reference_images: [digest]`` became ``references: [{image: digest}]``, which has room for a role."""
    for table in ("versions", "jobs"):
        db.execute(
            f"""
            UPDATE {table} SET request = json_remove(
                json_set(request, '$.references', json(
                    (SELECT json_group_array(json_object('image', value)) FROM json_each(request, '$.reference_images'))
                )),
                '$.reference_images'
            )
            WHERE CASE WHEN json_valid(request) THEN json_type(request, '$.reference_images') END = 'array'
            """
        )


@migrations()
def m005_access_keys(db: Database) -> None:
    """Keys by which programs act for an owner, as hashes only."""
    db.execute(
        """
        CREATE TABLE access_keys (
            digest TEXT PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            name TEXT NOT NULL,
            made_at TEXT NOT NULL
        ) WITHOUT ROWID
        """
    )
    db.execute("CREATE INDEX access_keys_by_owner ON access_keys (owner, made_at)")


@migrations()
def m006_version_numbers(db: Database) -> None:
    """``versions.number`` counts a project's versions from 1, hidden ones too, so that hiding renumbers nothing."""
    db.execute("ALTER TABLE versions ADD COLUMN number INTEGER NOT NULL DEFAULT 0")
    db.execute(
        """
        UPDATE versions SET number = counted.number FROM (
            SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY seq) AS number FROM versions
        ) AS counted WHERE counted.id = versions.id
        """
    )
    db.execute("CREATE INDEX versions_by_number ON versions (project_id, number)")


@migrations()
def m007_follow_ups(db: Database) -> None:
    """``jobs.after_job`` is the job whose result a job edits; until that exists it has no parent."""
    db.execute("ALTER TABLE jobs ADD COLUMN after_job TEXT")


@migrations()
def m008_requests_name_their_model(db: Database) -> None:
    """Until then every hosted edit was FLUX.1 Kontext, of its tier; the tier ``local`` has one model per backend."""
    for table in ("versions", "jobs"):
        db.execute(
            f"""
            UPDATE {table} SET request = json_set(request, '$.model', 'kontext-' || json_extract(request, '$.tier'))
            WHERE CASE WHEN json_valid(request) THEN
                json_extract(request, '$.tier') IN ('pro', 'max', 'dev') AND json_type(request, '$.model') IS NULL
            END
            """
        )


@migrations()
def m009_submissions(db: Database) -> None:
    """``jobs.submission`` is what the sender calls a job, so that a message that arrives twice is one edit."""
    db.execute("ALTER TABLE jobs ADD COLUMN submission TEXT")
    db.execute("CREATE UNIQUE INDEX jobs_by_submission ON jobs (owner, submission) WHERE submission IS NOT NULL")


@migrations()
def m010_who_pays(db: Database) -> None:
    """What limits are counted from.

    ``own_key`` says whether a visitor's own key pays: that is not the server's money. ``address`` is a keyed hash of
    where a visitor came from, and is emptied after a day. ``jobs.assumed_usd`` is what a job counts as while its
    price is unknown. ``counted`` has a row for each thing that may happen a limited number of times in an hour.
    ``recovery`` has the hashes of links that carry an owner to another browser.
    """
    db.execute("ALTER TABLE jobs ADD COLUMN own_key INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE jobs ADD COLUMN address TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE jobs ADD COLUMN assumed_usd REAL NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE spend ADD COLUMN own_key INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE spend ADD COLUMN address TEXT NOT NULL DEFAULT ''")
    db.execute("CREATE INDEX spend_by_day ON spend (spent_at, own_key, usd)")
    db.execute("CREATE INDEX spend_by_address ON spend (address, spent_at, own_key, usd) WHERE address <> ''")
    db.execute("CREATE INDEX jobs_with_address ON jobs (address) WHERE address <> ''")
    db.execute(
        """
        CREATE TABLE counted (
            kind TEXT NOT NULL,
            at TEXT NOT NULL,
            owner TEXT NOT NULL,
            address TEXT NOT NULL
        )
        """
    )
    db.execute("CREATE INDEX counted_by_time ON counted (kind, at)")
    db.execute("CREATE INDEX counted_by_owner ON counted (owner, kind, at)")
    db.execute("CREATE INDEX counted_by_address ON counted (address, kind, at)")
    db.execute(
        "CREATE TABLE recovery (digest TEXT PRIMARY KEY, owner TEXT NOT NULL, until TEXT NOT NULL) WITHOUT ROWID"
    )
    db.execute("ALTER TABLE images ADD COLUMN bytes INTEGER")
    db.execute("CREATE INDEX images_not_measured ON images (digest) WHERE bytes IS NULL")


@migrations()
def m011_terms(db: Database) -> None:
    """An access key may have a budget. ``access_key`` is the id of the key that an edit was sent with, kept when
    the key is revoked; ``jobs.max_price_usd`` is what the edit may cost at most, whoever carries it out.
    """
    db.execute("ALTER TABLE access_keys ADD COLUMN budget_usd REAL")
    db.execute("ALTER TABLE jobs ADD COLUMN access_key TEXT")
    db.execute("ALTER TABLE jobs ADD COLUMN max_price_usd REAL")
    db.execute("ALTER TABLE spend ADD COLUMN access_key TEXT")
    db.execute("CREATE INDEX spend_by_access_key ON spend (access_key, usd) WHERE access_key IS NOT NULL")


@migrations()
def m012_own_pixels(db: Database) -> None:
    """``images.own`` names the photo's own pixels, where 8 bits of sRGB do not hold them."""
    db.execute("ALTER TABLE images ADD COLUMN own TEXT")


@migrations()
def m013_what_was_spent_on(db: Database) -> None:
    """``spend`` says with which model, and whether it is known to have been billed.

    It keeps them itself, because jobs go with their project and what was paid stays counted.
    """
    db.execute("ALTER TABLE spend ADD COLUMN model TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE spend ADD COLUMN sure INTEGER NOT NULL DEFAULT 1")
    db.execute(
        """
        UPDATE spend SET
            model = coalesce(nullif(json_extract(j.request, '$.model'), ''), json_extract(j.request, '$.backend'), ''),
            sure = CASE WHEN json_valid(j.failure) THEN json_extract(j.failure, '$.billed') <> 'maybe' ELSE 1 END
        FROM jobs j WHERE j.id = spend.job_id AND json_valid(j.request)
        """
    )
    db.execute("CREATE INDEX spend_unsure ON spend (project_id, usd) WHERE NOT sure")


@migrations()
def m014_how_much_is_hidden(db: Database) -> None:
    """For the number beside "Hidden", which is read with every project."""
    db.execute("CREATE INDEX versions_hidden ON versions (project_id, pruned_by, id) WHERE pruned_by IS NOT NULL")
