-- One row a date and category that has messages.
--
-- date: The day of the messages, company-local.
-- category: Their category when they were exported; '': none.
-- messages_in: Messages from clients.
-- messages_out: Messages to clients, whoever wrote them.
-- threads: Threads with such a message.
-- clients: Clients who wrote.
SELECT date, category, count(*) FILTER (WHERE direction = 'in') AS messages_in,
       count(*) FILTER (WHERE direction = 'out') AS messages_out,
       count(DISTINCT chat_id) AS threads,
       count(DISTINCT client_key) FILTER (WHERE by_client) AS clients
FROM mart.messages
GROUP BY date, category
