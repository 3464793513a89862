-- One row a date and operator who wrote: how much there was to do.
--
-- date: The day of the messages, company-local.
-- operator_id: The operator; '': not told.
-- messages_out: Messages the operator wrote.
-- threads: Threads the operator wrote in.
-- busy_hours: Hours of the clock in which the operator wrote.
-- threads_per_busy_hour: threads / busy_hours: who has much more of them than others is overloaded.
SELECT date, operator_id, count(*) AS messages_out, count(DISTINCT chat_id) AS threads,
       count(DISTINCT hour) AS busy_hours,
       count(DISTINCT chat_id) / count(DISTINCT hour) AS threads_per_busy_hour
FROM mart.messages
WHERE by_operator
GROUP BY date, operator_id
