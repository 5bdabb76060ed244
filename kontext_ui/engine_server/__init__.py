"""This machine's engine for others: one process per GPU, behind any load balancer."""

from kontext_ui.engine_server.app import EngineServer

__all__ = ["EngineServer"]
