"""A week's figures from the export files alone, in plain pandas: nothing of the pipeline is used.

    python tests/acceptance/weekbypandas.py DATA/raw/chats 2026-11-16 2026-11-22

The files are the sandbox's: semicolon-separated, Russian headers. What the figures mean is in
docs/definitions.md; here it is said once more, in other words. Working time is Monday to Friday,
09:00 to 18:00; the target is a first answer within 15 minutes of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

OPENS, CLOSES, TARGET_SECONDS = 9 * 3600, 18 * 3600, 15 * 60
_EPOCH = np.datetime64("2000-01-03", "D")  # a Monday


def messages(raw: Path) -> pd.DataFrame:
    """All messages of all days, each once, in the order of their threads."""
    files = [
        pd.read_csv(path, sep=";", dtype=str, keep_default_na=False) for path in raw.glob("*/*.csv")
    ]
    found = pd.concat(files).drop_duplicates("ID сообщения")
    found["at"] = pd.to_datetime(found["Дата и время"], dayfirst=True, format="mixed")
    found["out"] = found["Направление"] == "Исходящее"
    found["client"] = found["Клиент"].where(found["Клиент"] != "", found["ID чата"])
    return found.sort_values(["ID чата", "at", "out", "ID оператора"]).reset_index(drop=True)


def working_seconds(moments: pd.Series[Any]) -> pd.Series[Any]:
    """Seconds of working time from an old Monday until each moment."""
    days = moments.dt.normalize().to_numpy().astype("datetime64[D]")
    whole = np.busday_count(_EPOCH, days) * (CLOSES - OPENS)
    second = (moments - moments.dt.normalize()).dt.total_seconds()
    part = second.clip(OPENS, CLOSES) - OPENS
    return pd.Series(whole, moments.index) + part.where(moments.dt.day_of_week < 5, 0)


def turns(found: pd.DataFrame) -> pd.DataFrame:
    """A row for each question that waited: when it was asked, answered, and by whom."""
    chat = found["ID чата"]
    before = found["out"].groupby(chat).shift(1)
    asks = found[~found["out"] & (before.isna() | before.eq(True))].copy()
    answers = found["at"].where(found["out"]).groupby(chat).bfill()
    who = found["ID оператора"].where(found["out"]).groupby(chat).bfill()
    asks["answered"], asks["operator"] = answers[asks.index], who[asks.index]
    asks["first"] = ~asks["ID чата"].duplicated()
    asks["seconds"] = (asks["answered"] - asks["at"]).dt.total_seconds()
    end = pd.Series(found["at"].max(), asks.index)
    until = asks["answered"].fillna(end)
    asks["working"] = working_seconds(until) - working_seconds(asks["at"])
    return asks


def week(raw: Path, first: str, last: str) -> dict[str, Any]:
    """The figures of the days `first` to `last`, both included."""
    found = messages(raw)
    day = found["at"].dt.normalize()
    there = found[day.between(first, last)]
    asked = found[~found["out"]]
    began = asked.groupby("client")["at"].min().dt.normalize()
    wrote = there.loc[~there["out"], "client"].unique()
    new = began[wrote].between(first, last)
    opened = found.groupby("ID чата")["at"].min().dt.normalize()
    threads = opened[opened.between(first, last)].index
    question = asked.groupby("ID чата")["at"].min().reindex(threads)
    answer = found[found["out"]].groupby("ID чата")["at"].max().reindex(threads)
    answered = question.notna() & answer.ge(question)
    all_turns = turns(found)
    told = all_turns[all_turns["at"].dt.normalize().between(first, last)]
    done = told[told["answered"].notna()]
    decided = told[told["first"] & (told["answered"].notna() | (told["working"] > TARGET_SECONDS))]
    met = decided["answered"].notna() & (decided["working"] <= TARGET_SECONDS)
    return {
        "messages_in": int((~there["out"]).sum()),
        "messages_out": int(there["out"].sum()),
        "threads_opened": len(threads),
        "threads_answered": int(answered.sum()),
        "threads_unanswered": int((question.notna() & ~answered).sum()),
        "clients": len(wrote),
        "clients_new": int(new.sum()),
        "clients_returning": int((~new).sum()),
        "turns": len(told),
        "turns_answered": len(done),
        **_quantiles("first_response", done[done["first"]]),
        **_quantiles("response", done),
        "sla_turns": len(decided),
        "sla_met": int(met.sum()),
        "by_date": there.groupby(day)["out"].agg(lambda out: int((~out).sum())).tolist(),
        "answers_by_operator": done.groupby("operator").size().to_dict(),
        "messages_by_operator": there[there["out"]].groupby("ID оператора").size().to_dict(),
    }


def _quantiles(name: str, done: pd.DataFrame) -> dict[str, float]:
    found = {}
    for column, prefix in (("seconds", name), ("working", f"{name}_working")):
        found[f"{prefix}_median_seconds"] = float(done[column].quantile(0.5))
        found[f"{prefix}_p90_seconds"] = float(done[column].quantile(0.9))
    return found


if __name__ == "__main__":
    print(json.dumps(week(Path(sys.argv[1]), *sys.argv[2:4]), ensure_ascii=False, indent=1))
