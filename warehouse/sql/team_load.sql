-- One row a date and team whose operators wrote: how much there was to do.
--
-- date: The day of the messages, company-local.
-- team: The team (mart.teams).
-- operators: Its operators who wrote.
-- messages_out: Messages they wrote.
-- threads: Threads that any of them wrote in.
-- busy_hours: Hours of the clock in which an operator wrote, summed over its operators.
SELECT date, team, count(DISTINCT operator_id) AS operators, count(*) AS messages_out,
       count(DISTINCT chat_id) AS threads, count(DISTINCT (operator_id, hour)) AS busy_hours
FROM mart.messages
JOIN mart.teams USING (operator_id)
WHERE by_operator
GROUP BY date, team
