-- One row a count of a day that two sources tell otherwise (meta.reconciliation).
--
-- dataset: chats or statistics.
-- date: The day.
-- compared: What was counted, or the measure of the statistics export.
-- expected: The count it should be.
-- found: The count that was found; NULL: nothing was there to count.
SELECT dataset, window_day AS date, compared, expected, found
FROM meta.reconciliation
WHERE NOT agrees
