-- One row a dataset and day that the ledger knows: whether it can be relied upon.
--
-- dataset: Which export or list.
-- date: The day asked for; a list's days are those it was asked for on.
-- rows: Rows that it holds; NULL: it was never loaded.
-- observed_at: When what it holds was last observed, UTC; NULL: never.
-- is_held: The last export had far fewer rows, so that the earlier ones stay.
-- is_early: It was observed before the day had ended; NULL: outside of the calendar's years.
-- rows_quarantined: Records of its last loaded file that could not be loaded.
WITH looked AS (
    SELECT dataset, window_day,
           arg_max(outcome, loaded_at) = 'held' AS is_held,
           max(observed_at) FILTER (WHERE outcome IN ('loaded', 'unchanged')) AS observed_at,
           arg_max(rows_quarantined, loaded_at) FILTER (WHERE outcome = 'loaded') AS quarantined,
           arg_max(rows_read, loaded_at) FILTER (WHERE outcome IN ('loaded', 'unchanged')) AS rows
    FROM meta.loads GROUP BY dataset, window_day)
SELECT looked.dataset, looked.window_day AS date, coalesce(days.rows, looked.rows) AS rows,
       coalesce(days.observed_at, looked.observed_at) AS observed_at, is_held,
       coalesce(days.observed_at, looked.observed_at) < calendar.ends_at_utc AS is_early,
       coalesce(quarantined, 0) AS rows_quarantined
FROM looked
LEFT JOIN meta.days AS days USING (dataset, window_day)
LEFT JOIN mart.calendar AS calendar ON calendar.date = looked.window_day
