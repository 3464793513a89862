-- One row: how far the messages go. The data's end is the last message, and never later than the
-- last export: a message dated in the future doesn't make everybody wait.
--
-- first_date: The day of the first message.
-- last_date: The day of the last message.
-- data_end: The data's end, company-local.
-- data_end_utc: The same instant in UTC.
SELECT first_date, least(last_date, make_timestamp(epoch_us(last_observed))::DATE + 1) AS last_date,
       CASE WHEN last_sent_utc <= last_observed THEN last_sent
            ELSE make_timestamp(epoch_us(last_observed)) END AS data_end,
       least(last_sent_utc, last_observed) AS data_end_utc
FROM (
    SELECT min(date) AS first_date, max(date) AS last_date, max(sent_at) AS last_sent,
           max(sent_at_utc) AS last_sent_utc, max(observed_at) AS last_observed
    FROM main.chats)
