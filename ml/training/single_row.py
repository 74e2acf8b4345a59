"""One row at a time through LightGBM's C API, prepared once (`LGBM_BoosterPredictForMatSingleRowFast`).

Here belongs the call itself: the same trees and the same bits as `Booster.predict`, which makes its settings anew for
each call and takes ten times as long over them as over the trees. What is scored is `model.py`.

lightgbm has no public name for its library's handles, so two private ones are read here and nowhere else.
"""

import ctypes
import weakref
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import lightgbm as lgb

Vector = npt.NDArray[np.float64]
SETTINGS: Final = b"num_threads=1"
_FLOAT64, _RAW_SCORE, _CONTRIBUTIONS = 1, 1, 3
"""`C_API_DTYPE_FLOAT64`, `C_API_PREDICT_RAW_SCORE` and `C_API_PREDICT_CONTRIB` of LightGBM's `c_api.h`."""


class SingleRow:
    """One kind of answer of one booster. May be asked from several threads."""

    def __init__(self, booster: "lgb.Booster", kind: int, answers: int) -> None:
        from lightgbm import basic

        self._booster, self._answers, self.columns = booster, answers, booster.num_feature()
        self._library: Any = basic._LIB  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
        self._call = self._library.LGBM_BoosterPredictForMatSingleRowFast
        self._prepared = ctypes.c_void_p()
        first, every = ctypes.c_int(0), ctypes.c_int(-1)
        columns, settings = ctypes.c_int32(self.columns), ctypes.c_char_p(SETTINGS)
        handle: Any = booster._handle  # pyright: ignore[reportPrivateUsage]
        asked = (handle, ctypes.c_int(kind), first, every, ctypes.c_int(_FLOAT64), columns, settings)
        self._check(self._library.LGBM_BoosterPredictForMatSingleRowFastInit(*asked, ctypes.byref(self._prepared)))
        weakref.finalize(self, self._library.LGBM_FastConfigFree, self._prepared)

    @classmethod
    def raw(cls, booster: "lgb.Booster") -> "SingleRow":
        """Answers (1,): the raw score."""
        return cls(booster, _RAW_SCORE, 1)

    @classmethod
    def contributions(cls, booster: "lgb.Booster") -> "SingleRow":
        """Answers (columns + 1,): each feature's part in the raw score (TreeSHAP), and the average at the end."""
        return cls(booster, _CONTRIBUTIONS, booster.num_feature() + 1)

    def __call__(self, matrix: Vector) -> Vector:
        """The answers about a (1, columns) matrix. Raises `ValueError` for another, `RuntimeError` as LightGBM does."""
        if matrix.shape != (1, self.columns) or matrix.dtype != np.float64:
            raise ValueError(f"Expected one row of {self.columns} float64 columns; got {matrix.shape} {matrix.dtype}.")
        row, found, length = np.ascontiguousarray(matrix), np.empty(self._answers), ctypes.c_int64()
        data, into = ctypes.c_void_p(row.ctypes.data), ctypes.c_void_p(found.ctypes.data)
        self._check(self._call(self._prepared, data, ctypes.byref(length), into))
        return found

    def _check(self, code: int) -> None:
        if code != 0:
            self._library.LGBM_GetLastError.restype = ctypes.c_char_p
            raise RuntimeError(f"LightGBM: {self._library.LGBM_GetLastError().decode()}")
