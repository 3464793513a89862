-- One row a turn: a client's message that waits for an answer (the thread's first, or the first
-- after an operator's last message), with those that followed it before the answer. The next
-- message of an operator in the thread answers it; bots and system messages neither ask nor answer.
-- Of messages of one instant, the client's come first. It belongs to the day it was asked on.
--
-- chat_id: The thread.
-- date: The day that the client's message was written on, company-local.
-- hour: The hour of it, 0 to 23.
-- asked_at: When it was written, company-local.
-- asked_at_utc: The same instant in UTC.
-- answered_at_utc: When an operator answered, UTC; NULL: not until the data's end.
-- is_first: It is the thread's first turn: its response is the first response.
-- messages: The client's messages until the answer.
-- channel: Their channel (the first in text order, should they tell several); '': not told.
-- category: Their category (the last in text order, should they tell several); '': none.
-- client_key: The client.
-- operator_id: Who answered; '' where that isn't told; NULL: nobody did.
-- response_seconds: From the client's message to the answer; NULL: not answered.
-- response_working_seconds: The company's working time between the two (mart.calendar); 0 where both
--     are outside of it; NULL: not answered, or outside of the calendar's years.
-- waiting_seconds: How long it has waited until the data's end (mart.known); NULL: answered.
-- waiting_working_seconds: The working time of that; NULL: answered, or outside of the calendar.
WITH numbered AS (
    SELECT chat_id, sent_at, sent_at_utc, by_operator, operator_id, client_key, channel, category,
           count(*) FILTER (WHERE by_operator) OVER in_order AS answers,
           count(*) FILTER (WHERE by_client) OVER in_order AS questions
    FROM mart.thread_messages
    WHERE by_client OR by_operator
    WINDOW in_order AS (PARTITION BY chat_id ORDER BY sent_at_utc, by_operator, operator_id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)),
turns AS (
    SELECT chat_id,
           CASE WHEN by_operator THEN answers - 1 ELSE answers END AS turn,
           min(sent_at_utc) FILTER (WHERE NOT by_operator) AS asked_at_utc,
           arg_min(sent_at, sent_at_utc) FILTER (WHERE NOT by_operator) AS asked_at,
           min(questions) FILTER (WHERE NOT by_operator) = 1 AS is_first,
           count(*) FILTER (WHERE NOT by_operator) AS messages,
           coalesce(min(nullif(channel, '')) FILTER (WHERE NOT by_operator), '') AS channel,
           max(category) FILTER (WHERE NOT by_operator) AS category,
           max(client_key) FILTER (WHERE NOT by_operator) AS client_key,
           max(sent_at_utc) FILTER (WHERE by_operator) AS answered_at_utc,
           max(sent_at) FILTER (WHERE by_operator) AS answered_at,
           max(operator_id) FILTER (WHERE by_operator) AS operator_id
    FROM numbered
    GROUP BY chat_id, turn),
ended AS (
    SELECT *, answered_at_utc IS NOT NULL AS is_answered,
           coalesce(answered_at_utc, data_end_utc) AS end_utc,
           coalesce(answered_at, data_end)::DATE AS end_date
    FROM turns, mart.known
    WHERE asked_at_utc IS NOT NULL),
measured AS (
    SELECT ended.*,
           greatest(epoch_us(end_utc) - epoch_us(asked_at_utc), 0) / 1e6 AS seconds,
           greatest(
               till.working_seconds_before - since.working_seconds_before
               + ((greatest(least(epoch_us(end_utc), epoch_us(till.closes_at_utc)),
                            epoch_us(till.opens_at_utc)) - epoch_us(till.opens_at_utc))
                  - (greatest(least(epoch_us(end_utc), epoch_us(till.resumes_at_utc)),
                              epoch_us(till.pauses_at_utc)) - epoch_us(till.pauses_at_utc))
                  - (greatest(least(epoch_us(asked_at_utc), epoch_us(since.closes_at_utc)),
                              epoch_us(since.opens_at_utc)) - epoch_us(since.opens_at_utc))
                  + (greatest(least(epoch_us(asked_at_utc), epoch_us(since.resumes_at_utc)),
                              epoch_us(since.pauses_at_utc)) - epoch_us(since.pauses_at_utc))
                 ) / 1e6, 0) AS working_seconds
    FROM ended
    LEFT JOIN mart.calendar AS since ON since.date = asked_at::DATE
    LEFT JOIN mart.calendar AS till ON till.date = end_date)
SELECT chat_id, asked_at::DATE AS date, hour(asked_at) AS hour, asked_at, asked_at_utc,
       answered_at_utc, is_first, messages, channel, category, client_key, operator_id,
       CASE WHEN is_answered THEN seconds END AS response_seconds,
       CASE WHEN is_answered THEN working_seconds END AS response_working_seconds,
       CASE WHEN NOT is_answered THEN seconds END AS waiting_seconds,
       CASE WHEN NOT is_answered THEN working_seconds END AS waiting_working_seconds
FROM measured
