-- Version 1 of the ledger's witness. Texts are compared by their bytes (COLLATE "C"). digest is the first 16 bytes of SHA-256 over the row's other columns, checked at every read.

-- A witness that is begun anew is another generation; the marks of those before it stay, and are read by nobody.
CREATE TABLE dpattn_witness (
    generation bigint NOT NULL PRIMARY KEY CHECK (generation >= 1),
    witness    text   NOT NULL,
    database   text   NOT NULL,
    begun_at   bigint NOT NULL,
    digest     bytea  NOT NULL
);

-- How far each book has come: a row per store (account '') and one per account. Amounts are exact integers: mu squared in units of 2^-40, slack in units of 2^-80.
CREATE TABLE dpattn_witness_mark (
    generation  bigint NOT NULL,
    store       text   COLLATE "C" NOT NULL CHECK (store <> ''),
    account     text   COLLATE "C" NOT NULL,
    version     bigint NOT NULL,
    spent_mu2   bigint NOT NULL,
    spent_slack bigint NOT NULL,
    mac         bytea  NOT NULL,
    digest      bytea  NOT NULL,
    PRIMARY KEY (generation, store, account)
) WITH (fillfactor = 70);

CREATE FUNCTION dpattn_witness_only_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        IF NEW.version > OLD.version AND NEW.spent_mu2 >= OLD.spent_mu2 AND NEW.spent_slack >= OLD.spent_slack
            AND (NEW.generation, NEW.store, NEW.account) = (OLD.generation, OLD.store, OLD.account) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% of %: a witness only moves forward', TG_OP, TG_TABLE_NAME;
END
$$;

CREATE TRIGGER dpattn_witness_mark_only_rises BEFORE UPDATE ON dpattn_witness_mark
FOR EACH ROW EXECUTE FUNCTION dpattn_witness_only_rises();

CREATE TRIGGER dpattn_witness_mark_is_kept BEFORE DELETE OR TRUNCATE ON dpattn_witness_mark
FOR EACH STATEMENT EXECUTE FUNCTION dpattn_witness_only_rises();

CREATE TRIGGER dpattn_witness_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON dpattn_witness
FOR EACH STATEMENT EXECUTE FUNCTION dpattn_witness_only_rises();
