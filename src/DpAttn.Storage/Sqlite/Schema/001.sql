-- Version 1. Times are microseconds since 1970-01-01 UTC. Amounts are exact integers: mu squared in units of 2^-40, slack in units of 2^-80.
-- digest is the first 16 bytes of SHA-256 over the row's other columns, checked at every read; blob.sha256 is the whole of it, over the content.

-- A book per store (account '') and one per account with a grant. closed is meant for the store's.
CREATE TABLE IF NOT EXISTS ledger_book (
    id             INTEGER NOT NULL PRIMARY KEY,
    store          TEXT    NOT NULL CHECK (store <> ''),
    account        TEXT    NOT NULL,
    stated_epsilon REAL    NOT NULL CHECK (stated_epsilon >= 0),
    stated_delta   REAL    NOT NULL CHECK (stated_delta >= 0 AND stated_delta < 1),
    limit_mu2      INTEGER NOT NULL CHECK (limit_mu2 >= 0),
    limit_slack    INTEGER NOT NULL CHECK (limit_slack >= 0),
    spent_mu2      INTEGER NOT NULL CHECK (spent_mu2 >= 0),
    spent_slack    INTEGER NOT NULL CHECK (spent_slack >= 0),
    sequence       INTEGER NOT NULL CHECK (sequence >= 0),
    closed         INTEGER NOT NULL CHECK (closed IN (0, 1)),
    digest         BLOB    NOT NULL,
    UNIQUE (store, account),
    CHECK (spent_mu2 <= limit_mu2 AND spent_slack <= limit_slack)
) STRICT;

-- The best tier opened of a release: an account's in its book, the best that anybody has in the store's.
CREATE TABLE IF NOT EXISTS ledger_tier (
    book    INTEGER NOT NULL REFERENCES ledger_book (id),
    release TEXT    NOT NULL,
    tier    INTEGER NOT NULL CHECK (tier >= 0),
    digest  BLOB    NOT NULL,
    PRIMARY KEY (book, release)
) STRICT, WITHOUT ROWID;

-- Entries are only ever appended. The store's own are its limits; charges stand in the book of the account that made them.
CREATE TABLE IF NOT EXISTS ledger_entry (
    book           INTEGER NOT NULL REFERENCES ledger_book (id),
    sequence       INTEGER NOT NULL CHECK (sequence >= 1),
    kind           TEXT    NOT NULL CHECK (kind IN ('store-limit', 'account-limit', 'open', 'charge')),
    request        TEXT,
    fingerprint    BLOB,
    release        TEXT,
    tier           INTEGER CHECK (tier >= 0),
    stated_epsilon REAL,
    stated_delta   REAL,
    account_mu2    INTEGER NOT NULL CHECK (account_mu2 >= 0),
    account_slack  INTEGER NOT NULL CHECK (account_slack >= 0),
    store_mu2      INTEGER NOT NULL CHECK (store_mu2 >= 0),
    store_slack    INTEGER NOT NULL CHECK (store_slack >= 0),
    written_at     INTEGER NOT NULL,
    digest         BLOB    NOT NULL,
    PRIMARY KEY (book, sequence),
    UNIQUE (book, request),
    CHECK ((kind IN ('open', 'charge')) = (request IS NOT NULL AND fingerprint IS NOT NULL)),
    CHECK ((kind = 'open') = (release IS NOT NULL AND tier IS NOT NULL)),
    CHECK ((kind IN ('store-limit', 'account-limit')) = (stated_epsilon IS NOT NULL AND stated_delta IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS ledger_entry_is_never_changed BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'ledger entries are only ever appended'); END;

CREATE TRIGGER IF NOT EXISTS ledger_entry_is_never_removed BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'ledger entries are only ever appended'); END;

CREATE TRIGGER IF NOT EXISTS ledger_book_is_never_removed BEFORE DELETE ON ledger_book
BEGIN SELECT RAISE(ABORT, 'books are never removed'); END;

-- content comes last, so that a listing does not read it.
CREATE TABLE IF NOT EXISTS blob (
    store      TEXT    NOT NULL,
    kind       INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    part       INTEGER NOT NULL CHECK (part >= 0),
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    sha256     BLOB    NOT NULL CHECK (length(sha256) = 32),
    written_at INTEGER NOT NULL,
    digest     BLOB    NOT NULL,
    content    BLOB    NOT NULL,
    PRIMARY KEY (store, kind, id, part)
) STRICT;

CREATE TABLE IF NOT EXISTS catalog (
    kind    TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    digest  BLOB    NOT NULL,
    content BLOB    NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT;

CREATE TABLE IF NOT EXISTS audit (
    sequence   INTEGER NOT NULL PRIMARY KEY CHECK (sequence >= 1),
    written_at INTEGER NOT NULL,
    action     TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    store      TEXT,
    target     TEXT,
    detail     TEXT,
    digest     BLOB    NOT NULL
) STRICT;

CREATE TRIGGER IF NOT EXISTS audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only ever appended'); END;

CREATE TRIGGER IF NOT EXISTS audit_is_never_shortened BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only ever appended'); END;
