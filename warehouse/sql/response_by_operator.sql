-- One row a date and operator who answered turns of it: how soon. A turn belongs to who answered it.
--
-- date: The day that the clients' messages were written on.
-- operator_id: Who answered; '': not told.
-- turns: Turns of mart.responses.
-- turns_answered: Those that an operator answered.
-- first_response_median_seconds: Median of the first responses; NULL: there was none.
-- first_response_p90_seconds: What nine of ten first responses took at most, interpolated.
-- first_response_working_median_seconds: The same median of working time.
-- first_response_working_p90_seconds: The same ninth tenth of working time.
-- response_median_seconds: Median of all responses; NULL: there was none.
-- response_p90_seconds: What nine of ten responses took at most, interpolated.
-- response_working_median_seconds: The same median of working time.
-- response_working_p90_seconds: The same ninth tenth of working time.
SELECT date, operator_id, count(*) AS turns, count(response_seconds) AS turns_answered,
       quantile_cont(response_seconds, 0.5) FILTER (WHERE is_first)
           AS first_response_median_seconds,
       quantile_cont(response_seconds, 0.9) FILTER (WHERE is_first)
           AS first_response_p90_seconds,
       quantile_cont(response_working_seconds, 0.5) FILTER (WHERE is_first)
           AS first_response_working_median_seconds,
       quantile_cont(response_working_seconds, 0.9) FILTER (WHERE is_first)
           AS first_response_working_p90_seconds,
       quantile_cont(response_seconds, 0.5) AS response_median_seconds,
       quantile_cont(response_seconds, 0.9) AS response_p90_seconds,
       quantile_cont(response_working_seconds, 0.5) AS response_working_median_seconds,
       quantile_cont(response_working_seconds, 0.9) AS response_working_p90_seconds
FROM mart.responses
WHERE operator_id IS NOT NULL
GROUP BY date, operator_id
