-- Version 1. Times are microseconds since 1970-01-01 UTC. Texts are compared by their bytes (COLLATE "C"), as the embedded storage does.
-- digest is the first 16 bytes of SHA-256 over the row's other columns, checked at every read; sha256 of a blob is the whole of it, over the content.

CREATE FUNCTION dpattn_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever appended', TG_TABLE_NAME;
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

CREATE TRIGGER dpattn_audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dpattn_audit
FOR EACH STATEMENT EXECUTE FUNCTION dpattn_is_append_only();
