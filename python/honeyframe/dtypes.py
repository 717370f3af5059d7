"""From Arrow to pandas: which dtype each type becomes, whatever a batch happens to hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

DtypeBackend: TypeAlias = Literal["numpy_nullable", "pyarrow"]


def to_pandas(table: pa.Table, *, dtype_backend: DtypeBackend | None = None, categories: bool = False) -> pd.DataFrame:
    """The table as a DataFrame.

    =============  ========================  ==================  =======================
    type           by default                numpy_nullable      pyarrow
    =============  ========================  ==================  =======================
    bool           boolean                   boolean             bool[pyarrow]
    int64, uint64  Int64, UInt64             Int64, UInt64       int64[pyarrow], …
    float64        float64 (null: NaN)       Float64             double[pyarrow]
    string         string (Arrow-backed)     string              string[pyarrow]
    timestamp      datetime64[ns, UTC]       the same            timestamp[ns, tz=UTC]
    binary         binary[pyarrow]           the same            the same
    list           list<…>[pyarrow]          the same            the same
    null           object (all None)         the same            null[pyarrow]
    =============  ========================  ==================  =======================

    The string dtype is ``StringDtype("pyarrow")``, whose missing value is ``pandas.NA``, under pandas 2 and 3 alike: pandas 3's own
    default, ``str``, has NaN there. No value takes a detour through float64.

    Args:
        dtype_backend: as in ``pandas.read_csv``.
        categories: ``_topic`` becomes a category of the topics present, in the order of their first appearance.

    Raises:
        InvalidArgumentError: no such ``dtype_backend``.
    """
    import pandas as pd
    import pyarrow as pa

    check_dtype_backend(dtype_backend)
    mapper = _mapper(dtype_backend)
    position = table.schema.get_field_index("_topic") if categories else -1
    topics = table.column(position) if position >= 0 else None
    if topics is not None and pa.types.is_string(topics.type):
        table = table.remove_column(position)
    else:
        topics = None
    frame: pd.DataFrame = table.to_pandas(types_mapper=mapper)
    if topics is not None:
        frame.insert(position, "_topic", pd.Series(_categorical(topics), index=frame.index))
    return frame


def frame_of(rows: Iterable[Mapping[str, Any]], types: Mapping[str, str]) -> pd.DataFrame:
    """Rows of plain values as a DataFrame; ``types``: of each column ``string``, ``int64``, ``float64`` or ``bool``."""
    import pyarrow as pa

    plain = [{name: _utf8(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows]
    return to_pandas(pa.Table.from_pylist(plain, schema=pa.schema(list(types.items()))))


def _utf8(text: str) -> str:
    """Half of a surrogate pair, as JSON may have it, spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


def check_dtype_backend(dtype_backend: object) -> None:
    """Raises InvalidArgumentError where pandas has no such backend: before the reading, not after it."""
    if dtype_backend not in (None, "numpy_nullable", "pyarrow"):
        raise InvalidArgumentError(f'dtype_backend must be "numpy_nullable", "pyarrow" or None; found {dtype_backend!r}')


def _mapper(dtype_backend: DtypeBackend | None) -> Any:
    import pandas as pd
    import pyarrow as pa

    if dtype_backend == "pyarrow":
        return pd.ArrowDtype
    dtypes = {
        pa.bool_(): pd.BooleanDtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
        pa.string(): pd.StringDtype("pyarrow"),
    }
    if dtype_backend == "numpy_nullable":
        dtypes[pa.float64()] = pd.Float64Dtype()

    def dtype_of(kind: pa.DataType) -> Any:
        if pa.types.is_list(kind) or pa.types.is_binary(kind):
            return pd.ArrowDtype(kind)
        return dtypes.get(kind)  # None: as pyarrow does it

    return dtype_of


def _categorical(topics: pa.ChunkedArray) -> pd.Categorical:
    import pandas as pd
    import pyarrow as pa

    encoded = topics.dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # no chunk at all
        encoded = pa.array([], pa.string()).dictionary_encode()
    names = pd.Index(encoded.dictionary.to_pandas(types_mapper=lambda _: pd.StringDtype("pyarrow")))
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(codes, categories=names)
