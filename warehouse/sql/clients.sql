-- One row a date and channel in which clients wrote: how many, and how many for the first time.
--
-- date: The day of their messages, company-local.
-- channel: The channel; '': not told.
-- clients: Clients who wrote.
-- clients_new: Those whose first known message, in any channel, is of this day.
-- clients_returning: Those who had written on an earlier day.
WITH wrote AS (
    SELECT DISTINCT date, channel, client_key FROM mart.messages
    WHERE by_client AND client_key IS NOT NULL),
began AS (SELECT client_key, min(date) AS first_date FROM wrote GROUP BY client_key)
SELECT date, channel, count(*) AS clients,
       count(*) FILTER (WHERE date = first_date) AS clients_new,
       count(*) FILTER (WHERE date > first_date) AS clients_returning
FROM wrote JOIN began USING (client_key)
GROUP BY date, channel
