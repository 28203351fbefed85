-- Version 1. Times are microseconds since 1970-01-01 UTC. Texts are compared by their bytes (COLLATE "C"), as the embedded storage does.
-- digest is the first 16 bytes of SHA-256 over the row's other columns, checked at every read; sha256 of a blob is the whole of it, over the content.

CREATE FUNCTION dpattn_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %: what it holds is kept for ever', TG_OP, TG_TABLE_NAME;
END
$$;

-- The content is stored beside the row, uncompressed, so that a listing does not read it and a read does not unpack it.
CREATE TABLE dpattn_blob (
    store      text   COLLATE "C" NOT NULL,
    kind       int    NOT NULL,
    id         text   COLLATE "C" NOT NULL,
    part       int    NOT NULL CHECK (part >= 0),
    bytes      int    NOT NULL CHECK (bytes >= 0),
    sha256     bytea  NOT NULL CHECK (octet_length(sha256) = 32),
    written_at bigint NOT NULL,
    digest     bytea  NOT NULL,
    content    bytea  NOT NULL,
    PRIMARY KEY (store, kind, id, part)
);

ALTER TABLE dpattn_blob ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE dpattn_catalog (
    kind    text   COLLATE "C" NOT NULL,
    key     text   COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    digest  bytea  NOT NULL,
    content bytea  NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE TABLE dpattn_audit (
    sequence   bigint NOT NULL PRIMARY KEY CHECK (sequence >= 1),
    written_at bigint NOT NULL,
    action     text   NOT NULL,
    actor      text   NOT NULL,
    store      text,
    target     text,
    detail     text,
    digest     bytea  NOT NULL
);

CREATE TRIGGER dpattn_audit_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON dpattn_audit
FOR EACH STATEMENT EXECUTE FUNCTION dpattn_is_kept();

-- The ledger. Amounts are exact integers: mu squared in units of 2^-40, slack in units of 2^-80. A book per store (account '') and one per account with a grant. mac is HMAC-SHA256 (the
-- key stands in the catalog, wrapped); version counts the changes of a row, head is the MAC of its last entry. reserved is what an account holds of its store's limit and has not used: it is part of the
-- store's spent. A store's own reserved is how far its spent has fallen below the highest it ever was. exceeded is set by nothing but an acknowledgement, which may leave more spent than the limit.
CREATE TABLE dpattn_ledger_book (
    id             bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    store          text             COLLATE "C" NOT NULL CHECK (store <> ''),
    account        text             COLLATE "C" NOT NULL,
    stated_epsilon double precision NOT NULL CHECK (stated_epsilon >= 0),
    stated_delta   double precision NOT NULL CHECK (stated_delta >= 0 AND stated_delta < 1),
    limit_mu2      bigint           NOT NULL CHECK (limit_mu2 >= 0),
    limit_slack    bigint           NOT NULL CHECK (limit_slack >= 0),
    spent_mu2      bigint           NOT NULL CHECK (spent_mu2 >= 0),
    spent_slack    bigint           NOT NULL CHECK (spent_slack >= 0),
    reserved_mu2   bigint           NOT NULL CHECK (reserved_mu2 >= 0),
    reserved_slack bigint           NOT NULL CHECK (reserved_slack >= 0),
    sequence       bigint           NOT NULL CHECK (sequence >= 0),
    version        bigint           NOT NULL CHECK (version >= 0),
    closed         boolean          NOT NULL,
    exceeded       boolean          NOT NULL,
    head           bytea            NOT NULL,
    mac            bytea            NOT NULL,
    has_slab       boolean          GENERATED ALWAYS AS (account <> '' AND (reserved_mu2 > 0 OR reserved_slack > 0)) STORED,
    UNIQUE (store, account),
    CHECK (exceeded OR (spent_mu2 <= limit_mu2 AND spent_slack <= limit_slack))
) WITH (fillfactor = 70);

CREATE INDEX dpattn_ledger_slab ON dpattn_ledger_book (store, id) WHERE has_slab;

-- The best tier opened of a release: an account's in its book, the best that anybody has in the store's.
CREATE TABLE dpattn_ledger_tier (
    book    bigint NOT NULL REFERENCES dpattn_ledger_book (id),
    release text   COLLATE "C" NOT NULL,
    tier    bigint NOT NULL CHECK (tier >= 0),
    mac     bytea  NOT NULL,
    PRIMARY KEY (book, release)
);

-- Entries are only ever appended. mac covers the entry before it; digest is over the row alone, so that one that is read by itself can be checked. No foreign key: checking it would
-- touch the book's row once more for every entry.
CREATE TABLE dpattn_ledger_entry (
    book           bigint NOT NULL,
    sequence       bigint NOT NULL CHECK (sequence >= 1),
    kind           text   NOT NULL CHECK (kind IN ('store-limit', 'account-limit', 'open', 'charge', 'acknowledgement')),
    request        text   COLLATE "C",
    fingerprint    bytea,
    release        text   COLLATE "C",
    tier           bigint CHECK (tier >= 0),
    stated_epsilon double precision,
    stated_delta   double precision,
    account_mu2    bigint NOT NULL CHECK (account_mu2 >= 0),
    account_slack  bigint NOT NULL CHECK (account_slack >= 0),
    store_mu2      bigint NOT NULL CHECK (store_mu2 >= 0),
    store_slack    bigint NOT NULL CHECK (store_slack >= 0),
    written_at     bigint NOT NULL,
    mac            bytea  NOT NULL,
    digest         bytea  NOT NULL,
    PRIMARY KEY (book, sequence),
    UNIQUE (book, request),
    CHECK ((kind IN ('open', 'charge')) = (request IS NOT NULL AND fingerprint IS NOT NULL)),
    CHECK ((kind = 'open') = (release IS NOT NULL AND tier IS NOT NULL)),
    CHECK ((kind IN ('store-limit', 'account-limit')) = (stated_epsilon IS NOT NULL AND stated_delta IS NOT NULL))
);

CREATE TRIGGER dpattn_ledger_entry_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON dpattn_ledger_entry
FOR EACH STATEMENT EXECUTE FUNCTION dpattn_is_kept();

CREATE TRIGGER dpattn_ledger_book_is_kept BEFORE DELETE OR TRUNCATE ON dpattn_ledger_book
FOR EACH STATEMENT EXECUTE FUNCTION dpattn_is_kept();

-- Stores whose ledger is not what it was. Removing a row opens nothing for long: what was found is found again at the next start.
CREATE TABLE dpattn_ledger_suspension (
    store    text   COLLATE "C" NOT NULL PRIMARY KEY,
    reason   text   NOT NULL,
    found_at bigint NOT NULL,
    digest   bytea  NOT NULL
);

-- Which database this is, and which witness it is paired with (null before the first pairing).
CREATE TABLE dpattn_ledger_identity (
    id       int   NOT NULL PRIMARY KEY CHECK (id = 1),
    database text  NOT NULL,
    witness  text,
    mac      bytea NOT NULL
);
