-- One row a date, hour, channel, direction and author that has messages: how many there are.
--
-- date: The day of sent_at, company-local.
-- weekday: The weekday of date, 1 Monday to 7 Sunday.
-- hour: The hour of sent_at, 0 to 23.
-- channel: The channel; '': not told.
-- direction: in, out or none, as in mart.messages.
-- author: client, operator, bot, system or unknown, as in mart.messages.
-- messages: How many messages.
SELECT date, isodow(date) AS weekday, hour, channel, direction, author, count(*) AS messages
FROM mart.messages
GROUP BY date, hour, channel, direction, author
