"""Each module has `run(world, report)`; `ALL` is their order."""

from . import admin_clients, admin_tools, consume, cross, files, groups, groups_tools, produce, restart

ALL = [admin_tools, cross, produce, consume, admin_clients, groups, groups_tools, restart, files]
