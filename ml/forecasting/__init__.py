"""Forecasts of census and nurse demand: history in as numpy or pyarrow columns, forecasts out with intervals.

Pure: the clock, the seed and the time zone are arguments. Here belong features, fitting, intervals, bed demand,
fallback tiers and the model's files. What is forecast and why is written in `ml/usecases`; whether it is good enough
is judged by `evaluation`; rosters are `ml/rostering`.

Every exception of this package descends from :class:`ForecastError`::

    ForecastError
    ├── BadHistory        a column, a date or a value that cannot be; the message names the row
    ├── NotEnoughHistory  too few known days to learn or to forecast from
    └── ModelRefused      a model folder that is not what was saved
"""


class ForecastError(Exception):
    """Root of the exceptions of this package; its message is a sentence that a person can act on."""


class BadHistory(ForecastError):
    """The history holds what cannot be; the message says where and what was expected."""


class NotEnoughHistory(ForecastError):
    """There are too few known days; the message says how many are needed."""


class ModelRefused(ForecastError):
    """The folder holds no model of this version, or another one than was signed."""
