"""The tables of the ledger: how a new one begins and an older one catches up.

Here: the migrations, in order. Not here: who applies them (`ledger.py`), and tables
of a version, which dbt builds.
"""

from __future__ import annotations

# Position = the `user_version` it leads to. Append only: an applied migration is
# history, and a ledger of any age must reach the newest schema.
MIGRATIONS: tuple[str, ...] = (
    """
    create table files (
        file_id integer primary key,
        source text not null,
        export text not null,
        path text not null,
        logical_name text not null,
        revision integer not null,
        period text,
        covers_until text,
        sha256 text,
        contract_hash text not null,
        -- Contract and limits: a refusal holds until one of them changes.
        reading_hash text not null,
        size_bytes integer,
        mtime_ns integer,
        -- With size and time: what tells an unchanged file without reading it.
        ctime_ns integer,
        inode integer,
        outcome text not null check (outcome in ('loaded', 'known', 'refused')),
        refusal_code text,
        refusal_message text,
        first_seen_at text not null,
        run_id text not null,
        -- When it was no longer in the exports folder; NULL while it is there.
        gone_at text,
        check ((outcome = 'refused') = (refusal_code is not null))
    );
    create index files_by_path on files (source, export, path, file_id);
    create index files_by_logical_name
        on files (source, export, contract_hash, logical_name, file_id);
    create table batches (
        seq integer primary key autoincrement,
        batch_id text not null,
        source text not null,
        export text not null,
        contract_hash text not null,
        file_id integer not null references files (file_id),
        lake_path text not null,
        lake_sha256 text not null,
        rows_in integer not null,
        loaded integer not null,
        rejected integer not null,
        duplicates integer not null,
        dst_flagged integer not null,
        required_nulls integer not null,
        extra_columns text not null,
        period text,
        covers_until text,
        watermark_max text,
        loaded_at text not null,
        run_id text not null,
        check (rows_in = loaded + rejected + duplicates),
        check (min(rows_in, loaded, rejected, duplicates, dst_flagged) >= 0)
    );
    -- The same bytes for another period are another delivery: days without rows
    -- have files that are all alike.
    create unique index batches_by_bytes on batches
        (source, export, batch_id, contract_hash, coalesce(period, ''));
    create table rejects (
        batch_seq integer not null references batches (seq),
        record_no integer not null,
        byte_position integer,
        column_name text,
        rule text not null
    );
    create index rejects_by_batch on rejects (batch_seq, record_no);
    create table verdicts (
        verdict_id integer primary key autoincrement,
        batch_seq integer not null references batches (seq),
        raw_sha256 text not null,
        lake_sha256 text not null,
        contract_hash text not null,
        suite_hash text not null,
        verdict text not null check (verdict in ('PASS', 'WARN', 'FAIL', 'ERROR')),
        expected integer not null,
        evaluated integer not null,
        results text not null,
        judged_at text not null,
        run_id text not null
    );
    create index verdicts_by_batch on verdicts (batch_seq, verdict_id);
    create table runs (
        run_id text primary key,
        started_at text not null,
        ended_at text,
        as_of text not null,
        pid integer not null,
        outcome text not null check (outcome in ('running', 'published',
            'published_held', 'failed', 'killed', 'busy', 'audited')),
        stage text,
        message text
    );
    create table lease (
        id integer primary key check (id = 1),
        token text not null,
        run_id text not null,
        pid integer not null,
        heartbeat_at text not null,
        expires_at text not null
    );
    create table versions (
        version integer primary key autoincrement,
        run_id text not null,
        as_of text not null,
        published_at text not null,
        code_version text not null,
        manifest_sha256 text not null,
        state text not null check (state in ('published', 'withdrawn', 'pruned'))
    );
    create table pointer (
        id integer primary key check (id = 1),
        version integer references versions (version),
        pinned integer not null default 0,
        pinned_reason text
    );
    insert into pointer (id, version, pinned) values (1, null, 0);
    create table facts (name text primary key, value text not null);
    """,
    """
    -- The newest batch a version was built from.
    alter table versions add column last_batch_no integer;
    -- Rows are only added: what was reported stays reported.
    create table publications (
        publication_no integer primary key autoincrement,
        version integer not null references versions (version),
        last_batch_no integer not null,
        code_version text not null,
        kpi_code text not null,
        definition_version text not null,
        segment_code text not null,
        period_grain text not null,
        period_start text not null,
        period_end text not null,
        value real,
        numerator integer,
        denominator integer,
        counted_count integer not null,
        open_count integer not null,
        undecided_count integer not null,
        excluded_count integer not null,
        finality text not null
            check (finality in ('provisional', 'final', 'restated', 'withdrawn')),
        target_min real,
        target_max real,
        alarm_min real,
        alarm_max real,
        is_visible_change integer not null,
        reason text not null check (reason in ('initial', 'settled',
            'definition_change', 'source_correction', 'late_data', 'bugfix')),
        data_as_of text,
        known_from text not null
    );
    create index publications_by_version on publications (version);
    -- What owners were told of: one row from its first message to its end.
    create table alert_episodes (
        episode_id integer primary key autoincrement,
        fingerprint text not null,
        kpi_code text not null,
        segment_code text not null,
        rule_id text not null
            check (rule_id in ('limit', 'signal', 'case', 'held', 'no_data')),
        side text not null,
        onset_on text not null,
        opened_at text not null,
        opened_run_id text not null,
        closed_at text,
        closed_run_id text,
        closed_reason text,
        acknowledged_at text,
        acknowledged_by text,
        acknowledged_note text,
        check ((closed_at is null) = (closed_reason is null))
    );
    create unique index alert_episodes_open on alert_episodes (fingerprint)
        where closed_at is null;
    create table alert_messages (
        message_id integer primary key autoincrement,
        episode_id integer not null references alert_episodes (episode_id),
        kind text not null,
        period text not null,
        owner_code text not null,
        language text not null,
        content text not null,
        run_id text not null,
        written_at text not null,
        delivered_at text,
        unique (episode_id, kind, period)
    );
    -- The cases of an episode that its owner has been told of.
    create table alert_cases (
        episode_id integer not null references alert_episodes (episode_id),
        subject_id text not null,
        primary key (episode_id, subject_id)
    );
    create table alert_deliveries (
        delivery_id integer primary key autoincrement,
        run_id text not null,
        owner_code text not null,
        messages integer not null,
        attempted_at text not null,
        outcome text not null check (outcome in ('delivered', 'failed', 'no_channel')),
        problem text
    );
    """,
)
