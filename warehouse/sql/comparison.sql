-- One row a date and channel that has messages, beside the day before and the same weekday of the
-- week before. NULL there: the channel had no message on that day, or the day isn't known.
--
-- date: The day, company-local.
-- channel: The channel; '': not told.
-- messages_in: Messages from clients.
-- messages_in_day_before: On the day before.
-- messages_in_week_before: On the same weekday a week before.
-- messages_out: Messages to clients, whoever wrote them.
-- messages_out_day_before: On the day before.
-- messages_out_week_before: On the same weekday a week before.
-- clients: Clients who wrote.
-- clients_day_before: On the day before.
-- clients_week_before: On the same weekday a week before.
-- turns: Turns of mart.responses; NULL: there was none.
-- turns_day_before: On the day before.
-- turns_week_before: On the same weekday a week before.
-- response_median_seconds: Median of their responses; NULL: there was none.
-- response_median_seconds_day_before: On the day before.
-- response_median_seconds_week_before: On the same weekday a week before.
WITH told AS (
    SELECT m.*, turns, response_median_seconds
    FROM (SELECT date, channel, count(*) FILTER (WHERE direction = 'in') AS messages_in,
                 count(*) FILTER (WHERE direction = 'out') AS messages_out,
                 count(DISTINCT client_key) FILTER (WHERE by_client) AS clients
          FROM mart.messages GROUP BY date, channel) AS m
    LEFT JOIN mart.response_by_channel AS r USING (date, channel))
SELECT now.date, now.channel,
       now.messages_in, day.messages_in AS messages_in_day_before,
       week.messages_in AS messages_in_week_before,
       now.messages_out, day.messages_out AS messages_out_day_before,
       week.messages_out AS messages_out_week_before,
       now.clients, day.clients AS clients_day_before, week.clients AS clients_week_before,
       now.turns, day.turns AS turns_day_before, week.turns AS turns_week_before,
       now.response_median_seconds,
       day.response_median_seconds AS response_median_seconds_day_before,
       week.response_median_seconds AS response_median_seconds_week_before
FROM told AS now
LEFT JOIN told AS day ON day.channel = now.channel AND day.date = now.date - 1
LEFT JOIN told AS week ON week.channel = now.channel AND week.date = now.date - 7
