-- What doc/snapshots.md tells the administrator to do, in the midst of things.
ALTER TABLE "ResumeVersion" ALTER COLUMN snapshot TYPE cvwiz.zjsonb;
ALTER TABLE "SharedResume" ALTER COLUMN snapshot TYPE cvwiz.zjsonb;
