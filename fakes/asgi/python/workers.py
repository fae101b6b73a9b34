"""The way in which a lifespan mode does reach uvicorn under gunicorn: a worker class of one's own."""

from uvicorn.workers import UvicornWorker


class LifespanOff(UvicornWorker):
    CONFIG_KWARGS = {**UvicornWorker.CONFIG_KWARGS, "lifespan": "off"}


class LifespanOn(UvicornWorker):
    CONFIG_KWARGS = {**UvicornWorker.CONFIG_KWARGS, "lifespan": "on"}
