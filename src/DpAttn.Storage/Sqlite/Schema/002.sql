-- Version 2: entries are chained and totals and tiers authenticated by a keyed MAC (32 bytes, HMAC-SHA256; the key stands in the catalog, wrapped). The tables of
-- version 1 are renamed before this script and copied after it.

-- version counts the changes of a row; head is the MAC of its last entry. exceeded is set by nothing but an acknowledgement, which may leave more spent than the limit.
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
    version        INTEGER NOT NULL CHECK (version >= 0),
    closed         INTEGER NOT NULL CHECK (closed IN (0, 1)),
    exceeded       INTEGER NOT NULL CHECK (exceeded IN (0, 1)),
    head           BLOB    NOT NULL,
    mac            BLOB    NOT NULL,
    UNIQUE (store, account),
    CHECK (exceeded = 1 OR (spent_mu2 <= limit_mu2 AND spent_slack <= limit_slack))
) STRICT;

CREATE TABLE IF NOT EXISTS ledger_tier (
    book    INTEGER NOT NULL REFERENCES ledger_book (id),
    release TEXT    NOT NULL,
    tier    INTEGER NOT NULL CHECK (tier >= 0),
    mac     BLOB    NOT NULL,
    PRIMARY KEY (book, release)
) STRICT, WITHOUT ROWID;

-- mac covers the entry before it; digest is over the row alone, so that one that is read by itself can be checked.
CREATE TABLE IF NOT EXISTS ledger_entry (
    book           INTEGER NOT NULL REFERENCES ledger_book (id),
    sequence       INTEGER NOT NULL CHECK (sequence >= 1),
    kind           TEXT    NOT NULL CHECK (kind IN ('store-limit', 'account-limit', 'open', 'charge', 'acknowledgement')),
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
    mac            BLOB    NOT NULL,
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

-- Stores whose ledger is not what it was. Removing a row opens nothing for long: what was found is found again at the next start.
CREATE TABLE IF NOT EXISTS ledger_suspension (
    store    TEXT    NOT NULL PRIMARY KEY,
    reason   TEXT    NOT NULL,
    found_at INTEGER NOT NULL,
    digest   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Which database this is, and which witness it is paired with (null before the first pairing).
CREATE TABLE IF NOT EXISTS ledger_identity (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    database TEXT    NOT NULL,
    witness  TEXT,
    mac      BLOB    NOT NULL
) STRICT;
