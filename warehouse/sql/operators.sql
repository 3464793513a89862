-- One row an operator who ever wrote, or is in the users list.
--
-- operator_id: user_id, else the name in the export; '': not told.
-- operator_name: The name: of the users list, else of the latest message; NULL: not published.
-- team: The operator's team; NULL: none.
-- last_date: The day of the last message written; NULL: none.
SELECT operator_id, coalesce(listed.user_name, wrote.operator_name) AS operator_name, team,
       last_date
FROM (
    SELECT operator_id, arg_max(operator_name, sent_at_utc) AS operator_name,
           max(date) AS last_date
    FROM mart.messages WHERE by_operator GROUP BY operator_id) AS wrote
FULL JOIN (SELECT user_id AS operator_id, user_name FROM main.users) AS listed USING (operator_id)
LEFT JOIN mart.teams USING (operator_id)
