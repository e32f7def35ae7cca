-- Three tables that differ in their trigger.

CREATE SCHEMA no_trigger;
CREATE SCHEMA cvwiz_trigger;
CREATE SCHEMA plpgsql_trigger;

CREATE TABLE no_trigger."ResumeVersion" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	"createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, snapshot jsonb NOT NULL);
CREATE TABLE cvwiz_trigger."ResumeVersion" (LIKE no_trigger."ResumeVersion" INCLUDING ALL);
CREATE TABLE plpgsql_trigger."ResumeVersion" (LIKE no_trigger."ResumeVersion" INCLUDING ALL);

SELECT cvwiz.add_snapshot_limits('cvwiz_trigger."ResumeVersion"', 'snapshot');

-- The least that somebody would write: the size checked, nothing reduced.
CREATE FUNCTION plpgsql_trigger.check_size() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF octet_length(NEW.snapshot::text) > 512000 THEN
		RAISE EXCEPTION 'snapshot is too large';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER check_size BEFORE INSERT OR UPDATE ON plpgsql_trigger."ResumeVersion"
FOR EACH ROW EXECUTE FUNCTION plpgsql_trigger.check_size();

-- every transaction of pgbench's logs; the script by its place in the command
CREATE TABLE bench.transaction (run int, synchronous_commit text, script int, us double precision);
