"""The procedure in an evidence file, in prose: whoever knows SHA-256 and Ed25519 can check the file with any tool."""

PROCEDURE = """\
What is in this file, and how to check it
=========================================

report.html        the report, for reading; open it in any browser
events.jsonl       the events of the station's log, one JSON object in each line
statements/        what the station, or whoever held its log, has signed of it
evidence.json      which transaction, which events, and the digests at both ends
check_evidence.py  the check below as a program (Python 3.9, package "cryptography")

The program:  python check_evidence.py FILE.zip PUBLIC_KEY
PUBLIC_KEY is the signer's public key. Take it from the operator, a register, or where else it was published, not from this file.

The check in words, with a word for each step of mathematics: SHA-256 (FIPS 180-4) and Ed25519 (RFC 8032). "+" puts bytes behind bytes.
"JSON" is JSON without white space, members sorted by name, in UTF-8. A value in hexadecimal stands for its bytes.

1. Statements. In each file of statements/ the member "signature" is the Ed25519 signature over the JSON of all the other members. Check it
   with the signer's public key. A statement says: the events from_seq to to_seq of the station's log run from from_digest to to_digest.

2. Content of each event. A line with "content" is an event of others: it is withheld, and "content" is all that is shown of it. For every
   other line:
   a. for each name in proof.salts: replace payload[name] by the hexadecimal digits of
      SHA-256(salt + name + ":" + JSON of payload[name]);
   b. for each name in proof.commitments: replace payload[name] by the commitment (that value is withheld as well);
   c. the content is SHA-256(proof.salt + JSON of [1, seq, cause, at_ms, utc_ms, type, version, connector_id, JSON of payload as a text]).

3. Chain. Begin with "before" of evidence.json. For each line in order, without a gap in "seq": digest = SHA-256(digest + content).

4. Comparison. The digest behind event to_seq must be the to_digest of the statement. If it is, each event up to there is the one that
   was signed, to the byte: whoever changes, removes, adds or moves a single one, withheld or not, gets another digest.

What that proves: that the holder of the key vouched, when he signed, for a log with exactly these events in it; and that nothing between
them was left out, for the withheld ones are in the chain. What it does not prove: that the meter measured correctly, that the clock was right
(utc_certain says what the station knew), that the key was nobody else's, or anything of events behind to_seq.
"""
