-- One row an operator who is in a team: of reporting.toml, or, where it names a field, of what the
-- users' details (else the users list) hold in it.
--
-- operator_id: The operator.
-- team: The team's name.
SELECT operator_id, team FROM mart.team_list
