-- One row a message that belongs to a thread: what threads and responses are told from.
--
-- chat_id: The thread.
-- sent_at: When it was written, company-local.
-- sent_at_utc: The same instant in UTC.
-- date: The day of sent_at.
-- direction: in, out or none, as in mart.messages.
-- by_client: It asks, as in mart.messages.
-- by_operator: It answers, as in mart.messages.
-- operator_id: Who answers, as in mart.messages.
-- client_key: Who the client is, as in mart.messages.
-- channel: The channel; '': not told.
-- category: The category when it was exported; '': none.
SELECT chat_id, sent_at, sent_at_utc, date, direction, by_client, by_operator,
       operator_id, client_key, channel, category
FROM mart.messages
WHERE chat_id IS NOT NULL
