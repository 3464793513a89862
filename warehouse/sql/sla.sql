-- One row a date, channel and target (mart.sla_targets): how often it was met. A turn that waits
-- still, and for less than the target, isn't decided and doesn't count.
--
-- date: The day that the clients' messages were written on.
-- channel: The channel; '': not told.
-- target: The target's name.
-- turns: Turns the target speaks of that are decided: answered, or waiting for longer than it.
-- met: Those that were answered in time (just in time included).
-- share: met / turns.
SELECT date, channel, target, count(*) AS turns, count(*) FILTER (WHERE is_met) AS met,
       count(*) FILTER (WHERE is_met) / count(*) AS share
FROM (
    SELECT date, r.channel, target, taken IS NOT NULL AND taken <= within_seconds AS is_met,
           taken IS NOT NULL OR waited > within_seconds AS is_decided
    FROM (
        SELECT r.*, t.target, t.within_seconds,
               CASE WHEN t.working_hours THEN response_working_seconds
                    ELSE response_seconds END AS taken,
               CASE WHEN t.working_hours THEN waiting_working_seconds
                    ELSE waiting_seconds END AS waited
        FROM mart.responses AS r
        JOIN mart.sla_targets AS t
          ON (NOT t.first_only OR r.is_first)
             AND (t.channel IS NULL OR t.channel = r.channel)) AS r)
WHERE is_decided
GROUP BY date, channel, target
