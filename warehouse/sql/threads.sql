-- One row a thread. It is opened on the day of its first message, whoever wrote it.
--
-- chat_id: The thread.
-- date: The day it was opened on.
-- opened_at: Its first message, company-local.
-- opened_at_utc: The same instant in UTC.
-- last_at: Its last message, company-local.
-- channel: Its channel (the first in text order, should its messages tell several); '': not told.
-- category: The last category that one of its messages has; '': none.
-- client_key: Its client (the last in text order, should its messages tell several).
-- messages_in: Messages from the client.
-- messages_out: Messages to the client, whoever wrote them.
-- is_answered: An operator wrote at or after the client's first message.
-- is_unanswered: A client wrote, and no operator since the client's first message until the data's
--     end. Neither: no client wrote in it.
SELECT chat_id, opened_at::DATE AS date, opened_at, opened_at_utc, last_at, channel, category,
       client_key, messages_in, messages_out,
       coalesce(last_answer >= first_question, false) AS is_answered,
       first_question IS NOT NULL AND NOT coalesce(last_answer >= first_question, false)
           AS is_unanswered
FROM (
    SELECT chat_id,
           arg_min(sent_at, sent_at_utc) AS opened_at,
           min(sent_at_utc) AS opened_at_utc,
           arg_max(sent_at, sent_at_utc) AS last_at,
           coalesce(min(nullif(channel, '')), '') AS channel,
           coalesce(arg_max(category, sent_at_utc) FILTER (WHERE category <> ''), '') AS category,
           max(client_key) AS client_key,
           count(*) FILTER (WHERE direction = 'in') AS messages_in,
           count(*) FILTER (WHERE direction = 'out') AS messages_out,
           min(sent_at_utc) FILTER (WHERE by_client) AS first_question,
           max(sent_at_utc) FILTER (WHERE by_operator) AS last_answer
    FROM mart.thread_messages
    GROUP BY chat_id)
