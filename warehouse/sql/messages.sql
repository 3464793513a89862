-- One row a message of `chats`. Callbacks aren't in it: figures tell what exports brought.
--
-- message_id: The vendor's id of the message; NULL where it gives none.
-- chat_id: Its thread; NULL: it belongs to none, and counts in no figure of threads or answers.
-- sent_at: When it was written, company-local.
-- sent_at_utc: The same instant in UTC: all durations are between these.
-- date: The day of sent_at.
-- hour: The hour of sent_at, 0 to 23.
-- weekday: The weekday of date, 1 Monday to 7 Sunday.
-- window_day: The day whose export brought it.
-- direction: in (from the client), out (to the client), none (neither is told). Where the export
--     doesn't say: in if the author is a client, out if an operator or a bot.
-- author: client, operator, bot, system or unknown: author_type where it is one of those, else by
--     direction: in is a client's, out an operator's.
-- by_client: Written by a client, to the company: it asks.
-- by_operator: Written by an operator, to the client: it answers. Bots and system messages never do.
-- operator_id: Who wrote it, if by_operator: user_id, else user_name, else ''; NULL otherwise.
-- operator_name: The operator's name as the export has it; NULL where names aren't published.
-- client_key: Who the client is: client_phone, else client_name, else chat_id.
-- client: What the client is called: the name, else the phone; NULL where neither is published.
-- channel: The channel as the file names it; '': not told.
-- category: The thread's category when it was exported; '': none.
-- message_text: The message; '' is one without text; NULL where texts aren't published.
SELECT message_id, chat_id, sent_at, sent_at_utc, date, hour, weekday, window_day,
       direction, author,
       author = 'client' AND direction = 'in' AS by_client,
       author = 'operator' AND direction = 'out' AS by_operator,
       CASE WHEN author = 'operator' AND direction = 'out'
            THEN coalesce(nullif(user_id, ''), nullif(user_name, ''), '') END AS operator_id,
       CASE WHEN author = 'operator' AND direction = 'out' THEN user_name END AS operator_name,
       coalesce(nullif(client_phone, ''), nullif(client_name, ''), chat_id) AS client_key,
       coalesce(nullif(client_name, ''), nullif(client_phone, '')) AS client,
       channel, category, text AS message_text
FROM (
    SELECT message_id, chat_id, sent_at, sent_at_utc, date, window_day,
           user_id, user_name, client_phone, client_name, text,
           hour(sent_at) AS hour, isodow(date) AS weekday,
           coalesce(channel, '') AS channel, coalesce(category, '') AS category,
           CASE WHEN author_type IN ('client', 'bot', 'system') THEN author_type
                WHEN author_type = 'user' THEN 'operator'
                WHEN direction = 'in' THEN 'client'
                WHEN direction = 'out' THEN 'operator'
                ELSE 'unknown' END AS author,
           CASE WHEN direction IN ('in', 'out') THEN direction
                WHEN author_type = 'client' THEN 'in'
                WHEN author_type IN ('user', 'bot') THEN 'out'
                ELSE 'none' END AS direction
    FROM main.chats)
