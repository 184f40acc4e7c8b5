"""Running a session: dispatch → claim → run the kinds → finish, with a heartbeat beside and a reaper behind."""
