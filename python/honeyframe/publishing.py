"""Many rows out to the broker: the Python face of the core's RowPublisher."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from . import _core
from .core_call import core_call
from .errors import HoneyframeError, InvalidArgumentError, PublishDenied, PublishManyError
from .row_batches import RowPlan, count_rows, row_batches

if TYPE_CHECKING:
    import pandas as pd

Nulls = Literal["omit", "null"]
OnError = Literal["raise", "collect"]

_NOTED_ROWS: Final = 5


# (row, topic, outcome, reason code, reason string, error)
_Refusal: TypeAlias = tuple[int, str, str, int | None, str, str]


@dataclass(frozen=True, eq=False)
class PublishResult:
    """What :meth:`Client.publish_many` did.

    Attributes:
        rows: how many rows were taken. Of a frame all of them; of an iterable those that it had given when publishing ended.
        published: how many the broker has confirmed; with QoS 0, how many were written to the connection.
        error: why publishing ended before the rows did, or None.
        seconds: how long it took.
    """

    rows: int
    published: int
    error: HoneyframeError | None
    seconds: float
    _refusals: list[_Refusal] = field(repr=False)
    _not_sent: range = field(repr=False)

    @cached_property
    def refused(self) -> pd.DataFrame:
        """A line for each row that was not published, in order: ``rows = published + len(refused)``.

        Returns:
            DataFrame: ``row`` (int64: its position, from 0), ``topic``, ``outcome``, ``reason_code`` (the broker's, ``Int64``),
                ``reason_string`` (the broker's words), ``error`` (what happened, in a sentence). The outcomes:

                - ``"invalid"``: not sent, since the row makes no message: a level of the topic that is null, a number that JSON lacks.
                - ``"refused"``: the broker said no.
                - ``"unacknowledged"``: sent, but the connection, the time or your patience ended before the broker's answer. It may
                  have arrived.
                - ``"not_sent"``: behind the row at which publishing ended.
        """
        import pandas as pd

        row, topic, outcome, code, words, told = zip(*self._refusals, strict=True) if self._refusals else ((),) * 6
        behind = len(self._not_sent)
        why = self.error.message if self.error is not None else "publishing had ended"
        return pd.DataFrame(
            {
                "row": pd.Series([*row, *self._not_sent], dtype="int64"),
                "topic": pd.Series([*(text or None for text in topic), *[None] * behind], dtype="string"),
                "outcome": pd.Series([*outcome, *["not_sent"] * behind], dtype="string"),
                "reason_code": pd.Series([*code, *[None] * behind], dtype="Int64"),
                "reason_string": pd.Series([*(text or None for text in words), *[None] * behind], dtype="string"),
                "error": pd.Series([*told, *[why] * behind], dtype="string"),
            }
        )

    @property
    def ok(self) -> bool:
        """Whether every row was published."""
        return self.error is None and not self._refusals and not self._not_sent

    def __str__(self) -> str:
        text = f"{self.published:,} of {self.rows:,} row{'' if self.rows == 1 else 's'} published in {self.seconds:.1f} s"
        counts = Counter(outcome for _, _, outcome, *_ in self._refusals)
        parts = [f"{counts[outcome]:,} {outcome}" for outcome in _OUTCOMES if counts[outcome]]
        if self._not_sent:
            parts.append(f"{len(self._not_sent):,} not sent")
        return text + (f"; {', '.join(parts)}" if parts else "")

    def __repr__(self) -> str:
        return f"<PublishResult: {self}>"


_OUTCOMES: Final = ("invalid", "refused", "unacknowledged")


def publish_many(
    session: _core.Session,
    rows: Any,
    explain: Callable[[HoneyframeError], None],
    *,
    topic: str | None,
    topic_column: str | None,
    columns: Iterable[str] | None,
    payload_column: str | None,
    sep: str,
    nest: bool,
    nulls: Nulls,
    max_inflight: int | None,
    on_error: OnError,
    timeout: float,
    **message: Any,
) -> PublishResult:
    """See :meth:`Client.publish_many`. ``explain`` completes what ended the session, or kept it waiting."""
    _check(topic, topic_column, nulls, on_error, max_inflight, sep)
    if isinstance(columns, str):
        columns = (columns,)
    plan = RowPlan(
        topic_names=_topic_names(topic, topic_column),
        columns=None if columns is None else tuple(columns),
        payload_column=payload_column or "",
        sep=sep if nest else "",
        null_keys=nulls == "null",
    )
    publisher = core_call(
        _core.publish_rows,
        session,
        topic=topic or "",
        topic_column=topic_column or "",
        columns=None if plan.columns is None else list(plan.columns),
        sep=plan.sep,
        null_keys=plan.null_keys,
        max_inflight=max_inflight or 0,
        **message,
    )
    began = time.monotonic()
    taken = 0
    try:
        for part in row_batches(rows, plan, lambda: publisher.is_idle):
            taken += part.batch.num_rows
            publisher.offer(part.batch, payload_column=part.payload_column, raw_json=part.raw_json, faults=part.faults, timeout=timeout)
            if publisher.ended:
                break
        publisher.finish(timeout)
    except BaseException as error:  # Ctrl-C, or the caller's iterable
        publisher.stop("publishing was given up")
        result = _result(publisher, max(taken, count_rows(rows) or 0), time.monotonic() - began)
        if result.published or result._refusals:
            error.add_note(_note(result))
        raise
    result = _result(publisher, max(taken, count_rows(rows) or 0), time.monotonic() - began)
    if result.error is not None:
        explain(result.error)
    if on_error == "raise" and not result.ok:
        raise _failure(result) from _first_error(result)
    return result


def _check(topic: str | None, topic_column: str | None, nulls: str, on_error: str, max_inflight: int | None, sep: str) -> None:
    for name, value, known in (("nulls", nulls, ("omit", "null")), ("on_error", on_error, ("raise", "collect"))):
        if value not in known:
            raise InvalidArgumentError(f'{name} must be "{known[0]}" or "{known[1]}"; found {value!r}')
    for name, text in (("topic", topic), ("topic_column", topic_column), ("sep", sep)):
        if text is not None and not isinstance(text, str):
            raise InvalidArgumentError(f"{name} takes a str; found {type(text).__name__}")
    if max_inflight is not None and not (isinstance(max_inflight, int) and 1 <= max_inflight <= 0xFFFF):
        raise InvalidArgumentError(f"max_inflight must be 1 to 65535; found {max_inflight!r}")


def _topic_names(topic: str | None, topic_column: str | None) -> tuple[str, ...]:
    if topic_column:
        return (topic_column,)
    return tuple(_core.parse_template(topic)[1]) if topic and "{" in topic else ()


# --- the result


def _result(publisher: _core.RowPublisher, rows: int, seconds: float) -> PublishResult:
    published, tried, refusals, error = publisher.report()
    refusals.sort(key=lambda refusal: refusal[0])
    return PublishResult(rows, published, error if isinstance(error, HoneyframeError) else None, seconds, refusals, range(tried, rows))


def _note(result: PublishResult) -> str:
    open_rows = [row for row, _, outcome, *_ in result._refusals if outcome == "unacknowledged"]
    note = f"publish_many: {result}"
    if open_rows:
        shown = ", ".join(map(str, open_rows[:_NOTED_ROWS])) + (", …" if len(open_rows) > _NOTED_ROWS else "")
        note += f"; in flight, and perhaps arrived: row{'' if len(open_rows) == 1 else 's'} {shown}"
    return note


def _failure(result: PublishResult) -> PublishManyError:
    message = str(result)
    if result._refusals:
        row, *_, told = result._refusals[0]
        message += f"; first: row {row}: {told}"
    elif result.error is not None:
        message += f": {result.error.message}"
    failure = PublishManyError(message, hint='error.result.refused has every such row, with its reason; on_error="collect" returns it.')
    failure.result = result
    return failure


def _first_error(result: PublishResult) -> HoneyframeError | None:
    for _, topic, outcome, code, words, told in result._refusals:
        if outcome == "refused":
            return PublishDenied(told, reason_code=code, reason_string=words, subjects=[topic])
    return result.error
