-- From which event on digests cover commitments, and the secret that the salts of those events follow from. One row as a rule;
-- a salvaged log keeps those of the log before it. Without the secret nothing behind it can be verified, so it stands in the file
-- twice, in pages of their own: in the table, and in the index that its UNIQUE makes.
CREATE TABLE commitment (
    first_seq INTEGER NOT NULL,
    format    INTEGER NOT NULL,
    secret    BLOB NOT NULL,
    checksum  BLOB NOT NULL,   -- SHA-256 of all the others
    UNIQUE (first_seq, format, secret, checksum)
) STRICT;

CREATE TRIGGER commitment_is_never_changed BEFORE UPDATE ON commitment
BEGIN
    SELECT RAISE(ABORT, 'a commitment stands');
END;

CREATE TRIGGER commitment_is_never_deleted BEFORE DELETE ON commitment
BEGIN
    SELECT RAISE(ABORT, 'a commitment stands');
END;
