from launch_stage import gate, room
from tui_stage import same_environment, settings

__all__ = ["gate", "room", "same_environment", "settings"]
