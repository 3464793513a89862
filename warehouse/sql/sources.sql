-- One row a dataset that was ever loaded: when it was last known to be so.
--
-- dataset: Which export, list, or callbacks (incoming_messages).
-- seen_at: The latest observation of any of its days, UTC.
-- last_date: The last day that was observed.
SELECT dataset, max(observed_at) AS seen_at, max(date) FILTER (WHERE observed_at IS NOT NULL)
       AS last_date
FROM mart.days
GROUP BY dataset
