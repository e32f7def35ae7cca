-- What was measured.
CREATE TABLE cell (contender text, scenario text, repetition int, began double precision, ended double precision,
	gone boolean, failed int, lost bigint, wal bigint, given_back bigint, PRIMARY KEY (contender, scenario, repetition));
COMMENT ON TABLE cell IS 'One expiry. gone: no expired row is left. failed: statements of the clients. lost: rows that should be there. wal, given_back: bytes';

-- Each statement of the clients. due is when it should have begun.
CREATE TABLE statement (contender text, scenario text, repetition int, ended double precision, us double precision, lag_us double precision);

CREATE TABLE empty_run (contender text, repetition int, session text, seconds double precision);
